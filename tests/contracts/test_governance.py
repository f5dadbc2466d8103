"""Fee, attesters, pause: all that admin and guardian can do, and what they cannot."""

import pytest
from berth.core.compliance import Reason
from berth.core.hashing import keccak
from brownie import ZERO_ADDRESS, accounts
from support.clock import DAY, HOUR, MONDAY, at, reach
from support.errors import reverts, reverts_with
from support.forms import terms_form
from support.world import FEE_BPS, MAKER, VEHICLES, VERIFIER

TEN = MONDAY + 10 * HOUR
NOON = TEN + 2 * HOUR
WEEK = 7 * DAY
ADMIN = bytes(32)
GUARDIAN = keccak(b"GUARDIAN_ROLE")


def unauthorized(account, role: bytes) -> str:
    return f"AccessControlUnauthorizedAccount: {account.address.lower()}, {role}"


class TestSetFee:
    def test_admin_sets_the_fee_of_later_offers(self, world, market):
        tx = market.setFee(1000, {"from": world.admin})
        assert market.config() == (1000, 0, 0)
        assert tx.events["FeeSet"] == {"feeBps": 1000}

    @pytest.mark.parametrize("fee", [1001, 2**16, 2**256 - 1])
    def test_reverts_above_ten_percent(self, world, market, fee):
        with reverts("OutOfRange", "feeBps", fee, 0, 1000):
            market.setFee(fee, {"from": world.admin})

    @pytest.mark.parametrize("who", ["deployer", "guardian", "owner"])
    def test_reverts_for_anybody_else(self, world, market, who):
        sender = getattr(world, who)
        with reverts_with(unauthorized(sender, ADMIN)):
            market.setFee(0, {"from": sender})


class TestSetAttester:
    def test_admin_gives_a_free_number_to_an_account(self, world, market):
        tx = market.setAttester(127, world.stranger, 7, {"from": world.admin})
        assert market.attesterOf(127) == (world.stranger, 7, False)
        assert tx.events["AttesterSet"] == {"id": 127, "account": world.stranger, "roles": 7}

    @pytest.mark.parametrize("number", [0, 128, 256, 2**256 - 1])
    def test_reverts_for_a_number_without_a_revocation_bit(self, world, market, number):
        with reverts("OutOfRange", "id", number, 1, 127):
            market.setAttester(number, world.stranger, 1, {"from": world.admin})

    @pytest.mark.parametrize("roles", [0, 8, 256])
    def test_reverts_for_roles_that_do_not_exist(self, world, market, roles):
        with reverts("OutOfRange", "roles", roles, 1, 7):
            market.setAttester(9, world.stranger, roles, {"from": world.admin})

    def test_reverts_for_nobody(self, world, market):
        with reverts("BadAccount", "account", ZERO_ADDRESS):
            market.setAttester(9, ZERO_ADDRESS, 1, {"from": world.admin})

    def test_a_number_is_given_once_even_after_it_was_revoked(self, world, market):
        market.revokeAttester(VERIFIER, {"from": world.guardian})
        with reverts("AttesterTaken", VERIFIER, world.verifier.address):
            market.setAttester(VERIFIER, world.stranger, 1, {"from": world.admin})

    @pytest.mark.parametrize("who", ["deployer", "guardian"])
    def test_reverts_for_anybody_else(self, world, market, who):
        sender = getattr(world, who)
        with reverts_with(unauthorized(sender, ADMIN)):
            market.setAttester(9, sender, 1, {"from": sender})


class TestRevokeAttester:
    @pytest.mark.parametrize("who", ["guardian", "admin"])
    def test_guardian_and_admin_revoke_at_once_and_one_only(self, world, market, who):
        tx = market.revokeAttester(MAKER, {"from": getattr(world, who)})
        assert [market.attesterOf(number)[2] for number in (VERIFIER, VEHICLES, MAKER)] == [
            False,
            False,
            True,
        ]
        assert market.config()[2] == 1 << MAKER
        assert tx.events["AttesterRevoked"] == {"id": MAKER}

    def test_reverts_for_anybody_else(self, world, market):
        with reverts_with(unauthorized(world.stranger, GUARDIAN)):
            market.revokeAttester(MAKER, {"from": world.stranger})

    @pytest.mark.parametrize("number", [0, 9, 128, 128 + MAKER, 2**256 - 1])
    def test_reverts_for_a_number_that_nobody_has(self, world, market, number):
        with reverts("AttesterUnknown", number):
            market.revokeAttester(number, {"from": world.guardian})

    def test_reading_any_number_is_safe(self, market):
        for number in (0, 128, 2**256 - 1):
            assert market.attesterOf(number) == (ZERO_ADDRESS, 0, False)


class TestRevokeAttestation:
    @pytest.fixture
    def verifier(self, world):
        account = accounts.at(world.verifier.address, force=True)
        accounts[9].transfer(account, "1 ether")
        return account

    def test_an_attester_takes_back_one_attestation(self, market, verifier):
        tx = market.revokeAttestation(VERIFIER, 7, {"from": verifier})
        assert market.attestationRevoked(VERIFIER, 7)
        assert not market.attestationRevoked(VERIFIER, 8)
        assert not market.attestationRevoked(VEHICLES, 7)
        assert tx.events["AttestationRevoked"] == {"id": VERIFIER, "nonce": 7}

    def test_it_stays_revoked_when_its_attester_is_given_another_number(
        self, world, market, verifier
    ):
        market.revokeAttestation(VERIFIER, 7, {"from": verifier})
        market.revokeAttester(VERIFIER, {"from": world.guardian})
        market.setAttester(9, verifier, 1, {"from": world.admin})
        assert market.attestationRevoked(9, 7)
        made = world.registration(1, nonce=7)
        made.holder[0] = 9
        with reverts("NotCompliant", Reason.HOLDER_ATTESTATION_REVOKED.mask):
            market.registerSpace(made.form(), {"from": world.owner})

    def test_reverts_for_another_attesters_number(self, market, verifier):
        with reverts("NotAttester", MAKER, verifier):
            market.revokeAttestation(MAKER, 7, {"from": verifier})

    @pytest.mark.parametrize("who", ["admin", "guardian", "stranger"])
    def test_reverts_for_anybody_else(self, world, market, who):
        sender = getattr(world, who)
        with reverts("NotAttester", VERIFIER, sender):
            market.revokeAttestation(VERIFIER, 7, {"from": sender})


class TestPause:
    def test_guardian_pauses_for_seven_days(self, world, market):
        at(TEN)
        tx = market.pause({"from": world.guardian})
        assert market.config()[1] == TEN + WEEK
        assert tx.events["Paused"] == {"until": TEN + WEEK}

    def test_lapses_by_itself(self, world, market, space):
        at(TEN)
        market.pause({"from": world.guardian})
        at(TEN + WEEK - 1)
        with reverts("Paused", TEN + WEEK):
            market.publishOffer(space, terms_form(), {"from": world.owner})
        at(TEN + WEEK)
        market.publishOffer(space, terms_form(), {"from": world.owner})

    def test_no_new_pause_within_seven_days_after_the_last(self, world, market):
        at(TEN)
        market.pause({"from": world.guardian})
        at(TEN + 2 * WEEK - 1)
        with reverts("PausedTooSoon", TEN + 2 * WEEK):
            market.pause({"from": world.guardian})
        at(TEN + 2 * WEEK)
        market.pause({"from": world.guardian})

    def test_cannot_be_prolonged_while_it_lasts(self, world, market):
        at(TEN)
        market.pause({"from": world.guardian})
        with reverts("PausedTooSoon", TEN + 2 * WEEK):
            market.pause({"from": world.guardian})

    @pytest.mark.parametrize("who", ["admin", "deployer", "owner"])
    def test_reverts_for_anybody_but_the_guardian(self, world, market, who):
        sender = getattr(world, who)
        with reverts_with(unauthorized(sender, GUARDIAN)):
            market.pause({"from": sender})

    def test_every_exit_stays_open(self, world, market, asset, space):
        """Arrive, leave, accept, close, withdraw, deposit: nothing that ends a lease or moves money
        out waits."""
        unused, presumed, claimed = (
            world.lease(space, TEN // 900 + hour * 4, slots=4) for hour in range(3)
        )
        assert unused
        market.pause({"from": world.guardian})
        reach(TEN + 4 * HOUR)
        world.arrive(presumed, TEN + HOUR)
        world.leave(claimed, NOON, NOON + HOUR + 1800)
        market.close(claimed, {"from": world.driver})
        market.deposit(5, {"from": world.driver})
        market.depositFor(world.driver, 5, {"from": world.stranger})
        market.withdraw(world.guardian, market.creditOf(world.driver), {"from": world.driver})
        reach(TEN + 40 * HOUR)
        assert market.config()[1] > TEN + 40 * HOUR
        market.close(unused, {"from": world.stranger})
        market.close(presumed, {"from": world.stranger})
        for account in (world.driver, world.owner):
            market.withdraw(account, market.creditOf(account), {"from": account})
        market.withdrawFees(world.admin, market.ledger()[2], {"from": world.admin})
        assert asset.balanceOf(market) == 0


class TestUnpause:
    @pytest.mark.parametrize("who", ["guardian", "admin"])
    def test_guardian_and_admin_end_a_pause(self, world, market, space, who):
        market.pause({"from": world.guardian})
        tx = market.unpause({"from": getattr(world, who)})
        assert "Unpaused" in tx.events
        market.publishOffer(space, terms_form(), {"from": world.owner})

    def test_the_cooldown_runs_from_the_moment_of_unpausing(self, world, market):
        at(TEN)
        market.pause({"from": world.guardian})
        at(TEN + HOUR)
        market.unpause({"from": world.guardian})
        at(TEN + HOUR + WEEK - 1)
        with reverts("PausedTooSoon", TEN + HOUR + WEEK):
            market.pause({"from": world.guardian})
        market.pause({"from": world.guardian})

    def test_reverts_when_nothing_is_paused(self, world, market):
        with reverts("NotPaused"):
            market.unpause({"from": world.guardian})

    def test_reverts_from_the_second_a_pause_has_lapsed(self, world, market):
        at(TEN)
        market.pause({"from": world.guardian})
        at(TEN + WEEK)
        with reverts("NotPaused"):
            market.unpause({"from": world.guardian})

    def test_reverts_for_anybody_else(self, world, market):
        market.pause({"from": world.guardian})
        with reverts_with(unauthorized(world.stranger, GUARDIAN)):
            market.unpause({"from": world.stranger})


class TestConfig:
    def test_starts_with_the_deployed_fee_unpaused_nobody_revoked(self, market):
        assert market.config() == (FEE_BPS, 0, 0)
