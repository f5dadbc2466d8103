"""The embedded MQTT broker: amqtt on loopback, closed where amqtt 0.12.1 is open.

Tried against 0.12.1, each has a test in `tests/backend/devices/test_broker.py`:
- it handed every client, at connect, the retained messages of *all* clients' filters, unchecked;
- it looked a session up by client id, and overwrote its user name, before checking the password: a
  wrong password could rename, take over or delete somebody's session;
- it published a will without asking whether its owner may publish there;
- it never noticed a client that went silent (keep-alive), so no will was sent for it;
- it read packets of up to 256 MB into memory.

For larger installations any MQTT 3.1.1 broker does the same job: `docs/devices.md` has the rules.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

from amqtt.adapters import StreamReaderAdapter, StreamWriterAdapter
from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig
from amqtt.errors import AMQTTError, BrokerError, MQTTError, NoDataError
from amqtt.mqtt.connack import NOT_AUTHORIZED, ConnackPacket
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler

from berth.core.errors import BerthError
from berth.devices.credentials import Credentials
from berth.devices.topics import Act, may

#: The largest part of a packet that is read, bytes. A grant with its certificate has about 2,000.
MAX_READ = 64 * 1024
#: A client that connects has this long to say who it is, seconds.
CONNECT_TIMEOUT = 10
_STOP_TIMEOUT = 2
_LISTENER = "default"

logging.getLogger("amqtt").setLevel(logging.ERROR)
logging.getLogger("transitions").setLevel(logging.ERROR)


class EmbeddedBroker:
    """A broker for one machine, run by the loop that starts it; `port` 0 takes a free one."""

    def __init__(self, credentials: Credentials, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.credentials = credentials
        self.host = host
        self.port = port
        self._broker: _GuardedBroker | None = None

    @property
    def url(self) -> str:
        """`mqtt://host:port`; the port is known once started."""
        return f"mqtt://{self.host}:{self.port}"

    async def start(self) -> None:
        """Listen. Raises BerthError when the port is taken."""
        listener = ListenerConfig(bind=f"{self.host}:{self.port}")
        config = BrokerConfig(listeners={_LISTENER: listener}, plugins={})
        broker = _GuardedBroker(self.credentials, config)
        try:
            await broker.start()
        except BrokerError as error:
            raise BerthError(
                "broker.port",
                f"cannot listen on {self.host}:{self.port}: {error}",
                field="port",
                exit_code=4,
            ) from error
        self.port = broker.bound_port()
        self._broker = broker

    async def stop(self) -> None:
        """Close every connection and the port."""
        if self._broker is not None:
            broker, self._broker = self._broker, None
            await broker.shutdown()

    async def __aenter__(self) -> EmbeddedBroker:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()


class _Handler(BrokerProtocolHandler):  # type: ignore[misc]  # amqtt carries no types
    def handle_read_timeout(self) -> None:
        # One and a half keep-alives without a word: gone, as MQTT-3.1.2-24 has it.
        self._closing = asyncio.ensure_future(self.handle_connection_closed())

    async def stop(self) -> None:
        reader_task, writer = self._reader_task, self.writer
        try:
            async with asyncio.timeout(_STOP_TIMEOUT):
                await super().stop()
        except TimeoutError:
            # Before Python 3.12 `wait_for` may swallow the one cancellation that amqtt sends.
            if reader_task is not None:
                reader_task.cancel()
            if writer is not None:
                writer.abort()


class _Writer(StreamWriterAdapter):  # type: ignore[misc]
    def abort(self) -> None:
        self.is_closed = True
        self._writer.transport.abort()


class _PacketTooLargeError(Exception):
    """Unknown to amqtt, so it ends the connection (a NoDataError would be read past)."""


class _LimitedReader(StreamReaderAdapter):  # type: ignore[misc]
    async def read(self, n: int = -1) -> bytes:
        if n > MAX_READ:
            raise _PacketTooLargeError(f"{n} bytes in one packet")
        return bytes(await super().read(n))


class _GuardedBroker(Broker):  # type: ignore[misc]
    """amqtt's broker with one rule of its own: first who you are, then anything else.

    Every session is clean: nothing is queued for an absent client. Locks are sent their whole
    desired state when they say hello, and repeat their evidence until it is acknowledged.
    """

    def __init__(self, credentials: Credentials, config: BrokerConfig) -> None:
        super().__init__(config)
        self._credentials = credentials
        self._writers: set[_Writer] = set()

    def bound_port(self) -> int:
        sockets = self._servers[_LISTENER].instance.sockets
        return int(sockets[0].getsockname()[1])

    async def stream_connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listener_name: str
    ) -> None:
        line = _Writer(writer)
        self._writers.add(line)
        try:
            await self._client_connected(listener_name, _LimitedReader(reader), line)
        finally:
            self._writers.discard(line)

    async def shutdown(self) -> None:
        # Lines that have not said CONNECT yet are in no session, and would outlive the broker.
        for line in list(self._writers):
            line.abort()
        await super().shutdown()

    async def _initialize_client_session(
        self, reader: Any, writer: Any, remote_address: str, remote_port: int
    ) -> tuple[Any, Any]:
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                handler, session = await _Handler.init_from_connect(
                    reader, writer, self.plugins_manager
                )
        except (AMQTTError, MQTTError, NoDataError, _PacketTooLargeError, TimeoutError) as error:
            await writer.close()
            raise MQTTError(f"no CONNECT from {remote_address}:{remote_port}") from error
        if not self._admits(session):
            await ConnackPacket.build(0, NOT_AUTHORIZED).to_stream(writer)
            await writer.close()
            raise MQTTError(f"{remote_address}:{remote_port} refused")
        if session.client_id in self._sessions:
            # The newer connection wins; the older one is closed and its will published.
            await self._cleanup_session(session.client_id)
        session.clean_session = True
        session.parent = 0
        session.keep_alive += session.keep_alive // 2
        return handler, session

    def _admits(self, session: Any) -> bool:
        user, client_id = session.username, session.client_id
        if not self._credentials.verify(user, session.password):
            return False
        # A client id belongs to its user: otherwise any lock could push any other off the broker.
        if client_id != user and not str(client_id).startswith(f"{user}-"):
            return False
        return not session.will_flag or may(user, Act.PUBLISH, session.will_topic)

    async def _authenticate(self, session: Any, _: Any) -> bool:
        return True  # done in `_initialize_client_session`, before the session had any effect

    async def _topic_filtering(self, session: Any, topic: str, action: Any) -> bool:
        # Never waits: amqtt walks its table of subscriptions while calling this.
        return session is not None and may(session.username, Act(str(action)), topic)

    async def _publish_retained_messages_for_subscription(
        self, subscription: tuple[str, int], session: Any
    ) -> None:
        topic_filter, asked = subscription
        if all(own is not session for own, _ in self._subscriptions.get(topic_filter, [])):
            return
        handler = self._get_handler(session)
        for topic, kept in list(self._retained_messages.items()):
            if not self._matches(topic, topic_filter):
                continue
            if handler is None or not may(session.username, Act.RECEIVE, topic):
                continue
            qos = min(asked, kept.qos if kept.qos is not None else asked)
            # In the background: a client that does not acknowledge must not hold up the others.
            task = asyncio.ensure_future(handler.mqtt_publish(topic, kept.data, qos, retain=True))
            self._tasks_queue.append(task)

    async def _session_monitor(self) -> None:
        while True:
            for client_id, (session, handler) in list(self._sessions.items()):
                # Look again: while the one before was being cleaned up this one may have come back.
                current = self._sessions.get(client_id)
                if current == (session, handler) and session.transitions.state == "disconnected":
                    await self._cleanup_session(client_id)
            await asyncio.sleep(1)


def embedded_broker(folder: Path, *, port: int = 0) -> EmbeddedBroker:
    """A broker whose credentials live in `folder`/broker.json."""
    return EmbeddedBroker(Credentials(folder / "broker.json"), port=port)
