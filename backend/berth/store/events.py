"""The event stream's rows: what people's screens are told, read by server-sent events.

A row is for one account or, with audience NULL, for everybody. Rows are appended in the transaction
of the change they tell of, so that nothing is announced that did not happen.

On PostgreSQL rows are numbered as they are written and seen as they are committed, by several
processes: 101 may be seen before 100. So whoever writes rows holds, until its transaction ends, a
lock that names the number before its first one, and whoever goes by numbers reads up to the lowest
of these (`told_seq`). The lock is shared and each number's own: nobody ever waits for it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, func, or_, select, text

from berth.store.bulk import Bulk, Shape
from berth.store.kept import events

#: The topic of a reorg; its rows are counted, and never forgotten.
REORG = "chain.reorg"
#: The upper 16 of 64 bits of these locks' keys; the rest is a number. A key of the locks of nonces
#: may look like one by chance: rows then come as much later as that one is held.
_LOCKS = 0x6576


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One row. `at` is Unix seconds UTC; ids are hex text."""

    seq: int
    at: int
    topic: str
    audience: str | None
    lease_id: str | None
    space_id: str | None
    payload: dict[str, Any]


class Told(NamedTuple):
    """One thing to tell one account, each of several accounts, or (None) everybody.

    `at` is Unix seconds UTC, None = now.
    """

    topic: str
    audience: str | Iterable[str] | None
    lease_id: str | None
    space_id: str | None
    payload: Mapping[str, Any]
    at: int | None = None


def append_event(
    conn: Connection,
    topic: str,
    audience: str | Iterable[str] | None,
    lease_id: str | None,
    space_id: str | None,
    payload: Mapping[str, Any],
    at: int | None = None,
) -> None:
    """Tells one account, each of several accounts, or (None) everybody. `at` defaults to now."""
    append_events(conn, [Told(topic, audience, lease_id, space_id, payload, at)])


def append_events(conn: Connection, told: Iterable[Told]) -> None:
    """Tells many things, in this order."""
    rows: list[tuple[Any, ...]] = []
    now = int(time.time())
    for topic, audience, lease_id, space_id, payload, at in told:
        body = json.dumps(payload, separators=(",", ":"), sort_keys=True)
        moment = now if at is None else at
        rows += [
            (moment, topic, account, lease_id, space_id, body) for account in _accounts(audience)
        ]
    if rows and conn.dialect.name == "postgresql":
        conn.execute(_ANNOUNCE)
    Bulk(conn).insert(_ROWS, rows)


def _accounts(audience: str | Iterable[str] | None) -> list[str | None]:
    if audience is None:
        return [None]
    if isinstance(audience, str):
        return [audience.lower()]
    return list(dict.fromkeys(account.lower() for account in audience))


#: The database numbers the rows.
_ROWS = Shape(events, without=("seq",))
_ANNOUNCE = text(f"""
    SELECT pg_advisory_xact_lock_shared(
        ({_LOCKS}::bigint << 48) + coalesce(pg_sequence_last_value('events_seq_seq'), 0))
    """)
#: The lowest number that somebody still writes behind. To be asked after the look at the rows: a
#: lock that is gone by then was of rows that are seen from now on.
_UNFINISHED = text(f"""
    SELECT min((classid::bigint << 32 | objid::bigint) & ((1::bigint << 48) - 1)) FROM pg_locks
     WHERE locktype = 'advisory' AND objsubid = 1 AND classid::bigint >> 16 = {_LOCKS}
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    """)  # noqa: S608 - a fixed number only


def read_events(
    conn: Connection, after: int, audience: str | None, limit: int = 500, upto: int | None = None
) -> list[StreamEvent]:
    """Rows with seq > after (and <= upto, when given) for everybody and, when given, for one
    account, oldest first. Who goes on after the last one wants `upto` from `told_seq`."""
    visible: ColumnElement[bool] = events.c.audience.is_(None)
    if audience is not None:
        visible = or_(visible, events.c.audience == audience.lower())
    query = select(events).where(events.c.seq > after, visible).order_by(events.c.seq).limit(limit)
    if upto is not None:
        query = query.where(events.c.seq <= upto)
    return [
        StreamEvent(
            seq=row["seq"],
            at=row["at"],
            topic=row["topic"],
            audience=row["audience"],
            lease_id=row["lease_id"],
            space_id=row["space_id"],
            payload=json.loads(row["payload_json"]),
        )
        for row in conn.execute(query).mappings()
    ]


def last_seq(conn: Connection) -> int:
    """The newest row's number, 0 when there is none."""
    return int(conn.execute(select(func.coalesce(func.max(events.c.seq), 0))).scalar_one())


def told_seq(conn: Connection) -> int:
    """A number up to which every row there will ever be is there for all transactions that begin
    from now on, 0 when there is none: where a stream without a last id begins.

    It may be lower than a moment ago: who begins to write names the number that was the last when
    he looked.
    """
    newest = last_seq(conn)
    if conn.dialect.name != "postgresql":
        return newest
    unfinished = conn.execute(_UNFINISHED).scalar_one()
    return newest if unfinished is None else min(newest, int(unfinished))
