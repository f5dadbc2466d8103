"""Commands to locks: rows that live from a driver's wish to the lock's last word.

At most one row of a lease, cycle and action is not over; former ones stay on record. Sending is
repeated until the lock answers; moving is not: every ticket of a row carries the row's id, and a
lock obeys an id once. All changes of state go through `move`, which knows the legal ones.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any, Literal

from sqlalchemy import Connection, and_, bindparam, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from berth.core.ids import parse_lease, split_lease
from berth.relay.audience import tell_lease
from berth.relay.claims import FREE
from berth.relay.command_states import ALIVE, OVER, UNDER_WAY, WAITING, require_legal
from berth.relay.misfortunes import unserved, was_served
from berth.relay.rows import Row, every, first
from berth.store.clock import database_now, moment
from berth.store.kept import commands

__all__ = ["ALIVE", "OVER", "UNDER_WAY", "WAITING", "Action", "find", "move", "sweep", "want"]

Action = Literal["camera_on", "lower", "raise", "camera_off"]

#: How long a command stays wanted, seconds of the clock.
LIFETIMES: Mapping[Action, int] = {
    "camera_on": 300,
    "lower": 120,
    "raise": 3600,
    "camera_off": 300,
}
#: How long a lock may take to answer a ticket, and to move, seconds of the database's clock.
ANSWER_SECONDS = 15
MOVE_SECONDS = 120
MAX_ATTEMPTS = 6

_FIND = (
    select(commands)
    .where(
        commands.c.lease_id == bindparam("lease"),
        commands.c.cycle == bindparam("of_cycle"),
        commands.c.action == bindparam("which"),
    )
    .order_by(
        commands.c.state.in_(OVER),
        commands.c.created_at.desc(),
        commands.c.updated_at.desc(),
        commands.c.id,
    )
    .limit(1)
)
_OF_ID = select(commands).where(commands.c.id == bindparam("command"))
_RETRIES = (
    select(commands.c.id)
    .where(commands.c.lease_id == bindparam("lease"), commands.c.retry_of == bindparam("command"))
    .limit(1)
)
_MOVE = update(commands).where(
    commands.c.id == bindparam("the_id"),
    commands.c.state == bindparam("the_state"),
    commands.c.term == bindparam("the_term"),
)
_LATE = (
    select(commands.c.id)
    .where(
        or_(
            and_(commands.c.state.in_(WAITING), commands.c.expires_at <= bindparam("at")),
            and_(commands.c.state.in_(UNDER_WAY), commands.c.claimed_until < moment()),
        )
    )
    .limit(1)
)


def find(conn: Connection, lease_id: str, cycle: int, action: Action) -> Row | None:
    """The command for a lease, cycle and action: the one that is not over, else the newest."""
    return first(conn, _FIND, lease=lease_id, of_cycle=cycle, which=action)


def of_id(conn: Connection, command_id: str) -> Row | None:
    """The command with this id."""
    return first(conn, _OF_ID, command=command_id)


def want(
    conn: Connection,
    lease_id: str,
    lock_id: str,
    cycle: int,
    action: Action,
    *,
    now: int,
    wanted_at: int,
) -> Row | None:
    """The waiting command for this wish, made where there is none; None when it is under way or
    was answered (see `answers`).

    A command that ended before the wish is followed by a new one, with a new id: the lock takes it
    for what it is, another command.
    """
    row, retry_of = find(conn, lease_id, cycle, action), None
    if row is not None:
        if row["state"] in WAITING:
            return row
        if row["state"] not in OVER or answers(conn, row, wanted_at):
            return None
        if row["updated_at"] >= wanted_at:
            retry_of = row["id"]  # the same wish has another go
    return make(conn, lease_id, lock_id, cycle, action, now=now, retry_of=retry_of)


def answers(conn: Connection, row: Row, wanted_at: int) -> bool:
    """Is the end of a command the answer to what was wanted at `wanted_at` (Unix seconds)? Not
    where the lock's power went while it moved the bar: the wish has another go then, one."""
    if row["updated_at"] < wanted_at:
        return False
    cut_short = row["action"] in ("lower", "raise") and row["outcome"] == "interrupted"
    if not cut_short or row["state"] != "dead" or row["retry_of"] is not None:
        return True
    return first(conn, _RETRIES, command=row["id"], lease=row["lease_id"]) is not None


def make(
    conn: Connection,
    lease_id: str,
    lock_id: str,
    cycle: int,
    action: Action,
    *,
    now: int,
    retry_of: str | None = None,
) -> Row | None:
    """A new command, observed; None when another relay was faster."""
    values = {
        "id": str(uuid.uuid4()),
        "lock_id": lock_id,
        "lease_id": lease_id,
        "epoch": split_lease(parse_lease(lease_id))[2],
        "cycle": cycle,
        "action": action,
        "state": "observed",
        "retry_of": retry_of,
        "created_at": now,
        "expires_at": now + LIFETIMES[action],
        "updated_at": now,
    }
    insert = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    statement = insert(commands).values(values).on_conflict_do_nothing().returning(commands)
    return first(conn, statement)


def move(conn: Connection, row: Row, state: str, now: int, **values: Any) -> bool:
    """Brings a command from the state that `row` has into another one, and tells the parties.

    False, and nothing changed, when it is no longer in that state, or another relay's meanwhile.
    Raises BerthError command.transition for a step that does not exist.
    """
    require_legal(row["state"], state)
    news = {**({} if state in UNDER_WAY else FREE), **values, "state": state, "updated_at": now}
    former = {"the_id": row["id"], "the_state": row["state"], "the_term": row["term"]}
    if conn.execute(_MOVE, {**news, **former}).rowcount != 1:
        return False
    after_move(conn, {**row, **news}, now)
    return True


def after_move(conn: Connection, row: Row, now: int) -> None:
    """What follows from a command's new state: screens, and incidents where it ended badly."""
    tell(conn, row, now)
    if row["action"] != "lower":
        return
    if row["state"] in ("expired", "dead"):
        unserved(conn, row, now)
    elif row["state"] == "done":
        was_served(conn, row, now)


def advance(
    conn: Connection,
    row: Row,
    state: str,
    now: int,
    *,
    reason: str | None = None,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Moves a waiting command on (or back); tells the parties when it or its reason changed."""
    if (row["state"], row["reason"]) == (state, reason):
        return
    values: dict[str, Any] = {"reason": reason}
    if facts is not None:
        values["facts_json"] = json.dumps(facts, separators=(",", ":"), sort_keys=True)
    if row["state"] != state:
        move(conn, row, state, now, **values)
        return
    changed = conn.execute(
        update(commands)
        .where(commands.c.id == row["id"], commands.c.state == state)
        .values(**values, updated_at=now)
    )
    if changed.rowcount == 1:
        tell(conn, {**row, **values}, now)


def waits(conn: Connection, lease_id: str, action: Action) -> bool:
    """Does such a command of the lease wait?"""
    query = select(commands.c.id).where(
        commands.c.lease_id == lease_id,
        commands.c.action == action,
        commands.c.state.in_((*WAITING, "claimed")),
    )
    return first(conn, query.limit(1)) is not None


def anything_late(conn: Connection, now: int) -> bool:
    """Is there something for `sweep` to do?"""
    return first(conn, _LATE, at=now) is not None


def sweep(conn: Connection, now: int) -> None:
    """Ends commands that nobody wants any more, gives back what a relay died over, and sends again
    what was not answered in time."""
    late = select(commands).where(commands.c.state.in_(WAITING), commands.c.expires_at <= now)
    for row in every(conn, late.order_by(commands.c.id)):
        move(conn, row, "expired", now)
    at = database_now(conn)
    silent = select(commands).where(
        commands.c.state.in_(UNDER_WAY), commands.c.claimed_until < moment()
    )
    for row in every(conn, silent.order_by(commands.c.id)):
        if row["state"] == "acknowledged":
            move(conn, row, "dead", now, reason="lock.no_outcome")
        elif row["expires_at"] <= now:
            reason = row["reason"] if row["state"] == "claimed" else "lock.no_answer"
            move(conn, row, "expired", now, reason=reason)
        elif row["state"] == "claimed":
            # a higher term: whoever slept over it finds that it is no longer his
            move(conn, row, "eligible", now, term=row["term"] + 1)
        else:
            again(conn, row, at, now, 0, "lock.no_answer")


def cancel_waiting(
    conn: Connection, lease_id: str, now: int, reason: str, action: Action | None = None
) -> None:
    """Nothing of a lease that was not published yet goes out any more."""
    query = select(commands).where(
        commands.c.lease_id == lease_id, commands.c.state.in_((*WAITING, "claimed"))
    )
    if action is not None:
        query = query.where(commands.c.action == action)
    for row in every(conn, query):
        # a higher term: whoever has claimed it finds that it is no longer his
        move(conn, row, "cancelled", now, reason=reason, term=row["term"] + 1)


def acted_on(conn: Connection, lease_id: str) -> bool:
    """May a lock have lowered its bar for this lease?"""
    query = select(commands.c.id).where(
        commands.c.lease_id == lease_id,
        commands.c.action == "lower",
        commands.c.published_at.is_not(None),
    )
    return conn.execute(query.limit(1)).first() is not None


def again(conn: Connection, row: Row, at: int, now: int, pause: int, reason: str) -> None:
    """To be sent again `pause` seconds after `at` (the database's clock), unless it was tried often
    enough."""
    attempts = row["attempts"] + 1
    if attempts >= MAX_ATTEMPTS:
        move(conn, row, "dead", now, reason=reason, attempts=attempts)
    else:
        news = {"attempts": attempts, "next_at": at + pause, "reason": reason}
        move(conn, row, "eligible", now, **news)


def tell(conn: Connection, row: Row, now: int) -> None:
    """Shows a command as it is now to both parties of its lease."""
    payload: dict[str, Any] = {
        "action": row["action"],
        "state": row["state"],
        "reason": row["reason"],
        "cycle": row["cycle"],
    }
    if row.get("facts_json"):
        payload["decision"] = json.loads(row["facts_json"])
    tell_lease(conn, "lock.command", row["lease_id"], payload, now)
