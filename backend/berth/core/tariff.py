"""What a stay costs: the readable model of the contracts' arithmetic.

Amounts are integers of minor units; times are slots, or minutes from the start of the lease; every
division floors unless it says otherwise. Each term of a bill is at most its term of the deposit,
so cost ≤ deposit, and owner + fee + refund = deposit exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

from berth.core.checks import integer, unsigned
from berth.core.offer import (
    DEFAULT_FLAGS,
    FLAG_CONFIRM,
    FLAG_NEAR,
    FLAG_PLATE,
    Terms,
    decode_words,
    encode_words,
    hours_allow,
    objections,
    terms_from,
    within_days,
)
from berth.core.slots import MAX_LEASE_SLOTS, SLOT_MINUTES, SLOT_SECONDS, slot_start
from berth.core.states import EARLY_SECONDS

__all__ = [
    "DEFAULT_FLAGS",
    "EARLY_SECONDS",
    "FLAG_CONFIRM",
    "FLAG_NEAR",
    "FLAG_PLATE",
    "GRACE_MINUTES",
    "Bill",
    "Preview",
    "Terms",
    "arrival_minute",
    "award_bill",
    "bill",
    "bill_minutes",
    "billed_minutes",
    "cancel_charge",
    "decode_words",
    "deposit",
    "encode_words",
    "free_cancel_until",
    "hours_allow",
    "lapsed_bill",
    "lease_end",
    "no_show_charge",
    "objections",
    "over_minutes",
    "presumed_bill",
    "price_preview",
    "terms_from",
    "until_minute",
    "unused_bill",
    "within_days",
]

GRACE_MINUTES = 5


@dataclass(frozen=True)
class Bill:
    """What a stay costs, and how its deposit is divided; all amounts in minor units.

    `arrived` is the minute of arrival from the start plus 1 and `until_minute` the minute of
    departure, as the ledger records them; `energy_used` in units of 100 Wh.
    """

    rent: int
    overstay: int
    energy: int
    cost: int
    fee: int
    owner: int
    refund: int
    billed_minutes: int
    over_minutes: int
    arrived: int
    until_minute: int
    energy_used: int

    @property
    def energy_wh(self) -> int:
        """Energy billed, watt-hours."""
        return 100 * self.energy_used


@dataclass(frozen=True)
class Preview:
    """What a driver commits to before leasing, minor units.

    `deposit` = `rent` + `energy_reserve` + `overstay_reserve` is the most it can cost; `minimum`
    is due for any stay, however short; `rent` is the cost of a stay of exactly the booked time
    without energy. `late_cancel` is due for cancelling after the offer's free time, `no_show` for
    not coming.
    """

    rent: int
    energy_reserve: int
    overstay_reserve: int
    deposit: int
    minimum: int
    overstay_per_hour: int
    late_cancel: int
    no_show: int


def deposit(terms: Terms, slots: int, kwh_cap: int) -> int:
    """The most that a lease of `slots` can cost: what goes into escrow."""
    _check_stay(slots, kwh_cap)
    return (
        terms.price_per_slot * slots
        + _overstay(terms, terms.reserve_minutes)
        + terms.price_per_kwh * kwh_cap
    )


def bill(
    terms: Terms,
    start_slot: int,
    slots: int,
    kwh_cap: int,
    from_: int,
    until: int,
    energy_wh: int,
    *,
    arrived: int = 0,
) -> Bill:
    """The bill of a lock's record LEFT (`from_`, `until` in Unix seconds, energy in Wh).

    `arrived` is the arrival that the chain has stored already (minute + 1; 0 none): it wins over
    `from_`. Raises BerthError where the contract refuses: `from_` outside [start − 15 min, end),
    `until` before `from_` or before the stored arrival.
    """
    _check_stay(slots, kwh_cap)
    start, booked = slot_start(unsigned(start_slot, "start_slot", 32)), SLOT_MINUTES * slots
    integer(from_, "from", start - EARLY_SECONDS, start + 60 * booked - 1, "evidence.time")
    earliest = max(from_, start + 60 * (arrived - 2)) if arrived > 1 else from_
    integer(until, "until", earliest, (1 << 40) - 1, "evidence.time")
    unsigned(energy_wh, "energyWh", 32)
    return bill_minutes(
        terms,
        slots,
        kwh_cap,
        arrived_minute=arrived - 1 if arrived else arrival_minute(start, from_),
        until_minute=until_minute(terms, start, slots, until),
        energy_used=min(energy_wh // 100, 10 * kwh_cap),
    )


def bill_minutes(
    terms: Terms,
    slots: int,
    kwh_cap: int,
    *,
    arrived_minute: int,
    until_minute: int,
    energy_used: int,
) -> Bill:
    """The bill of a stay as the lease word holds it (minutes from the start, 100 Wh)."""
    _check_stay(slots, kwh_cap)
    booked = SLOT_MINUTES * slots
    integer(arrived_minute, "arrived", 0, booked)
    integer(until_minute, "until", 0, booked + GRACE_MINUTES + terms.reserve_minutes)
    integer(energy_used, "energyUsed", 0, 10 * kwh_cap)
    billed = billed_minutes(terms, slots, arrived_minute, until_minute)
    over = over_minutes(terms, slots, until_minute)
    return _divide(
        terms,
        deposit(terms, slots, kwh_cap),
        rent=terms.price_per_slot * billed // SLOT_MINUTES,
        overstay=_overstay(terms, over),
        energy=terms.price_per_kwh * energy_used // 10,
        billed_minutes=billed,
        over_minutes=over,
        arrived=arrived_minute + 1,
        until_minute=until_minute,
        energy_used=energy_used,
    )


def presumed_bill(terms: Terms, slots: int, kwh_cap: int, *, arrived: int) -> Bill:
    """The bill when an arrival is on file and nobody says anything more: the booked rent."""
    _check_stay(slots, kwh_cap)
    return _divide(
        terms,
        deposit(terms, slots, kwh_cap),
        rent=terms.price_per_slot * slots,
        billed_minutes=SLOT_MINUTES * slots,
        arrived=arrived,
    )


def unused_bill(terms: Terms, slots: int, kwh_cap: int) -> Bill:
    """The bill when nobody ever arrived and nobody says anything: a full refund."""
    return _divide(terms, deposit(terms, slots, kwh_cap))


def lapsed_bill(
    terms: Terms,
    slots: int,
    kwh_cap: int,
    *,
    arrived_minute: int,
    until_minute: int,
    energy_used: int,
) -> Bill:
    """The bill of a disputed claim on which the arbiter was silent: half the overstay (floor)."""
    full = bill_minutes(
        terms,
        slots,
        kwh_cap,
        arrived_minute=arrived_minute,
        until_minute=until_minute,
        energy_used=energy_used,
    )
    return _divide(
        terms,
        deposit(terms, slots, kwh_cap),
        rent=full.rent,
        overstay=full.overstay // 2,
        energy=full.energy,
        billed_minutes=full.billed_minutes,
        over_minutes=full.over_minutes,
        arrived=full.arrived,
        until_minute=full.until_minute,
        energy_used=full.energy_used,
    )


def award_bill(terms: Terms, slots: int, kwh_cap: int, cost: int) -> Bill:
    """The bill of a sum that was awarded, agreed or charged as a whole: recorded as rent."""
    escrow = deposit(terms, slots, kwh_cap)
    integer(cost, "cost", 0, escrow)
    return _divide(terms, escrow, rent=cost)


def cancel_charge(terms: Terms, start_slot: int, slots: int, now: int) -> int:
    """What cancelling at `now` (Unix seconds, before the start) costs: nothing in good time."""
    _check_stay(slots, 0)
    if now <= free_cancel_until(terms, start_slot):
        return 0
    return _part_of_rent(terms, slots, terms.cancel_pct)


def free_cancel_until(terms: Terms, start_slot: int) -> int:
    """The last second (Unix) at which cancelling is free; it may lie before the booking."""
    return slot_start(start_slot) - 3600 * terms.free_cancel_hours


def no_show_charge(terms: Terms, slots: int) -> int:
    """What a no-show costs the driver, and cancelling after the start the owner."""
    _check_stay(slots, 0)
    return _part_of_rent(terms, slots, terms.no_show_pct)


def arrival_minute(start: int, from_: int) -> int:
    """Minute of arrival from the start, rounded up; 0 when early (Unix seconds)."""
    return -(-max(0, from_ - start) // 60)


def until_minute(terms: Terms, start: int, slots: int, until: int) -> int:
    """Minute of departure from the start, rounded down, at most end + 5 + reserve."""
    latest = SLOT_MINUTES * slots + GRACE_MINUTES + terms.reserve_minutes
    return min(max(0, until - start) // 60, latest)


def billed_minutes(terms: Terms, slots: int, arrived_minute: int, until_minute: int) -> int:
    """Minutes of rent: those stayed, at least the minimum (rounded up) and 15, at most booked."""
    booked = SLOT_MINUTES * slots
    stayed = max(0, min(until_minute, booked) - arrived_minute)
    minimum = -(-booked * terms.minimum_pct // 100)
    return min(booked, max(stayed, minimum, SLOT_MINUTES))


def over_minutes(terms: Terms, slots: int, until_minute: int) -> int:
    """Minutes of overstay: beyond the end and five minutes of grace, at most the reserve."""
    late = until_minute - SLOT_MINUTES * slots - GRACE_MINUTES
    return min(terms.reserve_minutes, max(0, late))


def price_preview(terms: Terms, slots: int, kwh_cap: int) -> Preview:
    """The figures that a driver sees before leasing."""
    total = deposit(terms, slots, kwh_cap)
    return Preview(
        rent=terms.price_per_slot * slots,
        energy_reserve=terms.price_per_kwh * kwh_cap,
        overstay_reserve=_overstay(terms, terms.reserve_minutes),
        deposit=total,
        minimum=terms.price_per_slot * billed_minutes(terms, slots, 0, 0) // SLOT_MINUTES,
        overstay_per_hour=_overstay(terms, 60),
        late_cancel=_part_of_rent(terms, slots, terms.cancel_pct),
        no_show=no_show_charge(terms, slots),
    )


def lease_end(start_slot: int, slots: int) -> int:
    """Unix seconds at which a lease ends."""
    return slot_start(start_slot) + SLOT_SECONDS * slots


def _check_stay(slots: int, kwh_cap: int) -> None:
    integer(slots, "slots", 1, MAX_LEASE_SLOTS)
    unsigned(kwh_cap, "kwhCap", 8)


def _overstay(terms: Terms, minutes: int) -> int:
    return terms.price_per_slot * terms.overstay_pct * minutes // 1500


def _part_of_rent(terms: Terms, slots: int, percent: int) -> int:
    return terms.price_per_slot * slots * percent // 100


def _divide(
    terms: Terms,
    escrow: int,
    *,
    rent: int = 0,
    overstay: int = 0,
    energy: int = 0,
    billed_minutes: int = 0,
    over_minutes: int = 0,
    arrived: int = 0,
    until_minute: int = 0,
    energy_used: int = 0,
) -> Bill:
    cost = rent + overstay + energy
    fee = cost * terms.fee_bps // 10_000
    return Bill(
        rent=rent,
        overstay=overstay,
        energy=energy,
        cost=cost,
        fee=fee,
        owner=cost - fee,
        refund=escrow - cost,
        billed_minutes=billed_minutes,
        over_minutes=over_minutes,
        arrived=arrived,
        until_minute=until_minute,
        energy_used=energy_used,
    )
