"""Attacks by accounts and tokens that refuse, bomb or burn gas, and by assets that come unasked."""

import contextlib

import pytest
from brownie import (
    BombToken,
    GriefToken,
    web3,
)
from brownie.exceptions import VirtualMachineError
from support.attacks import (
    attack,
    market_over,
    nothing_gained,
    person,
    sender_of,
    take,
    undone,
    wealth,
)
from support.clock import HOUR, MONDAY, reach
from support.errors import reverts
from support.forms import TERMS

TEN = MONDAY + 10 * HOUR
NOON = TEN + 2 * HOUR
RENT = 8 * TERMS.price_per_slot
REFUSES, BURNS, BOMBS = 1, 2, 3  # GriefToken.Receiver


@attack(5)
class TestRecipientsThatRevert:
    """Settlements move credit: whoever cannot receive tokens holds up nobody but himself."""

    @pytest.mark.parametrize("who", ["owner", "driver"])
    @pytest.mark.parametrize("how", [REFUSES, BURNS, BOMBS])
    def test_a_party_whose_account_refuses_tokens_stops_no_settlement(self, world, who, how):
        made, space = market_over(world, GriefToken)
        lease = take(made, space)
        victim = getattr(made, who)
        other = made.driver if who == "owner" else made.owner
        made.asset.setReceiver(victim, how, {"from": made.deployer})
        with nothing_gained(made, victim, other, losses={other: RENT}):
            reach(NOON)
            made.leave(lease, TEN, NOON)
            credit = made.market.creditOf(other)
            assert credit > 0
            made.market.withdraw(other, credit, {"from": other})

    def test_in_a_batch_of_payouts_it_fails_alone(self, world):
        """Refusing and bombing receivers, before, between and behind the honest ones."""
        made, _ = market_over(world, GriefToken)
        market, token = made.market, made.asset
        people = [person(made, f"payee {number}", tokens=False)[0] for number in range(5)]
        for who in people:
            market.depositFor(who, 1_000, {"from": made.driver})
            market.setAutoPayout(True, {"from": who})
        for who, how in ((people[0], REFUSES), (people[2], BOMBS), (people[4], REFUSES)):
            token.setReceiver(who, how, {"from": made.deployer})
        with nothing_gained(made, *people, losses=dict.fromkeys(people, 0)):
            tx = market.payoutBatch(people, {"from": made.stranger})
            assert [e["account"] for e in tx.events["PayoutFailed"]] == people[::2]
        assert [market.creditOf(who) for who in people] == [1_000, 0, 1_000, 0, 1_000]
        assert token.balanceOf(people[1]) == token.balanceOf(people[3]) == 1_000


@attack(8)
class TestBombsAndBurntGas:
    def test_a_megabyte_of_answer_costs_the_caller_no_more_than_the_tokens_own_memory(self, world):
        made, _ = market_over(world, BombToken)
        market = made.market
        market.deposit(1_000, {"from": made.driver})
        plain = market.withdraw(made.guardian, 400, {"from": made.driver}).gas_used
        made.asset.setArmed(True, {"from": made.driver})
        armed = market.withdraw(made.guardian, 400, {"from": made.driver}).gas_used
        memory = 31_250 * 3 + 31_250**2 // 512
        assert armed - plain < memory * 1.1

    def test_a_bomb_in_a_batch_of_payouts_is_not_copied_for_each_account(self, world):
        made, _ = market_over(world, GriefToken)
        market = made.market
        bombs = [person(made, f"bomb {number}", tokens=False)[0] for number in range(3)]
        for who in bombs:
            market.depositFor(who, 7, {"from": made.driver})
            market.setAutoPayout(True, {"from": who})
            made.asset.setReceiver(who, BOMBS, {"from": made.deployer})
        memory = 31_250 * 3 + 31_250**2 // 512
        tx = market.payoutBatch(bombs, {"from": made.stranger})
        # the token's own memory, SafeERC20 handing the reason on, the market handing on what its
        # extension said; the batch, which asked, does not look at it
        assert tx.gas_used < 3 * 3.3 * memory
        assert len(tx.events["PayoutFailed"]) == 3

    def test_an_account_that_burns_all_gas_costs_the_others_a_later_try_and_no_money(self, world):
        """63/64 of the gas are gone with it; those behind it fail too or the batch reverts, and
        every credit stays."""
        made, _ = market_over(world, GriefToken)
        market = made.market
        people = [person(made, f"payee {number}", tokens=False)[0] for number in range(3)]
        for who in people:
            market.depositFor(who, 1_000, {"from": made.driver})
            market.setAutoPayout(True, {"from": who})
        made.asset.setReceiver(people[0], BURNS, {"from": made.deployer})
        with nothing_gained(made, *people, losses=dict.fromkeys(people, 0)):
            tx = market.payoutBatch(people, {"from": made.stranger, "gas_limit": 6_000_000})
            failed = [event["account"] for event in tx.events["PayoutFailed"]]
            assert failed[0] == people[0]
            for who in failed:
                assert market.creditOf(who) == 1_000
            market.payoutBatch(people[1:], {"from": made.stranger})
            assert made.asset.balanceOf(people[1]) == made.asset.balanceOf(people[2]) == 1_000

    def test_whoever_gives_a_batch_too_little_gas_takes_nobodys_credit(self, world, market, asset):
        market.depositFor(world.owner, 1_000, {"from": world.driver})
        market.setAutoPayout(True, {"from": world.owner})
        with nothing_gained(world, world.stranger, losses={world.owner: 0}):
            for gas in (35_000, 45_000, 55_000, 65_000):
                with undone():
                    with contextlib.suppress(VirtualMachineError):
                        market.payoutBatch(
                            [world.owner], {"from": world.stranger, "gas_limit": gas}
                        )
                    assert wealth(world, world.owner) == asset.balanceOf(world.owner) + (
                        market.creditOf(world.owner)
                    )
                    assert market.creditOf(world.owner) in (0, 1_000)


@attack(11)
class TestAssetsUnasked:
    def test_a_donation_is_nobodys_credit_and_cannot_be_claimed_by_any_verb(
        self, world, market, asset, space
    ):
        asset.transfer(market, 1_000, {"from": world.stranger})
        with nothing_gained(world, world.driver, world.owner, donated=1_000):
            with reverts("CreditTooLow", world.driver, 0, 1):
                market.withdraw(world.driver, 1, {"from": world.driver})
            with reverts("FeesTooLow", 0, 1):
                market.withdrawFees(world.guardian, 1, {"from": world.admin})
            lease = take(world, space)
            reach(NOON)
            world.leave(lease, TEN, NOON)
            for who in (world.driver, world.owner):
                market.withdraw(who, market.creditOf(who), {"from": who})
        assert asset.balanceOf(market) == 1_000 + market.ledger()[2]

    @pytest.mark.parametrize("to", ["market", "extension", "titles"])
    def test_ether_is_refused_with_and_without_a_verb(self, world, market, to):
        target = {"market": market, "titles": world.titles, "extension": market.extension()}[to]
        target = getattr(target, "address", target)
        for data in ("0x", "0x12345678", market.pause.signature, market.deposit.encode_input(1)):
            with pytest.raises(VirtualMachineError):
                world.driver.transfer(target, 1, data=data)
        assert web3.eth.get_balance(target) == 0

    def test_ether_through_the_forwarder_comes_back(self, world, market):
        """The forwarder can be paid; the market cannot."""
        before = web3.eth.get_balance(world.forwarder.address)
        with pytest.raises(VirtualMachineError):
            sender_of(world.forwarder).transfer(market, 1, data=market.deposit.encode_input(1))
        assert web3.eth.get_balance(world.forwarder.address) >= before
        assert web3.eth.get_balance(market.address) == 0

    def test_ether_that_was_forced_in_changes_nothing(self, world, market, space):
        web3.provider.make_request("evm_setAccountBalance", [market.address, hex(10**18)])
        with nothing_gained(world, world.driver, world.owner):
            lease = take(world, space)
            market.cancel(lease, {"from": world.driver})
        assert web3.eth.get_balance(market.address) == 10**18

    def test_a_gift_of_credit_buys_its_giver_nothing_and_stops_no_settlement(
        self, world, market, asset, space
    ):
        """All the tokens of a rich griefer on owner, driver and each other's accounts."""
        lease = take(world, space)
        asset.mint(world.stranger, 2**120, {"from": world.stranger})
        with nothing_gained(world, world.stranger, losses={world.owner: 0, world.driver: RENT}):
            market.depositFor(world.owner, 2**118, {"from": world.stranger})
            market.depositFor(world.driver, 2**118, {"from": world.stranger})
            reach(NOON)
            world.leave(lease, TEN, NOON)
            assert market.ledger()[1] == 1

    def test_credit_filled_to_the_brim_delays_a_settlement_until_its_holder_takes_it(
        self, world, market, asset, space
    ):
        """The one way in which a gift could stand in the way: credit of 2^128. It takes an asset of
        which as much exists, and it is the victim's to take away."""
        lease = take(world, space)
        credit = 2**128 - 1
        asset.mint(world.stranger, credit, {"from": world.stranger})
        market.depositFor(world.owner, credit, {"from": world.stranger})
        reach(NOON)
        share = RENT - RENT * 250 // 10_000
        with nothing_gained(world, world.stranger, losses={world.owner: 0, world.driver: RENT}):
            with reverts("OutOfRange", "credit", credit + share, 0, credit):
                world.leave(lease, TEN, NOON)
            market.withdraw(world.owner, share, {"from": world.owner})
            world.leave(lease, TEN, NOON)
            assert market.leaseOf(lease)[1] == 4
