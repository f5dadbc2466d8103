"""Time for everything that decides by it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """Something that tells Unix seconds UTC."""

    def now(self) -> int: ...


class WallClock:
    """The machine's clock."""

    def now(self) -> int:
        return int(time.time())


class ChainClock:
    """The machine's clock shifted to a chain's block time.

    For local chains that travel in time: `follow` learns the shift from every new block. The clock
    never goes backwards: after a jump back (a reverted snapshot) it stands until the chain has
    caught up with what it once said. Safe to share between threads.
    """

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self._lock = threading.Lock()
        self._offset = 0.0
        self._latest = 0

    def follow(self, block_timestamp: int) -> None:
        """Learn the chain's time from the newest block's timestamp (Unix seconds)."""
        with self._lock:
            self._offset = block_timestamp - self._wall()

    def now(self) -> int:
        with self._lock:
            # The tolerance keeps float rounding from turning a whole second into the one before.
            self._latest = max(self._latest, int(self._wall() + self._offset + 1e-6))
            return self._latest

    @property
    def skew(self) -> int:
        """Seconds by which the chain's time is ahead of the machine's (negative: behind)."""
        with self._lock:
            return round(self._offset)
