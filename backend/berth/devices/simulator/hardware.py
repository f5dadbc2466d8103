"""The simulated part: a bar with a motor, and the world around it.

The bar's place and the world are kept in a file of their own, because a crash of the lock's program
does not move a bar of steel. The lock's memory never reads that file; it *senses* through here.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from berth.devices.protocol import World

Place = Literal["up", "down", "between"]
#: How a movement ended: there; a vehicle came in the way; the motor is stuck.
Moved = Literal["there", "blocked", "stuck"]
_STEPS = 10


class Hardware:
    """One bar, one vehicle sensor, one camera."""

    def __init__(self, path: Path, travel_seconds: float) -> None:
        self._path = path
        self._travel_seconds = travel_seconds
        self._place: Place = "up"
        self.world = World(vehicle=False)
        if path.exists():
            kept = json.loads(path.read_text("utf-8"))
            self._place = kept["place"]
            self.world = msgspec.convert(kept["world"], World)

    def sense(self) -> Place:
        """Where the bar is."""
        return self._place

    def set_world(self, world: World) -> None:
        """A vehicle came or went, a plate was shown, the motor got stuck or free."""
        self.world = world
        self._keep()

    async def move(self, target: Literal["up", "down"], blocked: Callable[[], bool]) -> Moved:
        """Drive the bar to `target`; stops where it is as soon as `blocked` says so."""
        for _ in range(_STEPS):
            if blocked():
                return "blocked"
            if self.world.jam:
                self._set("between")
                return "stuck"
            self._set("between")
            await asyncio.sleep(self._travel_seconds / _STEPS)
        if blocked():
            return "blocked"
        self._set(target)
        return "there"

    def _set(self, place: Place) -> None:
        if place != self._place:
            self._place = place
            self._keep()

    def _keep(self) -> None:
        draft = self._path.with_suffix(".new")
        kept = {"place": self._place, "world": msgspec.to_builtins(self.world)}
        draft.write_text(json.dumps(kept), "utf-8")
        draft.replace(self._path)
