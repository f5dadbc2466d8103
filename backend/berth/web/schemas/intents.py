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
    Hash,
    LeaseId,
    Minor,
    Signature,
    SpaceId,
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


CallData = Annotated[
    str,
    StringConstraints(pattern=r"^0x([0-9a-fA-F]{2}){4,24000}$"),
    Field(description="a verb of the contract and its arguments, 0x hex"),
]
NumberIn = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,77})$")]


class PrepareBody(Body):
    """A call that the account wants to be done."""

    to: AddressIn = Field(description="the market, or its currency")
    data: CallData


class PreparedOut(Answer):
    """Whether it would be done now, what it needs, and who pays for it."""

    refusal: RefusalOut | None
    sponsored: bool = Field(description="the operator pays: sign `typedData` and submit it")
    typed_data: dict[str, Any] | None = Field(
        description="the forwarder's ForwardRequest (EIP-712); null: send it by the wallet"
    )
    gas: int | None = Field(description="what it needs; null when it would be refused")


class ForwardRequestBody(Body):
    """What the account signed, as it was prepared."""

    sender: AddressIn = Field(alias="from", description="the signed-in account")
    to: AddressIn = Field(description="the market")
    value: Literal["0"]
    gas: NumberIn
    nonce: NumberIn = Field(description="the account's next at the forwarder")
    deadline: Annotated[int, Field(ge=0, lt=1 << 48, description="Unix seconds")]
    data: CallData


class SubmitBody(Body):
    """A signed request for the operator to bring to the chain."""

    request: ForwardRequestBody
    signature: Signature


class IntentStateOut(Answer):
    """What became of it."""

    id: Hash = Field(description="of what was submitted, or of the wallet's own transaction")
    state: Literal["queued", "pending", "mined", "confirmed", "failed", "gone"] = Field(
        description="gone: it is not on the chain any more and does not come back by itself"
    )
    transaction: Hash | None
    block: int | None
    confirmations: int = Field(description="blocks, its own counted, as far as the index has read")
    required: int = Field(description="confirmations after which it stands")
    seconds_left: int | None = Field(description="until then, by the chain's pace lately")
    refusal: RefusalOut | None = Field(description="why it failed")
    lease_id: LeaseId | None
    space_id: SpaceId | None
