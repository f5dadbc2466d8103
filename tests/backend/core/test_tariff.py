"""The contracts' arithmetic, in readable form."""

from dataclasses import asdict, replace
from fractions import Fraction
from math import ceil, floor

import pytest
from berth.chain.abi import load_abi
from berth.core import tariff
from berth.core.errors import BerthError
from berth.core.slots import slot_start
from berth.core.tariff import Terms
from berth.core.weekly import ALL_HOURS, daily_mask, hour_of_week, hours_mask, touched_hours
from hypothesis import given
from hypothesis import strategies as st

START = 1_982_000  # a slot in 2026

prices = st.one_of(st.integers(1, 10**7), st.integers(1, (1 << 80) - 1))


@st.composite
def terms(draw):
    no_show = draw(st.integers(0, 100))
    first_day = draw(st.integers(0, 65535))
    min_slots = draw(st.integers(1, 672))
    return Terms(
        price_per_slot=draw(prices),
        price_per_kwh=draw(prices) - 1,
        overstay_pct=draw(st.integers(100, 1000)),
        reserve_minutes=draw(st.integers(0, 1440)),
        minimum_pct=draw(st.integers(0, 100)),
        free_cancel_hours=draw(st.integers(0, 65535)),
        no_show_pct=no_show,
        cancel_pct=draw(st.integers(0, no_show)),
        hours_of_week=draw(st.integers(1, ALL_HOURS)),
        utc_offset=draw(st.integers(-48, 56)),
        first_day=first_day,
        last_day=draw(st.integers(first_day, 65535)),
        min_slots=min_slots,
        max_slots=draw(st.integers(min_slots, 672)),
        flags=draw(st.integers(0, 65535)),
        fee_bps=draw(st.integers(0, 1000)),
    )


slots = st.integers(1, 672)
caps = st.integers(0, 255)


def test_the_struct_names_the_contracts_members_in_their_order():
    _, members = load_abi("ParkingMarket").function("publishOffer").inputs
    made = Terms(price_per_slot=7, utc_offset=-3, flags=5).struct()
    assert list(made) == [member.name for member in members.components]
    assert (made["pricePerSlot"], made["utcOffset"], made["flags"]) == (7, -3, 5)


@given(terms())
def test_words_read_back_as_their_terms(t):
    assert tariff.decode_words(*tariff.encode_words(t)) == t


@given(terms())
def test_words_hold_the_fields_where_the_contract_looks_for_them(t):
    a, b = tariff.encode_words(t)

    def low(word, shift, bits):
        return word >> shift & (1 << bits) - 1

    assert low(a, 0, 80) == t.price_per_slot
    assert low(a, 80, 80) == t.price_per_kwh
    assert low(a, 160, 16) == t.fee_bps
    assert low(a, 176, 16) == t.overstay_pct
    assert low(a, 192, 16) == t.reserve_minutes
    assert low(a, 208, 16) == t.minimum_pct
    assert low(a, 224, 16) == t.free_cancel_hours
    assert low(a, 240, 8) == t.no_show_pct
    assert low(a, 248, 8) == t.cancel_pct
    assert low(b, 0, 168) == t.hours_of_week
    assert low(b, 168, 8) == t.utc_offset % 256
    assert low(b, 176, 16) == t.first_day
    assert low(b, 192, 16) == t.last_day
    assert low(b, 208, 16) == t.min_slots
    assert low(b, 224, 16) == t.max_slots
    assert low(b, 240, 16) == t.flags


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("price_per_slot", 0),
        ("price_per_slot", 1 << 80),
        ("price_per_kwh", -1),
        ("price_per_kwh", 1 << 80),
        ("overstay_pct", 99),
        ("overstay_pct", 1001),
        ("reserve_minutes", 1441),
        ("minimum_pct", 101),
        ("free_cancel_hours", 65536),
        ("no_show_pct", 101),
        ("cancel_pct", 11),
        ("hours_of_week", 0),
        ("hours_of_week", 1 << 168),
        ("utc_offset", -49),
        ("utc_offset", 57),
        ("first_day", -1),
        ("last_day", 99),
        ("min_slots", 0),
        ("max_slots", 3),
        ("max_slots", 673),
        ("flags", 65536),
        ("fee_bps", 1001),
        ("price_per_slot", "5"),
        ("price_per_slot", 1.5),
        ("flags", True),
    ],
)
def test_terms_that_the_contract_refuses_are_refused_by_name(field, value):
    sound = Terms(price_per_slot=1, no_show_pct=10, first_day=100, min_slots=4)
    with pytest.raises(BerthError) as refused:
        replace(sound, **{field: value})
    assert refused.value.field == field


def test_words_that_no_contract_wrote_are_refused():
    a, b = tariff.encode_words(Terms(price_per_slot=1))
    with pytest.raises(BerthError) as refused:
        tariff.decode_words(a & ~((1 << 80) - 1), b)
    assert refused.value.field == "price_per_slot"


def test_terms_come_from_untrusted_members_by_name():
    assert tariff.terms_from({"price_per_slot": 5, "flags": 1}).flags == 1
    for members, field in (
        ({"price_per_slot": 5, "colour": 1}, "colour"),
        ({"flags": 1}, "price_per_slot"),
        ({"price_per_slot": "5"}, "price_per_slot"),
    ):
        with pytest.raises(BerthError) as refused:
            tariff.terms_from(members)
        assert refused.value.field == field


@given(terms(), slots, caps)
def test_the_deposit_is_rent_reserve_and_energy(t, booked, cap):
    reserve = Fraction(t.price_per_slot * t.overstay_pct * t.reserve_minutes, 1500)
    expected = t.price_per_slot * booked + floor(reserve) + t.price_per_kwh * cap
    preview = tariff.price_preview(t, booked, cap)
    assert tariff.deposit(t, booked, cap) == expected == preview.deposit
    assert preview.rent + preview.energy_reserve + preview.overstay_reserve == preview.deposit
    assert preview.minimum <= preview.rent
    assert expected < 1 << 128


@given(
    terms(), slots, caps, st.integers(-900, 672 * 900), st.integers(0, 10**6), st.integers(0, 10**6)
)
def test_a_bill_follows_the_formulas_and_splits_the_deposit_exactly(
    t, booked, cap, came, stayed, energy_wh
):
    start = slot_start(START)
    came = min(came, booked * 900 - 1)
    bill = tariff.bill(t, START, booked, cap, start + came, start + came + stayed, energy_wh)

    # market.md once more, with exact fractions instead of integer division
    e, reserve = 15 * booked, t.reserve_minutes
    a = min(max(ceil(Fraction(came, 60)), 0), e)
    u = min(max(floor(Fraction(came + stayed, 60)), 0), e + 5 + reserve)
    billed = min(e, max(0, min(u, e) - a, ceil(Fraction(e * t.minimum_pct, 100)), 15))
    over = min(reserve, max(0, u - e - 5))
    used = min(floor(Fraction(energy_wh, 100)), 10 * cap)
    assert bill.rent == floor(Fraction(t.price_per_slot * billed, 15))
    assert bill.overstay == floor(Fraction(t.price_per_slot * t.overstay_pct * over, 1500))
    assert bill.energy == floor(Fraction(t.price_per_kwh * used, 10))
    assert bill.cost == bill.rent + bill.overstay + bill.energy
    assert bill.fee == floor(Fraction(bill.cost * t.fee_bps, 10_000))
    assert (bill.billed_minutes, bill.over_minutes) == (billed, over)
    assert (bill.arrived, bill.until_minute, bill.energy_wh) == (a + 1, u, 100 * used)

    escrow = tariff.deposit(t, booked, cap)
    assert bill.cost <= escrow
    assert bill.owner + bill.fee + bill.refund == escrow
    assert min(asdict(bill).values()) >= 0
    # what fits the lease word
    assert bill.arrived < 1 << 14
    assert bill.until_minute < 1 << 14
    assert bill.energy_used < 1 << 12


@given(terms(), slots, caps)
def test_silence_splits_the_deposit_exactly_too(t, booked, cap):
    escrow = tariff.deposit(t, booked, cap)
    presumed = tariff.presumed_bill(t, booked, cap, arrived=3)
    unused = tariff.unused_bill(t, booked, cap)
    assert presumed.rent == presumed.cost == t.price_per_slot * booked
    assert presumed.owner + presumed.fee + presumed.refund == escrow
    assert (unused.cost, unused.fee, unused.owner, unused.refund) == (0, 0, 0, escrow)
    assert (presumed.arrived, unused.arrived) == (3, 0)


HOUR = Terms(
    price_per_slot=1_000_000,
    price_per_kwh=400_000,
    overstay_pct=200,
    reserve_minutes=60,
    fee_bps=250,
)


def bill_of(came, left, energy_wh=0, cap=0, t=HOUR, arrived=0):
    start = slot_start(START)
    return tariff.bill(t, START, 4, cap, start + came, start + left, energy_wh, arrived=arrived)


def test_an_hour_booked_and_stayed_costs_four_slots():
    bill = bill_of(0, 3600)
    assert (bill.rent, bill.overstay, bill.fee, bill.owner) == (4_000_000, 0, 100_000, 3_900_000)
    assert bill.refund == 8_000_000


def test_five_minutes_of_grace_are_free_and_the_sixth_is_not():
    assert bill_of(0, 3600 + 5 * 60 + 59).overstay == 0
    assert bill_of(0, 3600 + 6 * 60).overstay == 2_000_000 // 15


def test_overstay_stops_at_the_reserve():
    assert bill_of(0, 3600 + 65 * 60) == bill_of(0, 3600 + 10**6)
    assert bill_of(0, 10**6).refund == 0


def test_even_the_shortest_stay_pays_a_quarter_of_an_hour():
    assert bill_of(-900, -900).billed_minutes == 15
    assert bill_of(0, 60).rent == 1_000_000
    assert bill_of(3599, 3599).rent == 1_000_000


def test_an_arrival_counts_from_the_next_minute_and_a_departure_from_the_last():
    bill = bill_of(61, 1800 + 59)
    assert (bill.arrived - 1, bill.until_minute, bill.billed_minutes) == (2, 30, 28)


def test_energy_is_billed_in_steps_of_100_wh_and_never_beyond_the_cap():
    assert bill_of(0, 3600, energy_wh=1999, cap=5).energy == 400_000 * 19 // 10
    assert bill_of(0, 3600, energy_wh=10**6, cap=5).energy == 5 * 400_000
    assert bill_of(0, 3600, energy_wh=10**6).energy == 0


def test_a_stored_arrival_wins_over_the_departure_records_own():
    assert bill_of(0, 3600, arrived=31).billed_minutes == 30
    assert bill_of(0, 3600).billed_minutes == 60


@pytest.mark.parametrize(
    ("came", "left", "arrived", "field"),
    [(-901, 0, 0, "from"), (3600, 3700, 0, "from"), (60, 59, 0, "until"), (0, 60, 10, "until")],
)
def test_records_that_the_contract_refuses_have_no_bill(came, left, arrived, field):
    with pytest.raises(BerthError) as refused:
        bill_of(came, left, arrived=arrived)
    assert (refused.value.code, refused.value.field) == ("evidence.time", field)


@pytest.mark.parametrize(
    ("slots_", "cap", "field"), [(0, 0, "slots"), (673, 0, "slots"), (1, 256, "kwhCap")]
)
def test_stays_that_cannot_be_leased_have_no_price(slots_, cap, field):
    with pytest.raises(BerthError) as refused:
        tariff.deposit(HOUR, slots_, cap)
    assert refused.value.field == field


# ---- hours and days


def test_the_epoch_was_a_thursday():
    assert hour_of_week(0) == 72
    assert hour_of_week(4 * 24 * 4) == 0  # Monday 1970-01-05


@given(st.integers(100, 1 << 32), st.integers(1, 800))
def test_touched_hours_are_those_of_every_slot_in_turn(local_start, count):
    expected = 0
    for slot in range(local_start, local_start + count):
        expected |= 1 << hour_of_week(slot)
    assert touched_hours(local_start, count) == expected


@given(st.integers(0, 167), st.integers(0, 400))
def test_an_hours_mask_has_each_hour_of_its_run(first, count):
    expected = 0
    for hour in range(first, first + count):
        expected |= 1 << hour % 168
    assert hours_mask(first, count) == expected


def test_a_daily_mask_may_run_into_the_next_morning():
    nights = daily_mask([6], 22, 31)  # Sunday 22:00 to Monday 07:00
    assert nights == sum(1 << hour for hour in (*range(166, 168), *range(7)))
    with pytest.raises(BerthError):
        daily_mask([7], 0, 1)
    with pytest.raises(BerthError):
        daily_mask([0], 5, 5)


@given(terms(), st.integers(1000, 1 << 32), slots)
def test_hours_and_days_agree_with_a_walk_over_every_slot(t, start, count):
    local = [slot + t.utc_offset for slot in range(start, start + count)]
    assert tariff.hours_allow(t, start, count) == all(
        t.hours_of_week >> hour_of_week(slot) & 1 for slot in local
    )
    assert tariff.within_days(t, start, count) == all(
        t.first_day <= slot // 96 <= t.last_day for slot in local
    )


def test_office_hours_in_melbourne_are_those_of_melbourne():
    offer = Terms(price_per_slot=1, hours_of_week=daily_mask(range(5), 9, 17), utc_offset=44)
    monday_nine = 1_796_594_400  # 2026-12-07 09:00 at UTC+11
    first = monday_nine // 900
    assert tariff.hours_allow(offer, first, 32)
    assert not tariff.hours_allow(offer, first, 33)
    assert not tariff.hours_allow(offer, first - 1, 4)
    assert not tariff.hours_allow(replace(offer, utc_offset=40), first, 4)


def test_objections_name_everything_that_the_offer_refuses():
    offer = Terms(
        price_per_slot=1,
        hours_of_week=1,
        min_slots=4,
        max_slots=8,
        first_day=1,
        last_day=1,
    )
    assert tariff.objections(offer, START, 2) == ["offer.too_short", "offer.hours", "offer.days"]
    assert tariff.objections(offer, START, 9)[0] == "offer.too_long"
    assert tariff.objections(Terms(price_per_slot=1), START, 4) == []


@given(terms(), slots, st.integers(0, 40 * 24 * 3600), st.integers(1, 10 * 24 * 3600))
def test_cancelling_is_free_up_to_the_free_time_and_never_dearer_than_a_no_show(t, n, a, b):
    begin = slot_start(START)
    earlier, later = sorted((begin - a, begin - b))
    charges = [tariff.cancel_charge(t, START, n, at) for at in (earlier, later)]
    assert charges == sorted(charges)
    free_until = begin - 3600 * t.free_cancel_hours
    assert tariff.cancel_charge(t, START, n, free_until) == 0
    late = floor(Fraction(t.price_per_slot * n * t.cancel_pct, 100))
    assert tariff.cancel_charge(t, START, n, free_until + 1) == late
    assert late <= tariff.no_show_charge(t, n) <= t.price_per_slot * n


def test_the_last_free_second_is_free_and_the_next_is_not():
    t = Terms(price_per_slot=101, free_cancel_hours=2, no_show_pct=80, cancel_pct=50)
    free_until = slot_start(START) - 7200
    assert tariff.cancel_charge(t, START, 3, free_until) == 0
    assert tariff.cancel_charge(t, START, 3, free_until + 1) == 151
    assert tariff.no_show_charge(t, 3) == 242


@given(terms(), slots, caps, st.data())
def test_a_lapsed_claim_bills_half_the_overstay_and_everything_else_in_full(t, n, kwh, data):
    stay = {
        "arrived_minute": data.draw(st.integers(0, 15 * n)),
        "until_minute": data.draw(st.integers(0, 15 * n + 5 + t.reserve_minutes)),
        "energy_used": data.draw(st.integers(0, 10 * kwh)),
    }
    full = tariff.bill_minutes(t, n, kwh, **stay)
    half = tariff.lapsed_bill(t, n, kwh, **stay)
    assert half.overstay == full.overstay // 2
    assert half.cost == full.rent + full.overstay // 2 + full.energy
    assert half.fee == half.cost * t.fee_bps // 10_000
    assert half.owner + half.fee + half.refund == tariff.deposit(t, n, kwh)
    assert (
        replace(
            half,
            overstay=full.overstay,
            cost=full.cost,
            fee=full.fee,
            owner=full.owner,
            refund=full.refund,
        )
        == full
    )


@given(terms(), slots, caps, st.data())
def test_an_award_is_kept_as_rent_and_stays_within_the_deposit(t, n, kwh, data):
    escrow = tariff.deposit(t, n, kwh)
    cost = data.draw(st.integers(0, escrow))
    b = tariff.award_bill(t, n, kwh, cost)
    assert (b.rent, b.overstay, b.energy, b.cost) == (cost, 0, 0, cost)
    assert b.fee == cost * t.fee_bps // 10_000
    assert b.owner + b.fee + b.refund == escrow
    with pytest.raises(BerthError, match="cost"):
        tariff.award_bill(t, n, kwh, escrow + 1)


@given(terms(), slots, caps)
def test_the_preview_tells_what_cancelling_late_and_not_coming_cost(t, n, kwh):
    preview = tariff.price_preview(t, n, kwh)
    last = tariff.free_cancel_until(t, START)
    assert preview.late_cancel == tariff.cancel_charge(t, START, n, last + 1)
    assert preview.no_show == tariff.no_show_charge(t, n)
