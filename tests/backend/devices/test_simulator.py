"""Locks as a program of their own on a real broker."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import aiomqtt
from berth.devices.broker import embedded_broker
from berth.devices.mqtt import BrokerAddress
from berth.devices.protocol import ASK_HELLO, AnyMessage, decode
from berth.devices.simulator.home import open_home
from berth.devices.simulator.runner import LockProgram, run_locks
from berth.devices.topics import FROM_LOCK, all_locks, parse, topic

from tests.backend.devices.conftest import Net
from tests.backend.devices.locks import PLATE, TIMING, Bench, until


class Ear:
    """The backend's side: everything locks said, newest state per leaf."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, AnyMessage, bool]] = []
        self.open = asyncio.Event()  # before, what is not kept by the broker passes it by

    async def listen(self, connection: aiomqtt.Client) -> None:
        for leaf in sorted(FROM_LOCK):
            await connection.subscribe(all_locks(leaf), qos=1)
        self.open.set()
        async for message in connection.messages:
            lock_id, leaf = parse(str(message.topic))
            self.heard.append((leaf, decode(lock_id, leaf, message.payload), bool(message.retain)))

    def last(self, leaf: str) -> Any:
        return [message for name, message, _ in self.heard if name == leaf][-1]

    def has(self, leaf: str, **fields: Any) -> bool:
        return any(
            name == leaf and all(getattr(message, k) == v for k, v in fields.items())
            for name, message, _ in self.heard
        )


async def test_a_lock_on_the_network_from_hello_to_departure(tmp_path: Path) -> None:
    async with embedded_broker(tmp_path) as broker:
        net = Net(broker)
        bench = Bench(tmp_path / "lock", broker.credentials.add)
        home = open_home(bench.home.folder)
        program = LockProgram(home, BrokerAddress.parse(broker.url), bench.time, TIMING)
        bench.lock = program.lock
        ear = Ear()
        async with net.connect("backend") as backend, net.connect("world") as world:
            listening = asyncio.create_task(ear.listen(backend))
            await ear.open.wait()
            running = asyncio.create_task(program.run())
            await until(lambda: ear.has("hello"))

            async def tell(leaf: str, text: str) -> None:
                await backend.publish(topic(home.lock_id, leaf), text, qos=1)

            async def show(**fields: Any) -> None:
                body = json.dumps({"vehicle": False, "plate": None, **fields})
                await world.publish(topic(home.lock_id, "world"), body, qos=1)

            bench.said.append(ear.last("hello"))
            await tell("grant", bench.grant())
            await until(lambda: ear.has("ack", outcome="done", version=1))
            await show(plate=PLATE)
            await backend.publish(topic(home.lock_id, "command"), ASK_HELLO, qos=1)
            await until(lambda: len([1 for name, *_ in ear.heard if name == "hello"]) >= 2)
            bench.said.append(ear.last("hello"))
            await tell("command", bench.ticket("lower", id="beef0001"))
            await until(lambda: ear.has("ack", command="beef0001", outcome="done"))
            await show(vehicle=True)
            await until(lambda: ear.has("occupancy", kind=1))
            listening.cancel()
        # A backend that comes later is told where things stand, marked as kept.
        late = Ear()
        async with net.connect("backend") as backend:
            listening = asyncio.create_task(late.listen(backend))
            await until(lambda: late.has("state", position="UNLOCKED", occupied=True))
            await until(lambda: late.has("availability", online=True))
            assert all(kept for leaf, _, kept in late.heard if leaf in ("state", "availability"))
            running.cancel()
            await asyncio.wait([running])
            await until(lambda: late.has("availability", online=False))
            listening.cancel()


async def test_a_killed_lock_is_offline_by_its_will_and_the_will_is_its_own_word(
    tmp_path: Path,
) -> None:
    async with embedded_broker(tmp_path) as broker:
        net = Net(broker)
        bench = Bench(tmp_path / "lock", broker.credentials.add)
        lock_id = bench.home.lock_id
        program = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "berth.cli.main", "lock", "simulate"),
            *("--home", str(bench.home.folder), "--broker", broker.url),
        )
        ear = Ear()
        async with net.connect("backend") as backend:
            listening = asyncio.create_task(ear.listen(backend))
            await until(lambda: ear.has("availability", online=True, lock=lock_id), 20)
            program.kill()
            await program.wait()
            await until(lambda: ear.has("availability", online=False, lock=lock_id))
            assert ear.last("availability").connection == ear.last("hello").connection
            listening.cancel()


async def test_a_lock_comes_back_by_itself_when_the_broker_does(tmp_path: Path) -> None:
    broker = embedded_broker(tmp_path)
    await broker.start()
    net = Net(broker)
    bench = Bench(tmp_path / "lock", broker.credentials.add)
    home = open_home(bench.home.folder)
    program = LockProgram(home, BrokerAddress.parse(broker.url), bench.time, TIMING)
    ear = Ear()
    async with net.connect("backend") as backend:
        listening = asyncio.create_task(ear.listen(backend))
        await ear.open.wait()
        running = asyncio.create_task(program.run())
        await until(lambda: ear.has("hello"))
        listening.cancel()
    port = broker.port
    await broker.stop()
    await asyncio.sleep(0.5)
    async with embedded_broker(tmp_path, port=port) as second:
        net.broker = second
        ear = Ear()
        async with net.connect("backend") as backend:
            listening = asyncio.create_task(ear.listen(backend))
            await until(lambda: ear.has("availability", online=True, connection=2))
            listening.cancel()
        running.cancel()
        await asyncio.wait([running])


async def test_several_locks_share_a_process_and_none_answers_for_another(tmp_path: Path) -> None:
    async with embedded_broker(tmp_path) as broker:
        net = Net(broker)
        benches = [Bench(tmp_path / name, broker.credentials.add) for name in ("one", "two")]
        ids = [bench.home.lock_id for bench in benches]
        ear = Ear()
        async with net.connect("backend") as backend, net.connect("world") as world:
            listening = asyncio.create_task(ear.listen(backend))
            await ear.open.wait()
            folders = [bench.home.folder for bench in benches]
            running = asyncio.create_task(run_locks(folders, broker.url, benches[0].time, TIMING))
            await until(lambda: all(ear.has("state", lock=each) for each in ids))
            body = json.dumps({"vehicle": True, "plate": None})
            await world.publish(topic(ids[1], "world"), body, qos=1)
            await until(lambda: ear.has("fault", lock=ids[1], fault="car_detected"))
            assert not ear.has("fault", lock=ids[0])
            listening.cancel()
        running.cancel()
        await asyncio.wait([running])
