"""Attacks on time and order: deadlines, races, double settlement, and a pause in the middle."""

import pytest
from berth.core import tariff
from brownie import ScriptedWallet
from support.attacks import (
    agreed,
    attack,
    deal,
    name_arbiter,
    nothing_gained,
    occupancy,
    person,
    plate_of,
    refusal,
    take,
    undone,
)
from support.clock import HOUR, MONDAY, at, reach
from support.errors import reverts
from support.forms import TERMS, terms_form
from support.world import START

TEN = MONDAY + 10 * HOUR
NOON = TEN + 2 * HOUR
T1 = NOON + 60 * TERMS.reserve_minutes + 24 * HOUR
T2 = T1 + 48 * HOUR
T3 = T2 + 7 * 24 * HOUR
DEPOSIT = tariff.deposit(TERMS, 8, 20)
RENT = 8 * TERMS.price_per_slot
ARRIVED, LEFT, BLOCKED, NOSHOW = 1, 2, 3, 4
FOREVER = 2**256 - 1


class Verbs:
    """Every verb on one lease as a call that may be tried without doing it."""

    def __init__(self, world, lease: int, arbiter):
        self.world, self.lease, self.arbiter = world, lease, arbiter

    def _record(self, kind, from_, until, energy=0):
        seen, signature = occupancy(self.world, self.lease, kind, from_, until, energy)
        return self.world.market.record, (seen, signature), self.world.stranger

    def call(self, verb: str) -> tuple:
        world, market, lease = self.world, self.world.market, self.lease
        return {
            "cancel": lambda: (market.cancel, (lease,), world.driver),
            "ownerCancel": lambda: (market.ownerCancel, (lease,), world.owner),
            "extend": lambda: (
                market.extend,
                ((lease, 1, 0, world.plate, FOREVER),),
                world.driver,
            ),
            "changeVehicle": lambda: (market.changeVehicle, (lease, world.plate), world.driver),
            "dispute": lambda: (market.dispute, (lease,), world.driver),
            "resolve": lambda: (market.resolve, (lease, 0), self.arbiter),
            "close": lambda: (market.close, (lease,), world.stranger),
            "arrived": lambda: self._record(ARRIVED, TEN, TEN),
            "left": lambda: self._record(LEFT, TEN, NOON),
            "blocked": lambda: self._record(BLOCKED, TEN, TEN),
            "noShow": lambda: self._record(NOSHOW, TEN, NOON),
        }[verb]()

    def do(self, verb: str):
        method, arguments, sender = self.call(verb)
        return method(*arguments, {"from": sender})

    def legal(self, verb: str) -> bool:
        """Now, in the latest block."""
        method, arguments, sender = self.call(verb)
        reason = refusal(method.call, *arguments, {"from": sender})
        late = "Berth_OutOfTime" in reason or "Berth_EvidenceTime" in reason
        assert late or not reason, f"{verb}: {reason}"
        return not reason


@attack(2)
class TestDeadlines:
    """At every deadline the earlier verb is illegal and the later legal: no second has both or
    neither, so nobody can choose the dearer end or be left without one."""

    @pytest.mark.parametrize(
        ("prepare", "deadline", "earlier", "later"),
        [
            ((), TEN, "cancel", "dispute"),
            ((), NOON, "extend", "noShow"),
            (("arrived",), NOON, "changeVehicle", "left"),
            ((), T1, "arrived", "close"),
            ((), T1, "left", "close"),
            ((), T1, "blocked", "close"),
            ((), T1, "noShow", "close"),
            ((), T1, "ownerCancel", "close"),
            ((), T1, "dispute", "close"),
            (("arrived",), T1, "left", "close"),
            (("arrived",), T1, "dispute", "close"),
            (("claim",), T2, "dispute", "close"),
            (("dispute",), T3, "resolve", "close"),
            (("arrived", "dispute"), T3, "resolve", "close"),
            (("claim", "dispute"), T3, "resolve", "close"),
            (("dispute", "noShow"), T3, "resolve", "close"),
        ],
    )
    def test_exactly_one_of_two_verbs_is_legal_in_the_second_before_and_at_it(
        self, world, market, space, prepare, deadline, earlier, later
    ):
        arbiter = name_arbiter(world)
        market.depositFor(world.owner, DEPOSIT, {"from": world.stranger})
        verbs = Verbs(world, take(world, space, kwh=20), arbiter)
        if prepare:
            reach(TEN + 1)
        for step in prepare:
            if step == "claim":
                reach(NOON + HOUR)
                world.leave(verbs.lease, TEN, NOON + 1800)
            elif step == "noShow":
                reach(NOON)
                verbs.do("noShow")
            else:
                verbs.do(step)
        reach(deadline - 1)
        assert (verbs.legal(earlier), verbs.legal(later)) == (True, False)
        reach(deadline)
        assert (verbs.legal(earlier), verbs.legal(later)) == (False, True)

    def test_a_driver_cannot_cancel_in_the_second_in_which_it_starts(self, world, market, space):
        lease = take(world, space)
        at(TEN)
        with (
            nothing_gained(world, world.driver, losses={world.owner: 0}),
            reverts("OutOfTime", lease, 0, TEN, TEN),
        ):
            market.cancel(lease, {"from": world.driver})

    def test_a_dispute_in_the_last_second_stops_the_close_of_the_next(self, world, market, space):
        """An owner who wants to keep a driver's deposit busy may do so until T3, and gets nothing
        for it."""
        lease = take(world, space, kwh=20)
        reach(T1 - 2)
        with nothing_gained(world, world.owner, losses={world.driver: 0}):
            market.dispute(lease, {"from": world.owner})
            with reverts("OutOfTime", lease, T3, FOREVER, T1):
                market.close(lease, {"from": world.driver})
            reach(T3 - 1)
            market.close(lease, {"from": world.driver})
            assert market.creditOf(world.driver) == DEPOSIT


@attack(4)
class TestRaces:
    """Two ends of one lease in one block: the first counts, the second finds nothing."""

    @pytest.mark.parametrize(
        ("disputed", "time", "ends"),
        [
            (False, TEN - 60, ("cancel", "ownerCancel", "agree")),
            (False, TEN + HOUR, ("left", "blocked", "ownerCancel", "agree")),
            (False, NOON + 60, ("left", "blocked", "noShow", "ownerCancel", "agree")),
            (False, T1, ("close", "agree")),
            (True, TEN + HOUR, ("resolve", "agree", "blocked")),
            (True, T1, ("resolve", "agree")),
            (True, T3, ("close", "agree")),
        ],
    )
    def test_whoever_comes_first_the_deposit_is_paid_out_once(
        self, world, market, space, disputed, time, ends
    ):
        arbiter = name_arbiter(world)
        driver, key = person(world, "driver with a key")
        market.depositFor(world.owner, DEPOSIT, {"from": world.stranger})
        lease = take(world, space, sender=driver, kwh=20)
        if disputed:
            reach(TEN + 1)
            market.dispute(lease, {"from": driver})
        reach(time)
        agreement = deal(world, lease, RENT)
        consent = agreed(world, agreement, key)
        calls = {
            "cancel": (market.cancel, (lease,), driver),
            "ownerCancel": (market.ownerCancel, (lease,), world.owner),
            "close": (market.close, (lease,), world.stranger),
            "resolve": (market.resolve, (lease, DEPOSIT), arbiter),
            "agree": (market.agree, (agreement, consent, b""), world.owner),
            "left": self.seen(world, lease, LEFT, TEN, TEN + HOUR),
            "blocked": self.seen(world, lease, BLOCKED, TEN, TEN),
            "noShow": self.seen(world, lease, NOSHOW, TEN, NOON),
        }
        parties = (driver, world.owner, world.stranger)
        for first in ends:
            with undone():
                method, arguments, sender = calls[first]
                settled = method(*arguments, {"from": sender}).events["Settled"]
                share = settled["rent"] + settled["overstay"] + settled["energy"]
                assert share + settled["refund"] == DEPOSIT
                state = market.leaseOf(lease)[1]
                assert state in (4, 5)
                with nothing_gained(world, *parties, losses=dict.fromkeys(parties, 0)):
                    for second in ends:
                        method, arguments, sender = calls[second]
                        with reverts("WrongState", lease, state):
                            method(*arguments, {"from": sender})
                assert market.ledger()[1] == 1

    @staticmethod
    def seen(world, lease, kind, from_, until):
        record, signature = occupancy(world, lease, kind, from_, until)
        return world.market.record, (record, signature), world.stranger

    def test_a_claim_is_settled_once_whoever_ends_it(self, world, market, space):
        arbiter = name_arbiter(world)
        lease = take(world, space, kwh=20)
        reach(NOON + HOUR)
        with nothing_gained(world, world.owner, world.driver):
            world.leave(lease, TEN, NOON + 1800, 5_000)
            with reverts("WrongState", lease, 3):
                world.leave(lease, TEN, NOON, 0)
            with reverts("WrongState", lease, 3):
                world.arrive(lease, TEN)
            market.close(lease, {"from": world.driver})
            reach(T2)
            for verb, arguments, sender in (
                (market.close, (lease,), world.stranger),
                (market.dispute, (lease,), world.driver),
                (market.resolve, (lease, 0), arbiter),
            ):
                with reverts("WrongState", lease, 4):
                    verb(*arguments, {"from": sender})

    def test_cancelling_and_booking_in_turn_within_a_transaction_ends_where_it_began(
        self, world, market, space
    ):
        """A contract books and cancels twenty times in one transaction."""
        wallet = ScriptedWallet.deploy(world.stranger, {"from": world.stranger})
        market.depositFor(wallet, DEPOSIT, {"from": world.stranger})
        plate = plate_of(wallet)
        vehicle = market.registerVehicle.encode_input(world.vehicle(wallet, plate))
        request = world.request(space, plate=plate, kwh=20).form()
        story = [vehicle]
        for epoch in range(1, 21):
            story.append(market.lease.encode_input(request))
            story.append(market.cancel.encode_input(((space << 32 | START) << 16) | epoch))
        with nothing_gained(world, wallet, world.stranger, losses={world.owner: 0}):
            wallet.act(market, story, {"from": world.stranger})
            assert market.creditOf(wallet) == DEPOSIT
        assert take(world, space) & 0xFFFF == 21


@attack(16)
class TestPause:
    """A guardian who turned against everybody: new business stops, no exit does."""

    def test_every_exit_and_every_change_works_while_paused(self, world, market, asset, space):
        arbiter = name_arbiter(world)
        driver, key = person(world, "driver with a key")
        market.depositFor(world.owner, 10 * DEPOSIT, {"from": world.stranger})
        starts = [START + 8 * number for number in range(9)]
        leases = [take(world, space, start, driver) for start in starts]
        with nothing_gained(world, world.guardian, losses={driver: 8 * DEPOSIT}):
            market.pause({"from": world.guardian})
            block = market.blockSlots(space, START + 100, 4, {"from": world.owner}).events[
                "Blocked"
            ]
            market.unblock(block["leaseId"], {"from": world.owner})
            market.extend((leases[8], 1, 3, plate_of(driver), FOREVER), {"from": driver})
            market.changeVehicle(leases[8], plate_of(driver), {"from": driver})
            market.cancel(leases[0], {"from": driver})
            market.ownerCancel(leases[1], {"from": world.owner})
            reach(starts[5] * 900)
            self.record(world, leases[2], LEFT, starts[2] * 900, starts[3] * 900)
            self.record(world, leases[3], BLOCKED, starts[3] * 900, starts[3] * 900)
            self.record(world, leases[4], NOSHOW, starts[4] * 900, starts[5] * 900)
            market.dispute(leases[5], {"from": driver})
            market.resolve(leases[5], 0, {"from": arbiter})
            reach(starts[6] * 900)
            market.dispute(leases[6], {"from": driver})
            agreement = deal(world, leases[6], RENT)
            market.agree(agreement, agreed(world, agreement, key), b"", {"from": world.owner})
            reach(starts[8] * 900 + 9 * 900 + 60 * TERMS.reserve_minutes + 24 * HOUR)
            assert market.config()[1] > starts[8] * 900 + 26 * HOUR, "still paused"
            market.closeBatch(leases[7:], {"from": world.stranger})
            for account in (driver, world.owner):
                market.withdraw(account, market.creditOf(account), {"from": account})
            assert market.ledger()[1] == len(leases)
        assert asset.balanceOf(market) == market.ledger()[2]

    @staticmethod
    def record(world, lease, kind, from_, until):
        seen, signature = occupancy(world, lease, kind, from_, until)
        return world.market.record(seen, signature, {"from": world.stranger})

    def test_a_pause_ends_by_itself_and_cannot_be_chained(self, world, market, space):
        market.pause({"from": world.guardian})
        until = market.config()[1]
        with reverts("Paused", until):
            take(world, space)
        with reverts("Paused", until):
            market.publishOffer(space, terms_form(), {"from": world.owner})
        reach(until - 1)
        with reverts("PausedTooSoon", until + 7 * 24 * HOUR):
            market.pause({"from": world.guardian})
        take(world, space, START + 7 * 96)
