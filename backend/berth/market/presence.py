"""What a driver's terminal tells of itself: at the entrance, "I'm here", "lower it now".

Rows only; the relay acts on them. A position never reaches the backend: the geofence is evaluated
on the terminal, which says no more than "entered".
"""

from __future__ import annotations

from sqlalchemy import Connection, insert, select

from berth.core.errors import BerthError
from berth.core.ids import parse_lease
from berth.core.messages import Domain, TypedMessage, recover, unlock_confirmation
from berth.market.leases import Lease
from berth.store.events import append_event
from berth.store.kept import confirmations, presence
from berth.store.upserts import put

EVENTS = ("entered", "here")
#: A confirmation names its moment; one further off is not of now, and one further ahead would hold
#: for longer than others. Seconds.
FRESH_SECONDS, AHEAD_SECONDS = 120, 30
REPEAT_SECONDS = 5


def record_presence(conn: Connection, lease: Lease, event: str, now: int) -> None:
    """Notes that the driver's terminal is at the entrance. `now` is Unix seconds UTC."""
    if event not in EVENTS:
        raise BerthError(
            "presence.event",
            "must be one of {known}",
            field="event",
            status=422,
            known=", ".join(EVENTS),
        )
    if not lease.is_open:
        raise BerthError("lease.over", "the lease is over", field="leaseId", status=409)
    again = select(presence.c.id).where(
        presence.c.lease_id == lease.lease_id,
        presence.c.event == event,
        presence.c.at > now - REPEAT_SECONDS,
    )
    if conn.execute(again.limit(1)).first() is not None:
        return  # a terminal that repeats itself says nothing new
    conn.execute(
        insert(presence).values(lease_id=lease.lease_id, party="driver", event=event, at=now)
    )
    append_event(
        conn,
        "lease.presence",
        [lease.driver, lease.owner],
        lease.lease_id,
        lease.space_id,
        {"event": event, "party": "driver"},
        at=now,
    )


def confirmation_message(domain: Domain, lease_id: str, cycle: int, at: int) -> TypedMessage:
    """What the driver signs to have the bar lowered: this lease, this cycle, this moment."""
    return unlock_confirmation(domain, parse_lease(lease_id), cycle, at)


def check_confirmation(
    domain: Domain, lease: Lease, cycle: int, at: int, signature: bytes, *, current: int, now: int
) -> None:
    """Passes when the driver signed exactly this, just now, for the lock's `current` cycle.

    Raises BerthError unlock.cycle (409), unlock.stale (422), unlock.signature (403).
    """
    if cycle != current:
        raise BerthError(
            "unlock.cycle",
            "the lock is at cycle {cycle}",
            field="cycle",
            status=409,
            cycle=current,
        )
    most = AHEAD_SECONDS if at > now else FRESH_SECONDS
    if abs(now - at) > most:
        raise BerthError(
            "unlock.stale",
            "is more than {seconds} s from the service's time",
            field="at",
            status=422,
            seconds=most,
        )
    try:
        signer = recover(confirmation_message(domain, lease.lease_id, cycle, at), signature)
    except BerthError as error:
        raise _not_signed() from error
    if signer != lease.driver:
        raise _not_signed()


def record_confirmation(
    conn: Connection, lease_id: str, cycle: int, at: int, signature: bytes
) -> None:
    """Keeps the latest confirmation of a lease and cycle; an older one never replaces a newer."""
    put(
        conn,
        confirmations,
        where=confirmations.c.at <= at,
        lease_id=lease_id,
        cycle=cycle,
        at=at,
        signature="0x" + signature.hex(),
    )


def _not_signed() -> BerthError:
    return BerthError(
        "unlock.signature", "is not the driver's over this message", field="signature", status=403
    )
