"""The relay as a program: listens to locks, looks at the tables, sends what is due."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import aiomqtt
import structlog

from berth.chain.heads import Heads
from berth.core import telemetry
from berth.core.clock import Clock
from berth.core.errors import BerthError
from berth.core.logs import about
from berth.core.sealed import Sealer
from berth.devices.mqtt import BrokerLogin, keep_connected
from berth.devices.protocol import ASK_HELLO
from berth.devices.topics import BACKEND_USER, COMMAND, FROM_LOCK, all_locks, parse, topic
from berth.relay.ahead import Ahead, Found
from berth.relay.delivery import Delivery, Taken, hold
from berth.relay.desk import Desk
from berth.relay.grants import Due
from berth.relay.inbox import Inbox, Reaction
from berth.relay.orders import Signing
from berth.relay.outbox import Outbox
from berth.relay.planner import Agenda, Planner
from berth.relay.policy import IndexView, Policy, asleep
from berth.relay.watch import Watch
from berth.store.engine import Store
from berth.store.outage import OUTAGE, reason_of
from berth.store.wake import listen

#: Without a nudge the tables are looked at this often, seconds.
LOOK_SECONDS = 0.5
#: What was signed ahead is let get to the broker so long before the next look, seconds.
SOON_SECONDS = 0.05
#: Between two times that SQLite's log is brought into its file, seconds.
CHECKPOINT_SECONDS = 2.0
#: Between two tries to write down a message while the database is away, seconds.
_DATABASE_PAUSE, _DATABASE_LONGEST = 0.25, 5.0
#: Tasks that sign and send at the same time: beyond, nothing new is claimed.
_MOST_AT_ONCE = 200
_log = structlog.get_logger("berth.relay")
T = TypeVar("T")


@dataclass(frozen=True)
class Sight:
    """What one look at the tables found."""

    index: IndexView
    outbox: bool
    grants: list[tuple[str, str]]
    agenda: Agenda
    commands: list[str]
    near: Found


class Relay:
    """One relay. Several may run on one database; `wake` may be called from any thread."""

    def __init__(
        self,
        store: Store,
        policy: Policy,
        clock: Clock,
        sealer: Sealer,
        signer: Signing,
        broker: BrokerLogin,
    ) -> None:
        self.name = f"{BACKEND_USER}-{secrets.token_hex(4)}"
        self._store = store
        self._policy = policy
        self._clock = clock
        self._signer = signer
        self._broker = broker
        self._inbox = Inbox(store, policy.deployment, clock)
        self._outbox = Outbox(store, clock, self.name)
        self._planner = Planner(policy)
        self._delivery = Delivery(store, policy, clock, sealer, signer, self._send, self.name)
        self._ahead = Ahead(store, policy, self._delivery, signer, self.name, self.wake)
        self._watch = Watch(store, clock)
        self._line: aiomqtt.Client | None = None
        self._awake = asyncio.Event()
        self._sending: set[asyncio.Task[Any]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.asleep: str | None = "starting"
        #: Why there is no broker, None when there is one.
        self.offline: str | None = "starting"
        self.desk = Desk(policy, self.wake)

    def wake(self) -> None:
        """Something was written that may concern a lock. Returns at once."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._awake.set)

    def announced(self, number: int, block_hash: str) -> None:
        """A block is said to be there, which the index may not have yet: what waits for it is
        signed ahead. Call it on the relay's own event loop; returns at once."""
        if self.asleep is None and self._line is not None:
            self._ahead.announced(number, block_hash)

    async def hear(self, heads: Heads) -> None:
        """Announcements of blocks, for a relay whose process has no index. Until cancelled."""

        def told() -> None:
            if heads.newest is not None:
                self.announced(heads.newest.number, heads.newest.hash)

        await heads.run(told)

    async def run(self) -> None:
        """Until cancelled. A broker, a database or a signer that is away is waited for."""
        self._loop = asyncio.get_running_loop()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(keep_connected(self._client, self._session, self._lost))
                tasks.create_task(self._look())
                tasks.create_task(self._watch.run())
                if self._store.sqlite:
                    tasks.create_task(self._keep_the_log_short())
                tasks.create_task(listen(self._store, self.wake))
        finally:
            await self._ahead.close()
            for task in self._sending:
                task.cancel()
            await asyncio.gather(*self._sending, return_exceptions=True)

    # ---- the tables

    async def _keep_the_log_short(self) -> None:
        """SQLite's log is brought into the file now and then, while nothing is about to leave: else
        a commit has to do it, and wait for the disk, with a driver before the bar."""
        while True:
            await asyncio.sleep(CHECKPOINT_SECONDS)
            if self.asleep is not None or self._ahead.locks:
                continue  # of a whole history the index takes care
            try:
                await asyncio.to_thread(self._store.checkpoint)
            except OUTAGE as error:
                _log.warning("no database", reason=reason_of(error))

    async def _look(self) -> None:
        while True:
            try:
                await self._step()
                if len(self._sending) >= _MOST_AT_ONCE:
                    await asyncio.wait(set(self._sending), return_when=asyncio.FIRST_COMPLETED)
            except OUTAGE as error:
                _log.warning("no database", reason=reason_of(error))
            except BerthError as error:
                _log.warning("relay", reason=str(error))
            except Exception:
                # The next look may do better; locks that wait must not wait for this one's end.
                _log.exception("look failed")
            # not wait_for: in Python 3.11 it loses a cancellation that comes with the wake-up
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._awake.wait()
            self._awake.clear()

    async def look(self) -> None:
        """One look: what the indexer handed over, what drivers want, what is to be sent. While the
        index is behind or the clocks differ, nothing. Waits until all of it was tried."""
        await asyncio.gather(*await self._step())

    async def _step(self) -> list[asyncio.Task[Any]]:
        """The same; returns the tasks that sign and send."""
        left = self._keep(await self._ahead.leave())
        if left:  # the rest has time until they are on their way
            await asyncio.wait(left, timeout=SOON_SECONDS)
        return left + await self._ordinary()

    async def _ordinary(self) -> list[asyncio.Task[Any]]:
        held = self._ahead.locks
        sight = await asyncio.to_thread(self._sight, held)
        await self._fall_asleep_or_wake(sight.index)
        if self.asleep is not None:
            return []
        if sight.outbox:
            await asyncio.to_thread(self._outbox.work)
            sight = await asyncio.to_thread(self._sight, held)
        started = self._arm(sight.near)
        if not (sight.grants or sight.agenda or sight.commands):
            return self._keep(started)
        due, taken, near = await asyncio.to_thread(self._claim, sight, held | self._ahead.locks)
        started += self._arm(near)
        started += self._delivery.start_grants(due)
        started += [asyncio.create_task(self._delivery.send([one])) for one in taken]
        return self._keep(started)

    def _arm(self, near: Found) -> list[asyncio.Task[Any]]:
        """Locks that have been quiet for too long are asked for a hello, while there is time."""
        return [
            asyncio.create_task(self._delivery.ask_hello(lock_id))
            for lock_id in self._ahead.arm(near)
        ]

    def _keep(self, started: Sequence[asyncio.Task[Any]]) -> list[asyncio.Task[Any]]:
        self._sending.update(started)
        for task in started:
            task.add_done_callback(self._sent)
        return list(started)

    def _sight(self, held: frozenset[str]) -> Sight:
        with self._store.read() as conn:
            agenda = self._planner.agenda(conn)
            grants = self._delivery.grants_ready(conn)
            return Sight(
                index=self._policy.index(conn),
                outbox=self._outbox.waiting(conn),
                grants=[key for key in grants if key[1] not in held],
                agenda=agenda,
                commands=[one for one in self._delivery.waiting(conn) if one not in held],
                near=self._ahead.find(conn, agenda.near),
            )

    def _claim(self, sight: Sight, held: frozenset[str]) -> tuple[list[Due], list[Taken], Found]:
        about = {wish.lock_id for wish in sight.agenda.wishes}
        with self._store.write() as conn:
            locks = hold(conn, about.union(sight.commands), without=held)
            self._planner.carry_out(conn, sight.agenda)
            # a command that is new may be armed at once
            near = self._ahead.find(conn, sight.agenda.near)
            taken = self._delivery.claim(conn, locks)
            return self._delivery.claim_grants(conn, sight.grants), taken, near

    def _sent(self, task: asyncio.Task[Any]) -> None:
        self._sending.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("sending failed", reason=repr(error))

    async def _fall_asleep_or_wake(self, index: IndexView) -> None:
        why = asleep(index)
        if why == self.asleep:
            return
        _log.info("relay is awake" if why is None else "relay sleeps", reason=why)
        await asyncio.to_thread(self._watch.sleeps, why, index.skew)
        self.asleep = why
        self._delivery.look_for_sleepers()

    # ---- the locks

    def _client(self) -> aiomqtt.Client:
        return self._broker.client(client_id=self.name)

    def _lost(self, error: BaseException) -> None:
        telemetry.MQTT_LOSSES.inc()
        refusal = self._broker.refusal(error)
        self.offline = refusal.code
        _log.warning("no broker", code=refusal.code, reason=refusal.message)

    async def _session(self, line: aiomqtt.Client) -> None:
        await self._with_database(self._inbox.forget_who_is_online)
        for leaf in sorted(FROM_LOCK):
            await line.subscribe(all_locks(leaf), qos=1)
        self._line, self.offline = line, None
        self._awake.set()
        try:
            async for message in line.messages:
                await self._take(str(message.topic), message.payload)
        finally:
            self._line, self.offline = None, "broker.lost"

    async def _take(self, name: str, payload: bytes) -> None:
        try:
            lock_id, leaf = parse(name)
            telemetry.MQTT_MESSAGES.labels("in", leaf).inc()
            with about(lock=lock_id):
                await self._react(await self._with_database(self._inbox.take, name, payload))
        except BerthError as error:
            # One lock's bad message concerns nobody else.
            _log.warning("message refused", topic=name, code=error.code, reason=str(error))
        except Exception:
            # Whatever a lock may have found to say must not end the relay. What matters is said
            # again: evidence without a receipt, the state at the next hello.
            _log.exception("message lost", topic=name)

    async def _with_database(self, work: Callable[..., T], *args: Any) -> T:
        """Waits for a database that is away: the broker has handed the message over for good."""
        pause = _DATABASE_PAUSE
        while True:
            try:
                return await asyncio.to_thread(work, *args)
            except OUTAGE as error:
                _log.warning("no database", reason=reason_of(error))
            await asyncio.sleep(pause)
            pause = min(pause * 2, _DATABASE_LONGEST)

    async def _react(self, reaction: Reaction) -> None:
        if reaction.wake:
            self._awake.set()
        for order in reaction.receipts:
            text = await self._signer.receipt(order)
            await self._send(order.lock_id, COMMAND, text.encode("ascii"))
        if reaction.ask_hello is not None:
            await self._send(reaction.ask_hello, COMMAND, ASK_HELLO)

    async def _send(self, lock_id: str, leaf: str, payload: bytes) -> None:
        line = self._line
        if line is None:
            raise BerthError("relay.offline", "there is no broker", status=503)
        try:
            # never retained: a command that waits for a lock is a command that comes too late
            await line.publish(topic(lock_id, leaf), payload, qos=1, retain=False)
        except aiomqtt.MqttError as error:
            raise BerthError("relay.offline", f"the broker is gone: {error}", status=503) from error
        telemetry.MQTT_MESSAGES.labels("out", leaf).inc()
