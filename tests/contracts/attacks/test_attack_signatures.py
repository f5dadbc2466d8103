"""Attacks on a lock's or verifier's word: replayed elsewhere or later, bent, or by a contract."""

import pytest
from berth.core import messages
from berth.core.messages import Domain
from brownie import ScriptedWallet, web3
from support.attacks import (
    agreed,
    attack,
    deal,
    nothing_gained,
    occupancy,
    person,
    take,
)
from support.clock import HOUR, MONDAY, reach
from support.errors import reverts
from support.keys import bent, compact
from support.world import START, VALID_DAY

TEN = MONDAY + 10 * HOUR
ARRIVED, LEFT, BLOCKED, NOSHOW = 1, 2, 3, 4
HONEST, YES, NO, REVERTS, BURNS, BOMBS, SHORT = range(7)  # ScriptedWallet.Answer


@attack(12)
class TestEvidenceReplayed:
    @pytest.fixture
    def lease(self, world, space):
        lease = take(world, space)
        reach(TEN + HOUR)
        return lease

    @pytest.mark.parametrize(
        "domain",
        [
            {"chain_id": 1},
            {"market": "0x" + "11" * 20},
            {"version": "2"},
            {"name": "Berth Parking Markets"},
        ],
    )
    def test_a_word_for_another_chain_contract_version_or_name_is_not_for_this_market(
        self, world, market, lease, domain
    ):
        right = {"chain_id": web3.chain_id, "market": market.address}
        seen = (lease, LEFT, TEN, TEN + 60, 0)
        message = messages.occupancy(Domain(**{**right, **domain}), *seen)
        with (
            nothing_gained(world, world.driver, losses={world.owner: 0}),
            reverts("BadSignature", "lock", world.lock.address),
        ):
            market.record(seen, messages.sign(message, world.lock.private), {"from": world.driver})
        same = messages.occupancy(Domain(**right), *seen)
        market.record(seen, messages.sign(same, world.lock.private), {"from": world.driver})

    def test_a_word_for_the_extension_is_not_for_the_market(self, world, market, lease):
        seen = (lease, LEFT, TEN, TEN + 60, 0)
        message = messages.occupancy(Domain(web3.chain_id, world.extension), *seen)
        with reverts("BadSignature", "lock", world.lock.address):
            market.record(seen, messages.sign(message, world.lock.private), {"from": world.driver})

    def test_both_parts_of_the_market_sign_under_one_domain(self, world, market, space):
        """The extension verifies under the market's address, not its own: an agreement, which it
        checks, and a lock's word, which the market checks, have the same domain."""
        fields = market.eip712Domain()
        assert fields[1:5] == ("Berth Parking Market", "1", web3.chain_id, market.address)
        driver, driver_key = person(world, "driver with a key")
        lease = take(world, space, sender=driver)
        agreement = deal(world, lease, 5)
        wrong = agreed(world, agreement, driver_key, Domain(web3.chain_id, world.extension))
        with (
            nothing_gained(world, world.owner, losses={driver: 5}),
            reverts("BadSignature", "driver", driver),
        ):
            market.agree(agreement, wrong, b"", {"from": world.owner})
        market.agree(agreement, agreed(world, agreement, driver_key), b"", {"from": world.owner})

    def test_the_same_lease_in_a_second_market_is_another_lease(self, world, market):
        """One lock, one space number, two markets: first it leaves the one, then serves the other,
        and its old words open nothing."""
        other = world.second_market()
        space = other.register(2)
        other.offer(space)
        lease = take(other, space)
        reach(TEN + HOUR)
        for kind in (ARRIVED, LEFT, BLOCKED):
            seen, signature = occupancy(world, lease, kind, TEN, TEN)
            with (
                nothing_gained(other, other.owner, other.driver),
                reverts("BadSignature", "lock", world.lock.address),
            ):
                other.market.record(seen, signature, {"from": other.owner})

    @pytest.mark.parametrize("other", [bent, compact])
    def test_a_second_form_of_a_signature_is_none(self, world, market, lease, other):
        seen, signature = occupancy(world, lease, ARRIVED, TEN, TEN)
        with reverts("BadSignature", "lock", world.lock.address):
            market.record(seen, other(signature), {"from": world.driver})

    @pytest.mark.parametrize("signature", [b"", bytes(64), bytes(65), bytes(66), b"\xff" * 65])
    def test_what_is_no_signature_is_nobodys_not_even_of_a_key_that_was_never_set(
        self, world, market, lease, signature
    ):
        """There is no previous lock key: the zero address has signed nothing."""
        assert market.spaceOf(lease >> 48)[2] == 0
        with reverts("BadSignature", "lock", world.lock.address):
            market.record((lease, LEFT, TEN, TEN, 0), signature, {"from": world.driver})

    def test_any_figure_changed_makes_it_worthless(self, world, market, lease):
        seen, signature = occupancy(world, lease, LEFT, TEN, TEN + 1800, 100)
        with nothing_gained(world, world.owner, losses={world.driver: 0}):
            for place, value in ((1, ARRIVED), (2, TEN + 1), (3, TEN + 3000), (4, 50_000)):
                forged = (*seen[:place], value, *seen[place + 1 :])
                if value == ARRIVED:
                    forged = (lease, ARRIVED, TEN, TEN, 0)
                with reverts("BadSignature", "lock", world.lock.address):
                    market.record(forged, signature, {"from": world.owner})

    def test_a_lock_is_a_key_and_never_a_contract_that_says_yes(self, world, market):
        """ERC-1271 for locks would let an owner program the evidence."""
        wallet = ScriptedWallet.deploy(world.owner, {"from": world.owner})
        wallet.setAnswer(YES, {"from": world.owner})
        made = world.registration(1)
        made.lock = [
            wallet.address,
            3,
            VALID_DAY,
            world.maker_word(wallet.address, VALID_DAY),
            b"\x01" * 65,
        ]
        possession_invalid = 1 << 28
        with reverts("NotCompliant", possession_invalid):
            market.registerSpace(made.form(), {"from": world.owner})
        space = world.register(1)
        with reverts("NotCompliant", possession_invalid):
            market.rotateLock(space, made.lock, {"from": world.owner})

    def test_a_verifier_is_a_key_and_never_a_contract_that_says_yes(self, world, market):
        wallet = ScriptedWallet.deploy(world.owner, {"from": world.owner})
        wallet.setAnswer(YES, {"from": world.owner})
        market.setAttester(50, wallet, 7, {"from": world.admin})
        with reverts("BadSignature", "vehicle", wallet):
            market.registerVehicle(
                (b"\x77" * 32, 2, START + 1000, 50, b"\x01" * 65), {"from": world.driver}
            )

    def test_an_attestation_of_one_person_serves_no_other(self, world, market):
        """Vehicle, holder and possession name the account; somebody else's are not his."""
        plate = b"\x78" * 32
        with nothing_gained(world, world.stranger, losses={world.driver: 0, world.owner: 0}):
            with reverts("BadSignature", "vehicle", world.vehicle_verifier.address):
                market.registerVehicle(world.vehicle(world.driver, plate), {"from": world.stranger})
            stolen = world.registration(1)
            with reverts("NotCompliant", 1 << 18 | 1 << 28):
                market.registerSpace(stolen.form(), {"from": world.stranger})
