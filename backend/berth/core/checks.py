"""Range and shape checks that name the field they refuse."""

from __future__ import annotations

import re

from berth.core.errors import BerthError

_HEX = re.compile(r"0x[0-9a-fA-F]*")


def integer(value: object, field: str, low: int, high: int, code: str = "field.range") -> int:
    """`value` as an integer in [low, high], both included; a bool is not an integer here."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise BerthError(code, "must be an integer, not {given!r}", field=field, given=value)
    if not low <= value <= high:
        raise BerthError(
            code,
            "{given} is not between {low} and {high}",
            field=field,
            given=value,
            low=low,
            high=high,
        )
    return value


def unsigned(value: object, field: str, bits: int, code: str = "field.range") -> int:
    """`value` as an unsigned integer that fits in `bits` bits."""
    return integer(value, field, 0, (1 << bits) - 1, code)


def octets(value: object, field: str, length: int, code: str = "field.length") -> bytes:
    """`value` as exactly `length` bytes."""
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise BerthError(code, "must be {length} bytes", field=field, length=length)
    raw = bytes(value)
    if len(raw) != length:
        raise BerthError(
            code, "must be {length} bytes, not {given}", field=field, length=length, given=len(raw)
        )
    return raw


def hex_octets(text: object, field: str, length: int, code: str = "field.hex") -> bytes:
    """The `length` bytes written as `0x` and hexadecimal digits."""
    if not isinstance(text, str) or not _HEX.fullmatch(text) or len(text) != 2 + 2 * length:
        raise BerthError(
            code,
            "must be 0x and {digits} hexadecimal digits, not {given!r}",
            field=field,
            digits=2 * length,
            given=text,
        )
    return bytes.fromhex(text[2:])
