"""Recorded stays are read row by row, and no row is lost without a word."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from berth.cli.replay.sessions import Rejected, Stay, read_sessions
from berth.core.errors import BerthError

from .conftest import HEADER, WriteCsv

GOOD = '"ASK";"P15";"S1";2019-11-28 19:08:00;2019-11-29 08:20:00;13,2;19,96'
GOOD_STAY = Stay(
    line=2,
    session="S1",
    user="P15",
    plugged_in=int(datetime(2019, 11, 28, 19, 8, tzinfo=UTC).timestamp()),
    plugged_out=int(datetime(2019, 11, 29, 8, 20, tzinfo=UTC).timestamp()),
    energy_wh=19_960,
)


def test_a_row_with_decimal_commas_becomes_a_stay_in_seconds_and_watt_hours(
    write_csv: WriteCsv,
) -> None:
    sessions = read_sessions(write_csv(GOOD))
    assert sessions.stays == [GOOD_STAY]
    assert sessions.rejected == []


def test_a_byte_order_mark_other_columns_and_blank_lines_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "bom.csv"
    path.write_text(f"\ufeffextra;{HEADER}\n\nx;{GOOD}\n", "utf-8")
    stay = read_sessions(path).stays[0]
    assert (stay.session, stay.line) == ("S1", 3)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("A;P;S;2019-01-01 10:00:00;NA;NA;1,0", "plugout_time is missing (NA)"),
        ("A;P;S;2019-01-01 10:00:00;;1,0;1,0", "plugout_time is missing (empty)"),
        ("A;NA;S;2019-01-01 10:00:00;2019-01-01 11:00:00;1,0;1,0", "user_id is missing (NA)"),
        (
            "A;P;S;2019-01-01 10:00:00;2019-01-01 09:00:00;1,0;1,0",
            "plugout_time is not after plugin_time",
        ),
        (
            "A;P;S;2019-01-01 10:00:00;2019-01-01 10:00:00;0,0;1,0",
            "plugout_time is not after plugin_time",
        ),
        (
            "A;P;S;2021-03-27 17:07:40;2021-03-28 11:05:28;16,96333;4,625",
            "connection_time says 61068 s, plug-in to plug-out is 64668 s (a change of clocks?)",
        ),
        (
            "A;P;S;2019-13-01 10:00:00;2019-01-01 11:00:00;1,0;1,0",
            "plugin_time '2019-13-01 10:00:00' is no time like 2019-11-28 19:08:00",
        ),
        (
            "A;P;S;01.02.2019 10:00;2019-01-01 11:00:00;1,0;1,0",
            "plugin_time '01.02.2019 10:00' is no time like 2019-11-28 19:08:00",
        ),
        (
            "A;P;S;1969-12-31 23:00:00;1970-01-01 00:00:00;1,0;1,0",
            "plugin_time '1969-12-31 23:00:00': not in 1971 to 2140",
        ),
        (
            "A;P;S;2019-01-01 10:00:00;2019-01-01 11:00:00;1.0;1,0",
            "connection_time '1.0' is no number with a decimal comma",
        ),
        (
            "A;P;S;2019-01-01 10:00:00;2019-01-01 11:00:00;1,0;-1,0",
            "energy_session '-1,0' is no number with a decimal comma",
        ),
        ("A;P;S;2019-01-01 10:00:00", "has 4 fields, not as many as the header"),
    ],
)
def test_a_row_that_cannot_be_used_is_reported_with_its_line_and_reason(
    write_csv: WriteCsv, row: str, reason: str
) -> None:
    sessions = read_sessions(write_csv(GOOD, row))
    assert sessions.rejected == [Rejected(3, reason)]
    assert sessions.stays == [GOOD_STAY]


def test_a_session_that_is_there_twice_counts_once(write_csv: WriteCsv) -> None:
    sessions = read_sessions(write_csv(GOOD, GOOD))
    assert len(sessions.stays) == 1
    assert sessions.rejected == [Rejected(3, "session S1 is on line 2 already")]


def test_stays_come_by_plug_in_time_and_ties_in_the_files_order(write_csv: WriteCsv) -> None:
    sessions = read_sessions(
        write_csv(
            "A;P;late;2019-01-02 10:00:00;2019-01-02 11:00:00;1,0;1,0",
            "A;P;tie1;2019-01-01 10:00:00;2019-01-01 12:00:00;2,0;1,0",
            "A;P;tie2;2019-01-01 10:00:00;2019-01-01 11:00:00;1,0;1,0",
        )
    )
    assert [stay.session for stay in sessions.stays] == ["tie1", "tie2", "late"]


def test_missing_columns_are_named(write_csv: WriteCsv) -> None:
    with pytest.raises(BerthError, match="missing columns: plugin_time, energy_session") as caught:
        read_sessions(write_csv(header="user_id;session_id;plugout_time;connection_time"))
    assert (caught.value.code, caught.value.exit_code) == ("replay.columns", 2)


def test_a_comma_separated_file_is_told_what_separates_columns(write_csv: WriteCsv) -> None:
    with pytest.raises(BerthError, match=r"columns are separated by ';'"):
        read_sessions(write_csv(header=HEADER.replace(";", ",")))


def test_a_column_that_is_there_twice_is_refused(write_csv: WriteCsv) -> None:
    with pytest.raises(BerthError, match="columns are there twice: user_id"):
        read_sessions(write_csv(header=f"{HEADER};user_id"))


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_another_encoding_is_refused(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "sessions.csv"
    path.write_bytes(f"{HEADER}\n{GOOD.replace('ASK', 'Ås')}\n".encode(encoding))
    with pytest.raises(BerthError, match="is not UTF-8") as caught:
        read_sessions(path)
    assert (caught.value.code, caught.value.exit_code) == ("replay.encoding", 2)


def test_a_missing_file_a_folder_and_an_empty_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BerthError, match="No such file"):
        read_sessions(tmp_path / "absent.csv")
    with pytest.raises(BerthError, match="Is a directory"):
        read_sessions(tmp_path)
    (tmp_path / "empty.csv").touch()
    with pytest.raises(BerthError, match="the file is empty"):
        read_sessions(tmp_path / "empty.csv")


def test_a_quote_left_open_is_refused_with_its_line(write_csv: WriteCsv) -> None:
    with pytest.raises(BerthError, match="line 2 is no CSV"):
        read_sessions(write_csv('"A;P'))


def test_every_row_of_the_real_file_is_used_or_reported(norway: Path) -> None:
    sessions = read_sessions(norway)
    reasons = [row.reason for row in sessions.rejected]
    assert len(sessions.stays) + len(reasons) == 35_377
    assert sum("plugout_time is missing (NA)" in reason for reason in reasons) == 38
    clocks = sum(reason.startswith("connection_time says") for reason in reasons)
    assert 38 + clocks == len(reasons)
    assert len({stay.user for stay in sessions.stays}) == 267
    assert sessions.stays[0].plugged_in == int(datetime(2018, 2, 6, 14, 42, tzinfo=UTC).timestamp())
