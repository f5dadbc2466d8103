"""Server-sent events out of the events table: one poller for all listeners, each reads its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass

from fastapi.concurrency import run_in_threadpool

from berth.core.errors import BerthError
from berth.core.zones import rfc3339
from berth.market.accounts import session_of
from berth.market.index_state import index_state
from berth.store.derived import market_state
from berth.store.events import StreamEvent, read_events, told_seq
from berth.web.services import Services

POLL_SECONDS = 0.3
#: A comment this often keeps proxies from closing the stream, and finds listeners that are gone.
HEARTBEAT_SECONDS = 15.0
MAX_LISTENERS = 500
#: Of these, strangers together, and one account: what anybody may take leaves room for the others.
MAX_STRANGERS, MAX_OF_ACCOUNT = 300, 20
_PAGE = 200


@dataclass(frozen=True, slots=True)
class Tide:
    """What the poller saw: newest event that none can come before any more, indexed block, blocks
    behind, count of settlements."""

    seq: int
    block: int
    lag: int
    settlements: int


class Hub:
    """Looks at the database for everybody. `start` and `stop` belong to the application's life."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._of: Counter[str | None] = Counter()
        self.tide = Tide(0, 0, 0, 0)

    async def start(self) -> None:
        self.tide = await run_in_threadpool(self._look)
        self._task = asyncio.create_task(self._poll(), name="events")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._changed.set()

    @property
    def stopped(self) -> bool:
        """Is the application going down?"""
        return self._task is None or self._task.done()

    @property
    def listeners(self) -> int:
        """Open streams."""
        return self._of.total()

    def check_room(self, account: str | None) -> None:
        """Raises BerthError `events.busy` (503) when there are too many listeners, in all or of the
        account (None: of strangers)."""
        most = MAX_STRANGERS if account is None else MAX_OF_ACCOUNT
        if self.listeners >= MAX_LISTENERS or self._of[account] >= most:
            raise BerthError("events.busy", "too many listeners; try again later", status=503)

    async def listen(
        self, after: int | None, account: str | None, token: str | None
    ) -> AsyncIterator[str]:
        """The stream of one listener: rows after `after` (None: from now on) that it may see.

        Ends when the session ends, or the application.
        """
        self._of[account] += 1
        try:
            # nobody may have looked for a while
            self._see(await run_in_threadpool(self._look))
            seen = self.tide.seq if after is None else after
            yield "retry: 2000\n\n" + _index_event(self.tide)
            told = self.tide
            while not self.stopped:
                changed = self._changed
                # as it is before the page is read: rows that come meanwhile are the next page's
                upto = self.tide.seq
                if upto > seen:
                    page = await run_in_threadpool(self._page, seen, upto, account, token)
                    if page is None:
                        yield "event: session.over\ndata: {}\n\n"
                        return
                    for event in page:
                        yield _row_event(event)
                    # rows that are not for this listener are passed by, too
                    seen = page[-1].seq if len(page) == _PAGE else upto
                    continue
                if self.tide != told:
                    told = self.tide
                    yield _index_event(told)
                try:
                    # not wait_for: in Python 3.11 it loses a cancellation that comes with news
                    async with asyncio.timeout(HEARTBEAT_SECONDS):
                        await changed.wait()
                except TimeoutError:
                    yield ": still here\n\n"
        finally:
            self._of[account] -= 1
            if not self._of[account]:
                del self._of[account]

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            if not self.listeners:
                continue
            try:
                tide = await run_in_threadpool(self._look)
            except Exception:  # noqa: S112 - the database is away; listeners stay
                continue
            self._see(tide)

    def _see(self, tide: Tide) -> None:
        if tide != self.tide:
            self.tide = tide
            changed, self._changed = self._changed, asyncio.Event()
            changed.set()

    def _look(self) -> Tide:
        with self._services.store.read() as conn:
            state = index_state(conn)
            count = conn.execute(market_state.select()).mappings().first()
            return Tide(
                seq=told_seq(conn),
                block=state.block if state else 0,
                lag=state.lag if state else 0,
                settlements=count["ledger_count"] if count else 0,
            )

    def _page(
        self, after: int, upto: int, account: str | None, token: str | None
    ) -> list[StreamEvent] | None:
        """The next rows; None when the session is over."""
        with self._services.store.read() as conn:
            if token is not None:
                session = session_of(conn, token, self._services.wall.now())
                if session is None or session.address != account:
                    return None
            return read_events(conn, after, account, _PAGE, upto)


def _row_event(event: StreamEvent) -> str:
    body = {
        "at": rfc3339(event.at),
        "leaseId": event.lease_id,
        "spaceId": event.space_id,
        "data": event.payload,
    }
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return f"id: {event.seq}\nevent: {event.topic}\ndata: {text}\n\n"


def _index_event(tide: Tide) -> str:
    """Not a row: it has no id and is not sent again."""
    body = {"block": tide.block, "lagBlocks": tide.lag, "settlements": tide.settlements}
    return f"event: index\ndata: {json.dumps(body, separators=(',', ':'))}\n\n"
