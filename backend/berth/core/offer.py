"""An offer: its terms, its two storage words, and when it allows a stay.

The contract's twin is `contracts/libraries/OfferWord.sol`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

from berth.core.bits import Field, Layout
from berth.core.checks import integer
from berth.core.errors import BerthError
from berth.core.slots import MAX_LEASE_SLOTS, SLOTS_PER_DAY
from berth.core.weekly import ALL_HOURS, touched_hours

# What the unlock requires; see core.access.
FLAG_PLATE = 1
FLAG_CONFIRM = 2
FLAG_NEAR = 4
DEFAULT_FLAGS = FLAG_PLATE | FLAG_CONFIRM | FLAG_NEAR

_MAX_16 = (1 << 16) - 1
_MAX_PRICE = (1 << 80) - 1

_WORD_A = Layout(
    Field("price_per_slot", 80),
    Field("price_per_kwh", 80),
    Field("fee_bps", 16),
    Field("overstay_pct", 16),
    Field("reserve_minutes", 16),
    Field("minimum_pct", 16),
    Field("free_cancel_hours", 16),
    Field("no_show_pct", 8),
    Field("cancel_pct", 8),
)
_WORD_B = Layout(
    Field("hours_of_week", 168),
    Field("utc_offset", 8, signed=True),
    Field("first_day", 16),
    Field("last_day", 16),
    Field("min_slots", 16),
    Field("max_slots", 16),
    Field("flags", 16),
)


@dataclass(frozen=True, kw_only=True)
class Terms:
    """The terms of an offer, checked: no object of this class holds a value that the contract
    would refuse.

    Prices in minor units per slot of 15 minutes and per kWh; `overstay_pct`, `minimum_pct`,
    `no_show_pct`, `cancel_pct` in percent; `utc_offset` in quarter hours; days since 1970-01-01,
    local; `fee_bps` is the market's fee at publication, in 1/10,000 of the cost.
    """

    price_per_slot: int
    price_per_kwh: int = 0
    overstay_pct: int = 200
    reserve_minutes: int = 60
    minimum_pct: int = 0
    free_cancel_hours: int = 0
    no_show_pct: int = 0
    cancel_pct: int = 0
    hours_of_week: int = ALL_HOURS
    utc_offset: int = 0
    first_day: int = 0
    last_day: int = _MAX_16
    min_slots: int = 1
    max_slots: int = MAX_LEASE_SLOTS
    flags: int = DEFAULT_FLAGS
    fee_bps: int = 0

    def __post_init__(self) -> None:
        integer(self.price_per_slot, "price_per_slot", 1, _MAX_PRICE)
        integer(self.price_per_kwh, "price_per_kwh", 0, _MAX_PRICE)
        integer(self.overstay_pct, "overstay_pct", 100, 1000)
        integer(self.reserve_minutes, "reserve_minutes", 0, 1440)
        integer(self.minimum_pct, "minimum_pct", 0, 100)
        integer(self.free_cancel_hours, "free_cancel_hours", 0, _MAX_16)
        integer(self.no_show_pct, "no_show_pct", 0, 100)
        integer(self.cancel_pct, "cancel_pct", 0, self.no_show_pct)
        integer(self.hours_of_week, "hours_of_week", 1, ALL_HOURS)
        integer(self.utc_offset, "utc_offset", -48, 56)
        integer(self.first_day, "first_day", 0, _MAX_16)
        integer(self.last_day, "last_day", self.first_day, _MAX_16)
        integer(self.min_slots, "min_slots", 1, MAX_LEASE_SLOTS)
        integer(self.max_slots, "max_slots", self.min_slots, MAX_LEASE_SLOTS)
        integer(self.flags, "flags", 0, _MAX_16)
        integer(self.fee_bps, "fee_bps", 0, 1000)

    def struct(self) -> dict[str, int]:
        """The contract's `OfferTerms`, in its order: all but the fee, which is the market's own."""
        return {_camel(name): getattr(self, name) for name in STRUCT}


#: Names of the terms in the order of the contract's `OfferTerms`.
STRUCT = tuple(field.name for field in fields(Terms) if field.name != "fee_bps")


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def encode_words(terms: Terms) -> tuple[int, int]:
    """Words A and B of an offer."""
    values = asdict(terms)
    return _WORD_A.pack(values), _WORD_B.pack(values)


def decode_words(word_a: int, word_b: int) -> Terms:
    """The terms behind an offer's words; BerthError naming the field that no contract accepts."""
    return Terms(**_WORD_A.unpack(word_a), **_WORD_B.unpack(word_b))


def terms_from(values: dict[str, object]) -> Terms:
    """Terms from untrusted members of the same names. Unknown or missing ones are refused."""
    known = {field.name for field in fields(Terms)}
    for name in values:
        if name not in known:
            raise BerthError("offer.unknown", "is no term of an offer", field=name)
    if "price_per_slot" not in values:
        raise BerthError("offer.missing", "is missing", field="price_per_slot")
    return Terms(**values)  # type: ignore[arg-type]  # every field checks its own type


def hours_allow(terms: Terms, start_slot: int, slots: int) -> bool:
    """Does the offer share every hour of the week that the stay touches, in its local time?"""
    wanted = touched_hours(start_slot + terms.utc_offset, slots)
    return wanted & ~terms.hours_of_week == 0


def within_days(terms: Terms, start_slot: int, slots: int) -> bool:
    """Does the stay begin and end on local days that the offer covers?"""
    local = start_slot + terms.utc_offset
    first, last = local // SLOTS_PER_DAY, (local + slots - 1) // SLOTS_PER_DAY
    return terms.first_day <= first and last <= terms.last_day


def objections(terms: Terms, start_slot: int, slots: int) -> list[str]:
    """Codes of everything about the time that the offer refuses; empty when it allows the stay."""
    found = []
    if slots < terms.min_slots:
        found.append("offer.too_short")
    if slots > terms.max_slots:
        found.append("offer.too_long")
    if not hours_allow(terms, start_slot, slots):
        found.append("offer.hours")
    if not within_days(terms, start_slot, slots):
        found.append("offer.days")
    return found
