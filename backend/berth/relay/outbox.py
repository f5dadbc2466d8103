"""What the indexer hands over: bookings, what becomes of them, and what a reorg took away.

Each row is acted on and marked done in one transaction: all that a row asks for are other rows
(grants, commands), so it happens exactly once however many relays look.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Select, select, update

from berth.core.clock import Clock
from berth.relay import commands, grants
from berth.relay.audience import lease_row
from berth.relay.claims import database_now
from berth.relay.rows import Row, first
from berth.store.engine import Store
from berth.store.events import append_event
from berth.store.kept import outbox

#: A lease that a reorg removed after its bar was told to go down may be mined again this long,
#: seconds of the database's clock.
GRACE_SECONDS = 60
_BATCH = 100
_MAX_ATTEMPTS = 10

#: Returns the seconds to wait before looking again, None when done.
Handler = Callable[[Connection, Row], int | None]


class Outbox:
    """Consumes the rows, oldest first; `on_undone` learns that a reorg took something away."""

    def __init__(
        self, store: Store, clock: Clock, on_undone: Callable[[], None] = lambda: None
    ) -> None:
        self._store = store
        self._clock = clock
        self._on_undone = on_undone
        self._handlers: dict[str, Handler] = {
            "lease.booked": self._booked,
            "lease.settled": self._over,
            "undone.lease.booked": self._gone,
            "undone.lease.settled": self._booked,
            # longer, another vehicle, another lock: the grant follows the lease as it is now
            **{
                f"{undone}{kind}": self._booked
                for kind in ("lease.extended", "lease.vehicle", "lease.lock")
                for undone in ("", "undone.")
            },
        }

    def work(self) -> int:
        """Handles what is due; how many rows were done."""
        with self._store.read() as conn:
            if first(conn, self._due(conn)) is None:
                return 0
        done = 0
        while done < _BATCH and self._one():
            done += 1
        return done

    def _one(self) -> bool:
        with self._store.write() as conn:
            moment = database_now(conn)
            row = first(conn, self._due(conn).with_for_update(skip_locked=True))
            if row is None:
                return False
            try:
                with conn.begin_nested():
                    pause = self._handle(conn, row)
            except Exception as error:
                # Whatever is wrong with one row must not hold up all others.
                self._failed(conn, row, moment, error)
                return True
            values = {"state": "done"} if pause is None else {"next_at": moment + pause}
            conn.execute(
                update(outbox)
                .where(outbox.c.id == row["id"])
                .values(**values, attempts=row["attempts"] + 1)
            )
            return True

    def _due(self, conn: Connection) -> Select[Any]:
        return (
            select(outbox)
            .where(outbox.c.state == "new", outbox.c.next_at <= database_now(conn))
            .order_by(outbox.c.id)
            .limit(1)
        )

    def _handle(self, conn: Connection, row: Row) -> int | None:
        if row["kind"].startswith("undone."):
            self._on_undone()
        handler = self._handlers.get(row["kind"])
        return None if handler is None else handler(conn, row)

    def _booked(self, conn: Connection, row: Row) -> None:
        grants.give(conn, row["lease_id"], self._clock.now())

    def _over(self, conn: Connection, row: Row) -> None:
        now = self._clock.now()
        commands.cancel_waiting(conn, row["lease_id"], now, "lease.over")
        grants.take_back(conn, row["lease_id"], now)

    def _gone(self, conn: Connection, row: Row) -> int | None:
        """A reorg removed the lease: nothing more goes out for it, what went out is taken back; a
        bar that went down for it is an incident, unless the lease is mined again soon."""
        lease_id, now = row["lease_id"], self._clock.now()
        if lease_row(conn, lease_id) is not None:
            return None  # mined again already
        if row["attempts"] == 0:
            commands.cancel_waiting(conn, lease_id, now, "lease.gone")
            grants.take_back(conn, lease_id, now)
            return GRACE_SECONDS if commands.acted_on(conn, lease_id) else None
        payload = json.loads(row["payload_json"])
        append_event(
            conn,
            "incident.lease_gone",
            [payload["driver"], payload["owner"]],
            lease_id,
            payload["spaceId"],
            {"reason": "lease.gone", "block": row["created_block"]},
            at=now,
        )
        return None

    def _failed(self, conn: Connection, row: Row, moment: int, error: Exception) -> None:
        attempts = row["attempts"] + 1
        dead = attempts >= _MAX_ATTEMPTS
        values = {"state": "dead"} if dead else {"next_at": moment + 2**attempts}
        conn.execute(
            update(outbox).where(outbox.c.id == row["id"]).values(**values, attempts=attempts)
        )
        if dead:
            append_event(
                conn,
                "incident.outbox",
                [],
                row["lease_id"],
                None,
                {"kind": row["kind"], "error": str(error)[:200]},
                at=self._clock.now(),
            )
