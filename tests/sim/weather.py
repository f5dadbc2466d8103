"""Faults that have a time of their own: reorgs, nodes that lie, broken lines, wrong clocks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from tests.sim.faults import TIMED

if TYPE_CHECKING:
    from tests.sim.world import World


class Weather:
    """Plays the seed's timetable of them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._after: list[Callable[[], None]] = []

    def start(self) -> list[asyncio.Task[None]]:
        """A task a stroke."""
        loop, faults = asyncio.get_running_loop(), self.world.faults
        tasks = []
        for kind in TIMED:
            for _ in range(faults.times[kind]):
                at = faults.rng(kind).uniform(60, self.world.busy - 120)
                tasks.append(loop.create_task(self._at(at, kind), name=kind))
        return tasks

    async def _at(self, seconds: float, kind: str) -> None:
        await asyncio.sleep(seconds)
        if self.world.faults.on:
            stroke: Callable[[str], Awaitable[None]] = getattr(self, "_" + kind.replace(".", "_"))
            await stroke(kind)

    def clear(self) -> None:
        """Everything is well again."""
        for undo in self._after:
            undo()
        self._after.clear()

    async def _for(self, seconds: float, undo: Callable[[], None]) -> None:
        self._after.append(undo)
        await asyncio.sleep(seconds)
        if undo in self._after:
            self._after.remove(undo)
            undo()

    # ---- nodes and the chain

    def _node(self, kind: str) -> Any:
        world = self.world
        return world.nodes[world.faults.rng(kind).choice(sorted(world.nodes))]

    async def _node_behind(self, kind: str) -> None:
        rng, node = self.world.faults.rng(kind), self._node(kind)
        node.behind = rng.randint(1, 30)
        self.world.faults.note(kind, node=node.name, blocks=node.behind)
        await self._for(rng.uniform(10, 300), lambda: setattr(node, "behind", 0))

    async def _node_silent(self, kind: str) -> None:
        rng, node = self.world.faults.rng(kind), self._node(kind)
        node.frozen = node.line[-1].number
        self.world.faults.note(kind, node=node.name)
        await self._for(rng.uniform(60, 400), lambda: setattr(node, "frozen", None))

    async def _node_other_chain(self, kind: str) -> None:
        rng, node = self.world.faults.rng(kind), self._node(kind)
        node.other_chain = True
        self.world.faults.note(kind, node=node.name)
        await self._for(rng.uniform(20, 200), lambda: setattr(node, "other_chain", False))

    async def _node_pruned(self, kind: str) -> None:
        rng, node = self.world.faults.rng(kind), self._node(kind)
        node.pruned = True
        self.world.faults.note(kind, node=node.name)
        await self._for(rng.uniform(20, 300), lambda: setattr(node, "pruned", False))

    async def _node_fork(self, kind: str) -> None:
        """A node stays on a branch that the others have left."""
        rng, node = self.world.faults.rng(kind), self._node(kind)
        node.branch = list(self.world.chain.line)
        self._reorg(kind, rng.randint(1, 8))
        await self._for(rng.uniform(20, 200), lambda: setattr(node, "branch", None))

    async def _chain_reorg(self, kind: str) -> None:
        self._reorg(kind, self.world.faults.rng(kind).choice((1, 1, 2, 2, 3, 4, 5, 6, 7)))

    async def _chain_deep_reorg(self, kind: str) -> None:
        self._reorg(kind, self.world.faults.rng(kind).randint(8, 64))

    def _reorg(self, kind: str, depth: int) -> None:
        world, rng = self.world, self.world.faults.rng(kind)
        length = depth + rng.choice((0, 1, 1, 2))
        lose = rng.choice((0.0, 0.0, 0.1, 0.4))
        gone = world.chain.reorganise(depth, length, lose=lose, shuffle=rng.random() < 0.5)
        world.faults.note(kind, depth=depth, length=length, lose=lose, top=gone[-1].number)

    async def _fees_up(self, kind: str) -> None:
        rng, chain = self.world.faults.rng(kind), self.world.chain
        chain.base_fee = 10**9 * rng.randint(3, 12)
        self.world.faults.note(kind, gwei=chain.base_fee // 10**9)
        await self._for(rng.uniform(60, 300), lambda: setattr(chain, "base_fee", 10**9))

    # ---- lines and devices

    async def _broker_disconnect(self, kind: str) -> None:
        rng, broker = self.world.faults.rng(kind), self.world.broker
        if broker.sessions:
            name = rng.choice(sorted(broker.sessions))
            self.world.faults.note(kind, client=name[:10])
            broker.sessions[name].cut()

    async def _broker_outage(self, kind: str) -> None:
        rng, broker = self.world.faults.rng(kind), self.world.broker
        self.world.faults.note(kind)
        broker.drop_all()
        await self._for(rng.uniform(2, 90), lambda: setattr(broker, "up", True))

    def _device(self, kind: str) -> Any:
        devices = self.world.devices
        return devices[self.world.faults.rng(kind).choice(sorted(devices))]

    async def _device_reboot(self, kind: str) -> None:
        device = self._device(kind)
        self.world.faults.note(kind, lock=device.lock_id[2:6])
        device.cut()

    async def _device_offline(self, kind: str) -> None:
        rng, device = self.world.faults.rng(kind), self._device(kind)
        offline = self.world.broker.offline
        offline.add(device.lock_id)
        self.world.faults.note(kind, lock=device.lock_id[2:6])
        session = self.world.broker.sessions.get(device.lock_id)
        if session is not None:
            session.cut()
        await self._for(rng.uniform(10, 400), lambda: offline.discard(device.lock_id))

    async def _device_jam(self, kind: str) -> None:
        rng, device = self.world.faults.rng(kind), self._device(kind)
        device.sees(jam=True)
        self.world.faults.note(kind, lock=device.lock_id[2:6])
        await self._for(rng.uniform(60, 600), lambda: device.sees(jam=False))

    # ---- clocks

    def _off(self, kind: str) -> float:
        rng = self.world.faults.rng(kind)
        size = rng.choice((rng.uniform(1, 29), rng.uniform(31, 200)))
        return size * rng.choice((-1, 1))

    async def _skew_backend(self, kind: str) -> None:
        rng, platform = self.world.faults.rng(kind), self.world.platform
        role, off = rng.choice(sorted(platform.running)), self._off(kind)
        self.world.faults.note(kind, role=role, off=round(off))

        def put(seconds: float) -> None:
            platform.skews[role] = seconds
            if role in platform.running:
                platform.running[role].skew = seconds

        put(off)
        await self._for(rng.uniform(60, 600), lambda: put(0.0))

    async def _skew_database(self, kind: str) -> None:
        rng, platform = self.world.faults.rng(kind), self.world.platform
        platform.database_skew = self._off(kind)
        self.world.faults.note(kind, off=round(platform.database_skew))
        await self._for(rng.uniform(60, 600), lambda: setattr(platform, "database_skew", 0.0))

    async def _skew_device(self, kind: str) -> None:
        rng, device = self.world.faults.rng(kind), self._device(kind)
        off = self._off(kind)
        self.world.faults.note(kind, lock=device.lock_id[2:6], off=round(off))

        def put(seconds: float) -> None:
            device.skew = seconds
            if device.process is not None:
                device.process.skew = seconds

        put(off)
        await self._for(rng.uniform(60, 600), lambda: put(0.0))

    async def _skew_chain(self, kind: str) -> None:
        rng = self.world.faults.rng(kind)
        self.world.chain_skew = self._off(kind)
        self.world.faults.note(kind, off=round(self.world.chain_skew))
        await self._for(rng.uniform(60, 400), lambda: setattr(self.world, "chain_skew", 0.0))

    # ---- programs

    async def _crash_process(self, kind: str) -> None:
        rng, platform = self.world.faults.rng(kind), self.world.platform
        role = rng.choice(sorted(platform.running))
        self.world.faults.note(kind, role=role)
        platform.kill(role)
