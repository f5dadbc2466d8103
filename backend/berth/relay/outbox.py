"""What the indexer hands over: bookings, what becomes of them, and what a reorg took away.

Each row is acted on and marked done in one transaction: all that a row asks for are other rows
(grants, commands), so it happens exactly once however many relays look. Rows of one lease are taken
in their order, and by one relay at a time.

A lease's id is its space, start and epoch, and no driver: after a reorg it may be another driver's.
Then all that is on record under it is the former one's, and counts for nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, exists, select, update

from berth.core.clock import Clock
from berth.relay import commands, grants, rebooking
from berth.relay.audience import lease_row
from berth.relay.rows import Row, every, first
from berth.store.clock import database_now, moment
from berth.store.engine import Store
from berth.store.events import append_event
from berth.store.incidents import open_incident
from berth.store.kept import commands as command_rows
from berth.store.kept import confirmations, outbox, plate_readings, presence

#: A lease that a reorg removed after its bar was told to go down may be mined again this long,
#: seconds of the database's clock.
GRACE_SECONDS = 60
MAX_ATTEMPTS = 10
_BATCH = 100
_log = structlog.get_logger("berth.relay")

#: Returns the seconds to wait before looking again, None when done.
Handler = Callable[[Connection, Row], int | None]


class Outbox:
    """Consumes the rows, oldest first; `worker` is the relay's name."""

    def __init__(self, store: Store, clock: Clock, worker: str = "relay") -> None:
        self._store = store
        self._clock = clock
        self._worker = worker
        self._handlers: dict[str, Handler] = {
            "lease.booked": self._booked,
            "lease.settled": self._over,
            "undone.lease.booked": self._gone,
            "undone.lease.settled": self._changed,
            # longer, another vehicle, another lock: the grant follows the lease as it is now
            **{
                f"{undone}{kind}": self._changed
                for kind in ("lease.extended", "lease.vehicle", "lease.lock")
                for undone in ("", "undone.")
            },
        }

    def waiting(self, conn: Connection) -> bool:
        """Is there a row that is due?"""
        return first(conn, _IS_DUE) is not None

    def work(self) -> int:
        """Handles what is due; how many rows were looked at."""
        with self._store.read() as conn:
            if not self.waiting(conn):
                return 0
        handled = 0
        while handled < _BATCH:
            with self._store.write() as conn:
                batch = self._some(conn, _BATCH - handled)
            if not batch:
                break
            handled += batch
        return handled

    def _some(self, conn: Connection, limit: int) -> int:
        query = select(outbox).where(_due()).order_by(outbox.c.id).limit(limit)
        rows = every(conn, query.with_for_update(skip_locked=True, of=outbox))
        now = database_now(conn) if rows else 0
        for row in rows:
            self._one(conn, row, now)
        return len(rows)

    def _one(self, conn: Connection, row: Row, now: int) -> None:
        try:
            with conn.begin_nested():
                pause = self._handle(conn, row)
        except Exception as error:
            # Whatever is wrong with one row must not hold up all others.
            self._failed(conn, row, now, error)
            return
        again = {"next_at": now + pause} if pause is not None else {"state": "done"}
        self._write(conn, row, reason=None, **again)

    def _write(self, conn: Connection, row: Row, **values: Any) -> None:
        conn.execute(
            update(outbox)
            .where(
                outbox.c.id == row["id"],
                outbox.c.state == "new",
                outbox.c.term == row["term"],
            )
            .values(
                **values,
                attempts=row["attempts"] + 1,
                term=row["term"] + 1,
                claimed_by=self._worker,
            )
        )

    def _handle(self, conn: Connection, row: Row) -> int | None:
        handler = self._handlers.get(row["kind"])
        return None if handler is None else handler(conn, row)

    def _booked(self, conn: Connection, row: Row) -> None:
        former = first(conn, _FORMER, lease=row["lease_id"], before=row["id"])
        if former is not None and _driver(former) != _driver(row):
            self._taken(conn, former, _driver(row))
        rebooking.keep(conn, row, self._clock.now())
        grants.give(conn, row["lease_id"], self._clock.now())

    def _changed(self, conn: Connection, row: Row) -> None:
        grants.give(conn, row["lease_id"], self._clock.now())

    def _over(self, conn: Connection, row: Row) -> None:
        now = self._clock.now()
        commands.cancel_waiting(conn, row["lease_id"], now, "lease.over")
        grants.take_back(conn, row["lease_id"], now)

    def _gone(self, conn: Connection, row: Row) -> int | None:
        """A reorg removed the lease: nothing more goes out for it, what went out is taken back, its
        transaction is sent again; a bar that went down for it is an incident, unless the lease is
        mined again soon."""
        lease_id, now = row["lease_id"], self._clock.now()
        lease = lease_row(conn, lease_id)
        if lease is not None:
            if lease["driver"] != _driver(row) and not _follows(conn, row):
                self._taken(conn, row, lease["driver"])
            return None  # mined again already
        if row["attempts"] == 0 or row["reason"] is not None:
            # the first time, or after a try that failed, of which nothing is left;
            # cancelled, so that it is handed over again should it be mined again
            booked = (outbox.c.kind == "lease.booked") & (outbox.c.lease_id == lease_id)
            conn.execute(
                update(outbox).where(booked, outbox.c.id < row["id"]).values(state="cancelled")
            )
            rebooking.want(conn, lease_id, now)
            commands.cancel_waiting(conn, lease_id, now, "lease.gone")
            grants.take_back(conn, lease_id, now)
            return GRACE_SECONDS if commands.acted_on(conn, lease_id) else None
        self._incident(conn, row)
        return None

    def _taken(self, conn: Connection, former: Row, driver: str | None) -> None:
        """The lease of this row, booked or undone, is another `driver`'s by now. Whatever the
        former one told, signed or showed is deleted, nothing of it goes out, what went out is not
        sent again and taken back. It is not booked again: its place is taken. Who stood before the
        bar has an incident."""
        lease_id, now = former["lease_id"], self._clock.now()
        commands.cancel_waiting(conn, lease_id, now, "lease.gone")
        # never cancelled, as it may move; but without an answer it is over
        conn.execute(_NOT_AGAIN, {"lease": lease_id, "at": now})
        grants.take_back(conn, lease_id, now)
        told = [
            conn.execute(delete(table).where(table.c.lease_id == lease_id)).rowcount
            for table in (presence, confirmations, plate_readings)
        ]
        was_there = any(told) or commands.acted_on(conn, lease_id)
        _log.warning("lease is another driver's", lease=lease_id, was_there=was_there)
        if was_there:
            self._incident(conn, former, takenBy=driver)

    def _incident(self, conn: Connection, row: Row, **more: Any) -> None:
        """The driver of this row stands there without a lease."""
        lease_id, now = row["lease_id"], self._clock.now()
        payload = json.loads(row["payload_json"])
        facts = {"reason": "lease.gone", "block": row["created_block"], **more}
        opened = open_incident(
            conn,
            "lease.gone",
            f"lease.gone:{lease_id}",
            "lease.gone",
            now=now,
            lease_id=lease_id,
            space_id=payload["spaceId"],
            facts={**facts, "txHash": payload.get("txHash")},
        )
        if opened:
            parties = [payload["driver"], payload["owner"]]
            append_event(
                conn, "incident.lease_gone", parties, lease_id, payload["spaceId"], facts, at=now
            )

    def _failed(self, conn: Connection, row: Row, now: int, error: Exception) -> None:
        attempts = row["attempts"] + 1
        reason = str(error)[:200]
        _log.exception("outbox", row=row["id"], kind=row["kind"], lease=row["lease_id"])
        if attempts < MAX_ATTEMPTS:
            self._write(conn, row, reason=reason, next_at=now + 2**attempts)
            return
        self._write(conn, row, reason=reason, state="dead")
        open_incident(
            conn,
            "outbox.dead",
            f"outbox.dead:{row['id']}",
            "outbox.dead",
            now=self._clock.now(),
            lease_id=row["lease_id"],
            facts={"row": row["id"], "kind": row["kind"], "error": reason},
        )


def _driver(row: Row) -> str | None:
    """Whose the lease was that a row tells of."""
    driver: str | None = json.loads(row["payload_json"]).get("driver")
    return driver


def _follows(conn: Connection, row: Row) -> bool:
    """Is the lease, as it is now, handed over by a later row? Then that one sees to it, or has."""
    return first(conn, _LATER, lease=row["lease_id"], after=row["id"]) is not None


def _due() -> ColumnElement[bool]:
    """New, its time has come, and no older row of its lease is due: that one comes first, even if
    another relay is just at work on it."""
    older = outbox.alias("older")
    waits = exists().where(
        older.c.lease_id == outbox.c.lease_id,
        older.c.id < outbox.c.id,
        older.c.state == "new",
        older.c.next_at <= moment(),
    )
    return and_(outbox.c.state == "new", outbox.c.next_at <= moment(), ~waits)


_IS_DUE = select(outbox.c.id).where(_due()).limit(1)
_FORMER = (
    select(outbox)
    .where(
        outbox.c.lease_id == bindparam("lease"),
        outbox.c.kind.in_(("lease.booked", "undone.lease.booked")),
        outbox.c.id < bindparam("before"),
    )
    .order_by(outbox.c.id.desc())
    .limit(1)
)
_LATER = (
    select(outbox.c.id)
    .where(
        outbox.c.lease_id == bindparam("lease"),
        outbox.c.kind == "lease.booked",
        outbox.c.state != "cancelled",
        outbox.c.id > bindparam("after"),
    )
    .limit(1)
)
_NOT_AGAIN = (
    update(command_rows)
    .where(
        command_rows.c.lease_id == bindparam("lease"),
        command_rows.c.state == "published",
        command_rows.c.action.in_(("lower", "camera_on")),
        command_rows.c.expires_at > bindparam("at"),
    )
    .values(expires_at=bindparam("at"))
)
