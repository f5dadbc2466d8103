"""Brings the locks' evidence to the chain.

That needs no privilege: anybody may do it. The keeper merely pays for it. Each record is a
transaction of its own, not part of a `recordBatch`: one lock's record that the contract refuses
would hold up the evidence of all others, a departure waits for its arrival, and each is journaled
by itself, so that a keeper killed at any moment sends it at most once.

A record that was mined is looked after until its block is final: a reorg may take it out, or have
its transaction come before the lease was there again, and be refused. Its lock has forgotten it by
then, so that nobody else would bring it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import defaultdict
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Connection, and_, exists, func, or_, select, update

from berth.chain.contracts import Contracts
from berth.chain.reverts import ChainRevertError
from berth.chain.rpc import Rpc
from berth.chain.sender import Sender
from berth.core.clock import Clock
from berth.core.errors import BerthError
from berth.core.ids import parse_lease
from berth.core.logs import about
from berth.core.messages import ARRIVED, BLOCKED, LEFT, NOSHOW
from berth.core.states import LeaseState, Outcome
from berth.relay.audience import tell_lease
from berth.relay.claims import FREE, Claim, claim, unclaimed, write_claimed
from berth.relay.misfortunes import refused_evidence
from berth.relay.policy import asleep, index_view
from berth.relay.rows import Row, every, first
from berth.store.clock import moment
from berth.store.derived import cursor, leases, settlements
from berth.store.engine import Store
from berth.store.kept import evidence, lease_transactions, outbox
from berth.store.outage import OUTAGE

#: A lease that is unknown may be mined again after a reorg for this long, seconds.
_UNKNOWN_SECONDS = 600
_RETRY_SECONDS, _LONGEST_PAUSE = 2, 60
_PENDING = ("received", "submitted")
_BATCH = 50
#: `next_at` of a mined record that no reorg takes out any more.
_FINAL = 1 << 40
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
        self._name = f"keeper-{secrets.token_hex(4)}"

    async def work(self) -> int:
        """Brings what is due; how many records were mined."""
        claims = await asyncio.to_thread(self._claim)
        if not claims:
            return 0
        by_lease: dict[str, list[Claim]] = defaultdict(list)
        for one in claims:
            by_lease[one.row["lease_id"]].append(one)
        done = await asyncio.gather(*(self._bring_all(group) for group in by_lease.values()))
        return sum(done)

    async def resume(self) -> None:
        """Sends again what a reorg may have taken out of the chain, and opens records again that
        are not in it any more."""
        await self._sender.resume()
        for row in await asyncio.to_thread(self._without_trace):
            if await self._vanished(row):
                await self._write(_reopen, row, self._clock.now())

    async def _bring_all(self, claims: list[Claim]) -> int:
        brought = 0
        for number, held in enumerate(claims):
            try:
                done = await self._bring(held)
            except OUTAGE:
                raise  # the claims run out by themselves
            except Exception as error:  # one lease's trouble is nobody else's
                _log.exception("evidence failed", lease=held.row["lease_id"])
                done = False
                await self._later(held, BerthError("keeper.error", repr(error)))
            if not done:
                for one in claims[number + 1 :]:  # the departure waits for the arrival
                    await self._write(_release, one)
                break
            brought += 1
        return brought

    async def _bring(self, held: Claim) -> bool:
        row = held.row
        with about(lease=row["lease_id"], evidence=row["kind"]):
            # a lock may mend a record that was refused: then it is another one
            purpose = f"record:{row['lease_id']}:{row['kind']}:{row['signature'][2:18]}"
            try:
                if row["until"] > await self._block_time():
                    raise BerthError("keeper.early", "the chain's time has not come there yet")
                # a reorg may have had it mined before the lease, or the arrival, was there again
                purpose = await self._sender.unspent(purpose)
                tx_hash = await self._sender.send(
                    purpose, self._contracts.market.address, self._calldata(row)
                )
                if row["state"] != "submitted":
                    await self._mark(held, "submitted", tx_hash=tx_hash)
                receipt = await self._sender.wait(purpose, within=_MINED_WITHIN)
            except ChainRevertError as error:
                return await self._refused(held, error)
            except BerthError as error:
                await self._later(held, error)
                return False
            await self._mark(held, "mined", tx_hash=receipt.transaction_hash, **FREE)
            return True

    async def _refused(self, held: Claim, error: ChainRevertError) -> bool:
        """The contract does not want it: too early, already there, or never."""
        row = held.row
        if error.name == "Berth_LeaseUnknown":
            young = self._clock.now() - row["received_at"] < _UNKNOWN_SECONDS
            if young or await asyncio.to_thread(self._is_wanted, row["lease_id"]):
                await self._later(held, error)
                return False
        if error.name == "Berth_WrongState":
            there = await self._on_chain(row)
            if there is None or await asyncio.to_thread(self._waits_for_arrival, row):
                await self._later(held, error)
                return False
            if there:
                await self._mark(held, "mined", reason="brought by somebody else", **FREE)
                return True
        await self._mark(held, "refused", reason=error.message, **FREE)
        _log.warning("evidence refused", reason=error.message)
        return True

    async def _on_chain(self, row: Row) -> bool | None:
        """Does the contract have this record, or one of its kind, already? None: the lease has
        ended, and the index does not know yet how."""
        lease = await self._contracts.market.read(
            self._rpc, "leaseOf", parse_lease(row["lease_id"])
        )
        if row["kind"] == ARRIVED:
            return bool(lease["arrived"])
        state = LeaseState(lease["state"])
        # who left within the first minute has left in minute 0
        if row["kind"] == LEFT and (lease["until"] or state is LeaseState.CLAIMED):
            return True
        if row["kind"] == NOSHOW and lease["noShow"]:
            return True
        if state.is_open:
            return False
        ending = _ENDINGS[row["kind"]]
        outcome = await asyncio.to_thread(self._ended_by, row["lease_id"])
        return None if outcome is None else outcome == ending

    async def _vanished(self, row: Row) -> bool:
        """Does the node say too that the chain has no such record?"""
        try:
            return await self._on_chain(row) is False
        except ChainRevertError as error:
            return error.name == "Berth_LeaseUnknown"

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

    def _claim(self) -> list[Claim]:
        """Records that are due, and nobody's, the longest due first: those that fail again and
        again keep no other waiting. Those of a lease in their order and together."""
        with self._store.read() as conn:
            if first(conn, select(evidence.c.id).where(_due()).limit(1)) is None:
                return []
        order = (_due_since(), evidence.c.lease_id, evidence.c.kind)
        with self._store.write() as conn:
            claims = claim(conn, evidence, self._name, _due(), order, _BATCH)
        return sorted(claims, key=lambda one: (one.row["lease_id"], one.row["kind"]))

    def _without_trace(self) -> list[Row]:
        """Mined records of which the index, at the head, knows nothing. Those that it knows of, and
        that are final, are looked at no more."""
        with self._store.read() as conn:
            if asleep(index_view(conn, self._clock)) is not None:
                return []
            found = every(conn, select(evidence).where(_WATCHED, ~_TRACE).order_by(evidence.c.id))
            final = first(conn, select(evidence.c.id).where(_WATCHED, _FINAL_TRACE).limit(1))
        if final is not None:
            with self._store.write() as conn:
                conn.execute(update(evidence).where(_WATCHED, _FINAL_TRACE).values(next_at=_FINAL))
        return found

    def _is_wanted(self, lease_id: str) -> bool:
        """Did a reorg take the lease out, whose booking is being sent again, or is to be?"""
        again = select(lease_transactions.c.tx_hash).where(
            lease_transactions.c.lease_id == lease_id, lease_transactions.c.wanted_at.is_not(None)
        )
        undone = select(outbox.c.id).where(
            outbox.c.lease_id == lease_id,
            outbox.c.kind == "undone.lease.booked",
            outbox.c.state == "new",
        )
        with self._store.read() as conn:
            return any(first(conn, query.limit(1)) is not None for query in (again, undone))

    def _waits_for_arrival(self, row: Row) -> bool:
        """Is this the departure of a vehicle whose arrival is on its way?"""
        arrival = select(evidence.c.id).where(
            evidence.c.lease_id == row["lease_id"],
            evidence.c.kind == ARRIVED,
            evidence.c.state.in_(_PENDING),
        )
        with self._store.read() as conn:
            return row["kind"] == LEFT and first(conn, arrival) is not None

    async def _mark(self, held: Claim, state: str, **values: Any) -> None:
        row = held.row

        def write(conn: Connection) -> None:
            if not write_claimed(conn, evidence, held, state=state, **values):
                return
            shown = {name: value for name, value in values.items() if name not in FREE}
            payload = {"kind": row["kind"], "state": state, **shown}
            tell_lease(conn, "lock.evidence", row["lease_id"], payload, self._clock.now())
            if state == "refused" and row["kind"] in (ARRIVED, LEFT):
                refused_evidence(conn, row, str(values["reason"]), self._clock.now())

        await self._write(write)

    async def _later(self, held: Claim, error: BerthError) -> None:
        attempts = held.row["attempts"] + 1
        # what is on its way, or too early, is looked at again soon
        soon = error.code in ("chain.timeout", "keeper.early")
        pause = (
            _RETRY_SECONDS if soon else min(_LONGEST_PAUSE, _RETRY_SECONDS * 2 ** min(attempts, 8))
        )

        def write(conn: Connection) -> None:
            news = {"reason": error.message, "next_at": moment() + pause, "attempts": attempts}
            write_claimed(conn, evidence, held, **news, **FREE)

        await self._write(write)

    async def _write(self, work: Any, *args: Any) -> None:
        def run() -> None:
            with self._store.write() as conn:
                work(conn, *args)

        await asyncio.to_thread(run)


def _due() -> ColumnElement[bool]:
    """Pending, its time has come, nobody's, and nobody is at work on an earlier one of its
    lease."""
    earlier = evidence.alias("earlier")
    waits = exists().where(
        earlier.c.lease_id == evidence.c.lease_id,
        earlier.c.kind < evidence.c.kind,
        earlier.c.state.in_(_PENDING),
        or_(earlier.c.claimed_until >= moment(), earlier.c.next_at > moment()),
    )
    return and_(
        evidence.c.state.in_(_PENDING),
        evidence.c.next_at <= moment(),
        unclaimed(evidence),
        ~waits,
    )


def _due_since() -> ColumnElement[Any]:
    """When the first of the lease's pending records was due: one moment for all of them."""
    mate = evidence.alias("mate")
    return (
        select(func.min(mate.c.next_at))
        .where(mate.c.lease_id == evidence.c.lease_id, mate.c.state.in_(_PENDING))
        .correlate(evidence)
        .scalar_subquery()
    )


def _release(conn: Connection, held: Claim) -> None:
    write_claimed(conn, evidence, held, **FREE)


def _reopen(conn: Connection, row: Row, now: int) -> None:
    """A mined record that is not in the chain any more is brought like a new one."""
    news = {"state": "received", "reason": "it is not in the chain any more"}
    opened = conn.execute(
        update(evidence)
        .where(evidence.c.id == row["id"], evidence.c.state == "mined")
        .values(**news, attempts=0, next_at=0, term=evidence.c.term + 1)
    )
    if opened.rowcount:
        _log.warning("evidence vanished", lease=row["lease_id"], evidence=row["kind"])
        told = {"kind": row["kind"], **news}
        tell_lease(conn, "lock.evidence", row["lease_id"], told, now)


def _ended(outcome: Outcome) -> ColumnElement[bool]:
    """Did the lease of the record end so, by the index?"""
    return exists().where(
        settlements.c.lease_id == evidence.c.lease_id, settlements.c.outcome == outcome.value
    )


#: How a lease ends by a record, where it does.
_ENDINGS = {LEFT: Outcome.DEPARTED, BLOCKED: Outcome.OBSTRUCTED, NOSHOW: Outcome.NO_SHOW}
#: What the index knows of a record, or of another one of its kind.
_KNOWN = or_(
    and_(evidence.c.kind == ARRIVED, leases.c.arrived != 0),
    and_(
        evidence.c.kind == LEFT,
        or_(leases.c.until_minute != 0, leases.c.state == LeaseState.CLAIMED.value),
    ),
    and_(evidence.c.kind == NOSHOW, leases.c.no_show == 1),
    *(and_(evidence.c.kind == kind, _ended(outcome)) for kind, outcome in _ENDINGS.items()),
)
_TRACE = exists().where(leases.c.lease_id == evidence.c.lease_id, _KNOWN)
_FINAL_TRACE = exists().where(
    leases.c.lease_id == evidence.c.lease_id,
    # the last change of the lease, whichever it was: none of it is taken back any more
    leases.c.updated_block <= select(func.min(cursor.c.final_number)).scalar_subquery(),
    _KNOWN,
)
_WATCHED = and_(evidence.c.state == "mined", evidence.c.next_at < _FINAL)
