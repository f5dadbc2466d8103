"""What the relay and people's screens are told, in the transaction of the change itself.

The relay acts on the world, so it is told only of what is open now: a booking read from history
writes no row, and the open leases are handed over when the index reaches the head. Rows of a block
that a reorg removes are cancelled, and what the relay may have acted on is followed by a row that
takes it back.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, delete, exists, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from berth.core.slots import SLOT_SECONDS
from berth.core.states import LeaseState
from berth.indexer.batch import Header
from berth.indexer.projection import Notice
from berth.store.derived import blocks, leases
from berth.store.events import Told, append_events
from berth.store.kept import outbox

#: Blocks behind the head whose notices still reach people's screens.
RECENT_BLOCKS = 256
BOOKED = "lease.booked"
#: Follow a booking that the relay knows of.
FOLLOWING = frozenset(
    {"lease.arrived", "lease.claimed", "lease.settled", "lease.extended", "lease.vehicle"}
)
#: A space has another lock: told of every lease of it that is open.
ROTATED = "space.lock"
LOCK = "lease.lock"
_OPEN = (LeaseState.BOOKED.value, LeaseState.PARKED.value, LeaseState.CLAIMED.value)


def announce(conn: Connection, notices: Iterable[Notice], head_number: int) -> None:
    """Rows of the event stream for what happened recently."""
    append_events(
        conn,
        [
            Told(
                notice.topic,
                notice.parties,
                notice.lease_id,
                notice.space_id,
                {**notice.payload, "block": notice.place.block_number},
                at=notice.place.timestamp,
            )
            for notice in notices
            if notice.place.block_number > head_number - RECENT_BLOCKS
        ],
    )


def knows_a_lease(conn: Connection) -> bool:
    """Whether the relay was told of any booking, so that changes of leases concern it."""
    query = select(outbox.c.id).where(outbox.c.kind == BOOKED, outbox.c.state != "cancelled")
    return conn.execute(query.limit(1)).first() is not None


def hand_over_changes(conn: Connection, notices: Iterable[Notice]) -> None:
    """Outbox rows of changes to leases that the relay knows of."""
    notices = list(notices)
    changes = [notice for notice in notices if notice.topic in FOLLOWING]
    for notice in notices:
        if notice.topic == ROTATED:
            changes += [
                notice._replace(topic=LOCK, lease_id=one) for one in _open_leases(conn, notice)
            ]
    known = _known_leases(conn, {str(notice.lease_id) for notice in changes})
    for notice in changes:
        if notice.lease_id in known:
            place = notice.place
            _put(
                conn,
                notice.topic,
                str(notice.lease_id),
                place.block_number,
                place.block_hash,
                place.timestamp,
                notice.payload,
            )


def hand_over_open_leases(conn: Connection, now: int, booked_after: int) -> None:
    """An outbox row for every lease that is open at `now` (Unix seconds, the chain's) and has none.

    Only leases booked in blocks above `booked_after` are looked at.
    """
    known = exists().where(
        outbox.c.kind == BOOKED,
        outbox.c.lease_id == leases.c.lease_id,
        outbox.c.state != "cancelled",
    )
    # a booked lease whose window has passed needs no lock; a parked vehicle is there until it goes
    current = or_(
        leases.c.state != LeaseState.BOOKED.value, leases.c.end_slot > now // SLOT_SECONDS
    )
    query = (
        select(leases, blocks.c.hash.label("block_hash"))
        .join(blocks, blocks.c.number == leases.c.booked_block)
        .where(leases.c.state.in_(_OPEN), current, leases.c.booked_block > booked_after, ~known)
        .order_by(leases.c.booked_block, leases.c.lease_id)
    )
    for row in conn.execute(query).mappings().all():
        payload = {
            "leaseId": row["lease_id"],
            "spaceId": row["space_id"],
            "driver": row["driver"],
            "owner": row["owner"],
            "startSlot": row["start_slot"],
            "slots": row["slots"],
            "epoch": row["epoch"],
            "offer": row["offer"],
            "plateCommitment": row["plate_commitment"],
            "txHash": row["booked_tx"],
        }
        _put(
            conn,
            BOOKED,
            row["lease_id"],
            row["booked_block"],
            row["block_hash"],
            row["booked_at"],
            payload,
        )


def take_back(conn: Connection, ancestor: Header, version: int) -> None:
    """Cancels the rows of blocks above the ancestor; `version` tells this rollback from others."""
    gone = conn.execute(
        select(outbox)
        .where(
            outbox.c.created_block > ancestor.number,
            outbox.c.state != "cancelled",
            ~outbox.c.kind.startswith("undone."),
        )
        .order_by(outbox.c.id)
    ).mappings()
    for row in gone.all():
        conn.execute(update(outbox).where(outbox.c.id == row["id"]).values(state="cancelled"))
        if row["state"] == "new":
            continue  # nobody has seen it
        _put(
            conn,
            f"undone.{row['kind']}",
            row["lease_id"],
            ancestor.number,
            f"{row['block_hash']}:{version}",
            ancestor.timestamp,
            json.loads(row["payload_json"]),
        )


def _open_leases(conn: Connection, notice: Notice) -> list[str]:
    query = select(leases.c.lease_id).where(
        leases.c.space_id == notice.space_id, leases.c.state.in_(_OPEN)
    )
    return list(conn.execute(query.order_by(leases.c.lease_id)).scalars())


def _known_leases(conn: Connection, wanted: set[str]) -> set[str]:
    ordered = sorted(wanted)
    known: set[str] = set()
    for first in range(0, len(ordered), 500):
        query = select(outbox.c.lease_id).where(
            outbox.c.kind == BOOKED,
            outbox.c.state != "cancelled",
            outbox.c.lease_id.in_(ordered[first : first + 500]),
        )
        known.update(str(row[0]) for row in conn.execute(query))
    return known


def _put(
    conn: Connection,
    kind: str,
    lease_id: str,
    block_number: int,
    block_hash: str,
    timestamp: int,
    payload: Any,
) -> None:
    values: dict[str, Any] = {
        "kind": kind,
        "key": f"{kind}:{lease_id}:{block_hash}",
        "lease_id": lease_id,
        "payload_json": json.dumps(dict(payload), separators=(",", ":"), sort_keys=True),
        "created_block": block_number,
        "block_hash": block_hash,
        "block_timestamp": timestamp,
        "created_at": int(time.time()),
    }
    # The same block may come back after a reorg of a reorg. A new row, not the old one alive again:
    # it must come after the row that took the old one back.
    conn.execute(delete(outbox).where(outbox.c.key == values["key"], outbox.c.state == "cancelled"))
    insert = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    conn.execute(insert(outbox).values(values).on_conflict_do_nothing(index_elements=["key"]))
