"""Attacks through the asset: it refuses, stops, takes a fee, lies, or shrinks."""

import pytest
from berth.core import tariff
from brownie import (
    BlockingToken,
    FeeToken,
    GriefToken,
    LyingToken,
    SilentToken,
)
from brownie.exceptions import VirtualMachineError
from support.attacks import attack, market_over, nothing_gained, take
from support.clock import HOUR, MONDAY, reach
from support.errors import reverts, reverts_with
from support.forms import TERMS
from support.world import START

TEN = MONDAY + 10 * HOUR
NOON = TEN + 2 * HOUR
T1 = NOON + 60 * TERMS.reserve_minutes + 24 * HOUR
DEPOSIT = tariff.deposit(TERMS, 8, 0)
RENT = 8 * TERMS.price_per_slot
FOREVER = 2**256 - 1


@attack(6)
class TestBlacklists:
    @pytest.mark.parametrize("blocked", ["owner", "driver", "market"])
    def test_every_way_to_end_a_lease_works_for_the_blacklisted(self, world, blocked):
        made, space = market_over(world, BlockingToken)
        market = made.market
        market.depositFor(made.owner, DEPOSIT, {"from": made.stranger})
        leases = [take(made, space, START + 8 * number) for number in range(5)]
        victim = market if blocked == "market" else getattr(made, blocked)
        made.asset.setBlocked(victim, True, {"from": made.stranger})
        losses = {made.driver: 2 * RENT + RENT // 2, made.owner: 0}
        with nothing_gained(made, made.stranger, losses=losses):
            market.cancel(leases[4], {"from": made.driver})
            market.ownerCancel(leases[3], {"from": made.owner})
            reach(NOON)
            made.leave(leases[0], TEN, NOON)
            made.arrive(leases[1], NOON)
            reach(T1 + 4 * HOUR)
            market.closeBatch(leases[1:3], {"from": made.stranger})
            assert market.ledger()[1] == 5

    def test_the_blacklisted_takes_his_credit_elsewhere_and_nobody_else_does(self, world):
        made, _ = market_over(world, BlockingToken)
        market = made.market
        market.deposit(500, {"from": made.driver})
        market.setAutoPayout(True, {"from": made.driver})
        made.asset.setBlocked(made.driver, True, {"from": made.stranger})
        with nothing_gained(made, made.stranger, losses={made.driver: 500}):
            with reverts_with(f"Blocked: {made.driver.address.lower()}"):
                market.payout(made.driver, {"from": made.stranger})
            with reverts("CreditTooLow", made.stranger, 0, 500):
                market.withdraw(made.stranger, 500, {"from": made.stranger})
            market.withdraw(made.guardian, 500, {"from": made.driver})
        assert made.asset.balanceOf(made.guardian) == 500

    def test_a_lease_from_the_credit_of_a_blacklisted_driver_can_still_be_extended(self, world):
        made, space = market_over(world, BlockingToken)
        made.market.deposit(3 * DEPOSIT, {"from": made.driver})
        made.asset.setBlocked(made.driver, True, {"from": made.stranger})
        with nothing_gained(made, made.driver, losses={made.owner: 0}):
            lease = take(made, space)
            made.market.extend((lease, 2, 3, made.plate, FOREVER), {"from": made.driver})
            assert made.market.depositOf(lease) == tariff.deposit(TERMS, 10, 3)


@attack(7)
class TestStoppedToken:
    def test_it_stops_money_at_the_door_and_nothing_inside(self, world):
        made, space = market_over(world, BlockingToken)
        market = made.market
        market.deposit(3 * DEPOSIT, {"from": made.driver})
        lease = take(made, space)
        claimed = take(made, space, START + 8)
        made.asset.setStopped(True, {"from": made.stranger})
        stopped = f"Blocked: {market.address.lower()}"
        with nothing_gained(made, made.owner, made.driver):
            market.extend((claimed, 1, 0, made.plate, FOREVER), {"from": made.driver})
            reach(NOON + 4 * HOUR)
            made.leave(lease, TEN, NOON)
            made.leave(claimed, NOON, NOON + 3 * HOUR)
            market.close(claimed, {"from": made.driver})
            with reverts_with(stopped):
                market.withdraw(made.driver, 1, {"from": made.driver})
            with reverts_with(f"Blocked: {made.driver.address.lower()}"):
                market.deposit(1, {"from": made.driver})
            with reverts_with(stopped):
                market.withdrawFees(made.guardian, 1, {"from": made.admin})
            made.asset.setStopped(False, {"from": made.stranger})
            for who in (made.driver, made.owner):
                market.withdraw(who, market.creditOf(who), {"from": who})
        assert made.asset.balanceOf(market) == market.ledger()[2]


@attack(9)
class TestTokensThatMoveSomethingElse:
    def test_a_fee_on_transfer_makes_nobody_richer_by_any_verb(self, world):
        made, space = market_over(world, FeeToken)
        market = made.market
        short = DEPOSIT - DEPOSIT // 100
        with nothing_gained(made, made.driver, made.stranger, losses={made.owner: 0}):
            with reverts("TokenAmount", DEPOSIT, short):
                take(made, space)
            with reverts("TokenAmount", 10_000, 9_900):
                market.deposit(10_000, {"from": made.driver})
            with reverts("TokenAmount", 10_000, 9_900):
                market.depositFor(made.stranger, 10_000, {"from": made.driver})
            made.asset.setFee(0, {"from": made.driver})
            lease = take(made, space)
            made.asset.setFee(100, {"from": made.driver})
            more = tariff.deposit(TERMS, 10, 0) - DEPOSIT
            with reverts("TokenAmount", more, more - more // 100):
                market.extend((lease, 2, 0, made.plate, FOREVER), {"from": made.driver})
            assert market.leaseOf(lease)[3] == 8

    def test_a_fee_on_the_way_out_is_the_receivers_and_never_the_markets(self, world):
        made, space = market_over(world, FeeToken)
        market = made.market
        made.asset.setFee(0, {"from": made.driver})
        lease = take(made, space)
        made.asset.setFee(100, {"from": made.driver})
        with nothing_gained(made, made.driver, made.owner):
            reach(NOON)
            made.leave(lease, TEN, NOON)
            for who in (made.driver, made.owner):
                market.setAutoPayout(True, {"from": who})
            market.payoutBatch([made.driver, made.owner], {"from": made.stranger})
            market.withdrawFees(made.guardian, market.ledger()[2], {"from": made.admin})
        assert made.asset.balanceOf(market) == 0

    @pytest.mark.parametrize("answer", [False, True])
    def test_a_token_that_lies_about_moving_buys_nothing(self, world, answer):
        made, space = market_over(world, LyingToken)
        made.asset.setAnswer(answer, {"from": made.driver})
        with nothing_gained(made, made.driver, losses={made.owner: 0}):
            with pytest.raises(VirtualMachineError, match=r"SafeERC20Failed|Berth_TokenAmount"):
                take(made, space)
            with pytest.raises(VirtualMachineError, match=r"SafeERC20Failed|Berth_TokenAmount"):
                made.market.deposit(5, {"from": made.driver})

    def test_a_token_that_answers_nothing_serves_every_verb(self, world):
        made, space = market_over(world, SilentToken)
        market = made.market
        with nothing_gained(made, made.owner, made.driver):
            lease = take(made, space)
            market.extend((lease, 1, 0, made.plate, FOREVER), {"from": made.driver})
            reach(NOON)
            made.leave(lease, TEN, NOON)
            market.setAutoPayout(True, {"from": made.owner})
            market.payout(made.owner, {"from": made.stranger})
            market.withdraw(made.driver, market.creditOf(made.driver), {"from": made.driver})
        assert made.asset.balanceOf(market) == market.ledger()[2]


@attack(10)
class TestShrinkingBalances:
    def test_a_negative_rebase_costs_the_last_in_the_row_and_no_figure_in_the_books(self, world):
        """The asset's risk, as the trust assumptions say: the market owes what it owed; whoever
        comes when the money is gone waits for more."""
        made, space = market_over(world, GriefToken)
        market = made.market
        lease = take(made, space)
        market.deposit(1_000, {"from": made.stranger})
        made.asset.shrink(market, DEPOSIT, {"from": made.deployer})
        with nothing_gained(made, made.driver, made.owner, made.stranger, donated=-DEPOSIT):
            reach(NOON)
            made.leave(lease, TEN, NOON)
            market.withdraw(made.stranger, 1_000, {"from": made.stranger})
            credit = market.creditOf(made.owner)
            with reverts_with(f"ERC20InsufficientBalance: {market.address.lower()}, 0, {credit}"):
                market.withdraw(made.owner, credit, {"from": made.owner})
        made.asset.mint(market, DEPOSIT, {"from": made.deployer})
        market.withdraw(made.owner, credit, {"from": made.owner})
        assert made.asset.balanceOf(made.owner) == credit + 10**15

    def test_a_driver_whose_wallet_shrinks_pays_or_does_not_lease(self, world):
        made, space = market_over(world, GriefToken)
        made.asset.shrink(made.driver, made.asset.balanceOf(made.driver), {"from": made.deployer})
        with (
            nothing_gained(made, made.driver, losses={made.owner: 0}),
            reverts_with(f"ERC20InsufficientBalance: {made.driver.address.lower()}, 0, {DEPOSIT}"),
        ):
            take(made, space)
