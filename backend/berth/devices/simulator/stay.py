"""One vehicle's stay: arrival and departure, and the evidence that the lock signs for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from berth.core.clock import Clock
from berth.core.messages import ARRIVED, LEFT
from berth.devices.simulator.evidence import Witness
from berth.devices.simulator.journal import Journal
from berth.devices.simulator.memory import Memory


@dataclass(frozen=True)
class Timing:
    """How long things take, seconds.

    `debounce`: an empty bay counts as left after this. `idle`: a bar that is down for a driver who
    never drives in comes up after this. `camera`: the camera switches itself off; while on it looks
    again every `look`. `resend`: evidence without a receipt is said again. `present`: a parked
    vehicle is noted in the journal. `overdue`: a vehicle that is still there this long after the
    lease's end is put on record, before the market's time for evidence (T1, a day and the reserve
    after the end) has run out and the overstay with it. Somebody else's vehicle that has stood in a
    lease's time for `blocked` is put on record, and that nobody came `no_show` after the end.
    """

    travel: float = 2.0
    debounce: float = 20.0
    idle: float = 600.0
    camera: float = 300.0
    look: float = 20.0
    resend: float = 30.0
    present: int = 60
    overdue: int = 23 * 3600
    blocked: int = 600
    no_show: int = 300


STANDARD = Timing()


class Stay:
    """Watches the vehicle sensor while the bar is down for a lease."""

    def __init__(
        self,
        memory: Memory,
        journal: Journal,
        clock: Clock,
        monotonic: Callable[[], float],
        timing: Timing,
        witness: Witness,
    ) -> None:
        self._memory = memory
        self._journal = journal
        self._clock = clock
        self._monotonic = monotonic
        self._timing = timing
        self._witness = witness
        self._empty_since = monotonic()
        self._vehicle = False
        self._left_at: int | None = None
        if memory.arrived_at is not None and not memory.left:
            # It may have left while the lock was off: "occupied at least until" is the last look.
            self._left_at = memory.seen_at

    def sensed(self, vehicle: bool, bar_down: bool) -> bool:
        """The sensor's newest word; True when an arrival was signed."""
        memory = self._memory
        if not vehicle:
            if self._vehicle:
                self._empty_since = self._monotonic()
                self._left_at = self._clock.now()
            self._vehicle = False
            return False
        self._vehicle, self._left_at = True, None
        if not bar_down or memory.lowered_for is None or memory.arrived_at is not None:
            return False
        now = self._clock.now()
        # signed first: a power cut in between has it signed again, not never
        signed = self._sign(ARRIVED, memory.lowered_for, now, now)
        self._note("arrived", at=now)
        return signed

    def tick(self, vehicle: bool) -> bool:
        """Time has passed; True when a departure was signed, because the bay has been empty for
        long enough."""
        memory, now = self._memory, self._clock.now()
        if memory.lowered_for is None or memory.arrived_at is None or memory.left:
            return False
        if vehicle:
            if memory.seen_at is None or now - memory.seen_at >= self._timing.present:
                self._note("present", at=now)
            grant = memory.grants.get(memory.lowered_for)
            if grant is None or now < grant.end + self._timing.overdue:
                return False
            # "occupied at least until": the bar stays down until the vehicle has gone
            return self._leave(memory.lowered_for, memory.arrived_at, now)
        return self._empty_for(self._timing.debounce) and self.ended()

    def ended(self) -> bool:
        """The bay is empty beyond doubt: it has been so for long enough, or the bar has come up in
        it, whoever ordered that. True when a departure was signed."""
        memory = self._memory
        if memory.lowered_for is None or memory.arrived_at is None or memory.left:
            return False
        until = max(
            memory.arrived_at, self._clock.now() if self._left_at is None else self._left_at
        )
        return self._leave(memory.lowered_for, memory.arrived_at, until)

    def _leave(self, lease: str, arrived_at: int, until: int) -> bool:
        signed = self._sign(LEFT, lease, arrived_at, until)
        self._note("left")
        return signed

    def over(self, vehicle: bool) -> bool:
        """Should the bar come up? The vehicle has left, or nobody ever came."""
        if vehicle:
            return False
        if self._memory.left:
            return self._empty_for(self._timing.debounce)
        return self._memory.arrived_at is None and self._empty_for(self._timing.idle)

    def restart_wait(self) -> None:
        """The bar has just come down: the driver's time to drive in begins."""
        self._empty_since = self._monotonic()

    def _empty_for(self, seconds: float) -> bool:
        return self._monotonic() - self._empty_since >= seconds

    def _note(self, kind: str, **fields: int) -> None:
        self._memory.apply(self._journal.append(kind, **fields))

    def _sign(self, kind: int, lease: str, from_: int, until: int) -> bool:
        grant = self._memory.grants.get(lease)
        if grant is None or not grant.opens <= from_ < grant.end:
            return False  # the contract takes no arrival outside the leased time
        self._witness.sign(kind, lease, from_, until)
        return True
