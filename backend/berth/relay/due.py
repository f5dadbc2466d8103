"""What the index says that is due: leases to close, spaces to delist, credits to pay out."""

from __future__ import annotations

from sqlalchemy import Connection, select

from berth.core.ids import parse_space, split_space
from berth.core.money import parse_minor
from berth.core.slots import SLOT_SECONDS
from berth.core.states import LeaseState, Times
from berth.relay.rows import Row, every
from berth.store.derived import accounts, attesters, leases, offers, revocations, spaces


def leases_to_close(conn: Connection, now: int) -> list[str]:
    """Open leases that T1, a claim's T2 or a dispute's T3 has passed for, the oldest first."""
    query = (
        select(
            leases.c.lease_id,
            leases.c.start_slot,
            leases.c.slots,
            leases.c.state,
            leases.c.disputed,
            offers.c.reserve_minutes,
        )
        .join(
            offers,
            (offers.c.space_id == leases.c.space_id) & (offers.c.number == leases.c.offer),
        )
        .where(
            leases.c.state.in_([s.value for s in LeaseState if s.is_open]),
            leases.c.end_slot <= now // SLOT_SECONDS,
        )
        .order_by(leases.c.end_slot, leases.c.lease_id)
    )
    return [row["lease_id"] for row in every(conn, query) if _closes_from(row) <= now]


def spaces_to_delist(conn: Connection) -> list[tuple[str, int]]:
    """(space, block of its registration) of listed spaces whose title, or whose lock's maker, is
    revoked."""
    query = (
        select(spaces.c.space_id, spaces.c.block_number, attesters.c.revoked)
        .outerjoin(attesters, attesters.c.id == spaces.c.maker)
        .where(spaces.c.delisted_day == 0)
        .order_by(spaces.c.space_id)
    )
    bits = _revoked_titles(conn)
    return [
        (row["space_id"], row["block_number"])
        for row in every(conn, query)
        if row["revoked"] or _has_bit(bits, row["space_id"])
    ]


def accounts_to_pay(conn: Connection, least: int) -> list[str]:
    """Accounts that asked to be paid out by anybody, with at least so much credit (minor units)."""
    query = select(accounts).where(accounts.c.auto_payout == 1).order_by(accounts.c.account)
    return [
        row["account"] for row in every(conn, query) if parse_minor(row["credit"]) >= max(1, least)
    ]


def _closes_from(row: Row) -> int:
    times = Times.of(row["start_slot"], row["slots"], row["reserve_minutes"])
    if row["disputed"]:
        return times.t3
    return times.t2 if row["state"] == LeaseState.CLAIMED.value else times.t1


def _revoked_titles(conn: Connection) -> dict[tuple[int, int], int]:
    """The bits of every word of the registry, by city and word."""
    return {
        (row["city"], row["word"]): int(row["bits"], 16) for row in every(conn, select(revocations))
    }


def _has_bit(bits: dict[tuple[int, int], int], space_id: str) -> bool:
    city, index = split_space(parse_space(space_id))
    return bits.get((city, index >> 8), 0) >> (index & 255) & 1 == 1
