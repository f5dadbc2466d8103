"""Hours of a week as 168 bits: bit 0 is Monday 00:00 to 01:00, local time.

A UTC offset in quarter hours is an offset in slots, so local time needs no seconds: local slot =
slot + offset. The Unix epoch was a Thursday, hence the 72 hours.
"""

from __future__ import annotations

from berth.core.checks import integer

HOURS_OF_WEEK = 168
ALL_HOURS = (1 << HOURS_OF_WEEK) - 1

_EPOCH_HOUR = 72


def hour_of_week(local_slot: int) -> int:
    """0 (Monday 00:00) to 167 (Sunday 23:00) of a slot of local time."""
    return (local_slot // 4 + _EPOCH_HOUR) % HOURS_OF_WEEK


def hours_mask(first_hour: int, hours: int) -> int:
    """`hours` hours from `first_hour` on, wrapping at the end of the week."""
    integer(hours, "hours", 0, 1 << 32)
    if hours >= HOURS_OF_WEEK:
        return ALL_HOURS
    first = first_hour % HOURS_OF_WEEK
    run = (1 << hours) - 1
    return (run << first | run >> (HOURS_OF_WEEK - first)) & ALL_HOURS


def touched_hours(local_start: int, slots: int) -> int:
    """Every hour of the week that [local_start, local_start + slots) touches, slots local."""
    first = local_start // 4
    last = -(-(local_start + slots) // 4)
    return hours_mask(first + _EPOCH_HOUR, last - first)


def daily_mask(days: range | list[int], first_hour: int, last_hour: int) -> int:
    """Hours [first_hour, last_hour) of some days (0 Monday to 6 Sunday); the end may be up to 48,
    for a night that runs into the next day."""
    integer(first_hour, "first_hour", 0, 23)
    integer(last_hour, "last_hour", first_hour + 1, 48)
    mask = 0
    for day in days:
        integer(day, "day", 0, 6)
        mask |= hours_mask(24 * day + first_hour, last_hour - first_hour)
    return mask
