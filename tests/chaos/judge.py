"""After a run has come to rest: the invariants, on what chain, database and lock journals hold."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from berth.chain.contracts import Contracts
from berth.chain.rpc import Rpc
from berth.core.deployment import Deployment
from berth.core.ids import parse_lease
from berth.core.slots import SLOT_SECONDS, slot_start
from berth.core.states import EARLY_SECONDS, LeaseState
from berth.indexer.digest import digest
from berth.indexer.run import Indexer
from berth.store import Store, derived, kept, open_store
from sqlalchemy import select

from tests import invariants
from tests.chaos.drivers import Parker
from tests.invariants import Mined

#: Confirmations that a lease on a local chain needs.
DEPTH = 2
#: A ticket is good for 120 s of the lock's clock; clocks of one machine, and blocks of a second.
_TICKET, _SKEW = 120, 3
#: Deeds of our keys that the contract takes once.
_ONCE = ("record", "close", "delist")


@dataclass(frozen=True)
class Figures:
    """What a run was."""

    leases: int
    served: int
    actuations: int
    transactions: int
    incidents: int


class Rows:
    """The database as the roles left it."""

    def __init__(self, store: Store) -> None:
        with store.read() as conn:

            def every(table: Any) -> list[dict[str, Any]]:
                return [dict(row) for row in conn.execute(select(table)).mappings()]

            self.commands = every(kept.commands)
            self.outbox = every(kept.outbox)
            self.evidence = every(kept.evidence)
            self.incidents = every(kept.incidents)
            self.readings = every(kept.plate_readings)
            self.sent = every(kept.sent_transactions)
            self.leases = {row["lease_id"]: row for row in every(derived.leases)}
            self.settlements = {row["lease_id"]: row for row in every(derived.settlements)}
            self.spaces = {row["space_id"]: row for row in every(derived.spaces)}
            self.accounts = {row["account"]: int(row["credit"]) for row in every(derived.accounts)}
            (self.market,) = every(derived.market_state)
            self.digest = digest(conn)
        self.explained = {row["lease_id"] for row in self.incidents}


async def judge(
    store: Store,
    rpc: Rpc,
    deployment: Deployment,
    journals: Mapping[str, Path],
    parkers: Sequence[Parker],
    folder: Path,
    confirmed: Mapping[str, Sequence[int]],
) -> tuple[list[str], Figures]:
    """Everything that is wrong, in words, and what there was to judge. `confirmed`: when
    leases were deep enough whose booking a reorg took out afterwards (`Reorgs.confirmed`)."""
    rows = Rows(store)
    read = {lock: _journal(path) for lock, path in journals.items()}
    blocks = await _block_times(rpc, deployment)
    mined = [one async for one in _our_transactions(rpc, rows)]
    wrong = [
        *(word for parker in parkers for word in parker.wrongs),
        *await _same_index(rows, rpc, deployment, folder),
        *_actuations(rows, read, blocks, confirmed),
        *invariants.unfinished(rows.commands, rows.outbox, rows.evidence),
        *invariants.unexplained_rows(rows.outbox, rows.explained),
        *invariants.unserved(_booked(rows, parkers), rows.explained),
        *await _balances(rows, rpc, deployment),
        *invariants.sent_twice(_once_only(mined, deployment), rows.sent),
        *_purposes(rows),
        *_all_over(rows, parkers, blocks[-1]),
    ]
    trips = [trip for parker in parkers for trip in parker.trips]
    moves = sum(record["k"] == "intent" for journal in read.values() for record in journal)
    return wrong, Figures(
        len(trips), sum(t.lowered for t in trips), moves, len(mined), len(rows.incidents)
    )


async def _same_index(rows: Rows, rpc: Rpc, deployment: Deployment, folder: Path) -> list[str]:
    """The index is what a clean one makes of the same chain."""
    clean = open_store(str(folder / "clean.sqlite"))
    try:
        await Indexer(clean, rpc, deployment).sync_once()
        with clean.read() as conn:
            made = digest(conn)
    finally:
        clean.close()
    if made.sha256 == rows.digest.sha256:
        return []
    return [
        f"the index differs from a clean one: {ours.name} has {ours.rows} rows, not {theirs.rows}"
        for ours, theirs in zip(rows.digest.tables, made.tables, strict=True)
        if ours.sha256 != theirs.sha256
    ]


# ---- bars


def _journal(path: Path) -> list[dict[str, Any]]:
    lines = path.read_bytes().split(b"\n")
    return [json.loads(line) for line in lines if line]


def _actuations(
    rows: Rows,
    journals: Mapping[str, Sequence[Mapping[str, Any]]],
    blocks: Sequence[int],
    confirmed: Mapping[str, Sequence[int]],
) -> Iterator[str]:
    """Every movement in the locks' own journals: once, and to lower the bar only by a command of
    ours for a lease that was confirmed, of that space, in its time, with its vehicle there."""
    moved = []
    ours = {row["id"]: row for row in rows.commands}
    for lock, journal in journals.items():
        if any(record["k"] == "snapshot" for record in journal):
            yield f"the journal of {lock} was shortened: it proves nothing"
        for record in journal:
            if record["k"] != "intent" or record["action"] not in ("lower", "raise"):
                continue
            moved.append(
                invariants.Actuation(lock, record["command"], record["action"], record["lease"], 0)
            )
    yield from invariants.moved_twice(moved)
    published = (
        (row["lock_id"], row["id"]) for row in rows.commands if row["published_at"] is not None
    )
    yield from invariants.unordered(moved, published)
    for one in moved:
        command = ours.get(one.command)
        if one.action == "lower" and command is not None:
            when = list(confirmed.get(one.lease, ()))
            lease = rows.leases.get(one.lease)
            if lease is not None:
                when += blocks[lease["booked_block"] + DEPTH - 1 :][:1]
            yield from _entitled(rows, one, command, when)


def _entitled(
    rows: Rows, one: invariants.Actuation, command: Mapping[str, Any], confirmed: Sequence[int]
) -> Iterator[str]:
    where = f"the bar of {one.lock} went down by {one.command}"
    lease = rows.leases.get(one.lease)
    if (command["action"], command["lease_id"]) != ("lower", one.lease):
        yield f"{where}, which was to {command['action']} for {command['lease_id']}"
    if lease is None:
        yield f"{where} for {one.lease}, which the chain does not have"
        return
    if rows.spaces[lease["space_id"]]["lock_key"] != one.lock:
        yield f"{where} for {one.lease}, which is of another lock"
    first = command["published_at"]
    if first is None:
        return  # said already: without a ticket
    last = command["outcome_at"] or first + _TICKET
    start = slot_start(parse_lease(one.lease) >> 16 & 0xFFFFFFFF)
    end = start + lease["slots"] * SLOT_SECONDS
    if last < start - EARLY_SECONDS - _SKEW or first >= end + _SKEW:
        yield f"{where} outside of the time of {one.lease}"
    closed = lease["closed_at"]
    if closed is not None and first > closed + _SKEW:
        yield f"{where} for {one.lease}, {first - closed} s after it was closed"
    if min(confirmed, default=math.inf) > last + _SKEW:
        yield f"{where} before {one.lease} was confirmed"
    if not any(
        reading["lease_id"] == one.lease
        and reading["lock_id"] == one.lock
        and reading["match"]
        and reading["at"] <= last + _SKEW
        for reading in rows.readings
    ):
        yield f"{where} for {one.lease} without its plate ever having been read"


async def _block_times(rpc: Rpc, deployment: Deployment) -> list[int]:
    """Timestamps by block number; those before the deployment count as its own."""
    head = await rpc.block_number()
    times = [0] * deployment.block
    for number in range(deployment.block, head + 1):
        block = await rpc.block(number)
        assert block is not None, f"the node has lost block {number} of {head}"
        times.append(block.timestamp)
    return times


# ---- money


def _booked(rows: Rows, parkers: Iterable[Parker]) -> Iterator[invariants.Booked]:
    for parker in parkers:
        for trip in parker.trips:
            lease, settled = rows.leases.get(trip.lease), rows.settlements.get(trip.lease)
            paid = 0
            if lease is not None:
                refund = 0 if settled is None else int(settled["refund"])
                paid = int(lease["deposit"]) - refund
            yield invariants.Booked(trip.lease, paid, trip.gave_up, trip.lowered)


async def _balances(rows: Rows, rpc: Rpc, deployment: Deployment) -> list[str]:
    contracts = Contracts.of(deployment)
    chain = {
        account: await contracts.market.read(rpc, "creditOf", account) for account in rows.accounts
    }
    held = await contracts.asset.read(rpc, "balanceOf", deployment.market)
    head, count, fees = await contracts.market.read(rpc, "ledger")
    escrow = sum(
        int(row["deposit"]) for row in rows.leases.values() if LeaseState(row["state"]).is_open
    )
    index = {
        "held": sum(rows.accounts.values()) + int(rows.market["fees"]) + escrow,
        "fees": int(rows.market["fees"]),
        "records": rows.market["ledger_count"],
        "head": rows.market["head"],
    }
    there = {"held": held, "fees": fees, "records": count, "head": "0x" + bytes(head).hex()}
    return [
        *invariants.differences("credit of", chain, rows.accounts),
        *invariants.differences("the market's", there, index),
    ]


async def _our_transactions(rpc: Rpc, rows: Rows) -> AsyncIterator[Mined]:
    """Every transaction in the chain that a key of ours sent."""
    accounts = {row["account"] for row in rows.sent}
    for number in range(await rpc.block_number() + 1):
        block = await rpc.call("eth_getBlockByNumber", hex(number), True)
        for one in block["transactions"]:
            if (sender := one["from"].lower()) in accounts:
                receipt = await rpc.call("eth_getTransactionReceipt", one["hash"])
                data = bytes.fromhex(one["input"][2:])
                yield Mined(sender, data, one["hash"], receipt["status"] == "0x1")


def _once_only(mined: Iterable[Mined], deployment: Deployment) -> Iterator[Mined]:
    functions = Contracts.of(deployment).market.abi.functions.values()
    once = {entry.selector for entry in functions if entry.name in _ONCE}
    assert len(once) == len(_ONCE)
    return (one for one in mined if one.data[:4] in once)


def _purposes(rows: Rows) -> Iterator[str]:
    """What was sent has a known end."""
    for row in rows.sent:
        if row["state"] in ("signed", "sent"):
            yield f"transaction {row['purpose']} is {row['state']} in the end"


def _all_over(rows: Rows, parkers: Iterable[Parker], now: int) -> Iterator[str]:
    """Nothing is open. `now` is the newest block's time: a lease that nobody was let in for can not
    be cancelled once its window has begun, and stays booked to its end; an incident says why."""
    for parker in parkers:
        for trip in parker.trips:
            lease = rows.leases.get(trip.lease)
            if lease is None:
                yield f"the index does not have {trip.lease}"
            elif LeaseState(lease["state"]).is_open:
                begun = slot_start(parse_lease(trip.lease) >> 16 & 0xFFFFFFFF) <= now
                booked = LeaseState(lease["state"]) is LeaseState.BOOKED
                if booked and begun and not trip.lowered and trip.lease in rows.explained:
                    continue
                state = LeaseState(lease["state"]).name
                yield f"{trip.lease} is {state} in the end (served: {trip.lowered})"
