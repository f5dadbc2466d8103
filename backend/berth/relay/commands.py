"""Commands to locks: rows that live from a driver's wish to the lock's last word.

observed → confirmed (deep enough) → eligible (the policy allows it) → claimed → published →
acknowledged (journaled by the lock) → done; or expired, cancelled, dead. One row for each lease,
cycle and action. Sending is repeated until the lock answers; moving is not: every ticket of a row
carries the row's id, and a lock obeys an id once.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any, Literal

from sqlalchemy import Connection, delete, insert, select, update

from berth.core.ids import parse_lease, split_lease
from berth.relay.audience import tell_lease
from berth.relay.claims import database_now
from berth.relay.rows import Row, every, first
from berth.store.kept import commands

Action = Literal["camera_on", "lower", "raise", "camera_off"]

WAITING = ("observed", "confirmed", "eligible")
ALIVE = (*WAITING, "claimed", "published", "acknowledged")
OVER = ("done", "expired", "cancelled", "dead")
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
#: Refusals that a fresh nonce, or the grant sent again, mends.
_TRY_AGAIN = frozenset(
    {"ticket.nonce", "ticket.boot", "ticket.replayed", "ticket.expired", "bar.moving"}
)
_SEND_GRANT = "grant.missing"


def find(conn: Connection, lease_id: str, cycle: int, action: Action) -> Row | None:
    """The command for a lease, cycle and action."""
    query = select(commands).where(
        commands.c.lease_id == lease_id, commands.c.cycle == cycle, commands.c.action == action
    )
    return first(conn, query)


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
    was answered after `wanted_at` (Unix seconds).

    A command that ended before the wish makes room for a new one, with a new id: the lock takes it
    for what it is, another command.
    """
    row = find(conn, lease_id, cycle, action)
    if row is not None:
        if row["state"] in WAITING:
            return row
        if row["state"] not in OVER or row["updated_at"] >= wanted_at:
            return None
        conn.execute(delete(commands).where(commands.c.id == row["id"]))
    values = {
        "id": str(uuid.uuid4()),
        "lock_id": lock_id,
        "lease_id": lease_id,
        "epoch": split_lease(parse_lease(lease_id))[2],
        "cycle": cycle,
        "action": action,
        "state": "observed",
        "created_at": now,
        "expires_at": now + LIFETIMES[action],
        "updated_at": now,
    }
    conn.execute(insert(commands).values(values))
    return find(conn, lease_id, cycle, action)


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
    values: dict[str, Any] = {"state": state, "reason": reason, "updated_at": now}
    if facts is not None:
        values["facts_json"] = json.dumps(facts, separators=(",", ":"), sort_keys=True)
    changed = conn.execute(
        update(commands)
        .where(commands.c.id == row["id"], commands.c.state == row["state"])
        .values(values)
    )
    if changed.rowcount == 1:
        _tell(conn, {**row, **values}, now)


def answered(
    conn: Connection, lock_id: str, command_id: str, outcome: str, reason: str | None, now: int
) -> None:
    """The lock's word on a command. Said twice, or too late, it changes nothing."""
    query = select(commands).where(commands.c.id == command_id, commands.c.lock_id == lock_id)
    row = first(conn, query)
    if row is None or row["state"] in OVER:
        return
    moment = database_now(conn)
    values: dict[str, Any]
    if outcome == "accepted":
        values = {"state": "acknowledged", "claimed_until": moment + MOVE_SECONDS}
    elif outcome == "done":
        values = {"state": "done", "reason": None}
    elif outcome == "refused" and reason in _TRY_AGAIN and row["state"] != "acknowledged":
        values = _again(row, moment, 1, str(reason))
    elif outcome == "refused" and reason == _SEND_GRANT:
        values = _again(row, moment, 2, str(reason))
    else:
        values = {"state": "dead", "reason": reason or outcome}
    conn.execute(
        update(commands)
        .where(commands.c.id == command_id, commands.c.state == row["state"])
        .values(**values, updated_at=now)
    )
    _tell(conn, {**row, **values}, now)


def sweep(conn: Connection, now: int) -> None:
    """Ends commands that nobody wants any more, and sends again what was not answered in time."""
    moment = database_now(conn)
    late = select(commands).where(commands.c.state.in_(WAITING), commands.c.expires_at <= now)
    for row in every(conn, late):
        advance(conn, row, "expired", now, reason=row["reason"])
    silent = select(commands).where(
        commands.c.state.in_(("published", "acknowledged")), commands.c.claimed_until < moment
    )
    for row in every(conn, silent):
        if row["state"] == "acknowledged":
            values: dict[str, Any] = {"state": "dead", "reason": "lock.no_outcome"}
        else:
            values = _again(row, moment, 0, "lock.no_answer")
            if row["expires_at"] <= now:
                values = {"state": "expired", "reason": "lock.no_answer"}
        conn.execute(
            update(commands)
            .where(commands.c.id == row["id"], commands.c.state == row["state"])
            .values(**values, updated_at=now)
        )
        _tell(conn, {**row, **values}, now)


def cancel_waiting(conn: Connection, lease_id: str, now: int, reason: str) -> None:
    """Nothing of a lease that was not published yet goes out any more."""
    query = select(commands).where(
        commands.c.lease_id == lease_id, commands.c.state.in_((*WAITING, "claimed"))
    )
    for row in every(conn, query):
        # A higher term: whoever has claimed it finds that it is no longer his.
        conn.execute(
            update(commands)
            .where(commands.c.id == row["id"])
            .values(state="cancelled", reason=reason, term=commands.c.term + 1, updated_at=now)
        )
        _tell(conn, {**row, "state": "cancelled", "reason": reason}, now)


def acted_on(conn: Connection, lease_id: str) -> bool:
    """Has a lock been told to lower its bar for this lease?"""
    query = select(commands.c.id).where(
        commands.c.lease_id == lease_id,
        commands.c.action == "lower",
        commands.c.state.in_(("published", "acknowledged", "done")),
    )
    return conn.execute(query.limit(1)).first() is not None


def _again(row: Row, moment: int, pause: int, reason: str) -> dict[str, Any]:
    attempts = row["attempts"] + 1
    if attempts >= MAX_ATTEMPTS:
        return {"state": "dead", "reason": reason, "attempts": attempts}
    return {"state": "eligible", "attempts": attempts, "next_at": moment + pause, "reason": reason}


def _tell(conn: Connection, row: Row, now: int) -> None:
    payload: dict[str, Any] = {
        "action": row["action"],
        "state": row["state"],
        "reason": row["reason"],
        "cycle": row["cycle"],
    }
    if row.get("facts_json"):
        payload["decision"] = json.loads(row["facts_json"])
    tell_lease(conn, "lock.command", row["lease_id"], payload, now)
