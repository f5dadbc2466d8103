"""A restore: all or nothing, never over rows that somebody wants, and nothing is done twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from berth.store import bind_deployment, kept
from berth.store.backup import write_backup
from sqlalchemy import select

from tests.backend.databases import Databases
from tests.backend.store.backups import KEYS, Made, refused, restored, rewritten, same
from tests.backend.store.contents import Rows, fill, rows_of
from tests.backend.worlds import DEPLOYMENT


def lines_with(made: Made, old: bytes, new: bytes) -> Path:
    def change(lines: list[bytes]) -> None:
        found = [n for n, line in enumerate(lines) if old in line]
        assert found
        for place in found:
            lines[place] = lines[place].replace(old, new)

    return rewritten(made, change, key=KEYS[0])


def used(databases: Databases) -> tuple[str, Rows]:
    """A database of this deployment that nobody has open: its URL and rows."""
    url = databases.url()
    store = databases.again(url)
    bind_deployment(store, DEPLOYMENT)
    with store.write() as conn:
        fill(conn, 2)
    store.close()
    return url, rows_at(databases, url)


def rows_at(databases: Databases, url: str) -> Rows:
    store = databases.again(url)
    with store.read() as conn:
        rows = rows_of(conn)
    store.close()
    return rows


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"table":"grants"', b'"table":"leases"'),  # of the index
        (b'"table":"grants"', b'"table":"sqlite_master"'),
        (b'"signature"', b'"handwriting"'),
        (b'"revoked"', b'"perhaps"'),  # no state of a grant
        (b'"titles.reference 1', b'null,"titles.reference 1'),
    ],
)
def test_rows_that_the_tables_do_not_take_leave_the_database_as_it_was(
    databases: Databases, made: Made, old: bytes, new: bytes
) -> None:
    url = databases.url()
    store = databases.again(url)
    with store.write() as conn:
        before = rows_of(conn)
    store.close()
    assert refused(url, lines_with(made, old, new)).code in ("backup.rows", "backup.damaged")
    with databases.again(url).read() as conn:
        assert rows_of(conn) == before


_DYING = """
import os, signal, sys
from pathlib import Path
from berth.store import restore
from tests.backend.worlds import DEPLOYMENT

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

setattr(restore, sys.argv[1], die)
key = bytes.fromhex(sys.argv[4])
restore.restore_backup(sys.argv[2], Path(sys.argv[3]), [key], DEPLOYMENT, force=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("step", ["_count_on", "_ask_index"])
def test_a_restore_killed_in_the_middle_has_changed_nothing(
    databases: Databases, made: Made, step: str
) -> None:
    url, before = used(databases)
    done = subprocess.run(
        [sys.executable, "-c", _DYING, step, url, str(made.file), KEYS[0].hex()],
        cwd=Path(__file__).parents[3],
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": "."},
    )
    assert done.returncode == -signal.SIGKILL
    assert rows_at(databases, url) == before
    same(made.rows, restored(url, made, force=True))


def test_a_database_with_rows_is_replaced_with_force_only(databases: Databases, made: Made) -> None:
    url, before = used(databases)
    error = refused(url, made.file)
    assert error.code == "backup.not_empty"
    assert "--force" in error.message
    assert rows_at(databases, url) == before
    same(made.rows, restored(url, made, force=True))


def test_a_database_that_somebody_uses_is_not_replaced(databases: Databases, made: Made) -> None:
    url = databases.url()
    other = databases.again(url)
    with other.read() as conn:
        conn.execute(select(kept.nonces)).all()
        error = refused(url, made.file, force=True)
    assert error.code == "store.busy"
    other.close()
    same(made.rows, restored(url, made, force=True))


# ---- nothing is done twice


def test_what_was_on_its_way_is_asked_for_again_and_not_sent(
    databases: Databases, made: Made
) -> None:
    url = databases.url()
    after = restored(url, made)
    states = {row["state"] for row in made.rows["commands"]}
    assert {"observed", "confirmed", "eligible", "claimed", "published"} <= states
    assert {row["state"] for row in after["commands"]} == {"cancelled"}
    assert {row["reason"] for row in after["commands"]} == {"store.restored"}
    before = {row["lock_id"]: row for row in made.rows["lock_states"]}
    for row in after["lock_states"]:
        assert (row["nonce"], row["online"]) == (None, 0)
        boot = before[row["lock_id"]]["boot_id"]
        assert row["boot_id"] is None or (row["boot_id"] < boot and boot[:-1] == row["boot_id"])
    versions = {row["lease_id"]: row["version"] for row in made.rows["grants"]}
    for row in after["grants"]:
        assert row["version"] > max(versions[row["lease_id"]], 1_700_000_000)
        assert row["acked_version"] == 0
    again = {row["lease_id"]: row["version"] for row in after["grants"]}
    later = Made(made.file.with_name("later"), made.rows, made.store)
    store = databases.again(url)
    write_backup(store, later.file, KEYS[0])
    store.close()
    for row in restored(databases.url(), later)["grants"]:
        assert row["version"] > again[row["lease_id"]]
    assert all(row["claimed_by"] is None for row in after["outbox"])
