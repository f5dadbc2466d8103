"""Drivers, and people with bad intentions."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from berth.core.errors import BerthError
from berth.core.hashing import keccak
from berth.core.ids import lease_hex
from berth.core.messages import sign, unlock_confirmation
from berth.core.model import ExtendRequest, LeaseRequest, Market, Occupancy
from berth.core.plate import commitment
from berth.core.signing import address_of
from berth.core.slots import SLOT_SECONDS, slot_at, slot_start
from berth.market import leases, locks, presence
from berth.store.engine import Store
from sqlalchemy.exc import SQLAlchemyError

from tests.sim.chain import Chain, Transaction
from tests.sim.locks import Device
from tests.sim.pace import Pace

MOST = 2**256 - 1
STAYED_UP = "the bar stayed up"
#: Of all drivers, who book at the entrance: they stand there while their lease gets deep.
AT_ONCE = 0.7


@dataclass
class Vehicle:
    plate: str
    salt: bytes

    @property
    def commitment(self) -> bytes:
        return commitment(self.salt, self.plate)


@dataclass
class Driver:
    name: str
    key: bytes
    vehicles: list[Vehicle]

    @property
    def address(self) -> str:
        return address_of(self.key)


@dataclass
class Place:
    """A space, its owner, its lock, its offer."""

    space: int
    owner: str
    device: Device
    offer: int = 1
    asks_for_plate: bool = True


@dataclass
class Story:
    """One lease from the driver's side; facts for the judge."""

    number: int
    driver: Driver
    place: Place
    lease: int = 0
    vehicle: Vehicle | None = None
    wanted: bool = False  # signed for, in time, with the right vehicle in front of the lock
    tries: int = 0
    served: bool = False
    gave_up: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def outcome(self) -> str:
        """In words."""
        lease = lease_hex(self.lease) if self.lease else "no lease"
        return f"{lease}: {'served' if self.served else self.gave_up or 'unfinished'}"


class People:
    """Everybody who is not a program. `web` is the API's database; skewed clocks are the backend's
    own business: what the API takes for now is `clock()`."""

    def __init__(
        self,
        chain: Chain,
        web: Store,
        deployment: Any,
        clock: Callable[[], int],
        say: Callable[..., None],
        rng: random.Random,
        wake: Callable[[], None],
        pace: Pace,
    ) -> None:
        self.pace = pace
        self.wrong_plates = 0.7  # where one is asked for
        self.on_wrong_plate: Callable[[], None] = lambda: None
        self.chain = chain
        self.web = web
        self.deployment = deployment
        self.clock = clock
        self.say = say
        self.rng = rng
        self.wake = wake
        self.serial = 0
        self.stories: list[Story] = []
        self.wallets: dict[str, Transaction] = {}

    # ---- wallets

    def transact(self, sender: str, words: str, deed: Callable[[Market], Any]) -> Transaction:
        """Signs and sends; a wallet keeps sending until it is in a block."""
        self.serial += 1
        raw = f"{sender} {words} {self.serial}".encode()
        tx = Transaction("0x" + keccak(raw).hex(), sender, deed, words, raw="0x" + raw.hex())
        tx_hash = tx.hash
        self.wallets[tx_hash] = tx
        self.chain.send(tx)
        return tx

    async def mined(self, tx: Transaction, within: float = 120.0) -> bool:
        """Is it in a block, and did it succeed? The wallet's own look; reorgs may undo it."""
        end = asyncio.get_running_loop().time() + within
        while asyncio.get_running_loop().time() < end:
            block = self.chain.mined.get(tx.hash)
            if block is not None:
                return next(r.error is None for r in block.receipts if r.transaction is tx)
            await asyncio.sleep(4.0)
        return False

    async def rebroadcast(self) -> None:
        """Wallets say again what no block holds, for a while; some give up."""
        while True:
            await asyncio.sleep(self.pace.wallet)
            for tx in list(self.wallets.values()):
                if tx.hash in self.chain.mined:
                    continue
                if self.rng.random() < 0.1:
                    del self.wallets[tx.hash]  # the wallet was closed
                elif tx.hash not in self.chain.pool:
                    self.chain.send(tx)

    # ---- a driver's story

    async def stay(self, story: Story) -> None:
        """Books, comes, parks, leaves; or does not."""
        rng, driver, place = self.rng, story.driver, story.place
        loop = asyncio.get_running_loop()
        kwh, slots = 0, rng.choice((1, 1, 2))
        start = slot_at(self.clock()) + rng.choice((0, 1))
        story.vehicle = driver.vehicles[0]
        request = LeaseRequest(
            place.space, start, slots, place.offer, kwh, story.vehicle.commitment, MOST
        )
        booking = self.transact(
            driver.address, f"{driver.name} books", lambda m: m.lease(driver.address, request)
        )
        if not await self.mined(booking):
            story.gave_up = "the booking was not taken"
            return
        word = self.chain.market.leases.get(place.space << 32 | start)
        if word is None or word.driver != driver.address:
            story.gave_up = "the lease was gone"
            return
        story.lease = place.space << 48 | start << 16 | word.epoch
        story.facts.update(start=slot_start(start), slots=slots)
        self.say("story.booked", story=story.number, lease=lease_hex(story.lease)[-8:])
        fate = rng.random()
        if fate < 0.08:
            await asyncio.sleep(rng.uniform(1, 60))
            self.transact(driver.address, "cancel", lambda m: m.cancel(driver.address, story.lease))
            story.gave_up = "cancelled"
            return
        if fate < 0.16:
            story.gave_up = "never came"
            return
        at_once = rng.random() < AT_ONCE
        if not at_once and rng.random() < 0.6 and len(driver.vehicles) > 1:
            other = driver.vehicles[1]
            change = self.transact(
                driver.address,
                "change of vehicle",
                lambda m: m.change_vehicle(driver.address, story.lease, other.commitment),
            )
            if await self.mined(change):
                story.vehicle = other
        if not at_once and rng.random() < 0.6:
            self._extend(story)
        arrival = slot_start(start) + rng.uniform(-600, 300)
        await asyncio.sleep(2.0 if at_once else max(5.0, arrival - self.clock()))
        await self._arrive(story)
        if not story.served:
            return
        late = 900 * slots + rng.choice((0, 0, 1500))
        leave = rng.uniform(60, 300 if at_once and rng.random() < 0.7 else late)
        await asyncio.sleep(leave)
        place.device.sees(vehicle=False, plate=None)
        self.say("story.left", story=story.number, after=round(loop.time()))

    def _extend(self, story: Story) -> None:
        driver = story.driver
        assert story.vehicle is not None
        request = ExtendRequest(story.lease, 1, 0, story.vehicle.commitment, MOST)
        self.transact(driver.address, "extend", lambda m: m.extend(driver.address, request))

    async def _arrive(self, story: Story) -> None:
        """At the entrance: tells so, shows the plate, confirms, until the bar is down."""
        rng, place, driver = self.rng, story.place, story.driver
        device, loop = place.device, asyncio.get_running_loop()
        if device.hardware.world.vehicle:
            story.gave_up = "the bay was taken"
            return
        if device.hardware.world.plate is not None:
            await asyncio.sleep(60)
        wrong = place.asks_for_plate and rng.random() < self.wrong_plates
        if wrong:
            self.on_wrong_plate()
        assert story.vehicle is not None
        device.sees(plate=("WRONG1" if wrong else story.vehicle.plate))
        patience = loop.time() + rng.uniform(240, 900)
        while loop.time() < patience:
            story.tries += 1
            self._tell(story, "entered" if story.tries == 1 else "here")
            signed = self.confirm(story, driver.key)
            story.wanted |= signed and not wrong
            if not signed and not story.wanted:
                await asyncio.sleep(4.0)  # the app knows nothing of the lease yet
                continue
            for _ in range(12):
                if device.hardware.sense() == "down" and not device.hardware.world.vehicle:
                    if wrong:
                        story.gave_up = "let in with a wrong plate"
                    story.served = True
                    await asyncio.sleep(rng.uniform(2, 12))
                    device.sees(vehicle=True)
                    self.say("story.parked", story=story.number)
                    return
                await asyncio.sleep(4.0)
            if wrong and story.tries >= 2:
                wrong = False
                device.sees(plate=story.vehicle.plate)
        story.gave_up = STAYED_UP
        self.say("story.gave_up", story=story.number)
        device.sees(plate=None)

    def _tell(self, story: Story, event: str) -> None:
        self._ask(
            story, lambda conn, lease: presence.record_presence(conn, lease, event, self.clock())
        )

    def confirm(self, story: Story, key: bytes) -> bool:
        def work(conn: Any, lease: Any) -> None:
            cycle = locks.lock_of(conn, lease.space_id).cycle
            at = self.clock()
            message = unlock_confirmation(self.deployment.domain, story.lease, cycle, at)
            signature = sign(message, key)
            presence.check_confirmation(
                self.deployment.domain, lease, cycle, at, signature, current=cycle, now=at
            )
            presence.record_confirmation(conn, lease.lease_id, cycle, at, signature)

        return self._ask(story, work)

    def _ask(self, story: Story, work: Callable[[Any, Any], None]) -> bool:
        try:
            with self.web.write() as conn:
                lease = leases.lease_for_party(conn, lease_hex(story.lease), story.driver.address)
                work(conn, lease)
        except (BerthError, SQLAlchemyError) as error:
            code = getattr(error, "code", type(error).__name__)
            self.say("story.refused", story=story.number, code=code)
            return False
        self.wake()
        return True


__all__ = ["SLOT_SECONDS", "Driver", "Occupancy", "People", "Place", "Story", "Vehicle"]
