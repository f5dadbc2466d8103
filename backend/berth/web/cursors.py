"""Cursors of paged lists: opaque to clients, plain values to us. A bad one is a 422."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from math import isfinite

from berth.core.errors import BerthError

MAX_LENGTH = 300


def encode(values: Sequence[str | int | float]) -> str:
    """The text of a cursor."""
    raw = json.dumps(list(values), separators=(",", ":")).encode("ascii")
    return base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=")


def decode(text: str | None, kinds: Sequence[type]) -> list[str | int | float] | None:
    """The values behind a cursor, of these types; None for no cursor."""
    if text is None:
        return None
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        values = json.loads(base64.urlsafe_b64decode(padded)) if len(text) <= MAX_LENGTH else None
    except (UnicodeEncodeError, binascii.Error, ValueError):
        values = None
    if not isinstance(values, list) or len(values) != len(kinds):
        raise _bad()
    if not all(_fits(value, kind) for value, kind in zip(values, kinds, strict=True)):
        raise _bad()
    return values


def _fits(value: object, kind: type) -> bool:
    """Could we have said it? What no column holds would be an error of the database."""
    if isinstance(value, bool):
        return False
    if kind is str:  # ids, hashes, words of ours
        return isinstance(value, str) and value.isascii() and value.isprintable()
    if kind is float:
        return isinstance(value, (int, float)) and isfinite(value)
    return isinstance(value, int) and abs(value) < 1 << 63


def _bad() -> BerthError:
    return BerthError("cursor.invalid", "is not a cursor of this list", field="cursor", status=422)
