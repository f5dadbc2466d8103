"""Sign-in, the account, its vehicles."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from berth.market.signin import MAX_MESSAGE
from berth.web.schemas.common import (
    Address,
    Answer,
    AnySignature,
    Body,
    Bytes32,
    CurrencyOut,
    Hash,
    LeaseId,
    Minor,
    Time,
    VehicleProofBody,
)


class NonceOut(Answer):
    """What a sign-in message (EIP-4361) must hold."""

    nonce: str
    domain: str = Field(examples=["127.0.0.1:8000"])
    uri: str = Field(examples=["http://127.0.0.1:8000"])
    chain_id: int
    version: Literal["1"] = "1"
    issued_at: Time
    expires_at: Time = Field(description="the nonce is good until then (RFC 3339)")


class SignInBody(Body):
    """A signed EIP-4361 message."""

    message: Annotated[str, StringConstraints(min_length=1, max_length=MAX_MESSAGE)]
    signature: AnySignature
    transport: Literal["cookie", "bearer"] = Field(
        default="cookie",
        description="cookie: an http-only cookie is set; bearer: the token is in the answer",
    )


class SessionOut(Answer):
    """A session."""

    address: Address
    expires_at: Time
    token: str | None = Field(default=None, description="only with transport bearer")


class MeOut(Answer):
    """The signed-in account, by the index."""

    address: Address
    session_expires_at: Time
    currency: CurrencyOut
    credit: Minor = Field(description="credit in the market, minor units")
    auto_payout: bool = Field(description="anybody may have the credit paid out, to the account")
    spaces: int = Field(description="registered spaces")
    open_leases_as_driver: int
    open_leases_as_owner: int


class VehicleBody(Body):
    """The plate behind an attested commitment, so that locks can be told whom to expect."""

    plate_commitment: Bytes32
    plate: Annotated[str, StringConstraints(min_length=2, max_length=24)]
    salt: Bytes32 = Field(description="the 32 bytes that the commitment was made with")
    proof: VehicleProofBody | None = Field(
        default=None,
        description="of a vehicle that the chain has not yet: kept, and counts once it has",
    )


class VehicleOut(Answer):
    """An attested vehicle of the account."""

    plate_commitment: Hash
    plate: str | None = Field(description="known once handed over; only the driver sees it")
    size: str = Field(examples=["medium"])
    covered_until: Time
    verifier: int = Field(description="attester id, 1 to 127")


class VehiclesOut(Answer):
    """Latest attestation first, at most 100."""

    items: list[VehicleOut]


Movement = Literal[
    "deposit",
    "withdrawal",
    "escrow",
    "refund",
    "earning",
    "compensation_received",
    "compensation_paid",
]


class EntryOut(Answer):
    """Money that moved. An escrow is told with the lease's whole deposit, extensions included, at
    the time of booking."""

    kind: Movement
    at: Time
    amount: str = Field(
        description="minor units, signed: what came to the account is positive",
        pattern=r"^-?(0|[1-9][0-9]*)$",
        examples=["-1500000"],
    )
    from_tokens: Minor = Field(description="part of an escrow that came from tokens, not credit")
    fee: Minor = Field(description="what the market kept of an earning; not in the amount")
    other: Address | None = Field(description="the account on the other side")
    lease_id: LeaseId | None
    transaction: Hash
    final: bool = Field(
        description="its block is so deep in the chain that it can no longer be replaced"
    )


class WaitingOut(Answer):
    """Leases of the account's spaces that are not settled, minor units."""

    leases: int
    escrow: Minor
    expected: Minor = Field(description="rent of the booked time without the market's fee")


class StatementTotalsOut(Answer):
    """Sums over all time, minor units."""

    credit: Minor = Field(description="what can be withdrawn now")
    deposited: Minor
    withdrawn: Minor = Field(description="payouts included")
    escrowed: Minor
    refunded: Minor
    earned: Minor = Field(description="without the market's fee")
    fees: Minor
    compensation_received: Minor
    compensation_paid: Minor
    held: Minor = Field(description="in escrow for the account's own leases as driver")
    booked: WaitingOut = Field(description="own spaces' leases whose time goes on or comes")
    pending: WaitingOut = Field(description="own spaces' leases whose time is over, or disputed")


class StatementOut(Answer):
    """The account's movements, newest first."""

    currency: CurrencyOut
    totals: StatementTotalsOut | None = Field(description="on the first page")
    items: list[EntryOut]
    next: str | None = Field(description="cursor of the next page")
