"""Locks: the firmware of the simulated ones, on hardware whose history is kept, with power cuts."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from berth.core.clock import WallClock
from berth.devices.mqtt import BrokerAddress
from berth.devices.protocol import World
from berth.devices.simulator import lock as firmware
from berth.devices.simulator.hardware import Hardware, Moved
from berth.devices.simulator.home import LockHome
from berth.devices.simulator.journal import Journal, Record
from berth.devices.simulator.runner import LockProgram

from tests.sim.faults import Faults
from tests.sim.loop import PROCESS, KilledError, Process

PLACEHOLDER = BrokerAddress("broker", 1883, False)


@dataclass(frozen=True)
class Move:
    """A bar that began to move, or arrived. `lease` and `command` as the lock's journal names
    them; `ordered` by a ticket, not by the lock itself."""

    at: float
    lock: str
    begins: bool
    target: str
    command: str
    lease: str
    plate: str | None
    vehicle: bool
    first: bool = True  # False: back again, because a vehicle came in its way


class Device:
    """One lock of steel: its bar and its bay outlive its program."""

    def __init__(
        self,
        home: LockHome,
        faults: Faults,
        say: Callable[..., None],
        now: Callable[[], float],
        moves: list[Move],
    ) -> None:
        self.home = home
        self.faults = faults
        self.say = say
        self.now = now
        self.moves = moves
        self.number = 0
        self.process: Process | None = None
        self.program: LockProgram | None = None
        self.task: asyncio.Task[None] | None = None
        self.skew = 0.0
        self.endings: list[str] = []
        self.hardware = SteelHardware(self, home.folder / "hardware.json")

    @property
    def lock_id(self) -> str:
        return self.home.lock_id

    def boot(self) -> None:
        """Power is on."""
        self.number += 1
        process = Process(f"lock {self.lock_id[2:6]} #{self.number}")
        process.skew = self.skew
        self.process = process
        self.hardware.process = process
        try:
            self.program = process.run(LockProgram, self.home, PLACEHOLDER, WallClock())
        except KilledError:
            return  # power went again while it started
        journal = self.program.lock._journal
        process.on_kill.append(journal.close)
        self.say("lock.on", lock=self.lock_id[2:6], boot=self.number)
        self.task = process.start(self.program.run(), name="lock")

    async def keep_on(self, rng: random.Random) -> None:
        """Whenever the power has gone, it comes back."""
        while True:
            self.boot()
            died: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            assert self.process is not None
            if self.process.alive:
                self.process.on_kill.append(lambda died=died: died.done() or died.set_result(None))
                await asyncio.wait(
                    {died, *([self.task] if self.task else [])}, return_when=asyncio.FIRST_COMPLETED
                )
                if not died.done() and self.task is not None and self.task.exception():
                    self.say(
                        "lock.ended", lock=self.lock_id[2:6], error=repr(self.task.exception())
                    )
                    self.endings.append(f"lock: {self.task.exception()!r}")
            self.cut()
            self.say("lock.off", lock=self.lock_id[2:6])
            await asyncio.sleep(rng.uniform(0.5, 90.0))

    def cut(self) -> None:
        """Power is gone, at once."""
        if self.process is not None:
            self.process.kill()

    @property
    def powered(self) -> bool:
        return self.process is not None and self.process.alive

    def sees(self, **changes: Any) -> None:
        """The world around it changes, whether it is on or not."""
        world = World(**{**_fields(self.hardware.world), **changes})
        self.say("world", lock=self.lock_id[2:6], **changes)
        if self.powered and self.program is not None and self.process is not None:
            import msgspec

            self.process.run(self.program.lock.hear_world, msgspec.json.encode(world))
        else:
            self.hardware.world = world


def _fields(world: World) -> dict[str, Any]:
    return {
        "vehicle": world.vehicle, "plate": world.plate, "jam": world.jam,
        "confidence": world.confidence,
    }  # fmt: skip


class SteelHardware(Hardware):
    """Hardware that remembers what it did, and does nothing for a program without power."""

    def __init__(self, device: Device, path: Path) -> None:
        super().__init__(path, 2.0)
        self._device = device
        self.process: Process | None = None

    def _keep(self) -> None:
        pass  # steel keeps its place by itself

    async def move(self, target: Literal["up", "down"], blocked: Callable[[], bool]) -> Moved:
        program = self._device.program
        pending = program.lock.memory.pending if program is not None else None
        first = pending is None or (target == "down") == (pending.action == "lower")
        self._note(target, pending, first, begins=True)
        moved = await super().move(target, blocked)
        if moved == "there":
            self._note(target, pending, first, begins=False)
        return moved

    def _set(self, place: Any) -> None:
        if self.process is not None and self.process.alive:
            super()._set(place)

    def _note(self, target: str, pending: Any, first: bool, *, begins: bool) -> None:
        if self.process is None or not self.process.alive:
            return
        device = self._device
        move = Move(
            device.now(),
            device.lock_id,
            begins,
            target,
            pending.command if pending else "",
            pending.lease if pending else "",
            self.world.plate,
            self.world.vehicle,
            first,
        )
        device.moves.append(move)
        device.say(
            "bar", lock=device.lock_id[2:6], to=target, begins=begins, lease=move.lease[-8:],
            command=move.command[:8],
        )  # fmt: skip


class CutJournal(Journal):
    """A journal whose writing may be the last thing before the power goes."""

    faults: Faults

    def append(self, kind: str, /, **fields: Any) -> Record:
        process = PROCESS.get()
        if process is not None:
            process.check()
            if self.faults.strike("device.power_cut", record=kind):
                if self.faults.rng("device.power_cut").random() < 0.5:
                    super().append(kind, **fields)
                process.kill()
                process.check()
        return super().append(kind, **fields)

    def rewrite(self, records: Iterable[Record]) -> None:
        process = PROCESS.get()
        if process is not None:
            process.check()
        super().rewrite(records)


def lock_factory(devices: dict[str, Device], monotonic: Callable[[], float]) -> Callable[..., Any]:
    """What LockProgram makes its lock with: this world's hardware and time."""

    def make(home: LockHome, clock: Any, timing: Any) -> firmware.Lock:
        device = devices[home.lock_id]
        return partial(firmware.Lock, monotonic=monotonic, hardware=device.hardware)(
            home, clock, timing
        )

    return make
