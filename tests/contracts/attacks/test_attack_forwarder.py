"""Attacks under somebody else's name, through the forwarder."""

import pytest
from brownie.exceptions import VirtualMachineError
from support.attacks import (
    agreed,
    attack,
    deal,
    nothing_gained,
    person,
    plate_of,
    sender_of,
    take,
    undone,
)
from support.errors import reverts
from support.forwarding import relay
from support.keys import key

FOREVER = 2**256 - 1
MALLORY = key("Mallory")


@attack(22)
class TestForwarder:
    @pytest.mark.parametrize("length", [*range(36), 40, 67])
    def test_call_data_cut_short_lets_the_address_behind_it_pass_for_nothing(
        self, world, market, length
    ):
        """The forwarder appends the signer. Where an argument is missing the address slides into
        its place: the call must fail, or be the signer's own."""
        full = bytes.fromhex(market.depositFor.encode_input(world.driver, 5)[2:])
        with (
            undone(),
            nothing_gained(
                world, world.stranger, MALLORY, losses={world.driver: 0, world.owner: 0}
            ),
            pytest.raises(VirtualMachineError, match="FailedCall"),
        ):
            relay(world, MALLORY, full[:length])

    def test_no_verb_without_arguments_listens_to_the_appended_address(self, world, market):
        """A signer whose address begins with the selector of a verb, as its whole call data."""
        bare = {
            entry["name"]
            for entry in market.abi
            if entry["type"] == "function"
            and not entry["inputs"]
            and entry["stateMutability"] not in ("view", "pure")
        }
        assert bare == {"pause", "unpause"}
        forwarder = sender_of(world.forwarder)
        for verb in bare:
            address = getattr(market, verb).signature + world.guardian.address[10:]
            with pytest.raises(VirtualMachineError, match="AccessControlUnauthorizedAccount"):
                forwarder.transfer(market, 0, data=address)

    def test_the_forwarder_itself_is_nobody(self, world, market):
        """With fewer than 20 bytes behind it there is no address: then the forwarder is the sender,
        and it has no credit, which nobody may give it."""
        with reverts("BadAccount", "account", world.forwarder):
            market.depositFor(world.forwarder, 5, {"from": world.stranger})
        with reverts("BadAccount", "account", market):
            market.depositFor(market, 5, {"from": world.stranger})

    def test_an_address_appended_by_anybody_else_counts_in_neither_part(self, world, market, space):
        lease = take(world, space)
        market.deposit(500, {"from": world.driver})
        tail = world.driver.address[2:]
        with nothing_gained(world, world.stranger, losses={world.driver: 0, world.owner: 0}):
            for data, refusal in (
                (market.cancel.encode_input(lease), "Berth_NotDriver"),
                (
                    market.extend.encode_input((lease, 1, 0, world.plate, FOREVER)),
                    "Berth_NotDriver",
                ),
                (market.changeVehicle.encode_input(lease, world.plate), "Berth_NotDriver"),
                (market.dispute.encode_input(lease), "Berth_NotParty"),
                (market.agree.encode_input(deal(world, lease, 0), b"", b""), "Berth_BadSignature"),
            ):
                with pytest.raises(VirtualMachineError, match=refusal):
                    world.stranger.transfer(market, 0, data=data + tail)
            data = market.setAutoPayout.encode_input(True) + tail
            world.stranger.transfer(market, 0, data=data)
            assert not market.autoPayoutOf(world.driver)
            assert market.autoPayoutOf(world.stranger)

    def test_through_the_forwarder_both_parts_hear_the_signer(self, world, market, space):
        """The appended address survives the way into the extension."""
        driver, driver_key = person(world, "driver without gas")
        lease = take(world, space, sender=driver)
        plate = plate_of(driver)
        with nothing_gained(world, world.stranger, losses={driver: 0}):
            extend = market.extend.encode_input((lease, 1, 0, plate, FOREVER))
            relay(world, driver_key, extend)
            assert market.leaseOf(lease)[3] == 9
            with pytest.raises(VirtualMachineError, match="FailedCall"):
                relay(world, MALLORY, extend)
            auto = market.setAutoPayout.encode_input(True)
            relay(world, driver_key, auto)
            assert market.autoPayoutOf(driver)

    def test_a_relayed_party_of_an_agreement_is_the_signer_and_not_the_relayer(
        self, world, market, space
    ):
        driver, driver_key = person(world, "driver without gas")
        lease = take(world, space, sender=driver)
        agreement = deal(world, lease, 0)
        word = agreed(world, agreement, MALLORY)
        data = bytes.fromhex(market.agree.encode_input(agreement, b"", word)[2:])
        with (
            nothing_gained(world, driver, losses={world.owner: 0}),
            pytest.raises(VirtualMachineError, match="FailedCall"),
        ):
            relay(world, driver_key, data)

    def test_money_and_governance_never_hear_the_appended_address(self, world, market):
        """Even a forwarder that let anybody append any address."""
        market.deposit(500, {"from": world.driver})
        forwarder = sender_of(world.forwarder)
        admin, guardian = world.timelock.address[2:], world.guardian.address[2:]
        with nothing_gained(world, world.stranger, losses={world.driver: 0}):
            for data, tail in (
                (market.withdraw.encode_input(world.stranger, 500), world.driver.address[2:]),
                (market.withdrawFees.encode_input(world.stranger, 1), admin),
                (market.setFee.encode_input(1000), admin),
                (market.setAttester.encode_input(77, world.stranger, 7), admin),
                (market.revokeAttester.encode_input(1), guardian),
                (market.revokeAttestation.encode_input(1, 1), world.verifier.address[2:]),
                (market.pause.encode_input(), guardian),
                (market.unpause.encode_input(), guardian),
                (market.resolve.encode_input(1, 0), admin),
                (market.grantRole.encode_input(bytes(32), world.stranger), admin),
            ):
                with pytest.raises(
                    VirtualMachineError,
                    match=r"CreditTooLow|AccessControlUnauthorizedAccount|Berth_NotAttester",
                ):
                    forwarder.transfer(market, 0, data=data + tail)
