"""Attacks by those who change the rules: terms, fee, attesters, arbiter, registry."""

from dataclasses import replace

import pytest
from berth.core import tariff
from berth.core.hashing import keccak
from support.attacks import (
    attack,
    name_arbiter,
    net,
    nothing_gained,
    take,
)
from support.clock import DAY, HOUR, MONDAY, at, reach
from support.errors import reverts
from support.forms import TERMS
from support.world import START

TEN = MONDAY + 10 * HOUR
NOON = TEN + 2 * HOUR
T1 = NOON + 60 * TERMS.reserve_minutes + 24 * HOUR
T3 = T1 + 9 * DAY
DEPOSIT = tariff.deposit(TERMS, 8, 0)
RENT = 8 * TERMS.price_per_slot
FOREVER = 2**256 - 1
ARBITER = keccak(b"ARBITER_ROLE")


@attack(14)
class TestTermsRaised:
    """Whatever was signed is what is paid: an offer does not change, nor does its fee."""

    HARSH = replace(
        TERMS, price_per_slot=9_000_000, minimum_pct=100, no_show_pct=100, cancel_pct=100
    )

    def test_a_fee_raised_after_the_lease_is_not_the_leases(self, world, market, space):
        lease = take(world, space)
        market.setFee(1000, {"from": world.admin})
        reach(NOON)
        with nothing_gained(world, world.driver, losses={world.driver: RENT}):
            world.leave(lease, TEN, NOON)
            assert market.ledger()[2] == RENT * 250 // 10_000
            assert market.creditOf(world.owner) == net(RENT)

    def test_a_fee_raised_before_the_lease_is_not_the_old_offers_either(self, world, market, space):
        """The owner published at this fee: it stands for all leases of the offer, and for their
        extensions."""
        market.setFee(1000, {"from": world.admin})
        lease = take(world, space)
        market.extend((lease, 1, 0, world.plate, FOREVER), {"from": world.driver})
        reach(NOON + 900)
        world.leave(lease, TEN, NOON + 900)
        cost = 9 * TERMS.price_per_slot
        assert market.creditOf(world.owner) == cost - cost * 250 // 10_000

    def test_dearer_offers_published_and_old_ones_withdrawn_touch_no_lease(
        self, world, market, space
    ):
        """Nor can the owner move a lease to them: extending is refused instead of charged anew."""
        lease = take(world, space)
        with nothing_gained(world, world.owner, losses={world.driver: RENT}):
            world.offer(space, self.HARSH)
            market.withdrawOffers(space, 2, {"from": world.owner})
            with reverts("OfferNotLive", space, 1, 2, 2):
                market.extend((lease, 1, 0, world.plate, FOREVER), {"from": world.driver})
            assert market.depositOf(lease) == DEPOSIT
            at(TEN - 3 * HOUR)
            event = market.cancel(lease, {"from": world.driver}).events["Settled"]
            assert event["refund"] == DEPOSIT

    def test_a_deposit_above_what_the_driver_signed_is_never_taken(self, world, market, space):
        world.offer(space, self.HARSH)
        harsh = tariff.deposit(self.HARSH, 8, 0)
        with nothing_gained(world, world.owner, losses={world.driver: 0}):
            with reverts("CostAboveMaximum", harsh, DEPOSIT):
                take(world, space, offer=2, most=DEPOSIT)
            lease = take(world, space, most=DEPOSIT)
            longer = tariff.deposit(TERMS, 9, 0)
            with reverts("CostAboveMaximum", longer, longer - 1):
                market.extend((lease, 1, 0, world.plate, longer - 1), {"from": world.driver})

    def test_withdrawing_under_a_drivers_request_refuses_it_and_moves_nothing(
        self, world, market, space
    ):
        market.withdrawOffers(space, 2, {"from": world.owner})
        world.offer(space, self.HARSH)
        with (
            nothing_gained(world, world.owner, losses={world.driver: 0}),
            reverts("OfferNotLive", space, 1, 2, 2),
        ):
            take(world, space)

    @pytest.mark.parametrize("first", [0, 1, 3, 2**16, 2**256 - 1])
    def test_offers_are_withdrawn_forward_only_and_not_beyond_the_last(
        self, world, market, space, first
    ):
        with reverts("OutOfRange", "firstLive", first, 2, 2):
            market.withdrawOffers(space, first, {"from": world.owner})
        market.withdrawOffers(space, 2, {"from": world.owner})
        with reverts("OutOfRange", "firstLive", 1, 3, 2):
            market.withdrawOffers(space, 1, {"from": world.owner})


@attack(15)
class TestRemoved:
    """Attesters, arbiter, guardian, registry: whoever is removed, open leases end as they would."""

    @pytest.mark.parametrize("attester", [1, 2, 3])
    def test_no_attester_that_is_revoked_takes_an_open_lease_with_it(
        self, world, market, space, attester
    ):
        lease = take(world, space)
        market.revokeAttester(attester, {"from": world.guardian})
        reach(NOON)
        with nothing_gained(world, world.guardian, losses={world.driver: RENT, world.owner: 0}):
            world.leave(lease, TEN, NOON)
            assert market.creditOf(world.owner) == net(RENT)

    def test_a_vehicle_whose_verifier_is_revoked_extends_no_lease_and_loses_none(
        self, world, market, space
    ):
        lease = take(world, space)
        market.revokeAttester(2, {"from": world.guardian})
        with nothing_gained(world, world.driver, losses={world.owner: 0}):
            with reverts("AttesterRevoked", 2):
                market.extend((lease, 1, 0, world.plate, FOREVER), {"from": world.driver})
            with reverts("AttesterRevoked", 2):
                market.changeVehicle(lease, world.plate, {"from": world.driver})
            market.cancel(lease, {"from": world.driver})
            assert market.creditOf(world.driver) == DEPOSIT

    def test_without_an_arbiter_a_dispute_ends_at_t3(self, world, market, space):
        """The arbiter is removed in the middle of it."""
        arbiter = name_arbiter(world)
        lease = take(world, space)
        reach(TEN)
        world.arrive(lease, TEN)
        market.dispute(lease, {"from": world.owner})
        market.revokeRole(ARBITER, arbiter, {"from": world.admin})
        with nothing_gained(world, world.stranger, losses={world.driver: RENT, world.owner: 0}):
            with pytest.raises(Exception, match="AccessControlUnauthorizedAccount"):
                market.resolve(lease, 0, {"from": arbiter})
            reach(T3)
            market.close(lease, {"from": world.stranger})
            assert market.creditOf(world.owner) == net(RENT)

    def test_a_market_that_may_register_no_more_still_ends_its_leases(
        self, world, market, titles, space
    ):
        first, second = take(world, space), take(world, space, START + 8)
        titles.setMarket(market, False, {"from": world.admin})
        with nothing_gained(world, world.stranger, losses={world.driver: RENT}):
            market.cancel(second, {"from": world.driver})
            reach(NOON)
            world.leave(first, TEN, NOON)
            market.delist(space, {"from": world.owner})
            market.withdraw(world.driver, market.creditOf(world.driver), {"from": world.driver})

    def test_a_revoked_title_ends_new_business_and_no_lease(self, world, market, titles, space):
        lease = take(world, space)
        titles.revoke(space >> 32, [(0, 1)], {"from": world.authority})
        with nothing_gained(world, world.stranger, losses={world.driver: RENT, world.owner: 0}):
            market.delist(space, {"from": world.stranger})
            with reverts("SpaceLapses", space, MONDAY // DAY, 0):
                take(world, space, START + 8)
            reach(NOON)
            world.leave(lease, TEN, NOON)
            assert market.creditOf(world.owner) == net(RENT)
