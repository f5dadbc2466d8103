"""Re-entry: a token that calls any verb of the market in the middle of any transfer.

The token is given every part that there is: owner, driver, arbiter, guardian, attester, admin. So
each inner call would succeed alone, and whatever it does it does inside somebody else's transfer.
"""

from functools import cached_property

import pytest
from brownie import HookedToken, PermitToken
from support.attacks import (
    Books,
    attack,
    deal,
    name_arbiter,
    nothing_gained,
    occupancy,
    owed,
    plate_of,
    refusal,
    sender_of,
    take,
    undone,
)
from support.clock import DAY, HOUR, MONDAY, reach
from support.errors import reverts
from support.forms import terms_form
from support.keys import key
from support.world import START

TEN = MONDAY + 10 * HOUR
#: The moment of the attack: a week after START, one hour after the start of the token's lease.
LATER = START + 7 * 96
NOW = LATER * 900 + HOUR
FOREVER = 2**256 - 1
NO_PERMIT = (0, 0, 27, bytes(32), bytes(32))
SPARE = key("spare lock")

#: Verbs that move tokens: inside a transfer they make the market's count wrong, and revert it.
MOVING = {
    "deposit",
    "depositFor",
    "depositWithPermit",
    "withdraw",
    "payout",
    "payoutBatch",
    "withdrawFees",
}


class Stage:
    """A market over a hooked token that takes part in everything."""

    def __init__(self, world):
        self.world = hooked = world.second_market(HookedToken.deploy({"from": world.deployer}))
        market, token = hooked.market, hooked.asset
        self.token = token
        self.me = sender_of(token)
        token.mint(token, 10**12, {"from": hooked.driver})
        self.act(token, token.approve, market, FOREVER)
        self.plate = plate_of(token)
        market.registerVehicle(hooked.vehicle(token, self.plate), {"from": self.me})
        for role in (market.DEFAULT_ADMIN_ROLE(), market.GUARDIAN_ROLE(), market.ARBITER_ROLE()):
            market.grantRole(role, token, {"from": hooked.admin})
        name_arbiter(hooked)
        market.setAttester(99, token, 7, {"from": hooked.admin})
        market.depositFor(token, 10**9, {"from": hooked.driver})
        market.setAutoPayout(True, {"from": self.me})

        self.space = hooked.register(2, owner=str(token))
        hooked.offer(self.space, sender=self.me)
        self.theirs = hooked.register(3)  # of the world's owner
        hooked.offer(self.theirs)
        self.delisted = hooked.register(4)
        market.delist(self.delisted, {"from": hooked.owner})
        self.old = self.take(self.theirs, START)
        self.running = self.take(self.theirs, LATER)
        self.future = self.take(self.theirs, LATER + 96)
        self.mine = take(hooked, self.space, LATER, hooked.driver)
        self.fee_payer = take(hooked, self.theirs, START + 16, hooked.driver)
        self.outer = take(hooked, self.theirs, LATER + 48, hooked.driver)
        reach((START + 16) * 900 + 60)
        hooked.leave(self.fee_payer, (START + 16) * 900, (START + 16) * 900 + 60)
        reach(NOW)
        self.disputed = self.running
        block = market.blockSlots(self.space, LATER + 100, 4, {"from": self.me})
        self.block = block.events["Blocked"]["leaseId"]
        # what the first stay gave back would pay for everything without the token
        market.withdraw(hooked.driver, market.creditOf(hooked.driver), {"from": hooked.driver})
        market.deposit(5_000, {"from": hooked.driver})
        market.setAutoPayout(True, {"from": hooked.driver})

    def act(self, target, method, *arguments):
        return self.token.act(target, method.encode_input(*arguments), {"from": self.world.driver})

    def take(self, space, start):
        return take(self.world, space, start, self.me, plate=self.plate)

    @cached_property
    def inner(self) -> dict[str, tuple]:
        """Every verb that changes anything, with arguments that are right for the token."""
        w, token = self.world, str(self.token)
        seen, signature = occupancy(w, self.mine, 3, LATER * 900, LATER * 900)
        request = w.request(self.theirs, LATER + 300, plate=self.plate).form()
        vehicle = w.vehicle(token, self.plate)
        lock = w.lock_proof(self.space, SPARE, owner=token)
        return {
            "registerSpace": (w.registration(5, owner=token).form(),),
            "registerVehicle": (vehicle,),
            "publishOffer": (self.space, terms_form()),
            "withdrawOffers": (self.space, 2),
            "lease": (request,),
            "leaseWithVehicle": (request, vehicle),
            "leaseWithPermit": (request, vehicle, NO_PERMIT),
            "extend": ((self.running, 1, 0, self.plate, FOREVER),),
            "changeVehicle": (self.running, self.plate),
            "cancel": (self.future,),
            "ownerCancel": (self.mine,),
            "record": (seen, signature),
            "recordBatch": ([seen], [signature]),
            "close": (self.old,),
            "closeBatch": ([self.old],),
            "dispute": (self.mine,),
            "resolve": (self.disputed, 1_000),
            "agree": ((self.future, 0, 0, FOREVER), b"", b""),
            "blockSlots": (self.space, LATER + 200, 4),
            "unblock": (self.block,),
            "setManager": (self.space, w.stranger),
            "rotateLock": (self.space, lock),
            "takeOver": (w.registration(2, owner=token).form(),),
            "delist": (self.space,),
            "release": (self.delisted,),
            "deposit": (300,),
            "depositFor": (w.stranger, 300),
            "depositWithPermit": (300, NO_PERMIT),
            "withdraw": (w.stranger, 400),
            "setAutoPayout": (False,),
            "payout": (token,),
            "payoutBatch": ([token],),
            "setFee": (1,),
            "withdrawFees": (w.stranger, 10),
            "setAttester": (98, w.stranger, 1),
            "revokeAttester": (99,),
            "revokeAttestation": (99, 1),
            "pause": (),
            "unpause": (),
            "grantRole": (bytes(32), w.stranger),
            "revokeRole": (bytes(32), w.stranger),
            "renounceRole": (bytes(32), token),
        }

    @cached_property
    def outer_calls(self) -> dict[str, tuple]:
        """Every verb that calls the token, by people who are not the token."""
        w = self.world
        request = w.request(self.theirs, LATER + 320).form(kwh=9)
        longer = (self.outer, 2, 9, w.plate, FOREVER)
        return {
            "deposit": ((500,), w.driver),
            "depositFor": ((w.guardian, 500), w.driver),
            "depositWithPermit": ((500, NO_PERMIT), w.driver),
            "lease": ((request,), w.driver),
            "leaseWithVehicle": ((request, w.vehicle()), w.driver),
            "leaseWithPermit": ((request, w.vehicle(), NO_PERMIT), w.driver),
            "extend": ((longer,), w.driver),
            "withdraw": ((w.driver, 5_000), w.driver),
            "payout": ((w.driver,), w.stranger),
            "payoutBatch": (([w.driver],), w.stranger),
            "withdrawFees": ((w.guardian, 10), w.admin),
        }


#: Verbs that call the token, in and out, in both parts: every verb is tried inside each of these.
THOROUGH = ["deposit", "extend", "withdraw", "payoutBatch"]
#: Those that are tried inside every other verb that calls the token.
INTRUDERS = ["withdraw", "deposit", "lease", "cancel"]


@attack(3)
class TestReentry:
    @pytest.fixture
    def stage(self, world):
        return Stage(world)

    def prepare(self, stage, verb):
        """What an inner verb needs before it could succeed alone."""
        market = stage.world.market
        if verb == "release":
            reach(MONDAY + 99 * DAY)
        elif verb == "resolve":
            market.dispute(stage.disputed, {"from": stage.me})
        elif verb == "agree":
            # both its driver and its payee
            own = stage.take(stage.space, LATER + 60)
            return deal(stage.world, own, 0), b"", b""
        elif verb == "unpause":
            market.pause({"from": stage.me})
        return None

    def test_every_verb_of_the_market_is_tried(self, stage):
        """A verb that is added later must be added here."""
        verbs = {
            entry["name"]
            for entry in stage.world.market.abi
            if entry["type"] == "function" and entry["stateMutability"] not in ("view", "pure")
        }
        assert set(stage.inner) == verbs

    def test_each_of_them_succeeds_alone(self, stage):
        """Otherwise an inner call that fails would prove nothing."""
        market, failed = stage.world.market, {}
        for verb, arguments in stage.inner.items():
            with undone():
                right = self.prepare(stage, verb) or arguments
                if reason := refusal(stage.act, market, getattr(market, verb), *right):
                    failed[verb] = reason
        assert failed == {}

    @pytest.mark.parametrize("outer", THOROUGH)
    def test_no_verb_called_inside_a_transfer_moves_a_unit_out_of_the_books(self, stage, outer):
        """In and out, in both parts of the market."""
        entered = {verb for verb in stage.inner if self.enters(stage, outer, verb)}
        assert entered == set(stage.inner) - MOVING - {"agree", "release", "unpause"}

    def test_nor_inside_any_other_verb_that_calls_the_token(self, stage):
        for outer in set(stage.outer_calls) - set(THOROUGH):
            entered = {verb for verb in INTRUDERS if self.enters(stage, outer, verb)}
            assert entered == set(INTRUDERS) - MOVING, outer

    def enters(self, stage, outer: str, verb: str) -> bool:
        """Runs one verb inside another; did the inner one stand?"""
        if verb in ("agree", "release", "unpause"):
            return False  # they need another moment, were tried alone above, and call no token
        world, market, token = stage.world, stage.world.market, stage.token
        arguments, sender = stage.outer_calls[outer]
        with undone():
            inner = self.prepare(stage, verb) or stage.inner[verb]
            token.arm(market, getattr(market, verb).encode_input(*inner), {"from": world.driver})
            reason = refusal(getattr(market, outer), *arguments, {"from": sender})
            # if at all, it reverts because the market noticed that another amount had moved
            assert not reason or "Berth_TokenAmount" in reason, f"{verb}: {reason}"
            assert token.balanceOf(market) == owed(world), (outer, verb)
            return token.succeeded()

    def test_a_lease_is_whole_before_its_token_is_asked_for(self, stage):
        """The token cancels nothing that is not its own, and sees a lease that is already there."""
        world, market, token = stage.world, stage.world.market, stage.token
        future = (stage.theirs << 32 | LATER + 320) << 16 | 1
        for verb in ("close", "cancel", "dispute", "ownerCancel"):
            with undone():
                data = getattr(market, verb).encode_input(future)
                token.arm(market, data, {"from": world.driver})
                assert take(world, stage.theirs, LATER + 320, kwh=9) == future
                assert not token.succeeded()
                assert future in Books.of(market).deposits
                assert token.balanceOf(market) == owed(world)

    def test_credit_that_has_not_been_paid_yet_buys_nothing(self, stage):
        """Credit is written before the token is asked: in between it must not turn into money."""
        world, market, token = stage.world, stage.world.market, stage.token
        market.withdraw(world.stranger, market.creditOf(token), {"from": stage.me})
        token.arm(market, market.withdraw.encode_input(world.stranger, 700), {"from": world.driver})
        with nothing_gained(world, token, world.stranger), reverts("TokenAmount", 700, 0):
            stage.act(market, market.deposit, 700)
        assert market.creditOf(token) == 0


@attack(3)
class TestPermitReentry:
    """A permit is the token's code too, called before anything has happened."""

    @pytest.fixture
    def hooked(self, world):
        return world.second_market(PermitToken.deploy({"from": world.deployer}))

    def test_a_deposit_inside_the_permit_is_a_deposit_of_its_own(self, hooked):
        market, token = hooked.market, hooked.asset
        token.mint(token, 1_000, {"from": hooked.driver})
        me = sender_of(token)
        token.approve(market, FOREVER, {"from": me})
        token.arm(market, market.deposit.encode_input(1_000), {"from": hooked.driver})
        with nothing_gained(hooked, token, hooked.stranger, losses={hooked.driver: 0}):
            market.depositWithPermit(500, NO_PERMIT, {"from": hooked.driver})
            assert token.succeeded()
        assert (market.creditOf(token), market.creditOf(hooked.driver)) == (1_000, 500)

    def test_a_lease_of_the_same_slots_inside_the_permit_comes_first_and_alone(self, hooked):
        market, token = hooked.market, hooked.asset
        space = hooked.register(2)
        hooked.offer(space)
        plate = plate_of(token)
        me = sender_of(token)
        token.mint(token, 10**9, {"from": hooked.driver})
        token.approve(market, FOREVER, {"from": me})
        market.registerVehicle(hooked.vehicle(token, plate), {"from": me})
        inner = market.lease.encode_input(hooked.request(space, plate=plate).form())
        token.arm(market, inner, {"from": hooked.driver})
        with (
            nothing_gained(hooked, token, losses={hooked.driver: 0}),
            reverts("CalendarTaken", space, START, 8),
        ):
            market.leaseWithPermit(
                hooked.request(space).form(),
                hooked.vehicle(),
                NO_PERMIT,
                {"from": hooked.driver},
            )
