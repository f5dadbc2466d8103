"""Files that are no source at all: one clear sentence, exit code 2, and nothing is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from berth.core.errors import BerthError
from berth.core.ids import city_number
from berth.market.titles import storage

from .sources import COLUMNS, row, rows

FEATURE = {
    "type": "Feature",
    "geometry": {"type": "Point", "coordinates": [144.96, -37.8]},
    "properties": {
        "id": "A",
        "address": "1 Example Street",
        "kind": "garage",
        "height_cm": 210,
        "width_cm": 250,
        "length_cm": 550,
        "sharing": True,
        "valid_until": None,
    },
}


def collection(*features: object, **members: object) -> str:
    return json.dumps({"type": "FeatureCollection", **members, "features": features}, indent=1)


def feature(name: str, **properties: object) -> dict[str, object]:
    place = [144.9 + int(name, 36) / 1000, -37.8]
    return {
        **FEATURE,
        "geometry": {"type": "Point", "coordinates": place},
        "properties": {**FEATURE["properties"], "id": name, **properties},
    }


@pytest.fixture
def refused(load, home, store):
    """Loads, expects a refusal with exit code 2, and looks that nothing was left behind."""

    def run(path: Path, source_format: str = "csv", **more: object) -> BerthError:
        with pytest.raises(BerthError) as error:
            load(path, source_format, **more)
        assert error.value.exit_code == 2
        left = {entry.name for entry in home.iterdir()} - {
            "berth.sqlite",
            "berth.sqlite-wal",
            "berth.sqlite-shm",
        }
        assert left == set()
        with store.read() as conn:
            assert storage.all_cities(conn) == []
        return error.value

    return run


class TestCsv:
    @pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
    def test_another_unicode_encoding_is_named(self, refused, tmp_path, encoding):
        path = tmp_path / "a.csv"
        path.write_bytes("\n".join([COLUMNS, *rows(1)]).encode(encoding))
        error = refused(path)
        assert (error.code, error.field) == ("source.encoding", "file")
        assert encoding.upper() in error.message

    def test_big5_is_no_utf8_and_the_first_bad_byte_is_named(self, refused, tmp_path):
        path = tmp_path / "a.csv"
        good = "\n".join([COLUMNS, *rows(1, 2)]) + "\n"
        path.write_bytes(good.encode() + row(3, address="中山區").encode("big5"))
        error = refused(path)
        assert error.code == "source.encoding"
        assert "line 4" in error.message
        assert "0xa4" in error.message

    def test_a_character_cut_off_at_the_end_is_found(self, refused, tmp_path):
        path = tmp_path / "a.csv"
        path.write_bytes((COLUMNS + "\n" + row(1, address="中")).encode()[:-30] + b"\xe4\xb8")
        assert refused(path).code == "source.encoding"

    def test_a_bad_byte_after_a_long_file_is_found(self, refused, tmp_path):
        path = tmp_path / "a.csv"
        filler = "x" * ((1 << 20) - 1) + "中\n"  # a character across the border of two blocks
        path.write_bytes(filler.encode() + b"abc\xff\n")
        error = refused(path)
        assert f"line 2, byte {len(filler.encode()) + 4}" in error.message

    @pytest.mark.parametrize("missing", ["lat", "kind", "sharing"])
    def test_missing_columns_are_named(self, refused, write, missing):
        header = COLUMNS.replace(missing, "other")
        error = refused(write(*rows(1), header=header))
        assert (error.code, error.field) == ("csv.columns", missing)
        assert error.message.startswith(f"missing columns: {missing} (found: ")

    def test_all_missing_columns_are_named_at_once(self, refused, write):
        error = refused(write("1,2", header="id,holder"))
        assert error.message.startswith(
            "missing columns: lat, lon, address, kind, height_cm, width_cm, length_cm, sharing"
        )

    @pytest.mark.parametrize(("mark", "name"), [(";", "semicolons"), ("\t", "tabs")])
    def test_another_separator_is_named(self, refused, write, mark, name):
        error = refused(write(header=COLUMNS.replace(",", mark)))
        assert error.code == "csv.columns"
        assert name in error.message

    def test_a_column_named_twice_is_refused(self, refused, write):
        error = refused(write(*rows(1), header=COLUMNS.replace("holder", "lat")))
        assert (error.code, error.field) == ("csv.columns", "lat")

    def test_a_quote_that_never_ends_is_refused(self, refused, write):
        error = refused(write(row(1), row(2, address='"open'), row(3)))
        assert error.code == "csv.malformed"

    def test_an_empty_file_is_refused(self, refused, tmp_path):
        (tmp_path / "a.csv").touch()
        assert refused(tmp_path / "a.csv").code == "source.empty"

    def test_a_header_alone_is_refused(self, refused, write):
        assert refused(write()).code == "titles.no_rows"

    def test_a_missing_file_is_refused(self, refused, tmp_path):
        error = refused(tmp_path / "none.csv")
        assert (error.code, error.field) == ("source.missing", "file")

    def test_a_folder_is_refused(self, refused, tmp_path):
        assert refused(tmp_path).code == "source.folder"

    def test_a_file_of_another_format_is_refused(self, refused, write):
        error = refused(write(*rows(1)), "melbourne-bays")
        assert (error.code, error.field) == ("csv.columns", "RoadSegmentID")


class TestWords:
    def test_an_unknown_format_is_refused_with_the_known_ones(self, refused, write):
        error = refused(write(*rows(1)), "shapefile")
        assert (error.code, error.field) == ("titles.format", "format")
        assert error.message.endswith("formats are melbourne-bays, taipei-titles, geojson, csv")

    def test_a_format_of_no_city_needs_one(self, refused, write):
        error = refused(write(*rows(1)), city=None)
        assert (error.code, error.field) == ("titles.city", "city")

    def test_a_city_must_be_a_locode(self, refused, write):
        error = refused(write(*rows(1)), city="Melbourne")
        assert (error.code, error.field) == ("city.code", "city")


class TestGeoJson:
    def write(self, tmp_path, text):
        path = tmp_path / "titles.geojson"
        path.write_text(text, "utf-8")
        return path

    def test_features_become_titles(self, load, library, tmp_path):
        done = load(
            self.write(tmp_path, "\ufeff" + collection(feature("A"), feature("B", holder="N. N."))),
            "geojson",
        )
        title = library.by_reference(city_number("AUMEL"), "B")
        assert done.edition.count == 2
        assert (title.lat, title.lon, title.holder, title.height) == (-37.8, 144.911, "N. N.", 210)

    def test_the_key_may_be_the_features_own(self, load, library, tmp_path):
        own = feature("A")
        del own["properties"]["id"]  # type: ignore[attr-defined]
        load(self.write(tmp_path, collection({**own, "id": 77})), "geojson")
        assert library.by_reference(city_number("AUMEL"), "77").number == 0

    @pytest.mark.parametrize(
        ("bad", "code", "field"),
        [
            ({**FEATURE, "type": "Thing"}, "feature.invalid", "type"),
            ("text", "feature.invalid", "type"),
            ({**FEATURE, "properties": None}, "feature.invalid", "properties"),
            ({**FEATURE, "geometry": None}, "coordinate.missing", "geometry"),
            (
                {**FEATURE, "geometry": {"type": "Polygon", "coordinates": []}},
                "geometry.kind",
                "geometry",
            ),
            (
                {**FEATURE, "geometry": {"type": "Point", "coordinates": [1]}},
                "coordinate.missing",
                "coordinates",
            ),
            (
                {**FEATURE, "geometry": {"type": "Point", "coordinates": [-37.8, 144.9]}},
                "coordinate.range",
                "lat",
            ),
            (feature("Z", kind=["garage"]), "feature.invalid", "kind"),
            (feature("Z", width_cm=250.5), "number.invalid", "width_cm"),
            (feature("Z", sharing="maybe"), "flag.invalid", "sharing"),
            (feature("Z", address="half \ud83c"), "text.control", "address"),
            (feature("A"), "title.duplicate", ""),
        ],
    )
    def test_bad_features_are_rejected_with_their_line(self, load, tmp_path, bad, code, field):
        text = collection(feature("A"), bad)
        done = load(self.write(tmp_path, text), "geojson")
        (rejected,) = done.rejections
        assert (rejected.code, rejected.field, done.edition.count) == (code, field, 1)
        # the line on which the last element of the array begins
        closing = len(json.dumps(bad, indent=1).splitlines())
        assert rejected.line == len(text.splitlines()) - 2 - closing + 1

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("[1, 2]", "geojson.malformed"),
            ("{", "geojson.malformed"),
            ('{"type": "FeatureCollection"}', "geojson.invalid"),
            ('{"features": []}', "geojson.invalid"),
            ('{"type": "Feature", "features": []}', "geojson.invalid"),
            ('{"type": "FeatureCollection", "features": {}}', "geojson.malformed"),
            ('{"type": "FeatureCollection", "features": []} more', "geojson.malformed"),
            ('{"type": "FeatureCollection", "features": []}', "titles.no_rows"),
            ('{"type": "FeatureCollection", "features": [1 2]}', "geojson.malformed"),
            ('{"type": "FeatureCollection", "features": [' + "[" * 100_000, "geojson.malformed"),
        ],
    )
    def test_what_is_no_collection_is_refused(self, refused, tmp_path, text, code):
        assert refused(self.write(tmp_path, text), "geojson").code == code

    def test_a_collection_cut_off_in_the_middle_is_refused_whole(self, refused, tmp_path):
        text = collection(*(feature(name) for name in "ABCDEFGH"))
        error = refused(self.write(tmp_path, text[: len(text) * 2 // 3]), "geojson")
        assert error.code == "geojson.malformed"

    def test_another_coordinate_system_is_refused(self, refused, tmp_path):
        crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::3826"}}
        error = refused(self.write(tmp_path, collection(feature("A"), crs=crs)), "geojson")
        assert (error.code, error.field) == ("geojson.invalid", "crs")
        assert "EPSG::3826" in error.message

    def test_wgs84_by_its_old_name_is_taken(self, load, tmp_path):
        crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
        text = collection(feature("A"), crs=crs)
        assert load(self.write(tmp_path, text), "geojson").edition.count == 1
