"""Connections to a broker, the same way for locks and backend."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiomqtt

from berth.core.errors import BerthError

#: Without it a round trip waits for delayed acknowledgements: 90 ms instead of 2 ms.
_NODELAY = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)
_KEEP_ALIVE = 20
_LONGEST_WAIT = 15.0


@dataclass(frozen=True)
class BrokerAddress:
    """Where a broker listens, and whether through TLS."""

    host: str
    port: int
    tls: bool

    @classmethod
    def parse(cls, url: str) -> BrokerAddress:
        """From `mqtt://host:port` or `mqtts://host:port`."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise BerthError("broker.url", f"{url!r}: {error}", field="broker") from error
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
            raise BerthError(
                "broker.url",
                f"must be mqtt://host:port or mqtts://host:port, not {url!r}",
                field="broker",
            )
        tls = parts.scheme == "mqtts"
        return cls(parts.hostname, port or (8883 if tls else 1883), tls)


def client(
    address: BrokerAddress,
    user: str,
    password: str,
    *,
    client_id: str | None = None,
    will: aiomqtt.Will | None = None,
) -> aiomqtt.Client:
    """An MQTT 3.1.1 client with a clean session; use it with `async with`."""
    return aiomqtt.Client(
        address.host,
        address.port,
        username=user,
        password=password,
        identifier=client_id or user,
        protocol=aiomqtt.ProtocolVersion.V311,
        clean_session=True,
        keepalive=_KEEP_ALIVE,
        timeout=10,
        will=will,
        socket_options=_NODELAY,
        tls_context=ssl.create_default_context() if address.tls else None,
    )


async def keep_connected(
    connect: Callable[[], aiomqtt.Client],
    session: Callable[[aiomqtt.Client], Awaitable[None]],
    on_loss: Callable[[BaseException], None] = lambda _: None,
) -> None:
    """Run `session` on a connection, and again on a new one whenever the broker is lost.

    Ends when `session` returns or the task is cancelled. Waits 0.25 s after the first loss, twice
    as long after each further one in a row, 15 s at most.
    """
    pause = 0.25
    while True:
        try:
            async with connect() as connection:
                pause = 0.25
                await session(connection)
                return
        except aiomqtt.MqttError as error:
            on_loss(error)
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_WAIT)
