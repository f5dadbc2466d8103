"""Slots: quarter hours since the Unix epoch, the only time the contracts' calendar knows."""

from __future__ import annotations

SLOT_SECONDS = 900
SLOT_MINUTES = 15
SLOTS_PER_HOUR = 4
SLOTS_PER_DAY = 96
MAX_LEASE_SLOTS = 672
# A lease may start at most this many slots after the current one (90 days).
MAX_AHEAD_SLOTS = 8640


def slot_at(timestamp: int) -> int:
    """The slot that holds a moment (Unix seconds)."""
    return timestamp // SLOT_SECONDS


def ceil_slot(timestamp: int) -> int:
    """The first slot that starts at or after a moment (Unix seconds)."""
    return -(-timestamp // SLOT_SECONDS)


def slot_start(slot: int) -> int:
    """Unix seconds at which a slot starts."""
    return slot * SLOT_SECONDS


def slots_covering(start: int, end: int) -> tuple[int, int]:
    """(first slot, number of slots) of the smallest run that covers [start, end) Unix seconds."""
    first = slot_at(start)
    return first, max(0, ceil_slot(end) - first)


def utc_day(timestamp: int) -> int:
    """Days since 1970-01-01 UTC of a moment (Unix seconds)."""
    return timestamp // 86400
