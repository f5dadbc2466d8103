"""How much the signer signs at most, whoever asks.

A relay in a thief's hands can ask for tickets of leases that are open just now, and for no others.
These bounds keep even that from lowering every such bar of a city at once, and a single lock's bar
from being worn out.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Generic, TypeVar

#: Whatever is asked for a lock: so much at once, then one every so many seconds.
LOCK_BURST, LOCK_SECONDS = 20, 3.0
#: Whatever is asked for all locks.
ALL_BURST, ALL_SECONDS = 200, 0.02
#: Tickets that lower a bar: of all locks in a minute (unless the operator says otherwise), of one
#: lease in ten. A driver who comes back needs one, a lock that lost its nonce another.
LOWERS_A_MINUTE, MINUTE = 120, 60.0
LOWERS_OF_LEASE, LEASE_SECONDS = 12, 600.0
#: Locks and leases that are remembered; a bucket forgotten this late is full again anyhow.
_KEPT = 20_000


class Bucket:
    """A few at once, then one every `seconds`."""

    def __init__(self, burst: int, seconds: float, monotonic: Callable[[], float]) -> None:
        self._burst = burst
        self._seconds = seconds
        self._monotonic = monotonic
        self._level = float(burst)
        self._at = monotonic()

    def take(self) -> bool:
        now = self._monotonic()
        self._level = min(self._burst, self._level + (now - self._at) / self._seconds)
        self._at = now
        if self._level < 1:
            return False
        self._level -= 1
        return True


class Window:
    """At most so many within any `seconds`."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._taken: deque[float] = deque()

    def full(self, now: float) -> bool:
        while self._taken and self._taken[0] <= now - self._seconds:
            self._taken.popleft()
        return len(self._taken) >= self._most

    def note(self, at: float) -> None:
        self._taken.append(at)


_V = TypeVar("_V")


class _Recent(Generic[_V]):
    """The newest `_KEPT` of something, made when first asked for."""

    def __init__(self, make: Callable[[], _V]) -> None:
        self._make = make
        self._kept: OrderedDict[str, _V] = OrderedDict()

    def __getitem__(self, name: str) -> _V:
        if name not in self._kept:
            self._kept[name] = self._make()
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(name)
        return self._kept[name]


class Limits:
    """All bounds together. `wall` and `monotonic` tell seconds; lowerings are counted by the wall
    clock, so that those before a restart still count."""

    def __init__(
        self,
        *,
        lowers_a_minute: int = LOWERS_A_MINUTE,
        monotonic: Callable[[], float] | None = None,
        wall: Callable[[], float] | None = None,
    ) -> None:
        ticks = monotonic or time.monotonic
        self._wall = wall or time.time
        self._all = Bucket(ALL_BURST, ALL_SECONDS, ticks)
        self._of_lock = _Recent(lambda: Bucket(LOCK_BURST, LOCK_SECONDS, ticks))
        self._lowers = Window(lowers_a_minute, MINUTE)
        self._of_lease = _Recent(lambda: Window(LOWERS_OF_LEASE, LEASE_SECONDS))

    def admits(self, lock_id: str) -> bool:
        """May something be asked for this lock now? Counts it."""
        return self._of_lock[lock_id].take() and self._all.take()

    def admits_lowering(self, lease_id: str) -> bool:
        """May a bar be lowered for this lease now? Counts nothing."""
        now = self._wall()
        return not self._lowers.full(now) and not self._of_lease[lease_id].full(now)

    def lowered(self, lease_id: str, at: float | None = None) -> None:
        """A ticket was signed, `at` Unix seconds (now unless said)."""
        moment = self._wall() if at is None else at
        self._lowers.note(moment)
        self._of_lease[lease_id].note(moment)
