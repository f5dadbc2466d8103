"""Credits, and the one door for the asset."""

from brownie import ZERO_ADDRESS

from support.errors import reverts


class TestDeposit:
    def test_adds_to_the_callers_credit_and_moves_as_many_tokens(self, world, market, asset):
        before = asset.balanceOf(world.driver)
        tx = market.deposit(5_000_000, {"from": world.driver})
        assert market.creditOf(world.driver) == 5_000_000
        assert asset.balanceOf(world.driver) == before - 5_000_000
        assert asset.balanceOf(market) == 5_000_000
        assert tx.events["Deposited"] == {"account": world.driver, "from": world.driver, "amount": 5_000_000}

    def test_reverts_for_nothing(self, world, market):
        with reverts("OutOfRange", "amount", 0, 1, 2**128 - 1):
            market.deposit(0, {"from": world.driver})

    def test_reverts_for_more_than_128_bits(self, world, market):
        with reverts("OutOfRange", "amount", 2**128, 1, 2**128 - 1):
            market.deposit(2**128, {"from": world.driver})


class TestDepositFor:
    def test_reverts_for_nobody(self, world, market):
        with reverts("BadAccount", "account", ZERO_ADDRESS):
            market.depositFor(ZERO_ADDRESS, 1, {"from": world.driver})
