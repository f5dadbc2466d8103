"""Cursors of paged lists: opaque to clients, plain values to us. A bad one is a 422."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence

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
    for value, kind in zip(values, kinds, strict=True):
        fits = isinstance(value, (int, float)) if kind is float else isinstance(value, kind)
        # integers that no column holds would be an error of the database
        if not fits or isinstance(value, bool) or (kind is int and abs(value) >= 1 << 63):
            raise _bad()
    return values


def _bad() -> BerthError:
    return BerthError("cursor.invalid", "is not a cursor of this list", field="cursor", status=422)
