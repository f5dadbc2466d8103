"""`melbourne-bays`: the City of Melbourne's on-street parking bays.

A bay's key is its coordinate: of 23,864 bays only 5,339 have a kerbside id, and 13 of those ids are
used twice. The source has neither owners nor dimensions: holders are generated, a bay is taken to
be 2.3 m × 6.0 m in the open air, and sharing is taken to be allowed.
"""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from berth.core.title import Kind
from berth.market.titles.formats import fields
from berth.market.titles.formats.source import Source
from berth.market.titles.formats.table import read_table
from berth.market.titles.rows import Record, Rejection, Row, RowError

BOUNDS = fields.Bounds("Melbourne", -37.90, 144.85, -37.72, 145.05)
COLUMNS = (
    "RoadSegmentID",
    "KerbsideID",
    "RoadSegmentDescription",
    "Latitude",
    "Longitude",
    "LastUpdated",
)
WIDTH_CM, LENGTH_CM = 230, 600


def read(source: Source) -> Iterator[Row | Rejection]:
    for row in read_table(source, COLUMNS):
        if isinstance(row, Rejection):
            yield row
            continue
        line, values = row
        try:
            yield Row(line, (_bay(line, values),))
        except RowError as error:
            yield error.at(line)


def _bay(line: int, values: list[str]) -> Record:
    segment, kerbside, street, latitude, longitude, updated = values
    lat, lon = fields.coordinates(latitude, longitude, ("Latitude", "Longitude"), BOUNDS)
    hints = {
        "roadSegmentId": fields.remark(segment),
        "kerbsideId": fields.remark(kerbside),
        "updated": fields.iso_day(updated, "LastUpdated").isoformat(),
        "generated": ["holder", "dimensions", "sharing"],
    }
    return Record(
        line=line,
        # seven decimals are a centimetre, and what the source gives at most
        reference=f"{lat:.7f},{lon:.7f}",
        lat=lat,
        lon=lon,
        address=f"{fields.text(street, 'RoadSegmentDescription')}, Melbourne",
        kind=Kind.STREET,
        height_cm=0,
        width_cm=WIDTH_CM,
        length_cm=LENGTH_CM,
        sharing=True,
        hints=orjson.dumps({key: value for key, value in hints.items() if value}).decode(),
    )
