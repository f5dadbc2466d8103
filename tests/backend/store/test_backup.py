"""Backups: one moment of all kept tables; whole, ours and of this deployment, or refused; put back
in one step, on either database."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import random
import signal
import stat
import subprocess
import sys
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from berth.core.errors import BerthError
from berth.core.sealed import Sealer
from berth.store import Store, bind_deployment, kept, migrations, open_store
from berth.store.backup import NOT_CARRIED, write_backup
from berth.store.backup_file import PURPOSE, BackupReader, BackupWriter, BoundTo, Header
from berth.store.engine import reach_store
from berth.store.restore import restore_backup
from cryptography.fernet import Fernet
from sqlalchemy import column, insert, inspect, select, table, text

from tests.backend.databases import Databases, Server
from tests.backend.store.contents import Rows, fill, kept_tables, rows_of, shape_of
from tests.backend.worlds import DEPLOYMENT

KEY = Fernet.generate_key()
KEYS = Sealer([KEY]).derived(PURPOSE)
#: What a restore changes on purpose; their other columns are the same afterwards.
CHANGED = {
    "commands": {"state", "reason", "term", "updated_at"},
    "grants": {"version", "acked_version", "next_at", "state"},
    "lock_states": {"boot_id", "nonce", "nonce_at", "online"},
    "outbox": {"state", "next_at"},
}


@dataclass
class Made:
    """A backup, and what was in the database then."""

    file: Path
    rows: Rows
    store: Store


def made_from(store: Store, file: Path) -> Made:
    """Rows in every table, then a backup."""
    bind_deployment(store, DEPLOYMENT)
    with store.write() as conn:
        fill(conn, 5)
    write_backup(store, file, KEYS[0])
    with store.read() as conn:
        return Made(file, rows_of(conn), store)


@pytest.fixture
def made(databases: Databases, tmp_path: Path) -> Made:
    return made_from(databases.open(), tmp_path / "berth.backup")


def restored(url: str, made: Made, **options: Any) -> Rows:
    restore_backup(url, made.file, KEYS, DEPLOYMENT, **options)
    store = open_store(url, DEPLOYMENT)
    try:
        with store.read() as conn:
            return rows_of(conn)
    finally:
        store.close()


def same(before: Rows, after: Rows) -> None:
    """All that a backup carries is there again, but for what a restore changes on purpose."""
    carried = [name for name in kept.metadata.tables if name not in NOT_CARRIED]
    for name in carried:
        but = CHANGED.get(name, set()) | {"claimed_by", "claimed_until"}
        then, now = (
            sorted(repr(sorted((k, v) for k, v in row.items() if k not in but)) for row in rows)
            for rows in (before[name], after[name])
        )
        assert then == now, name
    for name in set(after) - set(carried):
        assert after[name] == [], name


def untouched(url: str) -> None:
    """Nothing was made in the database."""
    store = reach_store(url)
    with store.read() as conn:
        assert [name for name in shape_of(conn) if name.startswith("table")] == []
    store.close()


def refused(url: str, file: Path, **options: Any) -> BerthError:
    options = {"keys": KEYS, "ours": DEPLOYMENT, **options}
    with pytest.raises(BerthError) as caught:
        restore_backup(url, file, **options)
    return caught.value


# ---- there and back


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


# ---- damaged, altered, foreign


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Made]:
    store = open_store(str(tmp_path / "small.sqlite"))
    yield made_from(store, tmp_path / "small.backup")
    store.close()


def test_a_file_cut_off_anywhere_is_refused(small: Made, tmp_path: Path) -> None:
    whole, url = small.file.read_bytes(), str(tmp_path / "empty.sqlite")
    cut = tmp_path / "cut"
    for size in [*range(0, len(whole), len(whole) // 60), len(whole) - 1, len(whole) - 8]:
        cut.write_bytes(whole[:size])
        error = refused(url, cut)
        # without its first bytes it is not even known to be a backup
        assert error.code in ("backup.truncated", "backup.foreign"), size
        assert error.exit_code
        assert size < 20 or error.code == "backup.truncated", size
    untouched(url)


def test_a_file_with_any_bit_changed_is_refused(small: Made, tmp_path: Path) -> None:
    whole, url = small.file.read_bytes(), str(tmp_path / "empty.sqlite")
    chance, bent = random.Random(7), tmp_path / "bent"
    for place in [0, 1, 2, *(chance.randrange(10, len(whole)) for _ in range(120))]:
        changed = bytearray(whole)
        changed[place] ^= 1 << chance.randrange(8)
        bent.write_bytes(changed)
        with contextlib.suppress(EOFError, OSError, zlib.error):
            if gzip.decompress(changed) == gzip.decompress(whole):
                continue  # a bit that fills a byte up: the content is the same
        assert refused(url, bent).code in (
            "backup.damaged", "backup.truncated", "backup.foreign", "backup.seal",
        ), place  # fmt: skip
    untouched(url)


def rewritten(
    made: Made, change: Callable[[list[bytes]], None], *, key: bytes | None = None
) -> Path:
    """The file with its lines changed and its checksum made right; the seal too, with a key."""
    import hmac

    lines = gzip.decompress(made.file.read_bytes()).splitlines(keepends=True)
    body, last = lines[:-1], json.loads(lines[-1])
    change(body)
    content = b"".join(body)
    last["sha256"] = sha256(content).hexdigest()
    if key is not None:
        last["seal"] = hmac.new(key, content, sha256).hexdigest()
    file = made.file.with_name("rewritten")
    file.write_bytes(gzip.compress(content + json.dumps(last).encode() + b"\n"))
    return file


def test_an_altered_row_with_the_right_checksum_lacks_the_seal(small: Made, tmp_path: Path) -> None:
    def steal(lines: list[bytes]) -> None:
        (place,) = [
            n
            for n, line in enumerate(lines)
            if line.startswith(b'["vehicles_private.plate_commitment 1')
        ]
        lines[place] = lines[place].replace(b"driver 1", b"driver 2")

    url = str(tmp_path / "empty.sqlite")
    error = refused(url, rewritten(small, steal))
    assert error.code == "backup.seal"
    assert "altered" in error.message
    untouched(url)


def test_a_backup_of_another_field_key_is_refused(small: Made, tmp_path: Path) -> None:
    url = str(tmp_path / "empty.sqlite")
    other = Sealer([Fernet.generate_key()]).derived(PURPOSE)
    assert refused(url, small.file, keys=other).code == "backup.seal"
    untouched(url)
    # after a change of the field key the former one still opens it
    restore_backup(url, small.file, [*other, *KEYS], DEPLOYMENT)


def test_backups_of_newer_programs_are_refused_by_name(small: Made, tmp_path: Path) -> None:
    url = str(tmp_path / "empty.sqlite")
    for name, value in (("format", 2), ("migration", "9999")):

        def age(lines: list[bytes], name: str = name, value: Any = value) -> None:
            lines[0] = json.dumps(json.loads(lines[0]) | {name: value}).encode() + b"\n"

        error = refused(url, rewritten(small, age, key=KEYS[0]))
        assert error.code == "backup.newer"
        assert str(value) in error.message
    untouched(url)


@pytest.mark.parametrize("field", ["chain_id", "genesis_hash", "market"])
def test_another_deployments_backup_is_refused(small: Made, tmp_path: Path, field: str) -> None:
    url = str(tmp_path / "empty.sqlite")
    other = {"chain_id": 5, "genesis_hash": "0x" + "11" * 32, "market": "0x" + "12" * 20}[field]
    error = refused(url, small.file, ours=replace(DEPLOYMENT, **{field: other}))
    assert error.code == "backup.deployment"
    assert DEPLOYMENT.market in error.message
    untouched(url)


def test_what_is_no_backup_is_said_to_be_none(tmp_path: Path) -> None:
    url = str(tmp_path / "empty.sqlite")
    contents = {
        "text": b"dear diary",
        "nothing": b"",
        "zip": gzip.compress(b"dear diary\n"),
        "json": gzip.compress(b'{"berth": "something else"}\n'),
        "bomb": gzip.compress(b"[" * (5 << 20)),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        assert refused(url, tmp_path / name).code in (
            "backup.foreign", "backup.truncated", "backup.damaged",
        ), name  # fmt: skip
    assert refused(url, tmp_path / "missing").code == "backup.unreadable"
    untouched(url)


# ---- all or nothing


def lines_with(made: Made, old: bytes, new: bytes) -> Path:
    def change(lines: list[bytes]) -> None:
        found = [n for n, line in enumerate(lines) if old in line]
        assert found
        for place in found:
            lines[place] = lines[place].replace(old, new)

    return rewritten(made, change, key=KEYS[0])


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
from tests.backend.store.test_backup import DEPLOYMENT

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
    url = databases.url()
    store = databases.again(url)
    bind_deployment(store, DEPLOYMENT)
    with store.write() as conn:
        fill(conn, 2)
        before = rows_of(conn)
    store.close()
    done = subprocess.run(
        [sys.executable, "-c", _DYING, step, url, str(made.file), KEYS[0].hex()],
        cwd=Path(__file__).parents[3],
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": "."},
    )
    assert done.returncode == -signal.SIGKILL
    again = databases.again(url)
    with again.read() as conn:
        assert rows_of(conn) == before
    again.close()
    same(made.rows, restored(url, made, force=True))


def test_a_database_with_rows_is_replaced_with_force_only(databases: Databases, made: Made) -> None:
    url = databases.url()
    store = databases.again(url)
    bind_deployment(store, DEPLOYMENT)
    with store.write() as conn:
        fill(conn, 2)
        before = rows_of(conn)
    store.close()
    error = refused(url, made.file)
    assert error.code == "backup.not_empty"
    assert "--force" in error.message
    store = databases.again(url)
    with store.read() as conn:
        assert rows_of(conn) == before
    store.close()
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
