"""Turns what drivers told into commands: reads the tables, asks the policy, moves rows.

`agenda` only reads, and finds what there is to change; `carry_out` changes it. Most looks find
nothing, so that writers are spared; and the work grows with the drivers who wait, not with the
leases that are served.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Connection, func, or_, select, union

from berth.core.access import Policy as Limits
from berth.core.access_reasons import ReasonCode
from berth.core.states import LeaseState
from berth.core.tariff import FLAG_CONFIRM
from berth.relay import commands
from berth.relay.audience import current_lease, lease_row, space_of_lock
from berth.relay.policy import Policy, Situation
from berth.relay.rows import Row, every
from berth.store.derived import leases, spaces
from berth.store.kept import commands as command_rows
from berth.store.kept import confirmations, lock_states, presence
from berth.store.outage import OUTAGE

#: What a driver told this long ago may still lead to something, seconds.
_RECENT = 1800
#: A lock raises itself after a departure; this long after a lease's end it is told to, seconds.
_RAISE_AFTER = 60
#: A bar that could not be raised is tried again after this, seconds.
_RAISE_AGAIN = 600
_OPEN = ("UNLOCKED", "JAMMED")
_LIMITS = Limits()
_log = structlog.get_logger("berth.relay")


@dataclass(frozen=True)
class Wish:
    """A command that is to be, and how far it may get now. `wanted_at` is when somebody last asked
    for it, Unix seconds: a command that ended before is no answer to it."""

    lease_id: str
    lock_id: str
    cycle: int
    action: commands.Action
    state: str
    reason: str | None
    wanted_at: int
    facts: Mapping[str, Any] | None = None


@dataclass
class Agenda:
    """What there is to change: `late` commands to end or to send again, leases that are `gone`,
    raises that are `superseded`, and wishes."""

    late: bool = False
    gone: list[str] = field(default_factory=list)
    superseded: list[str] = field(default_factory=list)
    wishes: list[Wish] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.late or self.gone or self.superseded or self.wishes)


class Planner:
    """One look at all that is wanted."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def plan(self, conn: Connection) -> None:
        """All in one: ends what is over, then decides anew. Call it in a write transaction."""
        commands.sweep(conn, self._policy.clock.now())
        self.carry_out(conn, self.agenda(conn))

    def agenda(self, conn: Connection) -> Agenda:
        """What would have to be changed now. Reads only."""
        now = self._policy.clock.now()
        found = Agenda(late=commands.anything_late(conn, now))
        for lease_id in self._active(conn, now):
            with _alone("lease", lease_id):
                self._lease(conn, found, lease_id, now)
        open_bars = select(lock_states).where(
            lock_states.c.position.in_(_OPEN),
            lock_states.c.online == 1,
            lock_states.c.occupied == 0,
        )
        for lock in every(conn, open_bars):
            with _alone("lock", lock["lock_id"]):
                self._open_bar(conn, found, lock, now)
        found.wishes = [wish for wish in found.wishes if _changes(conn, wish)]
        return found

    def carry_out(self, conn: Connection, agenda: Agenda) -> None:
        """Changes it, in a write transaction. What changed meanwhile is left as it is."""
        now = self._policy.clock.now()
        if agenda.late:
            commands.sweep(conn, now)
        for lease_id in agenda.gone:
            commands.cancel_waiting(conn, lease_id, now, "lease.gone")
        for lease_id in agenda.superseded:
            commands.cancel_waiting(conn, lease_id, now, "superseded", "raise")
        for wish in agenda.wishes:
            with _alone("lease", wish.lease_id), conn.begin_nested():
                _grant_wish(conn, wish, now)

    def _active(self, conn: Connection, now: int) -> list[str]:
        """Leases that something may be done for: of which a command waits, or whose driver told of
        being there in the lock's present cycle, while the bar is not down for them anyway."""
        waiting = select(command_rows.c.lease_id).where(
            command_rows.c.state.in_(commands.WAITING), command_rows.c.action != "raise"
        )
        here = self._at_bars(presence.c.lease_id).where(
            presence.c.at > now - _RECENT,
            presence.c.party == "driver",
            _since(presence.c.at),
        )
        fresh = now - _LIMITS.fresh_seconds - _LIMITS.max_skew
        confirmed = self._at_bars(confirmations.c.lease_id).where(
            confirmations.c.at > fresh,
            or_(lock_states.c.cycle.is_(None), confirmations.c.cycle == lock_states.c.cycle),
        )
        return sorted(conn.execute(union(waiting, here, confirmed)).scalars())

    @staticmethod
    def _at_bars(lease_id: ColumnElement[str]) -> Any:
        """Leases with their locks, of bars that are not down; without one nobody has heard of."""
        return (
            select(lease_id)
            .join(leases, leases.c.lease_id == lease_id)
            .join(spaces, spaces.c.space_id == leases.c.space_id)
            .outerjoin(lock_states, lock_states.c.lock_id == spaces.c.lock_key)
            .where(or_(lock_states.c.position.is_(None), lock_states.c.position != "UNLOCKED"))
        )

    def _lease(self, conn: Connection, found: Agenda, lease_id: str, now: int) -> None:
        lease = lease_row(conn, lease_id)
        if lease is None:
            found.gone.append(lease_id)
            return
        situation = self._policy.situation(conn, lease_id, lease["driver"])
        if situation is not None:
            found.wishes += filter(
                None, (self._camera(conn, situation, now), self._lower(conn, situation, now))
            )

    def _camera(self, conn: Connection, situation: Situation, now: int) -> Wish | None:
        facts = situation.facts
        if situation.lock["camera"] or situation.lock["position"] != "LOCKED":
            return None
        plate = facts.plate
        if plate is not None and plate.match and now - plate.at < _LIMITS.fresh_seconds // 2:
            return None  # it has just been read
        decision = situation.camera()
        wanted_at = max(self._told_at(conn, situation), facts.confirmed_at or 0)
        if not decision.allowed or not wanted_at:
            return None
        # the lock reads plates for leases that it has a grant for, and that takes the same depth
        deep = facts.confirmations >= facts.required
        reason = None if deep else ReasonCode.LEASE_SHALLOW.value
        state = "eligible" if deep else "observed"
        return _wish(situation, "camera_on", state, reason, wanted_at)

    def _lower(self, conn: Connection, situation: Situation, now: int) -> Wish | None:
        facts = situation.facts
        wanted_at = facts.confirmed_at or 0
        if now - wanted_at > _LIMITS.fresh_seconds:
            if facts.flags & FLAG_CONFIRM:
                return None  # without the driver's word there is nothing to wait for
            wanted_at = self._told_at(conn, situation)
        if situation.lock["position"] == "UNLOCKED" or not wanted_at:
            return None
        decision = situation.unlock()
        deep = facts.confirmations >= facts.required
        state = "eligible" if decision.allowed else "confirmed" if deep else "observed"
        reason = None if decision.allowed else decision.codes[0].value
        return _wish(situation, "lower", state, reason, wanted_at, decision.as_json())

    def _told_at(self, conn: Connection, situation: Situation) -> int:
        """When the driver's terminal last said that it is there, 0 = not in this cycle."""
        query = select(func.max(presence.c.at)).where(
            presence.c.lease_id == situation.lease["lease_id"],
            presence.c.party == "driver",
            presence.c.at >= situation.lock["cycle_at"],
        )
        return conn.execute(query).scalar_one() or 0

    def _open_bar(self, conn: Connection, found: Agenda, lock: Row, now: int) -> None:
        """A bar that stays down, or half way, though nobody is there and no lease asks for it."""
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
            if commands.waits(conn, lease_id, "raise"):
                found.superseded.append(lease_id)
            return
        wanted_at = now - _RAISE_AGAIN
        found.wishes.append(
            Wish(lease_id, lock["lock_id"], lock["cycle"], "raise", "eligible", None, wanted_at)
        )

    def _last_lease(self, conn: Connection, lock_id: str) -> str | None:
        query = (
            select(command_rows.c.lease_id)
            .where(command_rows.c.lock_id == lock_id, command_rows.c.action == "lower")
            .order_by(command_rows.c.updated_at.desc())
            .limit(1)
        )
        return conn.execute(query).scalar_one_or_none()


def _since(at: ColumnElement[int]) -> ColumnElement[bool]:
    """In the lock's present cycle."""
    return or_(lock_states.c.cycle_at.is_(None), at >= lock_states.c.cycle_at)


def _wish(
    situation: Situation,
    action: commands.Action,
    state: str,
    reason: str | None,
    wanted_at: int,
    facts: Mapping[str, Any] | None = None,
) -> Wish:
    lease_id, lock_id = situation.lease["lease_id"], situation.lock_id
    return Wish(lease_id, lock_id, situation.cycle, action, state, reason, wanted_at, facts)


def _changes(conn: Connection, wish: Wish) -> bool:
    """Would the wish change anything?"""
    row = commands.find(conn, wish.lease_id, wish.cycle, wish.action)
    if row is None:
        return True
    if row["state"] in commands.OVER:
        return bool(row["updated_at"] < wish.wanted_at)
    return row["state"] in commands.WAITING and not _is_so(row, wish)


def _is_so(row: Row, wish: Wish) -> bool:
    if row["state"] == "eligible" and wish.state == "eligible":
        return True  # on its way, whatever the last refusal was
    return (row["state"], row["reason"]) == (wish.state, wish.reason)


def _grant_wish(conn: Connection, wish: Wish, now: int) -> None:
    row = commands.want(
        conn,
        wish.lease_id,
        wish.lock_id,
        wish.cycle,
        wish.action,
        now=now,
        wanted_at=wish.wanted_at,
    )
    if row is not None and not _is_so(row, wish):
        commands.advance(conn, row, wish.state, now, reason=wish.reason, facts=wish.facts)


@contextmanager
def _alone(what: str, which: str) -> Iterator[None]:
    """Whatever is wrong with one lease or lock must not hold up all others; what is wrong with the
    database does."""
    try:
        yield
    except OUTAGE:
        raise
    except Exception:
        _log.exception("plan failed", **{what: which})
