"""The signed transactions of bookings that a reorg may take out: kept, and sent again then.

A relay's outbox writes down which are wanted; the keeper, who has a node, fetches and sends them.
"""

from __future__ import annotations

import json

from sqlalchemy import Connection, delete, update
from sqlalchemy.dialects import postgresql, sqlite

from berth.relay.rows import Row
from berth.store.kept import lease_transactions


def keep(conn: Connection, booked: Row, now: int) -> None:
    """A lease was booked (again): its transaction, of this outbox row, is to be kept."""
    tx_hash = json.loads(booked["payload_json"]).get("txHash")
    if tx_hash is None:
        return
    insert = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    row = insert(lease_transactions).values(
        tx_hash=tx_hash,
        lease_id=booked["lease_id"],
        block_number=booked["created_block"],
        kept_at=now,
    )
    mined_again = {"block_number": booked["created_block"], "wanted_at": None, "attempts": 0}
    conn.execute(row.on_conflict_do_update(index_elements=["tx_hash"], set_=mined_again))


def want(conn: Connection, lease_id: str, now: int) -> None:
    """A reorg took the lease out: its transaction is to be sent again, at once."""
    conn.execute(
        update(lease_transactions)
        .where(lease_transactions.c.lease_id == lease_id, lease_transactions.c.wanted_at.is_(None))
        .values(wanted_at=now, next_at=0, attempts=0)
    )


def forget_final(conn: Connection, final_block: int) -> int:
    """Deletes those that no reorg takes out any more; how many."""
    gone = delete(lease_transactions).where(
        lease_transactions.c.wanted_at.is_(None), lease_transactions.c.block_number <= final_block
    )
    return conn.execute(gone).rowcount
