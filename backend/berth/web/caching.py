"""Answers that are the same for everybody, kept for a moment: one computation for many requests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """One value for `seconds`; whoever asks while it is being made waits for it."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._lock = asyncio.Lock()
        self._value: T | None = None
        self._made_at = float("-inf")

    async def get(self, make: Callable[[], Awaitable[T]]) -> T:
        """The kept value, or a new one by `make`. A failure is not kept."""
        async with self._lock:
            if self._value is None or self._clock() - self._made_at >= self._seconds:
                self._value = await make()
                self._made_at = self._clock()
            return self._value
