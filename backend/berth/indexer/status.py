"""How far a running index is, for whoever shares its process."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from berth.core.errors import BerthError
from berth.indexer.cursor import Cursor

log = logging.getLogger(__name__)

#: Further behind than this the index reads history.
BACKFILL_BLOCKS = 64
#: Between two lines in the log while it does.
SAY_SECONDS = 5.0
#: Rates are of so many seconds, the newest ones.
RATE_SECONDS = 10.0

#: "starting": the node was not seen yet; "backfill": reading history; "live": following new blocks.
Phase = Literal["starting", "backfill", "live"]


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """How far the index is. `error` is why it stands still, None when it does not.

    `node_behind`: the node has not got as far as the index had; it is waited for. `reorgs` and
    `logs` count since the start. `first_block` is where this run began. Rates are of the last ten
    seconds; `eta_seconds` until it has caught up, None when unknown. Times are Unix seconds UTC.
    """

    block_number: int = -1
    block_hash: str = ""
    block_timestamp: int = 0
    head_number: int = -1
    final_number: int = -1
    caught_up: bool = False
    node_behind: bool = False
    reorgs: int = 0
    logs: int = 0
    error: str | None = None
    phase: Phase = "starting"
    first_block: int = -1
    events_per_second: float = 0.0
    blocks_per_second: float = 0.0
    eta_seconds: float | None = None

    @property
    def lag(self) -> int:
        """Blocks not read yet."""
        return max(0, self.head_number - self.block_number)

    @property
    def progress(self) -> float:
        """Share of this run's way to the head that is done, 0 to 1."""
        way = self.head_number - self.first_block
        return min(1.0, max(0.0, (self.block_number - self.first_block) / way)) if way > 0 else 1.0


class Rates:
    """Blocks and events a second over the last seconds."""

    def __init__(self) -> None:
        self._blocks = 0
        self._events = 0
        self._seen: deque[tuple[float, int, int]] = deque()

    def add(self, blocks: int, events: int) -> None:
        """So many were indexed just now."""
        moment = time.monotonic()
        if not self._seen:
            self.begin()
        self._blocks += blocks
        self._events += events
        self._seen.append((moment, self._blocks, self._events))
        while len(self._seen) > 2 and self._seen[1][0] < moment - RATE_SECONDS:
            self._seen.popleft()

    def begin(self) -> None:
        """The work starts now: what comes next is measured from here."""
        self._seen.clear()
        self._seen.append((time.monotonic(), self._blocks, self._events))

    def now(self) -> tuple[float, float]:
        """Blocks and events a second; 0 when nothing was indexed for a while."""
        if not self._seen:
            return 0.0, 0.0
        moment, blocks, events = self._seen[0]
        passed = time.monotonic() - moment
        if passed <= 0:
            return 0.0, 0.0
        return (self._blocks - blocks) / passed, (self._events - events) / passed


class Board:
    """Where the indexer writes how far it is: for readers, for those who wait, and for the log."""

    def __init__(self, on_change: Callable[[IndexStatus], None] | None) -> None:
        self.status = IndexStatus()
        self.rates = Rates()
        self._on_change = on_change
        self._moved = asyncio.Event()
        self._next_words = 0.0

    def report(
        self,
        cursor: Cursor,
        head_number: int | None,
        *,
        logs: int = 0,
        reorgs: int = 0,
        behind: bool = False,
    ) -> None:
        """The index is at `cursor`, the node's newest block is the head (None: not looked at)."""
        before = self.status
        newest = cursor.head_number if head_number is None else head_number
        lag = max(0, newest - cursor.block_number)
        caught_up = head_number is not None and lag == 0 and not behind
        phase: Phase = before.phase
        if caught_up:
            phase = "live"
        elif phase == "starting" or lag > BACKFILL_BLOCKS:
            phase = "backfill"
        blocks, events = self.rates.now()
        began = before.first_block
        if before.phase == "starting" or (phase == "backfill" and before.phase == "live"):
            began = cursor.block_number
        self._set(
            IndexStatus(
                block_number=cursor.block_number,
                block_hash=cursor.block_hash,
                block_timestamp=cursor.block_timestamp,
                head_number=newest,
                final_number=cursor.final_number,
                caught_up=caught_up,
                node_behind=behind,
                reorgs=before.reorgs + reorgs,
                logs=before.logs + logs,
                phase=phase,
                first_block=began,
                events_per_second=events,
                blocks_per_second=blocks,
                eta_seconds=0.0 if lag == 0 else lag / blocks if blocks > 0 else None,
            )
        )
        self._say()

    def trouble(self, reason: str) -> None:
        """It stands still for a reason that may pass; the log hears of it once."""
        if self.status.error is None:
            log.warning("index: %s", reason)
        self.stopped(reason)

    def stopped(self, reason: str) -> None:
        """It stands still."""
        self._set(replace(self.status, error=reason, caught_up=False))

    async def wait_for(self, block_number: int, seconds: float) -> IndexStatus:
        """Waits until a block is indexed. Raises BerthError index.behind."""
        try:
            async with asyncio.timeout(seconds):
                while self.status.block_number < block_number:
                    moved = self._moved
                    await moved.wait()
        except TimeoutError:
            message = f"block {block_number} was not indexed within {seconds:.0f} s"
            raise BerthError("index.behind", message, status=503) from None
        return self.status

    def _say(self) -> None:
        """A line now and then while history is read, and one when it has been."""
        status, moment = self.status, time.monotonic()
        if status.phase == "live":
            if self._next_words:
                log.info("index: history read up to block %d", status.block_number)
            self._next_words = 0.0
        elif status.phase == "backfill" and moment >= self._next_words:
            self._next_words = moment + SAY_SECONDS
            eta = status.eta_seconds
            log.info(
                "index: reading history: block %d of %d (%.1f %%), %.0f events/s, %.0f blocks/s%s",
                status.block_number,
                status.head_number,
                100 * status.progress,
                status.events_per_second,
                status.blocks_per_second,
                "" if eta is None else f", about {eta:.0f} s left",
            )

    def _set(self, status: IndexStatus) -> None:
        self.status = status
        self._moved.set()
        self._moved = asyncio.Event()
        if self._on_change is not None:
            self._on_change(status)
