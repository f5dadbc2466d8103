"""Signing ahead: what waits for one more block is signed while the index reads that block.

A command that lacks nothing but depth, and lacks one block of it, is *armed*: what to ask the
signer is put together beforehand. A lock that has been quiet for long has no nonce that would do:
it is asked for a hello while the block is still to come, for a lease that the index has, whose
driver is there, and now and then only.

When the block is announced the signer is asked for the grant and the ticket, while the index reads
and writes the block. Announcements are hearsay, so nothing leaves on their account: the signer
looks at its own node, as ever; and once the index has that very block, by its hash, one transaction
asks the policy again, takes the lock's nonce and marks command and grant as published. Only then
both leave. Whatever does not fit (another block, a lease that is over or changed, a row of the
indexer's that nobody has handled, another relay that was faster) undoes that transaction: the
signed words are thrown away, their nonce with them, and the command goes the ordinary way. A crash
at any point leaves either nothing or a command that is on record as sent.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import structlog
from sqlalchemy import Connection, bindparam, select

from berth.relay import commands, grants
from berth.relay.audience import lease_row
from berth.relay.claims import claim_by
from berth.relay.delivery import CLAIM_ONE, NONCE_SECONDS, Delivery, Outgoing, take_nonce
from berth.relay.orders import GrantOrder, Guess, Signing, TicketOrder
from berth.relay.planner import Near, alone
from berth.relay.policy import IndexView, Policy, asleep, lock_row
from berth.relay.rows import Row, first
from berth.store.clock import database_now
from berth.store.engine import Store
from berth.store.kept import outbox
from berth.store.outage import OUTAGE, reason_of

#: What was signed is thrown away when the index has not got its block so many seconds later.
LONGEST = 10.0
#: A look waits so many seconds for the signer before it turns to other things.
PATIENCE = 0.05
#: Commands that are signed ahead for one block, at most.
MOST = 20
#: Turns of the event loop that the index takes until its question for the block is on the line: it
#: has more to do with the answer than the signer, which starts after it.
_TURNS = 8
#: Between two questions for a hello to one lock that has been quiet, seconds.
ASK_SECONDS = 10.0
#: A nonce that has so many seconds left will do for the next block; fewer where blocks come fast.
_SPARE_SECONDS = 30
#: Commands that are remembered as tried: each is signed ahead once.
_KEPT = 5000
_NEWS = (
    select(outbox.c.id)
    .where(outbox.c.lease_id == bindparam("lease"), outbox.c.state == "new")
    .limit(1)
)
_log = structlog.get_logger("berth.relay")


@dataclass(frozen=True)
class Armed:
    """What to ask the signer once block `at` is announced; no `grant` where the lock has it."""

    at: int
    ticket: TicketOrder
    grant: GrantOrder | None


@dataclass(frozen=True)
class Found:
    """Commands to arm, and locks whose nonce is missing or will be too old for one of them."""

    armed: list[Armed] = field(default_factory=list)
    quiet: list[str] = field(default_factory=list)


@dataclass
class _Held:
    """An armed command of an announced block; `task` gives ticket and grant."""

    armed: Armed
    block_hash: str
    until: float
    task: asyncio.Task[tuple[str, str | None]] = field(repr=False)
    awaited: bool = False


class _NotNow(Exception):  # noqa: N818 - no error: the transaction is undone
    """Why what was signed does not leave."""


class _NotYet(Exception):  # noqa: N818 - no error: the transaction is undone
    """The index has not got the block."""


class Ahead:
    """What one relay has signed, or has being signed, before its time. All on one event loop but
    what takes a connection."""

    def __init__(
        self,
        store: Store,
        policy: Policy,
        delivery: Delivery,
        signer: Signing,
        worker: str,
        wake: Callable[[], None],
    ) -> None:
        """`wake` is called when the signer has answered later than a look waited for it."""
        self._store = store
        self._policy = policy
        self._delivery = delivery
        self._signer = signer
        self._worker = worker
        self._wake = wake
        self._armed: list[Armed] = []
        self._held: dict[str, _Held] = {}
        self._tried: OrderedDict[str, None] = OrderedDict()
        self._asked: OrderedDict[str, float] = OrderedDict()

    # ---- before the block

    def find(self, conn: Connection, near: Sequence[Near]) -> Found:
        """Commands that lack one block and nothing else. Reads only."""
        found = Found()
        for one in near[:MOST]:
            with alone("lease", one.lease_id):
                self._look_at(conn, one, found)
        return found

    def arm(self, found: Found) -> list[str]:
        """From now on these, and no others; locks that are to be asked for a hello now."""
        self._armed = [one for one in found.armed if one.ticket.command_id not in self._tried]
        return [lock_id for lock_id in found.quiet if self._may_ask(lock_id)]

    def _may_ask(self, lock_id: str) -> bool:
        moment = time.monotonic()
        if moment - self._asked.get(lock_id, -ASK_SECONDS) < ASK_SECONDS:
            return False
        self._asked[lock_id] = moment
        self._asked.move_to_end(lock_id)
        if len(self._asked) > _KEPT:
            self._asked.popitem(last=False)
        return True

    def announced(self, number: int, block_hash: str) -> bool:
        """A block is said to be there: asks the signer for what waits for it. Returns at once;
        whether anything was asked."""
        due = [one for one in self._armed if one.at == number]
        for one in due:
            self._tried[one.ticket.command_id] = None
            if len(self._tried) > _KEPT:
                self._tried.popitem(last=False)
            task = asyncio.create_task(self._sign(one))
            until = time.monotonic() + LONGEST
            self._held[one.ticket.command_id] = _Held(one, block_hash.lower(), until, task)
        if due:
            self._armed = [one for one in self._armed if one.at != number]
        return bool(due)

    # ---- after it

    @property
    def locks(self) -> frozenset[str]:
        """Locks that something is held for: nothing else is to be signed for them meanwhile."""
        return frozenset(one.armed.ticket.lock_id for one in self._held.values())

    async def leave(self) -> list[asyncio.Task[bool]]:
        """Sends what was signed and what the index has the block of; the tasks that bring it to the
        broker. What the signer refused, or what became of nothing, is held no longer."""
        if self._held:
            await asyncio.wait([one.task for one in self._held.values()], timeout=PATIENCE)
        started: list[asyncio.Task[bool]] = []
        for command_id, one in list(self._held.items()):
            late = time.monotonic() > one.until
            if not one.task.done():
                if late:
                    one.task.cancel()
                    del self._held[command_id]
                elif not one.awaited:
                    one.awaited = True
                    one.task.add_done_callback(lambda _task: self._wake())
                continue
            outgoing, over = await asyncio.to_thread(self._decide, one, late)
            if over:
                del self._held[command_id]
            if outgoing is not None:
                started.append(self._delivery.start_signed(outgoing))
        return started

    async def close(self) -> None:
        """Nothing of it leaves any more."""
        tasks = [one.task for one in self._held.values()]
        self._held.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # ---- in the database, on a thread

    def _look_at(self, conn: Connection, near: Near, found: Found) -> None:
        row = commands.find(conn, near.lease_id, near.cycle, "lower")
        if row is None or row["state"] not in commands.WAITING or row["id"] in self._tried:
            return
        lock = lock_row(conn, near.lock_id)
        moment_now = database_now(conn)
        if row["lock_id"] != near.lock_id or row["next_at"] > moment_now:
            return
        lease = lease_row(conn, near.lease_id)
        if lease is None or lock is None:
            return
        changed, required = lease["changed_block"], self._policy.required_of(lease)
        if changed + required - 1 > near.block:
            return  # it was changed since, and that is not as deep
        known, order = grants.next_one(
            conn, lease, near.lock_id, self._policy.clock, self._delivery.sealer
        )
        if not known:
            return
        age = NONCE_SECONDS + 1 if lock["nonce"] is None else moment_now - lock["nonce_at"]
        if age > NONCE_SECONDS - min(_SPARE_SECONDS, 2 * near.block_seconds):
            found.quiet.append(near.lock_id)
        if age > NONCE_SECONDS:
            return
        guess = Guess(near.block, max(0, near.block - max(1, required) + 1), lease["offer"])
        ticket = TicketOrder(
            command_id=row["id"],
            lock_id=near.lock_id,
            lease_id=near.lease_id,
            cycle=near.cycle,
            action="lower",
            boot=lock["boot_id"],
            nonce=lock["nonce"],
            guess=guess,
        )
        grant = None if order is None else replace(order, guess=guess)
        found.armed.append(Armed(near.block, ticket, grant))

    def _decide(self, one: _Held, late: bool) -> tuple[Outgoing | None, bool]:
        """(what leaves, whether it is decided)."""
        if one.task.cancelled() or one.task.exception() is not None:
            return None, True  # the signer's refusal: the ordinary way asks again, and says why
        try:
            if late:
                raise _NotNow("the index has not got the block")
            with self._store.write() as conn:
                return self._publish(conn, one), True
        except _NotYet:
            return None, False
        except Exception as error:
            self._discard(one.armed.ticket, error)
            return None, True

    def _discard(self, ticket: TicketOrder, why: Exception) -> None:
        """What was signed never leaves; a nonce is in one ticket only, so it goes too."""
        names = {"command": ticket.command_id, "lease": ticket.lease_id}
        if isinstance(why, _NotNow):
            _log.info("signed in vain", **names, reason=str(why))
        elif isinstance(why, OUTAGE):
            _log.warning("signed in vain", **names, reason=reason_of(why))
        else:
            _log.exception("signed in vain", **names)
        try:
            with self._store.write() as conn:
                take_nonce(conn, ticket.lock_id, ticket.boot, ticket.nonce)
        except OUTAGE as error:
            # it may be signed for again, but this ticket is gone: of the two one leaves at most
            _log.warning("no database", reason=reason_of(error))

    def _publish(self, conn: Connection, one: _Held) -> Outgoing:
        """Everything that an unlock rests on, once more, and the record of it, in one transaction.
        Raises _NotNow or _NotYet, which undo it. The nonce comes first: of relays that come with
        the same one the second waits at the lock's row until the first has done, and spoils nothing
        for it."""
        order, now = one.armed.ticket, self._policy.clock.now()
        if not take_nonce(conn, order.lock_id, order.boot, order.nonce, fresh=True):
            raise _NotNow("the lock's nonce was used, or is too old")
        index = self._policy.index(conn)
        if index.block < one.armed.at:
            raise _NotYet
        if (index.block, index.block_hash) != (one.armed.at, one.block_hash):
            raise _NotNow("the chain has another block")
        if (why := asleep(index)) is not None:
            raise _NotNow(why)
        row = commands.of_id(conn, order.command_id)
        if row is None or row["state"] not in commands.WAITING:
            raise _NotNow("the command is over, or another's")
        lease = lease_row(conn, order.lease_id)
        if lease is None:
            raise _NotNow("the lease is gone")
        facts = self._judge(conn, lease, index, order)
        commands.advance(conn, row, "eligible", now, facts=facts)
        held = claim_by(conn, CLAIM_ONE, self._worker, at=now, command=order.command_id)
        if not held:
            raise _NotNow("it is not the next command of its lock")
        if not self._delivery.mark_published(conn, held[0]):
            raise _NotNow("nobody wants it any more")
        due = None
        if one.armed.grant is not None:
            due = grants.leaves_ahead(conn, one.armed.grant, self._worker, now)
        if due is None and (
            one.armed.grant is not None
            or not grants.settled(conn, order.lease_id, order.lock_id, now)
        ):
            raise _NotNow("the grant has changed")
        ticket, grant = one.task.result()
        return Outgoing(held[0], ticket, due, grant if due is not None else None)

    def _judge(
        self, conn: Connection, lease: Row, index: IndexView, order: TicketOrder
    ) -> Mapping[str, Any]:
        """The policy's word on it; nothing that the indexer handed over may be undone yet."""
        situation = self._policy.situation_of(conn, lease, lease["driver"], index)
        if (situation.lock_id, situation.cycle) != (order.lock_id, order.cycle):
            raise _NotNow("another lock, or another stay")
        decision = situation.unlock()
        if not decision.allowed:
            raise _NotNow(decision.codes[0].value)
        have, required = self._policy.depth(index, lease, lease["changed_block"])
        if have < required or first(conn, _NEWS, lease=order.lease_id) is not None:
            raise _NotNow("the lease has changed")
        return decision.as_json()

    async def _sign(self, armed: Armed) -> tuple[str, str | None]:
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        ticket = self._signer.ticket(armed.ticket)
        if armed.grant is None:
            return await ticket, None
        async with asyncio.TaskGroup() as both:  # whichever is refused ends the other
            grant = both.create_task(self._signer.grant(armed.grant))
            signed = both.create_task(ticket)
        return signed.result(), grant.result()
