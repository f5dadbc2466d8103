"""Takes back blocks that are no longer in the chain: to the common ancestor, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from berth.chain.rpc import Rpc
from berth.core.errors import BerthError
from berth.indexer import outbox
from berth.indexer.batch import Header
from berth.indexer.cursor import Cursor, lock_cursor, move_cursor
from berth.indexer.rows import undo_above
from berth.store import Store
from berth.store.derived import blocks, leases, raw_logs
from berth.store.events import REORG, append_event
from berth.store.wake import announce

#: Hashes compared in one request on the way down.
STEP = 32


class PastFinalityError(BerthError):
    """The chain was rewritten below the final block: nobody may go on by itself from there."""

    def __init__(self, final_number: int) -> None:
        message = (
            f"the node's chain differs from the index at or below block {final_number}, which was"
            " final: check that it is the right node; to follow it, rebuild the index from an"
            " empty database"
        )
        super().__init__("index.past_finality", message, exit_code=4, status=503)


@dataclass(frozen=True, slots=True)
class Rollback:
    """What was taken back: `blocks` blocks above `ancestor`, `leases` that no longer exist."""

    ancestor: Header
    blocks: int
    leases: tuple[str, ...]
    cursor: Cursor


async def find_ancestor(rpc: Rpc, stored: list[Header], final_number: int) -> Header:
    """The highest stored block that is still in the node's chain. Raises PastFinalityError.

    `stored` are the blocks from the final one up, in any order.
    """
    descending = sorted(stored, key=lambda header: header.number, reverse=True)
    for first in range(0, len(descending), STEP):
        part = descending[first : first + STEP]
        current = await rpc.blocks([header.number for header in part])
        for header, block in zip(part, current, strict=True):
            if block is not None and block.hash.lower() == header.hash:
                return header
    raise PastFinalityError(final_number)


def unfinal_headers(conn: Connection, cursor: Cursor) -> list[Header]:
    """Stored blocks that may be an ancestor: the final one and all above it."""
    query = select(blocks).where(blocks.c.number >= cursor.final_number)
    return [
        Header(row["number"], row["hash"], row["parent_hash"], row["timestamp"])
        for row in conn.execute(query).mappings()
    ]


def roll_back(store: Store, read: Cursor, ancestor: Header) -> Rollback:
    """Restores all derived rows to the ancestor's state, and tells of it. CursorMovedError."""
    with store.write() as conn:
        lock_cursor(conn, read)
        if ancestor.number < read.final_number:
            raise PastFinalityError(read.final_number)
        gone = conn.execute(
            select(leases.c.lease_id, leases.c.space_id, leases.c.driver, leases.c.owner)
            .where(leases.c.booked_block > ancestor.number)
            .order_by(leases.c.lease_id)
        ).all()
        undo_above(conn, ancestor.number)
        conn.execute(delete(raw_logs).where(raw_logs.c.block_number > ancestor.number))
        conn.execute(delete(blocks).where(blocks.c.number > ancestor.number))
        cursor = move_cursor(conn, read, ancestor, read.head_number, read.final_number)
        outbox.take_back(conn, ancestor, cursor.version)
        for lease_id, space_id, driver, owner in gone:
            payload = {"leaseId": lease_id, "block": ancestor.number}
            append_event(conn, "lease.undone", (driver, owner), lease_id, space_id, payload)
        depth = read.block_number - ancestor.number
        payload = {"ancestor": ancestor.number, "blocks": depth}
        append_event(conn, REORG, None, None, None, payload)
        announce(conn)
    return Rollback(ancestor, depth, tuple(row[0] for row in gone), cursor)
