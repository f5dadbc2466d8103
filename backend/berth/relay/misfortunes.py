"""Incidents of commands: a lease that was paid for and not served has one that says why."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from berth.core.ids import parse_lease, space_hex, split_lease
from berth.relay.audience import current_lease, lease_row
from berth.relay.rows import Row
from berth.store.incidents import ITSELF, open_again, open_incident, settle_incidents

UNSERVED = "lease.unserved"
JAMMED = "lock.jammed"


def unserved(conn: Connection, command: Row, now: int) -> None:
    """The driver was there, and the bar did not go down as far as we know."""
    facts: dict[str, Any] = {
        "state": command["state"],
        "attempts": command["attempts"],
        "published": command["published_at"] is not None,
        "cycle": command["cycle"],
    }
    open_incident(
        conn,
        UNSERVED,
        f"{UNSERVED}:{command['id']}",
        command["reason"] or "command.expired",
        now=now,
        lease_id=command["lease_id"],
        space_id=space_of(command["lease_id"]),
        lock_id=command["lock_id"],
        command_id=command["id"],
        facts=facts,
    )


def was_served(conn: Connection, command: Row, now: int) -> None:
    """The bar went down for the lease after all: what was open for it is settled."""
    words = f"the bar went down, command {command['id']}"
    settle_incidents(conn, now, words, ITSELF, lease_id=command["lease_id"], kind=UNSERVED)


def refused_evidence(conn: Connection, record: Row, reason: str, now: int) -> None:
    """The contract did not want what a lock signed: the stay will be settled without it. Of leases
    that never were a lock has one incident, whatever it invents."""
    known = lease_row(conn, record["lease_id"]) is not None
    which = f"{record['lease_id']}:{record['kind']}" if known else f"unknown:{record['lock_id']}"
    open_incident(
        conn,
        "evidence.refused",
        f"evidence.refused:{which}",
        "evidence.refused",
        now=now,
        lease_id=record["lease_id"],
        space_id=space_of(record["lease_id"]),
        lock_id=record["lock_id"],
        facts={"kind": record["kind"], "why": reason[:200]},
    )


def jammed_or_not(conn: Connection, lock: Row, now: int) -> None:
    """The bar's position has changed: one that sticks while a lease is on is an incident until it
    moves again, and the same one when it sticks again."""
    key = f"{JAMMED}:{lock['lock_id']}"
    if lock["position"] != "JAMMED":
        if lock["position"] in ("LOCKED", "UNLOCKED"):
            settle_incidents(conn, now, f"the bar is {lock['position']}", ITSELF, key=key)
        return
    lease = current_lease(conn, lock["space_id"], now) if lock["space_id"] else None
    if lease is not None:
        open_again(
            conn,
            JAMMED,
            key,
            JAMMED,
            now=now,
            lease_id=lease["lease_id"],
            space_id=lock["space_id"],
            lock_id=lock["lock_id"],
            facts={"fault": lock["fault"], "occupied": bool(lock["occupied"])},
        )


def space_of(lease_id: str) -> str:
    """The space that a lease's id names."""
    return space_hex(split_lease(parse_lease(lease_id))[0])
