"""Work shared by several relays: a row is somebody's until a moment of the database's own clock.

No leader is elected. Whoever claims a row raises its `term`; every later write names that term, so
that one who slept past his time changes nothing when he wakes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    Update,
    and_,
    bindparam,
    or_,
    select,
    tuple_,
    update,
)

from berth.relay.rows import Row
from berth.store.clock import moment

#: How long a claim lasts, seconds of the database's clock.
CLAIM_SECONDS = 30
#: A row that is nobody's again.
FREE: Mapping[str, None] = {"claimed_by": None, "claimed_until": None}


@dataclass(frozen=True)
class Claim:
    """A row that is ours while nobody raises its term, and until its time is over."""

    row: Row
    worker: str
    term: int

    @property
    def id(self) -> str:
        return str(self.row["id"])


def unclaimed(table: Table) -> ColumnElement[bool]:
    """Rows that are nobody's, or somebody's whose time is over."""
    until = table.c.claimed_until
    return or_(until.is_(None), until < moment())


def claim(
    conn: Connection,
    table: Table,
    worker: str,
    ready: ColumnElement[bool],
    order: tuple[ColumnElement[Any], ...],
    limit: int,
    seconds: int = CLAIM_SECONDS,
    **values: Any,
) -> list[Claim]:
    """Makes rows that are `ready` ours for some seconds, the first ones in `order`, in one
    statement; `values` are written along. Rows that another is just taking are passed over."""
    return claim_by(conn, claiming(table, ready, order, limit, seconds, **values), worker)


def claiming(
    table: Table,
    ready: ColumnElement[bool],
    order: tuple[ColumnElement[Any], ...],
    limit: int,
    seconds: int = CLAIM_SECONDS,
    **values: Any,
) -> Update:
    """The statement that `claim` is, to be made once."""
    keys = list(table.primary_key.columns)
    wanted = select(*keys).where(ready).order_by(*order).limit(limit)
    chosen = wanted.with_for_update(skip_locked=True, of=table)
    return (
        update(table)
        .where(tuple_(*keys).in_(chosen) if len(keys) > 1 else keys[0].in_(chosen))
        .values(
            **values,
            term=table.c.term + 1,
            claimed_by=bindparam("worker"),
            claimed_until=moment() + seconds,
        )
        .returning(table)
    )


def claim_by(conn: Connection, statement: Update, worker: str, **values: Any) -> list[Claim]:
    """Claims by a statement of `claiming`; `values` of its parameters."""
    taken = conn.execute(statement, {"worker": worker, **values}).mappings().all()
    return [Claim(dict(row), worker, row["term"]) for row in taken]


@cache
def ours(table: Table) -> ColumnElement[bool]:
    """A claimed row, as long as the claim is ours; `naming` gives the parameters."""
    keys = (column == bindparam(f"our_{column.name}") for column in table.primary_key.columns)
    return and_(
        *keys,
        table.c.term == bindparam("our_term"),
        table.c.claimed_by == bindparam("our_name"),
        table.c.claimed_until >= moment(),
    )


def naming(table: Table, held: Claim) -> dict[str, Any]:
    """The parameters of `ours`."""
    keys = {f"our_{column.name}": held.row[column.name] for column in table.primary_key.columns}
    return {**keys, "our_term": held.term, "our_name": held.worker}


def write_claimed(conn: Connection, table: Table, held: Claim, **values: Any) -> bool:
    """Changes a claimed row; False, and nothing changed, when the claim is no longer ours."""
    made = {name: one for name, one in values.items() if isinstance(one, ColumnElement)}
    plain = {name: one for name, one in values.items() if name not in made}
    statement = _writing(table, **made)
    return conn.execute(statement, {**plain, **naming(table, held)}).rowcount == 1


def _writing(table: Table, **values: ColumnElement[Any]) -> Update:
    statement = _write_ours(table)
    return statement.values(values) if values else statement


@cache
def _write_ours(table: Table) -> Update:
    return update(table).where(ours(table))
