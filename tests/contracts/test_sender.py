"""Sender: signed verbs through the one forwarder, and nobody else's word for who is calling."""

import pytest
from berth.core import tariff
from brownie import BerthForwarder, accounts, web3
from brownie.exceptions import VirtualMachineError
from support.clock import HOUR, MONDAY, reach
from support.errors import reverts
from support.forms import TERMS, terms_form
from support.forwarding import relay
from support.keys import key
from support.world import CITY

GUEST = key("guest without gas")
DEPOSIT = tariff.deposit(TERMS, 8, 0)
TEN = MONDAY + 10 * HOUR
NOON = TEN + 2 * HOUR


class TestThroughTheForwarder:
    def test_a_guest_without_gas_leases_from_credit_that_somebody_gave(self, world, market, space):
        market.depositFor(GUEST.address, DEPOSIT, {"from": world.stranger})
        plate = b"\x47" * 32
        data = market.leaseWithVehicle.encode_input(
            world.request(space, plate=plate).form(), world.vehicle(GUEST.address, plate)
        )
        relay(world, GUEST, data)
        view = market.leaseOf((space << 32 | TEN // 900) << 16 | 1)
        assert view[0] == GUEST.address
        assert market.creditOf(GUEST.address) == 0

    def test_an_owner_registers_and_publishes(self, world, market):
        owner = key("owner without gas")
        made = world.registration(3, owner=owner.address)
        relay(world, owner, market.registerSpace.encode_input(made.form()))
        relay(world, owner, market.publishOffer.encode_input(CITY << 32 | 3, terms_form()))
        assert market.spaceOf(CITY << 32 | 3)[0] & (2**160 - 1) == int(owner.address, 16)

    def test_the_drivers_record_counts_as_brought_by_the_driver(self, world, market, space):
        market.depositFor(GUEST.address, DEPOSIT, {"from": world.stranger})
        plate = b"\x47" * 32
        data = market.leaseWithVehicle.encode_input(
            world.request(space, plate=plate).form(), world.vehicle(GUEST.address, plate)
        )
        relay(world, GUEST, data)
        lease = (space << 32 | TEN // 900) << 16 | 1
        reach(NOON + HOUR)
        world.leave(lease, TEN, NOON + 1800)
        relay(world, GUEST, market.close.encode_input(lease))
        assert market.leaseOf(lease)[1] == 4

    def test_a_signature_of_somebody_else_moves_nothing(self, world, market):
        data = market.registerVehicle.encode_input(world.vehicle(GUEST.address, b"\x48" * 32))
        with pytest.raises(VirtualMachineError, match="ERC2771ForwarderInvalidSigner"):
            relay(world, GUEST, data, signer=key("nobody"))

    def test_a_request_counts_once(self, world, market):
        data = market.registerVehicle.encode_input(world.vehicle(GUEST.address, b"\x48" * 32))
        tx = relay(world, GUEST, data)
        with pytest.raises(VirtualMachineError, match="ERC2771ForwarderInvalidSigner"):
            world.stranger.transfer(world.forwarder, 0, data=tx.input)

    def test_another_forwarder_is_not_trusted(self, world, market):
        other = BerthForwarder.deploy({"from": world.stranger})
        data = market.registerVehicle.encode_input(world.vehicle(GUEST.address, b"\x48" * 32))
        with pytest.raises(VirtualMachineError, match="ERC2771UntrustfulTarget"):
            relay(world, GUEST, data, forwarder=other)
        assert market.isTrustedForwarder(world.forwarder)
        assert not market.isTrustedForwarder(other)


class TestSpoofing:
    def test_an_address_appended_by_anybody_else_is_ignored(self, world, market):
        """A caller that is not the forwarder speaks for itself, whatever hangs on its data."""
        data = market.deposit.encode_input(7) + world.driver.address[2:]
        world.stranger.transfer(market, 0, data=data)
        assert market.creditOf(world.stranger) == 7
        assert market.creditOf(world.driver) == 0

    def test_nobody_leases_in_anothers_name(self, world, market, space):
        data = market.lease.encode_input(world.request(space).form()) + world.driver.address[2:]
        with reverts("VehicleNotDrivers", world.plate, world.driver, world.stranger):
            world.stranger.transfer(market, 0, data=data)

    def test_nobody_publishes_in_the_owners_name(self, world, market, space):
        data = market.publishOffer.encode_input(space, terms_form()) + world.owner.address[2:]
        with reverts("NotOwner", space, world.stranger):
            world.stranger.transfer(market, 0, data=data)


class TestMoneyOut:
    """Withdrawals and admin verbs see the raw sender: a forwarder has no credit and no role."""

    @pytest.fixture
    def forwarder_account(self, world):
        account = accounts.at(world.forwarder.address, force=True)
        web3.provider.make_request("evm_setAccountBalance", [account.address, hex(10**20)])
        return account

    def test_withdrawing_through_the_forwarder_cannot_move_the_signers_money(self, world, market):
        market.depositFor(GUEST.address, 500, {"from": world.stranger})
        data = market.withdraw.encode_input(world.stranger, 500)
        with pytest.raises(VirtualMachineError, match="FailedCall"):
            relay(world, GUEST, data)
        assert market.creditOf(GUEST.address) == 500

    def test_even_a_broken_forwarder_could_not_withdraw(self, world, market, forwarder_account):
        """As if the forwarder let anybody append any address."""
        market.deposit(500, {"from": world.driver})
        data = market.withdraw.encode_input(world.stranger, 500) + world.driver.address[2:]
        with reverts("CreditTooLow", world.forwarder, 0, 500):
            forwarder_account.transfer(market, 0, data=data)

    @pytest.mark.parametrize(
        ("verb", "arguments"),
        [
            ("setFee", (0,)),
            ("withdrawFees", ("0x" + "11" * 20, 1)),
            ("setAttester", (9, "0x" + "11" * 20, 1)),
            ("revokeAttester", (1,)),
            ("revokeAttestation", (1, 1)),
            ("pause", ()),
            ("unpause", ()),
        ],
    )
    def test_even_a_broken_forwarder_could_not_govern(
        self, world, market, forwarder_account, verb, arguments
    ):
        for signer in (world.timelock, world.guardian, world.verifier):
            data = getattr(market, verb).encode_input(*arguments) + signer.address[2:]
            with pytest.raises(
                VirtualMachineError, match=r"AccessControlUnauthorizedAccount|Berth_NotAttester"
            ):
                forwarder_account.transfer(market, 0, data=data)
