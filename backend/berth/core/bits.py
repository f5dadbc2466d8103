"""Storage words as the contracts pack them: fields side by side, lowest bits first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from berth.core.checks import integer, unsigned
from berth.core.errors import BerthError


@dataclass(frozen=True)
class Field:
    """One field of a word: its name, its width in bits, and whether it has a sign."""

    name: str
    bits: int
    signed: bool = False


class Layout:
    """The fields of one 256-bit word, low to high."""

    def __init__(self, *fields: Field) -> None:
        if sum(field.bits for field in fields) > 256:
            raise ValueError("a word has 256 bits")
        self.fields = fields

    def pack(self, values: Mapping[str, int]) -> int:
        """The word. Raises BerthError naming the field that does not fit; nothing truncates."""
        word = shift = 0
        for field in self.fields:
            value = values[field.name]
            if field.signed:
                half = 1 << (field.bits - 1)
                integer(value, field.name, -half, half - 1)
            else:
                unsigned(value, field.name, field.bits)
            word |= (value & ((1 << field.bits) - 1)) << shift
            shift += field.bits
        return word

    def unpack(self, word: int) -> dict[str, int]:
        """The fields of a word. Raises BerthError when bits above the last field are set."""
        rest = unsigned(word, "word", 256)
        values: dict[str, int] = {}
        for field in self.fields:
            value = rest & ((1 << field.bits) - 1)
            if field.signed and value >> (field.bits - 1):
                value -= 1 << field.bits
            values[field.name] = value
            rest >>= field.bits
        if rest:
            raise BerthError("word.spare", "bits above the last field are set", field="word")
        return values
