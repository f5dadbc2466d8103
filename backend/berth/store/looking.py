"""Opening a database to look at it: nothing is made, migrated or written, whoever it belongs to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, OperationalError

from berth.core.errors import BerthError
from berth.store.engine import Store

#: Waits for a database that is slow, or held, seconds.
BUSY_SECONDS = 5


def open_to_look(url: str) -> Store:
    """A store whose `read()` works on what is there. Raises BerthError store.absent (no such
    file), store.unreachable, store.foreign (no database)."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise BerthError(
            "store.url", f"not a database URL: {error}", field="BERTH_DATABASE_URL", exit_code=2
        ) from error
    sqlite = parsed.get_backend_name() == "sqlite"
    store = Store(_sqlite(parsed) if sqlite else _postgresql(parsed))
    try:
        with store.read() as conn:
            conn.exec_driver_sql("SELECT count(*) FROM sqlite_master" if sqlite else "SELECT 1")
    except OperationalError as error:
        store.close()
        message = f"cannot open the database: {_reason(error)}"
        raise BerthError("store.unreachable", message, status=503) from error
    except Exception as error:
        store.close()
        message = f"it is not a database: {error}"
        raise BerthError("store.foreign", message) from error
    return store


def _sqlite(url: URL) -> Engine:
    path = Path(url.database or "")
    if not path.is_file():
        raise BerthError("store.absent", f"there is no database {path}", field="BERTH_DATABASE_URL")
    quoted = str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    engine = create_engine(
        f"sqlite:///file:{quoted}?mode=ro&uri=true", connect_args={"timeout": BUSY_SECONDS}
    )

    @event.listens_for(engine, "connect")
    def configure(raw: Any, _record: Any) -> None:
        raw.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(conn: Any) -> None:
        conn.exec_driver_sql("BEGIN")

    return engine


def _postgresql(url: URL) -> Engine:
    if "+" not in url.drivername:
        url = url.set(drivername="postgresql+psycopg")
    return create_engine(
        url,
        connect_args={
            "options": "-csearch_path=derived,kept -cdefault_transaction_read_only=on",
            "connect_timeout": BUSY_SECONDS,
        },
    )


def _reason(error: OperationalError) -> str:
    return str(error.orig).strip().splitlines()[0] if error.orig is not None else str(error)
