"""What happens beside the page: other people and their cars, locks, time, the node."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode

from berth.chain.contracts import Contract
from berth.chain.sender import Sender
from berth.cli.demo.people import Person
from berth.cli.demo.stage import Stage
from berth.cli.platform.enrolling import broker_credentials
from berth.core.clock import ChainClock
from berth.core.ids import lease_hex, parse_lease, parse_space
from berth.core.ids import lease_id as make_lease_id
from berth.core.messages import unlock_confirmation
from berth.core.slots import SLOT_SECONDS, ceil_slot, slot_start
from berth.core.zones import rfc3339
from berth.devices.mqtt import BrokerAddress, client
from berth.devices.simulator.hardware import Moved
from berth.devices.simulator.home import open_home
from berth.devices.simulator.runner import LockProgram
from berth.devices.simulator.stay import STANDARD
from berth.devices.topics import WORLD, WORLD_USER, topic
from berth.market.attest import SIZES, attest_vehicle
from berth.market.offers import offer_terms
from berth.store.kept import lock_states
from berth.store.transactions import TransactionJournal
from playwright.async_api import Page, expect
from sqlalchemy import delete, select

from tests.browser.town import Town
from tests.browser.wallet import Wallet
from tests.e2e.conftest import again
from tests.e2e.installation import none_left_within, processes_of

#: What takes blocks, a lock and a car, milliseconds.
SLOW = 90_000
STRANGER = "NOT007"
_HALF_YEAR_SLOTS = 183 * 96


@dataclass
class Booked:
    """A lease that was signed beside the page, and the car that it is for."""

    lease_id: str
    lock_id: str
    driver: Person
    plate: str
    start: int
    end: int


@dataclass
class Outside:
    """The town's people, locks and clock, by their own wallets and tools."""

    town: Town
    stage: Stage
    _cars: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: One at a time: the world's password is made anew for each word of it.
    _worldly: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def market(self) -> Contract:
        """The market."""
        return self.stage.contracts.market

    async def does(self, person: Person, verb: str, *args: Any) -> None:
        """Somebody's own transaction on the market; as often as it is wanted."""
        await person.transact(f"{verb} {secrets.token_hex(8)}", self.market, verb, *args)

    async def hands_in(self, person: Person, verb: str, *args: Any) -> None:
        """The same, not waited for: the node has the transaction when this returns."""
        data = self.market.calldata(verb, *args)
        await person.sender.send(f"{verb} {secrets.token_hex(8)}", self.market.address, data)

    # ---- people

    async def driver(self, wallet: Wallet, plate: str = "OUT 100") -> Person:
        """The wallet's owner away from the page: signed in, with play money, and a car."""
        person = await again(self.stage, self.named(wallet, plate))
        await person.api.post("/v1/local/funds", {})
        return person

    def named(self, wallet: Wallet, plate: str) -> Person:
        """The wallet's owner away from the page, not signed in; by the name of the car."""
        person = self.stage.person(plate)
        sender = Sender(
            self.stage.rpc, TransactionJournal(self.stage.wallets), wallet.key, person.chain_id
        )
        return Person(plate, wallet.key, sender, person.api, person.narrator, person.chain_id)

    async def somebody(self, name: str = "Somebody") -> Person:
        """Another driver, with play money."""
        person = self.stage.person(name)
        await person.sign_in()
        await person.api.post("/v1/local/funds", {})
        return person

    async def owner(self, name: str) -> tuple[Person, str]:
        """An owner of the town, by name, and the id of the space."""
        for listing in self.town.listings:
            if listing.owner.name == name:
                return await again(self.stage, listing.owner), listing.space_id
        raise AssertionError(f"nobody in town is called {name}")

    def space(self, name: str) -> str:
        """The id of somebody's space."""
        return next(one.space_id for one in self.town.listings if one.owner.name == name)

    def lock(self, space_id: str) -> str:
        """The id of a space's lock."""
        return next(one.lock.lock_id for one in self.town.listings if one.space_id == space_id)

    async def offers(self, owner: Person, space_id: str, **changed: Any) -> int:
        """The owner offers a space once more, with other terms than the newest offer's; its
        number."""
        stage = self.stage
        there = await owner.api.get(f"/v1/spaces/{space_id}")
        newest = max(int(one["number"]) for one in there["offers"])
        with stage.store.read() as conn:
            terms = offer_terms(conn, space_id, newest)
        struct = replace(terms, **changed).struct()
        await self.does(owner, "publishOffer", parse_space(space_id), struct)
        await stage.until(
            "the new offer",
            lambda: owner.api.get(f"/v1/spaces/{space_id}"),
            lambda seen: [one for one in seen["offers"] if one["number"] == newest + 1],
        )
        return newest + 1

    # ---- leases

    async def next_slot(self, seconds: int = 0) -> int:
        """The first slot that begins in so many seconds or later."""
        return ceil_slot(await self.stage.now() + seconds)

    async def books(self, driver: Person, space_id: str, start_slot: int, slots: int = 1) -> Booked:
        """Leases a space, with a car that is verified on the way the first time."""
        call = await self.lease_call(driver, space_id, start_slot, slots)
        await self.does(driver, *call)
        leased = await self.leased(driver, space_id, start_slot)
        start = slot_start(start_slot)
        return Booked(
            leased, self.lock(space_id), driver, driver.name, start, start + slots * SLOT_SECONDS
        )

    async def lease_call(
        self, driver: Person, space_id: str, start_slot: int, slots: int
    ) -> tuple[Any, ...]:
        """The verb that leases a space, and its arguments; with the car's papers the first time."""
        new = driver.address not in self._cars
        if new:
            self._cars[driver.address] = await self._papers(driver)
        proof = self._cars[driver.address]
        offers = (await driver.api.get(f"/v1/spaces/{space_id}"))["offers"]
        request = {
            "spaceId": parse_space(space_id),
            "startSlot": start_slot,
            "slots": slots,
            "offer": max(int(one["number"]) for one in offers),
            "kwhCap": 0,
            "plateCommitment": proof["plateCommitment"],
            "maxCost": 90 * 10**self.stage.deployment.asset_decimals,
        }
        return ("leaseWithVehicle", request, proof) if new else ("lease", request)

    async def registers_car(self, driver: Person) -> None:
        """The driver's car goes onto the chain, and its plate to the service."""
        self._cars[driver.address] = await self._papers(driver)
        await self.does(driver, "registerVehicle", self._cars[driver.address])

    async def _papers(self, driver: Person) -> dict[str, Any]:
        """The verifier's word for the driver's car; its plate goes to the service."""
        stage = self.stage
        made = attest_vehicle(
            stage.deployment,
            stage.parties.key("verifier"),
            driver.address,
            driver.name,
            size=SIZES["medium"],
            until_slot=await self.next_slot() + _HALF_YEAR_SLOTS,
        )
        struct = made.struct()
        await driver.api.post(
            "/v1/me/vehicles",
            {
                "plateCommitment": "0x" + made.plate_commitment.hex(),
                "plate": made.plate,
                "salt": "0x" + made.salt.hex(),
                "proof": {
                    "plateCommitment": "0x" + made.plate_commitment.hex(),
                    "size": struct["size"],
                    "untilSlot": struct["untilSlot"],
                    "verifier": struct["verifier"],
                    "signature": "0x" + struct["signature"].hex(),
                },
            },
        )
        return struct

    async def holds(self, driver: Person) -> tuple[int, int, int]:
        """Credit, tokens and what the market may take of these, minor units."""
        rpc, market, asset = self.stage.rpc, self.market, self.stage.contracts.asset
        return (
            await market.read(rpc, "creditOf", driver.address),
            await asset.read(rpc, "balanceOf", driver.address),
            await asset.read(rpc, "allowance", driver.address, market.address),
        )

    async def leased(self, driver: Person, space_id: str, start_slot: int) -> str:
        """Waits until the index has the driver's lease of a space from a slot on; its id."""
        prefix = lease_hex(make_lease_id(parse_space(space_id), start_slot, 1))[:-4]
        mine = await self.stage.until(
            "the lease in the index",
            lambda: driver.api.get("/v1/me/leases", role="driver"),
            lambda answer: [one for one in answer["items"] if one["id"].startswith(prefix)],
        )
        return next(str(one["id"]) for one in mine["items"] if one["id"].startswith(prefix))

    async def detail(self, booked: Booked) -> dict[str, Any]:
        """The lease as its driver is told of it."""
        found: dict[str, Any] = await booked.driver.api.get(f"/v1/leases/{booked.lease_id}")
        return found

    async def until(self, booked: Booked, state: str) -> dict[str, Any]:
        """Waits for a state of the lease."""
        return await self.stage.until(
            f"{booked.lease_id} to be {state}",
            lambda: self.detail(booked),
            lambda one: one["state"] == state,
            lambda one: str({name: one[name] for name in ("state", "lock", "unlock")}),
        )

    async def lock_knows(self, booked: Booked) -> None:
        """Waits until the lock has taken note of the lease."""
        await self.stage.until(
            "the lock to know of the lease",
            lambda: self.detail(booked),
            lambda one: (one["grant"] or {}).get("state") == "acknowledged",
        )

    async def parks(self, booked: Booked) -> None:
        """The driver arrives, has the bar lowered and drives in; the lock has seen it."""
        api, path = booked.driver.api, f"/v1/leases/{booked.lease_id}"
        await self.lock_knows(booked)
        await api.post(f"{path}/presence", {"event": "here"})
        await self.world(booked.lock_id, plate=booked.plate)
        asked = (await self.detail(booked))["confirmation"]
        message = unlock_confirmation(
            self.stage.deployment.domain, parse_lease(booked.lease_id), asked["cycle"], asked["at"]
        )
        signature = "0x" + booked.driver.sign(message).hex()
        body = {"cycle": asked["cycle"], "at": asked["at"], "signature": signature}
        await api.post(f"{path}/unlock", body)
        await self.stage.until(
            "the bar to be down",
            lambda: self.detail(booked),
            lambda one: one["lock"]["position"] == "UNLOCKED",
            lambda one: str({name: one[name] for name in ("lock", "unlock")}),
        )
        await self.world(booked.lock_id, vehicle=True, plate=booked.plate)
        await self.until(booked, "parked")

    async def decides(self, booked: Booked, cost: int) -> None:
        """An arbiter decides what a disputed lease costs, minor units. A local chain has none: the
        admin names one."""
        arbiter = self.stage.person("Arbiter")
        await self.stage.fund(arbiter, 0)
        role = await self.market.read(self.stage.rpc, "ARBITER_ROLE")
        await self.governs(self.market, "grantRole", role, arbiter.address)
        await self.does(arbiter, "resolve", parse_lease(booked.lease_id), cost)

    # ---- who decides

    async def governs(self, contract: Contract, verb: str, *args: Any) -> None:
        """A transaction of the admin, whose key not even the node has: it is told to do without."""
        rpc, admin = self.stage.rpc, self.stage.deployment.timelock
        await rpc.call("evm_setAccountBalance", admin, hex(10**18))
        await rpc.call("evm_addAccount", admin, "")
        await rpc.call("personal_unlockAccount", admin, "", 0)
        call = {
            "from": admin,
            "to": contract.address,
            "data": "0x" + contract.calldata(verb, *args).hex(),
            "gas": hex(200_000),
        }
        tx_hash = await rpc.call("eth_sendTransaction", call)
        await self.stage.until(f"{verb} by the admin", lambda: rpc.receipt(tx_hash), lambda r: r)

    async def party(self, role: str) -> Person:
        """One of the local parties: the registry, the verifier, the maker of locks."""
        stage, somebody = self.stage, self.stage.person(role)
        key, chain_id = stage.parties.key(role), somebody.chain_id
        sender = Sender(stage.rpc, TransactionJournal(stage.wallets), key, chain_id)
        found = Person(role, key, sender, somebody.api, somebody.narrator, chain_id)
        await stage.fund(found, 0)
        return found

    # ---- locks and time

    async def world(
        self,
        lock_id: str,
        *,
        vehicle: bool = False,
        plate: str | None = None,
        jam: bool = False,
        confidence: float = 0.98,
    ) -> None:
        """What the lock's sensor and camera have before them, how sure the camera is of what it
        reads, and whether the motor is stuck."""
        seen = {"vehicle": vehicle, "plate": plate, "jam": jam, "confidence": confidence}
        payload = json.dumps(seen)
        broker = BrokerAddress.parse(self.stage.running.mqtt)
        async with self._worldly:
            password = broker_credentials(self.stage.settings).add(WORLD_USER)
            async with client(broker, WORLD_USER, password) as there:
                await there.publish(topic(lock_id, WORLD), payload, qos=1)

    @asynccontextmanager
    async def without_power(self, lock_id: str) -> AsyncIterator[None]:
        """The lock's program is dead, and cannot start again, within the block."""
        home = self.town.up.installation.lock_home(lock_id)
        papers = home / "lock.json"
        hidden = papers.rename(home / "lock.json.hidden")
        try:
            for pid in processes_of(home):
                os.kill(pid, signal.SIGKILL)
            await asyncio.to_thread(none_left_within, home, 1.0)
            yield
        finally:
            hidden.rename(papers)

    @asynccontextmanager
    async def held(self, lock_id: str, idle: float = STANDARD.idle) -> AsyncIterator[asyncio.Event]:
        """Within the block the lock's bar begins to move, and goes on once the event is set; one
        that is down for nobody comes up after so many seconds. No time travel meanwhile."""
        home = open_home(self.town.up.installation.lock_home(lock_id))
        newest = await self.stage.rpc.block("latest")
        assert newest is not None
        clock, free = ChainClock(), asyncio.Event()
        clock.follow(newest.timestamp)
        async with self.without_power(lock_id):
            broker = BrokerAddress.parse(self.stage.running.mqtt)
            program = LockProgram(home, broker, clock, replace(STANDARD, idle=idle))
            hardware = program.lock.hardware
            move = hardware.move

            async def slowly(*way: Any) -> Moved:
                await free.wait()
                return await move(*way)

            with patch.object(hardware, "move", slowly):
                running = asyncio.ensure_future(program.run())
                try:
                    await self.stage.until(
                        "the lock to listen",
                        lambda: asyncio.sleep(0, program.lock.reports.connected),
                        bool,
                    )
                    yield free
                finally:
                    free.set()
                    running.cancel()
                    await asyncio.wait([running])

    async def forget(self, lock_id: str) -> None:
        """The service has never heard of a lock, whose power is off."""
        store, ours = self.stage.store, lock_states.c.lock_id == lock_id

        async def is_silent() -> bool:
            with store.read() as conn:
                return conn.execute(select(lock_states.c.online).where(ours)).scalar() == 0

        await self.stage.until("the lock to be silent", is_silent, bool)
        with store.write() as conn:
            conn.execute(delete(lock_states).where(ours))

    async def repair(self, lock_id: str) -> None:
        """Somebody comes, lifts the bar by hand, and starts the lock anew."""
        hardware = self.town.up.installation.lock_home(lock_id) / "hardware.json"
        await self.world(lock_id)
        async with self.without_power(lock_id):
            hardware.write_text('{"place": "up", "world": {"vehicle": false}}', "utf-8")

    async def travel(self, moment: int) -> None:
        """To a moment (Unix seconds) that is still to come; the clocks follow."""
        await self.stage.travel_to(moment)

    @asynccontextmanager
    async def nothing_is_mined(self) -> AsyncIterator[None]:
        """The node makes no blocks by itself within the block."""
        await self.stage.rpc.call("miner_stop")
        try:
            yield
        finally:
            await self.stage.rpc.call("miner_start")


@asynccontextmanager
async def beside(town: Town) -> AsyncIterator[Outside]:
    """The world beside the page, for the length of a test."""
    async with town.up.stage() as stage:
        yield Outside(town, stage)


async def signs_in(page: Page, town: Town, wallet: Wallet) -> None:
    """The wallet's owner signs in on the page."""
    await page.goto(f"{town.url}/account")
    await page.get_by_role("main").get_by_role("button", name="Sign in").click()
    await page.get_by_role("button", name="Test Wallet").click()
    await expect(page.locator("[data-state=in]")).to_be_visible(timeout=SLOW)
    wallet.asked.clear()


async def shows(page: Page, state: str) -> None:
    """Waits until the page is in a state."""
    await expect(page.locator(f'[data-state="{state}"]').first).to_be_visible(timeout=SLOW)


def seconds_of(moment: str) -> int:
    """Unix seconds of a moment as the API writes it."""
    return int(datetime.fromisoformat(moment).timestamp())


def stay(town: Town, space_id: str, start_slot: int, slots: int, **more: object) -> str:
    """The page of a space for a stay."""
    start, end = slot_start(start_slot), slot_start(start_slot + slots)
    query = {"start": rfc3339(start), "end": rfc3339(end), "offer": 1, **more}
    return f"{town.url}/space/{space_id}?{urlencode(query)}"
