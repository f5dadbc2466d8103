"""`geojson`: a FeatureCollection of points (RFC 7946), properties named as the columns of `csv`.

Features are decoded one at a time, each with the line on which it begins; the text itself is held
in memory. The title's key is property `id`, or the feature's own `id`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from berth.core.errors import BerthError
from berth.market.titles.formats import plain
from berth.market.titles.formats.source import Source
from berth.market.titles.rows import Record, Rejection, Row, RowError

_DECODER = json.JSONDecoder(parse_float=str, parse_int=str)
_SPACE = re.compile(r"[ \t\r\n]*")
_WGS84 = ("CRS84", "EPSG::4326", "EPSG:4326")


def read(source: Source) -> Iterator[Row | Rejection]:
    text = source.path.read_text("utf-8-sig")
    scan = _Scan(text, source)
    seen = set()
    for name in scan.members():
        seen.add(name)
        if name == "features":
            for line, feature in scan.items():
                try:
                    yield Row(line, (_title(line, feature),))
                except RowError as error:
                    yield error.at(line)
        else:
            _check_member(name, scan.value())
    scan.end()
    for name in ("type", "features"):
        if name not in seen:
            raise _refused("has no member " + repr(name), name)


def _title(line: int, feature: Any) -> Record:
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        raise RowError("feature.invalid", "type", "is no Feature")
    properties = feature.get("properties")
    if not isinstance(properties, dict):
        raise RowError("feature.invalid", "properties", "is no object")
    geometry = feature.get("geometry")
    if not isinstance(geometry, dict):
        raise RowError("coordinate.missing", "geometry", "is no object")
    if geometry.get("type") != "Point":
        raise RowError("geometry.kind", "geometry", "is no Point")
    place = geometry.get("coordinates")
    if not isinstance(place, list) or len(place) < 2:
        raise RowError("coordinate.missing", "coordinates", "has no longitude and latitude")
    values = {"lon": _text(place[0], "lon"), "lat": _text(place[1], "lat")}
    for name in (*plain.FACTS, *plain.OPTIONAL):
        values[name] = _text(properties.get(name), name)
    values["id"] = _text(properties.get("id", feature.get("id")), "id")
    return plain.record(line, values)


def _text(value: Any, name: str) -> str:
    """A JSON scalar as a CSV would hold it; numbers arrive as text already."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    raise RowError("feature.invalid", name, "is neither text nor a number")


def _check_member(name: str, value: Any) -> None:
    if name == "type" and value != "FeatureCollection":
        raise _refused(f"is a {value!r}, not a FeatureCollection", "type")
    if name == "crs":
        system = ""
        if isinstance(value, dict) and isinstance(value.get("properties"), dict):
            system = str(value["properties"].get("name", ""))
        if not system.endswith(_WGS84):
            raise _refused(f"uses the coordinate system {system or value!r}, not WGS-84", "crs")


def _refused(why: str, member: str) -> BerthError:
    return BerthError("geojson.invalid", why, field=member, exit_code=2)


class _Scan:
    """Walks the outermost object, and the elements of one of its arrays, without decoding all."""

    def __init__(self, text: str, source: Source) -> None:
        self._text = text
        self._source = source
        self._at = 0
        self._line = 1
        self._counted = 0

    def members(self) -> Iterator[str]:
        """Names of the object's members; the caller takes `value()` or `items()` of each."""
        self._expect("{")
        if self._take("}"):
            return
        while True:
            name = self._decode()
            if not isinstance(name, str):
                raise self._broken("a member's name must be text")
            self._expect(":")
            yield name
            if self._take("}"):
                return
            self._expect(",")

    def value(self) -> Any:
        return self._decode()

    def items(self) -> Iterator[tuple[int, Any]]:
        """(line, element) of an array."""
        self._expect("[")
        if self._take("]"):
            return
        while True:
            self._skip()
            # Only ever forwards, so that the whole text is counted once.
            self._line += self._text.count("\n", self._counted, self._at)
            self._counted = self._at
            yield self._line, self._decode()
            if self._take("]"):
                return
            self._expect(",")

    def end(self) -> None:
        self._skip()
        if self._at != len(self._text):
            raise self._broken("there is more after the collection's end")

    def _skip(self) -> None:
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _take(self, mark: str) -> bool:
        self._skip()
        found = self._text.startswith(mark, self._at)
        self._at += found
        return found

    def _expect(self, mark: str) -> None:
        if not self._take(mark):
            raise self._broken(f"expected {mark!r}")

    def _decode(self) -> Any:
        self._skip()
        try:
            value, self._at = _DECODER.raw_decode(self._text, self._at)
        except json.JSONDecodeError as error:
            self._at = error.pos
            raise self._broken(error.msg) from error
        except RecursionError as error:
            raise self._broken("nested too deeply") from error
        return value

    def _broken(self, why: str) -> BerthError:
        line = self._text.count("\n", 0, self._at) + 1
        return BerthError(
            "geojson.malformed",
            f"{self._source.path} is no GeoJSON: line {line}: {why}",
            field="file",
            exit_code=2,
        )
