"""What locks answer to tickets: a word counts for the command that it names, of the lock that says
it, once a ticket of it has left. Any other word moves nothing, and is an incident: a lock that
answers what it was not told is broken, or not what it seems."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select, update

from berth.core import telemetry
from berth.relay.audience import space_of_lock
from berth.relay.command_states import OVER, UNDER_WAY
from berth.relay.commands import MOVE_SECONDS, again, move
from berth.relay.misfortunes import was_served
from berth.relay.rows import Row, first
from berth.store.clock import database_now
from berth.store.incidents import open_incident
from berth.store.kept import commands

#: Refusals that a fresh nonce, or the grant sent again, mends.
_TRY_AGAIN = frozenset(
    {"ticket.nonce", "ticket.boot", "ticket.replayed", "ticket.expired", "bar.moving"}
)
_SEND_GRANT = "grant.missing"
#: A lock whose clock is behind ours: the leased time begins there, too, in a moment.
_EARLY = "grant.early"


def answered(
    conn: Connection, lock_id: str, command_id: str, outcome: str, reason: str | None, now: int
) -> str | None:
    """The lock's word on a command. Said twice, or too late, it moves nothing; None, or why it does
    not count: ack.unknown, ack.other_lock, ack.unpublished."""
    row = first(conn, select(commands).where(commands.c.id == command_id))
    refusal = _refusal(row, lock_id)
    if row is None or refusal is not None:
        _incident(conn, lock_id, command_id, outcome, refusal or "ack.unknown", row, now)
        return refusal
    moment = database_now(conn)
    conn.execute(
        update(commands)
        .where(commands.c.id == command_id)
        .values(outcome=outcome, outcome_at=moment)
    )
    if row["state"] in OVER:
        if row["state"] in ("expired", "dead") and (row["action"], outcome) == ("lower", "done"):
            was_served(conn, row, now)
        return None
    _apply(conn, row, outcome, reason, moment, now)
    return None


def _apply(
    conn: Connection, row: Row, outcome: str, reason: str | None, moment: int, now: int
) -> None:
    moving = row["state"] == "acknowledged"
    if outcome == "accepted":
        if not moving and not _other_under_way(conn, row):
            # the claim of whoever was about to send it again is void
            news = {"claimed_until": moment + MOVE_SECONDS, "term": row["term"] + 1}
            move(conn, row, "acknowledged", now, reason=None, **news)
    elif outcome == "done":
        move(conn, row, "done", now, reason=None, term=row["term"] + 1)
        took = max(0, moment - row["published_at"])
        telemetry.COMMAND_SECONDS.labels(row["action"], "done").observe(took)
    elif row["state"] != "published" and not moving:
        # a refusal of a former ticket; the next one is on its way already
        return
    elif outcome == "refused" and reason in _TRY_AGAIN and not moving:
        again(conn, row, moment, now, 1, str(reason))
    elif outcome == "refused" and reason == _SEND_GRANT and not moving:
        again(conn, row, moment, now, 2, _SEND_GRANT)
    elif outcome == "refused" and reason == _EARLY and not moving:
        again(conn, row, moment, now, 1 << row["attempts"], _EARLY)
    else:
        move(conn, row, "dead", now, reason=reason or outcome)


def _other_under_way(conn: Connection, row: Row) -> bool:
    """Is another command of the lock under way? Then the one that was set back waits on, and the
    lock's last word on it counts: a lock has one under way at a time."""
    query = select(commands.c.id).where(
        commands.c.lock_id == row["lock_id"],
        commands.c.id != row["id"],
        commands.c.state.in_(UNDER_WAY),
    )
    return first(conn, query.limit(1)) is not None


def _refusal(row: Row | None, lock_id: str) -> str | None:
    if row is None:
        return "ack.unknown"
    if row["lock_id"] != lock_id:
        return "ack.other_lock"
    return "ack.unpublished" if row["published_at"] is None else None


def _incident(
    conn: Connection,
    lock_id: str,
    command_id: str,
    outcome: str,
    reason: str,
    row: Row | None,
    now: int,
) -> None:
    facts: dict[str, Any] = {"outcome": outcome}
    if row is not None:
        facts |= {"ofLock": row["lock_id"], "state": row["state"], "action": row["action"]}
    open_incident(
        conn,
        "device.ack",
        # one for a lock and reason: a lock that babbles fills no table
        f"device.ack:{lock_id}:{reason}",
        reason,
        now=now,
        lease_id=None if row is None or row["lock_id"] != lock_id else row["lease_id"],
        space_id=space_of_lock(conn, lock_id),
        lock_id=lock_id,
        command_id=command_id,
        facts=facts,
    )
