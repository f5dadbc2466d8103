"""The keeper as a program: evidence, what is due, payouts, bookings that a reorg took out, and
forgetting what nobody needs any more.

Any number may run: rows are claimed, and a deed on record is not sent twice.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy import func, select

from berth.core.errors import BerthError
from berth.relay.bookings import Bookings
from berth.relay.closer import Closer
from berth.relay.keeper import Keeper
from berth.relay.retention import Retention
from berth.store.engine import Store
from berth.store.events import REORG
from berth.store.kept import events
from berth.store.outage import OUTAGE, reason_of
from berth.store.wake import listen

EVIDENCE_SECONDS = 0.5
BOOKINGS_SECONDS = 1.0
#: What is due has been so for a while: nobody loses by half a minute.
CLOSE_SECONDS, DELIST_SECONDS, PAYOUT_SECONDS = 30.0, 30.0, 300.0
#: Between two looks at what is out, seconds: a reorg that the index never followed, because it
#: was behind or away, is told to nobody.
TEND_SECONDS = 15.0
#: Between two looks for what may be forgotten, seconds.
FORGET_SECONDS = 3600.0
#: After a failure, seconds; twice as long after each further one.
_LONGEST_PAUSE = 60.0
#: To be waited out.
_AWAY: tuple[type[Exception], ...] = (BerthError, *OUTAGE)
_log = structlog.get_logger("berth.keeper")


class KeeperProgram:
    """Its parts in loops of their own: one that fails, or waits, holds up no other."""

    def __init__(
        self,
        store: Store,
        keeper: Keeper,
        closer: Closer,
        bookings: Bookings,
        retention: Retention,
        *,
        close_seconds: float = CLOSE_SECONDS,
        delist_seconds: float = DELIST_SECONDS,
        payout_seconds: float = PAYOUT_SECONDS,
        tend_seconds: float = TEND_SECONDS,
    ) -> None:
        self._store = store
        self._keeper = keeper
        self._closer = closer
        self._bookings = bookings
        self._retention = retention
        self._periods = (close_seconds, delist_seconds, payout_seconds)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._awake = (asyncio.Event(), asyncio.Event())
        self._reorg: int | None = None
        self._tend_seconds = tend_seconds
        self._tended = 0.0
        #: Why a part could not do its work the last time, by part.
        self.troubles: dict[str, str] = {}

    def wake(self) -> None:
        """Something was written that may concern it. Returns at once, from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake_all)

    async def run(self) -> None:
        """Until cancelled. A node or a database that is away is waited for."""
        self._loop = asyncio.get_running_loop()
        close, delist, payout = self._periods
        evidence, bookings = self._awake
        async with asyncio.TaskGroup() as tasks:
            for name, work, seconds, awake in (
                ("evidence", self._evidence, EVIDENCE_SECONDS, evidence),
                ("bookings", self._bookings.work, BOOKINGS_SECONDS, bookings),
                ("close", self._closer.close_expired, close, None),
                ("delist", self._closer.delist_revoked, delist, None),
                ("payout", self._closer.pay_out, payout, None),
                ("retention", self._retention.work, FORGET_SECONDS, None),
            ):
                tasks.create_task(self._repeat(name, work, seconds, awake))
            tasks.create_task(listen(self._store, self.wake))

    async def _repeat(
        self,
        name: str,
        work: Callable[[], Awaitable[object]],
        seconds: float,
        awake: asyncio.Event | None,
    ) -> None:
        pause = seconds
        while True:
            try:
                await work()
                pause = seconds
                if self.troubles.pop(name, None) is not None:
                    _log.info("keeper goes on", part=name)
            except _AWAY as error:
                self._trouble(name, reason_of(error))
                pause = min(max(pause * 2, 1.0), max(seconds, _LONGEST_PAUSE))
            except Exception as error:
                _log.exception("keeper", part=name)
                self._trouble(name, repr(error))
                pause = min(max(pause * 2, 1.0), max(seconds, _LONGEST_PAUSE))
            await _rest(pause, awake if pause == seconds else None)

    async def _evidence(self) -> None:
        reorg = await asyncio.to_thread(self._newest_reorg)
        moment = asyncio.get_running_loop().time()
        if reorg != self._reorg or moment >= self._tended + self._tend_seconds:
            # also at the start: what a crash or a reorg may have lost
            await self._keeper.resume()
            self._reorg, self._tended = reorg, moment
        await self._keeper.work()

    def _newest_reorg(self) -> int:
        query = select(func.max(events.c.seq)).where(events.c.topic == REORG)
        with self._store.read() as conn:
            return conn.execute(query).scalar_one() or 0

    def _wake_all(self) -> None:
        for one in self._awake:
            one.set()

    def _trouble(self, name: str, reason: str) -> None:
        if self.troubles.get(name) != reason:
            _log.warning("keeper", part=name, reason=reason)
        self.troubles[name] = reason


async def _rest(seconds: float, awake: asyncio.Event | None) -> None:
    if awake is None:
        await asyncio.sleep(seconds)
        return
    # not wait_for: in Python 3.11 it loses a cancellation that comes with the wake-up
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await awake.wait()
    awake.clear()
