"""The relay as a program: listens to locks, looks at the tables, sends what is due."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import aiomqtt
import structlog

from berth.core import telemetry
from berth.core.clock import Clock
from berth.core.errors import BerthError
from berth.core.sealed import Sealer
from berth.devices.mqtt import BrokerLogin, keep_connected
from berth.devices.protocol import ASK_HELLO
from berth.devices.topics import BACKEND_USER, COMMAND, FROM_LOCK, all_locks, parse, topic
from berth.relay.delivery import Delivery, Taken
from berth.relay.desk import Desk
from berth.relay.grants import Due
from berth.relay.inbox import Inbox, Reaction
from berth.relay.orders import Signing
from berth.relay.outbox import Outbox
from berth.relay.planner import Agenda, Planner
from berth.relay.policy import IndexView, Policy
from berth.relay.watch import Watch
from berth.store.engine import Store
from berth.store.outage import OUTAGE, reason_of
from berth.store.wake import listen

#: Without a nudge the tables are looked at this often, seconds.
LOOK_SECONDS = 0.5
#: The relay moves nothing while block time and clock differ by more, seconds.
MAX_SKEW = 30
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
    commands: bool


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

    async def run(self) -> None:
        """Until cancelled. A broker, a database or a signer that is away is waited for."""
        self._loop = asyncio.get_running_loop()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(keep_connected(self._client, self._session, self._lost))
                tasks.create_task(self._look())
                tasks.create_task(self._watch.run())
                tasks.create_task(listen(self._store, self.wake))
        finally:
            for task in self._sending:
                task.cancel()
            await asyncio.gather(*self._sending, return_exceptions=True)

    # ---- the tables

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
        sight = await asyncio.to_thread(self._sight)
        await self._fall_asleep_or_wake(sight.index)
        if self.asleep is not None:
            return []
        if sight.outbox:
            await asyncio.to_thread(self._outbox.work)
            sight = await asyncio.to_thread(self._sight)
        if not (sight.grants or sight.agenda or sight.commands):
            return []
        due, taken = await asyncio.to_thread(self._claim, sight)
        started: list[asyncio.Task[Any]] = [*self._delivery.start_grants(due)]
        started += [asyncio.create_task(self._delivery.send([one])) for one in taken]
        self._sending.update(started)
        for task in started:
            task.add_done_callback(self._sent)
        return started

    def _sight(self) -> Sight:
        with self._store.read() as conn:
            return Sight(
                index=self._policy.index(conn),
                outbox=self._outbox.waiting(conn),
                grants=self._delivery.grants_ready(conn),
                agenda=self._planner.agenda(conn),
                commands=self._delivery.waiting(conn),
            )

    def _claim(self, sight: Sight) -> tuple[list[Due], list[Taken]]:
        with self._store.write() as conn:
            self._planner.carry_out(conn, sight.agenda)
            taken = self._delivery.claim(conn)
            return self._delivery.claim_grants(conn, sight.grants), taken

    def _sent(self, task: asyncio.Task[Any]) -> None:
        self._sending.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("sending failed", reason=repr(error))

    async def _fall_asleep_or_wake(self, index: IndexView) -> None:
        why = _asleep(index)
        if why == self.asleep:
            return
        _log.info("relay is awake" if why is None else "relay sleeps", reason=why)
        await asyncio.to_thread(self._watch.sleeps, why, index.skew)
        self.asleep = why

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
            telemetry.MQTT_MESSAGES.labels("in", parse(name)[1]).inc()
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


def _asleep(index: IndexView) -> str | None:
    """Why nothing may move now, None when it may."""
    if not index.caught_up:
        return "index.behind"
    if abs(index.skew) > MAX_SKEW:
        return "clock.skew"
    return None
