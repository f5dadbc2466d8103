"""The relay as a program: listens to locks, looks at the tables, sends what is due."""

from __future__ import annotations

import asyncio
import contextlib
import secrets

import aiomqtt
import structlog
from sqlalchemy.exc import SQLAlchemyError

from berth.core.clock import Clock
from berth.core.errors import BerthError
from berth.core.sealed import Sealer
from berth.devices.mqtt import BrokerLogin, keep_connected
from berth.devices.protocol import ASK_HELLO
from berth.devices.topics import BACKEND_USER, COMMAND, FROM_LOCK, all_locks, topic
from berth.relay.delivery import Delivery
from berth.relay.desk import Desk
from berth.relay.inbox import Inbox, Reaction
from berth.relay.keeper import Keeper
from berth.relay.orders import Signing
from berth.relay.outbox import Outbox
from berth.relay.planner import Planner
from berth.relay.policy import IndexView, Policy
from berth.store.engine import Store

#: Without a nudge the tables are looked at this often, seconds.
LOOK_SECONDS = 0.5
#: The relay moves nothing while block time and clock differ by more, seconds.
MAX_SKEW = 30
_KEEPER_SECONDS = 0.5
_log = structlog.get_logger("berth.relay")


class Relay:
    """One relay. Several may run on one database; `wake` may be called from any thread."""

    def __init__(
        self,
        store: Store,
        policy: Policy,
        clock: Clock,
        sealer: Sealer,
        signer: Signing,
        keeper: Keeper,
        broker: BrokerLogin,
    ) -> None:
        self.name = f"{BACKEND_USER}-{secrets.token_hex(4)}"
        self._store = store
        self._policy = policy
        self._signer = signer
        self._keeper = keeper
        self._broker = broker
        self._inbox = Inbox(store, policy.deployment, clock)
        self._outbox = Outbox(store, clock, self._on_undone)
        self._planner = Planner(policy)
        self._delivery = Delivery(store, policy, clock, sealer, signer, self._send, self.name)
        self._line: aiomqtt.Client | None = None
        self._awake = asyncio.Event()
        self._undone = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.asleep: str | None = "starting"
        self.desk = Desk(policy, self.wake)

    def wake(self) -> None:
        """Something was written that may concern a lock. Returns at once."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._awake.set)

    async def run(self) -> None:
        """Until cancelled."""
        self._loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(keep_connected(self._client, self._session, self._lost))
            tasks.create_task(self._look())
            tasks.create_task(self._keep())

    # ---- the tables

    async def _look(self) -> None:
        while True:
            try:
                await self.look()
            except (BerthError, SQLAlchemyError) as error:
                _log.warning("relay", reason=str(error))
            # not wait_for: in Python 3.11 it loses a cancellation that comes with the wake-up
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._awake.wait()
            self._awake.clear()

    async def look(self) -> None:
        """One look: what the indexer handed over, what drivers want, what is to be sent. While the
        index is behind or the clocks differ, nothing."""
        index = await asyncio.to_thread(self._index)
        why = _asleep(index)
        if why != self.asleep:
            _log.info("relay is awake" if why is None else "relay sleeps", reason=why)
            self.asleep = why
        if why is not None:
            return
        await asyncio.to_thread(self._outbox.work)
        await self._delivery.send_grants()
        await asyncio.to_thread(self._plan)
        await self._delivery.send_commands()

    def _index(self) -> IndexView:
        with self._store.read() as conn:
            return self._policy.index(conn)

    def _plan(self) -> None:
        with self._store.read() as conn:
            if self._planner.idle(conn):
                return
        with self._store.write() as conn:
            self._planner.plan(conn)

    async def _keep(self) -> None:
        while True:
            try:
                if self._undone.is_set():
                    self._undone.clear()
                    await self._keeper.resume()
                await self._keeper.work()
            except (BerthError, SQLAlchemyError) as error:
                _log.warning("keeper", reason=str(error))
            await asyncio.sleep(_KEEPER_SECONDS)

    def _on_undone(self) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._undone.set)

    # ---- the locks

    def _client(self) -> aiomqtt.Client:
        return self._broker.client(client_id=self.name)

    def _lost(self, error: BaseException) -> None:
        refusal = self._broker.refusal(error)
        _log.warning("no broker", code=refusal.code, reason=str(refusal))

    async def _session(self, line: aiomqtt.Client) -> None:
        await asyncio.to_thread(self._inbox.forget_who_is_online)
        for leaf in sorted(FROM_LOCK):
            await line.subscribe(all_locks(leaf), qos=1)
        self._line = line
        try:
            async for message in line.messages:
                await self._take(str(message.topic), message.payload)
        finally:
            self._line = None

    async def _take(self, name: str, payload: bytes) -> None:
        try:
            reaction = await asyncio.to_thread(self._inbox.take, name, payload)
            await self._react(reaction)
        except BerthError as error:
            # One lock's bad message concerns nobody else.
            _log.warning("message refused", topic=name, code=error.code, reason=str(error))
        except Exception:
            # Whatever a lock may have found to say must not end the relay. What matters is said
            # again: evidence without a receipt, the state at the next hello.
            _log.exception("message lost", topic=name)

    async def _react(self, reaction: Reaction) -> None:
        for order in reaction.receipts:
            text = await self._signer.receipt(order)
            await self._send(order.lock_id, COMMAND, text.encode("ascii"))
        if reaction.ask_hello is not None:
            await self._send(reaction.ask_hello, COMMAND, ASK_HELLO)
        if reaction.wake:
            self._awake.set()

    async def _send(self, lock_id: str, leaf: str, payload: bytes) -> None:
        line = self._line
        if line is None:
            raise BerthError("relay.offline", "there is no broker", status=503)
        try:
            await line.publish(topic(lock_id, leaf), payload, qos=1)
        except aiomqtt.MqttError as error:
            raise BerthError("relay.offline", f"the broker is gone: {error}", status=503) from error


def _asleep(index: IndexView) -> str | None:
    """Why nothing may move now, None when it may."""
    if not index.caught_up:
        return "index.behind"
    if abs(index.skew) > MAX_SKEW:
        return "clock.skew"
    return None
