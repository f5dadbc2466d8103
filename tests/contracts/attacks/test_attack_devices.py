"""Attacks with a lock in league, leaked, or silent."""

from dataclasses import replace

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
T1 = NOON + 60 * TERMS.reserve_minutes + 24 * HOUR
T2 = T1 + 48 * HOUR
T3 = T2 + 7 * 24 * HOUR
KWH = 20
RENT = 8 * TERMS.price_per_slot
ENERGY = KWH * TERMS.price_per_kwh
OVERSTAY = TERMS.price_per_slot * TERMS.overstay_pct * TERMS.reserve_minutes // 1500
ARRIVED, LEFT, BLOCKED, NOSHOW = 1, 2, 3, 4


@pytest.fixture
def lease(world, space) -> int:
    return take(world, space, kwh=KWH)


@attack(19)
class TestOwnerWithTheKey:
    """An owner in league with the lock, or with its leaked key, and a driver who never came."""

    def test_takes_at_once_at_most_the_rent_and_the_energy_bought(self, world, market, lease):
        reach(NOON)
        with nothing_gained(world, world.stranger, losses={world.driver: RENT + ENERGY}):
            # a stay to the end and all the energy in the world
            world.leave(lease, TEN, NOON, 2**32 - 1)
            assert market.creditOf(world.owner) == net(RENT + ENERGY)

    def test_overstay_made_up_waits_and_a_dispute_halves_it_if_nobody_decides(
        self, world, market, lease
    ):
        """The bound of a forged claim: the driver has 48 hours after T1 to object; then, without an
        arbiter, half of the overstay stands."""
        reach(NOON + 2 * HOUR)
        allowed = RENT + ENERGY + OVERSTAY // 2
        with nothing_gained(world, world.stranger, losses={world.driver: allowed}):
            world.leave(lease, TEN, NOON + 2 * HOUR, 2**32 - 1)
            assert market.creditOf(world.owner) == 0
            at(T2 - 1)
            market.dispute(lease, {"from": world.driver})
            reach(T3)
            market.close(lease, {"from": world.owner})
            assert market.creditOf(world.owner) == net(allowed)

    def test_an_arbiter_may_give_everything_back(self, world, market, lease):
        arbiter = name_arbiter(world)
        reach(NOON + 2 * HOUR)
        with nothing_gained(world, world.owner, losses={world.driver: 0}):
            world.leave(lease, TEN, NOON + 2 * HOUR, 2**32 - 1)
            market.dispute(lease, {"from": world.driver})
            market.resolve(lease, 0, {"from": arbiter})

    def test_a_no_show_made_up_costs_the_no_show_charge_and_not_more(self, world, market, lease):
        charge = RENT * TERMS.no_show_pct // 100
        reach(NOON)
        seen, signature = occupancy(world, lease, NOSHOW, TEN, NOON)
        with nothing_gained(world, world.stranger, losses={world.driver: charge}):
            market.record(seen, signature, {"from": world.owner})
            assert market.creditOf(world.owner) == net(charge)

    def test_an_arrival_made_up_and_then_silence_cost_the_booked_rent_and_not_more(
        self, world, market, lease
    ):
        reach(TEN)
        with nothing_gained(world, world.stranger, losses={world.driver: RENT}):
            world.arrive(lease, TEN)
            reach(T1)
            market.close(lease, {"from": world.owner})

    def test_no_word_of_the_future_counts(self, world, market, lease):
        reach(TEN)
        with nothing_gained(world, world.owner, losses={world.driver: 0}):
            for kind, from_, until in (
                (LEFT, TEN, NOON),
                (ARRIVED, TEN + 600, TEN + 600),
                (NOSHOW, TEN, NOON),
                (BLOCKED, TEN, TEN + 600),
            ):
                seen, signature = occupancy(world, lease, kind, from_, until)
                with pytest.raises(Exception, match="Berth_EvidenceTime"):
                    market.record(seen, signature, {"from": world.owner})

    def test_the_key_opens_no_lease_of_another_lock(self, world, market):
        other = world.register(1, lock=key("lock of the neighbour"))
        world.offer(other)
        lease = take(world, other)
        reach(NOON)
        seen, signature = occupancy(world, lease, LEFT, TEN, NOON)
        with (
            nothing_gained(world, world.stranger, losses={world.driver: 0}),
            reverts("BadSignature", "lock", key("lock of the neighbour").address),
        ):
            market.record(seen, signature, {"from": world.owner})


@attack(19)
class TestDriverWithTheKey:
    """A driver with the lock's leaked key, parked for the whole time."""

    def test_a_departure_put_back_still_pays_the_minimum(self, world, market, lease):
        """What the owner can lose: the rent above the offer's minimum. So a minimum is the owner's
        insurance against his own lock."""
        minimum = tariff.bill(TERMS, START, 8, KWH, TEN, TEN, 0).rent
        assert minimum >= RENT * TERMS.minimum_pct // 100
        reach(NOON)
        world.leave(lease, TEN, TEN, sender=world.driver)
        assert market.creditOf(world.owner) == net(minimum)

    def test_an_offer_whose_minimum_is_the_rent_loses_nothing_to_departures_put_back(
        self, world, market, space
    ):
        offer = world.offer(space, replace(TERMS, minimum_pct=100))
        lease = take(world, space, offer=offer)
        reach(NOON)
        world.leave(lease, TEN - 900, TEN - 900, sender=world.driver)
        assert market.creditOf(world.owner) == net(RENT)

    def test_a_departure_cannot_be_put_back_behind_an_arrival_on_file(self, world, market, lease):
        reach(TEN + HOUR)
        world.arrive(lease, TEN + HOUR)
        with (
            nothing_gained(world, world.driver, losses={world.owner: 0}),
            reverts("EvidenceTime", "until", TEN, TEN + HOUR - 60, TEN + HOUR + 2),
        ):
            world.leave(lease, TEN, TEN, sender=world.driver)

    def test_somebody_elses_car_made_up_refunds_only_a_lease_that_nobody_used(
        self, world, market, lease
    ):
        """Full refund: the owner's loss is the rent, as if the lock had been silent. Once an
        arrival is on file it is too late for it."""
        reach(TEN)
        seen, signature = occupancy(world, lease, BLOCKED, TEN, TEN)
        world.arrive(lease, TEN)
        with (
            nothing_gained(world, world.driver, losses={world.owner: 0}),
            reverts("WrongState", lease, 2),
        ):
            market.record(seen, signature, {"from": world.driver})

    def test_nobody_gets_more_than_he_paid_in_whatever_the_lock_says(self, world, market, space):
        """The best that a lock in league can do for a driver is a full refund."""
        for number, (kind, from_, until) in enumerate(
            ((BLOCKED, 0, TEN), (LEFT, TEN - 900, TEN - 900), (ARRIVED, TEN - 900, TEN - 900))
        ):
            lease = take(world, space, START + 16 * number, kwh=255)
            moved = 16 * 900 * number
            reach(TEN + moved + 60)
            seen, signature = occupancy(
                world, lease, kind, from_ + moved if from_ else 0, until + moved
            )
            with nothing_gained(world, world.driver, losses={world.owner: 0}):
                market.record(seen, signature, {"from": world.driver})

    def test_a_second_arrival_replaces_no_first(self, world, market, lease):
        """A lock signs each time the car comes back. The first that is brought stands: a lock must
        sign one arrival a lease, or its driver chooses the latest; the minimum is due anyway."""
        reach(TEN + HOUR)
        world.arrive(lease, TEN)
        with (
            nothing_gained(world, world.driver, losses={world.owner: 0}),
            reverts("WrongState", lease, 2),
        ):
            world.arrive(lease, TEN + HOUR, sender=world.driver)
        world.leave(lease, TEN + HOUR, TEN + HOUR + 2)
        stayed = tariff.bill(TERMS, START, 8, KWH, TEN, TEN + HOUR + 2, 0)
        assert market.creditOf(world.owner) == stayed.owner


@attack(19)
class TestSilence:
    def test_a_lock_that_is_silent_pays_nobody_for_nothing(self, world, market, lease):
        reach(T1)
        with nothing_gained(world, world.owner, losses={world.driver: 0}):
            market.close(lease, {"from": world.owner})

    def test_an_owner_who_switches_the_lock_off_after_the_arrival_gets_the_booked_rent(
        self, world, market, lease
    ):
        """More than an early departure would have paid him: by at most what was booked, and the
        driver may dispute until T1."""
        arbiter = name_arbiter(world)
        reach(TEN)
        world.arrive(lease, TEN)
        with nothing_gained(world, world.stranger, losses={world.driver: 1}):
            reach(T1 - 2)
            market.dispute(lease, {"from": world.driver})
            market.resolve(lease, 1, {"from": arbiter})

    def test_words_that_come_late_are_not_heard(self, world, market, lease):
        reach(T1)
        with nothing_gained(world, world.owner, losses={world.driver: 0}):
            for kind in (LEFT, NOSHOW, ARRIVED):
                until = TEN if kind == ARRIVED else NOON
                seen, signature = occupancy(world, lease, kind, TEN, until)
                with pytest.raises(Exception, match="Berth_OutOfTime"):
                    market.record(seen, signature, {"from": world.owner})
            market.close(lease, {"from": world.driver})
