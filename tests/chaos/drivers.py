"""Drivers who park all the time: book, arrive, show plates, confirm, stay, leave; and what each
lived through. They are patient: whatever answers them may be dead just now."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import aiomqtt
import httpx
from berth.chain.contracts import Contracts
from berth.chain.reverts import ChainRevertError
from berth.chain.rpc import Rpc
from berth.cli.demo.people import Person
from berth.core.deployment import Deployment
from berth.core.errors import BerthError
from berth.core.ids import lease_hex, parse_lease
from berth.core.messages import unlock_confirmation
from berth.core.slots import SLOT_SECONDS, ceil_slot, slot_start
from berth.core.states import EARLY_SECONDS, LeaseState
from berth.core.zones import rfc3339
from berth.devices.mqtt import BrokerLogin
from berth.devices.topics import WORLD, topic

from tests.chaos.town import Driver

T = TypeVar("T")
WRONG_PLATE = "NOT 007"
#: How long a driver waits before the bar after the word was taken: longer than a command lives
#: (120 s), so that by then somebody must have said why it does not go down. Seconds.
PATIENCE = 150.0
_TROUBLES = (BerthError, httpx.HTTPError, aiomqtt.MqttError, TimeoutError, OSError)


@dataclass
class Trip:
    """One lease and what its driver lived through; times are Unix seconds."""

    lease: str
    space: str
    lock: str
    confirmed: bool = False
    lowered: bool = False
    gave_up: bool = False
    ended: bool = False


@dataclass
class World:
    """What stands before the locks' sensors and cameras."""

    login: BrokerLogin
    homes: Path
    _line: aiomqtt.Client | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def show(self, driver: Driver, *, vehicle: bool, plate: str | None) -> None:
        """Says it until the lock has seen it: one that is dead just now hears nothing."""
        payload = json.dumps({"vehicle": vehicle, "plate": plate})
        name = topic(driver.space.lock_id, WORLD)
        while True:
            with contextlib.suppress(*_TROUBLES):
                async with self._turn:
                    if self._line is None:
                        line = self.login.client(client_id="world-chaos")
                        self._line = await line.__aenter__()
                    try:
                        await self._line.publish(name, payload, qos=1, timeout=3)
                    except aiomqtt.MqttError:
                        await self.close()
            for _ in range(5):
                await asyncio.sleep(0.1)
                seen = self.hardware(driver)["world"]
                if (seen["vehicle"], seen["plate"]) == (vehicle, plate):
                    return

    def hardware(self, driver: Driver) -> dict[str, Any]:
        """The bar and what is before it, as they really are."""
        path = self.homes / driver.space.lock_folder / "hardware.json"
        try:
            found: dict[str, Any] = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            return {"place": "up", "world": {"vehicle": False, "plate": None}}
        return found

    def place(self, driver: Driver) -> str:
        return str(self.hardware(driver)["place"])

    async def close(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            with contextlib.suppress(Exception):
                await line.__aexit__(None, None, None)


class Parker:
    """One driver on the way, again and again."""

    def __init__(
        self,
        driver: Driver,
        person: Person,
        world: World,
        rpc: Rpc,
        deployment: Deployment,
        chance: random.Random,
    ) -> None:
        self.driver = driver
        self.trips: list[Trip] = []
        self.wrongs: list[str] = []
        self._person = person
        self._world = world
        self._rpc = rpc
        self._deployment = deployment
        self._market = Contracts.of(deployment).market
        self._chance = chance
        self._number = 0
        self._leased = "0x" + self._market.abi.events["Leased"].topic.hex()

    @property
    def address(self) -> str:
        return self._person.address

    async def park(self, stop: asyncio.Event) -> None:
        """Trip after trip until told to stop; the last one is brought to its end."""
        while not stop.is_set():
            trip = await self._book(stop)
            if trip is not None:
                await self._trip(trip)

    # ---- one trip

    async def _book(self, stop: asyncio.Event) -> Trip | None:
        space = self.driver.space
        start = ceil_slot(int(time.time()) + 20)
        window = {
            "start": rfc3339(slot_start(start)),
            "end": rfc3339(slot_start(start) + SLOT_SECONDS),
        }
        body = {
            "spaceId": space.space_id,
            "offer": space.offer,
            "window": window,
            "plateCommitment": self.driver.commitment,
        }
        try:
            quote = await self._person.api.post("/v1/quotes", body)
        except _TROUBLES:
            await asyncio.sleep(0.5)
            return None
        if not quote["leasable"] or not quote["transactions"]:
            await asyncio.sleep(0.5)
            return None
        self._number += 1
        purpose = f"{self.driver.name}: lease {self._number} of this run"
        transaction = quote["transactions"][-1]
        data = bytes.fromhex(transaction["data"].removeprefix("0x"))
        while True:  # once it is signed it is one lease, whatever the node does
            try:
                receipt = await self._person.sender.transact(
                    purpose, transaction["to"].lower(), data
                )
                break
            except ChainRevertError:
                return None
            except _TROUBLES:
                await asyncio.sleep(0.5)
        (log,) = [one for one in receipt.logs if one.topics and one.topics[0] == self._leased]
        trip = Trip(lease_hex(int(log.topics[1], 16)), space.space_id, space.lock_id)
        self.trips.append(trip)
        return trip

    async def _trip(self, trip: Trip) -> None:
        driver, chance = self.driver, self._chance
        opens = slot_start(parse_lease(trip.lease) >> 16 & 0xFFFFFFFF) - EARLY_SECONDS
        await asyncio.sleep(max(0.0, opens + 1 - time.time()))
        if chance.random() < 0.25:
            await self._stranger(trip)
        await self._world.show(driver, vehicle=False, plate=driver.plate)
        silent = chance.random() < 0.1  # drives up and never says a word
        if not await self._let_in(trip, silent=silent):
            await self._world.show(driver, vehicle=False, plate=None)
            await self._give_up(trip)
            return
        await self._world.show(driver, vehicle=True, plate=driver.plate)
        await asyncio.sleep(chance.uniform(0.5, 4.0))
        await self._world.show(driver, vehicle=False, plate=None)
        await self._until(lambda: self._closed(trip), PATIENCE)
        await self._until(self._bar_up, 60.0)
        trip.ended = True

    async def _stranger(self, trip: Trip) -> None:
        """Another vehicle stands there while the lease's driver says open: the bar stays up."""
        driver = self.driver
        await self._world.show(driver, vehicle=False, plate=WRONG_PLATE)
        await self._tell(trip)
        await self._confirm(trip)
        await asyncio.sleep(self._chance.uniform(0.5, 2.5))
        if self._world.place(driver) != "up":
            self.wrongs.append(f"the bar of {trip.lock} went down before {WRONG_PLATE}")

    async def _let_in(self, trip: Trip, *, silent: bool) -> bool:
        """Tells, confirms and waits; whether the bar went down."""
        began = confirmed_at = told_at = 0.0
        started = time.monotonic()
        while True:
            if self._world.place(self.driver) == "down":
                trip.lowered = True
                if silent and not trip.confirmed:
                    self.wrongs.append(f"the bar of {trip.lock} went down without a word")
                return True
            moment = time.monotonic()
            if moment - told_at > 20 and await self._tell(trip):
                told_at = moment
            if silent:
                if moment - started > 8:
                    return False
            elif moment - confirmed_at > 15 and await self._confirm(trip):
                confirmed_at = moment
                began = began or moment
            if began and moment - began > PATIENCE:
                trip.gave_up = True
                return False
            if not began and moment - started > 2 * PATIENCE:
                return False  # nobody ever heard the word
            await asyncio.sleep(0.3)

    async def _tell(self, trip: Trip) -> bool:
        """I am here."""
        try:
            await self._person.api.post(f"/v1/leases/{trip.lease}/presence", {"event": "entered"})
        except _TROUBLES:
            return False
        return True

    async def _confirm(self, trip: Trip) -> bool:
        """Open; True when the word was taken."""
        try:
            detail = await self._person.api.get(f"/v1/leases/{trip.lease}")
            asked = detail["confirmation"]
            if asked is None:
                return False
            message = unlock_confirmation(
                self._deployment.domain, parse_lease(trip.lease), asked["cycle"], asked["at"]
            )
            signature = "0x" + self._person.sign(message).hex()
            body = {"cycle": asked["cycle"], "at": asked["at"], "signature": signature}
            await self._person.api.post(f"/v1/leases/{trip.lease}/unlock", body)
        except (*_TROUBLES, KeyError):
            return False
        trip.confirmed = True
        return True

    async def _give_up(self, trip: Trip) -> None:
        """Cancels, and pays for it; if the bar went down in this very moment, leaves again."""
        data = self._market.calldata("cancel", parse_lease(trip.lease))
        deadline, tries = time.monotonic() + PATIENCE, 1
        while True:
            purpose = f"cancel {trip.lease}, {tries}"
            try:
                await self._person.sender.transact(purpose, self._market.address, data)
            except ChainRevertError as error:
                # a reorg has taken the lease out: it comes back, and is to be cancelled then
                if error.name == "Berth_LeaseUnknown" and time.monotonic() < deadline:
                    tries += 1
                    await asyncio.sleep(1.0)
                    continue
            except _TROUBLES:
                await asyncio.sleep(0.5)
                continue
            break
        await self._until(lambda: self._closed(trip), PATIENCE)
        await self._until(self._bar_up, 60.0)
        trip.ended = True

    # ---- looking

    async def _closed(self, trip: Trip) -> bool:
        view = await self._market.read(self._rpc, "leaseOf", parse_lease(trip.lease))
        return not LeaseState(view["state"]).is_open

    async def _bar_up(self) -> bool:
        return self._world.place(self.driver) == "up"

    async def _until(self, look: Callable[[], Awaitable[bool]], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if await look():
                    return True
            except _TROUBLES:
                pass
            await asyncio.sleep(0.3)
        return False
