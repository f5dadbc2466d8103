"""Opening the database: `open_store(url)` -> `Store` with `read()` and `write()`.

SQLite is one file with one writer: WAL, `BEGIN IMMEDIATE` for writers, `BEGIN` (one snapshot) for
readers. PostgreSQL has two schemas, `derived` and `kept`, found by the search path, so that the
same unprefixed SQL runs on both.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import (
    Connection,
    Engine,
    Text,
    column,
    create_engine,
    event,
    inspect,
    select,
    table,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, ExceptionContext, make_url
from sqlalchemy.exc import ArgumentError, OperationalError

from berth.core import telemetry
from berth.core.errors import BerthError
from berth.store import kept, migrations

#: Longest wait for another process's write transaction.
BUSY_SECONDS = 30.0
#: Arbitrary number that names our migration lock among a PostgreSQL server's advisory locks.
MIGRATION_LOCK = 0x_62_65_72_74_68
_VERSION = table(migrations.VERSION_TABLE)


class DeploymentIdentity(Protocol):
    """What names a deployment; `berth.core.deployment.Deployment` has it."""

    @property
    def chain_id(self) -> int: ...
    @property
    def genesis_hash(self) -> str: ...
    @property
    def market(self) -> str: ...
    @property
    def titles(self) -> str: ...
    @property
    def block(self) -> int: ...


class Store:
    """An open database. `read()` and `write()` yield a connection inside one transaction."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.sqlite = engine.dialect.name == "sqlite"
        event.listen(engine, "handle_error", _count)
        # SQLite's own wait for a lock is a polling sleep without any fairness; writers of this
        # process queue here first.
        self._writer = threading.Lock()
        self._writer_thread: int | None = None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent snapshot; nothing may be written."""
        with self.engine.connect() as conn:
            if not self.sqlite:
                conn.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with conn.begin():
                yield conn

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One write transaction: committed at the end of the block, rolled back on any exception.

        Never hold it across an `await`.
        """
        if not self.sqlite:
            with self.engine.begin() as conn:
                yield conn
            return
        me = threading.get_ident()
        if self._writer_thread == me:
            raise RuntimeError("a write transaction is already open in this thread")
        with self._writer:
            self._writer_thread = me
            try:
                with self.engine.connect() as conn:
                    conn.execution_options(berth_write=True)
                    with conn.begin():
                        yield conn
            finally:
                self._writer_thread = None

    def checkpoint(self) -> int:
        """Brings what was committed from SQLite's log into its file, beside readers and writers, so
        that no commit has to stop for it; pages of the log that could not be brought yet. On
        PostgreSQL, which does so by itself, nothing."""
        if not self.sqlite:
            return 0
        conn = self.engine.raw_connection()
        try:
            answer = conn.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        finally:
            conn.close()
        _, logged, brought = answer
        return max(0, int(logged) - int(brought))

    def close(self) -> None:
        """Closes every pooled connection."""
        self.engine.dispose()


def _count(context: ExceptionContext) -> None:
    error = context.sqlalchemy_exception or context.original_exception
    telemetry.DATABASE_ERRORS.labels(type(error).__name__).inc()


def open_store(url: str, deployment: DeploymentIdentity | None = None) -> Store:
    """Opens the database at a URL (or a file path) and brings it to the newest migration.

    With a deployment given, a database that belongs to another one is refused *before* anything is
    migrated. Raises BerthError: store.url, store.unreachable, store.foreign, store.newer,
    store.deployment.
    """
    store = _store(url)
    try:
        shown = store.engine.url.render_as_string(hide_password=True)
        _check_then_migrate(store, deployment, shown)
    except BaseException:
        store.close()
        raise
    return store


def reach_store(url: str) -> Store:
    """Opens the database at a URL as it is, at whatever migration: for what migrates by itself.

    A file that is not a database of ours is refused. Raises BerthError as `open_store`.
    """
    store = _store(url)
    database = store.engine.url.database
    if store.sqlite and database and database != ":memory:":
        try:
            _look_then_use_wal(database)
        except BaseException:
            store.close()
            raise
    return store


def migrate_store(store: Store, target: str) -> str | None:
    """Brings an open database up or down to a migration, in one transaction; where it came from.

    Raises BerthError store.newer for a database that this program does not know.
    """
    with store.write() as conn:
        if not store.sqlite:
            conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        former = revision_of(conn)
        if former is None or former < target:
            migrations.upgrade(conn, former, target)
        elif former > target:
            migrations.downgrade(conn, target)
    return former


def revision_of(conn: Connection) -> str | None:
    """The migration that a database is at, None = it has no table of ours yet. Raises store.newer
    for one that this program does not know."""
    return _revision(conn, conn.dialect.name == "sqlite")


def _store(url: str) -> Store:
    parsed = _parse(url)
    return Store(
        _sqlite_engine(parsed) if parsed.get_backend_name() == "sqlite" else _pg_engine(parsed)
    )


def bind_deployment(store: Store, deployment: DeploymentIdentity) -> None:
    """Ties an empty database to a deployment, or checks that it is the one it was tied to.

    Raises BerthError store.deployment and changes nothing when it is another one.
    """
    with store.write() as conn:
        if check_deployment(conn, deployment):
            return
        insert = sqlite.insert if store.sqlite else postgresql.insert
        row = insert(kept.deployment).values(
            id=1,
            chain_id=deployment.chain_id,
            genesis_hash=deployment.genesis_hash.lower(),
            market=deployment.market.lower(),
            titles=deployment.titles.lower(),
            block=deployment.block,
            bound_at=int(time.time()),
        )
        conn.execute(row.on_conflict_do_nothing(index_elements=["id"]))
        check_deployment(conn, deployment)  # another process may have come first


def _parse(url: str) -> URL:
    if "://" not in url:
        return URL.create("sqlite", database=str(Path(url).expanduser()))
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except ArgumentError as error:
        raise BerthError(
            "store.url", f"not a database URL: {error}", field="BERTH_DATABASE_URL", exit_code=2
        ) from error
    if backend == "postgresql" and "+" not in parsed.drivername:
        parsed = parsed.set(drivername="postgresql+psycopg")
    elif parsed.drivername not in ("sqlite", "postgresql+psycopg"):
        message = (
            f"database {parsed.drivername!r} is not supported: use sqlite:///FILE or postgresql://…"
        )
        raise BerthError("store.url", message, field="BERTH_DATABASE_URL", exit_code=2)
    return parsed


def _sqlite_engine(url: URL) -> Engine:
    if url.database and url.database != ":memory:":
        folder = Path(url.database).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"cannot create the folder of the database, {folder}: {error.strerror}"
            raise BerthError("store.unreachable", message) from error
    # values, names and addresses of holders among them, are nobody's business in a log
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def configure(raw: sqlite3.Connection, _record: Any) -> None:
        # We say BEGIN ourselves: the driver's implicit one is deferred and comes too late.
        raw.isolation_level = None
        raw.execute("PRAGMA foreign_keys = ON")
        raw.execute(
            "PRAGMA synchronous = NORMAL"
        )  # with WAL: never corrupt, see docs on power loss
        raw.execute("PRAGMA temp_store = MEMORY")
        raw.execute("PRAGMA mmap_size = 0")  # mapped pages would count as our resident memory

    @event.listens_for(engine, "begin")
    def begin(conn: Connection) -> None:
        writing = conn.get_execution_options().get("berth_write", False)
        conn.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def _pg_engine(url: URL) -> Engine:
    return create_engine(
        url,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={"options": "-csearch_path=derived,kept", "connect_timeout": 5},
    )


def _check_then_migrate(store: Store, deployment: DeploymentIdentity | None, url: str) -> None:
    try:
        database = store.engine.url.database
        if store.sqlite and database and database != ":memory:":
            _look_then_use_wal(database)
        with (
            store.read() as conn
        ):  # mostly there is nothing to do, and no need to wait for a writer
            if _checked_revision(conn, store.sqlite, deployment) == migrations.HEAD:
                return
        with store.write() as conn:  # one lock over looking again and changing
            if not store.sqlite:
                conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
            revision = _checked_revision(conn, store.sqlite, deployment)
            if revision != migrations.HEAD:
                migrations.upgrade(conn, revision)
    except OperationalError as error:
        message = f"cannot open the database {url}: {_reason(error)}"
        raise BerthError("store.unreachable", message, status=503) from error


def _look_then_use_wal(path: str) -> None:
    """Refuses a file that is not ours before anything in it is touched, then switches it to WAL."""
    try:
        raw = sqlite3.connect(path, timeout=BUSY_SECONDS)
        try:
            tables = {row[0] for row in raw.execute("SELECT name FROM sqlite_master")}
            if tables and migrations.VERSION_TABLE not in tables:
                message = f"{path} is a database, but not one of Berth: it holds other tables"
                raise BerthError("store.foreign", message)
            raw.execute("PRAGMA journal_mode = WAL").fetchone()
        finally:
            raw.close()
    except sqlite3.OperationalError as error:
        message = f"cannot open the database {path}: {error}"
        raise BerthError("store.unreachable", message, status=503) from error
    except sqlite3.DatabaseError as error:
        message = f"{path} is not a database of Berth: {error}"
        raise BerthError("store.foreign", message) from error


def _checked_revision(
    conn: Connection, sqlite: bool, deployment: DeploymentIdentity | None
) -> str | None:
    revision = _revision(conn, sqlite)
    if revision is not None and deployment is not None:
        check_deployment(conn, deployment)
    return revision


def _revision(conn: Connection, sqlite: bool) -> str | None:
    """The migration a database is at; None = empty. Refuses one that is newer than we are."""
    inspector = inspect(conn)
    schema = None if sqlite else "kept"
    if not sqlite and not inspector.has_schema("kept"):
        return None
    if not inspector.has_table(migrations.VERSION_TABLE, schema=schema):
        return None
    revision = conn.execute(select(column("version_num", Text)).select_from(_VERSION)).scalar()
    if revision is None:
        return None
    if revision not in migrations.KNOWN:
        message = (
            f"the database is at migration {revision}, this program knows none later than"
            f" {migrations.HEAD}: use the newer program"
        )
        raise BerthError("store.newer", message)
    return revision


def check_deployment(conn: Connection, deployment: DeploymentIdentity) -> bool:
    """True when bound to this deployment, False when bound to none."""
    bound = kept.deployment.c
    row = conn.execute(select(bound.chain_id, bound.genesis_hash, bound.market)).first()
    if row is None:
        return False
    ours = (deployment.chain_id, deployment.genesis_hash.lower(), deployment.market.lower())
    theirs = tuple(row)
    if ours != theirs:
        message = (
            f"the database belongs to another deployment (chain {theirs[0]}, market {theirs[2]},"
            f" genesis {theirs[1][:10]}…), not to chain {ours[0]}, market {ours[2]},"
            f" genesis {ours[1][:10]}…: give another database or data folder"
        )
        raise BerthError("store.deployment", message)
    return True


def _reason(error: OperationalError) -> str:
    return str(error.orig).strip().splitlines()[0] if error.orig is not None else str(error)
