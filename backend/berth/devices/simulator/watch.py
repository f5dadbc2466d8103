"""Leases whose vehicle never came: somebody else's stands there, or nobody came at all."""

from __future__ import annotations

from berth.core.clock import Clock
from berth.core.messages import BLOCKED, NOSHOW
from berth.devices.simulator.evidence import Witness
from berth.devices.simulator.memory import Memory
from berth.devices.simulator.stay import Timing
from berth.devices.tickets import Grant


class Watch:
    """Looks at the bay for every lease that the lock keeps.

    A lock says NOSHOW only of a time through which it watched an empty bay and could have been told
    to lower its bar: not after a restart, without its connection, or with a fault.
    """

    def __init__(self, memory: Memory, clock: Clock, timing: Timing, witness: Witness) -> None:
        self._memory = memory
        self._clock = clock
        self._timing = timing
        self._witness = witness
        self._vehicle: bool | None = None
        self._changed_at = clock.now()
        self._ready_since: int | None = None

    def sensed(self, vehicle: bool) -> None:
        """The sensor's newest word."""
        if vehicle != self._vehicle:
            self._vehicle = vehicle
            self._changed_at = self._clock.now()

    def ready(self, ready: bool) -> None:
        """Could a driver be let in: is there a connection, and no fault of the bar?"""
        if not ready:
            self._ready_since = None
        elif self._ready_since is None:
            self._ready_since = self._clock.now()

    def tick(self) -> bool:
        """Time has passed; True when something was signed."""
        now, told = self._clock.now(), False
        for grant in list(self._memory.grants.values()):
            if grant.state == "revoked" or self._came(grant):
                continue
            if self._vehicle:
                told |= self._blocked(grant, now)
            else:
                told |= self._nobody(grant, now)
        return told

    def _came(self, grant: Grant) -> bool:
        here = self._memory.lowered_for == grant.lease and self._memory.arrived_at is not None
        return here or self._memory.told.get(grant.lease, (NOSHOW, 0))[0] != NOSHOW

    def _blocked(self, grant: Grant, now: int) -> bool:
        since = max(self._changed_at, grant.start)
        if not grant.start <= now < grant.end or now - since < self._timing.blocked:
            return False
        standing = self._memory.grants.get(self._memory.lowered_for or "")
        if standing is not None and standing.plate == grant.plate:
            return False  # the driver's own, still there from the lease before
        self._witness.sign(BLOCKED, grant.lease, self._changed_at, now)
        return True

    def _nobody(self, grant: Grant, now: int) -> bool:
        if self._ready_since is None:
            return False
        since = max(self._changed_at, self._ready_since)
        due = grant.end + self._timing.no_show
        # of a lease that was made longer since, it is said once more
        said = self._memory.told.get(grant.lease, (NOSHOW, 0))[1] >= grant.end
        late = now >= grant.end + self._timing.overdue
        if said or late or now < due or since > grant.start:
            return False
        self._witness.sign(NOSHOW, grant.lease, since, now)
        return True
