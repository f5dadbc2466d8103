"""A broker in memory with the face of aiomqtt's client: topics in order, sessions, wills.

One client's messages of one topic arrive in the order of their sending, as MQTT promises; between
topics nothing is promised.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import aiomqtt
from berth.devices.topics import Act, may

from tests.sim.faults import Faults
from tests.sim.loop import PROCESS, Process, check_alive


@dataclass(frozen=True)
class Message:
    """What a subscriber is handed."""

    topic: str
    payload: bytes
    retain: bool = False


@dataclass
class Published:
    """One message that reached the broker, for those who judge afterwards."""

    at: float
    user: str
    topic: str
    payload: bytes
    retain: bool


@dataclass
class Broker:
    faults: Faults
    say: Callable[..., None]
    up: bool = True
    sessions: dict[str, Client] = field(default_factory=dict)
    kept: dict[str, bytes] = field(default_factory=dict)
    heard: list[Published] = field(default_factory=list)
    wills: dict[str, tuple[str, Any]] = field(default_factory=dict)
    offline: set[str] = field(default_factory=set)  # users without network

    def client(self, user: str, identifier: str, will: Any = None) -> Client:
        """For `async with`."""
        return Client(self, user, identifier, will)

    def take(self, user: str, topic: str, payload: bytes, retain: bool) -> None:
        """A message has arrived at the broker."""
        now = asyncio.get_running_loop().time()
        self.heard.append(Published(now, user, topic, payload, retain))
        if retain:
            self.kept[topic] = payload
        for session in list(self.sessions.values()):
            if session.hears(topic):
                session.hand(Message(topic, payload))

    def execute(self, identifier: str) -> None:
        """Says the will of a client that is gone, once."""
        user, will = self.wills.pop(identifier, (None, None))
        if user is not None and will is not None:
            self.take(user, will.topic, will.payload, will.retain)

    def drop_all(self) -> None:
        """The broker goes down: every connection breaks; what it keeps is on its disk."""
        self.up = False
        for session in list(self.sessions.values()):
            session.cut(say_will=False)

    def injected(self, topic: str, payload: bytes) -> None:
        """Somebody with a stolen password says something."""
        self.take("thief", topic, payload, False)


class Client:
    """One connection at a time; clean session."""

    def __init__(self, broker: Broker, user: str, identifier: str, will: Any) -> None:
        self.broker = broker
        self.user = user
        self.identifier = identifier
        self._will = will
        self._filters: list[str] = []
        self._queue: asyncio.Queue[Message | None] = asyncio.Queue()
        self._last: dict[str, float] = {}
        self._process: Process | None = None
        self.connected = False

    async def __aenter__(self) -> Client:
        check_alive()
        await asyncio.sleep(self._jitter(0.02))
        check_alive()
        if not self.broker.up or self.user in self.broker.offline:
            raise aiomqtt.MqttError("connection refused")
        former = self.broker.sessions.get(self.identifier)
        if former is not None:
            former.cut()
        self.broker.execute(self.identifier)
        self._process = PROCESS.get()
        if self._process is not None:
            # a dead peer's connection breaks; the broker says its will
            self._process.on_kill.append(self.cut)
        self.connected = True
        self.broker.sessions[self.identifier] = self
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.connected:
            self._end()

    async def subscribe(self, name: str, qos: int = 0) -> None:
        self._check()
        await asyncio.sleep(self._jitter(0.01))
        self._check()
        if not may(self.user, Act.SUBSCRIBE, name):
            raise aiomqtt.MqttError(f"{self.user} may not subscribe to {name}")
        self._filters.append(name)
        for topic, payload in sorted(self.broker.kept.items()):
            if _fits(name, topic):
                self.hand(Message(topic, payload, True))

    async def publish(
        self,
        name: str,
        payload: bytes | str,
        qos: int = 0,
        retain: bool = False,
        timeout: float | None = None,  # noqa: ASYNC109 - aiomqtt's own name
        **_: Any,
    ) -> None:
        """Waits for the broker's acknowledgement."""
        self._check()
        faults, data = self.broker.faults, payload.encode() if isinstance(payload, str) else payload
        if not may(self.user, Act.PUBLISH, name):
            raise aiomqtt.MqttError(f"{self.user} may not publish to {name}")
        if PROCESS.get() is not None and faults.strike("crash.publish", topic=name[-8:]):
            early = faults.rng("crash.publish").random() < 0.5
            if not early:
                self.broker.take(self.user, name, data, retain)
            self._die()
        await asyncio.sleep(self._jitter(0.01))
        self._check()
        if faults.strike("broker.drop", topic=name):
            return
        self.broker.take(self.user, name, data, retain)
        if faults.strike("broker.duplicate", topic=name):
            self.broker.take(self.user, name, data, retain)
        await asyncio.sleep(self._jitter(0.01))
        self._check()

    @property
    async def messages(self) -> AsyncIterator[Message]:
        while True:
            message = await self._queue.get()
            if message is None:
                raise aiomqtt.MqttError("the connection was lost")
            yield message

    # ---- the broker's side

    def hears(self, topic: str) -> bool:
        return any(_fits(name, topic) for name in self._filters)

    def hand(self, message: Message) -> None:
        """Delivers it in a while, never before an earlier one of its topic."""
        loop, faults = asyncio.get_running_loop(), self.broker.faults
        at = loop.time() + self._jitter(0.03)
        if faults.strike("broker.delay", topic=message.topic):
            at += faults.rng("broker.delay").uniform(0.5, 20.0)
        at = max(at, self._last.get(message.topic, 0.0) + 1e-4)
        self._last[message.topic] = at
        loop.call_at(at, self._put, message)

    def _put(self, message: Message) -> None:
        if self.connected:
            self._queue.put_nowait(message)

    def cut(self, *, say_will: bool = True) -> None:
        """The connection breaks."""
        if not self.connected:
            return
        self._end()
        self._queue.put_nowait(None)
        if say_will and self._will is not None and self.broker.up:
            # the broker notices a little later, or when the client comes back
            self.broker.wills[self.identifier] = (self.user, self._will)
            asyncio.get_running_loop().call_later(1.0, self.broker.execute, self.identifier)

    def _end(self) -> None:
        self.connected = False
        if self.broker.sessions.get(self.identifier) is self:
            del self.broker.sessions[self.identifier]
        if self._process is not None and self.cut in self._process.on_kill:
            self._process.on_kill.remove(self.cut)

    def _check(self) -> None:
        check_alive()
        if not self.connected:
            raise aiomqtt.MqttError("not connected")

    def _die(self) -> None:
        process = PROCESS.get()
        if process is not None:
            process.kill()
            process.check()

    def _jitter(self, most: float) -> float:
        return self.broker.faults.rng("broker.delay").uniform(0.0005, most)


def _fits(name: str, topic: str) -> bool:
    wanted, given = name.split("/"), topic.split("/")
    return len(wanted) == len(given) and all(
        w in ("+", g) for w, g in zip(wanted, given, strict=True)
    )
