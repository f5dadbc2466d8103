"""Work shared by several relays: a row is somebody's until a moment of the database's own clock.

No leader is elected. Whoever claims a row raises its `term`; every later write names that term, so
that one who slept past his time changes nothing when he wakes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, func, or_, select, update

from berth.relay.rows import Row, every

#: How long a claim lasts, seconds of the database's clock.
CLAIM_SECONDS = 30


def database_now(conn: Connection) -> int:
    """Unix seconds by the database's clock: one clock for all relays."""
    if conn.dialect.name == "sqlite":
        return int(conn.execute(select(func.unixepoch())).scalar_one())
    return int(conn.execute(select(func.floor(func.extract("epoch", func.now())))).scalar_one())


@dataclass(frozen=True)
class Claim:
    """A row of `commands` that is ours while nobody raises its term."""

    row: Row
    worker: str
    term: int

    @property
    def id(self) -> str:
        return str(self.row["id"])


def claim_rows(
    conn: Connection, table: Table, worker: str, ready: ColumnElement[bool], limit: int
) -> list[Claim]:
    """Takes rows that are `ready`, or whose claim has run out. Their state becomes "claimed"."""
    now = database_now(conn)
    lapsed = (table.c.state == "claimed") & (table.c.claimed_until < now)
    query = (
        select(table)
        .where(or_(ready & (table.c.next_at <= now), lapsed))
        .order_by(table.c.created_at, table.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claims = []
    for row in every(conn, query):
        term = row["term"] + 1
        taken = conn.execute(
            update(table)
            .where(table.c.id == row["id"], table.c.term == row["term"])
            .values(
                state="claimed", term=term, claimed_by=worker, claimed_until=now + CLAIM_SECONDS
            )
        )
        if taken.rowcount == 1:
            claims.append(Claim({**row, "term": term}, worker, term))
    return claims


def write_claimed(conn: Connection, table: Table, claim: Claim, **values: Any) -> bool:
    """Changes a claimed row; False, and nothing changed, when the claim is no longer ours."""
    changed = conn.execute(
        update(table)
        .where(
            table.c.id == claim.id,
            table.c.term == claim.term,
            table.c.claimed_by == claim.worker,
            table.c.state == "claimed",
            table.c.claimed_until >= database_now(conn),
        )
        .values(**values)
    )
    return changed.rowcount == 1
