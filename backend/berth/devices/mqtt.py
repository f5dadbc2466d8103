"""Connections to a broker, the same way for locks and backend."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import aiomqtt

from berth.core.errors import BerthError

#: Without it a round trip waits for delayed acknowledgements: 90 ms instead of 2 ms.
_NODELAY = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)
_KEEP_ALIVE = 20
_LONGEST_WAIT = 15.0
#: CONNACK codes of MQTT 3.1.1, and those of MQTT 5 that the client library makes of them.
_NOT_ADMITTED = frozenset({4, 5, 134, 135})


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

    @property
    def url(self) -> str:
        """`mqtt://host:port` or `mqtts://host:port`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"


@dataclass(frozen=True)
class BrokerLogin:
    """A broker and who we are there. `ca_file` (PEM) is whom an `mqtts` broker is checked against,
    None = the system's certificates."""

    address: BrokerAddress
    user: str
    password: str = field(repr=False)
    ca_file: Path | None = None

    @classmethod
    def at(cls, url: str, user: str, password: str, ca_file: Path | None = None) -> BrokerLogin:
        """At a URL. Raises BerthError `broker.url`."""
        return cls(BrokerAddress.parse(url), user, password, ca_file)

    @property
    def where(self) -> str:
        """`host:port`, for people."""
        return f"{self.address.host}:{self.address.port}"

    def client(
        self, *, client_id: str | None = None, will: aiomqtt.Will | None = None
    ) -> aiomqtt.Client:
        """A client; see `client`."""
        return client(
            self.address,
            self.user,
            self.password,
            client_id=client_id,
            will=will,
            ca_file=self.ca_file,
        )

    def refusal(self, error: BaseException) -> BerthError:
        """What a failed connection means: `broker.credentials`, `broker.certificate` or
        `broker.unreachable`."""
        code = _return_code(error)
        if code in _NOT_ADMITTED:
            message = f"the broker at {self.where} does not admit {self.user!r} with this password"
            return BerthError(
                "broker.credentials", message, field="BERTH_MQTT_PASSWORD_FILE", status=503
            )
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            message = f"the broker at {self.where} shows a certificate that nobody vouches for"
            return BerthError("broker.certificate", message, field="BERTH_MQTT_CA_FILE", status=503)
        message = f"the broker at {self.where} cannot be reached: {error}"
        return BerthError("broker.unreachable", message, field="BERTH_MQTT_URL", status=503)


def client(
    address: BrokerAddress,
    user: str,
    password: str,
    *,
    client_id: str | None = None,
    will: aiomqtt.Will | None = None,
    ca_file: Path | None = None,
) -> aiomqtt.Client:
    """An MQTT 3.1.1 client with a clean session; use it with `async with`.

    Raises BerthError `broker.ca` when `ca_file` holds no certificates.
    """
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
        tls_context=tls_context(ca_file) if address.tls else None,
    )


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Checks the broker's name and certificate."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        why = getattr(error, "strerror", None) or "it holds no certificates (PEM)"
        raise BerthError(
            "broker.ca", f"cannot use {ca_file}: {why}", field="BERTH_MQTT_CA_FILE", exit_code=2
        ) from error


def _return_code(error: BaseException) -> int | None:
    code = getattr(error, "rc", None)
    value = getattr(code, "value", code)
    return value if isinstance(value, int) else None


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
