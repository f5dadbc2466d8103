"""The platform's programs on the simulated world: started, watched, killed and started again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from berth.chain.heads import Heads
from berth.chain.nodes import Nodes
from berth.core.clock import WallClock
from berth.core.deployment import Deployment
from berth.core.errors import BerthError
from berth.core.sealed import Sealer
from berth.devices.certificates import DayKey
from berth.devices.mqtt import BrokerLogin
from berth.indexer.run import Indexer
from berth.relay.assemble import assemble_keeper, assemble_relay
from berth.relay.policy import Policy
from berth.relay.run import Relay
from berth.relay.signer import Signer

from tests.sim.broker import Broker
from tests.sim.database import SimStore, open_database
from tests.sim.faults import Faults
from tests.sim.loop import Process, check_alive
from tests.sim.node import Node, Route
from tests.sim.pace import Pace

#: Who asks which nodes, the preferred one first; a second relay and keeper have an order of theirs.
ORDER = {
    "index": "abc", "relay": "abc", "relay 2": "bca", "keeper": "bac", "keeper 2": "cab",
    "signer": "cb",
}  # fmt: skip
T = TypeVar("T")
RESTART_SECONDS = (1.0, 15.0)


@dataclass
class Platform:
    """What all programs share, and the programs by role."""

    url: str
    deployment: Deployment
    nodes: dict[str, Node]
    broker: Broker
    faults: Faults
    say: Callable[..., None]
    sealer: Sealer
    day_key: DayKey
    keeper_key: bytes
    rng: random.Random
    now: Callable[[], float]
    finality: int
    pace: Pace
    database_skew: float = 0.0
    running: dict[str, Process] = field(default_factory=dict)
    skews: dict[str, float] = field(default_factory=dict)
    endings: list[str] = field(default_factory=list)
    signer: Signer | None = None
    relays: dict[str, Relay] = field(default_factory=dict)
    heads: tuple[str, ...] = ()  # websockets that announce new blocks
    pairs: frozenset[str] = frozenset()  # the roles that two play
    indexer: Indexer | None = None
    stopped: bool = False
    signed_ahead: int = 0  # commands that left with a ticket signed before their block was read
    starts: int = 0

    def clock(self) -> float:
        """The database's."""
        return self.now() + self.database_skew

    def open(self, process: Process) -> SimStore:
        return process.run(
            open_database, self.url, self.faults, process, self.clock, self.deployment
        )

    # ---- watching over programs

    def watch(self) -> list[asyncio.Task[None]]:
        """A task a role that starts it, and starts it again when it has died."""
        roles = {
            "index": self._index,
            "signer": self._signer,
            "relay": partial(self._relay, "relay"),
            "keeper": partial(self._keeper, "keeper"),
        }
        if "relay" in self.pairs:
            roles["relay 2"] = partial(self._relay, "relay 2")
        if "keeper" in self.pairs:
            roles["keeper 2"] = partial(self._keeper, "keeper 2")
        loop = asyncio.get_running_loop()
        return [
            loop.create_task(self._watch(role, work), name=f"watch {role}")
            for role, work in roles.items()
        ]

    async def _watch(self, role: str, work: Callable[[Process], Any]) -> None:
        while not self.stopped:
            self.starts += 1
            process = Process(f"{role} #{self.starts}")
            process.skew = self.skews.get(role, 0.0)
            self.running[role] = process
            died = asyncio.get_running_loop().create_future()
            process.on_kill.append(lambda died=died: died.done() or died.set_result(None))
            self.say("start", role=process.name)
            task = process.start(work(process))
            await asyncio.wait({task, died}, return_when=asyncio.FIRST_COMPLETED)
            if task.done() and process.alive and not task.cancelled():
                error = task.exception()
                if error is not None:
                    words = f"{role}: {_words(error)}"
                    self.endings.append(words)
                    self.say("ended", role=role, error=words)
            process.kill()
            self.say("down", role=process.name)
            await asyncio.sleep(self.rng.uniform(*RESTART_SECONDS))

    def kill(self, role: str) -> None:
        self.running[role].kill()

    # ---- the programs

    def _rpc(self, role: str) -> Nodes:
        """A role's nodes, in its own order; the signer's are its own."""
        urls = [f"http://{name}" for name in ORDER[role]]
        return Nodes(urls, self.deployment, timeout=10.0, transport=Route(self.nodes))

    async def _index(self, process: Process) -> None:
        async with self._rpc("index") as rpc:
            self.indexer = Indexer(
                self.open(process), rpc, self.deployment, finality=self.finality,
                poll=self.pace.poll,
                on_head=self._announced if self.heads else None,
                on_commit=self._committed if self.heads else None,
                heads=Heads(self.heads, chain_id=self.deployment.chain_id,
                            silence=self.pace.silence) if self.heads else None,
            )  # fmt: skip
            await self.indexer.run()

    async def _signer(self, process: Process) -> None:
        policy = Policy(self.deployment, WallClock())
        async with self._rpc("signer") as rpc:
            clock = asyncio.get_running_loop().time
            self.signer = Signer(Keys(self.day_key), rpc, policy, monotonic=clock)
            process.on_kill.append(self._no_signer)
            await asyncio.get_running_loop().create_future()

    def _no_signer(self) -> None:
        self.signer = None

    def wake(self, rng: random.Random) -> None:
        """The API has written something: relays hear of it, or one of them, or none."""
        for name, relay in list(self.relays.items()):
            process = self.running[name]
            if process.alive and (len(self.relays) == 1 or rng.random() < 0.7):
                process.run(relay.wake)

    def _counted(self, send: Callable[..., T]) -> Callable[..., T]:
        def counted(outgoing: Any) -> T:
            self.signed_ahead += 1
            self.say("signed.ahead", lease=outgoing.claim.row["lease_id"][-8:])
            return send(outgoing)

        return counted

    def _announced(self, number: int, block_hash: str) -> None:
        """Where blocks are announced the index tells the relays, as in one program of all."""
        for name, relay in list(self.relays.items()):
            if self.running[name].alive:
                self.running[name].run(relay.announced, number, block_hash)

    def _committed(self) -> None:
        for name, relay in list(self.relays.items()):
            if self.running[name].alive:
                self.running[name].run(relay.wake)

    async def _relay(self, name: str, process: Process) -> None:
        async with self._rpc(name) as rpc:
            process.on_kill.append(lambda: self.relays.pop(name, None))
            relay = self.relays[name] = assemble_relay(
                store=self.open(process),
                deployment=self.deployment,
                rpc=rpc,
                clock=WallClock(),
                sealer=self.sealer,
                broker=BrokerLogin.at("mqtt://broker", "backend", ""),
                signer=RemoteSigning(self),
            )
            relay._delivery.start_signed = self._counted(relay._delivery.start_signed)  # type: ignore[method-assign]
            await relay.run()

    async def _keeper(self, name: str, process: Process) -> None:
        async with self._rpc(name) as rpc:
            program = assemble_keeper(
                store=self.open(process),
                deployment=self.deployment,
                rpc=rpc,
                clock=WallClock(),
                transaction_key=self.keeper_key,
            )
            await program.run()


@dataclass(frozen=True)
class Keys:
    """The day key, without a folder of files."""

    key: DayKey

    def day_key(self) -> DayKey:
        return self.key


class RemoteSigning:
    """The signer's process behind a socket: it may be down, and its answer may be lost."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def ticket(self, order: Any) -> str:
        return await self._ask("ticket", order)

    async def grant(self, order: Any) -> str:
        return await self._ask("grant", order)

    async def receipt(self, order: Any) -> str:
        return await self._ask("receipt", order)

    async def _ask(self, what: str, order: Any) -> str:
        platform = self._platform
        await asyncio.sleep(platform.rng.uniform(0.001, 0.01))
        check_alive()
        signer, process = platform.signer, platform.running["signer"]
        if signer is None or not process.alive:
            raise BerthError("signer.unreachable", "nobody answered", status=503)
        answering = process.start(getattr(signer, what)(order))
        died: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def lost() -> None:
            if not died.done():
                died.set_result(None)

        process.on_kill.append(lost)
        try:
            await asyncio.wait({answering, died}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            process.on_kill.remove(lost)
        if answering.done() and not answering.cancelled():
            answering.exception()  # it is looked at, whatever becomes of the answer
        if platform.faults.strike("signer.error") or not answering.done() or answering.cancelled():
            raise BerthError("signer.unreachable", "the answer was lost", status=503)
        return str(answering.result())


def _words(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        return f"{type(error).__name__}[{', '.join(_words(one) for one in error.exceptions)}]"
    return f"{type(error).__name__}: {error}"[:300]


def connects(broker: Broker) -> Callable[..., Any]:
    """Stands in for the class of aiomqtt's clients."""

    def client(_host: str, _port: int, **options: Any) -> Any:
        return broker.client(options["username"], options["identifier"], options.get("will"))

    return client
