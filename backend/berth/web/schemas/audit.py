"""The public ledger of settlements."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from berth.web.schemas.common import (
    Address,
    Answer,
    CurrencyOut,
    Hash,
    LeaseId,
    Minor,
    Outcome,
    SpaceId,
    Time,
    Window,
)
from berth.web.schemas.spaces import OfferOut


class HeadOut(Answer):
    """The index's ledger beside the chain's."""

    verdict: Literal["complete", "syncing", "gap", "mismatch", "misbilled"]
    sentence: str
    index_count: int
    index_head: Hash
    chain_count: int
    chain_head: Hash
    block: int | None = Field(description="the block at which the chain was asked; null: newest")


class SettlementOut(Answer):
    """One record of the ledger. Amounts in minor units."""

    number: int
    lease_id: LeaseId
    space_id: SpaceId
    window_start: Time
    outcome: Outcome
    owner: Address
    driver: Address
    offer: int
    rent: Minor
    overstay: Minor
    energy: Minor
    fee: Minor
    refund: Minor
    arrived: int = Field(description="minute from the start plus 1, 0 = none: as hashed")
    until: int = Field(description="minute from the start")
    energy_wh: int
    closed_at: Time
    record_hash: Hash
    head: Hash
    block: int
    final: bool = Field(
        description="its block is so deep in the chain that it can no longer be replaced"
    )
    transaction: Hash


class TotalsOut(Answer):
    """Sums over all settlements that a filter finds, not over one page. Amounts in minor units."""

    count: int
    rent: Minor
    overstay: Minor
    energy: Minor
    fee: Minor
    owner_share: Minor = Field(description="rent + overstay + energy - fee")
    refund: Minor


class SettlementsOut(Answer):
    """Settlements in the order of the ledger."""

    currency: CurrencyOut
    items: list[SettlementOut]
    totals: TotalsOut | None = Field(description="only when asked for")
    next: str | None = Field(description="cursor of the next page")


class EvidenceOut(Answer):
    """What the lock signed."""

    kind: Literal["arrived", "left", "blocked", "no_show"]
    from_: int = Field(alias="from", description="Unix seconds")
    until: int = Field(description="Unix seconds")
    energy_wh: int
    lock: Address
    signature: str
    transaction: Hash | None


class BookingOut(Answer):
    """How the lease began."""

    window: Window
    slots: int
    energy_cap_kwh: int
    deposit: Minor
    pulled: Minor
    plate_commitment: Hash
    booked_at: Time
    block: int
    transaction: Hash


class ChargeOut(Answer):
    """What the lease's terms give for this end, computed anew from them."""

    rule: str = Field(description="how this outcome charges, in words")
    agrees: bool
    objection: str | None = Field(description="what does not agree, in words")
    compensation: Minor = Field(
        description="what the owner owed the driver beside the record, from credit to credit"
    )


class RecomputedOut(Answer):
    """The same hashes, computed here from the fields."""

    previous_head: Hash
    record_hash: Hash
    head: Hash
    agrees: bool


class SettlementDetailOut(SettlementOut):
    """One settlement with everything that led to it."""

    currency: CurrencyOut
    cost: Minor
    owner_share: Minor
    deposit: Minor
    booking: BookingOut
    terms: OfferOut
    offer_transaction: Hash
    registration_transaction: Hash
    arrived_transaction: Hash | None
    claimed_transaction: Hash | None
    evidence: list[EvidenceOut] = Field(description="as far as it came through this service")
    bill: dict[str, Any] | None = Field(
        description="the bill recomputed from the terms and the record; null when by other rules"
    )
    compensation: Minor | None = Field(
        description="paid by the owner to the driver beside the record; null: none"
    )
    charge: ChargeOut
    recomputed: RecomputedOut
