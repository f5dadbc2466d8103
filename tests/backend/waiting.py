"""Transactions of PostgreSQL that wait for each other."""

from __future__ import annotations

import time

from berth.store import Store
from sqlalchemy import text

_WAITING = text("""
    SELECT count(*) FROM pg_stat_activity
     WHERE datname = current_database() AND wait_event_type = 'Lock'
    """)


def waiting(store: Store) -> int:
    """How many connections to this database wait for a lock."""
    with store.read() as conn:
        return int(conn.execute(_WAITING).scalar_one())


def until_waiting(store: Store, count: int) -> None:
    """Returns when so many do."""
    end = time.monotonic() + 60
    while waiting(store) < count:
        assert time.monotonic() < end, f"not {count} connections wait for a lock"
        time.sleep(0.01)
