"""Commands and grants on their way: claimed, signed, sent, and accounted for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    exists,
    or_,
    select,
    tuple_,
    update,
)

from berth.core import telemetry
from berth.core.clock import Clock
from berth.core.errors import BerthError
from berth.core.logs import about
from berth.core.sealed import Sealer
from berth.core.states import LeaseState
from berth.devices.protocol import ASK_HELLO
from berth.devices.topics import COMMAND, GRANT
from berth.relay import grants
from berth.relay.claims import Claim, claim_by, claiming, naming, ours
from berth.relay.command_states import UNDER_WAY
from berth.relay.commands import ANSWER_SECONDS, after_move, move
from berth.relay.orders import Signing, TicketOrder
from berth.relay.policy import Policy
from berth.relay.rows import Row, every, first
from berth.store.clock import database_now, moment
from berth.store.derived import leases
from berth.store.engine import Store
from berth.store.kept import commands, lock_states
from berth.store.outage import OUTAGE, reason_of

#: (lock id, topic leaf, payload); raises BerthError `relay.offline` while there is no broker.
Send = Callable[[str, str, bytes], Awaitable[None]]

#: A nonce older than this is not used: the ticket has to arrive within its 120 s.
NONCE_SECONDS = 60
#: Between two questions for a hello to one lock, seconds.
_ASK_SECONDS = 2
_BATCH = 20
#: Between two looks for grants that slept until their time came, seconds of the leases' clock.
_SLEEPERS_SECONDS = 10
#: Grants that are signed at the same time.
_AT_ONCE = 8
_log = structlog.get_logger("berth.relay")


#: Locks by their ids, each with its row, None where nobody has heard of it; see `hold`.
Held = Mapping[str, Row | None]


@dataclass(frozen=True)
class Taken:
    """A command that is ours to send; `challenge` is (boot, nonce) of its lock's newest hello, used
    up with this, None when there is none that is fresh."""

    claim: Claim
    challenge: tuple[str, str] | None


@dataclass(frozen=True)
class Outgoing:
    """A command that is marked as published, its ticket, and the grant that goes before it."""

    claim: Claim
    ticket: str
    due: grants.Due | None
    grant: str | None


class Delivery:
    """Sends what is due. One instance a relay; several relays may work on one database."""

    def __init__(
        self,
        store: Store,
        policy: Policy,
        clock: Clock,
        sealer: Sealer,
        signer: Signing,
        send: Send,
        worker: str,
    ) -> None:
        self._store = store
        self._policy = policy
        self._clock = clock
        self.sealer = sealer
        self._signer = signer
        self._send = send
        self._worker = worker
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        self._granting: dict[str, set[asyncio.Task[None]]] = {}
        self._woke_at: int | None = None

    # ---- grants

    async def send_grants(self) -> int:
        """Signs and sends grants that locks do not hold yet; how many were tried."""
        due = await asyncio.to_thread(self._due_grants)
        await asyncio.gather(*self.start_grants(due))
        return len(due)

    def start_grants(self, due: list[grants.Due]) -> list[asyncio.Task[None]]:
        """Sends claimed grants, each in a task of its own. A command for the same lock waits for
        its task: it would be refused without the grant."""
        return [self._start_grant(one) for one in due]

    def _start_grant(self, due: grants.Due) -> asyncio.Task[None]:
        task = asyncio.create_task(self._send_grant(due))
        lock_id = due.order.lock_id
        self._granting.setdefault(lock_id, set()).add(task)
        task.add_done_callback(lambda done: self._granted(lock_id, done))
        return task

    def _granted(self, lock_id: str, task: asyncio.Task[None]) -> None:
        tasks = self._granting.get(lock_id, set())
        tasks.discard(task)
        if not tasks:
            self._granting.pop(lock_id, None)

    async def _send_grant(self, due: grants.Due) -> None:
        async with self._at_once:
            try:
                text = await self._signer.grant(due.order)
                # Looked at again: signing takes its time, and the lease may be over by now.
                if await self._write(grants.leaves, due, self._clock.now()):
                    await self._send(due.order.lock_id, GRANT, text.encode("ascii"))
            except Exception as error:  # one lease's trouble is nobody else's
                code = _code(error, "grant failed", lease=due.order.lease_id)
                _log.warning("grant waits", lease=due.order.lease_id, reason=code)
                await self._try_to_write(grants.wait, due, code, self._clock.now())

    def grants_ready(self, conn: Connection) -> list[tuple[str, str]]:
        """Grants that may be sent now; now and then also those that slept until their time came,
        and at once where the leases' clock was set. Reads only."""
        found = grants.ready(conn, self._policy, self._clock)
        now = self._clock.now()
        if self._woke_at is not None and 0 <= now - self._woke_at < _SLEEPERS_SECONDS:
            return found
        slept = grants.ready(conn, self._policy, self._clock, asleep=True)
        if len(slept) < grants.BATCH:  # else the next look finds more
            self._woke_at = now
        return found + slept

    def look_for_sleepers(self) -> None:
        """What the last looks found nobody has sent: the next one looks again."""
        self._woke_at = None

    def claim_grants(self, conn: Connection, keys: list[tuple[str, str]]) -> list[grants.Due]:
        """Makes them ours to send, in a write transaction."""
        return grants.due(conn, keys, self._clock, self.sealer, self._worker) if keys else []

    def _due_grants(self) -> list[grants.Due]:
        with self._store.read() as conn:  # most looks find nothing: spare the writers
            keys = self.grants_ready(conn)
        if not keys:
            return []
        with self._store.write() as conn:
            return self.claim_grants(conn, keys)

    # ---- commands

    async def ask_hello(self, lock_id: str) -> None:
        """Asks a lock for a hello, with a fresh nonce in it. Nothing depends on it."""
        try:
            await self._send(lock_id, COMMAND, ASK_HELLO)
        except BerthError as error:
            _log.info("hello not asked for", lock=lock_id, reason=error.code)

    async def send_commands(self) -> int:
        """Claims, signs and sends commands that are eligible; how many left."""
        return await self.send(await asyncio.to_thread(self._claim))

    async def send(self, taken: list[Taken]) -> int:
        """Signs and sends what was claimed; how many left."""
        return sum(await asyncio.gather(*(self._send_command(one) for one in taken)))

    def claim(self, conn: Connection, locks: Held) -> list[Taken]:
        """Makes commands to these locks ours that may leave now, in a write transaction: of a lock
        the oldest one only, and none while another is under way."""
        about = {"at": self._clock.now(), "locks": list(locks)}
        claims = claim_by(conn, _CLAIM, self._worker, **about) if locks else []
        return [Taken(one, self._challenge(conn, locks[one.row["lock_id"]])) for one in claims]

    def waiting(self, conn: Connection) -> list[str]:
        """Locks that a command may leave for now, who waits longest first. Reads only."""
        return list(conn.execute(_WAITING, {"at": self._clock.now()}).scalars())

    def start_signed(self, outgoing: Outgoing) -> asyncio.Task[bool]:
        """Brings a grant and its ticket to the broker, in this order, back to back."""
        return asyncio.create_task(self._send_signed(outgoing))

    async def _send_signed(self, outgoing: Outgoing) -> bool:
        row = outgoing.claim.row
        with _about(outgoing.claim):
            words = [(COMMAND, outgoing.ticket)]
            if outgoing.grant is not None:
                words.insert(0, (GRANT, outgoing.grant))
            # One connection keeps their order: the broker's word on the first is not waited for.
            ends = await asyncio.gather(
                *(self._send(row["lock_id"], leaf, text.encode("ascii")) for leaf, text in words),
                return_exceptions=True,
            )
            failed = next((end for end in ends if isinstance(end, BaseException)), None)
            if failed is None:
                self._left(outgoing.claim)
                return True
            if not isinstance(failed, Exception):
                raise failed
            code = _code(failed, "command failed")
            _log.warning("command waits", reason=code)
            if outgoing.due is not None:
                await self._try_to_write(grants.wait, outgoing.due, code, self._clock.now())
            await self._release(outgoing.claim, 2, code, attempts=1)
            return False

    async def _send_command(self, taken: Taken) -> bool:
        row = taken.claim.row
        with _about(taken.claim):
            try:
                if taken.challenge is None:
                    await self._send(row["lock_id"], COMMAND, ASK_HELLO)
                    await self._release(taken.claim, _ASK_SECONDS, "lock.challenge", attempts=0)
                    return False
                ticket = await self._signer.ticket(_order(taken.claim, *taken.challenge))
                # signed beside a grant of the same lock, sent after it
                if grants_first := self._granting.get(row["lock_id"]):
                    await asyncio.wait(set(grants_first))
                # Marked before it leaves: whoever lost the claim meanwhile learns it here, and a
                # message that is lost is sent again when the lock does not answer.
                if not await self._write(self.mark_published, taken.claim):
                    return False
                await self._send(row["lock_id"], COMMAND, ticket.encode("ascii"))
            except Exception as error:  # one lock's trouble is nobody else's
                code = _code(error, "command failed")
                _log.warning("command waits", reason=code)
                await self._release(taken.claim, 2, code, attempts=1)
                return False
            self._left(taken.claim)
            return True

    @staticmethod
    def _left(held: Claim) -> None:
        row = held.row
        waited = max(0.0, time.time() - row["updated_at"])
        telemetry.COMMAND_SECONDS.labels(row["action"], "published").observe(waited)
        _log.info("command sent", action=row["action"])

    # ---- in the database, on a thread

    def _claim(self) -> list[Taken]:
        with self._store.read() as conn:
            locks = self.waiting(conn)
        if not locks:
            return []
        with self._store.write() as conn:
            return self.claim(conn, hold(conn, locks))

    @staticmethod
    def _challenge(conn: Connection, row: Row | None) -> tuple[str, str] | None:
        """(boot, nonce) of the lock's last hello, once: nobody else gets them after this."""
        if row is None or row["nonce"] is None:
            return None
        taken = take_nonce(conn, row["lock_id"], row["boot_id"], row["nonce"])
        fresh = row["nonce_at"] >= database_now(conn) - NONCE_SECONDS
        return (row["boot_id"], row["nonce"]) if fresh and taken else None

    def mark_published(self, conn: Connection, held: Claim) -> bool:
        """From here on a lock may obey it. Not when the claim is another's by now, and not when
        nobody wants it any more: signing takes its time."""
        now = self._clock.now()
        moves = held.row["action"] in ("lower", "camera_on")
        about = {"at": now, **naming(commands, held)}
        marked = conn.execute(_MARK_OF_OPEN_LEASE if moves else _MARK, about)
        if marked.rowcount == 1:
            after_move(conn, {**held.row, "state": "published", "reason": None}, now)
            return True
        current = first(conn, select(commands).where(ours(commands)), **naming(commands, held))
        if current is not None and current["state"] == "claimed":
            over = current["expires_at"] <= now
            reason = current["reason"] if over else "lease.over"
            move(conn, current, "expired" if over else "cancelled", now, reason=reason)
        return False

    async def _release(self, held: Claim, pause: int, reason: str, *, attempts: int) -> None:
        """Gives it back. A ticket that could not be handed to the broker may have left: then the
        command stays on record as one that did."""

        def release(conn: Connection) -> None:
            now = self._clock.now()
            row = first(
                conn,
                select(commands).where(commands.c.id == held.id, commands.c.term == held.term),
            )
            if row is None or row["state"] not in ("claimed", "published"):
                return
            if row["expires_at"] <= now:
                move(conn, row, "expired", now, reason=reason)
                return
            news: dict[str, Any] = {
                "reason": reason,
                "attempts": row["attempts"] + attempts,
                "next_at": database_now(conn) + pause,
            }
            move(conn, row, "eligible", now, **news)

        await self._try_to_write(release)

    async def _try_to_write(self, work: Callable[..., Any], *args: Any) -> None:
        """Without the database the claim runs out by itself."""
        try:
            await self._write(work, *args)
        except OUTAGE as error:
            _log.warning("no database", reason=reason_of(error))

    async def _write(self, work: Callable[..., Any], *args: Any) -> Any:
        def run() -> Any:
            with self._store.write() as conn:
                return work(conn, *args)

        return await asyncio.to_thread(run)


def hold(conn: Connection, lock_ids: Iterable[str], without: Collection[str] = ()) -> Held:
    """Locks' rows as they are, which nobody else changes before the end of this transaction. To be
    its first statement: whoever writes of a lock's commands and grants holds the lock's row before
    any of theirs, as the inbox does with every message, else the two wait for each other.
    `without`: locks to be left alone."""
    wanted = sorted(set(lock_ids).difference(without))
    if not wanted:
        return {}
    found: dict[str, Row | None] = dict.fromkeys(wanted)
    found.update((row["lock_id"], row) for row in every(conn, _HOLD, locks=wanted))
    return found


def take_nonce(
    conn: Connection, lock_id: str, boot: str, nonce: str, *, fresh: bool = False
) -> bool:
    """Uses a lock's nonce up: True for one caller, whatever becomes of it. `fresh`: only while a
    ticket with it would arrive in time."""
    named = {"of_lock": lock_id, "of_boot": boot, "the_nonce": nonce}
    return conn.execute(_TAKE_FRESH_NONCE if fresh else _TAKE_NONCE, named).rowcount == 1


_TAKE_NONCE = (
    update(lock_states)
    .where(
        lock_states.c.lock_id == bindparam("of_lock"),
        lock_states.c.boot_id == bindparam("of_boot"),
        lock_states.c.nonce == bindparam("the_nonce"),
    )
    .values(nonce=None)
)
_TAKE_FRESH_NONCE = _TAKE_NONCE.where(lock_states.c.nonce_at >= moment() - NONCE_SECONDS)
_HOLD = (
    select(lock_states)
    .where(lock_states.c.lock_id.in_(bindparam("locks", expanding=True)))
    .order_by(lock_states.c.lock_id)
    .with_for_update()
)


def ready() -> ColumnElement[bool]:
    """Eligible, wanted still at the parameter `at`, and the first of its lock: in the order of
    their making, one after the other's end."""
    other = commands.alias("other")
    before = and_(
        other.c.state == "eligible",
        tuple_(other.c.created_at, other.c.id) < tuple_(commands.c.created_at, commands.c.id),
    )
    blocked = exists().where(
        other.c.lock_id == commands.c.lock_id,
        other.c.id != commands.c.id,
        or_(other.c.state.in_(UNDER_WAY), before),
    )
    free = and_(commands.c.state == "eligible", commands.c.next_at <= moment(), ~blocked)
    # of a relay that died over it, or sleeps: it is the one under way of its lock
    lapsed = and_(commands.c.state == "claimed", commands.c.claimed_until < moment())
    return and_(or_(free, lapsed), commands.c.expires_at > bindparam("at"))


_OLDEST_FIRST = (commands.c.created_at, commands.c.id)
_WAITING = select(commands.c.lock_id).where(ready()).order_by(*_OLDEST_FIRST).limit(_BATCH)
_CLAIM = claiming(
    commands,
    and_(ready(), commands.c.lock_id.in_(bindparam("locks", expanding=True))),
    _OLDEST_FIRST,
    _BATCH,
    state="claimed",
)
#: The very one, where it may leave now.
CLAIM_ONE = claiming(
    commands,
    and_(ready(), commands.c.id == bindparam("command")),
    (commands.c.id,),
    1,
    state="claimed",
)
_MARK = (
    update(commands)
    .where(ours(commands), commands.c.state == "claimed", commands.c.expires_at > bindparam("at"))
    .values(
        state="published",
        reason=None,
        claimed_until=moment() + ANSWER_SECONDS,
        published_at=moment(),
        updated_at=bindparam("at"),
    )
)
#: Nothing opens for a lease that is not open in the index at this very moment.
_MARK_OF_OPEN_LEASE = _MARK.where(
    exists().where(
        leases.c.lease_id == commands.c.lease_id,
        leases.c.state.in_([state.value for state in LeaseState if state.is_open]),
    )
)


def _about(held: Claim) -> AbstractContextManager[None]:
    """What is logged meanwhile names the command, its lease and its lock."""
    return about(command=held.id, lease=held.row["lease_id"], lock=held.row["lock_id"])


def _code(error: Exception, event: str, **ids: str) -> str:
    """The reason to note; what was not foreseen is in the log with its trace."""
    if isinstance(error, BerthError):
        return error.code
    _log.exception(event, **ids)
    return "relay.error"


def _order(held: Claim, boot: str, nonce: str) -> TicketOrder:
    return TicketOrder(
        command_id=held.id,
        lock_id=held.row["lock_id"],
        lease_id=held.row["lease_id"],
        cycle=held.row["cycle"],
        action=held.row["action"],
        boot=boot,
        nonce=nonce,
    )
