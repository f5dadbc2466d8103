"""What waits, what was given up, what went wrong: the tables of relay and keeper, counted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Column, ColumnElement, Connection, Table, and_, func, or_, select

from berth.core.money import parse_minor
from berth.store.clock import database_now
from berth.store.events import REORG
from berth.store.kept import (
    commands,
    events,
    evidence,
    incidents,
    outbox,
    sent_transactions,
)
from berth.store.roles import Role, present

#: A command is under way in these states, and must move on before its `claimed_until`.
UNDER_WAY = ("claimed", "published", "acknowledged")
#: Without these nothing gets on.
ROLES = frozenset({"indexer", "relay", "keeper"})
_DAY = 24 * 3600


@dataclass(frozen=True, slots=True)
class Reorgs:
    """Reorgs since the index was made: how many, the deepest in blocks, and when the last was told
    (Unix seconds UTC, None = never)."""

    count: int
    deepest: int
    last_at: int | None


@dataclass(frozen=True, slots=True)
class Sent:
    """A transaction of our own. `at`: Unix seconds UTC when it was signed."""

    purpose: str
    tx_hash: str
    state: str
    at: int


@dataclass(frozen=True)
class Work:
    """Rows by state. Ages in seconds by the database's clock, `now`; `spent` in wei of today (UTC)
    by the key that spent most, for what may be spent is a bound of each: what was paid, and what is
    out may cost at most."""

    now: int
    outbox: Mapping[str, int]
    outbox_age: int
    commands: Mapping[tuple[str, str], int]
    commands_late: int
    evidence: Mapping[str, int]
    evidence_age: int
    transactions: Mapping[str, int]
    last_transaction: Sent | None
    spent: int
    incidents: Mapping[str, int]
    reorgs: Reorgs
    roles: tuple[Role, ...]

    @property
    def commands_by_state(self) -> dict[str, int]:
        """Commands of all actions together."""
        sums: dict[str, int] = {}
        for (_action, state), count in self.commands.items():
            sums[state] = sums.get(state, 0) + count
        return sums

    @property
    def incidents_open(self) -> int:
        return sum(self.incidents.values())

    @property
    def dead(self) -> int:
        """Dead letters: rows of the outbox and commands that were given up."""
        return self.outbox.get("dead", 0) + self.commands_by_state.get("dead", 0)

    @property
    def missing(self) -> list[str]:
        """Roles whose processes have all gone silent, and those that others miss: an index, a relay
        and a keeper belong to an installation in which anything runs at all."""
        living = {role.role for role in self.roles if not role.silent(self.now)}
        known = {role.role for role in self.roles}
        return sorted((known | (ROLES if known else set())) - living)

    @property
    def evidence_waiting(self) -> int:
        """Records of locks that are not on the chain yet."""
        return self.evidence.get("received", 0) + self.evidence.get("submitted", 0)


def work(conn: Connection) -> Work:
    """All of it, in one snapshot."""
    now = database_now(conn)
    return Work(
        now=now,
        outbox=_by(conn, outbox.c.state),
        outbox_age=_age(conn, outbox, outbox.c.created_at, outbox.c.state == "new", now),
        commands={
            (row[0], row[1]): row[2]
            for row in conn.execute(
                select(commands.c.action, commands.c.state, func.count()).group_by(
                    commands.c.action, commands.c.state
                )
            )
        },
        commands_late=_count(conn, commands, late_commands(now)),
        evidence=_by(conn, evidence.c.state),
        evidence_age=_age(
            conn,
            evidence,
            evidence.c.received_at,
            evidence.c.state.in_(("received", "submitted")),
            now,
        ),
        transactions=_by(conn, sent_transactions.c.state),
        last_transaction=_last_transaction(conn),
        spent=_spent(conn, now),
        incidents=_by(conn, incidents.c.kind, incidents.c.resolved_at.is_(None)),
        reorgs=_reorgs(conn),
        roles=tuple(present(conn)),
    )


def late_commands(now: int) -> ColumnElement[bool]:
    """Commands whose deadline has passed and that nobody took care of, by the database's clock."""
    return and_(commands.c.state.in_(UNDER_WAY), commands.c.claimed_until < now)


def _by(conn: Connection, column: Column[str], *conditions: ColumnElement[bool]) -> dict[str, int]:
    query = select(column, func.count()).where(*conditions).group_by(column)
    return {row[0]: row[1] for row in conn.execute(query)}


def _count(conn: Connection, table: Table, condition: ColumnElement[bool]) -> int:
    return int(conn.execute(select(func.count()).select_from(table).where(condition)).scalar_one())


def _age(
    conn: Connection, table: Table, moment: Column[int], condition: ColumnElement[bool], now: int
) -> int:
    oldest = conn.execute(select(func.min(moment)).select_from(table).where(condition)).scalar()
    return 0 if oldest is None else max(0, now - int(oldest))


def _last_transaction(conn: Connection) -> Sent | None:
    row = conn.execute(
        select(sent_transactions).order_by(sent_transactions.c.id.desc()).limit(1)
    ).first()
    if row is None:
        return None
    # what accounts had brought is told to nobody else: not who, and not under which id
    purpose = "intent" if row.purpose.startswith("intent:") else row.purpose
    return Sent(purpose, row.tx_hash, row.state, row.submitted_at)


def _spent(conn: Connection, now: int) -> int:
    """Sums are made here: wei fit no column type."""
    today = now - now % _DAY
    out = or_(
        sent_transactions.c.submitted_at >= today, sent_transactions.c.state.in_(("signed", "sent"))
    )
    rows = conn.execute(
        select(
            sent_transactions.c.account, sent_transactions.c.cost, sent_transactions.c.reserved
        ).where(out, sent_transactions.c.state.not_in(("dropped", "replaced")))
    )
    spent: Counter[str] = Counter()
    for account, cost, reserved in rows:
        spent[account] += parse_minor(reserved if cost is None else cost)
    return max(spent.values(), default=0)


def _reorgs(conn: Connection) -> Reorgs:
    told = conn.execute(
        select(events.c.at, events.c.payload_json)
        .where(events.c.audience.is_(None), events.c.topic == REORG)
        .order_by(events.c.seq)
    ).all()
    depths = [int(json.loads(payload).get("blocks", 0)) for _at, payload in told]
    return Reorgs(len(told), max(depths, default=0), int(told[-1].at) if told else None)
