"""Every bad row is rejected with its line, a code and a reason; the good ones go through."""

from __future__ import annotations

import csv
import json

import pytest
from berth.core.errors import BerthError
from berth.core.ids import city_number
from berth.core.title import NO_END_DAY, Kind

from .sources import row, rows

CITY = city_number("AUMEL")

MELBOURNE = (
    "RoadSegmentID,KerbsideID,RoadSegmentDescription,Latitude,Longitude,LastUpdated,Location"
)
TAIPEI = (
    "src,city,town,address,building_name,unit,kind,date,structure,floor,spaces,total_price_ntd,"
    "parking_price_wan,area_ping,lat,lon,note,reg_hash"
)
HASHES = [letter * 43 + "=" for letter in "ABCDEFGH"]


def bay(**changes: str) -> str:
    values = {
        "RoadSegmentID": "20189",
        "KerbsideID": "",
        "RoadSegmentDescription": "King Street",
        "Latitude": "-37.8185369",
        "Longitude": "144.9568504",
        "LastUpdated": "2024-04-08",
        "Location": "",
    } | changes
    return ",".join(values.values())


def contract(key: str, **changes: str) -> str:
    values = {
        "src": "presale_data",
        "city": "臺北市",
        "town": "中山區",
        "address": "中山區吉林路1號",
        "building_name": "某大樓",
        "unit": "A1",
        "kind": "房地(土地+建物)+車位",
        "date": "114/05/08",
        "structure": "住宅大樓",
        "floor": "15/15",
        "spaces": "1",
        "total_price_ntd": "1",
        "parking_price_wan": "266",
        "area_ping": "27.65",
        "lat": "25.055",
        "lon": "121.541",
        "note": "",
        "reg_hash": key,
    } | changes
    return ",".join(values.values())


BAD_CSV = {
    "coordinate missing": ({"lat": ""}, "coordinate.missing", "lat"),
    "coordinate no number": ({"lon": "east"}, "coordinate.invalid", "lon"),
    "decimal comma": ({"lat": '"-37,8"'}, "coordinate.invalid", "lat"),
    "latitude out of range": ({"lat": "-90.01"}, "coordinate.range", "lat"),
    "longitude out of range": ({"lon": "180.5"}, "coordinate.range", "lon"),
    "not a number": ({"lat": "nan"}, "coordinate.invalid", "lat"),
    "zero zero": ({"lat": "0.0", "lon": "0"}, "coordinate.missing", "lat"),
    "no key": ({"id": " "}, "text.missing", "id"),
    "no address": ({"address": ""}, "text.missing", "address"),
    "endless address": ({"address": "x" * 501}, "text.length", "address"),
    "control character": ({"address": "a\x07b"}, "text.control", "address"),
    "no kind": ({"kind": ""}, "kind.missing", "kind"),
    "unknown kind": ({"kind": "rooftop"}, "kind.invalid", "kind"),
    "kind out of range": ({"kind": "6"}, "kind.invalid", "kind"),
    "height missing": ({"height_cm": ""}, "number.missing", "height_cm"),
    "height that no car fits": ({"height_cm": "149"}, "number.range", "height_cm"),
    "width in metres": ({"width_cm": "2.5"}, "number.invalid", "width_cm"),
    "width too small": ({"width_cm": "149"}, "number.range", "width_cm"),
    "length too great": ({"length_cm": "2501"}, "number.range", "length_cm"),
    "sharing unclear": ({"sharing": "perhaps"}, "flag.invalid", "sharing"),
    "sharing missing": ({"sharing": ""}, "flag.missing", "sharing"),
    "date of no calendar": ({"valid_until": "2026-02-30"}, "date.invalid", "valid_until"),
    "date the other way round": ({"valid_until": "31/12/2030"}, "date.invalid", "valid_until"),
    "date beyond 16 bits": ({"valid_until": "2149-06-07"}, "date.range", "valid_until"),
}


@pytest.mark.parametrize(("changes", "code", "field"), BAD_CSV.values(), ids=BAD_CSV)
def test_a_bad_row_is_rejected_and_its_neighbours_are_not(load, write, changes, code, field):
    done = load(write(row(1), row(2, **changes), row(3)))
    assert [(one.line, one.code, one.field) for one in done.rejections] == [(3, code, field)]
    assert done.rejections[0].reason
    assert (done.rows, done.edition.count) == (3, 2)


@pytest.mark.parametrize(
    ("lines", "fields"), [("S-9,-37.8,144.9", 3), (row(9) + ",more", 12)], ids=["few", "many"]
)
def test_a_row_of_another_width_is_rejected(load, write, lines, fields):
    (rejected,) = load(write(row(1), lines)).rejections
    assert (rejected.line, rejected.code) == (3, "row.fields")
    assert rejected.reason == f"has {fields} fields, the header 11"


def test_of_two_rows_with_one_key_the_first_counts(load, write, library):
    done = load(write(row(1), row(2), row(1, address="Elsewhere 5")))
    (rejected,) = done.rejections
    assert (rejected.line, rejected.code) == (4, "title.duplicate")
    assert rejected.reason == "title S-1 is that of line 2 already"
    assert library.by_reference(CITY, "S-1").address == "1 Example Street"


def test_lines_are_counted_over_quoted_line_breaks_and_empty_lines(load, write):
    folded = row(1, address='"1 Example\nStreet"')
    done = load(write(folded, "", row(2, lat="x"), row(3)))
    assert [one.line for one in done.rejections] == [5]


def test_what_a_good_row_says_is_what_is_kept(load, write, library):
    load(
        write(
            row(
                1,
                kind="4",
                height_cm=180,
                sharing="No",
                valid_until="2030-12-31",
                holder="  Acme   Parking Ltd ",
            )
        )
    )
    title = library.entry(CITY, 0)
    assert (title.kind, title.height, title.width, title.length) == (Kind.MECHANICAL, 180, 250, 550)
    assert (title.sharing, title.valid_day) == (0, 22279)
    assert (title.holder, title.holder_generated) == ("Acme Parking Ltd", 0)
    assert (title.lat, title.lon, title.reference) == (-37.8001, 144.96, "S-1")


def test_a_holder_that_is_missing_or_made_up_is_labelled(load, write, library):
    load(write(row(1), row(2, holder="generated:AUMEL:000777")))
    first, second = (library.entry(CITY, index) for index in (0, 1))
    assert (first.holder, first.holder_generated) == ("generated:AUMEL:000000", 1)
    assert (second.holder, second.holder_generated) == ("generated:AUMEL:000777", 1)
    assert json.loads(first.hints_json) == {"generated": ["holder"]}
    assert first.valid_day == NO_END_DAY


def test_columns_may_come_in_any_order_with_others_between(load, tmp_path):
    path = tmp_path / "odd.csv"
    path.write_text(
        "\ufeffsharing,extra,length_cm,width_cm,height_cm,kind,address,lon,lat,id\n"
        'yes,?,550,250,0,garage,"Straße 1, Wien",16.37,48.2,A\n',
        "utf-8",
    )
    done = load(path)
    assert (done.edition.count, done.rejections) == (1, [])


class TestReport:
    def test_it_names_line_code_field_and_reason(self, load, write, tmp_path):
        report = tmp_path / "bad.csv"
        done = load(write(row(1), row(2, lat="91"), row(1)), report=report)
        assert done.report == report
        with report.open(newline="") as file:
            assert list(csv.DictReader(file)) == [
                {
                    "line": "3",
                    "code": "coordinate.range",
                    "field": "lat",
                    "reason": "91.0 is not between -90 and 90",
                },
                {
                    "line": "4",
                    "code": "title.duplicate",
                    "field": "",
                    "reason": "title S-1 is that of line 2 already",
                },
            ]

    def test_as_json_lines(self, load, write, tmp_path):
        report = tmp_path / "bad.jsonl"
        load(write(row(1), row(2, kind="")), report=report)
        assert [json.loads(line) for line in report.read_text().splitlines()] == [
            {"line": 3, "code": "kind.missing", "field": "kind", "reason": "is empty"}
        ]

    def test_without_a_name_it_goes_to_the_data_folder(self, load, write, home):
        assert load(write(row(1))).report is None
        done = load(write(row(1), row(2, kind="")))
        assert done.report == home / "titles" / "AUMEL-rejected.csv"
        assert done.report.is_file()

    def test_one_that_was_asked_for_is_there_even_when_empty(self, load, write, tmp_path):
        load(write(row(1)), report=tmp_path / "bad.csv")
        assert (tmp_path / "bad.csv").read_text() == "line,code,field,reason\n"

    @pytest.mark.parametrize("name", ["bad.txt", "nowhere/bad.csv", "folder.csv"])
    def test_one_that_cannot_be_written_is_refused_at_once(self, load, write, tmp_path, name):
        (tmp_path / "folder.csv").mkdir()
        with pytest.raises(BerthError) as refused:
            load(write(row(1)), report=tmp_path / name)
        assert (refused.value.code, refused.value.exit_code) == ("titles.report", 2)


class TestMelbourne:
    def load(self, load, write, *lines):
        return load(write(*lines, header=MELBOURNE), "melbourne-bays")

    def test_a_bay_is_in_the_open_air_and_its_key_is_its_place(self, load, write, library):
        done = self.load(load, write, bay())
        title = library.by_reference(CITY, "-37.8185369,144.9568504")
        assert (done.edition.city_code, done.edition.name) == ("AUMEL", "Melbourne")
        assert (title.kind, title.height, title.sharing) == (Kind.STREET, 0, 1)
        assert title.address == "King Street, Melbourne"
        assert json.loads(title.hints_json)["generated"] == ["holder", "dimensions", "sharing"]

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"Latitude": ""}, "coordinate.missing"),
            ({"Latitude": "-38.8185369"}, "coordinate.bounds"),
            ({"Longitude": "181"}, "coordinate.range"),
            ({"RoadSegmentDescription": ""}, "text.missing"),
            ({"LastUpdated": "08/04/2024"}, "date.invalid"),
            ({"LastUpdated": ""}, "date.missing"),
        ],
    )
    def test_bad_bays_are_rejected(self, load, write, changes, code):
        bad = bay(**{"Longitude": "144.95"} | changes)
        (rejected,) = self.load(load, write, bay(), bay(Latitude="-37.81"), bad).rejections
        assert (rejected.line, rejected.code) == (4, code)

    def test_swapped_coordinates_are_called_that(self, load, write):
        swapped = bay(Latitude="144.95", Longitude="-37.8")
        (rejected,) = self.load(load, write, bay(), swapped).rejections
        assert rejected.code == "coordinate.range"
        assert rejected.reason.endswith("latitude and longitude seem to be swapped")

    def test_the_same_place_written_shorter_is_the_same_bay(self, load, write):
        done = self.load(load, write, bay(Latitude="-37.81850"), bay(Latitude="-37.8185"))
        assert [one.code for one in done.rejections] == ["title.duplicate"]


class TestTaipei:
    CITY = city_number("TWTPE")

    def load(self, load, write, *lines):
        return load(write(*lines, header=TAIPEI), "taipei-titles")

    def test_a_contract_of_several_spaces_is_several_titles_of_one_holder(
        self, load, write, library
    ):
        done = self.load(load, write, contract(HASHES[0]), contract(HASHES[1], spaces="3"))
        titles = [library.entry(self.CITY, index) for index in range(4)]
        assert done.edition.count == 4
        assert [one.reference for one in titles] == [
            f"{HASHES[0]}#1",
            *(f"{HASHES[1]}#{ordinal}" for ordinal in (1, 2, 3)),
        ]
        assert [one.holder for one in titles] == [
            "generated:TWTPE:000000",
            *["generated:TWTPE:000001"] * 3,
        ]
        hints = json.loads(titles[0].hints_json)
        assert (hints["contract"], hints["parkingPriceNtd"]) == ("2025-05-08", "2660000")

    def test_only_what_the_data_calls_mechanical_is(self, load, write, library):
        self.load(load, write, contract(HASHES[0]), contract(HASHES[1], note="倉儲式車位"))
        assert [library.entry(self.CITY, index).kind for index in (0, 1)] == [
            Kind.GARAGE,
            Kind.MECHANICAL,
        ]

    def test_prices_with_separators_and_remarks_with_controls_are_no_reason(self, load, write):
        done = self.load(
            load, write, contract(HASHES[0], parking_price_wan='"1,105"', unit="8\x13B6號")
        )
        assert done.rejections == []

    @pytest.mark.parametrize(
        ("changes", "code", "field"),
        [
            ({"spaces": "0"}, "spaces.zero", "spaces"),
            ({"spaces": ""}, "number.missing", "spaces"),
            ({"spaces": "two"}, "number.invalid", "spaces"),
            ({"spaces": "10001"}, "number.range", "spaces"),
            ({"date": "114/13/08"}, "date.invalid", "date"),
            ({"date": "2025-05-08"}, "date.invalid", "date"),
            ({"lat": ""}, "coordinate.missing", "lat"),
            ({"lat": "121.5", "lon": "25.0"}, "coordinate.range", "lat"),
            ({"lon": "120.2"}, "coordinate.bounds", "lat"),
            ({"reg_hash": ""}, "key.missing", "reg_hash"),
            ({"reg_hash": "abc"}, "key.invalid", "reg_hash"),
            ({"reg_hash": HASHES[0]}, "title.duplicate", ""),
            ({"address": ""}, "text.missing", "address"),
            ({"parking_price_wan": "n/a"}, "number.invalid", "parking_price_wan"),
        ],
    )
    def test_bad_contracts_are_rejected(self, load, write, changes, code, field):
        done = self.load(load, write, contract(HASHES[0]), contract(key=HASHES[1], **changes))
        assert [(one.line, one.code, one.field) for one in done.rejections] == [(3, code, field)]


def test_when_no_row_is_good_only_the_report_is_written(load, write, home, tmp_path, store):
    with pytest.raises(BerthError) as refused:
        load(write(row(1, kind=""), row(2, lat="")), report=tmp_path / "bad.csv")
    assert (refused.value.code, refused.value.exit_code) == ("titles.none_good", 3)
    assert "line 2: kind is empty" in refused.value.message
    assert len((tmp_path / "bad.csv").read_text().splitlines()) == 3
    assert not (home / "titles").exists()
    assert not (home / "keys").exists()


def test_progress_reaches_the_end_of_every_step(store, home, write):
    from berth.core.clock import WallClock
    from berth.market.titles import Import, import_titles

    steps: dict[str, tuple[int, int]] = {}

    def watch(step, done, total):
        steps[step] = (done, total)

    import_titles(
        store, home, Import(write(*rows(1, 2, 3)), "csv", city="AUMEL"), WallClock(), watch
    )
    assert steps == {"reading": (4, 4), "building": (3, 3), "storing": (3, 3)}
