"""Makes every projection anew from the kept raw logs, without a node."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby

from sqlalchemy import Connection, delete, func, select

from berth.core.deployment import Deployment
from berth.core.errors import BerthError
from berth.indexer.cursor import move_cursor, read_cursor
from berth.indexer.fetch import Header
from berth.indexer.project import Projector, RawLog
from berth.indexer.projection import Projection
from berth.indexer.rows import Rows
from berth.store import Store
from berth.store.derived import PROJECTIONS, blocks, raw_logs, undo

#: Logs projected between two flushes.
CHUNK = 2_000


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
        for table in (undo, *PROJECTIONS):
            conn.execute(delete(table))
        total = int(conn.execute(select(func.count()).select_from(raw_logs)).scalar_one())
        done = 0
        for logs, timestamps in _chunks(conn):
            projection = Projection(Rows(conn))
            projector.project(projection, logs, timestamps, cursor.final_number)
            projection.rows.flush()
            done += len(logs)
            if progress is not None:
                progress(done, total)
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
    after = (-1, -1)
    while True:
        query = (
            select(raw_logs, blocks.c.timestamp)
            .join(blocks, blocks.c.number == raw_logs.c.block_number)
            .where(
                (raw_logs.c.block_number > after[0])
                | ((raw_logs.c.block_number == after[0]) & (raw_logs.c.log_index > after[1]))
            )
            .order_by(raw_logs.c.block_number, raw_logs.c.log_index)
            .limit(CHUNK)
        )
        rows = conn.execute(query).mappings().all()
        for row in rows:
            topics = tuple(
                row[name] for name in ("topic0", "topic1", "topic2", "topic3") if row[name]
            )
            yield (
                RawLog(
                    row["block_number"],
                    row["log_index"],
                    row["block_hash"],
                    row["tx_hash"],
                    row["tx_index"],
                    row["address"],
                    topics,
                    row["data"],
                ),
                row["timestamp"],
            )
        if len(rows) < CHUNK:
            return
        after = (rows[-1]["block_number"], rows[-1]["log_index"])
