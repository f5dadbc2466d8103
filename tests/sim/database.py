"""The real SQLite beneath the real store: with its own clock, its own failures, and crashes.

A crash takes place before a statement, before the commit or after it: the file has then what was
committed and nothing else, as after SIGKILL.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from berth.store.engine import Store, open_store
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import OperationalError

from tests.sim.faults import Faults
from tests.sim.loop import Process

Clock = Callable[[], float]


@cache
def _template() -> bytes:
    """An empty database at the newest migration: made once, for migrating takes long."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.sqlite"
        open_store(f"sqlite:///{path}").close()
        raw = sqlite3.connect(path)
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        raw.execute("PRAGMA journal_mode = DELETE")
        raw.close()
        return path.read_bytes()


def new_database(path: Path) -> str:
    """An empty database; its URL."""
    path.write_bytes(_template())
    return f"sqlite:///{path}"


_SHARED: list[Engine] = []


def _share(engine: Engine) -> None:
    """What SQLAlchemy has compiled once serves every engine, though each program that starts has
    one of its own: compiling takes longer than asking."""
    if not _SHARED:
        _SHARED.append(engine)
    first = _SHARED[0]
    engine.dialect, engine._compiled_cache = first.dialect, first._compiled_cache


class SimStore(Store):
    """A process's own connections."""

    def __init__(self, engine: Engine, faults: Faults, process: Process, clock: Clock) -> None:
        super().__init__(engine)
        self._faults = faults
        self._process = process
        self._fail_at: int | None = None

        @event.listens_for(engine, "connect")
        def configure(raw: sqlite3.Connection, _record: Any) -> None:
            raw.create_function("unixepoch", 0, lambda: int(clock()))

        @event.listens_for(engine, "before_cursor_execute")
        def before(*_args: Any) -> None:
            self._process.check()
            if self._fail_at is not None:
                self._fail_at -= 1
                if self._fail_at < 0:
                    self._fail_at = None
                    self._raise("disk I/O error")

        engine.dispose()  # connections made before have the machine's clock
        _share(engine)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        self._process.check()
        with super().read() as conn:
            yield conn

    @contextmanager
    def write(self) -> Iterator[Connection]:
        faults, process = self._faults, self._process
        process.check()
        if faults.strike("db.begin", by=process.name):
            self._raise("database is locked")
        if faults.strike("db.middle", by=process.name):
            self._fail_at = faults.rng("db.middle").randint(1, 12)
        try:
            with super().write() as conn:
                yield conn
                if faults.strike("db.commit", by=process.name):
                    self._raise("database is locked")
                self._crash("crash.commit")
        finally:
            self._fail_at = None
        self._crash("crash.committed")
        if faults.strike("db.unreported", by=process.name):
            self._raise("disk I/O error")  # it is in the file all the same

    def _crash(self, kind: str) -> None:
        if self._faults.strike(kind, by=self._process.name):
            self._process.kill()
            self._process.check()

    @staticmethod
    def _raise(words: str) -> None:
        raise OperationalError("(simulated)", {}, sqlite3.OperationalError(words))


def open_database(
    url: str, faults: Faults, process: Process, clock: Clock, deployment: Any
) -> SimStore:
    """As a program opens it; the connections close when the process ends."""
    store = SimStore(open_store(url, deployment).engine, faults, process, clock)
    process.on_kill.append(store.close)
    return store


def scratch() -> Path:
    """A folder in memory where there is one."""
    shm = Path("/dev/shm")
    return Path(tempfile.mkdtemp(prefix="berth-sim-", dir=shm if shm.is_dir() else None))


def remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
