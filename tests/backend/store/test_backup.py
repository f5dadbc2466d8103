"""Backups: one moment of all kept tables, there again after a restore, on either database."""

from __future__ import annotations

import gzip
import os
import stat
import threading
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from berth.core.errors import BerthError
from berth.store import bind_deployment, kept, migrations, open_store
from berth.store.backup import NOT_CARRIED, write_backup
from berth.store.backup_file import BackupReader, BackupWriter, BoundTo, Header
from berth.store.engine import reach_store
from berth.store.restore import restore_backup
from sqlalchemy import column, insert, inspect, select, table, text

from tests.backend.databases import Databases, Server
from tests.backend.store.backups import KEYS, Made, made_from, restored, same
from tests.backend.store.contents import fill, kept_tables, rows_of, shape_of
from tests.backend.worlds import DEPLOYMENT


def test_everything_kept_is_there_again(databases: Databases, made: Made) -> None:
    same(made.rows, restored(databases.url(migrated=False), made))


@pytest.mark.slow
@pytest.mark.parametrize("way", [("sqlite", "postgresql"), ("postgresql", "sqlite")])
def test_a_backup_of_one_database_is_restored_into_the_other(
    postgresql_server: Server, tmp_path: Path, way: tuple[str, str]
) -> None:
    first, second = (
        Databases(kind, tmp_path, postgresql_server if kind == "postgresql" else None)
        for kind in way
    )
    made = made_from(first.open(), tmp_path / "berth.backup")
    same(made.rows, restored(second.url(migrated=False), made))
    with second.again(second.url()).read() as conn:  # and its counters go on where they should
        assert conn.execute(select(kept.nonces)).all() == []
    first.close()
    second.close()


def test_numbers_go_on_after_those_that_were_given(databases: Databases, made: Made) -> None:
    url = databases.url()
    after = restored(url, made)
    highest = max(row["id"] for row in after["presence"])
    newest = max(row["seq"] for row in after["events"])
    store = databases.again(url)
    with store.write() as conn:
        row = {"lease_id": "l", "party": "driver", "event": "entered", "at": 1}
        given = conn.execute(insert(kept.presence).values(row)).inserted_primary_key
        assert given is not None
        assert given[0] > highest
        event = {"at": 1, "topic": "t", "payload_json": "{}"}
        seq = conn.execute(insert(kept.events).values(event)).inserted_primary_key
        assert seq is not None
        # a page that saw an event of after the backup asks for what follows it
        assert seq[0] > newest + 1_000_000


def test_the_tables_are_those_that_are_made_fresh(databases: Databases, made: Made) -> None:
    url = databases.url()
    restored(url, made)
    with databases.again(url).read() as one, databases.open().read() as other:
        assert shape_of(one) == shape_of(other)


def test_a_backup_of_an_older_migration_is_restored_and_brought_up(
    databases: Databases, tmp_path: Path
) -> None:
    old = migrations.KNOWN[1]
    source = reach_store(databases.url(migrated=False))
    with source.write() as conn:
        migrations.upgrade(conn, None, old)
        fill(conn)
    file = tmp_path / "old.backup"
    writer = BackupWriter(file, KEYS[0])
    with source.write() as conn:
        conn.execute(text("DELETE FROM deployment"))
        row = dict(
            zip(("chain_id", "genesis_hash", "market", "titles", "block"), bound(), strict=True)
        )
        conn.execute(insert(kept.deployment).values(id=1, bound_at=1, **row))
        writer.header(header(migration=old))
        for name in kept_tables(conn):
            if name not in NOT_CARRIED:
                names = [
                    one["name"] for one in inspect(conn).get_columns(name, schema=schema(conn))
                ]
                rows = conn.execute(select(*(column(n) for n in names)).select_from(table(name)))
                writer.table(name, names, iter(rows.all()))
        before = rows_of(conn)
    writer.finish()
    source.close()
    url = databases.url(migrated=False)
    after = restored(url, Made(file, before, source))
    for name in ("titles", "plate_readings", "vehicles_private", "sent_transactions"):
        assert len(after[name]) == len(before[name]) > 0
    store = databases.again(url)
    with store.read() as conn:
        version = conn.execute(text(f"SELECT version_num FROM {migrations.VERSION_TABLE}"))
        assert version.scalar() == migrations.HEAD


def schema(conn: Any) -> str | None:
    return None if conn.dialect.name == "sqlite" else "kept"


def bound() -> tuple[int, str, str, str, int]:
    d = DEPLOYMENT
    return d.chain_id, d.genesis_hash, d.market, d.titles, d.block


def header(**changes: Any) -> Header:
    chain_id, genesis_hash, market, titles, block = bound()
    deployment = BoundTo(
        chain_id=chain_id, genesis_hash=genesis_hash, market=market, titles=titles, block=block
    )
    base = Header(
        berth="backup",
        format=1,
        migration=migrations.HEAD,
        made_at=1,
        deployment=deployment,
        indexed=7,
    )
    return Header(**{name: getattr(base, name) for name in base.__struct_fields__} | changes)


# ---- while everything runs


def test_a_backup_is_of_one_moment_while_others_write(databases: Databases, tmp_path: Path) -> None:
    store = databases.open()
    bind_deployment(store, DEPLOYMENT)
    with store.write() as conn:
        fill(conn)
        counts = {name: len(rows) for name, rows in rows_of(conn).items()}
    stop, written = threading.Event(), 0

    def write() -> None:
        nonlocal written
        while not stop.is_set():
            with store.write() as conn:  # always both
                conn.execute(
                    insert(kept.confirmations).values(lease_id=f"l{written}", cycle=0, at=1)
                )
                row = {"lease_id": f"l{written}", "party": "d", "event": "e", "at": 1}
                conn.execute(insert(kept.presence).values(row))
            written += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for number in range(8):
            before = written
            file = tmp_path / f"{number}.backup"
            write_backup(store, file, KEYS[0])
            read = BackupReader(file, KEYS)
            found = {name: len(list(rows)) for name, _, rows in read.tables()}
            read.close()
            more = found["confirmations"] - counts["confirmations"]
            assert more == found["presence"] - counts["presence"]
            assert before <= more <= written + 1  # one may be in, and not counted yet
    finally:
        stop.set()
        thread.join()
    assert written > 8  # nobody was kept from writing


def test_a_large_backup_and_its_restore_take_little_memory(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "large.sqlite"))
    bind_deployment(store, DEPLOYMENT)
    with store.write() as conn:
        conn.execute(
            text(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)"
                " INSERT INTO events (at, topic, payload_json)"
                " SELECT i, 'a topic of some length', printf('%0200d', i) FROM n"
            )
        )
    file, url = tmp_path / "large.backup", str(tmp_path / "again.sqlite")
    tracemalloc.start()
    try:
        write_backup(store, file, KEYS[0])
        restore_backup(url, file, KEYS, DEPLOYMENT)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        store.close()
    assert peak < 12_000_000  # all rows at once would be some 40 MB


def test_the_file_is_its_owners_alone_and_never_replaces_another(made: Made) -> None:
    assert stat.S_IMODE(made.file.stat().st_mode) == 0o600
    before = made.file.read_bytes()
    with pytest.raises(BerthError) as caught:
        write_backup(made.store, made.file, KEYS[0])
    assert caught.value.code == "backup.exists"
    assert made.file.read_bytes() == before
    with pytest.raises(BerthError) as caught:
        write_backup(made.store, made.file.parent / "nowhere" / "x", KEYS[0])
    assert caught.value.code == "backup.unwritable"


def test_a_draft_that_somebody_laid_ready_is_not_written_to(tmp_path: Path) -> None:
    """In a folder that others may write to, its name can be guessed."""
    bait, stolen = tmp_path / f"x.{os.getpid()}.new", tmp_path / "stolen"
    stolen.write_bytes(b"")
    bait.symlink_to(stolen)
    BackupWriter(tmp_path / "x", KEYS[0]).finish()
    assert stolen.read_bytes() == b""
    assert not (tmp_path / "x").is_symlink()
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o600


def test_a_backup_that_fails_half_way_leaves_no_file(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: BackupWriter) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(BackupWriter, "finish", fail)
    out = made.file.with_name("second")
    with pytest.raises(ZeroDivisionError):
        write_backup(made.store, out, KEYS[0])
    assert [path.name for path in made.file.parent.glob("second*")] == []


def test_a_database_without_a_deployment_has_nothing_to_back_up(
    databases: Databases, tmp_path: Path
) -> None:
    with pytest.raises(BerthError) as caught:
        write_backup(databases.open(), tmp_path / "x", KEYS[0])
    assert caught.value.code == "backup.unbound"
    assert not (tmp_path / "x").exists()


def test_sign_ins_are_not_carried(made: Made) -> None:
    content = gzip.decompress(made.file.read_bytes())
    assert made.rows["sessions"]
    assert made.rows["nonces"]
    assert b"sessions" not in content
    assert b"nonces" not in content
