"""Sums over the ledger, by filter. Adding up all of a long ledger is work that anybody may ask for:
it is done for one at a time, streamed, and gone on with from where the last time ended."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Hashable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from berth.audit.marks import START, WHOLE_SECONDS, Mark, newest, stands
from berth.store.derived import settlements

#: So many settlements are looked through without waiting for one's turn.
AT_ONCE = 2000
#: So many wait for their turn; whoever comes then is told to come again.
WAITING = 4
#: Filters whose sums are kept.
FILTERS = 256
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Sums:
    """So many settlements, and what they add up to, minor units."""

    count: int = 0
    rent: int = 0
    overstay: int = 0
    energy: int = 0
    fee: int = 0
    refund: int = 0


@dataclass(frozen=True, slots=True)
class _Kept:
    """Sums up to a mark; `since` is when their adding up began with the first settlement."""

    sums: Sums
    mark: Mark
    since: float


class Totals:
    """The sums of one ledger. A filter is a key and its conditions on `settlements`, which must be
    about what never changes of one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._lock = threading.Lock()
        self._turn = asyncio.Lock()
        self._waiting = 0

    def at_once(self, conn: Connection, key: Hashable, conditions: Sequence[Any]) -> Sums | None:
        """The sums as this transaction sees the ledger; None where that is long work."""
        before, end = self._before(conn, key), newest(conn)
        if end.number - before.mark.number > AT_ONCE:
            return None
        return self._add(conn, key, conditions, before, end)

    def add_up(self, conn: Connection, key: Hashable, conditions: Sequence[Any]) -> Sums:
        """The same, however long it takes: within a `turn`."""
        return self._add(conn, key, conditions, self._before(conn, key), newest(conn))

    @property
    def crowded(self) -> bool:
        """Do too many wait for their turn already?"""
        return self._waiting >= WAITING

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """One at a time."""
        self._waiting += 1
        try:
            await self._turn.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._turn.release()

    def _before(self, conn: Connection, key: Hashable) -> _Kept:
        """From where to go on."""
        now = self._clock()
        with self._lock:
            kept = self._kept.get(key)
        if kept is None or now - kept.since >= WHOLE_SECONDS or not stands(conn, kept.mark):
            return _Kept(Sums(), START, now)
        return kept

    def _add(
        self, conn: Connection, key: Hashable, conditions: Sequence[Any], before: _Kept, end: Mark
    ) -> Sums:
        sums = before.sums
        if end != before.mark:
            sums = _add_up(conn, conditions, sums, before.mark)
        with self._lock:
            self._kept[key] = _Kept(sums, end, before.since)
            self._kept.move_to_end(key)
            while len(self._kept) > FILTERS:
                self._kept.popitem(last=False)
        return sums


def _add_up(conn: Connection, conditions: Sequence[Any], sums: Sums, after: Mark) -> Sums:
    """Amounts are text in the tables, for they may be wider than a database's numbers."""
    c = settlements.c
    query = select(c.rent, c.overstay, c.energy, c.fee, c.refund).where(
        c.number > after.number, *conditions
    )
    count = sums.count
    amounts = [sums.rent, sums.overstay, sums.energy, sums.fee, sums.refund]
    for row in conn.execution_options(yield_per=_CHUNK).execute(query):
        count += 1
        amounts = [total + int(value) for total, value in zip(amounts, row, strict=True)]
    return Sums(count, *amounts)
