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


async def heard(listener: aiomqtt.Client, least: int = 0) -> list[tuple[str, bytes, bool]]:
    """All (topic, payload, retain flag) that arrive: `least` of them are waited for, however busy
    the machine is, and more a moment longer."""
    found: list[tuple[str, bytes, bool]] = []
    loop = asyncio.get_running_loop()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(60 if least else 0.4) as patience:
            async for message in listener.messages:
                entry = (str(message.topic), message.payload, bool(message.retain))
                found.append(entry)
                if len(found) == least:
                    patience.reschedule(loop.time() + 0.4)
    return found
