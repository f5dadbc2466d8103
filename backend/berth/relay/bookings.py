"""Keeps the signed transactions of bookings, and sends them again when a reorg took them out.

The booking is the driver's: nobody but the chain can undo it, and nobody can forge it. Sent again
at once, the lease is mined again before anybody has noticed, where its time and place are free.
"""

from __future__ import annotations

import asyncio
from typing import Any

import structlog
from sqlalchemy import Connection, select, update

from berth.chain.rawtx import raw_transaction
from berth.chain.rpc import Rpc, RpcError
from berth.core.clock import Clock
from berth.relay import rebooking
from berth.relay.audience import lease_row
from berth.relay.rows import Row, every, first
from berth.store.clock import moment
from berth.store.derived import cursor
from berth.store.engine import Store
from berth.store.kept import lease_transactions as kept

_BATCH = 50
#: A transaction that no node gives is asked for so often.
_MAX_FETCHES = 20
#: A booking is sent again for so long, seconds of the clock: then its driver has to book anew.
WANTED_SECONDS = 3600
_AGAIN_SECONDS = 5
_log = structlog.get_logger("berth.keeper")


class Bookings:
    """One look: fetch what is not kept yet, send what is wanted, forget what is final."""

    def __init__(self, store: Store, rpc: Rpc, clock: Clock) -> None:
        self._store = store
        self._rpc = rpc
        self._clock = clock

    async def work(self) -> int:
        """How many were fetched or sent."""
        # wanted ones first: every second counts
        wanted = await asyncio.to_thread(self._read, self._wanted)
        sent = [await self._send_again(row) for row in wanted]
        missing = await asyncio.to_thread(self._read, self._missing)
        kept_now = [await self._fetch(row) for row in missing]
        await asyncio.to_thread(self._forget)
        return sum(sent) + sum(kept_now)

    async def _fetch(self, row: Row) -> bool:
        raw = await raw_transaction(self._rpc, row["tx_hash"])
        if raw is None:
            await self._note(row, attempts=row["attempts"] + 1, next_at=moment() + _AGAIN_SECONDS)
            return False
        await self._note(row, raw="0x" + raw.hex(), attempts=0)
        return True

    async def _send_again(self, row: Row) -> bool:
        back = await asyncio.to_thread(self._is_back, row["lease_id"])
        if back or self._clock.now() - row["wanted_at"] > WANTED_SECONDS:
            await self._note(row, wanted_at=None, reason=None if back else "booking.lost")
            return False
        raw = row["raw"]
        if raw is None:
            found = await raw_transaction(self._rpc, row["tx_hash"])  # the pool may have it
            raw = None if found is None else "0x" + found.hex()
        if raw is None:
            await self._note(row, reason="booking.unknown", next_at=moment() + _AGAIN_SECONDS)
            return False
        try:
            await self._rpc.call("eth_sendRawTransaction", raw)
            reason = None
        except RpcError as error:
            reason = error.text[:200]  # known already, or its nonce or the space is taken
        await self._note(
            row,
            raw=raw,
            sent_at=moment(),
            attempts=row["attempts"] + 1,
            reason=reason,
            next_at=moment() + _AGAIN_SECONDS,
        )
        _log.info("booking sent again", lease=row["lease_id"], tx=row["tx_hash"], reason=reason)
        return reason is None

    # ---- in the database, on a thread

    def _wanted(self, conn: Connection) -> list[Row]:
        due = (kept.c.wanted_at.is_not(None), kept.c.next_at <= moment())
        return every(conn, select(kept).where(*due).order_by(kept.c.wanted_at).limit(_BATCH))

    def _missing(self, conn: Connection) -> list[Row]:
        due = (
            kept.c.raw.is_(None),
            kept.c.wanted_at.is_(None),
            kept.c.attempts < _MAX_FETCHES,
            kept.c.next_at <= moment(),
        )
        return every(conn, select(kept).where(*due).order_by(kept.c.kept_at).limit(_BATCH))

    def _is_back(self, lease_id: str) -> bool:
        with self._store.read() as conn:
            return lease_row(conn, lease_id) is not None

    def _forget(self) -> None:
        with self._store.read() as conn:
            row = first(conn, select(cursor.c.final_number).limit(1))
            if row is None:
                return
            old = select(kept.c.tx_hash).where(
                kept.c.wanted_at.is_(None), kept.c.block_number <= row["final_number"]
            )
            if first(conn, old.limit(1)) is None:
                return
        with self._store.write() as conn:
            rebooking.forget_final(conn, row["final_number"])

    def _read(self, query: Any) -> Any:
        with self._store.read() as conn:
            return query(conn)

    async def _note(self, row: Row, **values: Any) -> None:
        def write() -> None:
            with self._store.write() as conn:
                conn.execute(update(kept).where(kept.c.tx_hash == row["tx_hash"]).values(values))

        await asyncio.to_thread(write)
