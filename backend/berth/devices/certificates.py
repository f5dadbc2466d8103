"""Day keys: what signs tickets, certified by a root that stays offline.

The key that signs tickets opens every lock of a group, so it lives for days only. A root key, kept
offline, certifies it for one group of locks and a span of time; locks pin two roots, one in use and
one spare, and need no new pin when a day key changes.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from berth.core.errors import BerthError
from berth.devices.jws import public_bytes, read_header, sign_compact, verify_compact

CERTIFICATE_TYPE = "berth-key+jwt"
#: How long a day key is certified for, seconds.
DAY_KEY_SECONDS = 2 * 86400
#: A lock's clock may be this far off, seconds.
CLOCK_TOLERANCE = 300


class Certified(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a root says: this key signs for this group in [nbf, exp), Unix seconds."""

    key: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_-]{43}$")]
    group: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    nbf: int
    exp: int

    @property
    def public(self) -> bytes:
        """The 32 bytes of the day key."""
        return decode_key(self.key)


@dataclass(frozen=True)
class DayKey:
    """A private key that may sign for `group` until `expires` (Unix seconds)."""

    private: Ed25519PrivateKey
    certificate: str
    group: str
    expires: int


def encode_key(raw: bytes) -> str:
    """32 bytes of a public key as text: base64url without padding, 43 characters."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def decode_key(text: str, field: str = "key") -> bytes:
    """The bytes behind `encode_key`'s text."""
    try:
        raw = base64.b64decode(text.encode("ascii") + b"=", altchars=b"-_", validate=True)
    except ValueError as error:
        raise BerthError("device.key", "is no base64url key", field=field) from error
    if len(raw) != 32 or encode_key(raw) != text:
        raise BerthError("device.key", "is no key of 32 bytes", field=field)
    return raw


def certify(
    root: Ed25519PrivateKey, day_public: bytes, group: str, not_before: int, expires: int
) -> str:
    """The root's word for `day_public`, a compact JWS; times in Unix seconds."""
    claims = {"key": encode_key(day_public), "group": group, "nbf": not_before, "exp": expires}
    return sign_compact(CERTIFICATE_TYPE, claims, root, kid=encode_key(public_bytes(root)))


def certify_day_key(
    root: Ed25519PrivateKey, private: Ed25519PrivateKey, group: str, now: int
) -> DayKey:
    """`private` as a day key of `group`, from now on for two days."""
    expires = now + DAY_KEY_SECONDS
    certificate = certify(root, public_bytes(private), group, now - CLOCK_TOLERANCE, expires)
    return DayKey(private, certificate, group, expires)


def read_certificate(certificate: str, roots: Sequence[bytes], group: str, now: int) -> Certified:
    """What a pinned root certifies for `group` at `now`.

    Raises BerthError `certificate.root`, `.signature`, `.malformed`, `.group`, `.early` or
    `.expired`.
    """
    certified = _verified(certificate, roots)
    if certified.group != group:
        raise _refused("group", "is for another group of locks")
    if now < certified.nbf - CLOCK_TOLERANCE:
        raise _refused("early", "is not valid yet")
    if now >= certified.exp + CLOCK_TOLERANCE:
        raise _refused("expired", "is no longer valid")
    return certified


def _verified(certificate: str, roots: Sequence[bytes]) -> Certified:
    try:
        kid = read_header(certificate, CERTIFICATE_TYPE).get("kid")
    except BerthError as error:
        raise _refused("malformed", str(error)) from error
    root = next((raw for raw in roots if encode_key(raw) == kid), None)
    if root is None:
        raise _refused("root", "is not of a pinned root")
    try:
        return msgspec.convert(verify_compact(certificate, CERTIFICATE_TYPE, root), Certified)
    except BerthError as error:
        raise _refused("signature", str(error)) from error
    except msgspec.ValidationError as error:
        raise _refused("malformed", str(error)) from error


def _refused(code: str, why: str) -> BerthError:
    return BerthError(f"certificate.{code}", why, field="certificate")
