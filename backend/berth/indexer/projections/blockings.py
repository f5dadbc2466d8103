"""Slots that owners and managers take out of sharing."""

from __future__ import annotations

from berth.chain import events
from berth.core.ids import lease_hex, space_hex, split_lease
from berth.indexer.projection import Place, Projection
from berth.store import derived


def blocked(p: Projection, e: events.Blocked, at: Place) -> None:
    space_number, start_slot, _epoch = split_lease(e.lease_id)
    space = space_hex(space_number)
    p.rows.add(
        derived.blockings,
        {
            "lease_id": lease_hex(e.lease_id),
            "space_id": space,
            "start_slot": start_slot,
            "slots": e.slots,
            "end_slot": start_slot + e.slots,
            "by": e.by,
            "blocked_at": at.timestamp,
            "ended_at": None,
            "block_number": at.block_number,
            "tx_hash": at.tx_hash,
        },
    )
    _tell(p, "space.blocked", space, e.lease_id, e.by, start_slot, e.slots, at)


def unblocked(p: Projection, e: events.Unblocked, at: Place) -> None:
    row = p.changing(derived.blockings, lease_hex(e.lease_id))
    row["ended_at"] = at.timestamp
    space, start_slot, slots = row["space_id"], row["start_slot"], row["slots"]
    _tell(p, "space.unblocked", space, e.lease_id, e.by, start_slot, slots, at)


def _tell(
    p: Projection,
    topic: str,
    space: str,
    number: int,
    by: str,
    start_slot: int,
    slots: int,
    at: Place,
) -> None:
    payload = {
        "spaceId": space,
        "blockId": lease_hex(number),
        "startSlot": start_slot,
        "slots": slots,
        "by": by,
        "txHash": at.tx_hash,
    }
    p.tell(topic, at, None, payload, space_id=space)
