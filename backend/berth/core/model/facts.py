"""What callers bring, as facts: where the contract takes a signature, the model takes who signed.

`signed_by` names the account whose signature over exactly this content is attached. An account that
nobody has, ZERO for one, stands for a signature over anything else, or for no signature at all.
Addresses may be written in any case; numbers are not checked here, the verbs do that.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from berth.core.addresses import ZERO, parse_address
from berth.core.offer import Terms
from berth.core.title import Title

_ADDRESSES = frozenset(
    {"key", "signed_by", "maker_signed_by", "possession_signed_by", "driver", "payee"}
)


class _Fact:
    """Addresses in one spelling, so that equal ones are equal."""

    def __post_init__(self) -> None:
        for field in fields(self):  # type: ignore[arg-type]  # every fact is a dataclass
            if field.name in _ADDRESSES:
                address = parse_address(getattr(self, field.name), field.name)
                object.__setattr__(self, field.name, address)


@dataclass(frozen=True)
class HolderProof(_Fact):
    """A verifier's word that the owner is the holder of the title."""

    verifier: int
    valid_day: int
    nonce: int
    signed_by: str


@dataclass(frozen=True)
class LockProof(_Fact):
    """A lock's key, its maker's word for it, and the lock's own for this space and owner."""

    key: str
    maker: int
    valid_day: int
    maker_signed_by: str
    possession_signed_by: str


@dataclass(frozen=True)
class Registration(_Fact):
    """All that an owner brings to register or take over a space; `proven`: the Merkle path
    leads from this title to the current root."""

    title: Title
    holder: HolderProof
    lock: LockProof
    connectors: int = 0
    power: int = 0
    proven: bool = True

    @property
    def space_id(self) -> int:
        return self.title.city << 32 | self.title.index


@dataclass(frozen=True)
class OfferTerms(_Fact):
    """The terms of an offer as its owner gives them, in range or not."""

    price_per_slot: int
    price_per_kwh: int
    overstay_pct: int
    reserve_minutes: int
    minimum_pct: int
    free_cancel_hours: int
    no_show_pct: int
    cancel_pct: int
    hours_of_week: int
    utc_offset: int
    first_day: int
    last_day: int
    min_slots: int
    max_slots: int
    flags: int

    @classmethod
    def of(cls, terms: Terms) -> OfferTerms:
        return cls(**{field.name: getattr(terms, field.name) for field in fields(cls)})


@dataclass(frozen=True)
class VehicleProof(_Fact):
    """A verifier's word that the sender may use a vehicle. `signature` False: none was brought,
    because the vehicle is registered already."""

    plate_commitment: bytes
    size: int = 1
    until_slot: int = 1
    verifier: int = 0
    signed_by: str = ZERO
    signature: bool = True


@dataclass(frozen=True)
class LeaseRequest(_Fact):
    """What a driver leases."""

    space_id: int
    start_slot: int
    slots: int
    offer: int
    kwh_cap: int
    plate_commitment: bytes
    max_cost: int


@dataclass(frozen=True)
class ExtendRequest(_Fact):
    """What a driver adds to a lease."""

    lease_id: int
    slots: int
    kwh: int
    plate_commitment: bytes
    max_cost: int


@dataclass(frozen=True)
class Occupancy(_Fact):
    """What a lock saw; `from_` and `until` in Unix seconds."""

    lease_id: int
    kind: int
    from_: int
    until: int
    energy_wh: int = 0


@dataclass(frozen=True)
class Permit(_Fact):
    """An allowance by signature: `signed_by` signed for the market, this amount and deadline, and
    the `nonce`-th permit of that account."""

    amount: int
    deadline: int
    signed_by: str
    nonce: int
    v: int = 27


@dataclass(frozen=True)
class Agreement(_Fact):
    """What driver and payee agree to; `deposit` is the lease's when they did, so that an extension
    voids it; `valid_until` in Unix seconds, inclusive."""

    lease_id: int
    deposit: int
    cost: int
    valid_until: int
