"""A real embedded broker with two locks, a backend and a world."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiomqtt
import pytest
from berth.devices.broker import EmbeddedBroker, embedded_broker
from berth.devices.mqtt import BrokerAddress, client

LOCK_A = "0x" + "a1" * 20
LOCK_B = "0x" + "b2" * 20


class Net:
    """The broker and everybody's passwords."""

    def __init__(self, broker: EmbeddedBroker) -> None:
        self.broker = broker
        self.passwords = {
            user: broker.credentials.add(user) for user in (LOCK_A, LOCK_B, "backend", "world")
        }

    def connect(
        self,
        user: str,
        *,
        client_id: str | None = None,
        password: str | None = None,
        will: aiomqtt.Will | None = None,
    ) -> aiomqtt.Client:
        return client(
            BrokerAddress.parse(self.broker.url),
            user,
            self.passwords[user] if password is None else password,
            client_id=client_id,
            will=will,
        )


@pytest.fixture
async def net(tmp_path: Path) -> AsyncIterator[Net]:
    async with embedded_broker(tmp_path) as broker:
        yield Net(broker)


async def heard(listener: aiomqtt.Client, seconds: float = 0.4) -> list[tuple[str, bytes, bool]]:
    """All (topic, payload, retain flag) that arrive within some time."""
    found: list[tuple[str, bytes, bool]] = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            async for message in listener.messages:
                entry = (str(message.topic), message.payload, bool(message.retain))
                found.append(entry)
    return found
