"""What all shapes share: names, times, amounts, places, problems."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from berth.core.addresses import checksum
from berth.core.errors import BerthError
from berth.core.geo import check_place
from berth.core.ids import LEASE_DIGITS, SPACE_DIGITS
from berth.core.money import Currency, minor_text
from berth.core.zones import rfc3339


class Answer(BaseModel):
    """Something that the service says."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Body(BaseModel):
    """Something that a client says. Members that nobody knows are refused, not ignored."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


def _one_line(text: str, besides: str = "") -> str:
    if any(unicodedata.category(char) == "Cc" and char not in besides for char in text):
        raise PydanticCustomError("string_unicode", "Input should have no control characters")
    return text


def _several_lines(text: str) -> str:
    return _one_line(text, "\t\r\n")


#: Text that people write for people: without control characters (of which PostgreSQL keeps no NUL),
#: but for those that make lines.
ONE_LINE, SEVERAL_LINES = AfterValidator(_one_line), AfterValidator(_several_lines)

Time = Annotated[
    str,
    Field(
        description="RFC 3339, UTC, whole seconds",
        examples=["2026-11-21T08:00:00Z"],
        json_schema_extra={"format": "date-time"},
    ),
]
Moment = Annotated[
    AwareDatetime, Field(description="RFC 3339 with an offset", examples=["2026-11-21T08:00:00Z"])
]
Minor = Annotated[
    str,
    Field(
        description="whole number of the currency's minor units, as decimal text",
        pattern=r"^(0|[1-9][0-9]*)$",
        examples=["12340000"],
    ),
]
Address = Annotated[
    str,
    Field(
        description="account or contract, EIP-55 checksummed",
        examples=["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"],
    ),
]
SpaceId = Annotated[
    str,
    Field(
        description="city 32 bits, index 32 bits; 0x and 16 lower-case hexadecimal digits",
        examples=["0x0011c2f50000002a"],
    ),
]
LeaseId = Annotated[
    str,
    Field(description="space, start slot, epoch; 0x and 28 lower-case hexadecimal digits"),
]
Hash = Annotated[str, Field(description="0x and 64 hexadecimal digits")]
Hex = Annotated[
    str, StringConstraints(pattern=r"^0x([0-9a-fA-F]{2})*$"), Field(description="bytes, 0x hex")
]
Bytes32 = Annotated[
    str,
    StringConstraints(pattern=r"^0x[0-9a-fA-F]{64}$"),
    Field(description="32 bytes, 0x and 64 hexadecimal digits"),
]
Signature = Annotated[
    str,
    StringConstraints(pattern=r"^0x[0-9a-fA-F]{130}$"),
    Field(description="65 bytes r, s, v"),
]
AnySignature = Annotated[
    str,
    StringConstraints(pattern=r"^0x([0-9a-fA-F]{2}){0,4096}$"),
    Field(description="65 bytes of a key, or what the account's contract takes (ERC-1271)"),
]
AddressIn = Annotated[
    str, StringConstraints(pattern=r"^0x[0-9a-fA-F]{40}$"), Field(description="an account")
]
City = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z]{2} ?[A-Za-z2-9]{3}$"),
    Field(description="UN/LOCODE", examples=["AUMEL"]),
]
Centimetres = Annotated[int, Field(description="cm", ge=0, le=65535)]

Outcome = Literal[
    "departed",
    "accepted",
    "matured",
    "presumed",
    "unused",
    "cancelled",
    "cancelled_by_owner",
    "obstructed",
    "no_show",
    "resolved",
    "agreed",
    "lapsed",
]

SPACE_PATTERN = rf"^0x[0-9a-fA-F]{{{SPACE_DIGITS}}}$"
LEASE_PATTERN = rf"^0x[0-9a-fA-F]{{{LEASE_DIGITS}}}$"


class VehicleProofBody(Body):
    """A verifier's word for a vehicle, as the contract takes it."""

    plate_commitment: Bytes32
    size: Annotated[int, Field(ge=1, le=4)]
    until_slot: Annotated[
        int, Field(ge=1, lt=1 << 32, description="first slot that is not covered any more")
    ]
    verifier: Annotated[int, Field(ge=1, le=127, description="attester id")]
    signature: Signature


class CurrencyOut(Answer):
    """The asset that amounts are in."""

    symbol: str = Field(examples=["tEUR"])
    decimals: int = Field(description="digits of one whole unit that are minor units", examples=[6])

    @classmethod
    def of(cls, currency: Currency) -> CurrencyOut:
        return cls(symbol=currency.symbol, decimals=currency.decimals)


class Point(BaseModel):
    """A GeoJSON point, WGS-84."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["Point"] = "Point"
    coordinates: tuple[float, float] = Field(
        description="longitude, latitude (decimal degrees)", examples=[[144.9632, -37.8142]]
    )

    @field_validator("coordinates")
    @classmethod
    def on_earth(cls, value: tuple[float, float]) -> tuple[float, float]:
        try:
            check_place(value[1], value[0])
        except BerthError as error:
            raise ValueError(str(error)) from error
        return value

    @classmethod
    def of(cls, lat: float, lon: float) -> Point:
        return cls(coordinates=(round(lon, 7), round(lat, 7)))

    @property
    def place(self) -> tuple[float, float]:
        """(latitude, longitude)"""
        return self.coordinates[1], self.coordinates[0]


class Window(Answer):
    """A run of time, from included, until excluded."""

    start: Time
    end: Time

    @classmethod
    def of(cls, start: int, end: int) -> Window:
        return cls(start=rfc3339(start), end=rfc3339(end))


class WindowIn(Body):
    """The wanted time; it is rounded out to slots of 15 minutes."""

    start: Moment
    end: Moment

    @property
    def seconds(self) -> tuple[int, int]:
        """Unix seconds, the end rounded up."""
        end = self.end.timestamp()
        return int(self.start.timestamp()), int(-(-end // 1))


class FieldProblem(Answer):
    """One field at fault."""

    field: str = Field(description="dotted name", examples=["window.start"])
    pointer: str = Field(description="JSON pointer (RFC 6901)", examples=["/window/start"])
    detail: str


class Problem(Answer):
    """RFC 9457 problem."""

    type: str = Field(examples=["urn:berth:problem:lease.unknown"])
    title: str
    status: int
    code: str = Field(description="stable name of the problem", examples=["lease.unknown"])
    detail: str
    instance: str | None = None
    errors: list[FieldProblem] = Field(default_factory=list)


class Sentence(Answer):
    """A reason with its stable code and words."""

    code: str
    sentence: str


class TransactionOut(Answer):
    """A call for the wallet to sign and send."""

    purpose: str = Field(description="the contract's verb")
    chain_id: int
    to: Address
    data: Hex
    value: Literal["0x0"] = "0x0"


def amount(minor: int) -> str:
    """Minor units as decimal text."""
    return minor_text(minor)


def account(address: str) -> str:
    """An address for people."""
    return checksum(address)


def moment(at: int | None) -> str | None:
    """Unix seconds as RFC 3339; None stays None."""
    return None if at is None else rfc3339(at)
