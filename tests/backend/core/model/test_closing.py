"""Ends by time, by dispute, by agreement."""

from __future__ import annotations

import pytest
from berth.core import tariff
from berth.core.addresses import ZERO
from berth.core.model import ARBITER_ROLE, Agreement, ExtendRequest
from berth.core.states import LeaseState, Outcome

from tests.backend.core.model.scene import (
    ARBITER,
    DRIVER,
    HOUR,
    MOST,
    OWNER,
    PLATES,
    START,
    STRANGER,
    TERMS,
    Scene,
)

BEGIN = START * 900
END = BEGIN + 8 * 900
T1 = END + 25 * HOUR
T2 = T1 + 48 * HOUR
T3 = T2 + 168 * HOUR
RENT = 8 * TERMS.price_per_slot


class TestClose:
    def test_refunds_a_lease_that_nobody_spoke_of(self, scene: Scene):
        lease = scene.lease()
        deposit = scene.market.deposit_of(lease)
        scene.at(T1 - 1)
        with scene.refused("OutOfTime", lease, T1, MOST, T1 - 1):
            scene.market.close(DRIVER, lease)
        scene.at(T1).market.close(STRANGER, lease)
        assert scene.event("Settled")["outcome"] == Outcome.UNUSED
        assert scene.market.lease_of(lease).state is LeaseState.CANCELLED
        assert scene.market.credit_of(DRIVER) == deposit

    def test_bills_the_booked_rent_after_an_arrival_and_silence(self, scene: Scene):
        lease = scene.lease()
        scene.at(END).arrive(lease, BEGIN + 5)
        scene.at(T1).market.close(STRANGER, lease)
        settled = scene.event("Settled")
        assert (settled["outcome"], settled["rent"]) == (Outcome.PRESUMED, RENT)
        assert (settled["arrived"], settled["until"]) == (2, 0)

    def test_of_a_claim_is_the_driver_s_at_once_and_anybody_s_from_t2(self, scene: Scene):
        lease = scene.claimed()
        with scene.refused("OutOfTime", lease, T2, MOST, END + HOUR):
            scene.market.close(OWNER, lease)
        scene.market.close(DRIVER, lease)
        assert scene.event("Settled")["outcome"] == Outcome.ACCEPTED
        scene = Scene()
        lease = scene.claimed()
        scene.at(T2).market.close(OWNER, lease)
        settled = scene.event("Settled")
        assert settled["outcome"] == Outcome.MATURED
        assert settled["overstay"] == TERMS.price_per_slot * 250 * 30 // 1500
        scene.conserved()

    @pytest.mark.parametrize(
        ("story", "outcome"),
        [
            ("nobody came", Outcome.UNUSED),
            ("the lock saw nobody come", Outcome.NO_SHOW),
            ("arrived", Outcome.PRESUMED),
            ("left late", Outcome.LAPSED),
        ],
    )
    def test_of_a_dispute_comes_at_t3_and_charges_the_evidence(self, scene, story, outcome):
        lease = scene.lease()
        if story == "arrived":
            scene.at(BEGIN).arrive(lease, BEGIN)
        scene.at(END + HOUR)
        if story == "left late":
            scene.leave(lease, BEGIN, END + 36 * 60)
        scene.market.dispute(DRIVER, lease)
        if outcome is Outcome.NO_SHOW:
            scene.no_show(lease, BEGIN, END)
        scene.at(T3 - 1)
        for sender in (DRIVER, OWNER):
            with scene.refused("OutOfTime", lease, T3, MOST, T3 - 1):
                scene.market.close(sender, lease)
        scene.at(T3).market.close(STRANGER, lease)
        settled = scene.event("Settled")
        full = TERMS.price_per_slot * 250 * 31 // 1500
        assert settled["outcome"] == outcome
        assert (settled["rent"], settled["overstay"]) == {
            Outcome.UNUSED: (0, 0),
            Outcome.NO_SHOW: (RENT * 80 // 100, 0),
            Outcome.PRESUMED: (RENT, 0),
            Outcome.LAPSED: (RENT, full // 2),
        }[outcome]
        assert settled["fee"] == (settled["rent"] + settled["overstay"]) * 250 // 10_000
        word = scene.market.lease_of(lease)
        assert word.state is outcome.terminal_state
        assert word.disputed
        scene.conserved()

    def test_knows_no_lease_that_never_was_and_ends_none_twice(self, scene: Scene):
        lease = scene.lease()
        for unknown in (0, lease + 1, lease - 1, lease + (1 << 112)):
            with scene.refused("LeaseUnknown", unknown):
                scene.market.close(DRIVER, unknown)
        scene.market.cancel(DRIVER, lease)
        with scene.refused("WrongState", lease, LeaseState.CANCELLED):
            scene.market.close(DRIVER, lease)


class TestBatch:
    def test_passes_over_what_has_ended_or_begun_anew(self, scene: Scene):
        first = scene.lease()
        scene.market.cancel(DRIVER, first)
        second, third = scene.lease(), scene.lease(START + 8)
        block = scene.market.block_slots(OWNER, scene.space, START + 20, 1)
        scene.at(T1 + 7_200)
        scene.market.close_batch(STRANGER, [first, second, second, block, third])
        names = [(name, each["leaseId"]) for name, each in scene.market.events]
        assert names == [
            ("Skipped", first),
            ("Settled", second),
            ("Skipped", second),
            ("Skipped", block),
            ("Settled", third),
        ]

    def test_one_that_is_not_due_undoes_them_all(self, scene: Scene):
        first, second = scene.lease(), scene.lease(START + 8)
        scene.at(T1)
        with scene.refused("OutOfTime", second, T1 + 7_200, MOST, T1):
            scene.market.close_batch(STRANGER, [first, second])
        with scene.refused("LeaseUnknown", second + 1):
            scene.market.close_batch(STRANGER, [first, second + 1])

    def test_has_1_to_100_items(self, scene: Scene):
        for count in (0, 101):
            with scene.refused("OutOfRange", "leaseIds", count, 1, 100):
                scene.market.close_batch(STRANGER, [scene.space] * count)


class TestDispute:
    @pytest.mark.parametrize("by", [DRIVER, OWNER])
    def test_is_either_party_s_from_the_start_on(self, scene: Scene, by):
        lease = scene.lease()
        scene.at(BEGIN - 1)
        with scene.refused("OutOfTime", lease, BEGIN, T1, BEGIN - 1):
            scene.market.dispute(by, lease)
        scene.at(BEGIN).market.dispute(by, lease)
        assert scene.market.events == [("Disputed", {"leaseId": lease, "by": by})]
        with scene.refused("Disputed", lease):
            scene.market.dispute(by, lease)

    def test_ends_at_t1_and_for_a_claim_at_t2(self, scene: Scene):
        lease = scene.lease()
        scene.at(T1)
        with scene.refused("OutOfTime", lease, BEGIN, T1, T1):
            scene.market.dispute(DRIVER, lease)
        scene = Scene()
        lease = scene.claimed()
        scene.at(T2)
        with scene.refused("OutOfTime", lease, BEGIN, T2, T2):
            scene.market.dispute(DRIVER, lease)
        scene = Scene()
        lease = scene.claimed()
        scene.at(T2 - 1).market.dispute(DRIVER, lease)

    def test_is_nobody_else_s(self, scene: Scene):
        lease = scene.lease()
        scene.at(BEGIN)
        with scene.refused("NotParty", lease, ARBITER):
            scene.market.dispute(ARBITER, lease)

    def test_takes_the_driver_s_early_acceptance_away(self, scene: Scene):
        lease = scene.claimed()
        scene.market.dispute(OWNER, lease)
        with scene.refused("OutOfTime", lease, T3, MOST, END + HOUR):
            scene.market.close(DRIVER, lease)


class TestResolve:
    @pytest.mark.parametrize("part", [0, 1, 2])
    def test_awards_anything_up_to_the_deposit(self, scene: Scene, part):
        lease = scene.claimed()
        deposit = scene.market.deposit_of(lease)
        cost = deposit * part // 2
        scene.market.dispute(DRIVER, lease)
        with scene.refused("CostAboveDeposit", deposit + 1, deposit):
            scene.market.resolve(ARBITER, lease, deposit + 1)
        scene.at(T3 - 1).market.resolve(ARBITER, lease, cost)
        settled = scene.event("Settled")
        assert (settled["outcome"], settled["rent"]) == (Outcome.RESOLVED, cost)
        assert (settled["overstay"], settled["energy"]) == (0, 0)
        assert (settled["until"], settled["energyWh"]) == (155, 2_000)
        assert scene.market.credit_of(DRIVER) == deposit - cost
        scene.conserved()

    def test_names_every_refusal(self, scene: Scene):
        lease = scene.lease()
        scene.at(BEGIN)
        with scene.refused("AccessControlUnauthorizedAccount", DRIVER, ARBITER_ROLE):
            scene.market.resolve(DRIVER, lease, 0)
        with scene.refused("NotDisputed", lease):
            scene.market.resolve(ARBITER, lease, 0)
        scene.market.dispute(DRIVER, lease)
        scene.at(T3)
        with scene.refused("OutOfTime", lease, 0, T3, T3):
            scene.market.resolve(ARBITER, lease, 0)


class TestAgree:
    @pytest.mark.parametrize(
        ("sender", "driver_signed", "payee_signed"),
        [(STRANGER, DRIVER, OWNER), (DRIVER, ZERO, OWNER), (OWNER, DRIVER, ZERO)],
    )
    def test_needs_both_by_call_or_signature(
        self, scene: Scene, sender, driver_signed, payee_signed
    ):
        lease = scene.lease()
        deposit = scene.market.deposit_of(lease)
        deal = Agreement(lease, deposit, 123_456, BEGIN)
        scene.at(BEGIN).market.agree(sender, deal, driver_signed, payee_signed)
        settled = scene.event("Settled")
        assert (settled["outcome"], settled["rent"]) == (Outcome.AGREED, 123_456)
        assert scene.market.credit_of(DRIVER) == deposit - 123_456
        scene.conserved()

    def test_ends_any_open_lease_disputed_or_not_at_any_time(self, scene: Scene):
        for disputed in (False, True):
            scene = Scene()
            lease = scene.claimed()
            if disputed:
                scene.market.dispute(DRIVER, lease)
            deal = Agreement(lease, scene.market.deposit_of(lease), 0, MOST)
            scene.at(T3 + HOUR).market.agree(DRIVER, deal, ZERO, OWNER)
            assert scene.market.lease_of(lease).state is LeaseState.SETTLED

    def test_an_extension_voids_it(self, scene: Scene):
        lease = scene.lease()
        before = scene.market.deposit_of(lease)
        scene.market.extend(DRIVER, ExtendRequest(lease, 1, 0, PLATES[DRIVER], MOST))
        after = scene.market.deposit_of(lease)
        with scene.refused("DepositChanged", after, before):
            scene.market.agree(STRANGER, Agreement(lease, before, MOST, MOST), DRIVER, OWNER)

    def test_names_every_refusal(self, scene: Scene):
        lease = scene.lease()
        deposit = scene.market.deposit_of(lease)
        deal = Agreement(lease, deposit, deposit + 1, BEGIN)
        scene.at(BEGIN)
        agree = scene.market.agree
        with scene.refused("BadSignature", "driver", DRIVER):
            agree(STRANGER, deal, OWNER, OWNER)
        with scene.refused("BadSignature", "payee", OWNER):
            agree(DRIVER, deal, ZERO, DRIVER)
        with scene.refused("CostAboveDeposit", deposit + 1, deposit):
            agree(STRANGER, deal, DRIVER, OWNER)
        scene.at(BEGIN + 1)
        with scene.refused("AgreementExpired", BEGIN, BEGIN + 1):
            agree(STRANGER, deal, DRIVER, OWNER)
        scene.market.close(STRANGER, scene.at(T1) and lease)
        with scene.refused("WrongState", lease, LeaseState.CANCELLED):
            agree(STRANGER, deal, DRIVER, OWNER)


def test_a_bill_of_the_model_is_the_tariff_s(scene: Scene):
    lease = scene.claimed()
    terms = scene.market.terms_of(lease)
    bill = tariff.bill(terms, START, 8, 10, BEGIN, END + 35 * 60, 2_000)
    scene.market.close(DRIVER, lease)
    settled = scene.event("Settled")
    assert (settled["rent"], settled["overstay"], settled["energy"], settled["refund"]) == (
        bill.rent,
        bill.overstay,
        bill.energy,
        bill.refund,
    )
