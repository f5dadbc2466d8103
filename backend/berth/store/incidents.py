"""What went wrong for somebody who had a right to have it go well, until it is settled."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from berth.core.errors import BerthError
from berth.store.kept import incidents

#: Longest word on how an incident was resolved.
MAX_RESOLUTION = 500
#: Who resolves what the platform sees to be over.
ITSELF = "relay"


@dataclass(frozen=True, slots=True)
class Incident:
    """One row. Times are Unix seconds UTC by the clock that leases go by; `by` is an operator's
    name, or the part of the platform that found it settled."""

    id: int
    key: str
    kind: str
    lease_id: str | None
    space_id: str | None
    lock_id: str | None
    command_id: str | None
    reason: str
    facts: dict[str, Any]
    opened_at: int
    resolved_at: int | None
    resolution: str | None
    by: str | None


def open_incident(
    conn: Connection,
    kind: str,
    key: str,
    reason: str,
    *,
    now: int,
    lease_id: str | None = None,
    space_id: str | None = None,
    lock_id: str | None = None,
    command_id: str | None = None,
    facts: Mapping[str, Any] | None = None,
) -> bool:
    """Opens one, in the transaction of what it tells of; False when that `key` is open already."""
    values = {
        "key": key,
        "kind": kind,
        "lease_id": lease_id,
        "space_id": space_id,
        "lock_id": lock_id,
        "command_id": command_id,
        "reason": reason,
        "facts_json": None if facts is None else json.dumps(dict(facts), sort_keys=True),
        "opened_at": now,
    }
    insert = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    row = insert(incidents).values(values).on_conflict_do_nothing()
    return conn.execute(row.returning(incidents.c.id)).first() is not None


def open_again(
    conn: Connection,
    kind: str,
    key: str,
    reason: str,
    *,
    now: int,
    lease_id: str,
    facts: Mapping[str, Any],
    **about: Any,
) -> bool:
    """`open_incident` for what comes and goes by itself: one of this key and lease that settled by
    itself is opened again, and counted (`facts["times"]`), so that a part that flaps fills no
    table. What an operator has resolved stays so, and is followed by another."""
    former = conn.execute(
        select(incidents)
        .where(incidents.c.lease_id == lease_id, incidents.c.key == key)
        .order_by(incidents.c.id.desc())
        .limit(1)
    ).first()
    if former is None or former.by != ITSELF or former.resolved_at is None:
        fresh = {**facts, "times": 1}
        return open_incident(
            conn, kind, key, reason, now=now, lease_id=lease_id, facts=fresh, **about
        )
    times = json.loads(former.facts_json or "{}").get("times", 1) + 1
    opened = conn.execute(
        update(incidents)
        .where(incidents.c.id == former.id, incidents.c.resolved_at.is_not(None))
        .values(
            resolved_at=None,
            resolution=None,
            by=None,
            reason=reason,
            facts_json=json.dumps({**facts, "times": times}, sort_keys=True),
        )
    )
    return opened.rowcount == 1


def settle_incidents(conn: Connection, now: int, resolution: str, by: str, **which: Any) -> int:
    """Resolves all open ones whose columns are as given (`lease_id=…`, `kind=…`); how many."""
    if not which:
        raise ValueError("say which incidents are settled")
    same = and_(*(incidents.c[name] == value for name, value in which.items()))
    settled = conn.execute(
        update(incidents)
        .where(incidents.c.resolved_at.is_(None), same)
        .values(resolved_at=now, resolution=resolution, by=by)
    )
    return settled.rowcount


def resolve_incident(
    conn: Connection, incident_id: int, resolution: str, by: str, now: int
) -> Incident:
    """An operator's word on one. Raises BerthError: incident.unknown (404), incident.resolved
    (409), incident.resolution (no words, or too many)."""
    words = resolution.strip()
    if not 1 <= len(words) <= MAX_RESOLUTION:
        raise BerthError(
            "incident.resolution",
            "say in 1 to {most} characters what was done",
            field="resolution",
            status=422,
            most=MAX_RESOLUTION,
        )
    done = conn.execute(
        update(incidents)
        .where(incidents.c.id == incident_id, incidents.c.resolved_at.is_(None))
        .values(resolved_at=now, resolution=words, by=by)
    )
    found = find_incident(conn, incident_id)
    if not done.rowcount:
        raise BerthError(
            "incident.resolved",
            "is resolved already: {how}",
            field="id",
            status=409,
            how=found.resolution,
        )
    return found


def find_incident(conn: Connection, incident_id: int) -> Incident:
    """Raises BerthError incident.unknown (404)."""
    row = conn.execute(select(incidents).where(incidents.c.id == incident_id)).mappings().first()
    if row is None:
        raise BerthError("incident.unknown", "there is no such incident", field="id", status=404)
    return _incident(row)


def list_incidents(
    conn: Connection,
    *,
    resolved: bool = False,
    lease_id: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[Incident]:
    """Newest first; open ones only unless `resolved`; with ids below `before`."""
    query = select(incidents).order_by(incidents.c.id.desc()).limit(limit)
    if not resolved:
        query = query.where(incidents.c.resolved_at.is_(None))
    if lease_id is not None:
        query = query.where(incidents.c.lease_id == lease_id)
    if before is not None:
        query = query.where(incidents.c.id < before)
    return [_incident(row) for row in conn.execute(query).mappings()]


def _incident(row: Any) -> Incident:
    fields = dict(row)
    text = fields.pop("facts_json")
    return Incident(**fields, facts=json.loads(text) if text else {})
