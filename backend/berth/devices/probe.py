"""Knocking at a broker: does it answer, does it take the password, does it keep strangers out?"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace

import aiomqtt
from paho.mqtt.reasoncodes import ReasonCode

from berth.core.errors import BerthError
from berth.devices.mqtt import BrokerLogin
from berth.devices.topics import COMMAND, PREFIX, STATE, all_locks

#: No lock has this id: what is said in its name concerns nobody.
NOBODY = "0x" + "00" * 20
_LISTEN_SECONDS = 0.6


async def knock(login: BrokerLogin, within: float = 2.0) -> None:
    """Connects and leaves. Raises BerthError broker.unreachable, broker.credentials or broker.url.

    `within`: seconds.
    """

    async def leave(_line: aiomqtt.Client) -> None:
        return

    await _in_session(login, within, leave)


async def lets_strangers_in(login: BrokerLogin, within: float = 2.0) -> bool:
    """Does it take any password for the backend's name? Raises BerthError broker.unreachable."""
    stranger = replace(login, password=secrets.token_urlsafe(16))
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
    """A connection of its own, beside those of the user's other processes."""
    name = f"{login.user}-probe-{secrets.token_hex(4)}"
    try:
        async with asyncio.timeout(within), login.client(client_id=name) as line:
            await work(line)
    except TimeoutError:
        raise login.refusal(TimeoutError(f"no answer within {within:g} s")) from None
    except (aiomqtt.MqttError, OSError) as error:
        raise login.refusal(error) from error


def _number(code: int | ReasonCode) -> int:
    return code.value if isinstance(code, ReasonCode) else code
