"""Opening databases: new, known, foreign, newer, another deployment's; transactions, migrations."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from berth.core import telemetry
from berth.core.deployment import Deployment
from berth.core.errors import BerthError
from berth.store import Store, bind_deployment, derived, kept, migrations, open_store, points
from berth.store import engine as engine_module
from berth.store.kept import deployment as deployment_table
from berth.store.kept import nonces
from sqlalchemy import func, insert, inspect, select
from sqlalchemy.exc import IntegrityError, OperationalError

DEPLOYMENT = Deployment(
    chain_id=1337,
    genesis_hash="0x" + "ab" * 32,
    block=3,
    titles="0x" + "01" * 20,
    market="0x" + "02" * 20,
    forwarder="0x" + "03" * 20,
    timelock="0x" + "04" * 20,
    asset="0x" + "05" * 20,
    asset_symbol="tEUR",
    asset_decimals=6,
    fee_bps=250,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "berth.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    opened = open_store(str(path))
    yield opened
    opened.close()


def fingerprint(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def our_tables(store: Store) -> set[str]:
    """Without those that SQLite's R*Tree keeps its boxes in."""
    names = inspect(store.engine).get_table_names()
    return {name for name in names if not name.startswith("space_boxes")}


def refusal(url: str, deployment: Deployment | None = None) -> BerthError:
    with pytest.raises(BerthError) as caught:
        open_store(url, deployment)
    return caught.value


def test_a_new_database_has_every_table(store: Store) -> None:
    assert our_tables(store) == {
        *derived.metadata.tables,
        *kept.metadata.tables,
        *points.metadata.tables,
        migrations.VERSION_TABLE,
    }


def test_opening_again_keeps_what_is_there(path: Path, store: Store) -> None:
    with store.write() as conn:
        conn.execute(insert(nonces).values(nonce="n", created_at=1))
    store.close()
    again = open_store(f"sqlite:///{path}")
    with again.read() as conn:
        assert conn.execute(select(nonces.c.nonce)).scalars().all() == ["n"]
    again.close()


def test_writes_are_durable_wal_transactions_with_foreign_keys(store: Store) -> None:
    with store.read() as conn:
        assert conn.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert conn.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    with pytest.raises(IntegrityError), store.write() as conn:
        conn.execute(
            insert(kept.titles).values(
                city=1, edition=1, index=0, holder="h", holder_generated=1, address="a", lat=0.0,
                lon=0.0, kind=1, height=0, width=1, length=1, sharing=1, valid_day=1, reference="r",
            )
        )  # fmt: skip


def test_an_exception_undoes_the_whole_transaction(store: Store) -> None:
    def half_done() -> None:
        with store.write() as conn:
            conn.execute(insert(nonces).values(nonce="n", created_at=1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half_done()
    with store.read() as conn:
        assert conn.execute(select(func.count()).select_from(nonces)).scalar() == 0


def test_a_reader_sees_one_snapshot_while_a_writer_commits(store: Store) -> None:
    with store.read() as reader:
        count = select(func.count()).select_from(nonces)
        assert reader.execute(count).scalar() == 0
        with store.write() as conn:
            conn.execute(insert(nonces).values(nonce="n", created_at=1))
        assert reader.execute(count).scalar() == 0


def test_writers_of_many_threads_and_connections_wait_for_each_other(
    path: Path, store: Store
) -> None:
    other = open_store(str(path))

    def add(through: Store, name: str) -> None:
        for n in range(20):
            with through.write() as conn:
                total = conn.execute(select(func.count()).select_from(nonces)).scalar_one()
                time.sleep(0.0005)
                conn.execute(insert(nonces).values(nonce=f"{name}{n}", created_at=total))

    threads = [
        threading.Thread(target=add, args=(through, name))
        for through, name in ((store, "a"), (store, "b"), (other, "c"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as conn:
        seen = conn.execute(select(nonces.c.created_at).order_by(nonces.c.created_at)).scalars()
        assert list(seen) == list(range(60))  # nobody read while another wrote
    other.close()


def test_a_write_inside_a_write_is_an_error_and_not_a_deadlock(store: Store) -> None:
    with store.write(), pytest.raises(RuntimeError, match="already open"), store.write():
        pass


def test_a_file_that_is_no_database_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no database at all, but long enough to have a header\n" * 40)
    before = fingerprint(path)
    assert refusal(str(path)).code == "store.foreign"
    assert fingerprint(path) == before


def test_another_programs_database_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as raw:
        raw.execute("CREATE TABLE theirs (x)")
    raw.close()
    before = fingerprint(path)
    error = refusal(str(path))
    assert error.code == "store.foreign"
    assert "not one of Berth" in error.message
    assert fingerprint(path) == before


def test_a_newer_programs_database_is_refused_untouched(path: Path, store: Store) -> None:
    with store.write() as conn:
        conn.exec_driver_sql(f"UPDATE {migrations.VERSION_TABLE} SET version_num = '9999'")
    store.close()
    before = fingerprint(path)
    error = refusal(str(path))
    assert error.code == "store.newer"
    assert "9999" in error.message
    assert fingerprint(path) == before


@pytest.mark.parametrize(
    "other",
    [
        replace(DEPLOYMENT, chain_id=1),
        replace(DEPLOYMENT, genesis_hash="0x" + "cd" * 32),
        replace(DEPLOYMENT, market="0x" + "99" * 20),
    ],
)
def test_a_database_of_another_deployment_is_refused_untouched(
    path: Path, store: Store, other: Deployment
) -> None:
    bind_deployment(store, DEPLOYMENT)
    bind_deployment(store, DEPLOYMENT)
    with pytest.raises(BerthError) as caught:
        bind_deployment(store, other)
    assert caught.value.code == "store.deployment"
    store.close()
    before = fingerprint(path)
    assert refusal(str(path), other).code == "store.deployment"
    assert fingerprint(path) == before
    again = open_store(str(path), DEPLOYMENT)
    with again.read() as conn:
        assert conn.execute(select(func.count()).select_from(deployment_table)).scalar() == 1
    again.close()


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("mysql://h/d", "store.url"),
        ("sqlite+nonsense:///x", "store.url"),
        ("/proc/version/x.sqlite", "store.unreachable"),
        ("postgresql://127.0.0.1:9/none", "store.unreachable"),
    ],
)
def test_an_address_that_leads_nowhere_is_refused_in_words(url: str, code: str) -> None:
    assert refusal(url).code == code


def test_migrations_go_up_and_down_and_up_again(path: Path, store: Store) -> None:
    with store.write() as conn:
        migrations.downgrade(conn, "base")
    assert inspect(store.engine).get_table_names() == [migrations.VERSION_TABLE]
    store.close()
    again = open_store(str(path))
    assert set(derived.metadata.tables) <= set(inspect(again.engine).get_table_names())
    again.close()


def test_the_migrations_make_exactly_the_tables_that_are_declared(store: Store) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with store.read() as conn:
        options = {
            "version_table": migrations.VERSION_TABLE,
            "compare_type": True,
            "include_name": lambda name, _kind, _parents: not str(name).startswith("space_boxes"),
        }
        context = MigrationContext.configure(conn, opts=options)
        declared = [derived.metadata, kept.metadata, points.metadata]
        assert compare_metadata(context, declared) == [], "run scripts/new_migration.py"


def test_the_known_revisions_are_the_files(store: Store) -> None:
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(migrations.FOLDER))
    files = [revision.revision for revision in script.walk_revisions()][::-1]
    assert tuple(files) == migrations.KNOWN
    assert script.get_current_head() == migrations.HEAD


def test_a_migration_that_fails_leaves_nothing_behind(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = migrations.upgrade

    def fail_late(conn: object, current: str | None) -> None:
        original(conn, current)  # type: ignore[arg-type]
        raise RuntimeError("the machine stopped")

    monkeypatch.setattr(migrations, "upgrade", fail_late)
    with pytest.raises(RuntimeError):
        open_store(str(path))
    monkeypatch.undo()
    with sqlite3.connect(path) as raw:
        assert raw.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    raw.close()
    open_store(str(path)).close()


def test_statements_that_fail_are_counted_by_kind(store: Store) -> None:
    def counted() -> float:
        labels = {"kind": "OperationalError"}
        return telemetry.REGISTRY.get_sample_value("berth_database_errors_total", labels) or 0.0

    before = counted()
    with pytest.raises(OperationalError), store.read() as conn:
        conn.exec_driver_sql("SELECT * FROM no_such_table")
    assert counted() == before + 1


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_a_database_refuses_is_said_without_the_values(kind: str, path: Path) -> None:
    """An error comes into logs whole, and values are holders, addresses, places."""
    url = str(path) if kind == "sqlite" else "postgresql://berth@127.0.0.1:1/berth"
    store = Store(engine_module._store(url).engine)
    assert store.engine.hide_parameters
    if kind == "sqlite":
        with pytest.raises(OperationalError) as raised, store.write() as conn:
            conn.execute(insert(nonces).values(nonce="somebody's secret", created_at=1))
        assert "INSERT INTO nonces" in str(raised.value)
        assert "secret" not in str(raised.value)
    store.close()
