"""From the times people ask for to the slots that the market leases."""

from __future__ import annotations

from dataclasses import dataclass

from berth.core.errors import BerthError
from berth.core.slots import (
    MAX_AHEAD_SLOTS,
    MAX_LEASE_SLOTS,
    slot_at,
    slot_start,
    slots_covering,
    utc_day,
)


@dataclass(frozen=True, slots=True)
class Stay:
    """A run of slots: `start_slot` since the Unix epoch, `slots` of 15 minutes."""

    start_slot: int
    slots: int

    @property
    def end_slot(self) -> int:
        """The first slot after it."""
        return self.start_slot + self.slots

    @property
    def start(self) -> int:
        """Unix seconds UTC."""
        return slot_start(self.start_slot)

    @property
    def end(self) -> int:
        """Unix seconds UTC."""
        return slot_start(self.end_slot)

    @property
    def end_day(self) -> int:
        """The last UTC day it touches: titles, identities and locks must be valid on it."""
        return utc_day(self.end - 1)


def stay_between(start: int, end: int, now: int) -> Stay:
    """The smallest stay that covers [start, end) (Unix seconds UTC), if it may still be leased.

    Raises BerthError (422) naming `start` or `end`. A start within the current slot is not past:
    the contract leases the slot that has begun.
    """
    if end <= start:
        raise _bad("stay.reversed", "must be after the start", "end")
    first, slots = slots_covering(start, end)
    current = slot_at(now)
    if first < current:
        raise _bad("stay.past", "has passed", "start")
    if first > current + MAX_AHEAD_SLOTS:
        raise _bad("stay.too_far", "is more than 90 days ahead", "start")
    if slots > MAX_LEASE_SLOTS:
        raise _bad("stay.too_long", "is more than seven days after the start", "end")
    return Stay(first, slots)


def _bad(code: str, message: str, field: str) -> BerthError:
    return BerthError(code, message, field=field, status=422)
