"""Titles, spaces, offers, private records."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from berth.market.vocabulary import CONNECTORS
from berth.web.schemas.common import (
    ONE_LINE,
    SEVERAL_LINES,
    Address,
    AddressIn,
    Answer,
    AnySignature,
    Body,
    Bytes32,
    City,
    CurrencyOut,
    Hash,
    Minor,
    Point,
    SpaceId,
    Time,
    TransactionOut,
    Window,
)

Connector = Literal["type2", "ccs2", "chademo", "type1", "nacs", "gbt_ac", "gbt_dc", "domestic"]
assert Connector.__args__ == CONNECTORS  # type: ignore[attr-defined]  # noqa: S101 - one list

Word256 = Annotated[int, Field(ge=0, lt=1 << 256)]
Label = Annotated[str, StringConstraints(strip_whitespace=True, max_length=80), ONE_LINE]
Prose = Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000), SEVERAL_LINES]


class EditionOut(Answer):
    """A city's anchored edition of parking titles."""

    city: City
    number: int = Field(description="the city's number on the chain")
    name: str | None
    edition: int
    count: int = Field(description="titles in it")
    revoked: int = Field(description="of them revoked since")
    root: Hash
    content_hash: Hash = Field(description="SHA-256 of the edition's canonical content")
    attribution: str | None = Field(description="source and licence of the data")
    holders: Literal["generated", "real", "mixed"] | None = Field(
        description="whether the holders' names are real or generated; null where the library of"
        " this city is kept elsewhere"
    )
    published_at: Time
    block: int
    transaction: Hash


class TitleBody(Body):
    """One record of an edition, as it is hashed. What is in it is judged by the chain."""

    city: City
    index: Annotated[int, Field(ge=0, lt=1 << 32)]
    salted_holder: Bytes32
    address_hash: Bytes32
    cell: Word256 = Field(description="geohash of six characters as 30 bits")
    attributes: Word256 = Field(
        description="kind 8 bits, sharing allowed 1, height, width, length 16 each, low to high"
    )
    valid_day: Word256 = Field(description="last day of validity, days since 1970-01-01 UTC")


class HolderBody(Body):
    """A verifier's attestation of the wallet."""

    verifier: Word256 = Field(description="attester id")
    valid_day: Word256 = Field(description="days since 1970-01-01 UTC")
    nonce: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,78}$")] = Field(
        description="decimal text of up to 256 bits"
    )
    signature: AnySignature


class LockBody(Body):
    """A lock's key with its maker's attestation and its proof of possession."""

    key: AddressIn
    maker: Word256 = Field(description="attester id")
    valid_day: Word256 = Field(description="days since 1970-01-01 UTC")
    maker_signature: AnySignature
    possession: AnySignature


class RegistrationBody(Body):
    """All that an owner brings to register a space."""

    title: TitleBody
    proof: Annotated[list[Bytes32], Field(max_length=64, description="Merkle path of the title")]
    holder: HolderBody
    lock: LockBody
    connectors: Annotated[list[Connector], Field(max_length=8)] = Field(default_factory=list)
    power_w: Annotated[int, Field(ge=0, le=10_000_000, multiple_of=100)] = Field(
        default=0, description="charger power, watts; 0 = no charger"
    )


class ReasonOut(Answer):
    """One reason against a registration."""

    code: str = Field(examples=["title.revoked"])
    bit: int = Field(description="its bit in the chain's bitmap")
    field: str
    pointer: str
    sentence: str


class CheckOut(Answer):
    """What the chain says of a registration, now."""

    compliant: bool
    space_id: SpaceId
    bitmap: str = Field(description="the chain's answer, hexadecimal", examples=["0x4000000"])
    reasons: list[ReasonOut]
    transaction: TransactionOut | None = Field(description="registers the space; when compliant")


class ProofBody(Body):
    """Which title, and who says whose it is."""

    city: City
    index: Annotated[int, Field(ge=0, lt=1 << 32)]
    holder: HolderBody | None = Field(
        default=None,
        description="a verifier's word that the account is the title's holder, as for a"
        " registration; not needed by who has taken a generated title on a local chain",
    )


class TitleOut(Answer):
    """One record, as it is hashed; goes unchanged into `POST /v1/spaces/check`."""

    city: City
    index: int
    salted_holder: Hash
    address_hash: Hash
    cell: int
    attributes: int
    valid_day: int


class ProofOut(Answer):
    """The holder's own proof. Salts open the hashes: keep them."""

    space_id: SpaceId
    edition: int
    root: Hash
    title: TitleOut
    proof: list[Hash]
    holder: str
    address: str
    address_salt: Hash
    holder_generated: bool
    point: Point = Field(description="where the registry has it, exact")


class OfferOut(Answer):
    """An offer. Amounts in minor units; percent of the normal price or of the booked rent."""

    number: int
    price_per_slot: Minor = Field(description="for 15 minutes, minor units")
    price_per_kwh: Minor
    overstay_percent: int
    reserve_minutes: int = Field(description="longest overstay that the deposit covers")
    minimum_percent: int = Field(description="of the booked rent, due even when leaving early")
    free_cancel_hours: int
    no_show_percent: int
    cancel_percent: int
    hours_of_week: str = Field(
        description="168 bits as hexadecimal, bit 0 = Monday 00:00 to 01:00 local time"
    )
    utc_offset: str = Field(description="of the offer's local time", examples=["+11:00"])
    first_day: str = Field(description="local date", json_schema_extra={"format": "date"})
    last_day: str = Field(description="local date", json_schema_extra={"format": "date"})
    minimum_minutes: int
    maximum_minutes: int
    requires: list[Literal["plate", "confirm", "near"]] = Field(
        description="what the unlock requires"
    )
    fee_basis_points: int = Field(description="platform fee within the cost, 1/10000")


class ChargerOut(Answer):
    """A charger of a space."""

    connectors: list[Connector]
    power_w: int = Field(description="watts")


class SpaceOut(Answer):
    """What everybody may know of a space. Its exact place is not among it."""

    id: SpaceId
    city: City
    index: int
    owner: Address
    lock: Address = Field(description="the lock's key")
    kind: str = Field(examples=["garage"])
    height_cm: int = Field(description="clearance, cm; 0 = open air")
    width_cm: int = Field(description="cm")
    length_cm: int = Field(description="cm")
    charger: ChargerOut | None
    cell: str = Field(description="geohash of six characters, about 1.2 km x 0.6 km")
    public_point: Point = Field(description="chosen by the owner; by default the cell's centre")
    area: str | None = Field(description="the owner's words for the area")
    listed: bool = Field(description="false once sharing was ended: nobody can lease it")
    manager: Address | None = Field(
        description="may publish and withdraw offers, block and unblock, beside the owner"
    )
    valid_until: str = Field(
        description="last UTC date on which it can be leased", json_schema_extra={"format": "date"}
    )
    registered_at: Time
    transaction: Hash


class SpaceDetailOut(SpaceOut):
    """A space with its offers."""

    currency: CurrencyOut
    offers: list[OfferOut] = Field(description="newest first, at most 50")


class CalendarOut(Answer):
    """When a space is taken. Who has it is not told."""

    space_id: SpaceId
    window: Window
    slot_seconds: int = 900
    taken: list[Window]


class AccessPointBody(Body):
    """One thing to pass on the way in."""

    kind: Literal["gate", "lock", "none"] = Field(description="none: instructions only")
    instructions: Prose = ""


class PrivateBody(Body):
    """The exact place. Only the lessee of a confirmed lease will be told."""

    address: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=2, max_length=300), ONE_LINE
    ]
    salt: Bytes32 | None = Field(
        default=None, description="opens the on-chain address hash; then the address must match it"
    )
    point: Point = Field(description="the space itself, exact")
    entrance: Point | None = Field(default=None, description="where to drive to")
    level: Annotated[str, StringConstraints(strip_whitespace=True, max_length=40), ONE_LINE] = ""
    instructions: Prose = ""
    access: Annotated[
        list[AccessPointBody],
        Field(min_length=1, max_length=8, description="in the order in which one passes them"),
    ] = Field(default_factory=lambda: [AccessPointBody(kind="lock")])
    public_point: Point | None = Field(
        default=None, description="where everybody may think it is; null: the cell's centre"
    )
    public_area: Label = Field(default="", description="words that everybody may search by")


class AccessPointOut(Answer):
    """One thing to pass on the way in."""

    kind: Literal["gate", "lock", "none"]
    instructions: str


class PrivateOut(Answer):
    """A space's private record, for its owner and manager."""

    space_id: SpaceId
    address: str
    address_proven: bool = Field(description="it opens the on-chain address hash")
    point: Point
    entrance: Point | None
    level: str
    instructions: str
    access: list[AccessPointOut]
    public_point: Point | None
    public_area: str
    source: Literal["owner", "title"] = Field(description="title: the registry's, none handed in")
    updated_at: Time | None
