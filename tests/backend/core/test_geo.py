"""Cells, distances, coordinate systems, local time and ways to a place."""

from datetime import date
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from berth.core import geo, zones
from berth.core.errors import BerthError
from berth.core.navigation import Place, geo_uri, links
from hypothesis import given
from hypothesis import strategies as st

# seven decimals: a centimetre; edges of cells are among them
latitudes = st.integers(-90 * 10**7, 90 * 10**7).map(lambda n: n / 10**7)
longitudes = st.integers(-180 * 10**7, 180 * 10**7).map(lambda n: n / 10**7)

MELBOURNE = (-37.8136, 144.9631)
TAIPEI = (25.0330, 121.5654)


# ---- cells


@pytest.mark.parametrize(
    ("lat", "lon", "text"),
    [
        (57.64911, 10.40744, "u4pruy"),
        (48.858222, 2.2945, "u09tun"),
        (42.605, -5.603, "ezs42s"),
        (-25.382708, -49.265506, "6gkzwg"),
        (0.0, 0.0, "s00000"),
        (-90.0, -180.0, "000000"),
        (90.0, 180.0, "zzzzzz"),
    ],
)
def test_known_places_have_their_known_geohash(lat, lon, text):
    cell = geo.encode_cell(lat, lon)
    assert geo.cell_text(cell) == text
    assert geo.parse_cell(text.upper()) == cell


def bisected(lat, lon):
    """A geohash by its definition: halving the world, longitude first."""
    box = {"lon": [-180.0, 180.0], "lat": [-90.0, 90.0]}
    cell = 0
    for turn in range(30):
        name, value = ("lat", lat) if turn % 2 else ("lon", lon)
        low, high = box[name]
        middle = (low + high) / 2
        upper = value >= middle
        cell = cell << 1 | upper
        box[name] = [middle, high] if upper else [low, middle]
    return cell


@given(latitudes, longitudes)
def test_a_cell_is_what_halving_the_world_gives_and_holds_its_place(lat, lon):
    cell = geo.encode_cell(lat, lon)
    south, west, north, east = geo.cell_bounds(cell)
    assert cell == bisected(lat, lon)
    assert south <= lat <= north
    assert west <= lon <= east
    assert geo.encode_cell(*geo.decode_cell(cell)) == cell


@given(st.integers(0, (1 << 30) - 1))
def test_the_south_west_corner_belongs_to_its_cell(cell):
    south, west, _, _ = geo.cell_bounds(cell)
    assert geo.encode_cell(south, west) == cell


@given(st.integers(0, (1 << 30) - 1))
def test_every_cell_reads_back_from_its_text(cell):
    assert geo.parse_cell(geo.cell_text(cell)) == cell


@pytest.mark.parametrize("text", ["", "u4pru", "u4pruyd", "u4pria", "u4pr!y", None, 5])
def test_what_is_no_geohash_is_refused(text):
    with pytest.raises(BerthError) as refused:
        geo.parse_cell(text)
    assert refused.value.field == "cell"


@pytest.mark.parametrize(
    ("lat", "lon", "field"),
    [
        (90.1, 0, "latitude"),
        (0, -180.1, "longitude"),
        (float("nan"), 0, "latitude"),
        (0, float("inf"), "longitude"),
        ("25", 121, "latitude"),
        (True, 121, "latitude"),
        (25, None, "longitude"),
    ],
)
def test_what_is_no_place_is_refused_by_name(lat, lon, field):
    with pytest.raises(BerthError) as refused:
        geo.check_place(lat, lon)
    assert refused.value.field == field


# ---- distances


@pytest.mark.parametrize(
    ("here", "there", "metres"),
    [
        ((0, 0), (1, 0), 111_195),
        ((0, 0), (0, 1), 111_195),
        ((51.5007, -0.1246), (40.6892, -74.0445), 5_574_840),
        ((0, 179.5), (0, -179.5), 111_195),
        ((0, 0), (0, 180), 20_015_115),
    ],
)
def test_distances_are_those_of_a_sphere(here, there, metres):
    assert geo.distance_m(*here, *there) == pytest.approx(metres, rel=1e-5)


@given(latitudes, longitudes, latitudes, longitudes)
def test_distance_is_the_same_both_ways_and_zero_to_itself(a, b, c, d):
    assert geo.distance_m(a, b, c, d) == pytest.approx(geo.distance_m(c, d, a, b), abs=1e-6)
    assert geo.distance_m(a, b, a, b) == 0


@given(latitudes, longitudes, st.floats(1, 50_000), latitudes, longitudes)
def test_no_place_within_the_radius_is_outside_the_boxes(lat, lon, radius, other_lat, other_lon):
    # a place near the centre, so that the premise is often true
    near_lat = max(-90.0, min(90.0, lat + other_lat / 200))
    near_lon = (lon + other_lon / 200 + 180.0) % 360.0 - 180.0
    boxes = geo.bounding_boxes(lat, lon, radius)
    inside = any(s <= near_lat <= n and w <= near_lon <= e for s, w, n, e in boxes)
    if geo.distance_m(lat, lon, near_lat, near_lon) <= radius:
        assert inside
    assert all(-180 <= w <= e <= 180 and -90 <= s <= n <= 90 for s, w, n, e in boxes)


def test_a_circle_over_the_date_line_has_two_boxes():
    assert len(geo.bounding_boxes(0, 179.9, 50_000)) == 2
    assert len(geo.bounding_boxes(0, -179.9, 50_000)) == 2
    assert geo.bounding_boxes(89.9, 0, 50_000)[0][1::2] == (-180.0, 180.0)


# ---- GCJ-02


@pytest.mark.parametrize(
    ("wgs", "gcj", "within"),
    [
        ((31.1774276, 121.5272106), (31.17530398364597, 121.531541859215), 1e-6),  # Shanghai
        ((22.543847, 113.912316), (22.540796131694766, 113.9171774808363), 1e-6),  # Shenzhen
        ((39.911954, 116.377817), (39.91334545536069, 116.38404722455657), 1e-6),  # Beijing
        ((31.16014354, 121.42958967), (31.158247, 121.434204), 5e-5),  # read off a real map
    ],
)
def test_known_places_shift_as_published(wgs, gcj, within):
    assert geo.wgs84_to_gcj02(*wgs) == pytest.approx(gcj, abs=within)
    assert geo.distance_m(*geo.gcj02_to_wgs84(*geo.wgs84_to_gcj02(*wgs)), *wgs) < 0.01


@given(st.floats(30.0, 39.0), st.floats(98.0, 118.0))
def test_the_way_back_from_gcj02_is_good_to_a_centimetre(lat, lon):
    there = geo.wgs84_to_gcj02(lat, lon)
    assert 10 < geo.distance_m(lat, lon, *there) < 1500
    assert geo.distance_m(*geo.gcj02_to_wgs84(*there), lat, lon) < 0.01


@pytest.mark.parametrize(
    "place",
    [
        MELBOURNE,
        TAIPEI,
        (22.6273, 120.3014),  # Kaohsiung
        (52.52, 13.405),
        (59.9139, 10.7522),
        (37.5665, 126.9780),  # Seoul
        (35.6762, 139.6503),  # Tokyo
        (21.0278, 105.8342),  # Hanoi
        (27.7172, 85.3240),  # Kathmandu
        (27.4728, 89.6390),  # Thimphu
        (42.8746, 74.5698),  # Bishkek
        (43.1155, 131.8855),  # Vladivostok
        (47.8864, 106.9057),  # Ulaanbaatar
        (28.6139, 77.2090),  # Delhi
        (34.0837, 74.7973),  # Srinagar
    ],
)
def test_nothing_shifts_outside_china(place):
    assert not geo.in_china(*place)
    assert geo.wgs84_to_gcj02(*place) == place
    assert geo.gcj02_to_wgs84(*place) == place


@pytest.mark.parametrize(
    "place",
    [
        (39.9042, 116.4074),  # Beijing
        (31.2304, 121.4737),  # Shanghai
        (43.8256, 87.6168),  # Ürümqi
        (29.6520, 91.1721),  # Lhasa
        (20.0444, 110.1989),  # Haikou
        (45.8038, 126.5350),  # Harbin
        (25.0389, 102.7183),  # Kunming
        (39.4704, 75.9898),  # Kashgar
        (24.4798, 118.0894),  # Xiamen, across the strait from Taiwan
        (22.3193, 114.1694),  # Hong Kong
    ],
)
def test_cities_of_china_shift(place):
    assert geo.in_china(*place)


# ---- local time


@pytest.mark.parametrize(
    ("offset", "text"), [(0, "+00:00"), (44, "+11:00"), (23, "+05:45"), (-14, "-03:30")]
)
def test_offsets_read_like_offsets(offset, text):
    assert zones.offset_text(offset) == text


def test_a_zone_has_its_offset_of_the_season():
    winter, summer = 1_782_864_000, 1_796_594_400  # 2026-07-01, 2026-12-07
    assert zones.offset_at("Australia/Melbourne", winter) == 40
    assert zones.offset_at("Australia/Melbourne", summer) == 44
    assert zones.offset_at("Asia/Taipei", summer) == 32
    assert zones.offset_at("Asia/Kathmandu", summer) == 23
    assert zones.offset_at("America/St_Johns", summer) == -14


@pytest.mark.parametrize("zone", ["", "Nowhere/City", "../../etc/passwd", "/etc/localtime", "\0"])
def test_an_unknown_zone_is_refused(zone):
    with pytest.raises(BerthError) as refused:
        zones.offset_at(zone, 0)
    assert refused.value.field == "zone"


def test_local_time_is_the_wall_clock_of_the_space():
    assert zones.local_time(1_796_594_400, 44).isoformat() == "2026-12-07T09:00:00+11:00"
    assert zones.slot_local_time(1_796_594_400 // 900, 44).hour == 9
    assert zones.local_day(1_796_594_400 // 900, 44) == zones.day_number(date(2026, 12, 7))
    assert zones.local_day(zones.local_slot(0, -1), 0) == -1
    assert zones.day_date(0) == date(1970, 1, 1)


@given(st.integers(0, 1 << 35))
def test_times_read_back_as_themselves(at):
    assert zones.parse_time(zones.rfc3339(at)) == at


def test_times_are_taken_in_any_offset_and_never_without_one():
    assert zones.parse_time("2026-12-07T09:00:00+11:00") == 1_796_594_400
    assert zones.parse_time("2026-12-06T22:00:00.999Z") == 1_796_594_400
    for text in ("2026-12-07T09:00:00", "2026-12-07", "noon", "", None, 5, "2026-13-01T00:00:00Z"):
        with pytest.raises(BerthError) as refused:
            zones.parse_time(text, "from")
        assert refused.value.field == "from"


# ---- navigation


def query_of(link):
    return {name: values[0] for name, values in parse_qs(urlsplit(link.url).query).items()}


def by_app(place):
    return {link.app: link for link in links(place)}


def test_a_geo_uri_is_wgs84_with_a_label():
    place = Place(*MELBOURNE, "Bay 7, Collins St & Queen St")
    assert geo_uri(place) == (
        "geo:-37.813600,144.963100?q=-37.813600,144.963100"
        "(Bay%207%2C%20Collins%20St%20%26%20Queen%20St)"
    )


def test_every_app_gets_its_place_and_every_link_states_its_system():
    found = by_app(Place(*MELBOURNE, "Bay 7"))
    assert list(found) == ["geo", "google", "apple", "osm", "waze", "amap"]
    assert query_of(found["google"])["destination"] == "-37.813600,144.963100"
    assert query_of(found["apple"])["daddr"] == "-37.813600,144.963100"
    assert query_of(found["waze"])["ll"] == "-37.813600,144.963100"
    assert "route=;-37.813600,144.963100" in found["osm"].url
    assert query_of(found["amap"])["to"] == "144.963100,-37.813600,Bay 7"
    assert {link.system for link in found.values()} == {"WGS-84"}
    assert query_of(found["amap"])["coordinate"] == "wgs84"


def test_in_china_amap_alone_gets_shifted_coordinates_and_says_so():
    beijing = (39.911954, 116.377817)
    found = by_app(Place(*beijing, "车位 12"))
    amap = found.pop("amap")
    assert (amap.lat, amap.lon) == geo.wgs84_to_gcj02(*beijing)
    assert amap.system == "GCJ-02"
    assert query_of(amap)["coordinate"] == "gaode"
    assert query_of(amap)["to"] == f"{amap.lon:.6f},{amap.lat:.6f},车位 12"
    assert {(link.system, link.lat, link.lon) for link in found.values()} == {("WGS-84", *beijing)}


def test_taipei_is_sent_to_amap_unshifted():
    amap = by_app(Place(*TAIPEI, "信義區"))["amap"]
    assert (amap.system, amap.lat, amap.lon) == ("WGS-84", *TAIPEI)


@given(
    latitudes,
    longitudes,
    st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=40),
)
def test_no_label_and_no_place_breaks_a_link(lat, lon, label):
    for link in links(Place(lat, lon, label)):
        assert link.url.isascii()
        assert "e-" not in link.url.split("?")[0]
        assert not set(link.url) & set(' "<>\\^`{|}\n')
    amap = query_of(by_app(Place(lat, lon, label))["amap"])["to"]
    assert amap.count(",") == 2
    assert label in unquote(geo_uri(Place(lat, lon, label)))


@pytest.mark.parametrize("label", ["", "  ", "x" * 121, "two\nlines"])
def test_a_place_needs_a_name_that_can_be_shown(label):
    with pytest.raises(BerthError) as refused:
        Place(0.0, 0.0, label)
    assert refused.value.field == "label"
