"""Configuration and health."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from berth.web.schemas.common import (
    Address,
    Answer,
    City,
    CurrencyOut,
    Hash,
    Minor,
    Point,
    Problem,
    Time,
)


class ChainOut(Answer):
    """Which chain."""

    id: int
    name: str = Field(examples=["Sepolia"])
    genesis_hash: Hash
    rpc_urls: list[str] = Field(
        description="nodes that browsers may ask, the preferred one first; may be empty"
    )
    local: bool = Field(description="play money on a chain of this installation's own or a test's")


class LocalOut(Answer):
    """What `/v1/local` has for trying out; all of it is play money and simulated."""

    guest: bool = Field(description="a throw-away wallet in the browser will do")
    funds: bool
    credit: Minor = Field(description="what a new visitor gets to park with, minor units")
    titles: bool = Field(description="titles that visitors may take, with simulated locks")
    vehicles: bool
    cars: bool = Field(description="simulated cars before the locks of one's leases")
    time: bool = Field(description="the chain's clock may be moved ahead")


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


class SponsorOut(Answer):
    """The operator pays for what accounts sign (`/v1/intents/prepare`)."""

    forwarder: Address
    domain: DomainOut = Field(description="of the requests that are signed for it")
    verbs: list[str] = Field(description="of the market, that are paid for")


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


class PlaceOut(Answer):
    """A city where spaces are shared."""

    city: City
    name: str = Field(description="a search by words finds it by this name")
    point: Point = Field(description="middle of the cell (1.2 km x 0.6 km) with most of them")
    utc_offset: str | None = Field(
        description="of the newest offer's local time there", examples=["+11:00"]
    )
    spaces: int = Field(description="listed with an offer")


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
    tiles_attribution: str = Field(description="whose the tiles are: text to show on the map")
    places: list[PlaceOut] = Field(
        description="where spaces are shared, most of them first, at most 12"
    )
    sponsor: SponsorOut | None = Field(description="null where accounts pay for themselves")
    local: LocalOut | None = Field(description="null where money is worth something")


class HealthOut(Answer):
    """The process answers."""

    status: Literal["ok"] = "ok"


class PartOut(Answer):
    """One part that requests need."""

    name: Literal["database", "index", "node", "broker"]
    ok: bool
    code: str | None = Field(description="stable name of what is wrong", examples=["index.behind"])
    sentence: str


class ReadyOut(Answer):
    """Everything that requests need answers, in time."""

    status: Literal["ready"] = "ready"
    lag_blocks: int
    lag_seconds: int = Field(description="age of the newest indexed block")
    checks: list[PartOut]


class NotReadyOut(Problem):
    """Something that requests need is missing: each check with its reason."""

    checks: list[PartOut]


class IndexOut(Answer):
    """How far the index is."""

    block: int
    block_hash: Hash
    block_at: Time
    head: int
    lag_blocks: int
    lag_seconds: int = Field(description="age of the newest indexed block")
    updated_at: Time
    blocks_per_second: float | None = Field(description="while it is catching up")
    events_per_second: float | None = Field(description="while it is catching up")
    eta_seconds: int | None = Field(description="until it has caught up")


class ReorgsOut(Answer):
    """Reorgs since the index was made."""

    count: int
    deepest: int = Field(description="blocks")
    last_at: Time | None


class NodeOut(Answer):
    """One of the chain's nodes, in the order of preference."""

    number: int
    used: bool
    reason: str | None = Field(description="why it is not used, in words")


class RoleOut(Answer):
    """A process of the installation."""

    name: str
    role: str
    state: str
    reason: str | None
    alive: bool
    seen_at: Time


class SentOut(Answer):
    """A transaction of the platform's own key."""

    purpose: str
    hash: Hash
    state: str
    at: Time


class WorkOut(Answer):
    """What waits, what was given up, what went wrong. Rows by state."""

    outbox: dict[str, int]
    commands: dict[str, int]
    commands_late: int = Field(description="under way beyond their deadline")
    evidence: dict[str, int]
    transactions: dict[str, int]
    dead_letters: int
    incidents: dict[str, int] = Field(description="open ones by kind")
    last_transaction: SentOut | None
    spent_today: str = Field(description="wei, UTC day")
    spend_cap: str = Field(description="wei a day")


class PurseOut(Answer):
    """The account that pays for what accounts sign."""

    level: Literal["ok", "low", "empty", "stuck"]
    account: Address
    balance: str = Field(description="wei")
    calls_left: int = Field(description="calls that it still pays for, at today's price of gas")
    waiting: int = Field(description="calls that it brought and that are not mined")
    oldest_seconds: int = Field(description="for how long the oldest of them is out")


class StatusOut(Answer):
    """The state of the platform. What the database knows is null while it does not answer."""

    state: Literal["ok", "attention", "catching_up", "paused", "trouble"]
    sentence: str
    now: Time
    checks: list[PartOut]
    missing: list[str] = Field(description="roles of which no process lives")
    index: IndexOut | None
    reorgs: ReorgsOut | None
    nodes: list[NodeOut]
    roles: list[RoleOut]
    work: WorkOut | None
    sponsor: PurseOut | None = Field(
        description="null where nobody pays for accounts, and while node or database do not answer"
    )
    currency: CurrencyOut
    spaces: int | None
    offers: int | None
    open_leases: int | None
    settlements: int | None
    titles: int | None
    cities: int | None
    escrow: Minor | None
    fees: Minor | None
    ledger_head: Hash | None
    locks_online: int | None
    locks: int | None
