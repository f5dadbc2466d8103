"""Locks on the network: one task a lock for its connection, one for the passing of time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

import aiomqtt
import structlog

from berth.core.clock import Clock
from berth.devices.mqtt import BrokerAddress, BrokerLogin, keep_connected
from berth.devices.simulator.home import LockHome, open_home
from berth.devices.simulator.lock import Lock
from berth.devices.simulator.stay import STANDARD, Timing
from berth.devices.topics import AVAILABILITY, COMMAND, GRANT, WORLD, topic

_TICK = 0.2
#: Messages that wait for the line; more than a lock ever has to say at once.
_QUEUE = 1000
#: (topic leaf, payload, retain flag)
_Said = tuple[str, bytes, bool]
_log = structlog.get_logger("berth.lock")


class LockProgram:
    """One lock and its connection to a broker."""

    def __init__(
        self,
        home: LockHome,
        broker: BrokerAddress,
        clock: Clock,
        timing: Timing = STANDARD,
        ca_file: Path | None = None,
    ) -> None:
        self.lock = Lock(home, clock, timing)
        self._id = home.lock_id
        self._login = BrokerLogin(broker, home.lock_id, home.mqtt_password, ca_file)

    async def run(self) -> None:
        """Until cancelled; then lets a movement of the bar end."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._pass_time())
                tasks.create_task(keep_connected(self._client, self._session, self._lost))
        finally:
            await asyncio.shield(self.lock.close())

    async def _pass_time(self) -> None:
        while True:
            self.lock.tick()
            await asyncio.sleep(_TICK)

    def _client(self) -> aiomqtt.Client:
        will = aiomqtt.Will(
            topic(self._id, AVAILABILITY), self.lock.reports.will(), qos=1, retain=True
        )
        return self._login.client(will=will)

    def _lost(self, error: BaseException) -> None:
        refusal = self._login.refusal(error)
        _log.warning("not connected", lock=self._id, code=refusal.code, reason=refusal.message)

    async def _session(self, connection: aiomqtt.Client) -> None:
        for leaf in (GRANT, COMMAND, WORLD):
            await connection.subscribe(topic(self._id, leaf), qos=1)
        said: asyncio.Queue[_Said] = asyncio.Queue(_QUEUE)
        halves = [
            asyncio.ensure_future(self._speak(connection, said)),
            asyncio.ensure_future(self._listen(connection)),
        ]
        try:
            self.lock.greet(lambda *message: _put(said, message))
            _log.info("connected", lock=self._id)
            done, _ = await asyncio.wait(halves, return_when=asyncio.FIRST_COMPLETED)
            for half in done:
                half.result()
        except asyncio.CancelledError:
            await self._leave(connection)
            raise
        finally:
            self.lock.lost()
            for half in halves:
                half.cancel()
            await asyncio.gather(*halves, return_exceptions=True)

    async def _leave(self, connection: aiomqtt.Client) -> None:
        with contextlib.suppress(aiomqtt.MqttError):
            name = topic(self._id, AVAILABILITY)
            await connection.publish(
                name, self.lock.reports.farewell(), qos=1, retain=True, timeout=1
            )

    async def _speak(self, connection: aiomqtt.Client, said: asyncio.Queue[_Said]) -> None:
        while True:
            leaf, data, kept = await said.get()
            await connection.publish(topic(self._id, leaf), data, qos=1, retain=kept)

    async def _listen(self, connection: aiomqtt.Client) -> None:
        hear: dict[str, Callable[[bytes], None]] = {
            topic(self._id, COMMAND): self.lock.hear_command,
            topic(self._id, GRANT): self.lock.hear_grant,
            topic(self._id, WORLD): self.lock.hear_world,
        }
        async for message in connection.messages:
            hear[str(message.topic)](message.payload)


def _put(said: asyncio.Queue[_Said], message: _Said) -> None:
    # A line this slow is as good as none: what matters is said again.
    with contextlib.suppress(asyncio.QueueFull):
        said.put_nowait(message)


async def run_locks(
    folders: Sequence[Path],
    broker_url: str,
    clock: Clock,
    timing: Timing = STANDARD,
    password: str | None = None,
    ca_file: Path | None = None,
) -> None:
    """Run the locks of several homes in this process until cancelled. `ca_file` (PEM) is whom an
    `mqtts` broker is checked against."""
    address = BrokerAddress.parse(broker_url)
    homes = [open_home(folder, password) for folder in folders]
    programs = [LockProgram(home, address, clock, timing, ca_file) for home in homes]
    async with asyncio.TaskGroup() as tasks:
        for program in programs:
            tasks.create_task(program.run())
