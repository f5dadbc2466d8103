"""What an account wants to do, and the transactions that do it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from berth.web.schemas.common import (
    LEASE_PATTERN,
    SPACE_PATTERN,
    AddressIn,
    Answer,
    AnySignature,
    Body,
    Bytes32,
    Minor,
    TransactionOut,
)
from berth.web.schemas.spaces import LockBody

LeaseIn = Annotated[str, StringConstraints(pattern=LEASE_PATTERN)]
SpaceIn = Annotated[str, StringConstraints(pattern=SPACE_PATTERN)]
MinorIn = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,39}$")]


class ExtendBody(Body):
    """More time, more energy, or both."""

    verb: Literal["extend"]
    lease_id: LeaseIn
    slots: Annotated[int, Field(ge=0, le=671, description="more slots of 15 minutes")] = 0
    kwh: Annotated[int, Field(ge=0, le=255, description="more energy")] = 0
    plate_commitment: Bytes32 | None = Field(
        default=None, description="of the vehicle from now on; default: as it is"
    )


class ChangeVehicleBody(Body):
    """Another vehicle of the driver."""

    verb: Literal["changeVehicle"]
    lease_id: LeaseIn
    plate_commitment: Bytes32


class LeaseVerbBody(Body):
    """A verb that needs nothing but the lease."""

    verb: Literal["cancel", "ownerCancel", "dispute", "close"]
    lease_id: LeaseIn


class AgreeBody(Body):
    """One sum that both agree to. Without the other party's signature: what that party signs."""

    verb: Literal["agree"]
    lease_id: LeaseIn
    cost: MinorIn = Field(description="what the driver pays in all, at most the deposit")
    valid_until: Annotated[int, Field(ge=0, lt=1 << 40, description="Unix seconds")]
    signature: AnySignature | None = Field(default=None, description="of the other party")


class BlockBody(Body):
    """Slots to take out of sharing."""

    verb: Literal["blockSlots"]
    space_id: SpaceIn
    start_slot: Annotated[int, Field(ge=0, lt=1 << 32, description="since the Unix epoch")]
    slots: Annotated[int, Field(ge=1, le=672)]


class UnblockBody(Body):
    """A block to end."""

    verb: Literal["unblock"]
    block_id: LeaseIn = Field(description="as the event space.blocked names it")


class WithdrawOffersBody(Body):
    """Offers that are not to be leased any more."""

    verb: Literal["withdrawOffers"]
    space_id: SpaceIn
    first_live: Annotated[int, Field(ge=1, lt=1 << 16, description="offers below are withdrawn")]


class SetManagerBody(Body):
    """Who else may publish, withdraw offers, block and unblock."""

    verb: Literal["setManager"]
    space_id: SpaceIn
    manager: AddressIn = Field(description="the zero address: nobody")


class SpaceVerbBody(Body):
    """A verb that needs nothing but the space."""

    verb: Literal["delist", "release"]
    space_id: SpaceIn


class RotateLockBody(Body):
    """Another lock for the space."""

    verb: Literal["rotateLock"]
    space_id: SpaceIn
    lock: LockBody


class AutoPayoutBody(Body):
    """May anybody have the account's credit paid out, to the account alone?"""

    verb: Literal["setAutoPayout"]
    enabled: bool


IntentBody = Annotated[
    ExtendBody
    | ChangeVehicleBody
    | LeaseVerbBody
    | AgreeBody
    | BlockBody
    | UnblockBody
    | WithdrawOffersBody
    | SetManagerBody
    | SpaceVerbBody
    | RotateLockBody
    | AutoPayoutBody,
    Field(discriminator="verb"),
]


class RefusalOut(Answer):
    """Why the contract would refuse it now."""

    code: str = Field(examples=["Berth_OutOfTime"])
    sentence: str
    detail: str = Field(description="the error with its figures")


class IntentOut(Answer):
    """The transactions to sign, in their order; none when the contract would refuse."""

    verb: str
    refusal: RefusalOut | None
    transactions: list[TransactionOut]
    deposit: Minor | None = Field(
        default=None, description="of an extension: the whole lease's, from then on"
    )
    more: Minor | None = Field(default=None, description="of an extension: what goes into escrow")
    typed_data: dict[str, Any] | None = Field(
        default=None, description="of an agreement: what the other party signs (EIP-712)"
    )
