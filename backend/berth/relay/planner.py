"""Turns what drivers told into commands: reads the tables, asks the policy, moves rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from sqlalchemy import Connection, func, select, union
from sqlalchemy.exc import DBAPIError

from berth.core.access import Policy as Limits
from berth.core.access_reasons import ReasonCode
from berth.core.states import LeaseState
from berth.core.tariff import FLAG_CONFIRM
from berth.relay import commands
from berth.relay.audience import current_lease, lease_row, space_of_lock
from berth.relay.policy import Policy, Situation
from berth.relay.rows import Row, every, first
from berth.store.kept import commands as command_rows
from berth.store.kept import confirmations, lock_states, presence

#: What a driver told this long ago may still lead to something, seconds.
_RECENT = 1800
#: A lock raises itself after a departure; this long after a lease's end it is told to, seconds.
_RAISE_AFTER = 60
#: A bar that could not be raised is tried again after this, seconds.
_RAISE_AGAIN = 600
_OPEN = ("UNLOCKED", "JAMMED")
_LIMITS = Limits()
_log = structlog.get_logger("berth.relay")


class Planner:
    """One look at all that is wanted; call it in a write transaction."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def idle(self, conn: Connection) -> bool:
        """Is there nothing that a plan could change?"""
        alive = select(command_rows.c.id).where(command_rows.c.state.in_(commands.ALIVE))
        open_bar = select(lock_states.c.lock_id).where(lock_states.c.position.in_(_OPEN))
        return (
            first(conn, alive.limit(1)) is None
            and first(conn, open_bar.limit(1)) is None
            and not self._active(conn, self._policy.clock.now())
        )

    def plan(self, conn: Connection) -> None:
        """Ends what is over, then decides anew for every lease whose driver is there."""
        now = self._policy.clock.now()
        commands.sweep(conn, now)
        for lease_id in self._active(conn, now):
            with _alone(conn, "lease", lease_id):
                self._lease(conn, lease_id, now)
        open_bars = select(lock_states).where(lock_states.c.position.in_(_OPEN))
        for lock in every(conn, open_bars):
            with _alone(conn, "lock", lock["lock_id"]):
                self._open_bar(conn, lock, now)

    def _lease(self, conn: Connection, lease_id: str, now: int) -> None:
        lease = lease_row(conn, lease_id)
        if lease is None:
            commands.cancel_waiting(conn, lease_id, now, "lease.gone")
            return
        situation = self._policy.situation(conn, lease_id, lease["driver"])
        if situation is not None:
            self._camera(conn, situation, now)
            self._lower(conn, situation, now)

    def _active(self, conn: Connection, now: int) -> list[str]:
        waiting = select(command_rows.c.lease_id).where(
            command_rows.c.state.in_(commands.WAITING), command_rows.c.action != "raise"
        )
        here = select(presence.c.lease_id).where(presence.c.at > now - _RECENT)
        fresh = now - _LIMITS.fresh_seconds - _LIMITS.max_skew
        confirmed = select(confirmations.c.lease_id).where(confirmations.c.at > fresh)
        return sorted(conn.execute(union(waiting, here, confirmed)).scalars())

    def _camera(self, conn: Connection, situation: Situation, now: int) -> None:
        facts = situation.facts
        if situation.lock["camera"] or situation.lock["position"] != "LOCKED":
            return
        plate = facts.plate
        if plate is not None and plate.match and now - plate.at < _LIMITS.fresh_seconds // 2:
            return  # it has just been read
        decision = situation.camera()
        wanted_at = max(self._told_at(conn, situation), facts.confirmed_at or 0)
        if not decision.allowed or not wanted_at:
            return
        row = commands.want(
            conn,
            situation.lease["lease_id"],
            situation.lock_id,
            situation.cycle,
            "camera_on",
            now=now,
            wanted_at=wanted_at,
        )
        if row is None or row["state"] == "eligible":
            return
        # the lock reads plates for leases that it has a grant for, and that takes the same depth
        if facts.confirmations >= facts.required:
            commands.advance(conn, row, "eligible", now)
        else:
            commands.advance(conn, row, "observed", now, reason=ReasonCode.LEASE_SHALLOW.value)

    def _lower(self, conn: Connection, situation: Situation, now: int) -> None:
        facts, lease_id = situation.facts, situation.lease["lease_id"]
        wanted_at = facts.confirmed_at or 0
        if now - wanted_at > _LIMITS.fresh_seconds:
            if facts.flags & FLAG_CONFIRM:
                return  # without the driver's word there is nothing to wait for
            wanted_at = self._told_at(conn, situation)
        if situation.lock["position"] == "UNLOCKED" or not wanted_at:
            return
        decision = situation.unlock()
        row = commands.want(
            conn,
            lease_id,
            situation.lock_id,
            situation.cycle,
            "lower",
            now=now,
            wanted_at=wanted_at,
        )
        if row is None:
            return
        deep = facts.confirmations >= facts.required
        state = "eligible" if decision.allowed else "confirmed" if deep else "observed"
        reason = None if decision.allowed else decision.codes[0].value
        if row["state"] == "eligible" and state == "eligible":
            return  # on its way, whatever the last refusal was
        commands.advance(conn, row, state, now, reason=reason, facts=decision.as_json())

    def _told_at(self, conn: Connection, situation: Situation) -> int:
        """When the driver's terminal last said that it is there, 0 = not in this cycle."""
        query = select(func.max(presence.c.at)).where(
            presence.c.lease_id == situation.lease["lease_id"],
            presence.c.party == "driver",
            presence.c.at >= situation.lock["cycle_at"],
        )
        return conn.execute(query).scalar_one() or 0

    def _open_bar(self, conn: Connection, lock: Row, now: int) -> None:
        """A bar that stays down, or half way, though nobody is there and no lease asks for it."""
        if not lock["online"] or lock["occupied"]:
            return
        lease_id = lock["lowered_for"] or self._last_lease(conn, lock["lock_id"])
        if lease_id is None:
            return
        lease = lease_row(conn, lease_id)
        over = lease is None or (
            not LeaseState(lease["state"]).is_open
            and (lease["closed_at"] or now) + _RAISE_AFTER <= now
        )
        if not over and lock["interrupted"] is None:
            return
        space_id = space_of_lock(conn, lock["lock_id"])
        current = current_lease(conn, space_id, now) if space_id else None
        if current is not None and current["lease_id"] != lease_id:
            # the next driver is due: the bar may as well be down for them, and must not come up
            commands.cancel_waiting(conn, lease_id, now, "superseded", "raise")
            return
        row = commands.want(
            conn,
            lease_id,
            lock["lock_id"],
            lock["cycle"],
            "raise",
            now=now,
            wanted_at=now - _RAISE_AGAIN,
        )
        if row is not None and row["state"] != "eligible":
            commands.advance(conn, row, "eligible", now)

    def _last_lease(self, conn: Connection, lock_id: str) -> str | None:
        query = (
            select(command_rows.c.lease_id)
            .where(command_rows.c.lock_id == lock_id, command_rows.c.action == "lower")
            .order_by(command_rows.c.updated_at.desc())
            .limit(1)
        )
        return conn.execute(query).scalar_one_or_none()


@contextmanager
def _alone(conn: Connection, what: str, which: str) -> Iterator[None]:
    """Whatever is wrong with one lease or lock must not hold up all others."""
    try:
        with conn.begin_nested():
            yield
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        _log.exception("plan failed", **{what: which})
    except Exception:
        _log.exception("plan failed", **{what: which})
