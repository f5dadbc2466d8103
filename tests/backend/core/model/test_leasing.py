"""Taking a lease, changing it, cancelling it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from berth.core import tariff
from berth.core.addresses import ZERO
from berth.core.model import ExtendRequest, Permit, VehicleProof
from berth.core.states import LeaseState, Outcome
from berth.core.weekly import daily_mask, touched_hours

from tests.backend.core.model.scene import (
    ARBITER,
    DRIVER,
    GARAGE_ID,
    GUARDIAN,
    HOUR,
    MARKET,
    MONDAY,
    MOST,
    OTHER,
    OWNER,
    PLATES,
    START,
    STRANGER,
    TERMS,
    VALID_DAY,
    Scene,
)

BEGIN = START * 900
END = BEGIN + 8 * 900
RENT = 8 * TERMS.price_per_slot


def more(lease: int, slots: int = 0, kwh: int = 0, plate: bytes = PLATES[DRIVER], most: int = MOST):
    return ExtendRequest(lease, slots, kwh, plate, most)


class TestLease:
    def test_puts_the_deposit_into_escrow_from_credit_first(self, scene: Scene):
        scene.market.deposit(DRIVER, 1_000)
        lease = scene.lease()
        deposit = tariff.deposit(TERMS, 8, 10)
        assert scene.market.deposit_of(lease) == deposit
        assert scene.event("Leased") == {
            "leaseId": lease,
            "driver": DRIVER,
            "cell": 0x12345,
            "slots": 8,
            "offer": 1,
            "kwhCap": 10,
            "deposit": deposit,
            "pulled": deposit - 1_000,
            "plateCommitment": PLATES[DRIVER],
        }
        assert scene.market.credit_of(DRIVER) == 0
        assert scene.market.token.balance_of(MARKET) == deposit
        scene.conserved()

    def test_takes_its_slots_in_the_calendar_word(self, scene: Scene):
        scene.lease()
        word = scene.market.calendar_of(scene.space, START >> 8)
        assert word == 0xFF << (START & 255)
        with scene.refused("CalendarTaken", scene.space, START + 7, 1):
            scene.lease(START + 7, 1, OTHER)
        scene.lease(START + 8, 1, OTHER)

    def test_pulls_nothing_when_credit_suffices(self, scene: Scene):
        scene.market.deposit(DRIVER, 10**10)
        scene.lease()
        assert scene.event("Leased")["pulled"] == 0

    def test_names_every_refusal(self, scene: Scene):
        m, now_slot = scene.market, MONDAY // 900
        space, day = scene.space, MONDAY // 86_400
        for changes, error, *arguments in (
            ({"space_id": 7}, "SpaceUnknown", 7),
            ({"slots": 0}, "OutOfRange", "slots", 0, 1, 672),
            ({"slots": 673}, "OutOfRange", "slots", 673, 1, 672),
            ({"kwh_cap": 256}, "OutOfRange", "kwhCap", 256, 0, 255),
            ({"start_slot": now_slot - 1}, "StartInPast", now_slot - 1, now_slot),
            ({"start_slot": now_slot + 8641}, "StartTooFar", now_slot + 8641, now_slot + 8640),
            ({"offer": 0}, "OfferNotLive", space, 0, 1, 1),
            ({"offer": 2}, "OfferNotLive", space, 2, 1, 1),
            ({"max_cost": 1}, "CostAboveMaximum", tariff.deposit(TERMS, 8, 10), 1),
            ({"plate_commitment": bytes(32)}, "VehicleNotDrivers", bytes(32), ZERO, DRIVER),
        ):
            with scene.refused(error, *arguments):
                m.lease(DRIVER, scene.request(**changes))
        with scene.refused("VehicleNotDrivers", PLATES[OTHER], OTHER, DRIVER):
            m.lease(DRIVER, scene.request(plate_commitment=PLATES[OTHER]))
        m.register_vehicle(DRIVER, scene.vehicle(DRIVER, until_slot=START + 7))
        with scene.refused("VehicleLapses", PLATES[DRIVER], START + 7, START + 8):
            scene.lease()
        m.register_vehicle(DRIVER, scene.vehicle(DRIVER, until_slot=START + 8))
        m.revoke_attester(GUARDIAN, GARAGE_ID)
        with scene.refused("AttesterRevoked", GARAGE_ID):
            scene.lease()
        assert day < VALID_DAY

    def test_lasts_no_longer_than_title_identity_and_lock(self, scene: Scene):
        day = MONDAY // 86_400
        scene.market.rotate_lock(OWNER, scene.space, scene.lock(STRANGER, valid_day=day))
        last = (day + 1) * 96
        scene.lease(last - 1, 1)
        with scene.refused("SpaceLapses", scene.space, day + 1, day):
            scene.lease(last - 2, 3)

    def test_keeps_to_the_offer_s_hours_days_and_lengths(self, scene: Scene):
        day = MONDAY // 86_400
        terms = replace(
            TERMS,
            hours_of_week=daily_mask(range(7), 9, 18),
            utc_offset=4,
            first_day=day,
            last_day=day + 1,
            min_slots=2,
            max_slots=9,
        )
        scene.market.publish_offer(OWNER, scene.space, terms)
        for start, slots, error, *arguments in (
            (START, 1, "StayOutOfOffer", 1, 2, 9),
            (START, 10, "StayOutOfOffer", 10, 2, 9),
            (
                START + 28,
                2,
                "HoursNotShared",
                touched_hours(START + 32, 2),
                terms.hours_of_week,
            ),
            (START + 192, 2, "DaysNotShared", day + 2, day + 2, day, day + 1),
        ):
            with scene.refused(error, *arguments):
                scene.lease(start, slots, offer=2)
        scene.lease(START + 26, 2, offer=2)

    def test_needs_tokens_and_their_allowance(self, scene: Scene):
        m, deposit = scene.market, tariff.deposit(TERMS, 8, 10)
        m.token.approve(DRIVER, MARKET, deposit - 1)
        with scene.refused("ERC20InsufficientAllowance", MARKET, deposit - 1, deposit):
            scene.lease()
        m.token.approve(DRIVER, MARKET, MOST)
        m.token.balances[DRIVER] = deposit - 1
        with scene.refused("ERC20InsufficientBalance", DRIVER, deposit - 1, deposit):
            scene.lease()

    def test_is_stopped_by_a_pause(self, scene: Scene):
        m = scene.market
        m.pause(GUARDIAN)
        until = MONDAY + 7 * 86_400
        permit = Permit(1, MOST, DRIVER, 0)
        for attempt in (
            lambda: scene.lease(),
            lambda: m.lease_with_vehicle(DRIVER, scene.request(), scene.vehicle(DRIVER)),
            lambda: m.lease_with_permit(DRIVER, scene.request(), scene.vehicle(DRIVER), permit),
        ):
            with scene.refused("Paused", until):
                attempt()

    def test_the_same_start_gets_the_next_epoch(self, scene: Scene):
        first = scene.lease()
        scene.market.cancel(DRIVER, first)
        second = scene.lease(driver=OTHER)
        assert second == first + 1
        with scene.refused("LeaseUnknown", first):
            scene.market.cancel(DRIVER, first)

    def test_the_65536th_lease_of_one_start_is_refused(self, scene: Scene):
        lease = scene.lease()
        scene.market.cancel(DRIVER, lease)
        key = lease >> 16
        scene.market.leases[key] = replace(scene.market.leases[key], epoch=65_535)
        with scene.refused("EpochExhausted", scene.space, START):
            scene.lease()


class TestLeaseWithProofs:
    def test_registers_the_vehicle_and_leases_or_does_neither(self, scene: Scene):
        plate = b"\x33" * 32
        proof = scene.vehicle(DRIVER, plate_commitment=plate)
        request = scene.request(plate_commitment=plate)
        with scene.refused("CostAboveMaximum", tariff.deposit(TERMS, 8, 10), 0):
            scene.market.lease_with_vehicle(DRIVER, replace(request, max_cost=0), proof)
        scene.market.lease_with_vehicle(DRIVER, request, proof)
        assert [name for name, _ in scene.market.events] == ["VehicleRegistered", "Leased"]

    def test_a_permit_gives_the_allowance(self, scene: Scene):
        m, deposit = scene.market, tariff.deposit(TERMS, 8, 10)
        m.token.approve(DRIVER, MARKET, 0)
        none = VehicleProof(bytes(32), signature=False)
        m.lease_with_permit(DRIVER, scene.request(), none, Permit(deposit, MONDAY, DRIVER, 0))
        assert m.token.allowance(DRIVER, MARKET) == 0
        assert m.token.nonces[DRIVER] == 1
        scene.conserved()

    @pytest.mark.parametrize(
        "permit",
        [
            Permit(MOST, MONDAY - 1, DRIVER, 0),
            Permit(MOST, MONDAY, OTHER, 0),
            Permit(MOST, MONDAY, DRIVER, 1),
        ],
        ids=["expired", "signed by another", "of another nonce"],
    )
    def test_a_permit_that_is_no_good_matters_only_when_it_was_needed(self, scene: Scene, permit):
        m, deposit = scene.market, tariff.deposit(TERMS, 8, 10)
        m.token.approve(DRIVER, MARKET, 0)
        with scene.refused("ERC20InsufficientAllowance", MARKET, 0, deposit):
            m.lease_with_permit(DRIVER, scene.request(), scene.vehicle(DRIVER), permit)
        m.token.approve(DRIVER, MARKET, deposit)
        m.lease_with_permit(DRIVER, scene.request(), scene.vehicle(DRIVER), permit)

    def test_a_permit_s_v_has_eight_bits(self, scene: Scene):
        permit = Permit(1, MONDAY, DRIVER, 0, v=256)
        with scene.refused("OutOfRange", "permit.v", 256, 0, 255):
            scene.market.lease_with_permit(DRIVER, scene.request(), scene.vehicle(DRIVER), permit)


class TestVehicles:
    def test_names_every_refusal(self, scene: Scene):
        m = scene.market
        for changes, error, *arguments in (
            ({"size": 0}, "OutOfRange", "size", 0, 1, 4),
            ({"size": 5}, "OutOfRange", "size", 5, 1, 4),
            ({"until_slot": 0}, "OutOfRange", "untilSlot", 0, 1, 2**32 - 1),
            ({"verifier": 1}, "AttesterUnknown", 1),
            ({"verifier": 99}, "AttesterUnknown", 99),
        ):
            with scene.refused(error, *arguments):
                m.register_vehicle(DRIVER, scene.vehicle(DRIVER, **changes))
        garage = m.attesters[GARAGE_ID].account
        for changes in ({"signed_by": ZERO}, {"signature": False}):
            with scene.refused("BadSignature", "vehicle", garage):
                m.register_vehicle(DRIVER, scene.vehicle(DRIVER, **changes))
        with scene.refused("VehicleNotDrivers", PLATES[DRIVER], DRIVER, OTHER):
            m.register_vehicle(OTHER, scene.vehicle(DRIVER))
        m.revoke_attester(GUARDIAN, GARAGE_ID)
        with scene.refused("AttesterRevoked", GARAGE_ID):
            m.register_vehicle(DRIVER, scene.vehicle(DRIVER))


class TestExtend:
    def test_takes_the_difference_of_the_deposits(self, scene: Scene):
        lease = scene.lease()
        before = scene.market.deposit_of(lease)
        scene.market.deposit(DRIVER, 5)
        scene.market.extend(DRIVER, more(lease, slots=2, kwh=3))
        after = scene.market.deposit_of(lease)
        assert after - before == 2 * TERMS.price_per_slot + 3 * TERMS.price_per_kwh
        assert scene.market.events == [
            (
                "Extended",
                {
                    "leaseId": lease,
                    "driver": DRIVER,
                    "slots": 10,
                    "kwhCap": 13,
                    "deposit": after,
                    "pulled": after - before - 5,
                    "plateCommitment": PLATES[DRIVER],
                },
            )
        ]
        assert scene.market.calendar[scene.space] == set(range(START, START + 10))
        scene.conserved()

    def test_moves_the_deadlines_with_the_end(self, scene: Scene):
        lease = scene.lease()
        before = scene.market.times_of(lease)
        scene.at(END - 1).market.extend(DRIVER, more(lease, slots=1))
        after = scene.market.times_of(lease)
        assert (after.start, after.end, after.t3) == (before.start, END + 900, before.t3 + 900)

    def test_goes_on_during_a_pause_and_while_parked(self, scene: Scene):
        lease = scene.lease()
        scene.at(BEGIN).arrive(lease, BEGIN)
        scene.market.pause(GUARDIAN)
        scene.market.extend(DRIVER, more(lease, kwh=1))
        assert scene.market.lease_of(lease).state is LeaseState.PARKED

    def test_names_every_refusal(self, scene: Scene):
        m, lease = scene.market, scene.lease()
        scene.lease(START + 10, 1, OTHER)
        new_deposit = tariff.deposit(TERMS, 9, 10)
        for request, error, *arguments in (
            (more(lease + 1, 1), "LeaseUnknown", lease + 1),
            (more(lease), "OutOfRange", "slots", 0, 1, 664),
            (more(lease, slots=665), "OutOfRange", "slots", 665, 1, 664),
            (more(lease, slots=665, kwh=1), "OutOfRange", "slots", 665, 0, 664),
            (more(lease, kwh=246), "OutOfRange", "kwh", 246, 0, 245),
            (more(lease, slots=3), "CalendarTaken", scene.space, START + 8, 3),
            (
                more(lease, slots=1, most=new_deposit - 1),
                "CostAboveMaximum",
                new_deposit,
                new_deposit - 1,
            ),
            (
                more(lease, 1, plate=PLATES[OTHER]),
                "VehicleNotDrivers",
                PLATES[OTHER],
                OTHER,
                DRIVER,
            ),
        ):
            with scene.refused(error, *arguments):
                m.extend(DRIVER, request)
        with scene.refused("NotDriver", lease, DRIVER, OTHER):
            m.extend(OTHER, more(lease, 1))
        m.withdraw_offers(OWNER, scene.space, 2)
        with scene.refused("OfferNotLive", scene.space, 1, 2, 1):
            m.extend(DRIVER, more(lease, 1))
        scene.at(END)
        with scene.refused("OutOfTime", lease, 0, END, END):
            m.extend(DRIVER, more(lease, 1))

    def test_is_refused_once_disputed_claimed_or_ended(self, scene: Scene):
        lease = scene.lease()
        scene.at(BEGIN).market.dispute(DRIVER, lease)
        with scene.refused("Disputed", lease):
            scene.market.extend(DRIVER, more(lease, 1))
        scene = Scene()
        lease = scene.claimed()
        with scene.refused("WrongState", lease, LeaseState.CLAIMED):
            scene.market.extend(DRIVER, more(lease, 1))
        scene.market.close(DRIVER, lease)
        with scene.refused("WrongState", lease, LeaseState.SETTLED):
            scene.market.extend(DRIVER, more(lease, 1))

    def test_keeps_to_the_offer_s_longest_stay(self, scene: Scene):
        scene.market.publish_offer(OWNER, scene.space, replace(TERMS, max_slots=9))
        lease = scene.lease(offer=2)
        with scene.refused("StayOutOfOffer", 10, 1, 9):
            scene.market.extend(DRIVER, more(lease, 2))
        scene.market.extend(DRIVER, more(lease, 1))


class TestChangeVehicle:
    def test_names_the_vehicle_from_now_on(self, scene: Scene):
        lease, plate = scene.lease(), b"\x44" * 32
        scene.market.register_vehicle(DRIVER, scene.vehicle(DRIVER, plate_commitment=plate))
        scene.market.change_vehicle(DRIVER, lease, plate)
        named = {"leaseId": lease, "driver": DRIVER, "plateCommitment": plate}
        assert scene.market.events == [("VehicleChanged", named)]

    def test_names_every_refusal(self, scene: Scene):
        m, lease = scene.market, scene.lease()
        with scene.refused("NotDriver", lease, DRIVER, OTHER):
            m.change_vehicle(OTHER, lease, PLATES[OTHER])
        with scene.refused("VehicleNotDrivers", PLATES[OTHER], OTHER, DRIVER):
            m.change_vehicle(DRIVER, lease, PLATES[OTHER])
        m.register_vehicle(DRIVER, scene.vehicle(DRIVER, until_slot=START + 7))
        with scene.refused("VehicleLapses", PLATES[DRIVER], START + 7, START + 8):
            m.change_vehicle(DRIVER, lease, PLATES[DRIVER])
        scene.at(END)
        with scene.refused("OutOfTime", lease, 0, END, END):
            m.change_vehicle(DRIVER, lease, PLATES[DRIVER])
        m.dispute(DRIVER, lease)
        with scene.refused("Disputed", lease):
            m.change_vehicle(DRIVER, lease, PLATES[DRIVER])


class TestCancel:
    @pytest.mark.parametrize(
        ("moment", "cost"),
        [(BEGIN - 2 * HOUR, 0), (BEGIN - 2 * HOUR + 1, RENT // 2), (BEGIN - 1, RENT // 2)],
    )
    def test_is_free_in_good_time_and_then_costs_the_offer_s_part(self, scene, moment, cost):
        lease = scene.lease()
        deposit = scene.market.deposit_of(lease)
        scene.at(moment).market.cancel(DRIVER, lease)
        settled = scene.event("Settled")
        assert (settled["outcome"], settled["rent"]) == (Outcome.CANCELLED, cost)
        assert scene.market.credit_of(OWNER) == cost - cost * 250 // 10_000
        assert scene.market.credit_of(DRIVER) == deposit - cost
        assert scene.market.lease_of(lease).state is LeaseState.CANCELLED
        assert scene.market.calendar[scene.space] == frozenset()
        scene.conserved()

    def test_names_every_refusal(self, scene: Scene):
        m, lease = scene.market, scene.lease()
        with scene.refused("NotDriver", lease, DRIVER, ARBITER):
            m.cancel(ARBITER, lease)
        scene.at(BEGIN)
        with scene.refused("OutOfTime", lease, 0, BEGIN, BEGIN):
            m.cancel(DRIVER, lease)
        m.dispute(DRIVER, lease)
        with scene.refused("Disputed", lease):
            m.cancel(DRIVER, lease)
        scene = Scene()
        lease = scene.lease()
        scene.at(BEGIN - 900).arrive(lease, BEGIN - 900)
        with scene.refused("WrongState", lease, LeaseState.PARKED):
            scene.market.cancel(DRIVER, lease)


class TestQuote:
    def test_is_the_deposit_of_a_stay_under_an_offer(self, scene: Scene):
        m, space = scene.market, scene.space
        assert m.quote(space, 1, 8, 10) == tariff.deposit(TERMS, 8, 10)
        for arguments, error, *expected in (
            ((7, 1, 1, 0), "SpaceUnknown", 7),
            ((space, 2, 1, 0), "OutOfRange", "offer", 2, 1, 1),
            ((space, 1, 0, 0), "OutOfRange", "slots", 0, 1, 672),
            ((space, 1, 1, 256), "OutOfRange", "kwhCap", 256, 0, 255),
        ):
            with scene.refused(error, *expected):
                m.events = []
                m.quote(*arguments)
