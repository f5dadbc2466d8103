"""How fast the index reads, and how long it will take."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import structlog
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from berth.indexer.status import IndexStatus

#: Rates are those of so many seconds.
_WINDOW = 10.0
_LOOK = 0.5
#: Without a terminal there is a line so often, seconds, while the index catches up.
_SAY = 10.0
#: Fewer blocks are no catching up.
_FEW = 20
_log = structlog.get_logger("berth.indexer")


class Pace:
    """Rates from looks at an index's status."""

    def __init__(
        self, status: Callable[[], IndexStatus], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._status = status
        self._monotonic = monotonic
        self._looks: deque[tuple[float, int, int]] = deque()

    def look(self) -> None:
        """Remembers where the index is now."""
        now, status = self._monotonic(), self._status()
        if status.block_number < 0:
            return
        if self._looks and status.block_number < self._looks[-1][1]:
            self._looks.clear()  # a reorg
        self._looks.append((now, status.block_number, status.logs))
        while len(self._looks) > 2 and self._looks[0][0] < now - _WINDOW:
            self._looks.popleft()

    def rates(self) -> tuple[float, float]:
        """(blocks a second, events a second)."""
        if len(self._looks) < 2:
            return 0.0, 0.0
        first, last = self._looks[0], self._looks[-1]
        seconds = max(last[0] - first[0], 1e-6)
        return (last[1] - first[1]) / seconds, (last[2] - first[2]) / seconds

    def eta(self) -> int | None:
        """Seconds until the head is reached; 0 at the head, None when nobody can tell."""
        lag, blocks = self._status().lag, self.rates()[0]
        if lag == 0:
            return 0
        return None if blocks <= 0 else round(lag / blocks)

    def facts(self) -> dict[str, Any]:
        """For the table of roles and for logs."""
        status, (blocks, events) = self._status(), self.rates()
        return {
            "state": "running" if status.error is None else "waiting",
            "block": status.block_number,
            "head": status.head_number,
            "blocksPerSecond": round(blocks, 1),
            "eventsPerSecond": round(events, 1),
            "etaSeconds": self.eta(),
            "error": status.error,
        }


async def show_pace(status: Callable[[], IndexStatus], pace: Pace) -> None:
    """A bar on a terminal while the index catches up, else a line of the log now and then. Until
    cancelled."""
    if sys.stderr.isatty():
        await _draw(status, pace)
    else:
        await _tell(status, pace)


async def _tell(status: Callable[[], IndexStatus], pace: Pace) -> None:
    behind, next_at = False, time.monotonic()
    while True:
        pace.look()
        now = status()
        if now.lag > _FEW and time.monotonic() >= next_at:
            _log.info("catching up", **_words(pace))
            behind, next_at = True, time.monotonic() + _SAY
        elif behind and now.caught_up:
            _log.info("caught up", block=now.block_number)
            behind = False
        await asyncio.sleep(_LOOK)


def _words(pace: Pace) -> dict[str, Any]:
    facts = pace.facts()
    return {
        "block": facts["block"],
        "head": facts["head"],
        "blocks_s": facts["blocksPerSecond"],
        "events_s": facts["eventsPerSecond"],
        "eta_s": facts["etaSeconds"],
    }


async def _draw(status: Callable[[], IndexStatus], pace: Pace) -> None:
    columns = (
        TextColumn("index"),
        BarColumn(),
        TextColumn("{task.fields[words]}"),
        TimeElapsedColumn(),
    )
    while True:
        pace.look()
        if status().lag > _FEW:
            first = status().block_number
            with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
                task = bar.add_task("index", words="")
                while not status().caught_up:
                    pace.look()
                    now = status()
                    bar.update(
                        task,
                        total=max(now.head_number - first, 1),
                        completed=now.block_number - first,
                        words=sentence(pace),
                    )
                    await asyncio.sleep(_LOOK)
            _log.info("caught up", block=status().block_number)
        await asyncio.sleep(_LOOK)


def sentence(pace: Pace) -> str:
    """`block 1,200 of 90,000 · 840 blocks/s · 2,100 events/s · 1 min 46 s left`."""
    facts = pace.facts()
    parts = [
        f"block {facts['block']:,} of {facts['head']:,}",
        f"{facts['blocksPerSecond']:,.0f} blocks/s",
        f"{facts['eventsPerSecond']:,.0f} events/s",
    ]
    if facts["error"]:
        parts.append(f"waiting: {facts['error']}")
    elif facts["etaSeconds"] is not None:
        minutes, seconds = divmod(facts["etaSeconds"], 60)
        hours, minutes = divmod(minutes, 60)
        left = f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"
        parts.append(f"{left if hours or minutes else f'{seconds} s'} left")
    return " · ".join(parts)
