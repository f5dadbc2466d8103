"""Credits, payouts, fees; who is trusted; the pause."""

from __future__ import annotations

from copy import deepcopy

import pytest
from berth.core.addresses import ZERO
from berth.core.errors import BerthError
from berth.core.ledger import EMPTY_HEAD, Record, next_head, record_hash
from berth.core.model import (
    ADMIN_ROLE,
    ARBITER_ROLE,
    GUARDIAN_ROLE,
    Account,
    Market,
    Permit,
    Refused,
    Registry,
    Token,
)

from tests.backend.core.model.scene import (
    ADMIN,
    ARBITER,
    DAY,
    DRIVER,
    FORWARDER,
    GUARDIAN,
    MAKER,
    MAKER_ID,
    MARKET,
    MONDAY,
    MOST,
    OTHER,
    OWNER,
    START,
    STRANGER,
    VERIFIER,
    Scene,
)

WEEK = 7 * DAY
MAX_128 = 2**128 - 1


class TestDeposit:
    def test_adds_to_the_caller_s_credit_or_another_s(self, scene: Scene):
        scene.market.deposit(DRIVER, 5)
        scene.market.deposit_for(DRIVER, OTHER, 7)
        assert scene.market.events == [
            ("Deposited", {"account": OTHER, "from": DRIVER, "amount": 7})
        ]
        assert (scene.market.credit_of(DRIVER), scene.market.credit_of(OTHER)) == (5, 7)
        scene.conserved()

    def test_with_permit_needs_no_allowance(self, scene: Scene):
        m = scene.market
        m.token.approve(DRIVER, MARKET, 0)
        m.deposit_with_permit(DRIVER, 5, Permit(5, MONDAY, DRIVER, 0))
        with scene.refused("ERC20InsufficientAllowance", MARKET, 0, 5):
            m.deposit_with_permit(DRIVER, 5, Permit(5, MONDAY, DRIVER, 0))

    def test_names_every_refusal(self, scene: Scene):
        m = scene.market
        for account in (ZERO, MARKET, FORWARDER):
            with scene.refused("BadAccount", "account", account):
                m.deposit_for(DRIVER, account, 1)
        for amount in (0, MAX_128 + 1):
            with scene.refused("OutOfRange", "amount", amount, 1, MAX_128):
                m.deposit(DRIVER, amount)
        m.deposit(DRIVER, 1)
        with scene.refused("OutOfRange", "credit", MAX_128 + 1, 0, MAX_128):
            m.deposit(DRIVER, MAX_128)


class TestWithdraw:
    def test_pays_out_to_anywhere_but_the_market(self, scene: Scene):
        m = scene.market
        m.deposit(DRIVER, 10)
        m.withdraw(DRIVER, OTHER, 4)
        assert m.events == [("Withdrawn", {"account": DRIVER, "to": OTHER, "amount": 4})]
        for to in (ZERO, MARKET):
            with scene.refused("BadAccount", "to", to):
                m.withdraw(DRIVER, to, 1)
        with scene.refused("OutOfRange", "amount", 0, 1, MAX_128):
            m.withdraw(DRIVER, OTHER, 0)
        with scene.refused("CreditTooLow", DRIVER, 6, 7):
            m.withdraw(DRIVER, OTHER, 7)
        scene.conserved()


class TestPayout:
    def test_is_anybody_s_for_those_who_want_it(self, scene: Scene):
        m = scene.market
        m.deposit(OWNER, 9)
        with scene.refused("PayoutNotWanted", OWNER):
            m.payout(STRANGER, OWNER)
        m.set_auto_payout(OWNER, True)
        assert m.events == [("AutoPayoutSet", {"account": OWNER, "enabled": True})]
        before = m.token.balance_of(OWNER)
        m.payout(STRANGER, OWNER)
        assert m.events == [("Withdrawn", {"account": OWNER, "to": OWNER, "amount": 9})]
        assert m.token.balance_of(OWNER) == before + 9
        with scene.refused("OutOfRange", "credit", 0, 1, MAX_128):
            m.payout(STRANGER, OWNER)
        m.set_auto_payout(OWNER, False)
        with scene.refused("PayoutNotWanted", OWNER):
            m.payout(STRANGER, OWNER)

    def test_in_a_batch_one_failing_does_not_stop_the_others(self, scene: Scene):
        m = scene.market
        for account in (OWNER, DRIVER):
            m.deposit(account, 9)
            m.set_auto_payout(account, True)
        m.payout_batch(STRANGER, [OTHER, OWNER, OWNER, DRIVER])
        assert [(name, each["account"]) for name, each in m.events] == [
            ("PayoutFailed", OTHER),
            ("Withdrawn", OWNER),
            ("PayoutFailed", OWNER),
            ("Withdrawn", DRIVER),
        ]
        for count in (0, 101):
            with scene.refused("OutOfRange", "accounts", count, 1, 100):
                m.payout_batch(STRANGER, [OWNER] * count)
        scene.conserved()

    def test_in_a_batch_keeps_the_credit_of_one_that_the_token_refuses(self, scene: Scene):
        m = scene.market
        m.deposit(OWNER, 9)
        m.set_auto_payout(OWNER, True)
        m.token.balances[MARKET] = 8  # a token gone wrong
        m.payout_batch(STRANGER, [OWNER])
        assert m.events == [("PayoutFailed", {"account": OWNER})]
        assert m.credit_of(OWNER) == 9
        with scene.refused("ERC20InsufficientBalance", MARKET, 8, 9):
            m.payout(STRANGER, OWNER)

    def test_the_account_s_word_holds_credit_wish_and_use(self, scene: Scene):
        scene.market.deposit(OWNER, 9)
        scene.market.set_auto_payout(OWNER, True)
        assert scene.market.account_of(OWNER).encode() == 9 | 1 << 128 | 1 << 129
        assert Account().encode() == 0


class TestLedger:
    def test_the_head_follows_from_the_events_alone(self, scene: Scene):
        leases = [scene.lease(START + 8 * number) for number in range(4)]
        settled = []
        for number, lease in enumerate(leases):
            begin = (START + 8 * number) * 900
            scene.at(begin + 9_000).leave(lease, begin + 77, begin + 7000, 123, sender=DRIVER)
            settled.append(scene.event("Settled"))
        head = EMPTY_HEAD
        for number, event in enumerate(settled, 1):
            assert event["number"] == number
            record = Record.told(event)
            head = next_head(head, record_hash(record))
        assert (scene.market.head, scene.market.count) == (head, 4)
        assert scene.market.fees == sum(event["fee"] for event in settled) > 0

    def test_fees_are_the_admin_s_and_no_more_than_earned(self, scene: Scene):
        m, lease = scene.market, scene.lease()
        begin = START * 900
        scene.at(begin + 7200).leave(lease, begin, begin + 7200)
        fees = m.fees
        with scene.refused("AccessControlUnauthorizedAccount", OWNER, ADMIN_ROLE):
            m.withdraw_fees(OWNER, OWNER, 1)
        with scene.refused("FeesTooLow", fees, fees + 1):
            m.withdraw_fees(ADMIN, STRANGER, fees + 1)
        with scene.refused("OutOfRange", "amount", 0, 1, MAX_128):
            m.withdraw_fees(ADMIN, STRANGER, 0)
        m.withdraw_fees(ADMIN, STRANGER, fees)
        assert m.events == [("FeesWithdrawn", {"to": STRANGER, "amount": fees})]
        scene.conserved()


class TestGovernance:
    def test_the_fee_is_the_admin_s_and_at_most_a_tenth(self, scene: Scene):
        with scene.refused("AccessControlUnauthorizedAccount", GUARDIAN, ADMIN_ROLE):
            scene.market.set_fee(GUARDIAN, 1)
        with scene.refused("OutOfRange", "feeBps", 1001, 0, 1000):
            scene.market.set_fee(ADMIN, 1001)
        scene.market.set_fee(ADMIN, 1000)
        assert scene.market.events == [("FeeSet", {"feeBps": 1000})]

    def test_a_pause_lasts_a_week_and_needs_a_week_between(self, scene: Scene):
        m = scene.market
        with scene.refused("NotPaused"):
            m.unpause(GUARDIAN)
        with scene.refused("AccessControlUnauthorizedAccount", ADMIN, GUARDIAN_ROLE):
            m.pause(ADMIN)
        m.pause(GUARDIAN)
        assert m.events == [("Paused", {"until": MONDAY + WEEK})]
        scene.at(MONDAY + 2 * WEEK - 1)
        with scene.refused("PausedTooSoon", MONDAY + 2 * WEEK):
            m.pause(GUARDIAN)
        scene.at(MONDAY + 2 * WEEK).market.pause(GUARDIAN)
        scene.at(m.now + 5).market.unpause(ADMIN)
        assert (m.paused_until, m.events) == (m.now, [("Unpaused", {})])
        with scene.refused("NotPaused"):
            m.unpause(GUARDIAN)
        with scene.refused("AccessControlUnauthorizedAccount", OWNER, GUARDIAN_ROLE):
            m.unpause(OWNER)

    def test_attesters_are_named_once_and_revoked_for_good(self, scene: Scene):
        m = scene.market
        for arguments, error, *expected in (
            ((0, OTHER, 1), "OutOfRange", "id", 0, 1, 127),
            ((128, OTHER, 1), "OutOfRange", "id", 128, 1, 127),
            ((9, OTHER, 0), "OutOfRange", "roles", 0, 1, 7),
            ((9, ZERO, 1), "BadAccount", "account", ZERO),
            ((MAKER_ID, OTHER, 1), "AttesterTaken", MAKER_ID, MAKER),
        ):
            with scene.refused(error, *expected):
                m.set_attester(ADMIN, *arguments)
        with scene.refused("AccessControlUnauthorizedAccount", OWNER, ADMIN_ROLE):
            m.set_attester(OWNER, 9, OTHER, 1)
        with scene.refused("AccessControlUnauthorizedAccount", OWNER, GUARDIAN_ROLE):
            m.revoke_attester(OWNER, MAKER_ID)
        with scene.refused("AttesterUnknown", 9):
            m.revoke_attester(ADMIN, 9)
        m.revoke_attester(ADMIN, MAKER_ID)
        assert m.revoked_attesters == {MAKER_ID}

    def test_an_attestation_is_taken_back_by_its_attester(self, scene: Scene):
        m = scene.market
        for id_, caller in ((1, MAKER), (9, ZERO)):
            with scene.refused("NotAttester", id_, caller):
                m.revoke_attestation(caller, id_, 5)
        m.revoke_attestation(VERIFIER, 1, MOST)
        assert m.attestation_revoked(1, MOST)

    def test_roles_are_given_by_the_admin_and_laid_down_by_their_holder(self, scene: Scene):
        m = scene.market
        with scene.refused("AccessControlUnauthorizedAccount", ARBITER, ADMIN_ROLE):
            m.grant_role(ARBITER, ARBITER_ROLE, OTHER)
        m.grant_role(ADMIN, ARBITER_ROLE, OTHER)
        assert m.has_role(ARBITER_ROLE, OTHER)
        m.revoke_role(ADMIN, ARBITER_ROLE, ARBITER)
        assert not m.has_role(ARBITER_ROLE, ARBITER)
        with scene.refused("AccessControlBadConfirmation"):
            m.renounce_role(OTHER, ARBITER_ROLE, ARBITER)
        m.renounce_role(OTHER, ARBITER_ROLE, OTHER)
        assert m.roles[ARBITER_ROLE] == frozenset()


def test_a_market_has_an_admin_and_a_fee_of_at_most_a_tenth():
    def market(**changes: object) -> Market:
        given = {"address": MARKET, "forwarder": FORWARDER, "admin": ADMIN, **changes}
        return Market(token=Token(), registry=Registry(), **given)

    assert market(fee_bps=1000).roles == {ADMIN_ROLE: {ADMIN}}
    for changes, expected in (
        ({"admin": ZERO}, ("Berth_BadAccount", ("admin", ZERO))),
        ({"fee_bps": 1001}, ("Berth_OutOfRange", ("feeBps", 1001, 0, 1000))),
    ):
        with pytest.raises(Refused) as refused:
            market(**changes)
        assert (refused.value.error_name, refused.value.arguments) == expected


@pytest.mark.parametrize("spelling", [str.lower, lambda text: "0x" + text[2:].upper()])
def test_addresses_are_one_however_they_are_spelled(scene: Scene, spelling):
    scene.market.deposit(spelling(DRIVER), 5)
    assert scene.market.credit_of(DRIVER) == 5


def test_whatever_else_goes_wrong_leaves_no_trace_either(scene: Scene):
    before = deepcopy(scene.market)
    with pytest.raises(BerthError, match="to: must be 0x"):
        scene.market.withdraw(DRIVER, "nowhere", 1)
    scene.market.token.allowances[DRIVER, MARKET] = None  # type: ignore[assignment]
    before.token.allowances[DRIVER, MARKET] = None  # type: ignore[assignment]
    with pytest.raises(TypeError):
        scene.market.deposit(DRIVER, 1)
    assert scene.market == before
    assert scene.market.events == []


def test_a_verb_s_events_are_its_own(scene: Scene):
    scene.market.deposit(DRIVER, 1)
    kept = scene.market.events
    scene.market.deposit(DRIVER, 2)
    assert [each["amount"] for _, each in kept] == [1]
    assert [each["amount"] for _, each in scene.market.events] == [2]
