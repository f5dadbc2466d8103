"""Cards of leases, offers and spaces: everything in one call, all of it as the market has it."""

import pytest
from berth.core import messages, tariff
from berth.core.ids import lease_id
from brownie import MarketLens, web3
from support.calls import refusal
from support.clock import DAY, HOUR, MONDAY, at
from support.errors import reverts
from support.forms import TERMS, Edition, Seen
from support.keys import key
from support.lens import VERBS, Lens, names
from support.world import (
    DELAY,
    OTHER_CITY,
    START,
    deployer_script,
    title,
)

SLOTS, KWH = 8, 20
FROM, END = MONDAY + 10 * HOUR, MONDAY + 12 * HOUR
T1 = END + TERMS.reserve_minutes * 60 + DAY
T2 = T1 + 2 * DAY
T3 = T2 + 7 * DAY
FREE = FROM - TERMS.free_cancel_hours * HOUR
OVER = END + 20 * 60
DEPOSIT = tariff.deposit(TERMS, SLOTS, KWH)
NOBODY = "0x" + "00" * 20
PLATE = b"\x61" * 32


@pytest.fixture
def lens(world) -> Lens:
    return Lens(world.deployment["contracts"]["lens"])


class Stay:
    """A lease between two people who sign for themselves, so that they can agree."""

    def __init__(self, world) -> None:
        self.world, self.market = world, world.market
        self.owner, self.driver = world.account("owner"), world.account("driver")
        self.space = world.register(1, owner=self.owner)
        world.offer(self.space, sender=self.owner)
        for person in (self.owner, self.driver):
            self.market.deposit(10**9, {"from": person})
        proof = world.vehicle(self.driver, PLATE)
        self.market.registerVehicle(proof, {"from": self.driver})
        self.market.grantRole(self.market.ARBITER_ROLE(), world.guardian, {"from": world.admin})
        self.lease = None

    # ---- states, as they come about
    def booked(self) -> None:
        self.lease = self.world.lease(self.space, sender=self.driver, plate=PLATE, kwh=KWH)

    def parked(self) -> None:
        self.booked()
        at(FROM + 125)
        self.world.arrive(self.lease, FROM + 65)

    def claimed(self) -> None:
        self.parked()
        at(OVER + 30)
        self.world.leave(self.lease, FROM + 65, OVER, 12_345)

    def disputed(self, state, when: int = FROM + 300) -> None:
        state(self)
        if state is not Stay.claimed:
            at(when)
        self.market.dispute(self.lease, {"from": self.owner})

    def no_show_on_record(self) -> None:
        self.disputed(Stay.booked)
        at(END + 60)
        self.world.record(Seen(self.lease, messages.NOSHOW, FROM, END))

    def settled(self) -> None:
        self.parked()
        at(END)
        self.world.leave(self.lease, FROM + 65, END - 60)

    def cancelled(self) -> None:
        self.booked()
        self.market.cancel(self.lease, {"from": self.driver})

    def blocked(self) -> None:
        self.market.blockSlots(self.space, START, SLOTS, {"from": self.owner})
        self.lease = lease_id(self.space, START, 1)

    def withdrawn(self) -> None:
        self.booked()
        self.market.withdrawOffers(self.space, 2, {"from": self.owner})

    @property
    def is_block(self) -> bool:
        return self.market.leaseOf(self.lease)[4] == 0

    def agreement(self, deposit: int) -> tuple:
        """Signed by both."""
        terms = self.lease, deposit, 1, 2**255
        message = messages.agreement(self.world.domain, *terms)
        return terms, *(messages.sign(message, key(who).private) for who in ("driver", "owner"))

    # ---- every verb, with arguments that fit this second
    def calls(self, now: int) -> dict[str, str]:
        encode, lease, sign = self.market, self.lease, self.world.signed
        extend = (lease, 0, 1, PLATE, 2**256 - 1)
        agreed = self.agreement(0 if self.is_block else self.market.depositOf(lease))
        early = min(max(now, FROM - 900), END - 1)
        evidence = {
            "ARRIVED": Seen(lease, messages.ARRIVED, early, early),
            "LEFT": Seen(lease, messages.LEFT, FROM - 900, max(FROM - 900, min(now, END))),
            "BLOCKED": Seen(lease, messages.BLOCKED, FROM, max(FROM, min(now, END))),
            "NOSHOW": Seen(lease, messages.NOSHOW, FROM, max(END, now)),
        }
        records = {
            name: encode.record.encode_input(seen.form(), sign(seen))
            for name, seen in evidence.items()
        }
        return records | {
            "CLOSE": encode.close.encode_input(lease),
            "AGREE": encode.agree.encode_input(*agreed),
            "CANCEL": encode.cancel.encode_input(lease),
            "EXTEND": encode.extend.encode_input(extend),
            "CHANGE_VEHICLE": encode.changeVehicle.encode_input(lease, PLATE),
            "OWNER_CANCEL": encode.ownerCancel.encode_input(lease),
            "DISPUTE": encode.dispute.encode_input(lease),
            "RESOLVE": encode.resolve.encode_input(lease, 1),
            "UNBLOCK": encode.unblock.encode_input(lease),
        }


@pytest.fixture
def stay(world) -> Stay:
    return Stay(world)


STATES = {
    "booked": Stay.booked,
    "booked, its offer withdrawn": Stay.withdrawn,
    "booked, disputed": lambda stay: stay.disputed(Stay.booked),
    "booked, disputed, no-show on record": Stay.no_show_on_record,
    "parked": Stay.parked,
    "parked, disputed": lambda stay: stay.disputed(Stay.parked),
    "claimed": Stay.claimed,
    "claimed, disputed": lambda stay: stay.disputed(Stay.claimed),
    "settled": Stay.settled,
    "cancelled": Stay.cancelled,
    "blocked": Stay.blocked,
}
INSTANTS = (FROM - 900, FROM, END, T1, T2, T3)


class TestVerbs:
    @pytest.mark.parametrize("state", STATES)
    def test_the_card_names_exactly_the_verbs_that_the_market_accepts(
        self, world, market, lens, stay, state
    ):
        """On both sides of every instant since the state came about."""
        STATES[state](stay)
        since = web3.eth.get_block("latest")["timestamp"]
        for now in (moment - back for moment in INSTANTS for back in (1, 0)):
            if now < since:
                continue
            wind(now)
            calls = stay.calls(now)
            verbs = lens.lease(stay.lease).verbs
            for role, sender in {
                "driver": stay.driver,
                "payee": stay.owner,
                "anybody": world.stranger,
                "arbiter": world.guardian,
            }.items():
                accepted = {
                    name for name, data in calls.items() if refusal(market, data, sender) is None
                }
                told = getattr(verbs, role)
                if role == "payee":
                    told |= verbs.steward  # the owner of the space is its payee here
                if role == "arbiter":
                    told |= verbs.anybody
                assert names(told, VERBS) == accepted, (now - FROM, role)

    def test_no_verb_goes_untested(self, stay):
        stay.booked()
        assert set(stay.calls(FROM)) == set(VERBS)


def wind(timestamp: int) -> None:
    """The latest block has this time, be it before the one that it follows."""
    aim(timestamp)
    web3.provider.make_request("evm_mine", [])
    assert web3.eth.get_block("latest")["timestamp"] == timestamp


def aim(timestamp: int) -> None:
    """The next block has exactly this time."""
    web3.provider.make_request("evm_setTime", [(timestamp - 1) * 1000])


# ---- what it would cost, and what it did cost in the same second
def leave_now(now: int):
    def act(stay):
        seen = Seen(stay.lease, messages.LEFT, FROM + 65, now)
        return stay.world.record(seen, sender=stay.driver)

    return act


def close_by(role: str):
    return lambda stay: stay.market.close(stay.lease, {"from": getattr(stay, role)})


BILLS = [
    *(
        ("LeftNow", Stay.parked, now, leave_now(now))
        for now in (
            FROM + 240,
            FROM + 20 * 60 + 59,
            FROM + 45 * 60,
            END - 1,
            END + 5 * 60 + 59,
            END + 6 * 60,
            END + 65 * 60,
            END + 66 * 60,
            T1 - 1,
        )
    ),
    ("Presumed", Stay.parked, T1, close_by("owner")),
    ("Presumed", lambda stay: stay.disputed(Stay.parked), T3, close_by("owner")),
    ("OnFile", Stay.claimed, OVER + 600, close_by("driver")),
    ("OnFile", Stay.claimed, T2, close_by("owner")),
    ("NoShow", Stay.no_show_on_record, T3, close_by("owner")),
    ("Lapsed", lambda stay: stay.disputed(Stay.claimed), T3, close_by("driver")),
]
BILL_OF = ("Nothing", "LeftNow", "Presumed", "OnFile", "NoShow", "Lapsed")


class TestCosts:
    @pytest.mark.parametrize(("bill_of", "state", "now", "end"), BILLS)
    def test_the_bill_is_what_the_market_takes_in_the_same_second(
        self, lens, stay, bill_of, state, now, end
    ):
        state(stay)
        wind(now)
        told = lens.lease(stay.lease).costs
        aim(now)
        taken = end(stay).events["Settled"]
        assert BILL_OF[told.billOf] == bill_of
        for part in ("rent", "overstay", "energy", "fee", "refund"):
            assert getattr(told, part) == taken[part], part
        assert told.cost == taken["rent"] + taken["overstay"] + taken["energy"]
        assert told.cost + told.refund == DEPOSIT

    def test_every_kind_of_bill_is_compared(self):
        assert {bill[0] for bill in BILLS} | {"Nothing"} == set(BILL_OF)

    def test_a_disputed_claim_keeps_its_whole_bill_until_time_halves_it(self, lens, stay):
        stay.disputed(Stay.claimed)
        wind(T3 - 1)
        before = lens.lease(stay.lease).costs
        wind(T3)
        after = lens.lease(stay.lease).costs
        assert (BILL_OF[before.billOf], BILL_OF[after.billOf]) == ("OnFile", "Lapsed")
        assert after.overstay == before.overstay // 2 > 0
        assert (after.rent, after.energy) == (before.rent, before.energy)

    @pytest.mark.parametrize("now", [FREE - 1, FREE, FREE + 1, FROM - 1])
    def test_cancelling_costs_the_driver_what_the_card_says(self, lens, stay, now):
        stay.booked()
        wind(now)
        told = lens.lease(stay.lease).costs.cancelling
        aim(now)
        tx = stay.market.cancel(stay.lease, {"from": stay.driver})
        assert tx.events["Settled"]["rent"] == told
        assert (told == 0) == (now <= FREE)

    @pytest.mark.parametrize("now", [FREE, FREE + 1, FROM - 1, FROM, END + 1, T1 - 1])
    def test_cancelling_costs_the_owner_what_the_card_says(self, lens, stay, now):
        stay.booked()
        wind(now)
        told = lens.lease(stay.lease).costs.ownerCancelling
        aim(now)
        events = stay.market.ownerCancel(stay.lease, {"from": stay.owner}).events
        paid = events["Compensated"]["amount"] if "Compensated" in events else 0
        assert paid == told
        assert (told == 0) == (now <= FREE)

    def test_not_coming_costs_what_the_card_says(self, lens, stay):
        stay.booked()
        wind(END + 1)
        told = lens.lease(stay.lease).costs.notComing
        tx = stay.world.record(Seen(stay.lease, messages.NOSHOW, FROM, END))
        assert tx.events["Settled"]["rent"] == told == tariff.no_show_charge(TERMS, SLOTS)

    @pytest.mark.parametrize("state", ["settled", "cancelled", "blocked"])
    def test_what_has_ended_costs_nothing_more(self, lens, stay, state):
        STATES[state](stay)
        assert set(vars(lens.lease(stay.lease).costs).values()) == {0}

    def test_what_is_illegal_has_no_price(self, lens, stay):
        stay.disputed(Stay.booked)
        costs = lens.lease(stay.lease).costs
        assert (costs.cancelling, costs.ownerCancelling) == (0, 0)
        wind(T1)
        assert lens.lease(stay.lease).costs.ownerCancelling == 0


class TestLeaseCard:
    def test_it_holds_all_that_the_market_knows_of_a_lease(self, market, lens, stay):
        stay.claimed()
        card = lens.lease(stay.lease)
        assert (card.leaseId, card.spaceId, card.startSlot) == (stay.lease, stay.space, START)
        assert tuple(vars(card.lease).values()) == tuple(market.leaseOf(stay.lease))
        assert tuple(vars(card.times).values()) == (FROM, END, T1, T2, T3)
        assert tuple(vars(card.times).values()) == tuple(market.timesOf(stay.lease))
        assert card.deposit.total == market.depositOf(stay.lease) == DEPOSIT
        shown = tariff.price_preview(TERMS, SLOTS, KWH)
        parts = card.deposit.rent, card.deposit.reserve, card.deposit.energy
        assert parts == (shown.rent, shown.overstay_reserve, shown.energy_reserve)
        assert card.offer == lens.offer(stay.space, 1)
        assert card.offer.payee == stay.owner

    def test_nothing_in_it_speaks_of_the_vehicle(self, world, stay):
        stay.booked()
        contract = world.deployment["contracts"]["lens"]
        data = contract.leaseCard.encode_input(stay.lease)
        answer = bytes(web3.eth.call({"to": contract.address, "data": data}))
        assert PLATE not in answer

    def test_of_a_block_it_knows_the_hours_and_who_set_it(self, lens, stay):
        stay.blocked()
        card = lens.lease(stay.lease)
        assert (card.lease.state, card.lease.driver) == (6, stay.owner)
        assert tuple(vars(card.times).values()) == (FROM, END, 0, 0, 0)
        assert (card.offer.payee, card.offer.live, card.deposit.total) == (NOBODY, False, 0)

    def test_the_payee_stays_when_the_space_changes_hands(self, world, lens, stay):
        stay.booked()
        world.publish(Edition.of(*(title(index) for index in range(8))))
        made = world.registration(1, owner=world.stranger, nonce=2)
        world.market.takeOver(made.form(), {"from": world.stranger})
        card = lens.lease(stay.lease)
        assert (card.offer.payee, card.offer.live) == (stay.owner, False)
        assert lens.space(stay.space).owner == world.stranger

    @pytest.mark.parametrize("unknown", ["epoch 0", "next epoch", "other start", "no such number"])
    def test_of_no_lease_there_is_no_card(self, lens, stay, unknown):
        stay.booked()
        number = {
            "epoch 0": stay.lease - 1,
            "next epoch": stay.lease + 1,
            "other start": lease_id(stay.space, START + 1, 1),
            "no such number": 2**256 - 1,
        }[unknown]
        with reverts("LeaseUnknown", number):
            lens.lease(number)


class TestDeployment:
    def test_the_deployment_names_the_lens_of_its_market(self, world, lens):
        assert world.deployment["lens"] == lens.contract.address
        assert lens.contract.market() == world.market.address

    def test_it_is_deployed_last_so_that_nothing_else_moves(self, world, lens):
        """A contract's address is that of its deployer's next transaction."""
        deployer, before = world.deployer, web3.eth.get_transaction_count(world.deployer.address)
        config = {"timelockDelay": DELAY, "authorities": {OTHER_CITY: world.stranger.address}}
        made = deployer_script().deploy(deployer, config)["contracts"]
        last = web3.eth.get_transaction_count(deployer.address)
        assert made["lens"].tx.nonce == last - 1
        assert [made[name].tx.nonce - before for name in ("timelock", "titles")] == [0, 3]

    def test_it_needs_a_market(self, world):
        with reverts("BadAccount", "market", NOBODY):
            MarketLens.deploy(NOBODY, {"from": world.deployer})

    def test_it_is_below_the_size_limit_with_room(self, lens):
        assert len(web3.eth.get_code(lens.contract.address)) < 24_576 - 2_000

    def test_it_changes_nothing(self, lens):
        """No verb, no payable function, nothing that a call could leave behind."""
        functions = [entry for entry in lens.contract.abi if entry["type"] == "function"]
        assert {entry["stateMutability"] for entry in functions} == {"view"}
        assert not [e for e in lens.contract.abi if e["type"] in ("event", "receive", "fallback")]
