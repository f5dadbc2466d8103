"""Credits, and the one door for the asset."""

import pytest
from brownie import ZERO_ADDRESS
from support.conservation import assert_conserved
from support.errors import reverts, reverts_with
from support.world import ENOUGH


class TestDeposit:
    def test_adds_to_the_callers_credit_and_moves_as_many_tokens(self, world, market, asset):
        before = asset.balanceOf(world.driver)
        tx = market.deposit(5_000_000, {"from": world.driver})
        assert market.creditOf(world.driver) == 5_000_000
        assert asset.balanceOf(world.driver) == before - 5_000_000
        assert asset.balanceOf(market) == 5_000_000
        assert tx.events["Deposited"] == {
            "account": world.driver,
            "from": world.driver,
            "amount": 5_000_000,
        }
        assert_conserved(world)

    @pytest.mark.parametrize("amount", [0, 2**128, 2**256 - 1])
    def test_reverts_for_nothing_and_for_more_than_128_bits(self, world, market, amount):
        with reverts("OutOfRange", "amount", amount, 1, 2**128 - 1):
            market.deposit(amount, {"from": world.driver})

    def test_reverts_without_allowance(self, world, market, asset):
        asset.approve(market, 4, {"from": world.driver})
        with reverts_with(f"ERC20InsufficientAllowance: {market.address.lower()}, 4, 5"):
            market.deposit(5, {"from": world.driver})

    def test_reverts_when_credit_would_outgrow_its_128_bits(self, world, market, asset):
        asset.mint(world.driver, 2**128, {"from": world.driver})
        market.deposit(2**128 - 1, {"from": world.driver})
        with reverts("OutOfRange", "credit", 2**128, 0, 2**128 - 1):
            market.deposit(1, {"from": world.driver})


class TestDepositFor:
    def test_pays_from_the_caller_for_somebody_else(self, world, market, asset):
        tx = market.depositFor(world.stranger, 70, {"from": world.driver})
        assert market.creditOf(world.stranger) == 70
        assert market.creditOf(world.driver) == 0
        assert asset.balanceOf(world.driver) == ENOUGH - 70
        assert tx.events["Deposited"] == {
            "account": world.stranger,
            "from": world.driver,
            "amount": 70,
        }
        assert_conserved(world)

    def test_reverts_for_nobody(self, world, market):
        with reverts("BadAccount", "account", ZERO_ADDRESS):
            market.depositFor(ZERO_ADDRESS, 1, {"from": world.driver})

    def test_reverts_for_the_market_and_the_forwarder_whose_credit_nobody_could_own(
        self, world, market
    ):
        for account in (market.address, world.forwarder.address):
            with reverts("BadAccount", "account", account):
                market.depositFor(account, 1, {"from": world.driver})

    def test_never_takes_from_the_account_it_is_for(self, world, market, asset):
        market.depositFor(world.driver, 5, {"from": world.stranger})
        assert asset.balanceOf(world.driver) == ENOUGH


class TestWithdraw:
    @pytest.fixture(autouse=True)
    def credit(self, market, world):
        market.deposit(1000, {"from": world.driver})

    def test_pays_out_to_any_account_of_the_callers_choice(self, world, market, asset):
        tx = market.withdraw(world.guardian, 400, {"from": world.driver})
        assert asset.balanceOf(world.guardian) == 400
        assert market.creditOf(world.driver) == 600
        assert tx.events["Withdrawn"] == {
            "account": world.driver,
            "to": world.guardian,
            "amount": 400,
        }
        assert_conserved(world)

    def test_pays_out_everything(self, world, market, asset):
        market.withdraw(world.driver, 1000, {"from": world.driver})
        assert (market.creditOf(world.driver), asset.balanceOf(market)) == (0, 0)

    def test_reverts_for_one_unit_more_than_the_credit(self, world, market):
        with reverts("CreditTooLow", world.driver, 1000, 1001):
            market.withdraw(world.driver, 1001, {"from": world.driver})

    def test_reverts_for_those_who_have_none(self, world, market):
        with reverts("CreditTooLow", world.stranger, 0, 1):
            market.withdraw(world.stranger, 1, {"from": world.stranger})

    def test_admin_and_guardian_cannot_touch_anybodys_credit(self, world, market):
        for sender in (world.admin, world.guardian, world.deployer):
            with reverts("CreditTooLow", sender, 0, 1000):
                market.withdraw(sender, 1000, {"from": sender})

    @pytest.mark.parametrize("amount", [0, 2**128])
    def test_reverts_for_nothing_and_for_more_than_128_bits(self, world, market, amount):
        with reverts("OutOfRange", "amount", amount, 1, 2**128 - 1):
            market.withdraw(world.driver, amount, {"from": world.driver})

    def test_reverts_towards_nobody_and_towards_the_market_itself(self, world, market):
        for to in (ZERO_ADDRESS, market):
            with reverts("BadAccount", "to", to):
                market.withdraw(to, 1, {"from": world.driver})

    def test_works_while_paused(self, world, market, asset):
        market.pause({"from": world.guardian})
        market.withdraw(world.guardian, 1000, {"from": world.driver})
        assert asset.balanceOf(world.guardian) == 1000


class TestDonations:
    def test_tokens_sent_to_the_market_belong_to_nobody_and_change_nothing(
        self, world, market, asset, space
    ):
        asset.transfer(market, 12_345, {"from": world.stranger})
        world.lease(space)
        market.deposit(10, {"from": world.driver})
        market.withdraw(world.driver, 10, {"from": world.driver})
        assert_conserved(world, donated=12_345)


class TestViews:
    def test_name_the_asset_and_the_registry(self, world, market):
        assert market.asset() == world.asset
        assert market.titles() == world.titles
