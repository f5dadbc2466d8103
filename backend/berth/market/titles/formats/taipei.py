"""`taipei-titles`: parking spaces of Taipei's registered presale contracts.

One row is one contract and may carry several spaces; a title's key is the contract's registration
hash and the space's ordinal in it, from 1. Coordinates are those of the building. The source has no
owners, no stall numbers and no dimensions: one holder is generated for each contract, and a space
is taken to be as large as the building code's standard one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import orjson

from berth.core.title import Kind
from berth.market.titles.formats import fields
from berth.market.titles.formats.source import Source
from berth.market.titles.formats.table import read_table
from berth.market.titles.rows import Record, Rejection, Row, RowError

BOUNDS = fields.Bounds("Taipei", 24.90, 121.40, 25.25, 121.70)
COLUMNS = (
    "city",
    "address",
    "building_name",
    "unit",
    "kind",
    "date",
    "structure",
    "floor",
    "spaces",
    "parking_price_wan",
    "area_ping",
    "lat",
    "lon",
    "note",
    "reg_hash",
)
MAX_SPACES = 10_000
WIDTH_CM, LENGTH_CM = 250, 550
GARAGE_HEIGHT_CM, MECHANICAL_HEIGHT_CM = 210, 180

_HASH = re.compile(r"[0-9A-Za-z+/]{43}=")
# The only words by which the data tells a mechanical space: "mechanical", "storage system".
_MECHANICAL = ("機械", "倉儲式")


def read(source: Source) -> Iterator[Row | Rejection]:
    for row in read_table(source, COLUMNS):
        if isinstance(row, Rejection):
            yield row
            continue
        line, values = row
        try:
            yield Row(line, _contract(line, dict(zip(COLUMNS, values, strict=True))))
        except RowError as error:
            yield error.at(line)


def _contract(line: int, row: dict[str, str]) -> tuple[Record, ...]:
    key = row["reg_hash"].strip()
    if not key:
        raise RowError("key.missing", "reg_hash", "is empty")
    if not _HASH.fullmatch(key):
        raise RowError("key.invalid", "reg_hash", "is not a base-64 text of 32 bytes")
    spaces = fields.whole(row["spaces"], "spaces", 0, MAX_SPACES)
    if spaces == 0:
        raise RowError("spaces.zero", "spaces", "the contract carries no parking space")
    lat, lon = fields.coordinates(row["lat"], row["lon"], ("lat", "lon"), BOUNDS)
    place = (fields.text(row["city"], "city") + fields.text(row["address"], "address")).strip()
    building = fields.text(row["building_name"], "building_name", optional=True)
    mechanical = any(word in row["note"] or word in row["structure"] for word in _MECHANICAL)
    hints: dict[str, object] = {
        "building": building,
        "unit": fields.remark(row["unit"]),
        "floor": fields.remark(row["floor"]),
        "contract": fields.roc_day(row["date"], "date").isoformat(),
        "parkingPriceNtd": _price(row["parking_price_wan"]),
        "areaPing": fields.decimal(row["area_ping"], "area_ping"),
        "standalone": row["kind"].strip() == "車位",
    }
    known = {name: value for name, value in hints.items() if value}
    first = f"{key}#1"
    return tuple(
        Record(
            line=line,
            reference=f"{key}#{ordinal}",
            lat=lat,
            lon=lon,
            address=f"{place} {building}".strip(),
            kind=Kind.MECHANICAL if mechanical else Kind.GARAGE,
            height_cm=MECHANICAL_HEIGHT_CM if mechanical else GARAGE_HEIGHT_CM,
            width_cm=WIDTH_CM,
            length_cm=LENGTH_CM,
            sharing=True,
            group=first,
            hints=orjson.dumps(
                {
                    **known,
                    "ordinal": ordinal,
                    "spaces": spaces,
                    "generated": ["holder", "dimensions", "sharing"],
                }
            ).decode(),
        )
        for ordinal in range(1, spaces + 1)
    )


def _price(wan: str) -> str:
    """The source counts in units of 10,000 New Taiwan dollars, and not always in whole ones."""
    plain = fields.decimal(wan, "parking_price_wan")
    return f"{float(plain) * 10_000:.0f}" if plain else ""
