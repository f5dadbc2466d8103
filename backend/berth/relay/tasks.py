"""What keepers do besides evidence, as rows: who does what, until when, and when to try again.

A deed is found in the index as often as anybody looks; it is done by who claims its row. The row
names the transaction that carries it before that is sent: whoever finds the row after a crash waits
for that transaction instead of making another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from sqlalchemy import Connection, and_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from berth.core.clock import Clock
from berth.relay.claims import FREE, Claim, claim, unclaimed, write_claimed
from berth.relay.rows import every
from berth.store.clock import moment
from berth.store.engine import Store
from berth.store.kept import keeper_tasks as tasks

Kind = Literal["close", "delist", "payout"]

#: A deed that is found due again so long after it was done is to be done again: a reorg took it
#: out. Seconds of the database's clock.
SETTLED_SECONDS = 600
FIRST_PAUSE, LONGEST_PAUSE = 30, 3600
_AT_ONCE = 500
#: Longer than a sender waits for a transaction to be mined.
CLAIM_SECONDS = 180


class Tasks:
    """The rows, for one keeper."""

    def __init__(self, store: Store, clock: Clock, worker: str) -> None:
        self._store = store
        self._clock = clock
        self._worker = worker

    def take(self, kind: Kind, due: Sequence[tuple[str, str]], *, eager: bool) -> list[Claim]:
        """Claims those of the (key, subject) that are due and nobody's. `eager`: also those that
        failed lately and would have to wait."""
        found: list[Claim] = []
        for begin in range(0, len(due), _AT_ONCE):
            some = due[begin : begin + _AT_ONCE]
            with self._store.write() as conn:
                self._note(conn, kind, some)
                keys = [key for key, _ in some]
                ready = and_(tasks.c.key.in_(keys), tasks.c.done_at.is_(None), unclaimed(tasks))
                if not eager:
                    ready = and_(ready, tasks.c.next_at <= moment())
                order = (tasks.c.key,)
                found += claim(conn, tasks, self._worker, ready, order, _AT_ONCE, CLAIM_SECONDS)
        return sorted(found, key=lambda one: str(one.row["key"]))

    def put_in(self, held: Iterable[Claim], batch: str) -> list[Claim]:
        """Names the transaction that will carry them; those that are still ours."""
        with self._store.write() as conn:
            return [one for one in held if write_claimed(conn, tasks, one, batch=batch)]

    def of_batch(self, batch: str) -> list[str]:
        """The subjects of a transaction, in their order."""
        with self._store.read() as conn:
            query = select(tasks.c.subject).where(tasks.c.batch == batch).order_by(tasks.c.key)
            return [row["subject"] for row in every(conn, query)]

    def done(self, held: Iterable[Claim], tx_hash: str | None, reason: str | None = None) -> None:
        """It is on the chain: by this transaction, or (None) by somebody else's."""
        news = {"tx_hash": tx_hash, "reason": reason, "done_at": moment()}
        with self._store.write() as conn:
            for one in held:
                write_claimed(conn, tasks, one, **news, updated_at=self._clock.now(), **FREE)

    def failed(self, held: Iterable[Claim], reason: str, *, apart: bool = False) -> None:
        """To be tried again, later each time. `apart`: by another transaction."""
        with self._store.write() as conn:
            for one in held:
                attempts = one.row["attempts"] + 1
                pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(attempts - 1, 10))
                write_claimed(
                    conn,
                    tasks,
                    one,
                    reason=reason,
                    attempts=attempts,
                    next_at=moment() + pause,
                    updated_at=self._clock.now(),
                    **({"batch": None} if apart else {}),
                    **FREE,
                )

    def _note(self, conn: Connection, kind: Kind, due: Sequence[tuple[str, str]]) -> None:
        now = self._clock.now()
        insert = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
        rows = [
            {"key": key, "kind": kind, "subject": subject, "created_at": now, "updated_at": now}
            for key, subject in due
        ]
        conn.execute(insert(tasks).values(rows).on_conflict_do_nothing())
        # a payout's key names its day: credit that is there again on that day waits for the next
        gone_again = and_(
            tasks.c.key.in_([key for key, _ in due]),
            tasks.c.kind != "payout",
            tasks.c.done_at.is_not(None),
            tasks.c.done_at < moment() - SETTLED_SECONDS,
        )
        conn.execute(update(tasks).where(gone_again).values(done_at=None, batch=None, tx_hash=None))
