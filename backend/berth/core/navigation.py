"""Ways to a space: a geo URI and links into map apps, each in the coordinates it expects.

Chinese apps draw mainland China in GCJ-02, some hundred metres off WGS-84: a place sent in the
wrong system is a wrong street. Every link therefore states the system of its numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from berth.core.errors import BerthError
from berth.core.geo import GCJ02, WGS84, check_place, wgs84_to_gcj02

MAX_LABEL = 120


@dataclass(frozen=True)
class Place:
    """Where a driver goes: the entrance, WGS-84, with a name to show."""

    lat: float
    lon: float
    label: str

    def __post_init__(self) -> None:
        lat, lon = check_place(self.lat, self.lon)
        object.__setattr__(self, "lat", lat)
        object.__setattr__(self, "lon", lon)
        if not self.label.strip() or len(self.label) > MAX_LABEL or not self.label.isprintable():
            raise BerthError(
                "place.label", f"must have 1 to {MAX_LABEL} printable characters", field="label"
            )


@dataclass(frozen=True)
class Link:
    """One way to open the place. `lat` and `lon` are the numbers in the link, in `system`."""

    app: str
    name: str
    url: str
    system: str
    lat: float
    lon: float


def geo_uri(place: Place) -> str:
    """RFC 5870; WGS-84 by definition. The query is what Android shows as a label."""
    spot = _pair(place.lat, place.lon)
    return f"geo:{spot}?q={spot}({quote(place.label, safe='')})"


def links(place: Place) -> list[Link]:
    """Links for the usual map apps, the universal one first."""
    lat, lon = place.lat, place.lon
    spot = _pair(lat, lon)
    queries = {
        "google": (
            "Google Maps",
            "https://www.google.com/maps/dir/",
            {"api": "1", "destination": spot, "travelmode": "driving"},
        ),
        "apple": ("Apple Maps", "https://maps.apple.com/", {"daddr": spot, "dirflg": "d"}),
        "osm": (
            "OpenStreetMap",
            "https://www.openstreetmap.org/directions",
            {"engine": "fossgis_osrm_car", "route": f";{spot}"},
        ),
        "waze": ("Waze", "https://waze.com/ul", {"ll": spot, "navigate": "yes"}),
    }
    return [
        Link("geo", "Map app", geo_uri(place), WGS84, lat, lon),
        *(
            Link(app, name, f"{base}?{urlencode(query, safe=',;')}", WGS84, lat, lon)
            for app, (name, base, query) in queries.items()
        ),
        _amap(place),
    ]


def _amap(place: Place) -> Link:
    lat, lon = wgs84_to_gcj02(place.lat, place.lon)
    shifted = (lat, lon) != (place.lat, place.lon)
    # Amap takes longitude first, and the name behind commas of its own.
    name = quote(place.label.replace(",", " "), safe="")
    target = f"{_number(lon)},{_number(lat)},{name}"
    system = "gaode" if shifted else "wgs84"
    url = f"https://uri.amap.com/navigation?to={target}&mode=car&coordinate={system}&callnative=1"
    return Link("amap", "高德地图", url, GCJ02 if shifted else WGS84, lat, lon)


def _pair(lat: float, lon: float) -> str:
    return f"{_number(lat)},{_number(lon)}"


def _number(degrees: float) -> str:
    """Six decimals, a tenth of a metre; never in exponent form."""
    return f"{round(degrees, 6) + 0.0:.6f}"
