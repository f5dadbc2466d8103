"""Play money, papers and simulated cars of a local chain."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from berth.web.schemas.common import (
    Address,
    Answer,
    Body,
    CurrencyOut,
    Hash,
    Hex,
    Minor,
    Point,
    Time,
)
from berth.web.schemas.spaces import Connector, ProofOut, RegistrationBody

Size = Literal["small", "medium", "large", "van"]


class FundsBody(Body):
    """Nothing needs to be said."""


class FundsOut(Answer):
    """What the account has now; play money all of it."""

    gas: Minor = Field(description="wei for transactions")
    credit: Minor = Field(description="in the market, minor units")
    tokens: Minor = Field(description="beside the market, minor units")
    currency: CurrencyOut


class LocalVehicleBody(Body):
    """A vehicle that nobody checks."""

    plate: Annotated[str, StringConstraints(min_length=2, max_length=24)]
    size: Size = "medium"


class VehicleProofOut(Answer):
    """The verifier's word for a vehicle, as the contract takes it."""

    plate_commitment: Hash
    size: int
    until_slot: int = Field(description="first slot that is not covered any more")
    verifier: int = Field(description="attester id")
    signature: Hex


class LocalVehicleOut(Answer):
    """An attested vehicle; plate and salt open its commitment and are for the driver alone."""

    proof: VehicleProofOut
    plate: str = Field(description="as it is compared: letters and digits")
    salt: Hash
    size: Size


class PapersBody(Body):
    """Where the space should be, and the charger that it should have."""

    near: Point | None = None
    connectors: Annotated[list[Connector], Field(max_length=8)] = Field(default_factory=list)
    power_w: Annotated[int, Field(ge=0, le=10_000_000, multiple_of=100)] = Field(
        default=0, description="charger power, watts; 0 = no charger"
    )


class LocalLockOut(Answer):
    """A simulated lock."""

    id: Address


class PapersOut(Answer):
    """All that is needed to register a space: for `POST /v1/spaces/check` as it is."""

    registration: RegistrationBody
    proof: ProofOut
    lock: LocalLockOut


class CarBody(Body):
    """What happens before the lock."""

    event: Literal["arrives", "stranger", "leaves"] = Field(
        description="arrives: the lease's car comes before the camera, and drives on once the bar"
        " is down; stranger: another car comes before the camera; leaves: nothing is there"
    )


class CarOut(Answer):
    """It happened."""

    event: Literal["arrives", "stranger", "leaves"]
    lock: LocalLockOut


class TravelBody(Body):
    """How far to move the chain's clock ahead."""

    seconds: Annotated[int, Field(ge=1, le=86_400)]


class TravelOut(Answer):
    """The chain's time."""

    now: Time
