"""People with bad intentions: they know all that the broker heard, and have no key but theirs."""

from __future__ import annotations

import asyncio
import json
import random
from typing import TYPE_CHECKING, Any

from berth.core.envelope import seal
from berth.core.hashing import keccak
from berth.core.ids import lease_hex
from berth.core.messages import occupancy, sign
from berth.devices.topics import topic
from berth.store.kept import commands as table
from sqlalchemy import select

if TYPE_CHECKING:
    from tests.sim.people import Story
    from tests.sim.world import World

KEY = keccak(b"a thief's key")
#: States of a command that a lock's word may end.
UNDER_WAY = ("published", "acknowledged")


class Thieves:
    """Each crime at moments of the seed's choosing. What must not come of them is for the judge:
    a bar that moves, a command that counts as done, evidence that is taken."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._rng = random.Random(f"thieves {world.seed}")

    def start(self) -> list[asyncio.Task[None]]:
        if not self.world.strength:
            return []
        loop = asyncio.get_running_loop()
        crimes = (self._confirm, self._ack, self._replay, self._record)
        return [loop.create_task(self._often(crime), name="thief") for crime in crimes]

    async def _often(self, crime: Any) -> None:
        while self.world.faults.on:
            await asyncio.sleep(self._rng.uniform(200, 1500))
            if self.world.faults.on:
                under_way = crime()
                if under_way is not None:
                    await under_way

    def _story(self) -> Story | None:
        stories = [story for story in self.world.people.stories if story.lease]
        return self._rng.choice(stories[-4:]) if stories else None

    def _confirm(self) -> None:
        """Signs the driver's confirmation with another key."""
        story = self._story()
        if story is None:
            return
        self.world.faults.note("thief.confirmation", story=story.number)
        if self.world.people.confirm(story, KEY):
            self.world.findings.append(f"a stranger confirmed lease {lease_hex(story.lease)}")

    async def _ack(self) -> None:
        """Says in a lock's name that a command is done: one on its way, or one that never was."""
        lock, command = await self._chosen()
        if not self.world.faults.on:
            return
        payload = {
            "type": "ack", "lock": lock, "boot": self._boots().get(lock, "f" * 24), "seq": 10**6,
            "at": self.world.wall(), "outcome": "done", "cycle": 0, "position": "UNLOCKED",
            "command": command,
        }  # fmt: skip
        self._say(lock, "ack", payload, "thief.ack")
        for _ in range(10):
            await asyncio.sleep(0.25)
            if self._believed(lock, command):
                self.world.findings.append(f"a stranger's word made command {command} done")
                return

    async def _chosen(self) -> tuple[str, str]:
        """(lock, command): the next one that is on its way, within some minutes."""
        here = select(table.c.lock_id, table.c.id).order_by(table.c.created_at, table.c.id)
        for _ in range(300):
            with self.world.web.read() as conn:
                found = conn.execute(here.where(table.c.state.in_(UNDER_WAY))).all()
            if found:
                lock, command = self._rng.choice(found)
                return lock, command
            await asyncio.sleep(1.0)
        return self._rng.choice(sorted(self.world.devices)), "00000000-0000-4000-8000-000000000000"

    def _boots(self) -> dict[str, str]:
        """The newest boot of each lock that was heard."""
        locks = self.world.devices
        return {
            message.user: json.loads(message.payload)["payload"]["boot"]
            for message in self.world.broker.heard
            if message.user in locks
        }

    def _believed(self, lock: str, command: str) -> bool:
        """Is it done, though the lock has not done it?"""
        with self.world.web.read() as conn:
            state = conn.execute(select(table.c.state).where(table.c.id == command)).scalar()
        program = self.world.devices[lock].program
        ended = program.lock.memory.ended.get(command) if program is not None else None
        return state == "done" and (ended is None or ended.outcome != "done")

    def _replay(self) -> None:
        """Says again what the backend once said to a lock, to it or to another one."""
        said = [m for m in self.world.broker.heard if m.user == "backend" and b"." in m.payload]
        if not said:
            return
        old = self._rng.choice(said)
        lock, leaf = old.topic.split("/")[-2:]
        if self._rng.random() < 0.3:
            lock = self._rng.choice(sorted(self.world.devices))
        self.world.faults.note("thief.replay", leaf=leaf, lock=lock[2:6])
        self.world.broker.injected(topic(lock, leaf), old.payload)

    def _record(self) -> None:
        """Invents evidence that a driver has left."""
        story = self._story()
        if story is None:
            return
        start = story.facts["start"]
        message = occupancy(self.world.deployment.domain, story.lease, 2, start, start + 60, 0)
        lock = story.place.device.lock_id
        payload = {
            "type": "occupancy", "lock": lock, "boot": "ffffffff" + "00" * 8, "seq": 10**6,
            "at": self.world.wall(), "leaseId": lease_hex(story.lease), "kind": 2, "from": start,
            "until": start + 60, "energyWh": 0, "signature": "0x" + sign(message, KEY).hex(),
        }  # fmt: skip
        self._say(lock, "occupancy", payload, "thief.record")

    def _say(self, lock: str, leaf: str, payload: dict[str, Any], kind: str) -> None:
        self.world.faults.note(kind, lock=lock[2:6])
        data = json.dumps(seal(payload, KEY), separators=(",", ":")).encode()
        self.world.broker.injected(topic(lock, leaf), data)
