"""Compact JWS with Ed25519 (RFC 9864's "Ed25519"), and nothing else that JOSE allows.

One algorithm, no keys and no critical extensions from the header, a fixed `typ` per kind of
message: a grant can never be taken for a ticket.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from joserfc.jws import (
    CompactSignature,
    JWSRegistry,
    deserialize_compact,
    extract_compact,
    serialize_compact,
)
from joserfc.registry import HeaderParameter

from berth.core.errors import BerthError

ALGORITHM: Final = "Ed25519"
#: Certificate of the signing day key, itself a compact JWS of a root key.
CERTIFICATE_HEADER: Final = "crt"
#: Bytes; a grant with its certificate has about 1,500.
MAX_LENGTH = 8192


class _Registry(JWSRegistry):
    max_header_length = 2048
    max_payload_length = 4096
    max_signature_length = 128


_REGISTRY = _Registry(
    header_registry={CERTIFICATE_HEADER: HeaderParameter("Day key certificate", "str")},
    algorithms=[ALGORITHM],
)


def sign_compact(
    typ: str,
    claims: Mapping[str, Any],
    key: Ed25519PrivateKey,
    *,
    certificate: str | None = None,
    kid: str | None = None,
) -> str:
    """`claims` as a compact JWS of type `typ`."""
    header: dict[str, Any] = {"alg": ALGORITHM, "typ": typ}
    if kid is not None:
        header["kid"] = kid
    if certificate is not None:
        header[CERTIFICATE_HEADER] = certificate
    payload = json.dumps(claims, separators=(",", ":"), sort_keys=True)
    return serialize_compact(header, payload, OKPKey.import_key(key), registry=_REGISTRY)


def peek_type(text: str) -> object:
    """The `typ` of a compact JWS, unverified."""
    return _extract(text).headers().get("typ")


def read_header(text: str, typ: str) -> dict[str, Any]:
    """The header, unverified: which certificate or key to verify with. Refuses another `typ`, and
    every header member this protocol does not use."""
    header = _extract(text).headers()
    if header.get("typ") != typ:
        raise BerthError("jws.typ", f"is {header.get('typ')!r}, not {typ!r}", field="typ")
    if header.get("alg") != ALGORITHM:
        raise BerthError("jws.alg", f"is {header.get('alg')!r}, not {ALGORITHM!r}", field="alg")
    surplus = sorted(set(header) - {"alg", "typ", "kid", CERTIFICATE_HEADER})
    if surplus:
        raise BerthError("jws.header", "is not used here", field=surplus[0])
    return dict(header)


def verify_compact(text: str, typ: str, public_key: bytes) -> dict[str, Any]:
    """The claims, once type, algorithm and signature are right.

    `public_key` is the 32 raw bytes. Raises BerthError `jws.malformed`, `.typ`, `.alg`, `.header`
    or `.signature`.
    """
    read_header(text, typ)
    try:
        key = OKPKey.import_key(Ed25519PublicKey.from_public_bytes(public_key))
        verified = deserialize_compact(text, key, registry=_REGISTRY)
    except (JoseError, ValueError) as error:
        raise BerthError("jws.signature", "does not verify", field="signature") from error
    try:
        claims = json.loads(verified.payload)
    except ValueError as error:
        raise _malformed() from error
    if not isinstance(claims, dict):
        raise _malformed()
    return claims


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """The 32 bytes of a private key's public half."""
    return key.public_key().public_bytes_raw()


def _extract(text: str) -> CompactSignature:
    if len(text) > MAX_LENGTH or not text.isascii():
        raise _malformed()
    try:
        return extract_compact(text.encode("ascii"), registry=_REGISTRY)
    except (JoseError, ValueError, TypeError) as error:
        raise _malformed() from error


def _malformed() -> BerthError:
    return BerthError("jws.malformed", "is no compact JWS with JSON claims", field="jws")
