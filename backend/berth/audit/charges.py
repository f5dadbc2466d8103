"""What each settlement must charge by its terms: every outcome has one rule.

The ledger's head proves that records are complete and unaltered; this proves, with the readable
model of the tariff, that each of them charges what lease and offer allow.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import Connection, RowMapping, select

from berth.audit.rows import record_from
from berth.core.errors import BerthError
from berth.core.ledger import Record
from berth.core.money import parse_minor
from berth.core.slots import slot_start
from berth.core.states import Outcome
from berth.core.tariff import (
    Bill,
    Terms,
    award_bill,
    bill_minutes,
    cancel_charge,
    decode_words,
    lapsed_bill,
    no_show_charge,
    presumed_bill,
    unused_bill,
)
from berth.store.derived import leases, offers, settlements

_CHUNK = 500
_BY_THE_MINUTE = (Outcome.DEPARTED, Outcome.ACCEPTED, Outcome.MATURED)
_NOTHING = (Outcome.UNUSED, Outcome.CANCELLED_BY_OWNER, Outcome.OBSTRUCTED)

_RECORD = (
    "rent by the minute, overstay and energy, by the lock's record",
    "按地锁记录计算：按分钟计的租金、超时费与电费",
)
_FREE = ("nothing", "不收费")
#: By which rule each outcome charges, for people: English, Chinese.
RULES: dict[Outcome, tuple[str, str]] = {
    Outcome.DEPARTED: _RECORD,
    Outcome.ACCEPTED: _RECORD,
    Outcome.MATURED: _RECORD,
    Outcome.PRESUMED: ("the booked rent", "预订时段的租金"),
    Outcome.UNUSED: _FREE,
    Outcome.CANCELLED: (
        "nothing in good time, later the offer's part of the booked rent",
        "及时取消不收费，之后按报价收取预订租金的一部分",
    ),
    Outcome.CANCELLED_BY_OWNER: (
        "nothing; the owner compensates the driver beside the record",
        "不收费；车位所有人在记录之外向驾驶人支付补偿",
    ),
    Outcome.OBSTRUCTED: _FREE,
    Outcome.NO_SHOW: (
        "the offer's part of the booked rent for a no-show",
        "按报价收取预订租金中的未到场部分",
    ),
    Outcome.RESOLVED: (
        "one sum that the arbiter decided, at most the deposit, kept as rent",
        "由仲裁人裁定的一笔款项，不超过押金，记为租金",
    ),
    Outcome.AGREED: (
        "one sum that driver and owner agreed, at most the deposit, kept as rent",
        "由驾驶人与车位所有人商定的一笔款项，不超过押金，记为租金",
    ),
    Outcome.LAPSED: (
        "as the lock's record has it, with half the overstay",
        "按地锁记录计算，超时费减半",
    ),
}


@dataclass(frozen=True, slots=True)
class Booking:
    """What a settlement is held against. Amounts in minor units; `compensation` was paid from owner
    to driver beside the record, None = nothing."""

    driver: str
    owner: str
    start_slot: int
    slots: int
    kwh_cap: int
    deposit: int
    compensation: int | None
    terms: Terms

    @property
    def start(self) -> int:
        """Unix seconds UTC."""
        return slot_start(self.start_slot)


@dataclass(frozen=True, slots=True)
class Finding:
    """A settlement that charges something else than its terms give."""

    number: int
    detail: str


def bill_of(record: Record, booking: Booking) -> Bill:
    """The bill that the rule of the record's outcome gives. Raises BerthError for a record that no
    rule allows (such as an award above the deposit)."""
    terms, slots, kwh_cap = booking.terms, booking.slots, booking.kwh_cap
    outcome = Outcome(record.outcome)
    if outcome in _BY_THE_MINUTE or outcome is Outcome.LAPSED:
        rule = lapsed_bill if outcome is Outcome.LAPSED else bill_minutes
        return rule(
            terms,
            slots,
            kwh_cap,
            arrived_minute=record.arrived - 1,
            until_minute=record.until,
            energy_used=record.energy_wh // 100,
        )
    if outcome is Outcome.PRESUMED:
        return presumed_bill(terms, slots, kwh_cap, arrived=record.arrived)
    if outcome in _NOTHING:
        return unused_bill(terms, slots, kwh_cap)
    if outcome is Outcome.CANCELLED:
        cost = cancel_charge(terms, booking.start_slot, slots, record.closed_at)
    elif outcome is Outcome.NO_SHOW:
        cost = no_show_charge(terms, slots)
    elif outcome in (Outcome.RESOLVED, Outcome.AGREED):
        cost = record.rent
    else:
        raise BerthError("audit.outcome", f"{outcome.name} is no end of a lease", field="outcome")
    return award_bill(terms, slots, kwh_cap, cost)


def compensation_of(record: Record, booking: Booking) -> int:
    """What the owner must have paid the driver beside the record, minor units."""
    if record.outcome != Outcome.CANCELLED_BY_OWNER:
        return 0
    if record.closed_at >= booking.start:
        return no_show_charge(booking.terms, booking.slots)
    return cancel_charge(booking.terms, booking.start_slot, booking.slots, record.closed_at)


def objection(record: Record, booking: Booking) -> str | None:
    """What is wrong with a settlement, in words; None when it is as it must be."""
    parties = (("driver", booking.driver), ("owner", booking.owner))
    for name, whom in parties:
        if getattr(record, name) != whom:
            return f"its {name} is {getattr(record, name)}, the lease's {whom}"
    if record.outcome == Outcome.CANCELLED and record.closed_at >= booking.start:
        return "a driver cancelled it after its start"
    try:
        bill = bill_of(record, booking)
    except (BerthError, ValueError) as error:
        return f"no rule allows it: {error}"
    due = {"deposit": bill.cost + bill.refund}
    found = {"deposit": booking.deposit}
    for name in ("rent", "overstay", "energy", "fee", "refund"):
        due[name], found[name] = getattr(bill, name), getattr(record, name)
    due["compensation"] = compensation_of(record, booking)
    found["compensation"] = booking.compensation or 0
    for name, amount in due.items():
        if found[name] != amount:
            return f"its {name} is {found[name]}, by its terms {amount}"
    return None


def misbilled(conn: Connection, after: int = 0) -> Finding | None:
    """The first settlement behind a number that charges something else than its terms give."""
    query = _WITH_BOOKING.where(settlements.c.number > after).order_by(settlements.c.number)
    for row in conn.execution_options(yield_per=_CHUNK).execute(query).mappings():
        wrong = objection(record_from(row), _booking(row))
        if wrong is not None:
            return Finding(row["number"], wrong)
    return None


def booking_of(conn: Connection, number: int) -> Booking:
    """What a settlement is held against. Raises BerthError `settlement.unknown` (404)."""
    query = _WITH_BOOKING.where(settlements.c.number == number)
    row = conn.execute(query).mappings().first()
    if row is None:
        raise BerthError(
            "settlement.unknown", f"there is no settlement {number}", field="number", status=404
        )
    return _booking(row)


_WITH_BOOKING = (
    select(
        settlements,
        leases.c.driver.label("lease_driver"),
        leases.c.owner.label("lease_owner"),
        leases.c.start_slot,
        leases.c.slots,
        leases.c.kwh_cap,
        leases.c.deposit,
        leases.c.compensation,
        offers.c.word_a,
        offers.c.word_b,
    )
    .join(leases, leases.c.lease_id == settlements.c.lease_id)
    .join(offers, (offers.c.space_id == leases.c.space_id) & (offers.c.number == leases.c.offer))
)


def _booking(row: RowMapping) -> Booking:
    compensation = row["compensation"]
    return Booking(
        driver=row["lease_driver"],
        owner=row["lease_owner"],
        start_slot=row["start_slot"],
        slots=row["slots"],
        kwh_cap=row["kwh_cap"],
        deposit=parse_minor(row["deposit"]),
        compensation=None if compensation is None else parse_minor(compensation),
        terms=_terms(row["word_a"], row["word_b"]),
    )


@lru_cache(maxsize=4096)
def _terms(word_a: str, word_b: str) -> Terms:
    return decode_words(int(word_a, 16), int(word_b, 16))
