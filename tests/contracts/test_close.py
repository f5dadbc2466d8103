"""Closing: what happens when nobody speaks, and who may say yes earlier."""

import pytest
from berth.core import tariff
from support.calendar import taken_slots
from support.clock import HOUR, MONDAY, at, reach
from support.errors import reverts
from support.forms import TERMS
from support.world import START

TEN = MONDAY + 10 * HOUR
NOON = TEN + 2 * HOUR
T1 = NOON + 60 * TERMS.reserve_minutes + 24 * HOUR
T2 = T1 + 48 * HOUR
FOREVER = 2**256 - 1
DEPARTED, ACCEPTED, MATURED, PRESUMED, UNUSED = 1, 2, 3, 4, 5


@pytest.fixture
def lease(world, space) -> int:
    return world.lease(space, kwh=20)


class TestUnused:
    """Nobody ever arrived and nobody said anything: silence never pays the owner for nothing."""

    def test_refunds_everything_to_the_driver(self, world, market, lease):
        at(T1)
        event = market.close(lease, {"from": world.stranger}).events["Settled"]
        deposit = tariff.deposit(TERMS, 8, 20)
        assert event["outcome"] == UNUSED
        assert (event["rent"], event["overstay"], event["energy"], event["fee"]) == (0, 0, 0, 0)
        assert event["refund"] == deposit == market.creditOf(world.driver)
        assert market.creditOf(world.owner) == 0
        assert market.leaseOf(lease)[1] == 5

    @pytest.mark.parametrize("who", ["driver", "owner", "stranger", "guardian"])
    def test_reverts_for_everybody_one_second_before_t1(self, world, market, lease, who):
        at(T1 - 1)
        with reverts("OutOfTime", lease, T1, FOREVER, T1 - 1):
            market.close(lease, {"from": getattr(world, who)})

    def test_a_cancelled_lease_cannot_be_closed_again(self, world, market, lease):
        at(T1)
        market.close(lease, {"from": world.stranger})
        with reverts("WrongState", lease, 5):
            market.close(lease, {"from": world.stranger})
        with reverts("WrongState", lease, 5):
            world.leave(lease, TEN, NOON)


class TestPresumed:
    """An arrival on file, then silence: the booked rent, no overstay, no energy."""

    def test_pays_the_booked_rent(self, world, market, lease):
        reach(TEN + 60)
        world.arrive(lease, TEN + 60)
        at(T1)
        event = market.close(lease, {"from": world.stranger}).events["Settled"]
        expected = tariff.presumed_bill(TERMS, 8, 20, arrived=2)
        assert event["outcome"] == PRESUMED
        assert (event["rent"], event["fee"], event["refund"]) == (
            expected.rent,
            expected.fee,
            expected.refund,
        )
        assert (event["overstay"], event["energy"], event["arrived"], event["until"]) == (
            0,
            0,
            2,
            0,
        )
        assert market.creditOf(world.owner) == expected.owner
        assert market.leaseOf(lease)[1] == 4

    def test_reverts_one_second_before_t1_even_for_driver_and_owner(self, world, market, lease):
        reach(TEN)
        world.arrive(lease, TEN)
        for number, who in enumerate((world.driver, world.owner)):
            at(T1 - 2 + number)
            with reverts("OutOfTime", lease, T1, FOREVER, T1 - 2 + number):
                market.close(lease, {"from": who})

    def test_at_t1_evidence_is_too_late_and_closing_is_legal(self, world, market, lease):
        """Exactly one of the two verbs works in any second."""
        reach(T1)
        with reverts("OutOfTime", lease, 0, T1, T1 + 1):
            world.leave(lease, TEN, NOON)
        market.close(lease, {"from": world.stranger})


class TestMatured:
    """An overstay that nobody contested for its whole period."""

    @pytest.fixture
    def claim(self, world, lease) -> int:
        reach(NOON + HOUR)
        world.leave(lease, TEN + 30, NOON + 1800, 12_345)
        return lease

    @pytest.mark.parametrize("who", ["owner", "stranger"])
    def test_reverts_one_second_before_t2(self, world, market, claim, who):
        at(T2 - 1)
        with reverts("OutOfTime", claim, T2, FOREVER, T2 - 1):
            market.close(claim, {"from": getattr(world, who)})

    @pytest.mark.parametrize("who", ["owner", "stranger"])
    def test_pays_the_whole_bill_from_t2_on_whoever_closes(self, world, market, claim, who):
        at(T2)
        event = market.close(claim, {"from": getattr(world, who)}).events["Settled"]
        expected = tariff.bill(TERMS, START, 8, 20, TEN + 30, NOON + 1800, 12_345)
        assert event["outcome"] == MATURED
        for name in ("rent", "overstay", "energy", "fee", "refund"):
            assert event[name] == getattr(expected, name), name
        assert event["energyWh"] == expected.energy_wh == 12_300
        assert market.creditOf(world.owner) == expected.owner
        assert market.creditOf(world.driver) == expected.refund


class TestAccepted:
    def test_the_driver_may_accept_a_claim_at_once(self, world, market, lease):
        reach(NOON + HOUR)
        world.leave(lease, TEN, NOON + 1800)
        event = market.close(lease, {"from": world.driver}).events["Settled"]
        expected = tariff.bill(TERMS, START, 8, 20, TEN, NOON + 1800, 0)
        assert event["outcome"] == ACCEPTED
        assert (event["overstay"], event["refund"]) == (expected.overstay, expected.refund)

    def test_also_after_it_matured(self, world, market, lease):
        reach(NOON + HOUR)
        world.leave(lease, TEN, NOON + 1800)
        at(T2)
        assert market.close(lease, {"from": world.driver}).events["Settled"]["outcome"] == ACCEPTED


class TestClose:
    def test_reverts_for_leases_that_never_were(self, world, market, lease):
        for unknown in (0, lease + 1, lease | 1 << 112, 2**256 - 1):
            with reverts("LeaseUnknown", unknown):
                market.close(unknown, {"from": world.stranger})

    def test_reverts_once_settled(self, world, market, lease):
        reach(NOON)
        world.leave(lease, TEN, NOON)
        at(T2)
        with reverts("WrongState", lease, 4):
            market.close(lease, {"from": world.driver})

    def test_late_closing_frees_no_slot_of_the_past(self, world, market, space, lease):
        at(T1)
        market.close(lease, {"from": world.stranger})
        assert taken_slots(market, space, START, START + 8) == set(range(START, START + 8))

    def test_a_short_reserve_makes_an_early_t1(self, world, market, space):
        from dataclasses import replace

        world.offer(space, replace(TERMS, reserve_minutes=0))
        lease = world.lease(space, offer=2)
        at(NOON + 24 * HOUR - 1)
        with reverts("OutOfTime", lease, NOON + 24 * HOUR, FOREVER, NOON + 24 * HOUR - 1):
            market.close(lease, {"from": world.stranger})
        at(NOON + 24 * HOUR)
        market.close(lease, {"from": world.stranger})
