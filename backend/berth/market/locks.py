"""What a space's lock last said, and which of a lease's parties are told of it, and when.

A lock sees whether a car stands in the space: whoever hears it live knows when its owner is away.
The space's owner and manager of now hear it always. The parties of a lease hear it while the driver
has something to do there, and no longer: a lease of a quarter of an hour, cancelled at once or over
for years, must not be a window into somebody's yard.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from berth.core.access import Decision, ReasonCode
from berth.core.states import LeaseState, Times
from berth.market.leases import Lease, terms_for, times_of
from berth.store.derived import spaces
from berth.store.kept import grants, lock_states, plate_readings

#: The reasons against unlocking that tell what lock and bay are like now.
_SENSED = frozenset(
    {
        ReasonCode.LOCK_OFFLINE,
        ReasonCode.LOCK_UNKNOWN,
        ReasonCode.LOCK_OPEN,
        ReasonCode.LOCK_MOVING,
        ReasonCode.LOCK_JAMMED,
        ReasonCode.LOCK_FAULT,
        ReasonCode.BAY_OCCUPIED,
    }
)


@dataclass(frozen=True, slots=True)
class LockState:
    """A lock as it last reported; all unknown before its first word."""

    lock_id: str
    online: bool = False
    position: str | None = None
    occupied: bool | None = None
    fault: str | None = None
    camera: bool = False
    cycle: int = 0
    seen_at: int | None = None
    #: The lease that the bar is down for, or was ordered down for; None: for nobody.
    lowered_for: str | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """The lock's copy of a lease; window in Unix seconds UTC."""

    state: str
    cycle: int
    window_start: int
    window_end: int


@dataclass(frozen=True, slots=True)
class Reading:
    """The last plate reading for a lease: did it match, how sure, when (Unix seconds UTC)."""

    match: bool
    confidence: float
    at: int


def lock_of(conn: Connection, space_id: str) -> LockState:
    """The lock of a space."""
    row = conn.execute(
        select(spaces.c.lock_key, lock_states)
        .outerjoin(lock_states, lock_states.c.lock_id == spaces.c.lock_key)
        .where(spaces.c.space_id == space_id)
    ).first()
    if row is None:
        return LockState("0x" + "0" * 40)
    if row.lock_id is None:
        return LockState(row.lock_key)
    return LockState(
        lock_id=row.lock_id,
        online=bool(row.online),
        position=row.position,
        occupied=None if row.occupied is None else bool(row.occupied),
        fault=row.fault,
        camera=bool(row.camera),
        cycle=row.cycle,
        seen_at=row.seen_at,
        lowered_for=row.lowered_for,
    )


def is_told(conn: Connection, lease: Lease, account: str, lock: LockState, now: int) -> bool:
    """Is a party of a lease told what the lock of its space senses, at `now` (Unix seconds)?"""
    keepers = conn.execute(
        select(spaces.c.owner, spaces.c.manager).where(spaces.c.space_id == lease.space_id)
    ).first()
    if keepers is not None and account in keepers:
        return True
    return _at_the_bar(lease, lock, times_of(lease, terms_for(conn, lease)), now)


def _at_the_bar(lease: Lease, lock: LockState, times: Times, now: int) -> bool:
    """Has the driver something to do before the lock? From a quarter of an hour before the start:
    to come until the end; to leave, once the car is there, until the lock's word for it would come
    too late. A car that is on record as gone has left."""
    if now < times.early:
        return False
    if lease.state is LeaseState.BOOKED:
        # a bar that is down for them: the car may be in, and its record on the way
        return now < (times.t1 if lock.lowered_for == lease.lease_id else times.end)
    return lease.state is LeaseState.PARKED and now < times.t1


def without_senses(decision: Decision) -> Decision:
    """A decision for somebody who is not told what the lock senses: what stands against unlocking
    beside that."""
    rest = tuple(one for one in decision.reasons if one.code not in _SENSED)
    # never a yes that is none: something else has become true in this very moment
    return Decision(rest) if rest else decision


def grant_of(conn: Connection, lease: Lease) -> Grant | None:
    """The grant of a lease at the lock that its space has; what other locks say to hold, or held,
    is nothing of it."""
    lock = select(spaces.c.lock_key).where(spaces.c.space_id == lease.space_id).scalar_subquery()
    row = conn.execute(
        select(grants).where(grants.c.lease_id == lease.lease_id, grants.c.lock_id == lock)
    ).first()
    if row is None:
        return None
    return Grant(row.state, row.cycle, row.window_start, row.window_end)


def last_reading(conn: Connection, lease: Lease) -> Reading | None:
    """The latest plate reading made for a lease."""
    row = conn.execute(
        select(plate_readings.c.match, plate_readings.c.confidence, plate_readings.c.at)
        .where(plate_readings.c.lease_id == lease.lease_id)
        .order_by(plate_readings.c.at.desc(), plate_readings.c.id.desc())
        .limit(1)
    ).first()
    return None if row is None else Reading(bool(row.match), row.confidence, row.at)


def lock_counts(conn: Connection) -> tuple[int, int]:
    """(locks heard of, of them online)."""
    known, online = conn.execute(
        select(func.count(), func.coalesce(func.sum(lock_states.c.online), 0)).select_from(
            lock_states
        )
    ).one()
    return int(known), int(online)
