"""A market over a token that cheats: either the verb reverts, or the books still balance."""

import pytest
from berth.core import tariff
from brownie import (
    BlockingToken,
    BombToken,
    FeeToken,
    HookedToken,
    LyingToken,
    SilentToken,
)
from support.clock import HOUR, MONDAY, reach
from support.conservation import assert_conserved
from support.errors import reverts, reverts_with
from support.forms import TERMS
from support.world import ENOUGH, START, World, deployer_script

TEN = MONDAY + 10 * HOUR
NOON = TEN + 2 * HOUR
DEPOSIT = tariff.deposit(TERMS, 8, 0)


def market_over(world, token) -> World:
    return world.second_market(token.deploy({"from": world.deployer}))


def with_space(world) -> int:
    space = world.register(2)
    world.offer(space)
    return space


class TestFeeOnTransfer:
    @pytest.fixture
    def fee(self, world):
        return market_over(world, FeeToken)

    def test_a_deposit_that_arrives_short_reverts(self, fee):
        with reverts("TokenAmount", 10_000, 9_900):
            fee.market.deposit(10_000, {"from": fee.driver})

    def test_a_lease_whose_deposit_arrives_short_reverts(self, fee):
        space = with_space(fee)
        with reverts("TokenAmount", DEPOSIT, DEPOSIT - DEPOSIT // 100):
            fee.market.lease(fee.request(space).form(), {"from": fee.driver})

    def test_a_fee_switched_on_later_leaves_the_books_balanced(self, fee):
        """The recipient gets less; the market pays exactly what it owed."""
        fee.asset.setFee(0, {"from": fee.driver})
        fee.market.deposit(10_000, {"from": fee.driver})
        fee.asset.setFee(100, {"from": fee.driver})
        fee.market.withdraw(fee.guardian, 10_000, {"from": fee.driver})
        assert fee.asset.balanceOf(fee.guardian) == 9_900
        assert_conserved(fee)


class TestFalseReturn:
    @pytest.fixture
    def lying(self, world):
        return market_over(world, LyingToken)

    def test_false_means_no(self, lying):
        with reverts_with(f"SafeERC20FailedOperation: {lying.asset.address.lower()}"):
            lying.market.deposit(5, {"from": lying.driver})

    def test_true_without_a_movement_means_no_too(self, lying):
        lying.asset.setAnswer(True, {"from": lying.driver})
        with reverts("TokenAmount", 5, 0):
            lying.market.deposit(5, {"from": lying.driver})
        with reverts("TokenAmount", DEPOSIT, 0):
            lying.market.lease(lying.request(with_space(lying)).form(), {"from": lying.driver})


class TestNoReturn:
    def test_a_token_that_answers_nothing_works(self, world):
        silent = market_over(world, SilentToken)
        space = with_space(silent)
        lease = silent.lease(space)
        reach(NOON)
        silent.leave(lease, TEN, NOON)
        credit = silent.market.creditOf(silent.owner)
        silent.market.withdraw(silent.owner, credit, {"from": silent.owner})
        assert silent.asset.balanceOf(silent.owner) == ENOUGH + credit
        assert_conserved(silent)

    def test_an_asset_that_is_no_contract_takes_no_money(self, world, market):
        """A mistyped asset: deploying cannot tell, every deposit can."""
        from brownie import ZERO_ADDRESS
        from brownie.exceptions import VirtualMachineError

        config = {"guardian": ZERO_ADDRESS, "feeBps": 0}
        empty = deployer_script().deploy_market(
            world.titles,
            world.stranger,
            world.forwarder,
            world.timelock,
            config,
            {"from": world.deployer},
        )
        with pytest.raises(VirtualMachineError):
            empty.deposit(5, {"from": world.driver})


class TestBlocking:
    @pytest.fixture
    def blocking(self, world):
        return market_over(world, BlockingToken)

    @pytest.mark.parametrize("victim", ["owner", "driver"])
    def test_a_blocked_account_stops_no_settlement(self, blocking, victim):
        """Settlements move credits only: a recipient that reverts hurts nobody but itself."""
        lease = blocking.lease(with_space(blocking))
        blocking.asset.setBlocked(getattr(blocking, victim), True, {"from": blocking.stranger})
        reach(NOON)
        event = blocking.leave(lease, TEN, NOON).events["Settled"]
        assert event["refund"] == blocking.market.creditOf(blocking.driver)
        assert_conserved(blocking)

    def test_a_blocked_account_can_withdraw_to_another(self, blocking):
        blocking.market.deposit(100, {"from": blocking.driver})
        blocking.asset.setBlocked(blocking.driver, True, {"from": blocking.stranger})
        with reverts_with(f"Blocked: {blocking.driver.address.lower()}"):
            blocking.market.withdraw(blocking.driver, 100, {"from": blocking.driver})
        blocking.market.withdraw(blocking.guardian, 100, {"from": blocking.driver})
        assert blocking.asset.balanceOf(blocking.guardian) == 100

    def test_a_stopped_token_stops_money_at_the_door_only(self, blocking):
        blocking.market.deposit(3 * DEPOSIT, {"from": blocking.driver})
        space = with_space(blocking)
        blocking.asset.setStopped(True, {"from": blocking.stranger})
        lease = blocking.lease(space)  # from credit
        reach(NOON)
        blocking.leave(lease, TEN, NOON)
        with reverts_with(f"Blocked: {blocking.market.address.lower()}"):
            blocking.market.withdraw(blocking.driver, 1, {"from": blocking.driver})
        blocking.asset.setStopped(False, {"from": blocking.stranger})
        blocking.market.withdraw(blocking.driver, 1, {"from": blocking.driver})
        assert_conserved(blocking)

    def test_a_market_that_the_token_blocks_still_settles(self, blocking):
        lease = blocking.lease(with_space(blocking))
        blocking.asset.setBlocked(blocking.market, True, {"from": blocking.stranger})
        reach(NOON)
        blocking.leave(lease, TEN, NOON)
        assert blocking.market.creditOf(blocking.owner) > 0


class TestReentrancy:
    """The token calls back in the middle of a transfer. The token is an account with credit of its
    own here."""

    @pytest.fixture
    def hooked(self, world):
        hooked = market_over(world, HookedToken)
        hooked.market.depositFor(hooked.asset, 1000, {"from": hooked.driver})
        hooked.asset.mint(hooked.asset, 10**12, {"from": hooked.driver})
        approve = hooked.asset.approve.encode_input(hooked.market, 2**256 - 1)
        hooked.asset.act(hooked.asset, approve, {"from": hooked.driver})
        return hooked

    def arm(self, hooked, verb, *arguments):
        hooked.asset.arm(hooked.market, verb.encode_input(*arguments), {"from": hooked.driver})

    def test_withdrawing_inside_a_deposit_reverts_the_deposit(self, hooked):
        self.arm(hooked, hooked.market.withdraw, hooked.stranger, 400)
        with reverts("TokenAmount", 500, 100):
            hooked.market.deposit(500, {"from": hooked.driver})

    def test_depositing_inside_a_deposit_reverts_the_deposit(self, hooked):
        self.arm(hooked, hooked.market.deposit, 300)
        with reverts("TokenAmount", 500, 800):
            hooked.market.deposit(500, {"from": hooked.driver})

    def test_withdrawing_inside_a_withdrawal_reverts_the_withdrawal(self, hooked):
        hooked.market.deposit(500, {"from": hooked.driver})
        self.arm(hooked, hooked.market.withdraw, hooked.stranger, 400)
        with reverts("TokenAmount", 500, 900):
            hooked.market.withdraw(hooked.driver, 500, {"from": hooked.driver})

    def test_depositing_inside_a_withdrawal_reverts_the_withdrawal(self, hooked):
        hooked.market.deposit(500, {"from": hooked.driver})
        self.arm(hooked, hooked.market.deposit, 500)
        with reverts("TokenAmount", 500, 0):
            hooked.market.withdraw(hooked.driver, 500, {"from": hooked.driver})

    def test_the_same_credit_cannot_be_withdrawn_twice(self, hooked):
        """The debit comes before the transfer: the inner call finds nothing left."""
        self.arm(hooked, hooked.market.withdraw, hooked.stranger, 1000)
        withdraw = hooked.market.withdraw.encode_input(hooked.stranger, 1000)
        before = hooked.asset.balanceOf(hooked.stranger)
        hooked.asset.act(hooked.market, withdraw, {"from": hooked.driver})
        assert not hooked.asset.succeeded()
        assert hooked.asset.balanceOf(hooked.stranger) == before + 1000
        assert hooked.market.creditOf(hooked.asset) == 0
        assert_conserved(hooked)

    def test_the_same_slots_cannot_be_leased_twice(self, hooked):
        space = with_space(hooked)
        plate = b"\x55" * 32
        proof = hooked.vehicle(hooked.asset, plate)
        inner = hooked.request(space, START + 4, plate=plate).form()
        self.arm(hooked, hooked.market.leaseWithVehicle, inner, proof)
        lease = hooked.lease(space)
        assert not hooked.asset.succeeded()
        assert hooked.market.leaseOf(lease)[0] == hooked.driver
        assert_conserved(hooked)

    def test_closing_inside_a_lease_finds_nothing_to_close(self, hooked):
        space = with_space(hooked)
        future = (space << 32 | START) << 16 | 1
        self.arm(hooked, hooked.market.close, future)
        hooked.lease(space)
        assert not hooked.asset.succeeded()
        assert hooked.market.leaseOf(future)[1] == 1
        assert_conserved(hooked)


class TestReturnBomb:
    def test_a_megabyte_of_answer_is_not_copied(self, world):
        bomb = market_over(world, BombToken)
        bomb.market.deposit(1000, {"from": bomb.driver})
        plain = bomb.market.withdraw(bomb.guardian, 400, {"from": bomb.driver}).gas_used
        bomb.asset.setArmed(True, {"from": bomb.driver})
        armed = bomb.market.withdraw(bomb.guardian, 400, {"from": bomb.driver}).gas_used
        # the token itself pays for its memory; copying it once more would cost the market as much
        # again
        memory = 31_250 * 3 + 31_250**2 // 512
        assert armed - plain < memory * 1.1


class TestShrinkingBalance:
    def test_a_token_that_takes_money_from_the_market_breaks_the_last_withdrawal_only(self, world):
        """A negative rebase is a risk of the asset (see the trust assumptions): first come, first
        served, and the accounting itself stays exact."""
        hooked = market_over(world, HookedToken)
        hooked.market.deposit(1000, {"from": hooked.driver})
        hooked.market.deposit(1000, {"from": hooked.stranger})
        transfer = hooked.asset.transfer.encode_input(hooked.guardian, 500)
        from brownie import accounts, web3

        market = accounts.at(hooked.market.address, force=True)
        web3.provider.make_request("evm_setAccountBalance", [market.address, hex(10**20)])
        market.transfer(hooked.asset, 0, data=transfer)
        hooked.market.withdraw(hooked.driver, 1000, {"from": hooked.driver})
        with reverts_with(f"ERC20InsufficientBalance: {market.address.lower()}, 500, 1000"):
            hooked.market.withdraw(hooked.stranger, 1000, {"from": hooked.stranger})
        hooked.market.withdraw(hooked.stranger, 500, {"from": hooked.stranger})
        assert hooked.market.creditOf(hooked.stranger) == 500
