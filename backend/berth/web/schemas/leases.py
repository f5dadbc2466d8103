"""Leases, for their parties."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from berth.web.schemas.common import (
    Address,
    Answer,
    Body,
    CurrencyOut,
    Hash,
    LeaseId,
    Minor,
    Outcome,
    Point,
    Signature,
    SpaceId,
    Time,
    Window,
)
from berth.web.schemas.spaces import AccessPointOut

State = Literal["booked", "parked", "claimed", "settled", "cancelled", "blocked"]


class TimesOut(Answer):
    """The instants of a lease: at each the earlier verbs end and the later begin."""

    start: Time
    end: Time
    evidence_until: Time = Field(description="T1: from then on it can be closed")
    claim_until: Time = Field(description="T2: from then on an overstay claim can be closed")
    dispute_until: Time = Field(description="T3: from then on a dispute can be closed")


class DepthOut(Answer):
    """How deep the booking is in the chain, n of m."""

    confirmations: int
    required: int
    seconds_left: int = Field(description="estimate; 0 when deep enough")
    confirmed: bool


class LeaseOut(Answer):
    """A lease, for its driver and its owner."""

    id: LeaseId
    space_id: SpaceId
    role: Literal["driver", "owner"] = Field(description="of the account that asks")
    state: State
    state_sentence: str
    disputed: bool
    disputed_by: Literal["driver", "owner"] | None
    disputed_at: Time | None
    no_show: bool = Field(description="while disputed, the lock saw nobody come")
    window: Window
    utc_offset: str = Field(description="of the leased offer's local time", examples=["+11:00"])
    slots: int
    epoch: int
    driver: Address
    owner: Address
    offer: int
    energy_cap_kwh: int
    deposit: Minor
    pulled: Minor = Field(description="of the deposit, what came from tokens; the rest from credit")
    cost: Minor | None = Field(description="what the driver paid; null: nothing is settled")
    plate_commitment: Hash = Field(description="of the vehicle that the lease is for now")
    booked_at: Time
    booked_block: int
    booked_transaction: Hash
    arrived_minute: int | None = Field(description="minutes after the start, rounded up")
    left_minute: int | None = Field(description="minutes after the start, rounded down")
    energy_wh: int
    overstay_claimed: Minor | None
    closes_by: Time | None = Field(description="from then on anybody may close it")
    compensation: Minor | None = Field(
        description="paid by the owner, who cancelled, to the driver; null: none"
    )
    arrived_transaction: Hash | None
    closed_transaction: Hash | None
    closed_at: Time | None


class LeasesOut(Answer):
    """Leases of the account, latest start first."""

    currency: CurrencyOut
    items: list[LeaseOut]
    next: str | None = Field(description="cursor of the next page")


class LockOut(Answer):
    """What the lock last said."""

    id: Address
    online: bool
    position: Literal["LOCKED", "UNLOCKED", "LOCKING", "UNLOCKING", "JAMMED"] | None
    occupied: bool | None
    fault: str | None
    camera: bool
    cycle: int = Field(description="the lock's occupancy counter")
    seen_at: Time | None


class GrantOut(Answer):
    """The lock's own copy of the lease."""

    state: Literal["pending", "published", "acknowledged", "revoked"]
    window: Window
    cycle: int


class PlateReadingOut(Answer):
    """What the lock's camera last made of a plate. The plate itself is not told."""

    match: bool
    confidence: float = Field(description="0 to 1")
    at: Time


class DecisionReason(Answer):
    """One reason against lowering the bar."""

    code: str = Field(examples=["near.missing"])
    sentence: str
    need: str | None = Field(description="what mends it")


class Need(Answer):
    """What has to happen next."""

    code: str
    sentence: str


class DecisionOut(Answer):
    """Would the bar go down now?"""

    allowed: bool
    reasons: list[DecisionReason]
    needs: list[Need]
    retry_after: int | None = Field(
        description="seconds after which it is allowed by itself; null when something must happen"
    )


class ConfirmationOut(Answer):
    """What the driver signs to have the bar lowered (EIP-712)."""

    cycle: int
    at: int = Field(description="Unix seconds; good for 120 s")
    typed_data: dict[str, Any]


class LeaseDetailOut(LeaseOut):
    """A lease with all that happens around it."""

    now: Time = Field(description="the service's time, which follows the chain's")
    times: TimesOut
    verbs: list[str] = Field(description="what the account may do with it now, by the index")
    cancel_charge: Minor | None = Field(
        description="what `cancel` would cost the driver, `ownerCancel` the owner, now; "
        "null: neither is possible for the account"
    )
    no_show_charge: Minor = Field(description="what not coming costs the driver at most")
    currency: CurrencyOut
    depth: DepthOut
    lock: LockOut
    lowered: bool = Field(
        description="the lock's last word was that its bar is down for this lease"
    )
    grant: GrantOut | None
    plate_reading: PlateReadingOut | None
    unlock: DecisionOut | None = Field(description="for the driver, while the lease is open")
    confirmation: ConfirmationOut | None = Field(description="for the driver, while it is open")


class MapLinkOut(Answer):
    """A way to open the place."""

    app: str
    name: str
    url: str
    system: Literal["WGS-84", "GCJ-02"] = Field(description="of the numbers in the link")


class FenceOut(Answer):
    """Where the terminal says "entered": evaluated there, the position stays there."""

    point: Point
    radius_m: int


class NavigationOut(Answer):
    """The exact place, for the lessee of a confirmed lease."""

    lease_id: LeaseId
    space_id: SpaceId
    window: Window
    address: str
    point: Point
    entrance: Point | None
    level: str
    instructions: str
    access: list[AccessPointOut] = Field(description="in the order in which one passes them")
    fence: FenceOut
    geo_uri: str
    links: list[MapLinkOut]
    source: Literal["owner", "title"]


class PresenceBody(Body):
    """What the driver's terminal tells of itself."""

    event: Literal["entered", "here"] = Field(
        description='entered: it came into the fence; here: the driver pressed "I\'m here"'
    )


class UnlockBody(Body):
    """The driver's fresh word over `confirmation.typedData` of the lease."""

    cycle: Annotated[int, Field(ge=0, lt=1 << 32)]
    at: Annotated[int, Field(ge=0, lt=1 << 40)] = Field(description="Unix seconds of signing")
    signature: Signature


class UnlockOut(Answer):
    """The confirmation is kept; this is what it brings."""

    lease_id: LeaseId
    cycle: int
    decision: DecisionOut


class PresenceOut(Answer):
    """Noted; this is what stands against lowering the bar now."""

    lease_id: LeaseId
    event: str
    decision: DecisionOut


class ReceiptOut(Answer):
    """The settlement of a lease, for its parties. Amounts in minor units."""

    lease_id: LeaseId
    space_id: SpaceId
    number: int = Field(description="of the settlement in the chain's ledger")
    outcome: Outcome
    outcome_sentence: str
    window: Window
    driver: Address
    owner: Address
    currency: CurrencyOut
    deposit: Minor
    rent: Minor
    overstay: Minor
    energy: Minor
    cost: Minor = Field(description="rent + overstay + energy: what the driver paid")
    fee: Minor = Field(description="the platform's part of the cost")
    owner_share: Minor = Field(description="cost - fee: what the owner was credited")
    refund: Minor = Field(description="deposit - cost: what the driver was credited back")
    compensation: Minor | None = Field(
        description="paid by the owner, who cancelled, to the driver; null: none"
    )
    billed_minutes: int | None = Field(description="minutes of rent; null when not by the minute")
    overstay_minutes: int | None
    arrived_minute: int | None
    left_minute: int | None
    energy_wh: int
    closed_at: Time
    record_hash: Hash
    head: Hash = Field(description="the ledger's head after this record")
    block: int
    final: bool = Field(
        description="its block is so deep in the chain that it can no longer be replaced"
    )
    transaction: Hash
