"""What the relay watches beside its work: clocks that differ, and leases that nobody served."""

from __future__ import annotations

import asyncio

import structlog
from sqlalchemy import Connection, exists, or_, select

from berth.core.clock import Clock
from berth.core.slots import SLOT_SECONDS
from berth.relay.misfortunes import UNSERVED
from berth.relay.rows import every
from berth.store.derived import leases
from berth.store.engine import Store
from berth.store.incidents import open_incident, settle_incidents
from berth.store.kept import commands, confirmations, incidents, lock_states, presence
from berth.store.outage import OUTAGE, reason_of

_SECONDS = 15.0
#: Leases that ended longer ago are nobody's news, seconds.
_LOOK_BACK = 2 * 86_400
_SKEW = "clock.skew"
_log = structlog.get_logger("berth.relay")


class Watch:
    """Opens incidents for what no single row shows."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await asyncio.to_thread(self.look)
            except OUTAGE as error:
                _log.warning("no database", reason=reason_of(error))
            except Exception:
                _log.exception("watch failed")
            await asyncio.sleep(_SECONDS)

    def look(self) -> int:
        """One look; how many incidents were opened."""
        with self._store.read() as conn:
            found = self._nobody_served(conn)
        if not found:
            return 0
        with self._store.write() as conn:
            return sum(self._tell(conn, lease) for lease in found)

    def sleeps(self, why: str | None, skew: int) -> None:
        """The relay fell asleep, or woke: clocks that differ by too much are an incident as long
        as they do. `skew` is the newest block's time minus the clock, seconds."""
        now = self._clock.now()
        with self._store.write() as conn:
            if why == _SKEW:
                open_incident(conn, _SKEW, _SKEW, _SKEW, now=now, facts={"seconds": skew})
            else:
                settle_incidents(conn, now, "clock and chain agree again", "relay", key=_SKEW)

    def _nobody_served(self, conn: Connection) -> list[tuple[str, str]]:
        """(lease, space) of leases that are past their end, whose driver said to be there, for
        which no bar went down, and that no incident speaks of."""
        now = self._clock.now()
        here = or_(
            exists().where(
                presence.c.lease_id == leases.c.lease_id,
                presence.c.party == "driver",
                presence.c.event.in_(("entered", "here")),
            ),
            exists().where(confirmations.c.lease_id == leases.c.lease_id),
        )
        lowered = exists().where(
            commands.c.lease_id == leases.c.lease_id,
            commands.c.action == "lower",
            or_(commands.c.state == "done", commands.c.outcome == "done"),
        )
        # one that the driver gave up before its time was not to be served
        given_up = leases.c.closed_at < leases.c.start_slot * SLOT_SECONDS
        explained = exists().where(incidents.c.lease_id == leases.c.lease_id)
        query = (
            select(leases.c.lease_id, leases.c.space_id)
            .where(
                leases.c.end_slot <= now // SLOT_SECONDS,
                leases.c.end_slot > (now - _LOOK_BACK) // SLOT_SECONDS,
                leases.c.arrived == 0,
                here,
                ~lowered,
                ~explained,
                or_(leases.c.closed_at.is_(None), ~given_up),
            )
            .limit(100)
        )
        return [(row["lease_id"], row["space_id"]) for row in every(conn, query)]

    def _tell(self, conn: Connection, lease: tuple[str, str]) -> bool:
        lease_id, space_id = lease
        seen = conn.execute(
            select(lock_states.c.lock_id, lock_states.c.online, lock_states.c.position)
            .where(lock_states.c.space_id == space_id)
            .limit(1)
        ).first()
        facts = {"online": None if seen is None else bool(seen.online)}
        return open_incident(
            conn,
            UNSERVED,
            f"{UNSERVED}:{lease_id}",
            "relay.absent",
            now=self._clock.now(),
            lease_id=lease_id,
            space_id=space_id,
            lock_id=None if seen is None else seen.lock_id,
            facts=facts,
        )
