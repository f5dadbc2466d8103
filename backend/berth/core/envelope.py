"""Signed JSON of devices: `{"payload": …, "signature": "0x…"}`.

The signature is EIP-191 by the lock's key over the payload's canonical JSON: RFC 8785 with keys of
ASCII only, integers within ±(2^53 − 1) and fractions between 0.0001 and 10^15, where every
language writes the same digits.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from berth.core.errors import BerthError
from berth.core.signing import recover_digest, sign_digest, text_digest

_MAX_SAFE = (1 << 53) - 1
_MAX_DEPTH = 16


def canonical(payload: Mapping[str, Any]) -> bytes:
    """The bytes that are signed. Raises BerthError naming the member that has no canonical form."""
    try:
        text = json.dumps(
            _plain(payload, "payload", 0),
            sort_keys=True,
            separators=(",", ":"),
            ensure_ascii=False,
            allow_nan=False,
        )
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise BerthError("envelope.text", "holds half a character", field="payload") from error


def seal(payload: Mapping[str, Any], private_key: bytes) -> dict[str, Any]:
    """The envelope around a payload, signed by `private_key`."""
    signature = sign_digest(text_digest(canonical(payload)), private_key)
    return {"payload": dict(payload), "signature": "0x" + signature.hex()}


def open_envelope(envelope: object) -> tuple[dict[str, Any], str]:
    """(payload, signer's address in lower case) of an envelope.

    The caller compares the address with the one it expects: any key can seal.
    """
    if not isinstance(envelope, dict) or set(envelope) != {"payload", "signature"}:
        raise BerthError("envelope.shape", "must hold payload and signature", field="envelope")
    payload, signature = envelope["payload"], envelope["signature"]
    if not isinstance(payload, dict):
        raise BerthError("envelope.shape", "must be an object", field="payload")
    if not isinstance(signature, str):
        raise BerthError("signature.length", "must be text", field="signature")
    return payload, recover_digest(text_digest(canonical(payload)), signature)


def _plain(value: object, where: str, depth: int) -> object:
    if depth > _MAX_DEPTH:
        raise BerthError("envelope.depth", f"deeper than {_MAX_DEPTH} levels", field="payload")
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        if abs(value) > _MAX_SAFE:
            raise BerthError("envelope.number", "beyond 2^53: send it as text", field=where)
        return value
    if isinstance(value, float):
        return _fraction(value, where)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str) or not key.isascii():
                raise BerthError("envelope.key", f"{key!r} is not ASCII text", field=where)
        return {key: _plain(item, f"{where}.{key}", depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{where}[{i}]", depth + 1) for i, item in enumerate(value)]
    raise BerthError("envelope.type", f"{type(value).__name__} has no JSON form", field=where)


def _fraction(value: float, where: str) -> float | int:
    if not math.isfinite(value) or (value != 0 and not 1e-4 <= abs(value) < 1e15):
        raise BerthError("envelope.number", f"{value} has no canonical form", field=where)
    return int(value) if value.is_integer() else value
