"""Number plates and the salted commitments that stand for them on-chain."""

from __future__ import annotations

import secrets
import unicodedata

from berth.core.checks import octets
from berth.core.errors import BerthError
from berth.core.hashing import keccak

# Separators printed on plates or typed for them; they carry no meaning.
_SEPARATORS = frozenset(" \t-\u2010\u2011\u2012\u2013\u2014._\u00b7\u2022\u2027\u30fb\u3000\u00a0")


def normalise(plate: str) -> str:
    """A plate as upper-case letters and digits, whatever way it was typed.

    "abc 123", "ABC-123" and "ＡＢＣ·１２３" are the same plate. Letters of any script stay as
    they are (京A12345). Raises BerthError for anything that is not 2 to 12 letters and digits.
    """
    if not isinstance(plate, str):
        raise BerthError("plate.invalid", "must be text", field="plate")
    folded = unicodedata.normalize("NFKC", plate).upper()
    kept = "".join(char for char in folded if char not in _SEPARATORS)
    if not 2 <= len(kept) <= 12 or not all(unicodedata.category(c)[0] in "LN" for c in kept):
        raise BerthError(
            "plate.invalid",
            "{given!r} is not a plate of 2 to 12 letters and digits",
            field="plate",
            given=plate,
        )
    return kept


def commitment(salt: bytes, plate: str) -> bytes:
    """keccak256(salt ‖ normalised plate): what the chain knows of a vehicle.

    `salt` is 32 random bytes that only driver, verifier and lock hold.
    """
    return keccak(octets(salt, "salt", 32) + normalise(plate).encode("utf-8"))


def new_salt() -> bytes:
    """32 random bytes."""
    return secrets.token_bytes(32)
