"""Cards of leases, offers and spaces: everything in one call, all of it as the market has it."""

from dataclasses import replace

import pytest
from berth.core import messages, tariff
from berth.core.ids import lease_id
from berth.core.weekly import daily_mask, touched_hours
from brownie import MarketLens, web3
from support.calendar import taken_slots
from support.calls import refusal
from support.clock import DAY, HOUR, MONDAY, at, reach, slot
from support.errors import reverts
from support.forms import TERMS, Edition, Seen, terms_form
from support.keys import key
from support.lens import VERBS, Lens, names
from support.world import (
    CITY,
    DELAY,
    FEE_BPS,
    MAKER,
    OTHER_CITY,
    START,
    TODAY,
    VALID_DAY,
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
WORD = replace(TERMS, fee_bps=FEE_BPS)
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


class TestOfferCard:
    def test_it_names_every_term(self, lens, world, space):
        terms = replace(
            TERMS, utc_offset=-48, first_day=7, last_day=65_535, min_slots=2, max_slots=99, flags=5
        )
        world.offer(space, terms)
        card = lens.offer(space, 2)
        assert tuple(vars(card.terms).values()) == terms_form(terms)
        assert (card.spaceId, card.number, card.feeBps) == (space, 2, FEE_BPS)
        assert (card.payee, card.live) == (world.owner, True)

    def test_every_term_is_read_back_at_its_maximum(self, lens, world, space):
        top = replace(
            TERMS,
            price_per_slot=2**80 - 1,
            price_per_kwh=2**80 - 1,
            overstay_pct=1000,
            reserve_minutes=1440,
            minimum_pct=100,
            free_cancel_hours=65_535,
            no_show_pct=100,
            cancel_pct=100,
            hours_of_week=2**168 - 1,
            utc_offset=56,
            first_day=65_535,
            last_day=65_535,
            min_slots=672,
            max_slots=672,
            flags=65_535,
        )
        world.market.setFee(1000, {"from": world.admin})
        world.offer(space, top)
        card = lens.offer(space, 2)
        assert tuple(vars(card.terms).values()) == terms_form(top)
        assert card.feeBps == 1000

    def test_a_withdrawn_offer_is_shown_and_not_live(self, lens, world, space):
        world.offer(space)
        world.market.withdrawOffers(space, 2, {"from": world.owner})
        assert [lens.offer(space, number).live for number in (1, 2)] == [False, True]

    @pytest.mark.parametrize("number", [0, 2, 65_536, 65_537, 2**256 - 1])
    def test_what_was_never_published_has_no_card(self, lens, space, number):
        with reverts("OutOfRange", "number", number, 1, 1):
            lens.offer(space, number)

    def test_a_space_that_nobody_registered_has_no_offers(self, lens, space):
        with reverts("SpaceUnknown", space + 9):
            lens.offer(space + 9, 1)


class TestSpaceCard:
    def test_it_holds_all_words_of_a_space(self, lens, world):
        made = world.registration(1)
        made.connectors, made.power = 255, 10_000
        world.market.registerSpace(made.form(), {"from": world.owner})
        space = CITY << 32 | 1
        world.offer(space)
        world.market.setManager(space, world.stranger, {"from": world.owner})
        given = made.title
        assert vars(lens.space(space)) == {
            "spaceId": space,
            "owner": world.owner,
            "manager": world.stranger,
            "firstLive": 1,
            "lastOffer": 1,
            "liveOffers": 1,
            "since": 1,
            "validDay": VALID_DAY,
            "cell": given.cell,
            "lockKey": world.lock.address,
            "height": given.attributes >> 9 & 0xFFFF,
            "width": 250,
            "length": 550,
            "connectors": 255,
            "power": 10_000,
            "maker": MAKER,
            "makerRevoked": False,
            "titleRevoked": False,
            "edition": 1,
            "previousKey": NOBODY,
            "rotatedAt": 0,
            "delisted": False,
            "delistedDay": 0,
            "heldHere": True,
        }

    def test_a_lock_that_was_replaced_is_named(self, lens, world, space):
        new = key("another lock")
        made = world.registration(0, lock=new)
        reach(FROM)
        at(FROM + 7)
        world.market.rotateLock(space, tuple(made.lock), {"from": world.owner})
        card = lens.space(space)
        assert (card.lockKey, card.previousKey) == (new.address, world.lock.address)
        assert card.rotatedAt == FROM + 7

    def test_what_lets_anybody_delist_it_is_told(self, lens, world, space):
        world.titles.revoke(CITY, [(0, 1)], {"from": world.authority})
        world.market.revokeAttester(MAKER, {"from": world.guardian})
        card = lens.space(space)
        assert (card.titleRevoked, card.makerRevoked, card.delisted) == (True, True, False)

    def test_delisting_and_release_are_told(self, lens, world, space):
        world.market.delist(space, {"from": world.owner})
        card = lens.space(space)
        assert (card.delisted, card.delistedDay, card.validDay) == (True, TODAY, 0)
        assert (card.firstLive, card.lastOffer, card.liveOffers) == (2, 1, 0)
        assert card.heldHere
        at((TODAY + 99) * DAY)
        world.market.release(space, {"from": world.stranger})
        assert not lens.space(space).heldHere

    @pytest.mark.parametrize("unknown", [0, CITY << 32 | 1, 2**64, 2**256 - 1])
    def test_a_space_that_nobody_registered_has_no_card(self, lens, unknown):
        with reverts("SpaceUnknown", unknown):
            lens.space(unknown)


class TestDays:
    @pytest.mark.parametrize("offset", [-48, -20, 0, 1, 44, 56])
    def test_the_calendar_of_a_local_day_is_that_of_its_96_slots(self, lens, world, space, offset):
        day = TODAY + 3
        first = 96 * day - offset
        for start, slots in ((first - 3, 4), (first + 50, 3), (first + 94, 5)):
            world.lease(space, start, slots=slots)
        taken = lens.contract.calendarOfDay(space, day, offset)
        listed = taken_slots(world.market, space, first, first + 96)
        assert listed == {first, first + 50, first + 51, first + 52, first + 94, first + 95}
        assert taken == sum(1 << (each - first) for each in listed)

    def test_a_day_is_read_across_the_words_of_the_calendar(self, lens, world, space):
        """256 slots a word, 96 a day: a week of days meets every way of lying in them."""
        week = slot(MONDAY + 2 * DAY)
        world.lease(space, week, slots=672)
        for day in range(7):
            assert lens.contract.calendarOfDay(space, TODAY + 2 + day, 0) == 2**96 - 1
        for day in (1, 9):
            assert lens.contract.calendarOfDay(space, TODAY + day, 0) == 0

    @pytest.mark.parametrize("offset", [-48, 0, 44])
    def test_what_an_offer_shares_on_a_day_is_by_its_own_clock(self, lens, world, space, offset):
        terms = replace(
            TERMS,
            hours_of_week=daily_mask(range(3), 9, 18),
            utc_offset=7,
            first_day=TODAY + 1,
            last_day=TODAY + 2,
        )
        world.offer(space, terms)
        shared = set()
        for day in range(TODAY - 1, TODAY + 5):
            first = 96 * day - offset
            mask = lens.contract.sharedOnDay(space, 2, day, offset)
            expected = 0
            for number in range(96):
                local = first + number + terms.utc_offset
                open_ = not touched_hours(local, 1) & ~terms.hours_of_week
                if open_ and terms.first_day <= local // 96 <= terms.last_day:
                    expected |= 1 << number
                    shared.add(first + number)
            assert mask == expected
        assert len(shared) == 2 * 36

    @pytest.mark.parametrize("day", [0, 65_536, 2**256 - 1])
    def test_a_day_out_of_range_is_named(self, lens, space, day):
        with reverts("OutOfRange", "day", day, 1, 65_535):
            lens.contract.calendarOfDay(space, day, 0)
        with reverts("OutOfRange", "day", day, 1, 65_535):
            lens.contract.sharedOnDay(space, 1, day, 0)

    @pytest.mark.parametrize("offset", [-49, 57, -(2**255), 2**255 - 1])
    def test_an_offset_that_no_place_has_is_named(self, lens, space, offset):
        with reverts("OutOfRange", "utcOffset", (offset + 48) % 2**256, 0, 104):
            lens.contract.calendarOfDay(space, TODAY, offset)

    @pytest.mark.parametrize("day", [1, 65_535])
    @pytest.mark.parametrize("offset", [-48, 56])
    def test_the_first_and_the_last_day_are_days(self, lens, space, day, offset):
        assert lens.contract.calendarOfDay(space, day, offset) == 0

    def test_of_no_space_there_is_no_day(self, lens, space):
        with reverts("SpaceUnknown", space + 9):
            lens.contract.calendarOfDay(space + 9, TODAY, 0)
        with reverts("SpaceUnknown", space + 9):
            lens.contract.sharedOnDay(space + 9, 1, TODAY, 0)
        with reverts("OutOfRange", "number", 2, 1, 1):
            lens.contract.sharedOnDay(space, 2, TODAY, 0)


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
