"""Local time of spaces: offers live in a fixed offset of quarter hours, people in time zones."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from berth.core.checks import integer
from berth.core.errors import BerthError
from berth.core.slots import SLOT_SECONDS, SLOTS_PER_DAY, slot_start

MIN_OFFSET = -48
MAX_OFFSET = 56

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


def offset_text(utc_offset: int) -> str:
    """An offset in quarter hours as text, "+05:45"."""
    integer(utc_offset, "utc_offset", MIN_OFFSET, MAX_OFFSET)
    hours, quarters = divmod(abs(utc_offset), 4)
    return f"{'-' if utc_offset < 0 else '+'}{hours:02d}:{15 * quarters:02d}"


def offset_at(zone: str, at: int) -> int:
    """The offset, in quarter hours, of a time zone ("Australia/Melbourne") at Unix seconds `at`.

    Raises BerthError for an unknown zone, or an offset of the past that is no quarter hour.
    """
    try:
        moment = datetime.fromtimestamp(at, ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BerthError(
            "zone.unknown", "no time zone {zone!r}", field="zone", zone=zone
        ) from error
    offset = moment.utcoffset() or timedelta()
    quarters, rest = divmod(int(offset.total_seconds()), SLOT_SECONDS)
    if rest:
        raise BerthError(
            "zone.offset",
            "{zone} was {offset} from UTC then",
            field="zone",
            zone=zone,
            offset=offset,
        )
    return integer(quarters, "utc_offset", MIN_OFFSET, MAX_OFFSET)


def local_time(at: int, utc_offset: int) -> datetime:
    """Unix seconds as local time with its offset."""
    integer(utc_offset, "utc_offset", MIN_OFFSET, MAX_OFFSET)
    return datetime.fromtimestamp(at, timezone(timedelta(minutes=15 * utc_offset)))


def local_slot(slot: int, utc_offset: int) -> int:
    """A slot counted in local time."""
    return slot + utc_offset


def local_day(slot: int, utc_offset: int) -> int:
    """Local days since 1970-01-01 of a slot."""
    return (slot + utc_offset) // SLOTS_PER_DAY


def day_number(day: date) -> int:
    """Days since 1970-01-01 of a date."""
    return day.toordinal() - _EPOCH_ORDINAL


def day_date(number: int) -> date:
    """The date of a day's number."""
    return date.fromordinal(_EPOCH_ORDINAL + number)


def rfc3339(at: int) -> str:
    """Unix seconds as RFC 3339 UTC, "2026-11-21T08:00:00Z"."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: object, field: str = "time") -> int:
    """Unix seconds of an RFC 3339 time with its offset; fractions of a second are dropped."""
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) and "T" in text else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BerthError(
            "time.invalid",
            "{given!r} is no time like 2026-11-21T08:00:00Z",
            field=field,
            given=text,
        )
    return int(moment.timestamp() // 1)


def slot_local_time(slot: int, utc_offset: int) -> datetime:
    """The local time at which a slot starts."""
    return local_time(slot_start(slot), utc_offset)
