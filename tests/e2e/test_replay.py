"""`berth replay` as a process of its own, on a real Ganache with the real contracts."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from berth.cli.replay.schedule import Ask, plan
from berth.cli.replay.sessions import read_sessions

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

HEADER = "location;user_id;session_id;plugin_time;plugout_time;connection_time;energy_session"
SPACES = 3
MONDAY = int(datetime(2019, 3, 4, tzinfo=UTC).timestamp())


def row(number: int, user: int, start: int, seconds: int, energy_wh: int) -> str:
    def clock(at: int) -> str:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")

    hours = f"{seconds / 3600:.5f}".replace(".", ",")
    kwh = f"{energy_wh / 1000:.3f}".replace(".", ",")
    return f"GEN;stall-{user};gen-{number};{clock(start)};{clock(start + seconds)};{hours};{kwh}"


def generated_rows() -> list[str]:
    """Sixty ordinary stays of two days on seven stalls, and the awkward ones by hand."""
    random.seed(20190304)
    rows = [
        row(
            number,
            random.randrange(7),
            MONDAY + random.randrange(2 * 86_400),
            random.randrange(120, 6 * 3600),
            random.randrange(60_000),
        )
        for number in range(60)
    ]
    later = MONDAY + 4 * 86_400
    rows += [
        row(100, 0, later, 672 * 900 + 1, 1000),  # a second longer than a lease can be
        row(101, 0, later + 60, 3600, 255_001),  # more energy than a lease can hold
        row(102, 1, later + 899, 2, 0),  # the last second of a slot, over in two seconds, no energy
        row(103, 0, later + 120, 1800, 50),  # two of one stall in one second:
        row(104, 0, later + 120, 7200, 50),  # the first one in the file gets it
        row(105, 2, later + 86_400, 900, 99),  # whole slots to the second, less energy than is sold
        row(106, 2, later + 86_400 + 900, 900, 100),  # and the neighbouring slot
    ]
    return rows


def refused_by_brute_force(asks: list[Ask]) -> dict[str, int]:
    """Counted with a set of taken slots a space."""
    taken: dict[int, set[int]] = {space: set() for space in range(SPACES)}
    refused: dict[str, int] = {}
    for ask in asks:
        wanted = set(range(ask.start_slot, ask.start_slot + ask.slots))
        if len(wanted) > 672:
            reason = "Berth_OutOfRange slots"
        elif ask.stay.energy_wh > 255_000:
            reason = "Berth_OutOfRange kwhCap"
        elif wanted & taken[ask.space]:
            reason = "Berth_CalendarTaken"
        else:
            taken[ask.space] |= wanted
            continue
        refused[reason] = refused.get(reason, 0) + 1
    return refused


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("replay") / "stays.csv"
    rows = [*generated_rows(), "GEN;stall-1;gen-200;2019-03-04 10:00:00;NA;NA;1,5"]
    path.write_text("\n".join([HEADER, *rows]) + "\n", "utf-8")
    return path


def command(source: Path, *options: str) -> list[str]:
    arguments = ["replay", str(source), "--spaces", str(SPACES), *options]
    return [sys.executable, "-m", "berth.cli.main", *arguments]


@pytest.fixture(scope="module")
def report(source: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The machine report of one replay, whose temporary folders are gone when it ends."""
    temporary = tmp_path_factory.mktemp("tmp")
    done = subprocess.run(
        command(source, "--json"),
        capture_output=True,
        text=True,
        timeout=500,
        env={**os.environ, "TMPDIR": str(temporary)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list(temporary.glob("berth-replay-*")) == []
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_the_calendar_refuses_exactly_the_overlaps_of_the_file(
    source: Path, report: dict[str, Any]
) -> None:
    asks = plan(read_sessions(source).stays, SPACES, 1000)
    refused = refused_by_brute_force(asks)
    assert refused["Berth_CalendarTaken"] >= 10
    assert refused["Berth_OutOfRange slots"] == 1
    assert refused["Berth_OutOfRange kwhCap"] == 1
    assert report["leases"]["asked"] == len(asks) == 67
    assert report["leases"]["refused"] == refused
    assert report["leases"]["granted"] == 67 - sum(refused.values())


def test_every_unit_of_the_deposits_is_accounted_for(report: dict[str, Any]) -> None:
    assert [check["name"] for check in report["checks"] if not check["holds"]] == []
    assert len(report["checks"]) == 17
    money = {name: int(amount) for name, amount in report["money"].items()}
    assert money["deposits"] == money["ownerShares"] + money["fees"] + money["refunds"] > 0
    assert money["revenue"] == money["rent"] + money["energy"] > money["ownerShares"]
    assert money["overstay"] == 0  # a window is the stay rounded out: nobody is late
    assert money["ownerShares"] == sum(int(space["ownerShare"]) for space in report["spaces"])


def test_every_grant_has_an_arrival_and_a_settlement_and_all_gas_is_counted(
    report: dict[str, Any],
) -> None:
    gas, granted = report["gas"], report["leases"]["granted"]
    assert gas["lease"]["count"] == granted
    assert gas["arrive"]["count"] == gas["leave and settle"]["count"] == granted
    assert gas["lease, refused"]["count"] == sum(report["leases"]["refused"].values())
    assert report["playTransactions"] == 67 + 2 * granted
    assert all(verb["mean"] > 21_000 for verb in gas.values())


def test_spaces_add_up_to_the_whole(report: dict[str, Any]) -> None:
    spaces = report["spaces"]
    assert len(spaces) == SPACES
    assert sum(space["granted"] for space in spaces) == report["leases"]["granted"]
    assert sum(space["bookedMinutes"] for space in spaces) == report["minutes"]["booked"]
    assert all(0 < space["utilisation"] < 1 for space in spaces)


def test_rejected_rows_are_in_the_report_with_line_and_reason(report: dict[str, Any]) -> None:
    assert report["rowsRejected"] == [{"line": 69, "reason": "plugout_time is missing (NA)"}]
    assert report["rowsUsable"] == 67


def test_sigterm_ends_it_with_status_143_and_nothing_left(source: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        command(source),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("playing"):
                break
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 143
    assert errors.endswith("error: stopped before its end\n")
    assert list(tmp_path.glob("berth-replay-*")) == []
