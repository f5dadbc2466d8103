"""Writes a fetched range: blocks, raw logs, projections, outbox, events, cursor; all or nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, delete, exists, insert

from berth.core.errors import BerthError
from berth.indexer import outbox
from berth.indexer.cursor import Cursor, CursorMovedError, lock_cursor, move_cursor
from berth.indexer.fetch import Batch, Header
from berth.indexer.project import Projector, RawLog
from berth.indexer.projection import Projection
from berth.indexer.rows import Rows, upsert
from berth.store import Store
from berth.store.derived import blocks, raw_logs, undo


class ReorgError(BerthError):
    """The batch does not follow the last block read: that block is no longer in the chain."""

    def __init__(self, number: int) -> None:
        super().__init__("index.reorg", f"block {number} was replaced by another")


def commit_batch(store: Store, projector: Projector, batch: Batch, read: Cursor) -> Cursor:
    """Advances the index by one batch, in one transaction; the new cursor.

    Raises ReorgError, CursorMovedError, or what projecting raises; nothing is written then.
    """
    first, last = batch.headers[batch.first], batch.headers[batch.last]
    if batch.first != read.block_number + 1:
        raise CursorMovedError
    if first.parent_hash != read.block_hash:
        raise ReorgError(read.block_number)
    final = max(read.final_number, batch.final_number)
    with store.write() as conn:
        # before anything else: a rollback or rebuild that came first wins
        lock_cursor(conn, read)
        _keep_blocks(conn, _headers_to_keep(batch, final))
        keep_logs(conn, batch.logs)
        projection = Projection(Rows(conn))
        timestamps = {number: header.timestamp for number, header in batch.headers.items()}
        projector.project(projection, batch.logs, timestamps, final)
        projection.rows.flush()
        _tell(conn, projection, batch, read)
        _forget_final(conn, read, final)
        return move_cursor(conn, read, last, batch.head.number, final)


def keep_logs(conn: Connection, logs: Iterable[RawLog]) -> None:
    """Stores logs as they came."""
    rows: list[dict[str, Any]] = []
    for log in logs:
        topics = (*log.topics, None, None, None, None)
        rows.append(
            {
                "block_number": log.block_number,
                "log_index": log.log_index,
                "block_hash": log.block_hash,
                "tx_hash": log.tx_hash,
                "tx_index": log.tx_index,
                "address": log.address,
                "topic0": topics[0],
                "topic1": topics[1],
                "topic2": topics[2],
                "topic3": topics[3],
                "data": log.data,
            }
        )
    if rows:
        conn.execute(insert(raw_logs), rows)


def _headers_to_keep(batch: Batch, final: int) -> list[Header]:
    """Those with logs, for their times; those not final, to find an ancestor; the last."""
    with_logs = {log.block_number for log in batch.logs}
    return [
        header
        for number, header in sorted(batch.headers.items())
        if number in with_logs or number >= final or number == batch.last
    ]


def _keep_blocks(conn: Connection, headers: list[Header]) -> None:
    conn.execute(
        upsert(blocks, conn.dialect.name),
        [
            {
                "number": header.number,
                "hash": header.hash,
                "parent_hash": header.parent_hash,
                "timestamp": header.timestamp,
            }
            for header in headers
        ],
    )


def _tell(conn: Connection, projection: Projection, batch: Batch, read: Cursor) -> None:
    outbox.announce(conn, projection.notices, batch.head.number)
    outbox.hand_over_changes(conn, projection.notices)
    if batch.last != batch.head.number:
        return
    if not read.caught_up:
        outbox.hand_over_open_leases(conn, batch.head.timestamp, booked_after=-1)
    elif any(notice.topic == outbox.BOOKED for notice in projection.notices):
        outbox.hand_over_open_leases(conn, batch.head.timestamp, booked_after=read.block_number)


def _forget_final(conn: Connection, read: Cursor, final: int) -> None:
    """Drops the journal of what has become final, and the empty blocks below it."""
    if final > read.final_number:
        conn.execute(delete(undo).where(undo.c.block_number <= final))
    has_logs = exists().where(raw_logs.c.block_number == blocks.c.number)
    lowest = min(read.final_number, read.block_number)
    conn.execute(
        delete(blocks).where(blocks.c.number >= lowest, blocks.c.number < final, ~has_logs)
    )
