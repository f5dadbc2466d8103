"""Writes a fetched range: blocks, raw logs, projections, outbox, events, cursor; all or nothing."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, delete, exists

from berth.core.errors import BerthError
from berth.indexer import outbox
from berth.indexer.batch import Batch, Header
from berth.indexer.cursor import Cursor, CursorMovedError, lock_cursor, move_cursor
from berth.indexer.pace import Pace
from berth.indexer.project import Projector
from berth.indexer.projection import Projection
from berth.indexer.raw_logs import keep_logs
from berth.indexer.rows import Rows
from berth.store import Store
from berth.store.bulk import Bulk, shape_of
from berth.store.derived import blocks, raw_logs, undo
from berth.store.wake import announce


class ReorgError(BerthError):
    """The batch does not follow the last block read: that block is no longer in the chain."""

    def __init__(self, number: int) -> None:
        super().__init__("index.reorg", f"block {number} was replaced by another")


class Writer:
    """Advances one index, batch by batch; keeps the rows it used last in memory in between."""

    def __init__(self, store: Store, projector: Projector) -> None:
        self._store = store
        self._projector = projector
        self._rows = Rows()
        #: The state of the database that the rows in memory are of; None when that is in doubt.
        self._state: tuple[int, str] | None = None
        self._pace = Pace()

    def commit(self, batch: Batch, read: Cursor) -> Cursor:
        """Writes one batch, in one transaction; the new cursor.

        Raises ReorgError, CursorMovedError, or what projecting raises; nothing is written then.
        """
        first, last = batch.headers[batch.first], batch.headers[batch.last]
        if batch.first != read.block_number + 1:
            raise CursorMovedError
        if first.parent_hash != read.block_hash:
            raise ReorgError(read.block_number)
        if (read.version, read.block_hash) != self._state:
            self._rows.forget()
            self._pace.forget()
        self._state = None
        final = max(read.final_number, batch.final_number)
        with _without_collector(), self._store.write() as conn:
            # before anything else: a rollback or rebuild that came first wins
            lock_cursor(conn, read)
            near = batch.last > batch.head.number - outbox.RECENT_BLOCKS
            # a history ends where blocks may still change: those near the head can be very full
            ending = near and (batch.last > final or batch.last == batch.head.number)
            self._pace.before(conn, near=near, ending=ending, empty=read.version == 0)
            news = near and (ending or not self._pace.lean)
            _keep_blocks(conn, _headers_to_keep(batch, final))
            keep_logs(conn, batch.logs)
            self._rows.begin(conn)
            projection = Projection(self._rows, telling=news or outbox.knows_a_lease(conn))
            timestamps = {number: header.timestamp for number, header in batch.headers.items()}
            self._projector.project(projection, batch.logs, timestamps, final)
            self._rows.flush()
            self._pace.after(conn, ending=ending)
            _tell(conn, projection, batch, read)
            _forget_final(conn, read, final)
            moved = move_cursor(conn, read, last, batch.head.number, final)
        self._state = (moved.version, moved.block_hash)
        return moved


@contextmanager
def _without_collector() -> Iterator[None]:
    """Rows and logs make no cycles; searching through them for some takes a seventh of the time."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def commit_batch(store: Store, projector: Projector, batch: Batch, read: Cursor) -> Cursor:
    """Advances the index by a single batch: see `Writer.commit`."""
    return Writer(store, projector).commit(batch, read)


def _headers_to_keep(batch: Batch, final: int) -> list[Header]:
    """Those with logs, for their times; those not final, to find an ancestor; the last."""
    with_logs = {log.block_number for log in batch.logs}
    return [
        header
        for number, header in sorted(batch.headers.items())
        if number in with_logs or number >= final or number == batch.last
    ]


def _keep_blocks(conn: Connection, headers: list[Header]) -> None:
    rows = [
        (header.number, header.hash, header.parent_hash, header.timestamp) for header in headers
    ]
    Bulk(conn).insert(shape_of(blocks), rows)


def _tell(conn: Connection, projection: Projection, batch: Batch, read: Cursor) -> None:
    if projection.notices:
        outbox.announce(conn, projection.notices, batch.head.number)
        outbox.hand_over_changes(conn, projection.notices)
    if batch.last != batch.head.number:
        return
    if not read.caught_up:
        outbox.hand_over_open_leases(conn, batch.head.timestamp, booked_after=-1)
    elif any(notice.topic == outbox.BOOKED for notice in projection.notices):
        outbox.hand_over_open_leases(conn, batch.head.timestamp, booked_after=read.block_number)
    announce(conn)


def _forget_final(conn: Connection, read: Cursor, final: int) -> None:
    """Drops the journal of what has become final, and the empty blocks below it."""
    if final > read.final_number:
        conn.execute(delete(undo).where(undo.c.block_number <= final))
    # Below the final block only what was stored before it was final can be empty.
    highest = min(final - 1, read.block_number)
    lowest = min(read.final_number, read.block_number)
    has_logs = exists().where(raw_logs.c.block_number == blocks.c.number)
    conn.execute(
        delete(blocks).where(blocks.c.number >= lowest, blocks.c.number <= highest, ~has_logs)
    )
