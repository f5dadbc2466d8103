"""How many requests a node is given at once: fewer while it complains of too many."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

#: Requests at once to begin with, and at most.
WIDEST = 16
#: Complaints within so many seconds count as one: they are of requests that left together.
ONE_COMPLAINT_SECONDS = 0.5


class PausedError(Exception):
    """The node wants to be left alone for longer than the caller would wait."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"it wants no request for {seconds:.0f} s")
        self.seconds = seconds


class Throttle:
    """Half as many requests at once after each complaint, one more after a round without."""

    def __init__(self, widest: int = WIDEST) -> None:
        self._widest = widest
        self._width = float(widest)
        self._active = 0
        self._free_at = 0.0
        self._complained_at = float("-inf")
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.complaints = 0

    @property
    def width(self) -> int:
        """Requests at once that the node is thought to bear."""
        return int(self._width)

    @property
    def pause(self) -> float:
        """Seconds until it may be asked again; 0 when it may be now."""
        return max(0.0, self._free_at - time.monotonic())

    @asynccontextmanager
    async def turn(self, patience: float) -> AsyncIterator[None]:
        """Waits for a place. Raises PausedError when a pause is longer than `patience` seconds."""
        while True:
            pause = self.pause
            if pause > patience:
                raise PausedError(pause)
            if pause > 0:
                await asyncio.sleep(pause)
            elif self._active < self.width:
                break
            else:
                await self._place()
        self._active += 1
        try:
            yield
        finally:
            self._active -= 1
            self._wake()

    def complained(self, seconds: float) -> None:
        """The node had too many requests, and wants none for so many seconds."""
        moment = time.monotonic()
        self._free_at = max(self._free_at, moment + seconds)
        self.complaints += 1
        if moment - self._complained_at >= ONE_COMPLAINT_SECONDS:
            self._complained_at = moment
            self._width = max(1.0, self._width / 2)

    def answered(self) -> None:
        """It answered a request in the matter."""
        if self._width < self._widest:
            self._width = min(float(self._widest), self._width + 1 / self._width)

    async def _place(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._wake()  # it was woken and cannot use its place
            raise

    def _wake(self) -> None:
        free = self.width - self._active
        while free > 0 and self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1
