"""Who is told what a lock did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, and_, bindparam, or_, select

from berth.core.slots import SLOT_SECONDS
from berth.core.states import EVIDENCE_SECONDS, LeaseState
from berth.core.tariff import EARLY_SECONDS
from berth.relay.rows import Row, first
from berth.store.derived import leases, spaces
from berth.store.events import append_event

OPEN = (LeaseState.BOOKED.value, LeaseState.PARKED.value, LeaseState.CLAIMED.value)


_SPACE_OF_LOCK = (
    select(spaces.c.space_id)
    .where(spaces.c.lock_key == bindparam("lock"))
    .order_by(spaces.c.block_number.desc())
    .limit(1)
)
_LEASE = select(leases).where(leases.c.lease_id == bindparam("lease"))
_CURRENT = (
    select(leases)
    .where(
        leases.c.space_id == bindparam("space"),
        leases.c.start_slot * SLOT_SECONDS <= bindparam("until"),
        or_(
            and_(
                leases.c.state == LeaseState.BOOKED.value,
                leases.c.end_slot * SLOT_SECONDS > bindparam("now"),
            ),
            and_(
                leases.c.state == LeaseState.PARKED.value,
                leases.c.end_slot * SLOT_SECONDS > bindparam("since"),
            ),
        ),
    )
    .order_by(leases.c.start_slot.desc())
    .limit(1)
)


def space_of_lock(conn: Connection, lock_id: str) -> str | None:
    """The space that a lock is registered for, None when there is none (yet)."""
    return conn.execute(_SPACE_OF_LOCK, {"lock": lock_id}).scalar_one_or_none()


def lease_row(conn: Connection, lease_id: str) -> Row | None:
    """A lease as the index has it."""
    return first(conn, _LEASE, lease=lease_id)


def current_lease(conn: Connection, space_id: str, now: int) -> Row | None:
    """The open lease whose time it is at a space, at `now` (Unix seconds): from a quarter of an
    hour before its start until its end, or, of a car that stands there, until its leaving is on
    record; for a day at most, as a lock's word for it counts no longer."""
    moments = {"until": now + EARLY_SECONDS, "now": now, "since": now - EVIDENCE_SECONDS}
    return first(conn, _CURRENT, space=space_id, **moments)


def tell_lease(
    conn: Connection, topic: str, lease_id: str, payload: Mapping[str, Any], now: int
) -> None:
    """Tells both parties of a lease."""
    lease = lease_row(conn, lease_id)
    if lease is not None:
        parties = [lease["driver"], lease["owner"]]
        append_event(conn, topic, parties, lease_id, lease["space_id"], payload, at=now)


def tell_space(
    conn: Connection, topic: str, space_id: str | None, payload: Mapping[str, Any], now: int
) -> None:
    """Tells the owner of a space, and the driver whose time it is there."""
    if space_id is None:
        return
    owner = conn.execute(
        select(spaces.c.owner).where(spaces.c.space_id == space_id)
    ).scalar_one_or_none()
    lease = current_lease(conn, space_id, now)
    accounts = [owner] if owner else []
    accounts += [lease["driver"], lease["owner"]] if lease else []
    lease_id = lease["lease_id"] if lease else None
    append_event(conn, topic, accounts, lease_id, space_id, payload, at=now)
