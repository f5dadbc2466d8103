"""A dispute as a weapon: it needs no bond. What it wins for whom, at most."""

import pytest
from berth.core import tariff
from support.attacks import (
    attack,
    name_arbiter,
    net,
    nothing_gained,
    occupancy,
    person,
    take,
)
from support.calendar import taken_slots
from support.clock import HOUR, MONDAY, reach
from support.errors import reverts
from support.forms import TERMS
from support.world import START

TEN = MONDAY + 10 * HOUR
NOON = TEN + 2 * HOUR
T1 = NOON + 60 * TERMS.reserve_minutes + 24 * HOUR
T2 = T1 + 48 * HOUR
T3 = T2 + 7 * 24 * HOUR
KWH = 20
DEPOSIT = tariff.deposit(TERMS, 8, KWH)
RENT = 8 * TERMS.price_per_slot
OVERSTAY = TERMS.price_per_slot * TERMS.overstay_pct * TERMS.reserve_minutes // 1500
ARRIVED, LEFT, BLOCKED, NOSHOW = 1, 2, 3, 4
FOREVER = 2**256 - 1


@pytest.fixture
def lease(world, space) -> int:
    return take(world, space, kwh=KWH)


@attack(19)
class TestDisputesAsAWeapon:
    """A dispute needs no bond. What it wins for whom, at most."""

    def test_a_driver_who_overstayed_wins_half_of_the_overstay_by_disputing_and_waiting(
        self, world, market, lease
    ):
        """The bound: half of the overstay, after nine days, and only if the arbiter is silent; rent
        and energy are never touched."""
        reach(NOON + 2 * HOUR)
        world.leave(lease, TEN, NOON + 2 * HOUR, 1_000)
        full = tariff.bill(TERMS, START, 8, KWH, TEN, NOON + 2 * HOUR, 1_000)
        assert full.overstay == OVERSTAY
        with nothing_gained(world, world.stranger, losses={world.owner: 0}):
            market.dispute(lease, {"from": world.driver})
            reach(T3)
            market.close(lease, {"from": world.driver})
        won = full.refund + OVERSTAY - OVERSTAY // 2
        assert market.creditOf(world.driver) == won
        assert market.creditOf(world.owner) == net(full.cost - OVERSTAY + OVERSTAY // 2)

    @pytest.mark.parametrize("before_leaving", [False, True])
    def test_without_overstay_a_dispute_wins_the_driver_nothing(
        self, world, market, lease, before_leaving
    ):
        reach(TEN)
        world.arrive(lease, TEN)
        if before_leaving:
            market.dispute(lease, {"from": world.driver})
        reach(NOON)
        world.leave(lease, TEN, NOON, 5_000)
        if before_leaving:
            with reverts("OutOfTime", lease, T3, FOREVER, NOON + 2):
                market.close(lease, {"from": world.driver})
            reach(T3)
            market.close(lease, {"from": world.stranger})
        bill = tariff.bill(TERMS, START, 8, KWH, TEN, NOON, 5_000)
        assert market.creditOf(world.owner) == bill.owner
        assert market.creditOf(world.driver) == bill.refund

    def test_a_no_show_who_disputes_pays_the_no_show_charge_all_the_same(
        self, world, market, lease
    ):
        reach(TEN)
        charge = RENT * TERMS.no_show_pct // 100
        with nothing_gained(world, world.stranger, losses={world.driver: charge}):
            market.dispute(lease, {"from": world.driver})
            reach(NOON)
            seen, signature = occupancy(world, lease, NOSHOW, TEN, NOON)
            market.record(seen, signature, {"from": world.stranger})
            with reverts("WrongState", lease, 1):
                market.record(seen, signature, {"from": world.stranger})
            reach(T3)
            market.close(lease, {"from": world.driver})
            assert market.creditOf(world.owner) == net(charge)

    def test_a_driver_who_disputes_and_leaves_keeps_the_slots_and_the_arbiter_may_charge_them(
        self, world, market, space
    ):
        """A disputed lease releases nothing before it ends. The driver who leaves early pays what
        an early leaver pays, and blocks the rest of his own booked time: it is his at the most."""
        arbiter = name_arbiter(world)
        lease = take(world, space, slots=96, kwh=KWH)
        end = START + 96
        reach(TEN + 60)
        world.arrive(lease, TEN + 60)
        market.dispute(lease, {"from": world.driver})
        reach(TEN + 1800)
        world.leave(lease, TEN + 60, TEN + 1800)
        assert taken_slots(market, space, START, end + 8) == set(range(START, end))
        most = market.depositOf(lease)
        with nothing_gained(world, world.driver, losses={world.driver: most}):
            market.resolve(lease, 96 * TERMS.price_per_slot, {"from": arbiter})
        assert taken_slots(market, space, START + 3, end + 8) == set()
        assert market.creditOf(world.owner) == net(96 * TERMS.price_per_slot)

    def test_an_owner_who_disputes_everything_delays_and_gains_nothing(self, world, market, lease):
        reach(TEN)
        with nothing_gained(world, world.owner, losses={world.driver: 0}):
            market.dispute(lease, {"from": world.owner})
            with reverts("Disputed", lease):
                market.dispute(lease, {"from": world.driver})
            with reverts("Disputed", lease):
                market.ownerCancel(lease, {"from": world.owner})
            reach(T3)
            market.close(lease, {"from": world.driver})

    def test_only_the_parties_dispute_and_only_the_arbiter_decides(
        self, world, market, space, lease
    ):
        market.setManager(space, world.stranger, {"from": world.owner})
        name_arbiter(world)
        reach(TEN)
        with nothing_gained(world, world.stranger, world.owner, losses={world.driver: 0}):
            for who in (world.stranger, world.guardian, world.authority):
                with reverts("NotParty", lease, who):
                    market.dispute(lease, {"from": who})
            market.dispute(lease, {"from": world.driver})
            for who in (world.driver, world.owner, world.guardian, world.stranger, world.admin):
                with pytest.raises(Exception, match="AccessControlUnauthorizedAccount"):
                    market.resolve(lease, 0, {"from": who})

    def test_a_bribed_arbiter_touches_no_lease_that_its_parties_do_not_dispute(
        self, world, market, space, lease
    ):
        arbiter = name_arbiter(world)
        driver, _ = person(world, "another driver")
        other = take(world, space, START + 8, driver)
        reach(NOON + 60)
        with nothing_gained(world, arbiter, losses={driver: 0, world.driver: DEPOSIT}):
            with reverts("NotDisputed", other):
                market.resolve(other, 1, {"from": arbiter})
            market.dispute(lease, {"from": world.owner})
            with reverts("CostAboveDeposit", DEPOSIT + 1, DEPOSIT):
                market.resolve(lease, DEPOSIT + 1, {"from": arbiter})
            market.resolve(lease, DEPOSIT, {"from": arbiter})
