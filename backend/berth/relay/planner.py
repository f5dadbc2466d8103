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
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    bindparam,
    exists,
    func,
    or_,
    select,
    union,
)

from berth.core.access import Facts, Position
from berth.core.access import Policy as Limits
from berth.core.access_reasons import ReasonCode
from berth.core.slots import slot_start
from berth.core.states import LeaseState
from berth.core.tariff import FLAG_CONFIRM
from berth.relay import commands
from berth.relay.audience import current_lease, lease_row
from berth.relay.policy import IndexView, Policy, Situation
from berth.relay.rows import Row, every, first
from berth.store.derived import leases, spaces
from berth.store.kept import commands as command_rows
from berth.store.kept import confirmations, evidence, lock_states, presence
from berth.store.outage import OUTAGE

#: What a driver told this long ago may still lead to something, seconds.
_RECENT = 1800
#: A lock raises itself after a departure; this long after a lease's end it is told to, seconds.
_RAISE_AFTER = 60
#: A bar that could not be raised is tried again after this, seconds.
_RAISE_AGAIN = 600
#: So long after a lease the last word that a vehicle stands there is not believed any more: that it
#: left may have been lost on the way, and a lock does not rise under a vehicle, seconds.
_WORD_LOST = 3600
_OPEN = ("UNLOCKED", "JAMMED")
#: Somebody has the bar, or the motor, in his hands: no motor starts until the lock says it is over.
_IN_HAND = ("released", "shell_opened")
_LIMITS = Limits()


def _at_bars(lease_id: ColumnElement[str]) -> Select[str]:
    """Leases with their locks, of bars that are not down, or are since their lock's power went;
    without one nobody has heard of."""
    return (
        select(lease_id)
        .join(leases, leases.c.lease_id == lease_id)
        .join(spaces, spaces.c.space_id == leases.c.space_id)
        .outerjoin(lock_states, lock_states.c.lock_id == spaces.c.lock_key)
        .where(
            or_(
                lock_states.c.position.is_(None),
                lock_states.c.position != "UNLOCKED",
                lock_states.c.interrupted.is_not(None),
            )
        )
    )


#: Leases of which a command waits; whose driver told of being there, or has signed, in the lock's
#: present cycle.
_ACTIVE = union(
    select(command_rows.c.lease_id).where(
        command_rows.c.state.in_(commands.WAITING), command_rows.c.action != "raise"
    ),
    _at_bars(presence.c.lease_id).where(
        presence.c.at > bindparam("recent"),
        presence.c.party == "driver",
        or_(lock_states.c.cycle_at.is_(None), presence.c.at >= lock_states.c.cycle_at),
    ),
    _at_bars(confirmations.c.lease_id).where(
        confirmations.c.at > bindparam("fresh"),
        or_(lock_states.c.cycle.is_(None), confirmations.c.cycle == lock_states.c.cycle),
    ),
)
#: Not those over which a vehicle stands for a lease that is still open: nearly all that are down.
_OPEN_BARS = select(lock_states).where(
    lock_states.c.position.in_(_OPEN),
    lock_states.c.online == 1,
    or_(
        lock_states.c.occupied == 0,
        ~exists().where(
            leases.c.lease_id == lock_states.c.lowered_for, leases.c.closed_at.is_(None)
        ),
    ),
)
_TOLD_AT = select(func.max(presence.c.at)).where(
    presence.c.lease_id == bindparam("lease"),
    presence.c.party == "driver",
    presence.c.at >= bindparam("since"),
)
_LAST_LEASE = (
    select(command_rows.c.lease_id)
    .where(command_rows.c.lock_id == bindparam("lock"), command_rows.c.action == "lower")
    .order_by(command_rows.c.updated_at.desc())
    .limit(1)
)
#: For whom a lock was told last to look, and its word on that. Of a lock one command is under way
#: at a time, so the newest that left is the newest that it had.
_CAMERA_OF = (
    select(command_rows.c.lease_id, command_rows.c.outcome)
    .where(
        command_rows.c.lock_id == bindparam("lock"),
        command_rows.c.action == "camera_on",
        command_rows.c.published_at.is_not(None),
    )
    .order_by(
        command_rows.c.published_at.desc(), command_rows.c.created_at.desc(), command_rows.c.id
    )
    .limit(1)
)
#: Did a lock sign anything of a lease?
_SIGNED = select(evidence.c.id).where(evidence.c.lease_id == bindparam("lease")).limit(1)
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


@dataclass(frozen=True)
class Near:
    """A bar that may go down once `block` is in the index: depth is all that is missing. Blocks
    come every `block_seconds` lately."""

    lease_id: str
    lock_id: str
    cycle: int
    block: int
    block_seconds: float


@dataclass
class Agenda:
    """What there is to change: `late` commands to end or to send again, leases that are `gone`,
    raises that are `held` back, and wishes; and what is `near`, which changes nothing yet."""

    late: bool = False
    gone: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    wishes: list[Wish] = field(default_factory=list)
    near: list[Near] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.late or self.gone or self.held or self.wishes)


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
        index = self._policy.index(conn)
        found = Agenda(late=commands.anything_late(conn, now))
        for lease_id in self._active(conn, now):
            with alone("lease", lease_id):
                self._lease(conn, found, lease_id, now, index)
        for lock in every(conn, _OPEN_BARS):
            with alone("lock", lock["lock_id"]):
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
        for lease_id in agenda.held:
            commands.cancel_waiting(conn, lease_id, now, ReasonCode.LOCK_FAULT.value, "raise")
        for wish in agenda.wishes:
            with alone("lease", wish.lease_id), conn.begin_nested():
                _grant_wish(conn, wish, now)

    def _active(self, conn: Connection, now: int) -> list[str]:
        """Leases that something may be done for: of which a command waits, or whose driver told of
        being there in the lock's present cycle, while the bar is not down for them anyway."""
        fresh = now - _LIMITS.fresh_seconds - _LIMITS.max_skew
        about = {"recent": now - _RECENT, "fresh": fresh}
        return sorted(conn.execute(_ACTIVE, about).scalars())

    def _lease(
        self, conn: Connection, found: Agenda, lease_id: str, now: int, index: IndexView
    ) -> None:
        lease = lease_row(conn, lease_id)
        if lease is None:
            found.gone.append(lease_id)
            return
        situation = self._policy.situation_of(conn, lease, lease["driver"], index)
        lower = self._lower(conn, situation, now)
        found.wishes += filter(None, (self._camera(conn, situation, now), lower))
        if lower is not None and _lacks_one_block(situation):
            lock_id, cycle = situation.lock_id, situation.cycle
            following = index.block + 1
            found.near.append(Near(lease_id, lock_id, cycle, following, index.block_seconds))

    def _camera(self, conn: Connection, situation: Situation, now: int) -> Wish | None:
        facts = situation.facts
        if situation.lock["position"] != "LOCKED" or _looks_for(conn, situation):
            return None
        plate = facts.plate
        if plate is not None and plate.match and now - plate.at < _LIMITS.fresh_seconds // 2:
            return None  # it has just been read
        decision = situation.camera()
        wanted_at = max(self._told_at(conn, situation), _confirmed_at(facts, now))
        if not decision.allowed or not wanted_at:
            return None
        # the lock reads plates for leases that it has a grant for, and that takes the same depth
        deep = facts.confirmations >= facts.required
        reason = None if deep else ReasonCode.LEASE_SHALLOW.value
        state = "eligible" if deep else "observed"
        return _wish(situation, "camera_on", state, reason, wanted_at)

    def _lower(self, conn: Connection, situation: Situation, now: int) -> Wish | None:
        facts = situation.facts
        wanted_at = _confirmed_at(facts, now)
        if now - wanted_at > _LIMITS.fresh_seconds:
            if not facts.flags & FLAG_CONFIRM:
                wanted_at = self._told_at(conn, situation)
            elif not self._may_leave(conn, situation):
                return None  # without the driver's word there is nothing to wait for
        if facts.position is Position.UNLOCKED or not wanted_at:
            return None
        decision = situation.unlock()
        deep = facts.confirmations >= facts.required
        state = "eligible" if decision.allowed else "confirmed" if deep else "observed"
        reason = None if decision.allowed else decision.codes[0].value
        return _wish(situation, "lower", state, reason, wanted_at, decision.as_json())

    @staticmethod
    def _may_leave(conn: Connection, situation: Situation) -> bool:
        """Is there a command that a former yes may let go? Then it is judged on."""
        row = commands.find(conn, situation.lease["lease_id"], situation.cycle, "lower")
        return row is not None and row["state"] == "eligible"

    def _told_at(self, conn: Connection, situation: Situation) -> int:
        """When the driver's terminal last said that it is there, 0 = not in this cycle."""
        about = {"lease": situation.lease["lease_id"], "since": situation.lock["cycle_at"]}
        return conn.execute(_TOLD_AT, about).scalar_one() or 0

    def _open_bar(self, conn: Connection, found: Agenda, lock: Row, now: int) -> None:
        """A bar that stays down, or half way, though nobody is there and no lease asks for it."""
        lease_id = lock["lowered_for"] or self._last_lease(conn, lock["lock_id"])
        if lease_id is None:
            return
        if lock["fault"] in _IN_HAND:
            if commands.waits(conn, lease_id, "raise"):
                found.held.append(lease_id)
            return
        lease = lease_row(conn, lease_id)
        over = lease is None or (
            not LeaseState(lease["state"]).is_open
            and (lease["closed_at"] or now) + _RAISE_AFTER <= now
        )
        if lock["occupied"] and not (over and _long_over(lease, now)):
            return
        if not over and lock["interrupted"] is None and not _in_the_way(conn, lease, now):
            return
        if not over and _comes_down(conn, found, lease_id, lock):
            return  # the driver's word still holds: what a power cut stopped is done again
        # Also where the next driver is due: a bar that is down for one serves no other. It comes
        # up, unless somebody stands over it, and then goes down for them.
        wanted_at = now - _RAISE_AGAIN
        found.wishes.append(
            Wish(lease_id, lock["lock_id"], lock["cycle"], "raise", "eligible", None, wanted_at)
        )

    def _last_lease(self, conn: Connection, lock_id: str) -> str | None:
        return conn.execute(_LAST_LEASE, {"lock": lock_id}).scalar_one_or_none()


def _long_over(lease: Row | None, now: int) -> bool:
    return lease is not None and (lease["closed_at"] or now) + _WORD_LOST <= now


def _in_the_way(conn: Connection, lease: Row | None, now: int) -> bool:
    """Is the bar down for a driver who never came, whose time is over, while another one is due?
    They need not wait until the lock gives up waiting by itself."""
    if lease is None or slot_start(lease["end_slot"]) > now or lease["arrived"]:
        return False
    if first(conn, _SIGNED, lease=lease["lease_id"]) is not None:
        return False  # it came, and its leaving is the lock's to see
    current = current_lease(conn, lease["space_id"], now)
    return current is not None and current["lease_id"] != lease["lease_id"]


def _confirmed_at(facts: Facts, now: int) -> int:
    """When the driver gave the word, 0 = not yet. One dated ahead is given at its moment: before,
    no command's end would be the answer to it, and it would lead to one after the other."""
    at = facts.confirmed_at or 0
    return at if at <= now else 0


def _looks_for(conn: Connection, situation: Situation) -> bool:
    """Does the camera look for this very lease? One that is on may look for a former driver's yet,
    whose plate is all that it compares with."""
    if not situation.lock["camera"]:
        return False
    told = first(conn, _CAMERA_OF, lock=situation.lock_id)
    return told == {"lease_id": situation.lease["lease_id"], "outcome": "done"}


def _comes_down(conn: Connection, found: Agenda, lease_id: str, lock: Row) -> bool:
    """Is the bar on its way down for this lease, or about to be?"""
    row = commands.find(conn, lease_id, lock["cycle"], "lower")
    if row is not None and row["state"] in ("eligible", *commands.UNDER_WAY):
        return True
    return any(
        (wish.lease_id, wish.action, wish.state) == (lease_id, "lower", "eligible")
        and _changes(conn, wish)
        for wish in found.wishes
    )


def _lacks_one_block(situation: Situation) -> bool:
    """Nothing but a single block stands between the driver and the bar?"""
    shallow = situation.unlock().codes == [ReasonCode.LEASE_SHALLOW]
    return shallow and situation.facts.required - situation.facts.confirmations == 1


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
        return not commands.answers(conn, row, wish.wanted_at)
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
def alone(what: str, which: str) -> Iterator[None]:
    """Whatever is wrong with one lease or lock must not hold up all others; what is wrong with the
    database does."""
    try:
        yield
    except OUTAGE:
        raise
    except Exception:
        _log.exception("plan failed", **{what: which})
