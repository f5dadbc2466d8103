"""Attacks with a lock's key that was replaced, because it was stolen or on paper only."""

import pytest
from berth.core import tariff
from support.attacks import (
    attack,
    name_arbiter,
    net,
    nothing_gained,
    occupancy,
    take,
)
from support.clock import HOUR, MONDAY, at, reach
from support.errors import reverts
from support.forms import TERMS
from support.keys import key
from support.world import START

TEN = MONDAY + 10 * HOUR
NOON = TEN + 2 * HOUR
KWH = 20
RENT = 8 * TERMS.price_per_slot
ARRIVED, LEFT, BLOCKED, NOSHOW = 1, 2, 3, 4


@pytest.fixture
def lease(world, space) -> int:
    return take(world, space, kwh=KWH)


@attack(19)
class TestReplacedKeys:
    """The old key was stolen: that is why it was replaced."""

    NEW = key("new lock")

    def rotate(self, world, space, lock=None):
        proof = world.lock_proof(space, lock or self.NEW)
        return world.market.rotateLock(space, proof, {"from": world.owner})

    def test_the_old_key_speaks_only_of_leases_begun_before_and_up_to_its_end(
        self, world, market, space, lease
    ):
        late = take(world, space, START + 8)
        at(TEN + HOUR)
        self.rotate(world, space)
        reach(NOON + 2 * HOUR)
        with nothing_gained(world, world.driver, world.stranger, losses={world.owner: 0}):
            for from_, until in ((TEN, TEN + HOUR + 1), (TEN, NOON)):
                with reverts("BadSignature", "lock", self.NEW.address):
                    world.leave(lease, from_, until, sender=world.stranger)
            seen, signature = occupancy(world, late, LEFT, NOON, NOON + 60)
            with reverts("BadSignature", "lock", self.NEW.address):
                market.record(seen, signature, {"from": world.stranger})
        world.leave(lease, TEN, TEN + HOUR)
        assert market.leaseOf(lease)[1] == 4

    def test_a_lease_of_the_very_slot_of_the_replacement_is_the_new_keys(
        self, world, market, space
    ):
        early = take(world, space, START - 1, slots=1)
        lease = take(world, space)
        at(TEN + 30)
        self.rotate(world, space)
        reach(NOON)
        with (
            nothing_gained(world, world.driver, losses={world.owner: 0}),
            reverts("BadSignature", "lock", self.NEW.address),
        ):
            world.leave(lease, TEN, TEN + 30, sender=world.driver)
        world.leave(early, TEN - 900, TEN + 30)
        world.leave(lease, TEN, NOON, by=self.NEW)

    def test_the_new_key_speaks_of_everything_that_is_open(self, world, market, space, lease):
        at(TEN + HOUR)
        self.rotate(world, space)
        reach(NOON)
        world.leave(lease, TEN, NOON, by=self.NEW)
        assert market.creditOf(world.owner) == net(RENT)

    def test_a_stolen_old_key_takes_no_more_than_a_stolen_key_ever_could(
        self, world, market, space, lease
    ):
        """For the leases that ran at the replacement it is a leaked key still: the bounds of a
        departure put back hold, and a new lease is out of its reach."""
        at(TEN + HOUR)
        self.rotate(world, space)
        minimum = tariff.bill(TERMS, START, 8, KWH, TEN, TEN, 0).rent
        world.leave(lease, TEN, TEN, sender=world.driver)
        assert market.creditOf(world.owner) == net(minimum)

    def test_an_owner_who_replaces_the_lock_on_paper_to_silence_it_gains_the_booked_rent(
        self, world, market, space, lease
    ):
        """Two replacements, and the lock in the ground is heard no more: the driver's early
        departure cannot be shown. It is the same as switching the lock off: the booked rent, unless
        the driver disputes."""
        arbiter = name_arbiter(world)
        reach(TEN)
        world.arrive(lease, TEN)
        reach(TEN + 1800)
        self.rotate(world, space)
        self.rotate(world, space, key("another new lock"))
        with reverts("BadSignature", "lock", key("another new lock").address):
            world.leave(lease, TEN, TEN + 1000, sender=world.driver)
        early = tariff.bill(TERMS, START, 8, KWH, TEN, TEN + 1000, 0).cost
        with nothing_gained(world, world.stranger, losses={world.driver: early}):
            market.dispute(lease, {"from": world.driver})
            market.resolve(lease, early, {"from": arbiter})

    def test_a_key_that_its_maker_did_not_attest_replaces_none(self, world, market, space):
        proof = list(world.lock_proof(space, self.NEW))
        proof[3] = world.maker_word(self.NEW.address, proof[2], by=key("another maker"))
        with reverts("NotCompliant", 1 << 26):
            market.rotateLock(space, proof, {"from": world.owner})
        with reverts("BadAccount", "key", world.lock.address):
            self.rotate(world, space, world.lock)
        with reverts("NotOwner", space, world.stranger):
            market.rotateLock(
                space,
                world.lock_proof(space, self.NEW, owner=world.stranger),
                {"from": world.stranger},
            )

    def test_replacing_prolongs_no_registration(self, world, market, space):
        before = market.spaceOf(space)[0] >> 208 & 0xFFFF
        proof = world.lock_proof(space, self.NEW, valid_day=before + 100)
        market.rotateLock(space, proof, {"from": world.owner})
        assert market.spaceOf(space)[0] >> 208 & 0xFFFF == before
