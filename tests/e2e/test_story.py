"""`berth demo` as a process of its own: the whole story, and its books read by nothing of ours."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from berth.cli.demo.city import MELBOURNE
from berth.core.settings import load_settings

from tests.absent import absent
from tests.e2e.installation import (
    BERTH,
    clean_environment,
    killed_after,
    lowerings,
    none_left_within,
    read_journal,
)

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

#: As at a terminal: what a shell starts in the background ignores it, and so do its children.
_HEAR = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""
HEARING_CTRL_C = (sys.executable, "-c", _HEAR)
STEPS = (
    "The land registry anchors a city's titles",
    "An owner's careless registration comes back with its reasons",
    "The corrected registration is on-chain, and offered",
    "Two neighbours list theirs",
    "A driver asks for a space with a charger",
    "The vehicle is verified, the lease goes into escrow",
    "Terminal and lock learn of the lease",
    "The driver enters the geofence, the camera goes on",
    "A wrong plate: the bar stays up",
    "The right plate and the driver's word: the bar goes down",
    "The lock senses the arrival; its record goes on-chain",
    "47 minutes later the space senses the departure; the lease settles",
    "Everybody takes out what is theirs, and all the books agree",
)

STAYED = 47
SETTLED = 4


@dataclass(frozen=True)
class Played:
    """A demo that has ended."""

    status: int
    out: str
    home: Path

    def rows(self, query: str, *arguments: Any) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(self.home / "berth.sqlite")) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query, arguments)]

    def only(self, query: str, *arguments: Any) -> dict[str, Any]:
        (row,) = self.rows(query, *arguments)
        return row


def real_data() -> Path | None:
    """The folder of source data, where it holds Melbourne."""
    folder = load_settings().data
    return folder if (folder / MELBOURNE).is_file() else None


@pytest.fixture(scope="module")
def plays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Played]]:
    """Both cities played at the same time, each in a folder of its own."""
    sources = {"generated": tmp_path_factory.mktemp("no-data"), "melbourne": real_data()}
    started = {
        name: (home := tmp_path_factory.mktemp(f"demo-{name}"), begin(home, data))
        for name, data in sources.items()
        if data is not None
    }
    try:
        played = {}
        for name, (home, process) in started.items():
            out, _ = process.communicate(timeout=400)
            played[name] = Played(process.returncode, out, home)
        yield played
    finally:
        for _, process in started.values():
            process.kill()
            process.wait()


def begin(home: Path, data: Path, then: str = "--leave") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*HEARING_CTRL_C, *BERTH, "demo", then, "--home", str(home), "--port", "0"],
        env=clean_environment(BERTH_DATA=str(data)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture(params=["generated", "melbourne"])
def played(request: pytest.FixtureRequest, plays: dict[str, Played]) -> Played:
    if request.param not in plays:
        absent("no Melbourne file: BERTH_DATA does not name a folder of source data")
    return plays[request.param]


def test_the_whole_story_plays_and_every_book_agrees(played: Played) -> None:
    assert played.status == 0, played.out[-3000:]
    at = -1
    for number, title in enumerate(STEPS, 1):
        found = re.search(rf"^ ?{number} {re.escape(title)}$", played.out, re.MULTILINE)
        assert found, f"no step {number}, {title}:\n{played.out}"
        assert found.start() > at
        at = found.start()
    assert "✗" not in played.out[at:]  # in the reconciliation; reasons before it have crosses too
    assert "every book agrees" in played.out[at:]
    assert played.out[at:].count("✓") >= 6 + 5 + 2  # six rows, five sentences, two withdrawals


def test_it_says_where_the_city_comes_from(plays: dict[str, Played]) -> None:
    generated = plays["generated"].out
    assert "No city data found: this is a small generated city." in generated
    assert "120 titles, 0 rows rejected" in generated
    assert "holders of these titles are generated and labelled so" in generated
    if "melbourne" in plays:
        real = plays["melbourne"].out
        assert "Reading the real records of Melbourne from on-street-parking-bays.csv." in real
        assert "23,864 titles, 0 rows rejected" in real
        assert "generated city" not in real


def test_nothing_is_left_running(played: Played) -> None:
    assert none_left_within(played.home, 3) == {}
    assert not (played.home / "running.json").exists()


def test_one_lease_is_settled_for_the_minutes_that_were_stayed(played: Played) -> None:
    lease = played.only("SELECT * FROM leases")
    assert lease["state"] == SETTLED
    settlement = played.only("SELECT * FROM settlements")
    assert settlement["lease_id"] == lease["lease_id"]
    assert settlement["number"] == 1
    # arrived before the start: billed from the booked minute 0 to the minute of leaving
    assert settlement["arrived"] == 1
    assert settlement["until_minute"] == STAYED
    offer = played.only(
        "SELECT * FROM offers WHERE space_id = ? AND number = ?",
        lease["space_id"],
        lease["offer"],
    )
    assert int(settlement["rent"]) * 15 == int(offer["price_per_slot"]) * STAYED
    assert int(settlement["energy"]) == int(settlement["overstay"]) == 0


def test_the_deposit_is_the_owners_share_and_the_fee_and_the_refund(played: Played) -> None:
    lease = played.only("SELECT * FROM leases")
    row = played.only("SELECT * FROM settlements")
    cost = int(row["rent"]) + int(row["overstay"]) + int(row["energy"])
    fee, refund = int(row["fee"]), int(row["refund"])
    owners_share = cost - fee
    assert owners_share + fee + refund == int(lease["deposit"]) == int(lease["pulled"]) > 0
    assert fee == cost * 250 // 10_000 > 0
    market = played.only("SELECT * FROM market_state")
    # all that went in, and was not kept as the fee, has been withdrawn by the two of them
    assert int(market["withdrawn"]) == owners_share + refund
    assert int(market["fees"]) == fee
    assert market["ledger_count"] == 1
    assert market["head"] == row["head"]
    assert {one["credit"] for one in played.rows("SELECT credit FROM accounts")} == {"0"}


def test_the_wrong_plate_is_on_record_before_the_right_one(played: Played) -> None:
    lease = played.only("SELECT * FROM leases")
    readings = played.rows("SELECT * FROM plate_readings ORDER BY id")
    assert {one["lease_id"] for one in readings} == {lease["lease_id"]}
    assert [bool(one["match"]) for one in readings][:2] == [False, True]
    assert all(bool(one["match"]) for one in readings[1:])
    assert readings[0]["reason"] == "other_vehicle"
    assert readings[0]["at"] <= readings[1]["at"]
    confirmed = played.only("SELECT * FROM confirmations")
    assert confirmed["at"] >= readings[0]["at"]


def test_the_bar_of_one_lock_went_down_once_and_came_up_once(played: Played) -> None:
    lease = played.only("SELECT * FROM leases")
    lock = played.only("SELECT lock_key FROM spaces WHERE space_id = ?", lease["space_id"])
    journals = {home.name: read_journal(home) for home in (played.home / "locks").iterdir()}
    assert len(journals) == 3
    (moved,) = [
        journal
        for journal in journals.values()
        if any(one["k"] == "outcome" and one["moved"] for one in journal)
    ]
    assert len(lowerings(moved)) == 1
    intents = [one for one in moved if one["k"] == "intent"]
    assert [one["action"] for one in intents] == ["camera_on", "lower", "raise"]
    assert {one["lease"] for one in intents} == {lease["lease_id"]}
    evidence = [one for one in moved if one["k"] == "evidence"]
    assert [one["kind"] for one in evidence] == [1, 2]
    mined = played.rows("SELECT * FROM evidence ORDER BY kind")
    assert [one["state"] for one in mined] == ["mined", "mined"]
    assert [one["signature"] for one in mined] == [one["signature"] for one in evidence]
    assert {one["lock_id"] for one in mined} == {lock["lock_key"]}
    after = played.only("SELECT * FROM lock_states WHERE lock_id = ?", lock["lock_key"])
    assert after["position"] == "LOCKED"
    assert after["camera"] == 0


def test_no_plate_is_kept_in_the_clear(played: Played) -> None:
    plate = "BRT 042"
    normal = plate.replace(" ", "")
    for path in sorted(played.home.rglob("*")):
        # the simulated lock's hardware file *is* the world in front of its camera
        if path.is_file() and path.name != "hardware.json":
            content = path.read_bytes()
            assert plate.encode() not in content, path
            assert normal.encode() not in content, path


def test_it_ends_on_the_app_at_the_address_it_prints_until_it_is_stopped(tmp_path: Path) -> None:
    home, nowhere = tmp_path / "home", tmp_path / "no-data"
    process = begin(home, nowhere, "--stay")
    try:
        with killed_after(process, 300):
            assert process.stdout is not None
            said = ""
            while "Ctrl-C stops it" not in said:
                line = process.stdout.readline()
                assert line, said
                said += line
        found = re.search(r"^Now you: open (http://127\.0\.0\.1:\d+) in a browser\.$", said, re.M)
        assert found, said
        with urllib.request.urlopen(found[1], timeout=30) as page:
            assert "<title>Berth" in page.read().decode()
        with urllib.request.urlopen(f"{found[1]}/v1/config", timeout=30) as config:
            assert json.load(config)["local"]["guest"]
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert none_left_within(home, 3) == {}
