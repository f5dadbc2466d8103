"""The whole relay on a real broker with a real (simulated) lock; the chain alone is made up."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from berth.devices.broker import EmbeddedBroker
from berth.devices.mqtt import BrokerAddress, BrokerLogin, client
from berth.devices.simulator.runner import LockProgram
from berth.devices.simulator.stay import Timing
from berth.devices.topics import BACKEND_USER, WORLD_USER, topic
from berth.relay.run import Relay
from berth.store.incidents import list_incidents
from berth.store.kept import lock_states, plate_readings
from sqlalchemy import update

from tests.backend.devices.locks import until
from tests.backend.relay.street import Street
from tests.backend.worlds import NOW, PLATE

_TIMING = Timing(travel=0.2, debounce=0.3, resend=0.5)


class Town:
    """Broker, lock and relay running; `show` moves the world around the lock."""

    def __init__(self, street: Street, broker: EmbeddedBroker, relay: Relay) -> None:
        self.street = street
        self.broker = broker
        self.relay = relay
        self.program: LockProgram | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def start_lock(self) -> None:
        address = BrokerAddress.parse(self.broker.url)
        self.program = LockProgram(self.street.home, address, self.street.clock, _TIMING)
        self._tasks.append(asyncio.create_task(self.program.run()))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    async def show(self, *, vehicle: bool = False, plate: str | None = None) -> None:
        address = BrokerAddress.parse(self.broker.url)
        password = self.street.credentials.add(WORLD_USER)
        async with client(address, WORLD_USER, password) as world:
            body = json.dumps({"vehicle": vehicle, "plate": plate})
            await world.publish(topic(self.street.home.lock_id, "world"), body, qos=1)

    def state(self, **wanted: Any) -> bool:
        try:
            lock = self.street.lock()
        except StopIteration:
            return False
        return all(lock[name] == value for name, value in wanted.items())


@pytest.fixture
async def town(street: Street) -> AsyncIterator[Town]:
    broker = EmbeddedBroker(street.credentials)
    await broker.start()
    relay = Relay(
        store=street.store,
        policy=street.policy,
        clock=street.clock,
        sealer=street.world.sealer,
        signer=street.signer,
        broker=BrokerLogin.at(broker.url, BACKEND_USER, street.credentials.add(BACKEND_USER)),
    )
    made = Town(street, broker, relay)
    running = asyncio.create_task(relay.run())
    yield made
    await made.stop()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    await broker.stop()


async def test_a_lease_from_booking_to_departure(town: Town) -> None:
    street = town.street
    lease = street.book()
    town.start_lock()
    await until(lambda: street.grant()["state"] == "acknowledged")
    assert town.program is not None
    assert town.program.lock.memory.grants[lease].state == "granted"

    street.tell(lease)
    town.relay.wake()
    await until(lambda: town.state(camera=1))
    await town.show(plate="WRONG1")
    await until(lambda: len(street.rows(plate_readings)) == 1)
    street.confirm(lease)
    town.relay.wake()
    await until(lambda: street.command("lower") is not None)
    assert street.command("lower")["reason"] == "plate.mismatch"
    assert town.state(position="LOCKED")

    await town.show(plate=PLATE)
    await until(lambda: town.state(position="UNLOCKED"))
    assert street.command("lower")["state"] in ("acknowledged", "done")
    await town.show(vehicle=True, plate=PLATE)
    await until(lambda: [row["kind"] for row in street.evidence()] == [1])
    await until(lambda: not town.program.lock.memory.unacknowledged)  # type: ignore[union-attr]
    street.clock.at += 60
    street.world.at_block(160)
    await town.show()
    await until(lambda: [row["kind"] for row in street.evidence()] == [1, 2])
    departure = street.evidence()[1]
    assert (departure["from_"], departure["until"]) == (NOW, NOW + 60)
    await until(lambda: town.state(position="LOCKED", cycle=1))
    await until(lambda: not town.program.lock.memory.unacknowledged)  # type: ignore[union-attr]
    with street.store.read() as conn:
        assert list_incidents(conn) == []  # nor is the bar's rise, which nobody ordered, one


async def test_evidence_signed_while_the_relay_was_away_arrives_when_it_is_back(
    street: Street, tmp_path: Path
) -> None:
    lease = street.book()
    broker = EmbeddedBroker(street.credentials)
    await broker.start()
    town = Town(street, broker, None)  # type: ignore[arg-type]
    town.start_lock()
    assert town.program is not None
    lock = town.program.lock
    await until(lambda: lock.reports._publish is not None)
    text = await street.signer.grant(_grant_order(street, lease))
    lock.hear_grant(text.encode())
    lock._begin(_lower_intent(lease), ordered=False)
    await until(lambda: lock.reports.position == "UNLOCKED")
    await town.show(vehicle=True)
    await until(lambda: len(lock.memory.unacknowledged) == 1)
    assert street.evidence() == []
    relay = Relay(
        store=street.store,
        policy=street.policy,
        clock=street.clock,
        sealer=street.world.sealer,
        signer=street.signer,
        broker=BrokerLogin.at(broker.url, BACKEND_USER, street.credentials.add(BACKEND_USER)),
    )
    running = asyncio.create_task(relay.run())
    await until(lambda: len(street.evidence()) == 1)
    await until(lambda: lock.memory.unacknowledged == {})
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    await town.stop()
    await broker.stop()


@pytest.mark.parametrize("trouble", ["behind", "skew"])
async def test_the_relay_sleeps_while_the_index_is_behind_or_the_clocks_differ(
    town: Town, trouble: str
) -> None:
    street = town.street
    await until(lambda: town.relay.asleep is None)
    if trouble == "behind":
        street.world.at_block(100, head=5000)
    else:
        street.clock.at += 31
    await until(lambda: town.relay.asleep is not None)
    street.book()
    town.start_lock()
    await until(lambda: town.state(online=1))
    street.tell(street.grant()["lease_id"])
    town.relay.wake()
    await asyncio.sleep(1)
    assert street.grant()["state"] == "pending"
    assert street.command("camera_on") is None
    street.world.at_block(5000)
    town.relay.wake()
    await until(lambda: street.grant()["state"] == "acknowledged")
    await until(lambda: (street.command("camera_on") or {}).get("state") == "done")


async def test_a_restarted_lock_gets_its_lease_again_and_a_command_still_waiting(
    town: Town,
) -> None:
    street = town.street
    lease = street.book()
    town.start_lock()
    await until(lambda: street.grant()["state"] == "acknowledged")
    await town.stop()
    await until(lambda: town.state(online=0))
    (street.home.folder / "journal.jsonl").unlink()  # a new board: no memory of anything
    street.clock.at += 5
    street.world.at_block(101)
    street.tell(lease)
    town.start_lock()
    await until(lambda: street.grant()["acked_version"] == 1 and town.state(online=1))
    street.tell(lease, "here")
    town.relay.wake()
    await until(lambda: town.state(camera=1), 10)


def _grant_order(street: Street, lease: str) -> Any:
    from tests.backend.relay.test_signer import grant_order

    return grant_order(street, lease)


def _lower_intent(lease: str) -> Any:
    from berth.devices.simulator.memory import Intent

    return Intent("00000000-0001", "lower", lease, 0)


async def test_a_relay_that_is_woken_and_ended_at_once_ends(street: Street) -> None:
    relay = Relay(
        store=street.store,
        policy=street.policy,
        clock=street.clock,
        sealer=street.world.sealer,
        signer=street.signer,
        broker=BrokerLogin.at("mqtt://127.0.0.1:1", BACKEND_USER, "none"),
    )
    for turns in range(6):
        looking = asyncio.create_task(relay._look())
        await asyncio.sleep(0.1)
        relay._awake.set()
        for _ in range(turns):  # of the loop, between waking and ending
            await asyncio.sleep(0)
        looking.cancel()
        done, _ = await asyncio.wait({looking}, timeout=60)
        assert done
        assert looking.cancelled()


async def test_a_real_lock_that_was_quiet_has_a_fresh_nonce_before_the_block_comes(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    street, asked = town.street, list[str]()
    ask = town.relay._delivery.ask_hello

    async def noted(lock_id: str) -> None:
        asked.append(street.lock()["nonce"])
        await ask(lock_id)

    monkeypatch.setattr(town.relay._delivery, "ask_hello", noted)
    lease = street.book(booked_block=100)
    town.start_lock()
    await until(lambda: town.state(online=1, position="LOCKED"))
    street.boot = street.lock()["boot_id"]
    street.tell(lease)
    street.plate(lease)
    street.confirm(lease)

    def asked_once_its_nonce_is_old() -> bool:
        with street.store.write() as conn:  # it may say hello by itself, as long as it starts
            conn.execute(update(lock_states).values(nonce_at=lock_states.c.nonce_at - 61))
        town.relay.wake()
        return bool(asked)

    await until(asked_once_its_nonce_is_old)
    await until(lambda: street.lock()["nonce"] not in (None, *asked))
    row = street.command("lower")
    assert (row["state"], row["reason"]) == ("observed", "lease.shallow")  # nothing has left
