"""The processes of this installation, each with its last sign of life, by the database's clock."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from berth.store.clock import database_now
from berth.store.kept import roles

#: A role is written down again this often, and counts as silent after, seconds.
BEAT_SECONDS = 5.0
SILENT_SECONDS = 20
#: One that never came back is forgotten after this, seconds.
FORGET_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Role:
    """One process. Times are Unix seconds; `state` is a word ("running", "asleep", "waiting"),
    `detail` says why, or, as a JSON object, what else there is to say."""

    name: str
    role: str
    host: str
    pid: int
    started_at: int
    beat_at: int
    state: str
    detail: str | None

    def silent(self, now: int) -> bool:
        """Has it not been heard of for too long?"""
        return now - self.beat_at > SILENT_SECONDS

    @property
    def facts(self) -> Mapping[str, Any]:
        """What it says of itself; a plain sentence as `why`."""
        try:
            facts = json.loads(self.detail or "{}")
        except ValueError:
            return {"why": self.detail}
        return facts if isinstance(facts, dict) else {"why": self.detail}


def beat(conn: Connection, name: str, role: str, state: str, detail: str | None = None) -> None:
    """A sign of life of this process under a name of its own ("relay-1f3a")."""
    now = database_now(conn)
    news = {"beat_at": now, "state": state, "detail": detail}
    if conn.execute(update(roles).where(roles.c.name == name).values(news)).rowcount:
        return
    who = {"name": name, "role": role, "host": socket.gethostname(), "pid": os.getpid()}
    conn.execute(insert(roles).values(**who, **news, started_at=now))


def leave(conn: Connection, name: str) -> None:
    """The process ends in order: it is missed by nobody."""
    conn.execute(delete(roles).where(roles.c.name == name))


def forget_silent(conn: Connection, before: int) -> int:
    """Deletes roles not heard of since `before` (Unix seconds); how many."""
    return conn.execute(delete(roles).where(roles.c.beat_at < before)).rowcount


def present(conn: Connection) -> list[Role]:
    """All that are on record, by role and name."""
    query = select(roles).order_by(roles.c.role, roles.c.name)
    return [Role(**row) for row in conn.execute(query).mappings()]
