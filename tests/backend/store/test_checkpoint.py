"""SQLite's log is brought into the file beside whoever reads and writes."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from berth.relay import run as relay_run
from berth.relay.run import Relay
from berth.store import Store, open_store
from berth.store.events import append_event, last_seq


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "berth.sqlite"


def write(store: Store, rows: int = 1) -> None:
    with store.write() as conn:
        for _ in range(rows):
            append_event(conn, "lock.state", None, None, None, {})


def rows_in_the_file_alone(path: Path) -> int:
    """What somebody finds who has the file and not its log."""
    copy = path.with_name("copy.sqlite")
    copy.write_bytes(path.read_bytes())
    raw = sqlite3.connect(copy)
    try:
        return int(raw.execute("SELECT count(*) FROM events").fetchone()[0])
    finally:
        raw.close()


def test_what_was_committed_gets_into_the_file(path: Path) -> None:
    store = open_store(f"sqlite:///{path}")
    store.checkpoint()
    write(store, 10)
    assert rows_in_the_file_alone(path) == 0
    assert store.checkpoint() == 0
    assert rows_in_the_file_alone(path) == 10
    store.close()


def test_nobody_waits_for_it_and_it_waits_for_nobody(path: Path) -> None:
    store, other = open_store(f"sqlite:///{path}"), open_store(f"sqlite:///{path}")
    store.checkpoint()
    with other.read() as reading:
        assert last_seq(reading) == 0
        write(store, 10)
        assert store.checkpoint() > 0  # the reader's pages stay as they were
        assert last_seq(reading) == 0
    with other.write() as writing:
        append_event(writing, "lock.state", None, None, None, {})
        store.checkpoint()
    assert store.checkpoint() == 0
    assert rows_in_the_file_alone(path) == 11
    store.close()
    other.close()


async def test_a_relay_does_so_but_not_while_something_is_about_to_leave(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relay_run, "CHECKPOINT_SECONDS", 0.01)
    relay = Relay.__new__(Relay)
    times: list[int] = []

    class Log:
        sqlite = True

        def checkpoint(self) -> int:
            times.append(1)
            return 0

    class Held:
        locks = frozenset({"0x01"})

    held = Held()
    monkeypatch.setattr(relay, "_store", Log(), raising=False)
    monkeypatch.setattr(relay, "_ahead", held, raising=False)
    monkeypatch.setattr(relay, "asleep", None, raising=False)
    task = asyncio.create_task(relay._keep_the_log_short())
    await asyncio.sleep(0.1)
    assert not times
    held.locks = frozenset()
    async with asyncio.timeout(20):
        while not times:
            await asyncio.sleep(0.01)
    task.cancel()
