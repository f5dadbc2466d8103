"""Makes every projection anew from the kept raw logs, without a node."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby

from sqlalchemy import Connection, delete, func, select

from berth.core.deployment import Deployment
from berth.core.errors import BerthError
from berth.indexer.cursor import lock_cursor, move_cursor, read_cursor
from berth.indexer.fetch import Header
from berth.indexer.project import Projector, RawLog
from berth.indexer.projection import Projection
from berth.indexer.rows import Rows
from berth.store import Store
from berth.store.derived import PROJECTIONS, raw_logs, undo
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
        total = int(conn.execute(select(func.count()).select_from(raw_logs)).scalar_one())
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
    for number, group in groupby(_logs(conn), key=lambda pair: pair[0].block_number):
        for log, timestamp in group:
            logs.append(log)
            timestamps[number] = timestamp
        if len(logs) >= CHUNK:
            yield logs, timestamps
            logs, timestamps = [], {}
    if logs:
        yield logs, timestamps


def _logs(conn: Connection) -> Iterator[tuple[RawLog, int]]:
    """All logs, a few thousand at a time: writes go through the same connection in between."""
    mark = "?" if conn.dialect.name == "sqlite" else "%s"
    query = (
        f"SELECT {', '.join(f'l.{name}' for name in _LOG)}, b.timestamp"  # noqa: S608
        " FROM raw_logs AS l JOIN blocks AS b ON b.number = l.block_number"
        f" WHERE (l.block_number, l.log_index) > ({mark}, {mark})"
        f" ORDER BY l.block_number, l.log_index LIMIT {CHUNK}"
    )
    after = (-1, -1)
    while True:
        rows = conn.exec_driver_sql(query, after).cursor.fetchall()
        for number, index, block_hash, tx, tx_index, address, *topics, data, timestamp in rows:
            present = [topic for topic in topics if topic is not None]
            log = RawLog(number, index, block_hash, tx, tx_index, address, present, data)
            yield log, timestamp
        if len(rows) < CHUNK:
            return
        after = rows[-1][:2]


_LOG = tuple(column.name for column in raw_logs.columns)
