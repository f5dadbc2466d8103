"""Sign-in, the account, its vehicles."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from berth.web.schemas.common import (
    Address,
    Answer,
    AnySignature,
    Body,
    Bytes32,
    CurrencyOut,
    Hash,
    Minor,
    Time,
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

    message: Annotated[str, StringConstraints(min_length=1, max_length=2000)]
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
