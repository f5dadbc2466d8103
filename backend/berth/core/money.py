"""Amounts: integers of minor units inside, decimal text towards people."""

from __future__ import annotations

import re
from dataclasses import dataclass

from berth.core.checks import integer, unsigned
from berth.core.errors import BerthError

# Credits and deposits are 128-bit words on-chain.
MAX_MINOR = (1 << 128) - 1

_DECIMAL = re.compile(r"(0|[1-9][0-9]*)(?:\.([0-9]+))?")
_MINOR = re.compile(r"0|[1-9][0-9]*")


@dataclass(frozen=True)
class Currency:
    """The asset of a market: its symbol and how many decimals one whole unit has."""

    symbol: str
    decimals: int

    def __post_init__(self) -> None:
        if not self.symbol or len(self.symbol) > 32:
            raise BerthError("currency.symbol", "must have 1 to 32 characters", field="symbol")
        integer(self.decimals, "decimals", 0, 36, "currency.decimals")

    def format(self, minor: int) -> str:
        """Minor units as decimal text; at least two decimals where the currency has them.

        With 6 decimals, 12340000 is "12.34" and 12345678 is "12.345678".
        """
        sign, digits = ("-", -minor) if minor < 0 else ("", minor)
        whole, part = divmod(digits, 10**self.decimals)
        if not self.decimals:
            return f"{sign}{whole}"
        tail = f"{part:0{self.decimals}d}".rstrip("0").ljust(min(2, self.decimals), "0")
        return f"{sign}{whole}.{tail}"

    def label(self, minor: int) -> str:
        """The amount with its symbol, "12.34 tEUR"."""
        return f"{self.format(minor)} {self.symbol}"

    def parse(self, text: object, field: str = "amount") -> int:
        """Minor units of decimal text. Never rounds: too many decimals are refused."""
        match = _DECIMAL.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise BerthError(
                "money.invalid", "{given!r} is not an amount like 12.34", field=field, given=text
            )
        tail = (match[2] or "").rstrip("0")
        if len(tail) > self.decimals:
            raise BerthError(
                "money.decimals",
                f"{text} has more than the {self.decimals} decimals of {self.symbol}",
                field=field,
            )
        minor = int(match[1]) * 10**self.decimals + int(tail.ljust(self.decimals, "0") or "0")
        return unsigned(minor, field, 128, "money.range")


def minor_text(minor: int) -> str:
    """Minor units as the decimal text that the database and the API carry."""
    return str(unsigned(minor, "amount", 128, "money.range"))


def parse_minor(text: object, field: str = "amount") -> int:
    """The number behind `minor_text`'s text."""
    if not isinstance(text, str) or not _MINOR.fullmatch(text) or len(text) > 39:
        raise BerthError(
            "money.invalid",
            "{given!r} is not a whole number of minor units",
            field=field,
            given=text,
        )
    return unsigned(int(text), field, 128, "money.range")
