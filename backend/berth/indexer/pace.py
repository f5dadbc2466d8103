"""How the database is set while a long history is written into it, and how while it is live."""

from __future__ import annotations

from sqlalchemy import Connection

from berth.store.indexes import drop_indexes, lacks_indexes, restore_indexes

#: SQLite's page cache in KiB, and pages of 4 KiB in the log before it is written back: of history,
#: and SQLite's own.
_HISTORY = (64 << 10, 16_000)
_LIVE = (2_000, 1_000)


class Pace:
    """Of one writer. The whole history of a market goes into tables without secondary indexes, and
    is told to nobody: before it was read nobody could look at anything.

    What is decided is decided again after a restart, from what the database holds.
    """

    def __init__(self) -> None:
        self._lean: bool | None = None
        self._set: tuple[int, int] = _LIVE

    @property
    def lean(self) -> bool:
        """A whole history is being written."""
        return bool(self._lean)

    def forget(self) -> None:
        """Looks again: a transaction of ours may not have been committed."""
        self._lean = None

    def before(self, conn: Connection, *, near: bool, ending: bool, empty: bool) -> None:
        """`near` the head, or, where a whole history is being written, at its `ending`, everything
        is as it always is; `empty`: nothing was ever indexed."""
        if self._lean is None:
            self._lean = lacks_indexes(conn)
        if empty and not near and not self._lean:
            drop_indexes(conn)
            self._lean = True
        if conn.dialect.name == "sqlite":
            self._size(conn, _LIVE if near and (ending or not self._lean) else _HISTORY)

    def after(self, conn: Connection, *, ending: bool) -> None:
        """When the rows are written."""
        if ending and self._lean:
            restore_indexes(conn)
            self._lean = False

    def _size(self, conn: Connection, wanted: tuple[int, int]) -> None:
        # each time: it is the connection's, and the pool has several
        if wanted == _LIVE == self._set:
            return
        conn.exec_driver_sql(f"PRAGMA cache_size = -{wanted[0]}")
        conn.exec_driver_sql(f"PRAGMA wal_autocheckpoint = {wanted[1]}")
        self._set = wanted
