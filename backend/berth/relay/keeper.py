"""Brings the locks' evidence to the chain.

That needs no privilege: anybody may do it. The keeper merely pays for it. Each record is a
transaction of its own, not part of a `recordBatch`: one lock's record that the contract refuses
would hold up the evidence of all others, a departure waits for its arrival, and each is journaled
by itself, so that a keeper killed at any moment sends it at most once.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

import structlog
from sqlalchemy import Connection, select, update

from berth.chain.contracts import Contracts
from berth.chain.reverts import ChainRevertError
from berth.chain.rpc import Rpc
from berth.chain.sender import Sender
from berth.core.clock import Clock
from berth.core.errors import BerthError
from berth.core.ids import parse_lease
from berth.core.messages import ARRIVED, LEFT, NOSHOW
from berth.core.states import LeaseState, Outcome
from berth.relay.audience import tell_lease
from berth.relay.claims import database_now
from berth.relay.rows import Row, every
from berth.store.derived import settlements
from berth.store.engine import Store
from berth.store.kept import evidence

#: A lease that is unknown may be mined again after a reorg for this long, seconds.
_UNKNOWN_SECONDS = 600
_RETRY_SECONDS = 2
_BATCH = 50
#: Longest wait for one transaction before others are looked at again, seconds.
_MINED_WITHIN = 5.0
_log = structlog.get_logger("berth.keeper")


class Keeper:
    """Evidence from the table to the chain, each record at most once, in the order of a lease."""

    def __init__(
        self, store: Store, rpc: Rpc, contracts: Contracts, sender: Sender, clock: Clock
    ) -> None:
        self._store = store
        self._rpc = rpc
        self._contracts = contracts
        self._sender = sender
        self._clock = clock

    async def work(self) -> int:
        """Brings what is due; how many records were mined."""
        rows = await asyncio.to_thread(self._due)
        if not rows:
            return 0
        by_lease: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            by_lease[row["lease_id"]].append(row)
        done = await asyncio.gather(*(self._bring_all(group) for group in by_lease.values()))
        return sum(done)

    async def resume(self) -> None:
        """Sends again what a reorg may have taken out of the chain."""
        await self._sender.resume()

    async def _bring_all(self, records: list[Row]) -> int:
        brought = 0
        for row in records:
            if not await self._bring(row):
                break  # the departure waits for the arrival
            brought += 1
        return brought

    async def _bring(self, row: Row) -> bool:
        # a lock may mend a record that was refused: then it is another one
        purpose = f"record:{row['lease_id']}:{row['kind']}:{row['signature'][2:18]}"
        try:
            if row["until"] > await self._block_time():
                raise BerthError("keeper.early", "the chain's time has not come there yet")
            tx_hash = await self._sender.send(
                purpose, self._contracts.market.address, self._calldata(row)
            )
            if row["state"] != "submitted":
                await self._mark(row, "submitted", tx_hash=tx_hash)
            receipt = await self._sender.wait(purpose, within=_MINED_WITHIN)
        except ChainRevertError as error:
            return await self._refused(row, error)
        except BerthError as error:
            await self._later(row, error)
            return False
        await self._mark(row, "mined", tx_hash=receipt.transaction_hash)
        return True

    async def _refused(self, row: Row, error: ChainRevertError) -> bool:
        """The contract does not want it: too early, already there, or never."""
        young = self._clock.now() - row["received_at"] < _UNKNOWN_SECONDS
        if error.name == "Berth_LeaseUnknown" and young:
            await self._later(row, error)
            return False
        if error.name == "Berth_WrongState":
            there = await self._on_chain(row)
            if there is None:
                await self._later(row, error)
                return False
            if there:
                await self._mark(row, "mined", reason="brought by somebody else")
                return True
        await self._mark(row, "refused", reason=error.message)
        _log.warning("evidence refused", lease=row["lease_id"], reason=error.message)
        return True

    async def _on_chain(self, row: Row) -> bool | None:
        """Does the contract have this record, or one of its kind, already? None: the lease has
        ended, and the index does not know yet how."""
        lease = await self._contracts.market.read(
            self._rpc, "leaseOf", parse_lease(row["lease_id"])
        )
        if row["kind"] == ARRIVED:
            return bool(lease["arrived"])
        if row["kind"] == LEFT:
            return bool(lease["until"])
        if row["kind"] == NOSHOW and lease["noShow"]:
            return True
        if LeaseState(lease["state"]).is_open:
            return False
        ending = Outcome.NO_SHOW if row["kind"] == NOSHOW else Outcome.OBSTRUCTED
        outcome = await asyncio.to_thread(self._ended_by, row["lease_id"])
        return None if outcome is None else outcome == ending

    def _ended_by(self, lease_id: str) -> int | None:
        """The outcome of a lease, by the index; of a lease that is open there None."""
        query = select(settlements.c.outcome).where(settlements.c.lease_id == lease_id)
        with self._store.read() as conn:
            return conn.execute(query).scalar_one_or_none()

    def _calldata(self, row: Row) -> bytes:
        record: dict[str, Any] = {
            "leaseId": parse_lease(row["lease_id"]),
            "kind": row["kind"],
            "from": row["from_"],
            "until": row["until"],
            "energyWh": row["energy_wh"],
        }
        signature = bytes.fromhex(row["signature"][2:])
        return self._contracts.market.calldata("record", record, signature)

    async def _block_time(self) -> int:
        block = await self._rpc.block("latest")
        return 0 if block is None else block.timestamp

    # ---- in the database, on a thread

    def _due(self) -> list[Row]:
        with self._store.read() as conn:
            query = (
                select(evidence)
                .where(
                    evidence.c.state.in_(("received", "submitted")),
                    evidence.c.next_at <= database_now(conn),
                )
                .order_by(evidence.c.lease_id, evidence.c.kind)
                .limit(_BATCH)
            )
            return every(conn, query)

    async def _mark(self, row: Row, state: str, **values: Any) -> None:
        def write(conn: Connection) -> None:
            conn.execute(
                update(evidence).where(evidence.c.id == row["id"]).values(state=state, **values)
            )
            payload = {"kind": row["kind"], "state": state, **values}
            tell_lease(conn, "lock.evidence", row["lease_id"], payload, self._clock.now())

        await self._write(write)

    async def _later(self, row: Row, error: BerthError) -> None:
        def write(conn: Connection) -> None:
            conn.execute(
                update(evidence)
                .where(evidence.c.id == row["id"])
                .values(reason=error.message, next_at=database_now(conn) + _RETRY_SECONDS)
            )

        await self._write(write)

    async def _write(self, work: Any) -> None:
        def run() -> None:
            with self._store.write() as conn:
                work(conn)

        await asyncio.to_thread(run)
