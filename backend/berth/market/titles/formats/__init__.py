"""The source formats that `berth titles import` reads, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from berth.core.errors import BerthError
from berth.market.titles.formats import geojson, melbourne, plain, taipei
from berth.market.titles.formats.source import Source, inspect
from berth.market.titles.rows import Rejection, Row

__all__ = ["FORMATS", "Format", "Source", "find_format", "inspect"]


@dataclass(frozen=True)
class Format:
    """How one kind of source is read, and the city it is of where that is always the same."""

    read: Callable[[Source], Iterator[Row | Rejection]]
    city: str | None = None
    name: str | None = None
    attribution: str = ""


FORMATS: dict[str, Format] = {
    "melbourne-bays": Format(
        melbourne.read,
        city="AUMEL",
        name="Melbourne",
        attribution="On-street parking bays, City of Melbourne, CC BY 4.0",
    ),
    "taipei-titles": Format(
        taipei.read,
        city="TWTPE",
        name="Taipei",
        attribution="Actual-price registration of presales, Taiwan Ministry of the Interior",
    ),
    "geojson": Format(geojson.read),
    "csv": Format(plain.read),
}


def find_format(name: str) -> Format:
    """Raises BerthError `titles.format`, exit code 2, listing the formats there are."""
    try:
        return FORMATS[name]
    except KeyError:
        raise BerthError(
            "titles.format",
            f"{name!r} is no format; formats are {', '.join(FORMATS)}",
            field="format",
            exit_code=2,
        ) from None
