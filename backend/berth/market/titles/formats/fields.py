"""Single fields of source rows: each takes text and gives a value, or a RowError that says why."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

from berth.market.titles.rows import RowError

MAX_TEXT = 500

_DECIMAL = re.compile(r"[+-]?(\d{1,15}(\.\d{0,30})?|\.\d{1,30})", re.ASCII)
_THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+(\.\d{0,30})?", re.ASCII)
_WHOLE = re.compile(r"\d{1,15}", re.ASCII)
_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)
_ROC = re.compile(r"(\d{2,3})/(\d{1,2})/(\d{1,2})", re.ASCII)
_ROC_YEAR_ZERO = 1911
# Controls, halves of characters, unassigned ones. Joiners and marks of direction (Cf) are part of
# some scripts' spelling; registries write rare Han characters in the private area (Co).
_NO_TEXT = frozenset({"Cc", "Cs", "Cn"})
_EPOCH = date(1970, 1, 1).toordinal()
_YES = frozenset({"1", "yes", "true", "y"})
_NO = frozenset({"0", "no", "false", "n"})


@dataclass(frozen=True)
class Bounds:
    """The box in which a city's spaces can be, degrees."""

    name: str
    south: float
    west: float
    north: float
    east: float

    def holds(self, lat: float, lon: float) -> bool:
        return self.south <= lat <= self.north and self.west <= lon <= self.east


EARTH = Bounds("the Earth", -90.0, -180.0, 90.0, 180.0)


def coordinates(
    lat: str, lon: str, names: tuple[str, str], bounds: Bounds | None
) -> tuple[float, float]:
    """WGS-84 latitude and longitude, degrees, inside the bounds where there are some."""
    place = _degrees(lat, names[0]), _degrees(lon, names[1])
    area = bounds or EARTH
    hint = ""
    if area is not EARTH and area.holds(place[1], place[0]):
        hint = "; latitude and longitude seem to be swapped"
    for degrees, limit, name in zip(place, (90, 180), names, strict=True):
        if abs(degrees) > limit:
            reason = f"{degrees} is not between -{limit} and {limit}{hint}"
            raise RowError("coordinate.range", name, reason)
    if place == (0.0, 0.0):
        raise RowError("coordinate.missing", names[0], "0, 0 stands for no coordinate")
    if not area.holds(*place):
        box = f"{area.south} to {area.north}, {area.west} to {area.east}"
        reason = f"{place[0]}, {place[1]} is outside {area.name} ({box}){hint}"
        raise RowError("coordinate.bounds", names[0], reason)
    return place


def text(value: str, name: str, *, optional: bool = False) -> str:
    """Text on one line, at most 500 characters; runs of white space become one space."""
    plain = " ".join(value.split())
    if not plain and not optional:
        raise RowError("text.missing", name, "is empty")
    if len(plain) > MAX_TEXT:
        raise RowError("text.length", name, f"has {len(plain)} characters, more than {MAX_TEXT}")
    if not plain.isprintable():
        odd = next((char for char in plain if unicodedata.category(char) in _NO_TEXT), None)
        if odd is not None:
            raise RowError("text.control", name, f"holds the character U+{ord(odd):04X}")
    return plain


def remark(value: str) -> str:
    """Text that is no part of a title: cut to length, unprintable characters dropped."""
    kept = value
    if not value.isprintable():
        kept = "".join(c for c in value if c.isspace() or unicodedata.category(c) not in _NO_TEXT)
    return " ".join(kept.split())[:MAX_TEXT]


def whole(value: str, name: str, low: int, high: int) -> int:
    """A whole number in [low, high], written in plain digits."""
    plain = value.strip()
    if not plain:
        raise RowError("number.missing", name, "is empty")
    if not _WHOLE.fullmatch(plain):
        raise RowError("number.invalid", name, f"{_short(plain)} is not a whole number")
    number = int(plain)
    if not low <= number <= high:
        raise RowError("number.range", name, f"{number} is not between {low} and {high}")
    return number


def decimal(value: str, name: str) -> str:
    """A decimal number without its separators of thousands; "" when it is empty."""
    plain = value.strip()
    if _THOUSANDS.fullmatch(plain):
        plain = plain.replace(",", "")
    if plain and not _DECIMAL.fullmatch(plain):
        raise RowError("number.invalid", name, f"{_short(plain)} is not a number")
    return plain


def iso_day(value: str, name: str) -> date:
    """A date written 2024-04-08."""
    return _date(value, name, _ISO, "YYYY-MM-DD", 0)


def roc_day(value: str, name: str) -> date:
    """A date of the Minguo calendar, 114/05/08: the year counts from 1912."""
    return _date(value, name, _ROC, "ROC year/month/day", _ROC_YEAR_ZERO)


def day_number(day: date, name: str) -> int:
    """Days since 1970-01-01, as a title's 16 bits hold them."""
    number = day.toordinal() - _EPOCH
    if not 0 <= number <= 0xFFFF:
        raise RowError("date.range", name, f"{day} is not between 1970-01-01 and 2149-06-06")
    return number


def yes_or_no(value: str, name: str) -> bool:
    """yes, true, y, 1 or no, false, n, 0, in any case."""
    plain = value.strip().lower()
    if plain in _YES:
        return True
    if plain in _NO:
        return False
    if not plain:
        raise RowError("flag.missing", name, "is empty")
    raise RowError("flag.invalid", name, f"{_short(plain)} is neither yes nor no")


def _degrees(value: str, name: str) -> float:
    plain = value.strip()
    if not plain:
        raise RowError("coordinate.missing", name, "is empty")
    if not _DECIMAL.fullmatch(plain):
        raise RowError("coordinate.invalid", name, f"{_short(plain)} is not decimal degrees")
    return float(plain)


def _date(value: str, name: str, form: re.Pattern[str], shape: str, year_zero: int) -> date:
    plain = value.strip()
    if not plain:
        raise RowError("date.missing", name, "is empty")
    parts = form.fullmatch(plain)
    if parts is not None:
        year, month, day = (int(part) for part in parts.groups())
        try:
            return date(year + year_zero, month, day)
        except ValueError:
            pass
    raise RowError("date.invalid", name, f"{_short(plain)} is no date ({shape})")


def _short(value: str) -> str:
    return repr(value if len(value) <= 40 else value[:39] + "…")
