"""Dead letters: what was given up, listed and tried again by an operator.

A retry is a new wish, not an order: another command, with an id of its own, that the policy judges
anew. It brings nothing back to life for a lease that is over.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, or_, select, update

from berth.core.errors import BerthError
from berth.core.slots import slot_start
from berth.core.states import LeaseState
from berth.relay.audience import lease_row, space_of_lock
from berth.relay.command_states import ALIVE, OVER, STATES
from berth.relay.commands import Action, advance, find, make
from berth.relay.rows import Row, every, first
from berth.store.incidents import settle_incidents
from berth.store.kept import commands, lock_states, outbox

#: What an operator looks for when no states are named.
GIVEN_UP = ("dead", "expired")


@dataclass(frozen=True, slots=True)
class Letter:
    """A command. Times are Unix seconds UTC; `outcome` is the lock's last word."""

    id: str
    lock_id: str
    lease_id: str
    cycle: int
    action: str
    state: str
    reason: str | None
    facts: dict[str, Any]
    attempts: int
    published: bool
    outcome: str | None
    retry_of: str | None
    created_at: int
    expires_at: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class Undelivered:
    """An outbox row that was given up. `created_at` in Unix seconds."""

    id: int
    kind: str
    lease_id: str | None
    reason: str | None
    attempts: int
    block: int
    created_at: int


def list_commands(
    conn: Connection,
    *,
    states: tuple[str, ...] = GIVEN_UP,
    lease_id: str | None = None,
    after: tuple[int, str] | None = None,
    limit: int = 100,
) -> list[Letter]:
    """The newest first; `after` = (updated_at, id) of the last one seen. Raises BerthError
    command.state for a state that no command has."""
    for state in states:
        if state not in STATES:
            message = f"{state!r} is none of {', '.join(STATES)}"
            raise BerthError("command.state", message, field="state", status=422, exit_code=2)
    query = select(commands).where(commands.c.state.in_(states))
    if lease_id is not None:
        query = query.where(commands.c.lease_id == lease_id)
    if after is not None:
        moment, last = after
        query = query.where(
            or_(
                commands.c.updated_at < moment,
                and_(commands.c.updated_at == moment, commands.c.id < last),
            )
        )
    query = query.order_by(commands.c.updated_at.desc(), commands.c.id.desc()).limit(limit)
    return [_letter(row) for row in every(conn, query)]


def retry_command(conn: Connection, command_id: str, now: int) -> Letter:
    """Makes another command of one that was given up. Raises BerthError: command.unknown (404),
    command.not_over, command.done, command.lease_over, command.cycle, command.replaced (409)."""
    row = first(conn, select(commands).where(commands.c.id == command_id))
    if row is None:
        raise BerthError("command.unknown", "there is no such command", field="id", status=404)
    _check_retry(conn, row, now)
    action: Action = row["action"]
    made = make(
        conn,
        row["lease_id"],
        row["lock_id"],
        row["cycle"],
        action,
        now=now,
        retry_of=row["id"],
    )
    if made is None:
        raise _no("command.replaced", "another command for the same has been made already")
    advance(conn, made, "observed", now, reason="operator.retry")
    return _letter({**made, "reason": "operator.retry"})


def list_undelivered(conn: Connection, limit: int = 100) -> list[Undelivered]:
    """Outbox rows that were given up, the newest first."""
    query = select(outbox).where(outbox.c.state == "dead").order_by(outbox.c.id.desc()).limit(limit)
    return [_undelivered(row) for row in every(conn, query)]


def retry_undelivered(conn: Connection, row_id: int, now: int) -> Undelivered:
    """Has a dead outbox row tried again, from the beginning. It only makes the tables follow the
    chain as it is now, so it cannot open anything for a lease that is over. Raises BerthError:
    outbox.unknown (404), outbox.not_dead (409)."""
    row = first(conn, select(outbox).where(outbox.c.id == row_id))
    if row is None:
        raise BerthError("outbox.unknown", "there is no such row", field="id", status=404)
    changed = conn.execute(
        update(outbox)
        .where(outbox.c.id == row_id, outbox.c.state == "dead")
        .values(state="new", attempts=0, next_at=0, term=outbox.c.term + 1)
    )
    if not changed.rowcount:
        raise BerthError(
            "outbox.not_dead", "is {state}, not dead", field="id", status=409, state=row["state"]
        )
    settle_incidents(conn, now, "tried again", "operator", key=f"outbox.dead:{row_id}")
    return _undelivered(row)


def _check_retry(conn: Connection, row: Row, now: int) -> None:
    if row["state"] in ALIVE:
        raise _no("command.not_over", "is {state}: it is still at work", row["state"])
    if row["state"] not in ("dead", "expired"):
        raise _no("command.done", "is {state}: there is nothing to try again", row["state"])
    newest = find(conn, row["lease_id"], row["cycle"], row["action"])
    if newest is None or newest["id"] != row["id"] or newest["state"] not in OVER:
        raise _no("command.replaced", "another command for the same has been made already")
    lock = first(conn, select(lock_states).where(lock_states.c.lock_id == row["lock_id"]))
    if lock is None or lock["cycle"] != row["cycle"]:
        raise _no("command.cycle", "the vehicle that it was for has been and gone")
    if row["action"] in ("raise", "camera_off"):
        return  # takes away only, and never under a vehicle
    lease = lease_row(conn, row["lease_id"])
    if lease is None:
        raise _no("command.lease_over", "its lease is not in the chain")
    if not LeaseState(lease["state"]).is_open or slot_start(lease["end_slot"]) <= now:
        raise _no("command.lease_over", "its lease is over")
    if space_of_lock(conn, row["lock_id"]) != lease["space_id"]:
        raise _no("command.lease_over", "its lease's space has another lock now")


def _letter(row: Row) -> Letter:
    return Letter(
        id=row["id"],
        lock_id=row["lock_id"],
        lease_id=row["lease_id"],
        cycle=row["cycle"],
        action=row["action"],
        state=row["state"],
        reason=row["reason"],
        facts=json.loads(row["facts_json"]) if row["facts_json"] else {},
        attempts=row["attempts"],
        published=row["published_at"] is not None,
        outcome=row["outcome"],
        retry_of=row["retry_of"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        updated_at=row["updated_at"],
    )


def _undelivered(row: Row) -> Undelivered:
    return Undelivered(
        id=row["id"],
        kind=row["kind"],
        lease_id=row["lease_id"],
        reason=row["reason"],
        attempts=row["attempts"],
        block=row["created_block"],
        created_at=row["created_at"],
    )


def _no(code: str, why: str, state: str = "") -> BerthError:
    return BerthError(code, why, field="id", status=409, state=state)
