"""Search and quotes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from berth.core.errors import BerthError
from berth.market.search import MAX_PAGE, MAX_RADIUS
from berth.web.schemas.common import (
    SPACE_PATTERN,
    Answer,
    Body,
    Bytes32,
    CurrencyOut,
    LeaseId,
    Minor,
    Point,
    Sentence,
    SpaceId,
    TransactionOut,
    VehicleProofBody,
    Window,
    WindowIn,
)
from berth.web.schemas.spaces import Connector, OfferOut, SpaceOut

Measure = Annotated[int, Field(ge=1, le=3000)]


class PlaceBody(Body):
    """Where: a point with a radius, words for an area or city, or both."""

    point: Point | None = None
    radius_m: Annotated[int, Field(ge=10, le=MAX_RADIUS)] = Field(
        default=800, description="metres around the point, as the crow flies"
    )
    text: Annotated[str, StringConstraints(strip_whitespace=True, max_length=80)] | None = Field(
        default=None, description="every word must be in the owner's words or the city's name"
    )

    @model_validator(mode="after")
    def somewhere(self) -> PlaceBody:
        if self.point is None and not (self.text and any(c.isalnum() for c in self.text)):
            message = "give a point or words"
            raise ValueError(message) from BerthError("search.place", message)
        return self


class SizeBody(Body):
    """Outer measures of the vehicle, cm."""

    height_cm: Measure
    width_cm: Measure
    length_cm: Measure


class ChargeBody(Body):
    """What the vehicle needs of a charger."""

    connector: Connector
    min_power_w: Annotated[int, Field(ge=0, le=6_553_500)] = Field(default=0, description="watts")
    energy_kwh: Annotated[int, Field(ge=1, le=255)] = Field(
        description="kWh; becomes the lease's cap, and must go through within the stay"
    )


class SearchBody(Body):
    """A parking request."""

    place: PlaceBody
    window: WindowIn
    vehicle: SizeBody | None = None
    charger: ChargeBody | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 20
    cursor: str | None = Field(default=None, description="`next` of the page before")


class MarkOut(Answer):
    """One part of a score."""

    name: str = Field(examples=["cost"])
    value: float = Field(description="0 to 1")
    weight: float = Field(description="0 to 1; the weights of a score add up to 1")


class CandidateOut(Answer):
    """A free space that satisfies the whole request."""

    space: SpaceOut
    offer: int = Field(description="number of the cheapest fitting offer")
    utc_offset: str = Field(description="of that offer's local time", examples=["+11:00"])
    maximum_cost: Minor = Field(description="the deposit: it can never cost more, minor units")
    expected_cost: Minor = Field(description="booked time and the energy asked for, minor units")
    walk_m: int | None = Field(description="metres to the public point; null without a point")
    walk_minutes: int | None
    score: float = Field(description="0 to 1")
    marks: list[MarkOut]
    why: str = Field(
        description="why it stands where it stands, and for how long it is free after the stay:"
        " what the other members do not say"
    )


class SearchOut(Answer):
    """Candidates, best first."""

    window: Window = Field(description="the slots that would be leased")
    currency: CurrencyOut
    total: int = Field(description="spaces that satisfy the request")
    items: list[CandidateOut]
    next: str | None = Field(description="cursor of the next page; the best 500 can be paged")


class QuoteBody(Body):
    """A stay under one offer."""

    space_id: Annotated[str, StringConstraints(pattern=SPACE_PATTERN)]
    offer: Annotated[int, Field(ge=1, le=65535)]
    window: WindowIn
    energy_kwh: Annotated[int, Field(ge=0, le=255)] = Field(
        default=0, description="most energy to be bought, kWh"
    )
    plate_commitment: Bytes32 | None = Field(
        default=None, description="the attested vehicle; needed for the transaction"
    )
    vehicle: VehicleProofBody | None = Field(
        default=None,
        description="of a vehicle that the chain has not: it is registered with the lease",
    )


class FundsOut(Answer):
    """What the driver can pay with now, minor units."""

    credit: Minor
    token_balance: Minor
    allowance: Minor = Field(description="tokens that the market may take")
    pulled: Minor = Field(description="of the deposit, what would come from tokens")


class QuoteOut(Answer):
    """What a stay will cost, by the index and by the chain, which agree."""

    space_id: SpaceId
    offer: OfferOut
    window: Window
    slots: int
    currency: CurrencyOut
    maximum_cost: Minor = Field(description="the deposit, minor units")
    expected_cost: Minor = Field(description="booked time and the energy asked for")
    minimum_cost: Minor = Field(description="due for any stay, however short")
    rent: Minor
    energy_reserve: Minor
    overstay_reserve: Minor
    overstay_per_hour: Minor
    leasable: bool
    objections: list[Sentence] = Field(description="what the contract would refuse now")
    funds: FundsOut
    transactions: list[TransactionOut] = Field(
        description="to be sent in this order; empty without a vehicle or with an objection"
    )
    request: dict[str, Any] = Field(description="the contract's LeaseRequest, readable")
    call: Literal["lease", "leaseWithVehicle", "leaseWithPermit"] | None = Field(
        description="the one verb that does it, with the permit where there is one; null: nothing"
    )
    permit: dict[str, Any] | None = Field(
        description="EIP-2612 typed data for exactly what would be pulled; null when the allowance"
        " covers it, or the token or the account knows no permits"
    )
    lease_id: LeaseId | None = Field(description="what the lease will have, if nobody is faster")
