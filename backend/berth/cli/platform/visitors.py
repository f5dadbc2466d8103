"""The local parties' desk for visitors: on a chain of play money they give away what people come by
elsewhere with money and identity papers.

Everything is bounded, for an account and for all of them: visitors must not use up the machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import threading
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import structlog

from berth.chain.contracts import Contracts
from berth.chain.rpc import Rpc
from berth.chain.timetravel import advance
from berth.cli.platform.enrolling import (
    Enrolled,
    broker_credentials,
    enrol_lock,
    enrolled_lock,
    locks_folder,
)
from berth.cli.platform.parties import Parties
from berth.cli.platform.travelling import all_mined
from berth.core.clock import Clock, WallClock
from berth.core.deployment import Deployment
from berth.core.errors import BerthError
from berth.core.ids import space_id
from berth.core.settings import Settings
from berth.core.slots import SLOT_SECONDS, slot_at
from berth.devices.mqtt import BrokerAddress, client
from berth.devices.topics import WORLD, WORLD_USER, topic
from berth.market import locks
from berth.market.attest import AttestedVehicle, attest_lock, attest_vehicle
from berth.market.titles.library import TitleLibrary
from berth.market.titles.taking import (
    Taken,
    cities_by_distance,
    holders_of,
    take_generated_title,
    titles_in_hand,
)
from berth.store.engine import Store
from berth.web.visitors import Bay, CarEvent, Purse, SpacePapers

_DAY = 86_400
#: What is filled up, and below what: wei, and whole units of the currency.
GAS, LOW_GAS = 10**18, 10**18 // 2
TOKENS, LOW_TOKENS = 100, 20
CREDIT, LOW_CREDIT = 50, 20
#: Spaces for one account, and simulated locks in all: each is a process of 75 MB.
SPACES, LOCKS = 3, 16
#: A day: for one account, for all.
GIFTS, VEHICLES, CARS, TRAVELS = (5, 200), (20, 1_000), (200, 2_000), (48, 96)
#: How long a move of the clock waits for what is under way, seconds.
MINED_SECONDS = 5.0
#: How long a vehicle's and a lock's attestation is good.
_VEHICLE_SLOTS = 183 * _DAY // SLOT_SECONDS
_LOCK_DAYS = 365
#: A car before the camera drives away again when the bar has not gone down, seconds.
_PATIENCE = 900.0
_LOOK = 0.5
#: Until a transaction is mined; a local chain mines every second.
_MINED = 30.0
#: No European plate, so that it is nobody's.
STRANGER = "NOT007"
_log = structlog.get_logger("berth.visitors")


@dataclass
class Daily:
    """Counts what is given away, by account and in all, from one UTC day to the next."""

    what: str
    each: int
    everybody: int
    clock: Clock = field(default_factory=WallClock)
    _day: int = 0
    _counts: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, account: str) -> None:
        """Counts one more. Raises BerthError local.enough."""
        with self._lock:
            today = self.clock.now() // _DAY
            if today != self._day:
                self._day = today
                self._counts.clear()
            if self._counts[account] >= self.each:
                raise enough("{what}: {most} a day for one account", self.what, self.each)
            if self._counts.total() >= self.everybody:
                raise enough("{what}: {most} a day in all", self.what, self.everybody)
            self._counts[account] += 1


def enough(bound: str, what: str, most: int) -> BerthError:
    """There is no more to be had."""
    return BerthError(
        "local.enough", "that is all there is of " + bound, status=429, what=what, most=most
    )


class LocalDesk:
    """`VisitorsDesk` of an installation that plays all parties itself. `close` it at the end."""

    def __init__(
        self,
        settings: Settings,
        deployment: Deployment,
        store: Store,
        rpc: Rpc,
        clock: Clock,
        parties: Parties,
        broker: BrokerAddress,
    ) -> None:
        self._settings = settings
        self._deployment = deployment
        self._contracts = Contracts.of(deployment)
        self._store = store
        self._rpc = rpc
        self._clock = clock
        self._parties = parties
        self._broker = broker
        self._library = TitleLibrary(store, settings.home)
        self._gifts = Daily("play money", *GIFTS)
        self._vehicles = Daily("vehicles", *VEHICLES)
        self._moves = Daily("moves of cars", *CARS)
        self._travels = Daily("journeys in time", *TRAVELS)
        self._paying = asyncio.Lock()
        self._moving = asyncio.Lock()
        self._enrolling = threading.Lock()
        #: By lock: the lease whose car is there, and the one that waits for its bar.
        self._there: dict[str, str] = {}
        self._waiting: dict[str, asyncio.Task[None]] = {}

    async def close(self) -> None:
        """Nothing waits any more, nothing is open."""
        for task in self._waiting.values():
            task.cancel()
        await asyncio.gather(*self._waiting.values(), return_exceptions=True)
        self._library.close()

    # ---- papers

    @cached_property
    def _verifier(self) -> bytes:
        return self._parties.key("verifier")

    @cached_property
    def _maker(self) -> bytes:
        return self._parties.key("maker")

    @property
    def titles(self) -> bool:
        return bool(self._library.cities())

    def vehicle(self, account: str, plate: str, size: int) -> AttestedVehicle:
        made = attest_vehicle(
            self._deployment,
            self._verifier,
            account,
            plate,
            size=size,
            until_slot=slot_at(self._clock.now()) + _VEHICLE_SLOTS,
        )
        self._vehicles.take(account)
        return made

    def papers(self, account: str, near: tuple[float, float] | None) -> SpacePapers:
        with self._enrolling:  # one at a time: two requests of one account must get one title
            taken = self._title(account, near)
            lock = self._lock(taken)
        valid_day = self._clock.now() // _DAY + _LOCK_DAYS
        attested = attest_lock(self._deployment, self._maker, lock.lock_id, valid_day=valid_day)
        return SpacePapers(taken, attested, lock.possession)

    def _title(self, account: str, near: tuple[float, float] | None) -> Taken:
        """The title that was taken before and is not registered yet, else a new one."""
        held = titles_in_hand(self._library, account)
        # the one with a lock first: what was begun is ended
        for city, index in sorted(held, key=lambda one: (not self._enrolled(*one), one)):
            try:
                return self._take(account, city, index=index)
            except BerthError as error:
                if error.code != "titles.taken":  # registered a moment ago
                    raise
        if holders_of(self._store, account) >= SPACES:
            raise enough("{what}: {most} for one account", "titles", SPACES)
        if self._locks() >= LOCKS:
            raise enough("{what}: {most} in all", "simulated locks", LOCKS)
        for city in cities_by_distance(self._library, near):
            try:
                return self._take(account, city, near=near)
            except BerthError as error:
                if error.code != "titles.none_free":
                    raise
        raise BerthError("titles.none_free", "no title is free", status=409)

    def _take(
        self,
        account: str,
        city: int,
        *,
        index: int | None = None,
        near: tuple[float, float] | None = None,
    ) -> Taken:
        return take_generated_title(
            self._library,
            self._deployment,
            self._verifier,
            account,
            city,
            self._clock,
            index=index,
            near=near,
        )

    def _lock(self, taken: Taken) -> Enrolled:
        """The title's lock; enrolled where it is not, or not wholly."""
        title = taken.title.title
        name, space = self._name(title.city, title.index), space_id(title.city, title.index)
        found = enrolled_lock(self._settings, name)
        if found is not None:
            if (found.space, found.owner) != (space, taken.wallet):
                raise BerthError(
                    "local.lock_taken", "the lock of this title is somebody else's", status=409
                )
            return found
        if self._locks() >= LOCKS:
            raise enough("{what}: {most} in all", "simulated locks", LOCKS)
        # of an enrolling that was cut short
        shutil.rmtree(locks_folder(self._settings) / name, ignore_errors=True)
        return enrol_lock(
            self._settings, self._deployment, name=name, space=space, owner=taken.wallet
        )

    def _name(self, city: int, index: int) -> str:
        return f"{self._library.edition(city).city_code.lower()}-{index}"

    def _enrolled(self, city: int, index: int) -> bool:
        return (locks_folder(self._settings) / self._name(city, index) / "lock.json").exists()

    def _locks(self) -> int:
        return sum(1 for _ in locks_folder(self._settings).glob("*/lock.json"))

    # ---- money

    @property
    def credit(self) -> int:
        return int(CREDIT * 10**self._deployment.asset_decimals)

    async def fund(self, account: str) -> Purse:
        unit = 10**self._deployment.asset_decimals
        async with self._paying:
            purse = await self._purse(account)
            calls = []
            if purse.gas < LOW_GAS:
                calls.append((account, b"", GAS))
            if purse.tokens < LOW_TOKENS * unit:
                calls.append(self._call("asset", "mint", account, TOKENS * unit))
            if purse.credit < LOW_CREDIT * unit:
                payer, amount = await self._payer(), self.credit
                calls += [
                    self._call("asset", "mint", payer, amount),
                    self._call("asset", "approve", self._deployment.market, amount),
                    self._call("market", "depositFor", account, amount),
                ]
            if not calls:
                return purse
            self._gifts.take(account)
            await self._pay(calls)
            return await self._purse(account)

    async def _purse(self, account: str) -> Purse:
        gas = await self._rpc.call("eth_getBalance", account, "latest")
        return Purse(
            gas=int(str(gas), 16),
            credit=int(await self._contracts.market.read(self._rpc, "creditOf", account)),
            tokens=int(await self._contracts.asset.read(self._rpc, "balanceOf", account)),
        )

    async def _payer(self) -> str:
        """The local node's first account, whose key the node has."""
        return str((await self._rpc.call("eth_accounts"))[0])

    def _call(self, contract: str, verb: str, *arguments: Any) -> tuple[str, bytes, int]:
        target = getattr(self._contracts, contract)
        return target.address, target.calldata(verb, *arguments), 0

    async def _pay(self, calls: list[tuple[str, bytes, int]]) -> None:
        """Sends transactions in their order and waits until the last one is mined."""
        payer = await self._payer()
        nonce = int(str(await self._rpc.call("eth_getTransactionCount", payer, "pending")), 16)
        sent = []
        for number, (to, data, value) in enumerate(calls):
            transaction = {
                "from": payer,
                "to": to,
                "data": "0x" + data.hex(),
                "value": hex(value),
                "nonce": hex(nonce + number),
                "gas": hex(300_000),
            }
            sent.append(str(await self._rpc.call("eth_sendTransaction", transaction)))
        deadline = asyncio.get_running_loop().time() + _MINED
        for tx_hash in sent:
            while (receipt := await self._rpc.receipt(tx_hash)) is None:
                if asyncio.get_running_loop().time() > deadline:
                    raise BerthError(
                        "local.slow", "the local chain does not mine: try again", status=503
                    )
                await asyncio.sleep(0.1)
            if not receipt.succeeded:
                raise BerthError("local.refused", f"{tx_hash} was reverted", status=500)

    # ---- the world

    async def car(self, account: str, event: CarEvent, bay: Bay) -> None:
        lock = bay.lock_id
        async with self._moving:
            if (
                event != "arrives"
                and bay.occupied
                and self._there.get(lock, bay.lease_id) != (bay.lease_id)
            ):
                raise BerthError("local.not_yours", "somebody else's car is there", status=409)
            if event == "leaves" and not bay.open and lock not in self._there:
                raise BerthError("local.not_now", "no car of this lease is there", status=409)
            if event == "stranger" and bay.occupied:
                raise BerthError("local.not_now", "a car stands in the space", status=409)
            self._moves.take(account)
            waiting = self._waiting.pop(lock, None)
            if waiting is not None:
                waiting.cancel()
            if event == "leaves":
                self._there.pop(lock, None)
                await self._show(lock, vehicle=False, plate=None)
            elif event == "stranger":
                await self._show(lock, vehicle=False, plate=STRANGER)
            else:
                self._there[lock] = bay.lease_id
                inside = bay.occupied or bay.unlocked
                await self._show(lock, vehicle=inside, plate=bay.plate)
                if not inside:
                    self._waiting[lock] = asyncio.create_task(self._drive_on(lock, bay))

    async def _drive_on(self, lock: str, bay: Bay) -> None:
        """Once the bar is down, the car drives over it."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _PATIENCE
        try:
            while loop.time() < deadline:
                if await asyncio.to_thread(self._unlocked, bay.lease_id):
                    await self._show(lock, vehicle=True, plate=bay.plate)
                    return
                await asyncio.sleep(_LOOK)
            await self._show(lock, vehicle=False, plate=None)
        except Exception as error:
            _log.warning("a simulated car is stuck", lock=lock, reason=str(error)[:200])
        finally:
            if self._waiting.get(lock) is asyncio.current_task():
                del self._waiting[lock]

    def _unlocked(self, lease_id: str) -> bool:
        with self._store.read() as conn:
            # the first 64 bits of a lease's id are its space's
            return locks.lock_of(conn, lease_id[:18]).position == "UNLOCKED"

    async def _show(self, lock: str, *, vehicle: bool, plate: str | None) -> None:
        """What the simulated lock's sensor and camera have before them."""
        password = await asyncio.to_thread(broker_credentials(self._settings).add, WORLD_USER)
        payload = json.dumps({"vehicle": vehicle, "plate": plate})
        async with client(self._broker, WORLD_USER, password) as connection:
            await connection.publish(topic(lock, WORLD), payload, qos=1)

    async def travel(self, account: str, seconds: int) -> int:
        self._travels.take(account)
        await all_mined(self._store, MINED_SECONDS)
        now = await advance(self._rpc, seconds)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5.0):
                while self._clock.now() < now:  # noqa: ASYNC110 - a clock tells only when asked
                    await asyncio.sleep(0.1)
        return now
