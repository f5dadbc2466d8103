"""A block with a lease goes, another comes in its place: what protects, and what does not."""

from dataclasses import replace

from berth.core import tariff
from support.attacks import (
    attack,
    equip,
    name_arbiter,
    nothing_gained,
    occupancy,
    person,
    take,
    undone,
)
from support.clock import HOUR, MONDAY, reach
from support.errors import reverts
from support.forms import TERMS
from support.world import START

TEN = MONDAY + 10 * HOUR
NOON = TEN + 2 * HOUR
DEPOSIT = tariff.deposit(TERMS, 8, 0)
RENT = 8 * TERMS.price_per_slot
ARRIVED, LEFT, BLOCKED, NOSHOW = 1, 2, 3, 4
FOREVER = 2**256 - 1


@attack(24)
class TestReorganisation:
    """A block with a lease goes, another comes in its place. What protects, and what does not."""

    def test_after_it_the_same_id_may_be_another_drivers(self, world, market, space):
        """So an id alone says nothing: whoever unlocks compares the driver and the plate, and waits
        for depth."""
        rival, _ = person(world, "rival")
        equip(world, rival)
        with undone():
            gone = take(world, space)
        lease = take(world, space, sender=rival)
        assert lease == gone
        assert market.leaseOf(lease)[0] == rival
        with nothing_gained(world, world.driver, losses={rival: 0}):
            for verb, arguments in (
                (market.cancel, (lease,)),
                (market.extend, ((lease, 1, 0, world.plate, FOREVER),)),
                (market.changeVehicle, (lease, world.plate)),
            ):
                with reverts("NotDriver", lease, rival, world.driver):
                    verb(*arguments, {"from": world.driver})

    def test_the_locks_word_about_the_driver_who_is_gone_bills_the_new_one_for_the_stay_at_most(
        self, world, market, space
    ):
        """The lock let the first driver in too early and signed for the id. The contract cannot
        know; the loss is the rent of the time stayed and the energy bought, never the reserve: the
        relay's depth before unlocking is what protects, not the contract."""
        rival, _ = person(world, "rival")
        equip(world, rival)
        with undone():
            lease = take(world, space)
            reach(TEN + HOUR)
            seen, signature = occupancy(world, lease, LEFT, TEN, TEN + HOUR)
        assert take(world, space, sender=rival) == lease
        reach(TEN + HOUR)
        stayed = tariff.bill(TERMS, START, 8, 0, TEN, TEN + HOUR, 0).cost
        with nothing_gained(world, world.driver, world.stranger, losses={rival: stayed}):
            market.record(seen, signature, {"from": world.stranger})

    def test_overstay_of_the_driver_who_is_gone_waits_for_the_new_ones_objection(
        self, world, market, space
    ):
        rival, _ = person(world, "rival")
        equip(world, rival)
        with undone():
            lease = take(world, space)
            seen, signature = occupancy(world, lease, LEFT, TEN, NOON + HOUR)
        take(world, space, sender=rival)
        arbiter = name_arbiter(world)
        reach(NOON + HOUR)
        with nothing_gained(world, world.owner, losses={rival: 0}):
            market.record(seen, signature, {"from": world.owner})
            market.dispute(lease, {"from": rival})
            market.resolve(lease, 0, {"from": arbiter})

    def test_an_offer_that_came_back_with_harsher_terms_takes_no_more_than_the_driver_allowed(
        self, world, market, space
    ):
        """The owner publishes number 2 anew in the other branch; the driver's request, which names
        the number, is mined there. Its limit is the bound."""
        with undone():
            number = world.offer(space)
        world.offer(space, replace(TERMS, price_per_slot=2 * TERMS.price_per_slot))
        with (
            nothing_gained(world, world.owner, losses={world.driver: 0}),
            reverts("CostAboveMaximum", 2 * DEPOSIT, DEPOSIT),
        ):
            take(world, space, offer=number, most=DEPOSIT)

    def test_an_offer_that_came_back_with_harsher_terms_at_the_same_price_costs_the_limit_at_most(
        self, world, market, space
    ):
        """The same price, but no free cancelling: what the number does not say. The loss is bounded
        by the limit too; whoever wants more waits until the offer is final."""
        with undone():
            number = world.offer(space)
        world.offer(
            space, replace(TERMS, free_cancel_hours=2**16 - 1, no_show_pct=100, cancel_pct=100)
        )
        with nothing_gained(world, world.stranger, losses={world.driver: RENT}):
            lease = take(world, space, offer=number, most=DEPOSIT)
            market.cancel(lease, {"from": world.driver})
        assert RENT <= DEPOSIT

    def test_a_settlement_that_was_undone_is_settled_again_to_the_same_unit(
        self, world, market, space
    ):
        lease = take(world, space)
        reach(NOON)
        seen, signature = occupancy(world, lease, LEFT, TEN, NOON)
        with undone():
            first = market.record(seen, signature, {"from": world.stranger}).events["Settled"]
            head = market.ledger()[0]
        with nothing_gained(world, world.stranger, losses={world.driver: RENT}):
            again = market.record(seen, signature, {"from": world.stranger}).events["Settled"]
            assert dict(again) == dict(first)
            assert market.ledger()[0] == head

    def test_an_agreement_about_the_lease_that_is_gone_binds_no_other_driver(
        self, world, market, space
    ):
        """Both signatures are there, for the same id and deposit: but the new driver has not
        signed."""
        driver, driver_key = person(world, "driver with a key")
        rival, _ = person(world, "rival")
        for each in (driver, rival):
            equip(world, each)
        with undone():
            lease = take(world, space, sender=driver)
            agreement, consent = world.agreement(lease, DEPOSIT, driver_key)
        assert take(world, space, sender=rival) == lease
        with (
            nothing_gained(world, world.owner, losses={rival: 0}),
            reverts("BadSignature", "driver", rival),
        ):
            market.agree(agreement, consent, b"", {"from": world.owner})
