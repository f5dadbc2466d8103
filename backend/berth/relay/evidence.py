"""What evidence must be like for the contract to take it: the checks that the index allows."""

from __future__ import annotations

from sqlalchemy import Connection, select

from berth.core.errors import BerthError
from berth.core.ids import parse_lease, space_hex, split_lease
from berth.core.messages import ARRIVED, BLOCKED, LEFT, NOSHOW
from berth.core.slots import slot_at, slot_start
from berth.core.states import EARLY_SECONDS
from berth.devices.protocol import OccupancyRecord
from berth.relay.audience import lease_row
from berth.relay.rows import Row, first
from berth.store.derived import spaces

#: A lock's clock may be ahead by so much, seconds.
CLOCK_SECONDS = 300


def check_speaker(conn: Connection, record: OccupancyRecord) -> None:
    """Passes for the lock of the lease's space; and for the one before it, of leases that began
    before the slot of its replacement, up to that moment. Raises BerthError `inbox.space`."""
    number, start_slot, _ = split_lease(parse_lease(record.lease_id))
    space = first(conn, select(spaces).where(spaces.c.space_id == space_hex(number)))
    if space is not None and record.lock == space["lock_key"]:
        return
    if space is not None and record.lock == space["previous_key"]:
        rotated_at = space["rotated_at"]
        if start_slot < slot_at(rotated_at) and record.until <= rotated_at:
            return
        message = "the lock was replaced: it speaks of leases that began before, and up to then"
        raise BerthError("inbox.replaced", message, field="until")
    raise BerthError(
        "inbox.space", "the lease is of a space that this lock does not serve", field="leaseId"
    )


def check_times(conn: Connection, record: OccupancyRecord, now: int | None) -> None:
    """Passes when the contract would take the record's times and energy, of a lease that the index
    knows; one that it does not know is the contract's to judge. `now` is Unix seconds, None where
    time may jump: a lock may learn of that before we do.

    Raises BerthError `inbox.evidence` naming the field. That it is not too late, and that the lease
    is in a fitting state, the chain alone can say: the index may be behind.
    """
    if record.energy_wh and record.kind != LEFT:
        raise _bad("energyWh", "only a departure has energy")
    if now is not None and record.until > now + CLOCK_SECONDS:
        # kept, it would be tried until then; a lock with a wrong clock says it again
        raise _bad("until", "has not come yet")
    lease = lease_row(conn, record.lease_id)
    if lease is None:
        return
    earliest, latest = _from_between(record.kind, lease)
    if not earliest <= record.from_ <= latest:
        raise _bad("from", f"must be from {earliest} to {latest}")
    if record.kind == ARRIVED and record.until != record.from_:
        raise _bad("until", "of an arrival is its `from`")
    least = _least_until(record, lease)
    if record.until < least:
        raise _bad("until", f"must be {least} or later")


def _from_between(kind: int, lease: Row) -> tuple[int, int]:
    start, end = slot_start(lease["start_slot"]), slot_start(lease["end_slot"])
    earliest = start - EARLY_SECONDS if kind in (ARRIVED, LEFT) else 0
    return earliest, start if kind == NOSHOW else end - 1


def _least_until(record: OccupancyRecord, lease: Row) -> int:
    if record.kind == NOSHOW:
        return slot_start(lease["end_slot"])
    if record.kind == BLOCKED:
        return max(record.from_, slot_start(lease["start_slot"]))
    return record.from_


def _bad(field: str, why: str) -> BerthError:
    return BerthError("inbox.evidence", why, field=field)
