"""Ends what nobody ended: leases whose time is over, spaces whose proof was revoked.

None of it needs a privilege: anybody may do it. The closer merely pays for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from berth.chain.contracts import Contracts
from berth.chain.sender import Sender
from berth.chain.wire import Receipt
from berth.core.clock import Clock
from berth.core.errors import BerthError
from berth.core.hashing import keccak
from berth.core.ids import parse_lease, parse_space, split_space
from berth.core.slots import SLOT_SECONDS
from berth.core.states import LeaseState, Times
from berth.relay.rows import Row, every
from berth.store.derived import attesters, leases, offers, revocations, spaces
from berth.store.engine import Store

#: Leases closed in one transaction; the contract takes a hundred.
_BATCH = 50


@dataclass(frozen=True)
class Closing:
    """What became of an attempt to close a lease: `tx_hash`, or the `reason` why not."""

    lease_id: str
    tx_hash: str | None
    reason: str | None


@dataclass(frozen=True)
class Delisting:
    """What became of an attempt to delist a space: `tx_hash`, or the `reason` why not."""

    space_id: str
    tx_hash: str | None
    reason: str | None


class Closer:
    """Looks into the index for what is due, and sends it."""

    def __init__(self, store: Store, contracts: Contracts, sender: Sender, clock: Clock) -> None:
        self._store = store
        self._market = contracts.market
        self._sender = sender
        self._clock = clock

    async def close_expired(self) -> list[Closing]:
        """Closes every lease that T1, a claim's T2 or a dispute's T3 has passed for, several in one
        transaction. Those that somebody else closed meanwhile are left out."""
        due = await asyncio.to_thread(self._due)
        done: list[Closing] = []
        for first in range(0, len(due), _BATCH):
            done += await self._close_all(due[first : first + _BATCH])
        return done

    async def delist_revoked(self) -> list[Delisting]:
        """Delists every space whose title, or whose lock's maker, is revoked."""
        due = await asyncio.to_thread(self._revoked)
        done = []
        for space_id, registered in due:
            # a space that is registered again may have to be delisted again
            purpose = f"delist:{space_id}:{registered}"
            tx_hash, reason = await self._try(purpose, "delist", parse_space(space_id))
            done.append(Delisting(space_id, tx_hash, reason))
        return done

    async def _close_all(self, due: list[str]) -> list[Closing]:
        if len(due) == 1:
            return [await self._close(due[0])]
        numbers = [parse_lease(lease_id) for lease_id in due]
        purpose = "close:" + keccak("".join(due).encode()).hex()
        try:
            receipt = await self._send(purpose, "closeBatch", numbers)
        except BerthError:
            # one that cannot be closed reverts them all: one by one it is alone
            return [await self._close(lease_id) for lease_id in due]
        passed_over = set(self._skipped(receipt))
        return [
            Closing(lease_id, receipt.transaction_hash, None)
            for lease_id, number in zip(due, numbers, strict=True)
            if number not in passed_over
        ]

    async def _close(self, lease_id: str) -> Closing:
        tx_hash, reason = await self._try(f"close:{lease_id}", "close", parse_lease(lease_id))
        return Closing(lease_id, tx_hash, reason)

    async def _try(self, purpose: str, verb: str, *args: Any) -> tuple[str | None, str | None]:
        """(hash, None), or (None, why not)."""
        try:
            receipt = await self._send(purpose, verb, *args)
        except BerthError as error:
            return None, error.message
        return receipt.transaction_hash, None

    async def _send(self, purpose: str, verb: str, *args: Any) -> Receipt:
        calldata = self._market.calldata(verb, *args)
        return await self._sender.transact(purpose, self._market.address, calldata)

    def _skipped(self, receipt: Receipt) -> Iterator[int]:
        topic = "0x" + self._market.abi.events["Skipped"].topic.hex()
        for log in receipt.logs:
            if log.topics and log.topics[0] == topic:
                yield int(log.topics[1], 16)

    # ---- in the database, on a thread

    def _due(self) -> list[str]:
        now = self._clock.now()
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
        with self._store.read() as conn:
            rows = every(conn, query)
        return [row["lease_id"] for row in rows if _closes_from(row) <= now]

    def _revoked(self) -> Sequence[tuple[str, int]]:
        """(space, block of its registration) of listed spaces that anybody may delist."""
        query = (
            select(spaces.c.space_id, spaces.c.block_number, attesters.c.revoked)
            .outerjoin(attesters, attesters.c.id == spaces.c.maker)
            .where(spaces.c.delisted_day == 0)
            .order_by(spaces.c.space_id)
        )
        with self._store.read() as conn:
            bits = _revoked_titles(conn)
            rows = every(conn, query)
        return [
            (row["space_id"], row["block_number"])
            for row in rows
            if row["revoked"] or _has_bit(bits, row["space_id"])
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
