"""Disputes: a driver or an owner objects, and the arbiter decides, or says nothing until T3."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from tests.sim.founding import account_of

if TYPE_CHECKING:
    from tests.sim.people import Story
    from tests.sim.world import World

ARBITER = account_of("arbiter")
#: Of all leases, and of those disputed.
DISPUTED, DECIDED = 0.7, 0.6


class Quarrels:
    """One look at each story: who objects, when, and whether the arbiter answers."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._rng = random.Random(f"quarrels {world.seed}")

    async def over(self, story: Story) -> None:
        """From the booking to the decision, if any."""
        rng, people = self._rng, self.world.people
        objects, decided = rng.random() < DISPUTED, rng.random() < DECIDED
        by_driver, pause = rng.random() < 0.5, rng.uniform(0, 400)
        consideration, share = rng.uniform(30, 1200), rng.choice((0.0, 0.3, 1.0))
        if not objects:
            return
        while not story.lease:
            if story.gave_up:
                return
            await asyncio.sleep(5.0)
        lease, who = story.lease, story.driver.address if by_driver else story.place.owner
        await asyncio.sleep(max(0.0, story.facts["start"] + pause - self.world.wall()))
        objection = people.transact(who, "dispute", lambda m: m.dispute(who, lease))
        if not decided or not await people.mined(objection):
            return
        await asyncio.sleep(consideration)
        cost = int(self.world.chain.market.deposit_of(lease) * share)
        people.transact(ARBITER, "resolve", lambda m: m.resolve(ARBITER, lease, cost))
