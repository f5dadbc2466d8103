"""`csv`: titles of any city in Berth's own columns. `geojson` carries the same names as properties.

Facts of law, so nothing is guessed: dimensions, kind and the right to share must be there. Only the
holder may be left out, for cities that try Berth before they name anybody: one is generated then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from berth.core.title import HEIGHT_CM, LENGTH_CM, NO_END_DAY, WIDTH_CM, Kind
from berth.market.titles.formats import fields
from berth.market.titles.formats.source import Source
from berth.market.titles.formats.table import read_table
from berth.market.titles.rows import Record, Rejection, Row, RowError

FACTS = ("address", "kind", "height_cm", "width_cm", "length_cm", "sharing")
COLUMNS = ("id", "lat", "lon", *FACTS)
OPTIONAL = ("valid_until", "holder")

#: Holders' identities that begin so stand for nobody: made up, by the source or here.
GENERATED = "generated:"

_LABEL = '{"generated":["holder"]}'
_KINDS = {kind.name.lower(): int(kind) for kind in Kind}


def read(source: Source) -> Iterator[Row | Rejection]:
    for row in read_table(source, COLUMNS, OPTIONAL):
        if isinstance(row, Rejection):
            yield row
            continue
        line, values = row
        try:
            yield Row(line, (record(line, dict(zip((*COLUMNS, *OPTIONAL), values, strict=True))),))
        except RowError as error:
            yield error.at(line)


def record(line: int, values: Mapping[str, str]) -> Record:
    """The title of one row; RowError names the column at fault."""
    lat, lon = fields.coordinates(values["lat"], values["lon"], ("lat", "lon"), None)
    until = values["valid_until"].strip()
    holder = fields.text(values["holder"], "holder", optional=True)
    return Record(
        line=line,
        reference=fields.text(values["id"], "id"),
        lat=lat,
        lon=lon,
        address=fields.text(values["address"], "address"),
        kind=_kind(values["kind"]),
        height_cm=_height(values["height_cm"]),
        width_cm=fields.whole(values["width_cm"], "width_cm", *WIDTH_CM),
        length_cm=fields.whole(values["length_cm"], "length_cm", *LENGTH_CM),
        sharing=fields.yes_or_no(values["sharing"], "sharing"),
        valid_day=(
            fields.day_number(fields.iso_day(until, "valid_until"), "valid_until")
            if until
            else NO_END_DAY
        ),
        holder=holder or None,
        hints=_LABEL if not holder or holder.startswith(GENERATED) else "{}",
    )


def _kind(value: str) -> int:
    plain = value.strip().lower()
    if not plain:
        raise RowError("kind.missing", "kind", "is empty")
    if plain in _KINDS:
        return _KINDS[plain]
    if plain.isascii() and plain.isdigit() and len(plain) == 1 and int(plain) in _KINDS.values():
        return int(plain)
    known = ", ".join(f"{number} {name}" for name, number in _KINDS.items())
    raise RowError("kind.invalid", "kind", f"{plain[:40]!r} is none of {known}")


def _height(value: str) -> int:
    height = fields.whole(value, "height_cm", 0, HEIGHT_CM[1])
    if 0 < height < HEIGHT_CM[0]:
        raise RowError(
            "number.range",
            "height_cm",
            f"{height} is neither 0 (open air) nor between {HEIGHT_CM[0]} and {HEIGHT_CM[1]}",
        )
    return height
