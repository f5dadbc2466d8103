"""Places: geohash cells, distances, and the coordinate systems of map apps.

Coordinates are WGS-84 decimal degrees, latitude first, unless a name says otherwise.
"""

from __future__ import annotations

import math

from berth.core.checks import unsigned
from berth.core.errors import BerthError

CELL_CHARACTERS = 6
CELL_BITS = 5 * CELL_CHARACTERS
EARTH_RADIUS_M = 6_371_008.8  # mean radius, IUGG

WGS84 = "WGS-84"
GCJ02 = "GCJ-02"

_BASE32 = "0123456789bcdefghjkmnpqrstuvwxyz"

# GCJ-02: Krasovsky's ellipsoid.
_AXIS_M = 6_378_245.0
_ECCENTRICITY_SQUARED = 0.00669342162296594323

# South, west, north, east of boxes that hold mainland China, then of parts of them that do not use
# GCJ-02: Taiwan, and neighbours. Right for cities, rough along borders.
_CHINA = (
    (42.8899, 79.4462, 49.2204, 96.3300),
    (39.3742, 109.6872, 54.1415, 135.0002),
    (29.5297, 73.1246, 42.8899, 124.143255),
    (26.7186, 82.9684, 29.5297, 97.0352),
    (20.414096, 97.0253, 29.5297, 124.367395),
    (17.871542, 107.975793, 20.414096, 111.744104),
)
_NOT_CHINA = (
    (21.785006, 119.921265, 25.398623, 122.497559),  # Taiwan
    (20.0988, 101.8652, 22.2840, 106.6650),  # Laos, Vietnam
    (20.4878, 106.4525, 21.5422, 108.0510),  # Vietnam's coast
    (50.3257, 109.0323, 55.8175, 119.1270),  # Russia, west of the Argun
    (49.5574, 127.4568, 55.8175, 137.0227),  # Russia, north of the Amur
    (42.5692, 131.2662, 44.8922, 137.0227),  # Vladivostok
    (29.5297, 73.1246, 35.398637, 77.948114),  # India, Pakistan
    (41.2, 73.1246, 42.8899, 78.5),  # Kyrgyzstan
    (26.7186, 82.9684, 27.9, 88.2),  # Nepal
    (26.7186, 89.05, 28.0, 91.6),  # Bhutan
)


def check_place(lat: object, lon: object) -> tuple[float, float]:
    """A latitude and longitude as floats. Raises BerthError naming the one that is none."""
    return _degrees(lat, "latitude", 90.0), _degrees(lon, "longitude", 180.0)


def encode_cell(lat: float, lon: float) -> int:
    """The geohash of six characters (about 1.2 km × 0.6 km) as 30 bits."""
    lat, lon = check_place(lat, lon)
    half = CELL_BITS // 2
    # Multiplied by a power of two first, so that a place on a cell's edge divides exactly. The
    # north pole and the date line belong to the last row and column.
    row = min((1 << half) - 1, math.floor((lat + 90.0) * (1 << half) / 180.0))
    column = min((1 << half) - 1, math.floor((lon + 180.0) * (1 << half) / 360.0))
    cell = 0
    for bit in range(half - 1, -1, -1):
        cell = cell << 2 | (column >> bit & 1) << 1 | row >> bit & 1
    return cell


def cell_bounds(cell: int) -> tuple[float, float, float, float]:
    """South, west, north, east of a cell, degrees."""
    unsigned(cell, "cell", CELL_BITS)
    half = CELL_BITS // 2
    row = column = 0
    for bit in range(half - 1, -1, -1):
        column = column << 1 | cell >> (2 * bit + 1) & 1
        row = row << 1 | cell >> (2 * bit) & 1
    height, width = 180.0 / (1 << half), 360.0 / (1 << half)
    south, west = row * height - 90.0, column * width - 180.0
    return south, west, south + height, west + width


def decode_cell(cell: int) -> tuple[float, float]:
    """Latitude and longitude of a cell's centre."""
    south, west, north, east = cell_bounds(cell)
    return (south + north) / 2, (west + east) / 2


def cell_text(cell: int) -> str:
    """The six characters of a cell."""
    unsigned(cell, "cell", CELL_BITS)
    return "".join(_BASE32[cell >> shift & 31] for shift in range(CELL_BITS - 5, -1, -5))


def parse_cell(text: object) -> int:
    """The cell of a geohash of six characters."""
    if not isinstance(text, str) or len(text) != CELL_CHARACTERS:
        raise BerthError(
            "cell.invalid", "{given!r} is no geohash of 6 characters", field="cell", given=text
        )
    cell = 0
    for character in text.lower():
        digit = _BASE32.find(character)
        if digit < 0:
            raise BerthError(
                "cell.invalid", "{given!r} is in no geohash", field="cell", given=character
            )
        cell = cell << 5 | digit
    return cell


def distance_m(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Great-circle distance in metres (haversine)."""
    phi1, phi2 = math.radians(lat1), math.radians(lat2)
    a = (
        math.sin((phi2 - phi1) / 2) ** 2
        + math.cos(phi1) * math.cos(phi2) * math.sin(math.radians(lon2 - lon1) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(a)))


def bounding_boxes(
    lat: float, lon: float, radius_m: float
) -> list[tuple[float, float, float, float]]:
    """South, west, north, east of the boxes that hold the circle of `radius_m`: one, or two where
    it crosses the date line."""
    lat, lon = check_place(lat, lon)
    # A hair wider than the circle, so that rounding never loses a place on its rim.
    angle = radius_m * (1 + 1e-9) / EARTH_RADIUS_M
    reach = math.degrees(angle)
    south, north = max(-90.0, lat - reach), min(90.0, lat + reach)
    if south <= -90.0 or north >= 90.0:
        return [(south, -180.0, north, 180.0)]
    width = math.degrees(math.asin(min(1.0, math.sin(angle) / math.cos(math.radians(lat)))))
    west, east = lon - width, lon + width
    if west < -180.0:
        return [(south, west + 360.0, north, 180.0), (south, -180.0, north, east)]
    if east > 180.0:
        return [(south, west, north, 180.0), (south, -180.0, north, east - 360.0)]
    return [(south, west, north, east)]


def in_china(lat: float, lon: float) -> bool:
    """Do map apps use GCJ-02 here? Mainland China, Hong Kong and Macau; not Taiwan."""
    return _in_any(lat, lon, _CHINA) and not _in_any(lat, lon, _NOT_CHINA)


def wgs84_to_gcj02(lat: float, lon: float) -> tuple[float, float]:
    """The same place in China's obfuscated system; outside China unchanged."""
    if not in_china(lat, lon):
        return lat, lon
    north, east = _shift(lat, lon)
    return lat + north, lon + east


def gcj02_to_wgs84(lat: float, lon: float) -> tuple[float, float]:
    """The inverse, within a centimetre; for places copied from Chinese maps."""
    if not in_china(lat, lon):
        return lat, lon
    true_lat, true_lon = lat, lon
    for _ in range(8):
        north, east = _shift(true_lat, true_lon)
        true_lat, true_lon = lat - north, lon - east
    return true_lat, true_lon


def _shift(lat: float, lon: float) -> tuple[float, float]:
    """Degrees north and east by which GCJ-02 moves a place."""
    x, y = lon - 105.0, lat - 35.0
    wave = 20.0 * math.sin(6.0 * math.pi * x) + 20.0 * math.sin(2.0 * math.pi * x)
    north_m = (
        -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x))
        + (
            wave
            + 20.0 * math.sin(math.pi * y) + 40.0 * math.sin(math.pi * y / 3.0)
            + 160.0 * math.sin(math.pi * y / 12.0) + 320.0 * math.sin(math.pi * y / 30.0)
        ) * 2.0 / 3.0
    )  # fmt: skip
    east_m = (
        300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x))
        + (
            wave
            + 20.0 * math.sin(math.pi * x) + 40.0 * math.sin(math.pi * x / 3.0)
            + 150.0 * math.sin(math.pi * x / 12.0) + 300.0 * math.sin(math.pi * x / 30.0)
        ) * 2.0 / 3.0
    )  # fmt: skip
    phi = math.radians(lat)
    bend = 1.0 - _ECCENTRICITY_SQUARED * math.sin(phi) ** 2
    meridian = _AXIS_M * (1.0 - _ECCENTRICITY_SQUARED) / (bend * math.sqrt(bend))
    parallel = _AXIS_M / math.sqrt(bend) * math.cos(phi)
    return math.degrees(north_m / meridian), math.degrees(east_m / parallel)


def _in_any(lat: float, lon: float, boxes: tuple[tuple[float, float, float, float], ...]) -> bool:
    return any(s <= lat <= n and w <= lon <= e for s, w, n, e in boxes)


def _degrees(value: object, field: str, limit: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BerthError(
            "place.invalid", "must be decimal degrees, not {given!r}", field=field, given=value
        )
    if not math.isfinite(value) or abs(value) > limit:
        raise BerthError(
            "place.range",
            "{given} is not between -{limit:g} and {limit:g}",
            field=field,
            given=value,
            limit=limit,
        )
    return float(value)
