"""The event stream's rows: what people's screens are told, read by server-sent events.

A row is for one account or, with audience NULL, for everybody. Rows are appended in the transaction
of the change they tell of, so that nothing is announced that did not happen.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, func, or_, select

from berth.store.bulk import Bulk, Shape
from berth.store.kept import events

#: The topic of a reorg; its rows are counted, and never forgotten.
REORG = "chain.reorg"


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
    Bulk(conn).insert(_ROWS, rows)


def _accounts(audience: str | Iterable[str] | None) -> list[str | None]:
    if audience is None:
        return [None]
    if isinstance(audience, str):
        return [audience.lower()]
    return list(dict.fromkeys(account.lower() for account in audience))


#: The database numbers the rows.
_ROWS = Shape(events, without=("seq",))


def read_events(
    conn: Connection, after: int, audience: str | None, limit: int = 500
) -> list[StreamEvent]:
    """Rows with seq > after for everybody and, when given, for one account, oldest first."""
    visible: ColumnElement[bool] = events.c.audience.is_(None)
    if audience is not None:
        visible = or_(visible, events.c.audience == audience.lower())
    query = select(events).where(events.c.seq > after, visible).order_by(events.c.seq).limit(limit)
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
    """The newest row's number, 0 when there is none: where a stream without a last id begins."""
    return int(conn.execute(select(func.coalesce(func.max(events.c.seq), 0))).scalar_one())
