"""A nudge between processes on PostgreSQL: something was committed that others may act on.

It is a nudge only: whoever is nudged looks at the tables, and looks there without it, too, only
later. SQLite has none across processes: there a look at intervals is all there is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import psycopg
import structlog
from sqlalchemy import Connection
from sqlalchemy.engine import make_url

from berth.store.engine import Store

CHANNEL = "berth"
_FIRST_WAIT, _LONGEST_WAIT = 0.25, 15.0
#: A connection that died without a word is found out this often, seconds.
_CHECK_SECONDS = 30.0
_log = structlog.get_logger("berth.store")


def announce(conn: Connection) -> None:
    """Nudges all listeners when the transaction is committed; on SQLite does nothing."""
    if conn.dialect.name == "postgresql":
        conn.exec_driver_sql(f"NOTIFY {CHANNEL}")


async def listen(store: Store, wake: Callable[[], None]) -> None:
    """Calls `wake` for every nudge, and once for each connection that is made: what was announced
    before it is not told. Until cancelled; a lost server is waited out. Returns on SQLite."""
    if store.sqlite:
        return
    pause = _FIRST_WAIT
    while True:
        try:
            async with await _connect(store) as conn:
                await conn.execute(f"LISTEN {CHANNEL}")
                pause = _FIRST_WAIT
                wake()
                while True:
                    async for _ in conn.notifies(timeout=_CHECK_SECONDS):
                        wake()
                    await conn.execute("SELECT 1")
        except (psycopg.Error, OSError) as error:
            _log.warning("no nudges from the database", reason=str(error).strip())
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_WAIT)


async def _connect(store: Store) -> psycopg.AsyncConnection:
    url = make_url(store.engine.url).set(drivername="postgresql")
    return await psycopg.AsyncConnection.connect(
        url.render_as_string(hide_password=False), autocommit=True, connect_timeout=5
    )
