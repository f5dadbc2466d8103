"""Knocking at a broker: does it answer, does it take the password, does it keep strangers out?"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import aiomqtt
from paho.mqtt.reasoncodes import ReasonCode

from berth.core.errors import BerthError
from berth.devices.mqtt import BrokerAddress, client
from berth.devices.topics import BACKEND_USER, COMMAND, PREFIX, STATE, all_locks

#: No lock has this id: what is said in its name concerns nobody.
NOBODY = "0x" + "00" * 20
#: MQTT 3.1.1: bad user name or password; not authorized. 5.0's codes for the same.
_NOT_LET_IN = frozenset({4, 5, 134, 135})
_LISTEN_SECONDS = 0.6


@dataclass(frozen=True)
class BrokerLogin:
    """How the backend gets into its broker. `ca_file` vouches for the broker's certificate, None =
    the machine's authorities do."""

    url: str
    password: str
    ca_file: Path | None = None
    user: str = BACKEND_USER

    def connect(self) -> aiomqtt.Client:
        """A connection of its own beside those of the user's other processes."""
        return client(
            BrokerAddress.parse(self.url),
            self.user,
            self.password,
            client_id=f"{self.user}-probe-{secrets.token_hex(4)}",
            ca_file=self.ca_file,
        )


async def knock(login: BrokerLogin, within: float = 2.0) -> None:
    """Connects and leaves. Raises BerthError broker.unreachable, broker.credentials or broker.url.

    `within`: seconds.
    """

    async def leave(_line: aiomqtt.Client) -> None:
        return

    await _in_session(login, within, leave)


async def lets_strangers_in(login: BrokerLogin, within: float = 2.0) -> bool:
    """Does it take any password for the backend's name? Raises BerthError broker.unreachable."""
    stranger = BrokerLogin(login.url, secrets.token_urlsafe(16), login.ca_file, login.user)
    try:
        await knock(stranger, within)
    except BerthError as error:
        if error.code == "broker.credentials":
            return False
        raise
    return True


async def kept_commands(login: BrokerLogin, within: float = 3.0) -> list[str]:
    """Topics of commands that the broker keeps for whoever connects next: there must be none.

    Raises BerthError broker.unreachable, broker.credentials, and broker.unseen where the broker
    does not let the backend look.
    """
    topics: set[str] = set()

    async def listen(line: aiomqtt.Client) -> None:
        granted = await line.subscribe(all_locks(COMMAND), qos=1)
        if any(_number(code) >= 128 for code in granted):
            raise BerthError("broker.unseen", "the backend may not look at the locks' commands")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LISTEN_SECONDS):
                async for message in line.messages:
                    if message.retain and message.payload:
                        topics.add(str(message.topic))

    await _in_session(login, within, listen)
    return sorted(topics)


async def backend_speaks_for_locks(login: BrokerLogin, within: float = 3.0) -> bool:
    """May the backend say what only locks may? Tried in the name of a lock that does not exist."""
    heard = False
    mark = secrets.token_hex(8).encode()

    async def speak(line: aiomqtt.Client) -> None:
        nonlocal heard
        await line.subscribe(all_locks(STATE), qos=1)
        await line.publish(f"{PREFIX}/{NOBODY}/{STATE}", mark, qos=0)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LISTEN_SECONDS):
                async for message in line.messages:
                    if message.payload == mark:
                        heard = True
                        return

    await _in_session(login, within, speak)
    return heard


async def _in_session(
    login: BrokerLogin, within: float, work: Callable[[aiomqtt.Client], Awaitable[None]]
) -> None:
    try:
        async with asyncio.timeout(within), login.connect() as line:
            await work(line)
    except TimeoutError:
        raise _unreachable(login, f"no answer within {within:g} s") from None
    except aiomqtt.MqttError as error:
        raise _refused(login, error) from error
    except (OSError, ssl.SSLError) as error:
        raise _unreachable(login, str(error) or type(error).__name__) from error


def _number(code: int | ReasonCode | None) -> int:
    return code.value if isinstance(code, ReasonCode) else (code or 0)


def _refused(login: BrokerLogin, error: aiomqtt.MqttError) -> BerthError:
    if isinstance(error, aiomqtt.MqttCodeError) and _number(error.rc) in _NOT_LET_IN:
        message = f"the broker at {login.url} refuses the password of user {login.user!r}"
        return BerthError(
            "broker.credentials", message, field="BERTH_MQTT_PASSWORD_FILE", status=503
        )
    return _unreachable(login, str(error))


def _unreachable(login: BrokerLogin, reason: str) -> BerthError:
    message = f"broker unreachable at {login.url}: {reason}"
    return BerthError("broker.unreachable", message, field="BERTH_MQTT_URL", status=503)
