"""Cards of offers and spaces, and days of a calendar, as the lens shows them."""

from dataclasses import replace

import pytest
from berth.core.weekly import daily_mask, touched_hours
from support.calendar import taken_slots
from support.clock import DAY, HOUR, MONDAY, at, reach, slot
from support.errors import reverts
from support.forms import TERMS, terms_form
from support.keys import key
from support.lens import Lens
from support.world import CITY, FEE_BPS, MAKER, TODAY, VALID_DAY

FROM = MONDAY + 10 * HOUR
NOBODY = "0x" + "00" * 20


@pytest.fixture
def lens(world) -> Lens:
    return Lens(world.deployment["contracts"]["lens"])


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
