"""Makes every projection anew from the kept raw logs, without a node."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlalchemy import Connection, delete

from berth.core.deployment import Deployment
from berth.core.errors import BerthError
from berth.indexer.batch import Header
from berth.indexer.cursor import lock_cursor, move_cursor, read_cursor
from berth.indexer.project import Projector
from berth.indexer.projection import Projection
from berth.indexer.raw_logs import RawLog, count_logs, kept_logs
from berth.indexer.rows import Rows
from berth.store import Store
from berth.store.derived import PROJECTIONS, undo
from berth.store.indexes import drop_indexes, restore_indexes

#: Logs projected between two flushes.
CHUNK = 5_000


def rebuild(
    store: Store, deployment: Deployment, progress: Callable[[int, int], None] | None = None
) -> int:
    """Empties the projections and replays all raw logs, in one transaction; how many logs.

    Tells nobody: no outbox rows, no events. An indexer that runs meanwhile reads its cursor again.
    `progress` is told logs done and logs in all.
    """
    projector = Projector(deployment)
    with store.write() as conn:
        cursor = read_cursor(conn)
        if cursor is None:
            raise BerthError("index.empty", "nothing was indexed yet: there is nothing to rebuild")
        lock_cursor(conn, cursor)
        if store.sqlite:
            drop_indexes(conn)  # its readers see the former state until the end
        for table in (undo, *PROJECTIONS):
            conn.execute(delete(table))
        total = count_logs(conn)
        done = 0
        rows = Rows(conn)
        for logs, timestamps in _chunks(conn):
            projection = Projection(rows, telling=False)
            projector.project(projection, logs, timestamps, cursor.final_number)
            rows.flush()
            done += len(logs)
            if progress is not None:
                progress(done, total)
        restore_indexes(conn)
        header = Header(cursor.block_number, cursor.block_hash, "", cursor.block_timestamp)
        move_cursor(conn, cursor, header, cursor.head_number, cursor.final_number)
    return done


def _chunks(conn: Connection) -> Iterator[tuple[list[RawLog], dict[int, int]]]:
    """Logs in chain order, never parting a block, with the times of their blocks."""
    logs: list[RawLog] = []
    timestamps: dict[int, int] = {}
    for number, timestamp, found in kept_logs(conn):
        logs += found
        timestamps[number] = timestamp
        if len(logs) >= CHUNK:
            yield logs, timestamps
            logs, timestamps = [], {}
    if logs:
        yield logs, timestamps
