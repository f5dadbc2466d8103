"""A seed's world, from genesis to the judge: who lives in it, what happens, when it goes wrong."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import aiomqtt
import httpx
import structlog
from berth.chain import heads
from berth.core.access import required_confirmations
from berth.core.deployment import Deployment
from berth.core.sealed import Sealer
from berth.core.states import Outcome
from berth.devices.certificates import DayKey
from berth.devices.simulator import lock as firmware
from berth.devices.simulator import runner
from berth.indexer import run as indexer_run
from berth.store.kept import vehicles_private
from sqlalchemy import insert

from tests.sim.backend import Platform, connects
from tests.sim.broker import Broker
from tests.sim.chain import Block, Chain, Receipt
from tests.sim.contract import Codec
from tests.sim.database import new_database, open_database, remove, scratch
from tests.sim.faults import Faults
from tests.sim.founding import EPOCH, found, key_of
from tests.sim.heads import Heralds
from tests.sim.installed import Signatures, installed
from tests.sim.locks import CutJournal, Device, Move, lock_factory
from tests.sim.loop import PROCESS, Process, VirtualLoop
from tests.sim.node import Node
from tests.sim.pace import SLOW, SLOWEST, USUAL, Pace, Steps
from tests.sim.people import Driver, People, Place, Story
from tests.sim.quarrels import Quarrels
from tests.sim.thieves import Thieves
from tests.sim.weather import Weather
from tests.sim.wire import Http

FINALITY = 64
#: The busy part of a run, and how long everything may take to settle afterwards, seconds.
BUSY = 25 * 60
CALM = 5 * 60
#: The roles that two programs play side by side, by seed.
PAIRS = tuple(map(frozenset, ((), ("relay",), ("keeper",), ("relay", "keeper"))))
#: Long enough for T1, for a claim's T2, and for a dispute's T3, seconds.
LONG = (26 * 3600, SLOW), (50 * 3600, SLOW), (7 * 24 * 3600, SLOWEST)
#: Long enough for a bar that could not be raised to be tried again, seconds.
AGAIN = 900
#: Long enough for the next day's payouts, seconds.
NEXT_DAY = 26 * 3600


@dataclass
class Result:
    """What a run left behind, for judging and for comparing."""

    seed: int
    trace: list[str]
    digest: str
    counts: Counter[str]
    violations: list[str]
    stories: list[Story]
    moves: list[Move]
    seconds: float
    complaints: list[str] = field(default_factory=list)
    deeds: Counter[str] = field(default_factory=Counter)


class World:
    """One run. `strength` scales the faults, 0 = none."""

    def __init__(self, seed: int, *, strength: float = 1.0, busy: float = BUSY) -> None:
        self.seed = seed
        self.strength = strength
        self.busy = busy
        self.loop = VirtualLoop(seed)
        self.rng = random.Random(f"world {seed}")
        self.trace: list[str] = []
        self.folder: Path = scratch()
        self.moves: list[Move] = []
        self.faults = Faults(seed, self.say, strength)
        self.loop.strike = lambda: self.faults.strike("crash.await")
        self.chain_skew = 0.0
        self.pace = Pace()
        self.stack = ExitStack()  # a mutant's changes end with the run
        self.required: Callable[[int], int] = lambda deposit: required_confirmations(
            deposit, decimals=6, local=False
        )
        self.views: list[tuple[float, Block]] = []  # (Unix seconds, a node's newest block)
        self._last_shown: Block | None = None
        self.findings: list[str] = []
        # made by `found`
        self.deployment: Deployment
        self.chain: Chain
        self.day_key: DayKey
        self.places: list[Place] = []
        self.devices: dict[str, Device] = {}
        self.drivers: list[Driver] = []

    def say(self, what: str, **about: Any) -> None:
        """A line of the trace."""
        words = " ".join(f"{key}={value}" for key, value in about.items())
        self.trace.append(f"{self.loop.now:10.3f} {what} {words}".rstrip())

    def now(self) -> float:
        """True Unix seconds."""
        return EPOCH + self.loop.now

    def wall(self) -> int:
        return int(self.now())

    # ---- making it

    def build(self) -> None:
        found(self)
        self._build_platform()
        web = Process("web")
        self.web = open_database(self.url, Faults(self.seed, self.say, 0.0), web, self.now, None)
        self.people = People(
            self.chain, self.web, self.deployment, self.wall, self.say,
            random.Random(f"people {self.seed}"), self._wake, self.pace,
        )  # fmt: skip
        self.people.on_wrong_plate = lambda: self.faults.note("thief.plate")
        if not self.strength:
            self.people.wrong_plates = 0.0
        self._keep_private()

    def _build_platform(self) -> None:
        self.url = new_database(self.folder / "berth.sqlite")
        self.codec = codec = Codec(self.deployment)
        self.nodes = {
            name: Node(name, self.chain, codec, self.faults, self.deployment.chain_id, self._shown)
            for name in ("a", "b", "c")
        }
        self.heralds = Heralds(self.nodes, self.faults)
        self.chain.on_block = self.heralds.tell
        self.broker = Broker(self.faults, self.say)
        self.sealer = Sealer([b"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="])
        self.platform = Platform(
            url=self.url,
            deployment=self.deployment,
            nodes=self.nodes,
            broker=self.broker,
            faults=self.faults,
            say=self.say,
            sealer=self.sealer,
            day_key=self.day_key,
            keeper_key=key_of("keeper"),
            rng=random.Random(f"platform {self.seed}"),
            now=self.now,
            finality=FINALITY,
            pace=self.pace,
            heads=() if self.seed % 3 == 0 else ("ws://a", "ws://c"),
            pairs=PAIRS[self.seed % len(PAIRS)],
        )

    def _keep_private(self) -> None:
        with self.web.write() as conn:
            for driver in self.drivers:
                for vehicle in driver.vehicles:
                    sealed = self.sealer.seal(
                        {"plate": vehicle.plate, "salt": "0x" + vehicle.salt.hex()}
                    )
                    row = {
                        "plate_commitment": "0x" + vehicle.commitment.hex(),
                        "driver": driver.address,
                        "sealed": sealed,
                        "created_at": EPOCH,
                    }
                    conn.execute(insert(vehicles_private).values(row))

    def _wake(self) -> None:
        self.platform.wake(self.rng)

    # ---- for the judge

    def plates_of(self, lease: int, tip: Block) -> set[str]:
        """Plates of the vehicles that a chain names for a lease, the newest and, for the minutes
        that a change takes to reach the lock, the one before."""
        named: list[bytes] = []
        for block in tip.line():
            for receipt in block.receipts:
                named += receipt.commitments(lease)
        plates = {v.commitment: v.plate for d in self.drivers for v in d.vehicles}
        return {plates[commitment] for commitment in named[-2:]}

    def told(self, event: str) -> Iterator[dict[str, Any]]:
        """The arguments of every event of a name in the chain."""
        for block in self.chain.line:
            for receipt in block.receipts:
                for name, values in receipt.events:
                    if name == event:
                        yield values

    def unpaid(self) -> dict[str, int]:
        """Credits that their accounts asked to be paid out, where they are worth it."""
        least = 10**self.deployment.asset_decimals
        return {
            name: account.credit
            for name, account in self.chain.market.accounts.items()
            if account.auto_payout and account.credit >= least
        }

    def payouts(self) -> Iterator[tuple[Receipt, str]]:
        """(receipt, account) of every payout that a program of ours brought to the chain."""
        for block in self.chain.line:
            for receipt in block.receipts:
                if receipt.transaction.nonce is not None:
                    for name, values in receipt.events:
                        if name == "Withdrawn":
                            yield receipt, values["account"]

    def deeds(self) -> Counter[str]:
        """How often there was what is no fault (DEEDS)."""
        disputed = {values["leaseId"] for values in self.told("Disputed")}
        ended = {values["leaseId"]: values["outcome"] for values in self.told("Settled")}
        resolved = {lease for lease in disputed if ended.get(lease) == Outcome.RESOLVED}
        return Counter(
            {
                "dispute": len(disputed),
                "dispute.resolved": len(resolved),
                "dispute.lapsed": len(disputed) - len(resolved),
                "signed.ahead": self.platform.signed_ahead,
                "payout": sum(1 for _ in self.payouts()),
                **{f"{role}.pair": 1 for role in self.platform.pairs},
            }
        )

    def _shown(self, tip: Block) -> None:
        """A node answers with this block as its newest: what a decision may rest on."""
        if tip is not self._last_shown:
            self._last_shown = tip
            self.views.append((self.now(), tip))

    async def _look_at_nodes(self) -> None:
        while True:
            tips = {node.line[-1].hash: node.line[-1] for node in self.nodes.values()}
            self.views += [(self.now(), tip) for tip in tips.values()]
            await asyncio.sleep(3.0)

    # ---- letting it run

    async def run(self) -> None:
        """Busy, then calm, then long enough for everything to end."""
        loop = asyncio.get_running_loop()
        weather = Weather(self)
        powers = [
            loop.create_task(device.keep_on(random.Random(f"power {self.seed} {name}")))
            for name, device in self.devices.items()
        ]
        self.blocks = loop.create_task(self._blocks())
        watched = self.platform.watch()
        self.quarrels = Quarrels(self)
        tasks = self.beside = [
            loop.create_task(self.people.rebroadcast()),
            *weather.start(),
            *Thieves(self).start(),
        ]
        views = loop.create_task(self._look_at_nodes())
        stories = [
            loop.create_task(self._street(place), name=f"street {n}")
            for n, place in enumerate(self.places)
        ]
        await asyncio.sleep(self.busy)
        self.faults.end()
        weather.clear()
        await asyncio.sleep(CALM)
        views.cancel()
        for task in stories:
            task.cancel()
        for place in self.places:
            if place.device.hardware.world.vehicle:
                place.device.sees(vehicle=False, plate=None)
        await asyncio.sleep(120)
        for seconds, steps in LONG:
            if self.chain.market.open_leases():
                await self._leap(seconds, steps)
        if self.unpaid():
            await self._leap(NEXT_DAY, SLOW)
        if any(device.hardware.sense() != "up" for device in self.devices.values()):
            await asyncio.sleep(AGAIN)
        await self._rest()
        for task in (*watched, *tasks, *powers):
            task.cancel()
        self.platform.stopped = True
        for process in self.platform.running.values():
            process.kill()
        for device in self.devices.values():
            device.cut()
        await asyncio.sleep(1)

    async def _leap(self, seconds: float, steps: Steps) -> None:
        """A long quiet time in large steps, then some minutes at the usual pace."""
        self.pace.become(steps)
        self._restart()
        await asyncio.sleep(seconds)
        self.pace.become(USUAL)
        self._restart()
        await asyncio.sleep(150)

    def _restart(self) -> None:
        """Everybody anew: whoever sleeps now sleeps at the former pace."""
        for process in self.platform.running.values():
            process.kill()
        self.blocks.cancel()
        self.blocks = asyncio.get_running_loop().create_task(self._blocks())

    async def _rest(self) -> None:
        """No blocks any more; until the index has the last one."""
        self.blocks.cancel()
        for _ in range(100):
            await asyncio.sleep(3)
            indexer = self.platform.indexer
            if indexer is not None and indexer.status.block_hash == self.chain.tip.hash:
                break
        await asyncio.sleep(60)

    async def _blocks(self) -> None:
        while True:
            await asyncio.sleep(self.pace.block)
            late = 0.3 if self.faults.on and self.faults.strike("tx.late") else 0.0
            self.chain.mine(leave_out=late)

    async def _street(self, place: Place) -> None:
        """One driver after the other at a space."""
        rng = random.Random(f"street {self.seed} {place.space}")
        await asyncio.sleep(rng.uniform(5, 120))
        while self.faults.on or not self.strength:
            if self.loop.now > self.busy - 600:
                return
            story = Story(len(self.people.stories), rng.choice(self.drivers), place)
            self.people.stories.append(story)
            quarrel = self.loop.create_task(self.quarrels.over(story), name="quarrel")
            self.beside.append(quarrel)
            with suppress(asyncio.CancelledError):
                await self.people.stay(story)
                await asyncio.sleep(rng.uniform(20, 150))


def simulate(
    seed: int,
    *,
    strength: float = 1.0,
    busy: float = BUSY,
    mutate: Callable[[World], None] | None = None,
    judge: Callable[[World], list[str]] | None = None,
) -> Result:
    """Runs one seed, wholly in virtual time, and judges it."""
    from tests.sim.judge import judge as usual

    began = time.process_time()
    world = World(seed, strength=strength, busy=busy)
    loop = world.loop
    with ExitStack() as stack:
        stack.callback(remove, world.folder)
        stack.enter_context(listening(world.say))
        stack.enter_context(installed(loop, seed, EPOCH, Signatures()))
        world.build()
        stack.enter_context(world.pace.held())
        cut = type("Journal", (CutJournal,), {"faults": world.faults})
        for module, name, value in (
            (aiomqtt, "Client", connects(world.broker)),
            (httpx, "AsyncClient", Http),
            (heads, "connect", world.heralds.connect),
            (runner, "Lock", lock_factory(world.devices, loop.time)),
            (firmware, "Journal", cut),
            (indexer_run, "LONGEST_WAIT", 20.0),
        ):
            stack.enter_context(patch.object(module, name, value))
        if mutate is not None:
            world.stack = stack
            mutate(world)
        gc.disable()
        try:
            loop.run_until_complete(world.run())
            violations = (judge or usual)(world)
        finally:
            loop.close()
            gc.enable()
            gc.collect()
    digest = hashlib.sha256("\n".join(world.trace).encode()).hexdigest()
    return Result(
        seed, world.trace, digest, world.faults.counts, violations, world.people.stories,
        world.moves, time.process_time() - began, loop.complaints, world.deeds(),
    )  # fmt: skip


@contextmanager
def listening(say: Callable[..., None]) -> Iterator[None]:
    """What programs log becomes part of the trace."""

    def catch(_logger: Any, _method: str, event: Any) -> Any:
        about = {key: str(value)[:160] for key, value in event.items() if key != "event"}
        process = PROCESS.get()
        say(f"log {event.get('event')}", by=process.name if process else "-", **about)
        raise structlog.DropEvent

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            process = PROCESS.get()
            say(f"log {record.getMessage()[:200]}", by=process.name if process else "-")

    kept, root, handler = structlog.get_config(), logging.getLogger("berth"), Handler()
    propagates, level = root.propagate, root.level
    root.addHandler(handler)
    root.propagate = False
    root.setLevel(logging.INFO)
    structlog.configure(
        processors=[catch], wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING)
    )
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.propagate = propagates
        root.setLevel(level)
        structlog.configure(**kept)
