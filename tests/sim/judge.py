"""Judges a run that has come to rest: the invariants, on this world's facts."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from berth.chain.rpc import Rpc
from berth.core.ids import lease_hex
from berth.core.model import Market
from berth.core.offer import FLAG_PLATE
from berth.core.slots import slot_start
from berth.core.states import EARLY_SECONDS, LeaseState
from berth.devices.topics import COMMAND
from berth.indexer.digest import digest
from berth.indexer.run import Indexer
from berth.store import derived, kept
from sqlalchemy import select

from tests import invariants
from tests.sim.chain import Block
from tests.sim.contract import MARKET
from tests.sim.database import new_database, open_database
from tests.sim.faults import Faults
from tests.sim.locks import Move
from tests.sim.loop import Process
from tests.sim.node import Node
from tests.sim.people import STAYED_UP

if TYPE_CHECKING:
    from tests.sim.world import World

#: A lease that was confirmed this long ago may still move a bar: a ticket lives for 120 s of the
#: lock's clock, and was signed after a look at a node. Seconds.
MEMORY = 240
#: Selectors of what a keeper may well send again on another day.
PAYOUTS = frozenset(MARKET.functions[name].selector for name in ("payout", "payoutBatch"))
#: By how much the clocks that a decision rests on may differ, seconds.
SKEW = 35


def judge(world: World) -> list[str]:
    """Everything that is wrong, in words."""
    return list(dict.fromkeys(_all(world)))  # each said once


def _all(world: World) -> Iterator[str]:
    facts = Rows(world)
    lowered = [move for move in world.moves if move.begins and move.target == "down" and move.first]
    actuations = [_actuation(move) for move in world.moves if move.begins and move.first]
    tickets = list(_tickets(world))
    yield from invariants.moved_twice(one for one in actuations if one.command)
    yield from invariants.unordered(actuations, tickets)
    yield from invariants.kept_commands((m.topic, m.retain) for m in world.broker.heard)
    for move in lowered:
        yield from _entitled(world, move)
    yield from _commanded(lowered, facts)
    yield from _still_there(world, lowered, facts)
    yield from invariants.unfinished(facts.commands, facts.outbox, facts.evidence)
    yield from invariants.unexplained_rows(facts.outbox, facts.explained)
    yield from invariants.unserved(_booked(world, lowered, facts), facts.explained)
    yield from _honest(world, facts)
    yield from _balances(world, facts)
    yield from invariants.sent_twice(_sent(world), facts.sent)
    yield from _hasty(world)
    yield from _paid_out(world, facts)
    yield from world.findings
    yield from (f"a program ended by itself: {words}" for words in world.platform.endings)
    for device in world.devices.values():
        yield from (f"a program ended by itself: {words}" for words in device.endings)
        if device.hardware.sense() != "up":
            yield f"the bar of {device.lock_id[:8]} is {device.hardware.sense()} in the end"
    for number in world.chain.market.open_leases():
        yield f"lease {lease_hex(number)} is open for ever"


class Rows:
    """The database as the programs left it."""

    def __init__(self, world: World) -> None:
        with world.web.read() as conn:

            def every(table: Any) -> list[dict[str, Any]]:
                return [dict(row) for row in conn.execute(select(table)).mappings()]

            self.commands = every(kept.commands)
            self.outbox = every(kept.outbox)
            self.evidence = every(kept.evidence)
            self.leases = every(derived.leases)
            self.accounts = every(derived.accounts)
            self.market = every(derived.market_state)
            self.cursor = every(derived.cursor)
            self.incidents = every(kept.incidents) if hasattr(kept, "incidents") else []
            self.events = every(kept.events)
            self.sent = every(kept.sent_transactions)
            self.digest = digest(conn)
        self.explained = {row["lease_id"] for row in self.incidents} | {
            row["lease_id"] for row in self.events if row["topic"].startswith("incident.")
        }


def _actuation(move: Move) -> invariants.Actuation:
    action = "lower" if move.target == "down" else "raise"
    return invariants.Actuation(move.lock, move.command, action, move.lease, move.at)


def _tickets(world: World) -> Iterator[tuple[str, str]]:
    """(lock, command) of every ticket that the backend published."""
    for message in world.broker.heard:
        parts = message.topic.split("/")
        if parts[-1] != COMMAND or message.user != "backend":
            continue
        body = message.payload.split(b".")
        if len(body) != 3:
            continue
        claims = json.loads(base64.urlsafe_b64decode(body[1] + b"=" * (-len(body[1]) % 4)))
        if "id" in claims:
            yield parts[-2], claims["id"]


def _commanded(lowered: list[Move], facts: Rows) -> Iterator[str]:
    """What moved a bar is a command on record, of that lock and lease."""
    known = {(row["lock_id"], row["id"], row["lease_id"]) for row in facts.commands}
    for move in lowered:
        if (move.lock, move.command, move.lease) not in known:
            yield f"the bar of {move.lock[:8]} went down for {move.lease} without any command"


# ---- was it right to lower the bar?


def _entitled(world: World, move: Move) -> Iterator[str]:
    """Some node's chain, not long before, had the lease: open, deep enough, in its time; and the
    vehicle in front of the camera was its own, where the offer asks for that."""
    reasons = []
    for at, tip in world.views:
        if not move.at - MEMORY <= at <= move.at + 1:
            continue
        why = _why_not(world, move, tip)
        if why is None:
            return
        reasons.append(why)
    words = reasons[-1] if reasons else "no chain at all"
    yield f"the bar of {move.lock[:8]} went down for {move.lease} at {move.at:.0f}: {words}"


def _why_not(world: World, move: Move, tip: Block) -> str | None:
    lease = int(move.lease, 16)
    word = tip.market.leases.get(lease >> 16)
    if word is None or word.epoch != lease & 0xFFFF:
        return "the lease is unknown"
    if word.state not in (LeaseState.BOOKED, LeaseState.PARKED):
        return f"the lease is {word.state.name}"
    required = world.required(tip.market.deposit_of(lease))
    deep = _at_depth(tip, required)
    former = deep.market.leases.get(lease >> 16)
    if former is None or former.epoch != word.epoch:
        return f"the lease is not {required} deep"
    start = slot_start(lease >> 16 & 0xFFFFFFFF)
    end = start + 900 * word.slots
    moment = move.at
    if not start - EARLY_SECONDS - SKEW <= moment < end + SKEW + MEMORY:
        return "it is not the lease's time"
    if tip.market.terms_of(lease).flags & FLAG_PLATE:
        wanted = world.plates_of(lease, tip)
        if move.plate not in wanted:
            return f"{move.plate} is not the lease's vehicle ({', '.join(sorted(wanted))})"
    if move.vehicle:
        return "a vehicle is over it"
    return None


def _at_depth(tip: Block, depth: int) -> Block:
    block = tip
    for _ in range(depth - 1):
        if block.parent is not None:
            block = block.parent
    return block


def _still_there(world: World, lowered: list[Move], facts: Rows) -> Iterator[str]:
    """A lease that a reorg took away after its bar went down is in the chain again, or there is an
    incident."""
    market: Market = world.chain.market
    for move in lowered:
        lease = int(move.lease, 16)
        word = market.leases.get(lease >> 16)
        gone = word is None or word.epoch < lease & 0xFFFF
        if gone and move.lease not in facts.explained:
            yield f"{move.lease} is gone after its bar went down, without an incident"


def _booked(world: World, lowered: list[Move], facts: Rows) -> Iterator[invariants.Booked]:
    """Paid is what the contract took when it was booked: what comes back a day later lets nobody
    in."""
    served = {move.lease for move in lowered}
    paid = {values["leaseId"]: values["deposit"] for values in world.told("Leased")}
    for story in world.people.stories:
        if story.lease:
            name = lease_hex(story.lease)
            wanted = story.wanted and story.gave_up == STAYED_UP
            yield invariants.Booked(name, paid.get(story.lease, 0), wanted, name in served)


def _honest(world: World, facts: Rows) -> Iterator[str]:
    """A command is done because its lock did it."""
    for row in facts.commands:
        device = world.devices.get(row["lock_id"])
        if row["state"] != "done" or device is None or device.program is None:
            continue
        ended = device.program.lock.memory.ended.get(row["id"])
        if ended is None or ended.outcome != "done":
            yield f"command {row['id']} ({row['action']}) is done, but its lock knows of none"


# ---- chain, index, purse


def _balances(world: World, facts: Rows) -> Iterator[str]:
    market = world.chain.market
    if market.token.balance_of(market.address) != market.owed():
        yield "the contract does not hold what it owes"
    if facts.cursor[0]["block_hash"] != world.chain.tip.hash:
        yield f"the index is at {facts.cursor[0]['block_number']}, not at the chain's tip"
        return
    yield from invariants.differences(
        "credit of",
        {
            account: held.credit
            for account, held in market.accounts.items()
            if held.used or held.auto_payout
        },
        {row["account"]: int(row["credit"]) for row in facts.accounts},
    )
    yield from invariants.differences(
        "lease",
        {
            lease_hex(key << 16 | word.epoch): int(word.state)
            for key, word in market.leases.items()
            if word.offer
        },
        {
            row["lease_id"]: row["state"]
            for row in facts.leases
            if market.leases[int(row["lease_id"], 16) >> 16].epoch == row["epoch"]
        },
    )
    state = facts.market[0]
    yield from invariants.differences(
        "the market's",
        {"fees": market.fees, "records": market.count, "head": "0x" + market.head.hex()},
        {"fees": int(state["fees"]), "records": state["ledger_count"], "head": state["head"]},
    )
    yield from _replayed(world, facts)


def _replayed(world: World, facts: Rows) -> Iterator[str]:
    """An index of the final chain that nothing ever disturbed has the same rows."""
    calm = Faults(0, lambda *_args, **_kw: None, 0.0)
    node = Node("judge", world.chain, world.codec, calm, world.deployment.chain_id)
    url = new_database(world.folder / "judge.sqlite")
    process = Process("judge")
    store = process.run(open_database, url, calm, process, world.now, None)

    async def index() -> None:
        async with Rpc("http://judge", transport=node) as rpc:
            await Indexer(store, rpc, world.deployment).sync_once()

    world.loop.run_until_complete(index())
    with store.read() as conn:
        clean = digest(conn)
    store.close()
    theirs = {table.name: (table.rows, table.sha256) for table in facts.digest.tables}
    for table in clean.tables:
        if theirs[table.name] != (table.rows, table.sha256):
            yield f"table {table.name} differs from a clean replay's"


def _sent(world: World) -> Iterator[invariants.Mined]:
    for block in world.chain.line:
        for receipt in block.receipts:
            tx = receipt.transaction
            if tx.nonce is not None and tx.data[:4] not in PAYOUTS:
                yield invariants.Mined(tx.sender, tx.data, tx.hash, receipt.error is None)


def _hasty(world: World) -> Iterator[str]:
    """A deed has another go only after each former one was mined and refused, in some branch."""
    for tx in world.chain.hasty:
        if tx.data[:4] not in PAYOUTS:
            yield f"{tx.words} left again before the chain had refused the former"


def _paid_out(world: World, facts: Rows) -> Iterator[str]:
    """Who asked for it has his money, by one transaction a day of the keeper's clock at most."""
    for account, credit in sorted(world.unpaid().items()):
        yield f"{account[:8]} asked to be paid out, and has a credit of {credit} in the end"
    sent_at = {
        tx_hash: row["submitted_at"]
        for row in facts.sent
        for tx_hash in (row["tx_hash"], *row["former_hashes"].split())
    }
    counts = Counter(
        (account, sent_at[receipt.transaction.hash] // 86400)
        for receipt, account in world.payouts()
    )
    for (account, day), count in sorted(counts.items()):
        if count > 1:
            yield f"{account[:8]} was paid out {count} times on day {day}"
