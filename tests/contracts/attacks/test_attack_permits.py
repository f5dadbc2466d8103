"""Attacks on allowances by signature: spent first, stolen, lapsed, or of a token that plays on."""

import pytest
from berth.core import tariff
from brownie import (
    PermitToken,
)
from brownie.exceptions import VirtualMachineError
from support.attacks import attack, market_over, nothing_gained, person
from support.clock import now
from support.errors import reverts_with
from support.forms import TERMS

DEPOSIT = tariff.deposit(TERMS, 8, 0)
FOREVER = 2**256 - 1


@attack(13)
class TestPermits:
    """An allowance by signature that everybody can see, and bring first."""

    @pytest.fixture
    def driver(self, world):
        account, key = person(world, "driver who permits")
        world.asset.approve(world.market, 0, {"from": account})
        return account, key

    def test_a_permit_that_somebody_brought_first_does_not_stop_the_lease(
        self, world, market, asset, space, driver
    ):
        account, key = driver
        permit = world.permit(key, DEPOSIT)
        amount, deadline, *signature = permit
        asset.permit(account, market, amount, deadline, *signature, {"from": world.stranger})
        plate = b"\x0d" * 32
        with nothing_gained(world, world.stranger, losses={account: 0}):
            tx = market.leaseWithPermit(
                world.request(space, plate=plate).form(),
                world.vehicle(account, plate),
                permit,
                {"from": account},
            )
            assert tx.events["Leased"]["pulled"] == DEPOSIT

    def test_a_permit_in_a_thiefs_hands_moves_nothing_to_the_thief(
        self, world, market, asset, space, driver
    ):
        """A verb spends the allowance of its own sender alone."""
        account, key = driver
        permit = world.permit(key, 10 * DEPOSIT)
        world.asset.approve(market, 0, {"from": world.stranger})
        with nothing_gained(world, world.stranger, losses={account: 0}):
            with reverts_with(f"ERC20InsufficientAllowance: {market.address.lower()}, 0, 500"):
                market.depositWithPermit(500, permit, {"from": world.stranger})
            amount, deadline, *signature = permit
            asset.permit(account, market, amount, deadline, *signature, {"from": world.stranger})
            with reverts_with(f"ERC20InsufficientAllowance: {market.address.lower()}, 0, 500"):
                market.depositFor(world.stranger, 500, {"from": world.stranger})
        assert asset.allowance(account, market) == 10 * DEPOSIT

    def test_a_permit_that_lapsed_or_is_a_strangers_gives_no_allowance(
        self, world, market, asset, driver
    ):
        account, key = driver
        stranger = person(world, "somebody else")[1]
        for permit in (
            world.permit(key, 500, now() - 1),
            world.permit(stranger, 500),
            (499, *world.permit(key, 500)[1:]),
        ):
            with reverts_with(f"ERC20InsufficientAllowance: {market.address.lower()}, 0, 500"):
                market.depositWithPermit(500, permit, {"from": account})

    @pytest.mark.parametrize("mode", [0, 1, 3])
    def test_a_permit_that_does_nothing_refuses_or_bombs_leaves_the_allowance_there_is(
        self, world, mode
    ):
        made, space = market_over(world, PermitToken)
        made.asset.setMode(mode, {"from": made.deployer})
        nothing = (0, 0, 27, bytes(32), bytes(32))
        empty = (made.plate, 0, 0, 0, b"")
        with nothing_gained(made, made.driver, losses={made.owner: 0}):
            made.market.leaseWithPermit(
                made.request(space).form(), empty, nothing, {"from": made.driver}
            )
            made.market.depositWithPermit(500, nothing, {"from": made.driver})

    def test_a_token_that_takes_every_permit_lends_nobody_the_allowance_of_another(self, world):
        """The phantom permit: the victim once allowed the market everything, and the token accepts
        any signature. The account is always the sender."""
        made, _ = market_over(world, PermitToken)
        nothing = (2**255, FOREVER, 27, bytes(32), bytes(32))
        thief, _ = person(made, "thief without tokens", tokens=False)
        made.asset.approve(made.market, 0, {"from": thief})
        with (
            nothing_gained(made, thief, losses={made.driver: 0, made.owner: 0}),
            reverts_with(f"ERC20InsufficientAllowance: {made.market.address.lower()}, 0, 500"),
        ):
            made.market.depositWithPermit(500, nothing, {"from": thief})

    def test_a_permit_that_burns_all_gas_takes_the_callers_gas_and_nothing_else(self, world):
        made, _ = market_over(world, PermitToken)
        made.asset.setMode(2, {"from": made.deployer})
        nothing = (0, 0, 27, bytes(32), bytes(32))
        with nothing_gained(made, made.driver, losses={made.owner: 0, made.driver: 500}):
            with pytest.raises(VirtualMachineError):
                made.market.depositWithPermit(
                    500, nothing, {"from": made.driver, "gas_limit": 500_000}
                )
            assert made.market.creditOf(made.driver) == 0
