"""Attacks on a space's time: squatting, the own space, managers, payouts."""

from dataclasses import replace

import pytest
from berth.core import tariff
from brownie import ZERO_ADDRESS
from support.attacks import (
    attack,
    net,
    nothing_gained,
    sender_of,
    take,
    wealth,
)
from support.calendar import taken_slots
from support.clock import HOUR, MONDAY, at, reach
from support.errors import reverts
from support.forms import TERMS
from support.keys import key
from support.storage import set_lease_word
from support.world import START

TEN = MONDAY + 10 * HOUR
NOON = TEN + 2 * HOUR
DEPOSIT = tariff.deposit(TERMS, 8, 0)
RENT = 8 * TERMS.price_per_slot


@attack(23)
class TestSquatting:
    def test_booking_and_cancelling_for_free_holds_slots_only_while_money_is_in_it(
        self, world, market, space
    ):
        """Three days of a space, held by one deposit a stay; what is cancelled is free again."""
        with nothing_gained(world, world.stranger, losses={world.owner: 0, world.driver: 0}):
            held = [
                take(world, space, START + 96 * day, world.stranger, slots=96) for day in range(3)
            ]
            assert wealth(world, world.stranger) - market.creditOf(world.stranger) > 0
            for lease in held:
                market.cancel(lease, {"from": world.stranger})
            assert taken_slots(market, space, START, START + 3 * 96) == set()
            take(world, space)

    def test_an_owner_who_minds_makes_cancelling_cost_at_any_time(self, world, market, space):
        """2^16 - 1 free hours: never free."""
        offer = world.offer(space, replace(TERMS, free_cancel_hours=2**16 - 1))
        charge = RENT * TERMS.cancel_pct // 100
        with nothing_gained(world, world.stranger, losses={world.stranger: charge}):
            lease = take(world, space, START + 96 * 60, world.stranger, offer=offer)
            market.cancel(lease, {"from": world.stranger})
            assert market.creditOf(world.owner) == net(charge)

    def test_the_free_time_ends_to_the_second(self, world, market, space):
        first, second = take(world, space), take(world, space, START + 8)
        limit = TEN - 3600 * TERMS.free_cancel_hours
        at(limit)
        market.cancel(first, {"from": world.driver})
        assert market.creditOf(world.driver) == DEPOSIT
        at(limit + 2 * HOUR + 1)
        market.cancel(second, {"from": world.driver})
        assert market.creditOf(world.owner) == net(RENT * TERMS.cancel_pct // 100)

    def test_sixty_five_thousand_cancellations_close_one_start_and_no_slot(
        self, world, market, space
    ):
        """The dearest squat: some ten thousand million gas for one start of one space. The slots
        themselves are sold from any other start."""
        lease = take(world, space, sender=world.stranger)
        market.cancel(lease, {"from": world.stranger})
        word = lease_word(world, market, lease)
        spent = word & ~(0xFFFF << 190) | 0xFFFF << 190
        set_lease_word(world, space, START, word, spent)
        with reverts("EpochExhausted", space, START):
            take(world, space)
        with reverts("EpochExhausted", space, START):
            market.blockSlots(space, START, 1, {"from": world.owner})
        take(world, space, START - 1, slots=9)
        assert taken_slots(market, space, START, START + 8) == set(range(START, START + 8))


def lease_word(world, market, lease: int) -> int:
    """The storage word of a lease that was cancelled before it began."""
    view = market.leaseOf(lease)
    return int(view[0], 16) | view[1] << 160 | view[3] << 164 | view[4] << 174 | view[5] << 190


@attack(23)
class TestOwnSpace:
    def test_an_owner_who_leases_his_own_space_pays_himself_less_the_fee(
        self, world, market, space
    ):
        with nothing_gained(world, world.owner):
            lease = take(world, space, sender=world.owner)
            reach(NOON)
            world.leave(lease, TEN, NOON)
        assert market.ledger()[2] == RENT * 250 // 10_000

    def test_nor_does_he_gain_by_cancelling_on_himself_or_agreeing_with_himself(
        self, world, market, space
    ):
        market.depositFor(world.owner, DEPOSIT, {"from": world.stranger})
        with nothing_gained(world, world.owner):
            for end in ("cancel", "ownerCancel", "agree"):
                lease = take(world, space, sender=world.owner)
                if end == "agree":
                    market.agree((lease, DEPOSIT, DEPOSIT, 2**40), b"", b"", {"from": world.owner})
                else:
                    getattr(market, end)(lease, {"from": world.owner})


@attack(23)
class TestManagers:
    def test_a_manager_moves_no_money_no_lock_no_title(self, world, market, space):
        lease = take(world, space)
        manager = world.stranger
        market.setManager(space, manager, {"from": world.owner})
        market.depositFor(world.owner, DEPOSIT, {"from": manager})
        with nothing_gained(world, manager, losses={world.owner: 0, world.driver: 0}):
            for verb, arguments in (
                (market.rotateLock, (space, world.lock_proof(space, key("x"), owner=manager))),
                (market.setManager, (space, manager)),
                (market.delist, (space,)),
            ):
                with reverts("NotOwner", space, manager):
                    verb(*arguments, {"from": manager})
            with reverts("NotPayee", lease, world.owner, manager):
                market.ownerCancel(lease, {"from": manager})
            with reverts("CreditTooLow", manager, 0, 1):
                market.withdraw(manager, 1, {"from": manager})
            reach(TEN)
            with reverts("NotParty", lease, manager):
                market.dispute(lease, {"from": manager})

    def test_what_a_rogue_manager_sells_for_nothing_the_owner_takes_back_for_nothing(
        self, world, market, space
    ):
        """An offer at a price of one, leased to himself: the owner is its payee, and cancelling
        costs him a part of that price."""
        manager = world.stranger
        market.setManager(space, manager, {"from": world.owner})
        dust = replace(TERMS, price_per_slot=1, price_per_kwh=0, no_show_pct=100, cancel_pct=100)
        offer = world.offer(space, dust, sender=manager)
        lease = take(world, space, sender=manager, offer=offer)
        blocked = market.blockSlots(space, START + 96, 672, {"from": manager}).events["Blocked"]
        market.depositFor(world.owner, 8, {"from": world.driver})
        with nothing_gained(world, world.driver, losses={world.owner: 8}):
            market.setManager(space, ZERO_ADDRESS, {"from": world.owner})
            market.withdrawOffers(space, offer + 1, {"from": world.owner})
            reach(TEN - 60)
            market.ownerCancel(lease, {"from": world.owner})
            market.unblock(blocked["leaseId"], {"from": world.owner})
        assert taken_slots(market, space, START, START + 800) == set()

    @pytest.mark.parametrize("odd", ["market", "extension", "forwarder", "asset", "titles", "zero"])
    def test_an_odd_manager_gives_nobody_a_way_in(self, world, market, space, odd):
        account = {
            "market": market.address,
            "extension": world.extension,
            "forwarder": world.forwarder.address,
            "asset": world.asset.address,
            "titles": world.titles.address,
            "zero": ZERO_ADDRESS,
        }[odd]
        market.setManager(space, account, {"from": world.owner})
        with nothing_gained(world, world.stranger, losses={world.owner: 0}):
            for tail in ("", account[2:], world.owner.address[2:]):
                data = market.blockSlots.encode_input(space, START, 4) + tail
                with reverts("NotOwner", space, world.stranger):
                    world.stranger.transfer(market, 0, data=data)
            # the forwarder speaks for whom it appends, not for itself
            forwarder = sender_of(world.forwarder)
            with reverts("NotOwner", space, world.stranger):
                data = market.blockSlots.encode_input(space, START, 4)
                forwarder.transfer(market, 0, data=data + world.stranger.address[2:])


@attack(23)
class TestThirdPartyPayouts:
    def test_nobody_pays_out_who_has_not_asked_for_it(self, world, market, asset, space):
        """Otherwise a rival empties a driver's credit just before the driver's lease."""
        market.deposit(DEPOSIT, {"from": world.driver})
        asset.approve(market, 0, {"from": world.driver})
        with nothing_gained(world, world.stranger, losses={world.driver: 0}):
            with reverts("PayoutNotWanted", world.driver):
                market.payout(world.driver, {"from": world.stranger})
            tx = market.payoutBatch([world.driver], {"from": world.stranger})
            assert tx.events["PayoutFailed"]["account"] == world.driver
            assert take(world, space)

    def test_who_asked_is_paid_himself_whoever_sets_it_off(self, world, market, asset):
        market.deposit(700, {"from": world.driver})
        market.setAutoPayout(True, {"from": world.driver})
        with nothing_gained(world, world.stranger, losses={world.driver: 0}):
            market.payout(world.driver, {"from": world.stranger})
            with reverts("OutOfRange", "credit", 0, 1, 2**128 - 1):
                market.payout(world.driver, {"from": world.stranger})
            market.deposit(5, {"from": world.driver})
            market.setAutoPayout(False, {"from": world.driver})
            with reverts("PayoutNotWanted", world.driver):
                market.payout(world.driver, {"from": world.stranger})

    def test_nobody_sets_the_wish_of_another(self, world, market):
        market.setAutoPayout(True, {"from": world.stranger})
        assert not market.autoPayoutOf(world.driver)

    def test_a_driver_can_pay_out_the_owners_credit_before_the_owner_cancels_on_him(
        self, world, market, space
    ):
        """The price of the wish: it stops nothing, the owner takes the wish back and pays in."""
        lease = take(world, space)
        market.depositFor(world.owner, RENT, {"from": world.owner})
        market.setAutoPayout(True, {"from": world.owner})
        reach(TEN - 60)
        charge = RENT * TERMS.cancel_pct // 100
        with nothing_gained(world, world.stranger, losses={world.owner: charge, world.driver: 0}):
            market.payout(world.owner, {"from": world.driver})
            with reverts("CreditTooLow", world.owner, 0, charge):
                market.ownerCancel(lease, {"from": world.owner})
            assert market.leaseOf(lease)[1] == 1
            market.setAutoPayout(False, {"from": world.owner})
            market.deposit(charge, {"from": world.owner})
            market.ownerCancel(lease, {"from": world.owner})
            assert market.creditOf(world.driver) == DEPOSIT + charge
