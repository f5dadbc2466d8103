"""Configuration and health."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from berth.web.schemas.common import Address, Answer, CurrencyOut, Hash, Minor, Time


class ChainOut(Answer):
    """Which chain."""

    id: int
    genesis_hash: Hash


class ContractsOut(Answer):
    """Where the contracts are."""

    titles: Address
    market: Address
    forwarder: Address
    timelock: Address
    asset: Address


class DomainOut(Answer):
    """The EIP-712 domain of everything that is signed."""

    name: str
    version: str
    chain_id: int
    verifying_contract: Address


class AttesterOut(Answer):
    """Somebody whose word counts."""

    id: int
    account: Address
    roles: list[Literal["holders", "vehicles", "locks"]]
    revoked: bool


class PolicyOut(Answer):
    """The limits that leases and unlocks are held to."""

    slot_seconds: int
    max_stay_slots: int
    max_ahead_slots: int
    grace_minutes: int = Field(description="after the end, before overstay counts")
    early_seconds: int = Field(description="before the start, from which the lock obeys")
    fresh_seconds: int = Field(description="how long a plate reading or confirmation counts")
    min_confidence: float = Field(description="of a plate reading, 0 to 1")
    session_seconds: int
    fence_m: int = Field(description="radius of the geofence, metres")


class ConfigOut(Answer):
    """What a client needs to know of this installation."""

    name: Literal["Berth"] = "Berth"
    version: str
    now: Time
    chain: ChainOut
    contracts: ContractsOut
    domain: DomainOut
    currency: CurrencyOut
    fee_basis_points: int = Field(description="of offers published now")
    paused_until: Time | None
    policy: PolicyOut
    attesters: list[AttesterOut]
    connectors: list[str] = Field(description="by bit, from bit 0")
    tiles_url: str | None


class HealthOut(Answer):
    """The process answers."""

    status: Literal["ok"] = "ok"


class ReadyOut(Answer):
    """Everything that requests need answers."""

    status: Literal["ready"] = "ready"
    lag_blocks: int


class IndexOut(Answer):
    """How far the index is."""

    block: int
    block_hash: Hash
    block_at: Time
    head: int
    lag_blocks: int
    updated_at: Time


class StatusOut(Answer):
    """The state of the platform."""

    state: Literal["ok", "catching_up", "paused", "trouble"]
    sentence: str
    now: Time
    index: IndexOut | None
    currency: CurrencyOut
    spaces: int
    offers: int
    open_leases: int
    settlements: int
    titles: int
    cities: int
    escrow: Minor
    fees: Minor
    ledger_head: Hash
    locks_online: int
    locks: int
