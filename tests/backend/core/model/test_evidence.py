"""What a lock saw: when it counts, what it does, what it costs."""

from __future__ import annotations

import pytest
from berth.core import tariff
from berth.core.model import Occupancy
from berth.core.states import LeaseState, Outcome

from tests.backend.core.model.scene import (
    DRIVER,
    HOUR,
    LOCK,
    NEW_LOCK,
    OWNER,
    START,
    STRANGER,
    TERMS,
    Scene,
)

BEGIN = START * 900
END = BEGIN + 8 * 900
T1 = END + 25 * HOUR
PRICE = TERMS.price_per_slot


class TestArrived:
    @pytest.mark.parametrize(
        ("moment", "arrived"), [(BEGIN - 900, 1), (BEGIN, 1), (BEGIN + 1, 2), (END - 1, 121)]
    )
    def test_parks_the_lease_at_the_minute_begun(self, scene: Scene, moment, arrived):
        lease = scene.lease()
        scene.at(moment).arrive(lease, moment)
        assert scene.market.lease_of(lease).state is LeaseState.PARKED
        assert scene.market.events == [
            ("Arrived", {"leaseId": lease, "from": moment, "arrived": arrived})
        ]

    def test_may_be_brought_by_anybody_until_t1_but_not_at_t1(self, scene: Scene):
        lease = scene.lease()
        scene.at(T1)
        with scene.refused("OutOfTime", lease, 0, T1, T1):
            scene.arrive(lease, BEGIN)

    def test_is_refused_outside_the_lease_and_in_the_future(self, scene: Scene):
        lease = scene.lease()
        scene.at(END)
        for moment in (BEGIN - 901, END):
            with scene.refused("EvidenceTime", "from", moment, BEGIN - 900, END - 1):
                scene.arrive(lease, moment)
        scene = Scene()
        lease = scene.lease()
        scene.at(BEGIN)
        with scene.refused("EvidenceTime", "until", BEGIN + 1, BEGIN + 1, BEGIN):
            scene.arrive(lease, BEGIN + 1)

    def test_names_one_moment_and_no_energy(self, scene: Scene):
        lease = scene.lease()
        scene.at(END)
        with scene.refused("EvidenceTime", "until", BEGIN + 1, BEGIN, BEGIN):
            scene.market.record(STRANGER, Occupancy(lease, 1, BEGIN, BEGIN + 1), LOCK)
        with scene.refused("OutOfRange", "energyWh", 1, 0, 0):
            scene.market.record(STRANGER, Occupancy(lease, 1, BEGIN, BEGIN, 1), LOCK)

    def test_counts_once(self, scene: Scene):
        lease = scene.lease()
        scene.at(END).arrive(lease, BEGIN)
        with scene.refused("WrongState", lease, LeaseState.PARKED):
            scene.arrive(lease, BEGIN)

    def test_counts_while_disputed(self, scene: Scene):
        lease = scene.lease()
        scene.at(BEGIN).market.dispute(DRIVER, lease)
        scene.arrive(lease, BEGIN)
        word = scene.market.lease_of(lease)
        assert (word.state, word.disputed) == (LeaseState.PARKED, True)


class TestLeft:
    def test_settles_at_once_what_the_tariff_bills(self, scene: Scene):
        lease = scene.lease()
        deposit = scene.market.deposit_of(lease)
        scene.at(END).leave(lease, BEGIN + 61, BEGIN + 3599, 4_567)
        terms = scene.market.offers[scene.space, 1]
        bill = tariff.bill(terms, START, 8, 10, BEGIN + 61, BEGIN + 3599, 4_567)
        settled = scene.event("Settled")
        assert settled["outcome"] == Outcome.DEPARTED
        assert (settled["rent"], settled["energy"], settled["fee"]) == (
            bill.rent,
            bill.energy,
            bill.fee,
        )
        assert (settled["arrived"], settled["until"], settled["energyWh"]) == (3, 59, 4_500)
        assert scene.market.credit_of(OWNER) == bill.owner
        assert scene.market.credit_of(DRIVER) == bill.refund == deposit - bill.cost
        scene.conserved()

    def test_gives_back_the_slots_that_have_not_begun(self, scene: Scene):
        lease = scene.lease()
        scene.at(BEGIN + 1000).leave(lease, BEGIN, BEGIN + 900)
        assert scene.market.calendar[scene.space] == {START, START + 1}

    def test_with_overstay_waits_unless_the_driver_brings_it(self, scene: Scene):
        lease = scene.claimed()
        assert scene.market.lease_of(lease).state is LeaseState.CLAIMED
        assert scene.event("OverstayClaimed") == {
            "leaseId": lease,
            "arrived": 1,
            "until": 155,
            "energyUsed": 20,
            "overstay": PRICE * 250 * 30 // 1500,
        }
        with scene.refused("WrongState", lease, LeaseState.CLAIMED):
            scene.leave(lease, BEGIN, END)
        scene = Scene()
        lease = scene.lease()
        scene.at(END + HOUR).leave(lease, BEGIN, END + 35 * 60, sender=DRIVER)
        assert scene.event("Settled")["outcome"] == Outcome.DEPARTED

    def test_while_disputed_waits_whatever_it_bills_and_whoever_brings_it(self, scene: Scene):
        lease = scene.lease()
        scene.at(BEGIN).market.dispute(OWNER, lease)
        scene.at(END).leave(lease, BEGIN, END - 60, sender=DRIVER)
        word = scene.market.lease_of(lease)
        assert (word.state, word.disputed) == (LeaseState.CLAIMED, True)
        assert scene.event("OverstayClaimed")["overstay"] == 0

    def test_a_stored_arrival_wins_and_bounds_the_departure(self, scene: Scene):
        lease = scene.lease()
        scene.at(END).arrive(lease, BEGIN + 601)
        with scene.refused("EvidenceTime", "until", BEGIN + 599, BEGIN + 600, END):
            scene.leave(lease, BEGIN, BEGIN + 599)
        scene.leave(lease, BEGIN, BEGIN + 600)
        assert scene.event("Settled")["arrived"] == 12

    def test_a_departure_before_its_arrival_is_refused(self, scene: Scene):
        lease = scene.lease()
        scene.at(END)
        with scene.refused("EvidenceTime", "until", BEGIN, BEGIN + 1, END):
            scene.leave(lease, BEGIN + 1, BEGIN)

    def test_energy_has_32_bits_and_is_billed_up_to_the_cap(self, scene: Scene):
        lease = scene.lease()
        scene.at(END)
        with scene.refused("OutOfRange", "energyWh", 1 << 32, 0, (1 << 32) - 1):
            scene.leave(lease, BEGIN, END, 1 << 32)
        scene.leave(lease, BEGIN, END, (1 << 32) - 1)
        assert scene.event("Settled")["energyWh"] == 10_000


class TestBlocked:
    @pytest.mark.parametrize("disputed", [False, True])
    def test_refunds_everything_disputed_or_not(self, scene: Scene, disputed):
        lease = scene.lease()
        deposit = scene.market.deposit_of(lease)
        scene.at(BEGIN + 60)
        if disputed:
            scene.market.dispute(DRIVER, lease)
        scene.blocked(lease, 0, BEGIN)
        settled = scene.event("Settled")
        assert (settled["outcome"], settled["refund"]) == (Outcome.OBSTRUCTED, deposit)
        assert scene.market.lease_of(lease).state is LeaseState.CANCELLED
        assert scene.market.credit_of(DRIVER) == deposit
        scene.conserved()

    def test_must_speak_of_the_lease(self, scene: Scene):
        lease = scene.lease()
        scene.at(END)
        with scene.refused("EvidenceTime", "until", BEGIN - 1, BEGIN, END):
            scene.blocked(lease, 0, BEGIN - 1)
        with scene.refused("EvidenceTime", "from", END, 0, END - 1):
            scene.blocked(lease, END, END)
        with scene.refused("EvidenceTime", "until", BEGIN + 5, BEGIN + 6, END):
            scene.blocked(lease, BEGIN + 6, BEGIN + 5)
        with scene.refused("OutOfRange", "energyWh", 1, 0, 0):
            scene.market.record(STRANGER, Occupancy(lease, 3, BEGIN, BEGIN, 1), LOCK)

    def test_says_nothing_about_a_lease_that_parked(self, scene: Scene):
        lease = scene.lease()
        scene.at(BEGIN + 60).arrive(lease, BEGIN)
        with scene.refused("WrongState", lease, LeaseState.PARKED):
            scene.blocked(lease, BEGIN, BEGIN + 60)


class TestNoShow:
    def test_charges_the_offer_s_part_of_the_rent(self, scene: Scene):
        lease = scene.lease()
        scene.at(END).no_show(lease, BEGIN, END)
        settled = scene.event("Settled")
        assert settled["outcome"] == Outcome.NO_SHOW
        assert settled["rent"] == 8 * PRICE * 80 // 100
        assert scene.market.lease_of(lease).state is LeaseState.SETTLED
        scene.conserved()

    def test_must_have_watched_the_whole_lease(self, scene: Scene):
        lease = scene.lease()
        scene.at(END)
        with scene.refused("EvidenceTime", "from", BEGIN + 1, 0, BEGIN):
            scene.no_show(lease, BEGIN + 1, END)
        with scene.refused("EvidenceTime", "until", END - 1, END, END):
            scene.no_show(lease, BEGIN, END - 1)

    def test_of_a_disputed_lease_goes_on_record_once(self, scene: Scene):
        lease = scene.lease()
        scene.at(END).market.dispute(DRIVER, lease)
        scene.no_show(lease, BEGIN, END)
        word = scene.market.lease_of(lease)
        assert (word.state, word.no_show) == (LeaseState.BOOKED, True)
        assert scene.market.events == [("NoShowRecorded", {"leaseId": lease, "until": END})]
        with scene.refused("WrongState", lease, LeaseState.BOOKED):
            scene.no_show(lease, BEGIN, END)


class TestSignature:
    def test_only_the_lock_of_the_space_speaks(self, scene: Scene):
        lease = scene.lease()
        scene.at(BEGIN)
        with scene.refused("BadSignature", "lock", LOCK):
            scene.arrive(lease, BEGIN, by=NEW_LOCK)

    def test_no_other_kind_of_record_exists(self, scene: Scene):
        lease = scene.lease()
        for kind in (0, 5):
            with scene.refused("KindUnknown", kind):
                scene.market.record(STRANGER, Occupancy(lease, kind, BEGIN, BEGIN), LOCK)

    def test_a_replaced_lock_speaks_for_leases_begun_before_and_not_of_later(self, scene: Scene):
        early, late = scene.lease(slots=8), scene.lease(START + 8)
        rotated = END + 450
        scene.at(rotated).market.rotate_lock(OWNER, scene.space, scene.lock(NEW_LOCK))
        scene.at(END + HOUR)
        with scene.refused("BadSignature", "lock", NEW_LOCK):
            scene.leave(early, BEGIN, rotated + 1)
        with scene.refused("BadSignature", "lock", NEW_LOCK):
            scene.arrive(late, END)
        scene.leave(early, BEGIN, rotated)
        scene.arrive(late, END, by=NEW_LOCK)

    def test_the_lock_before_the_last_speaks_no_more(self, scene: Scene):
        lease = scene.lease()
        scene.at(END)
        for key in (NEW_LOCK, DRIVER):
            scene.market.rotate_lock(OWNER, scene.space, scene.lock(key))
        with scene.refused("BadSignature", "lock", DRIVER):
            scene.leave(lease, BEGIN, BEGIN + 60)
        scene.leave(lease, BEGIN, BEGIN + 60, by=NEW_LOCK)


class TestBatch:
    def test_passes_over_what_has_ended_and_takes_the_rest(self, scene: Scene):
        first, second = scene.lease(), scene.lease(START + 8)
        scene.at(END + 3 * HOUR).leave(first, BEGIN, END)
        left = [Occupancy(first, 2, BEGIN, END), Occupancy(second, 2, END, END + 60)]
        scene.market.record_batch(STRANGER, left, [LOCK, LOCK])
        assert [name for name, _ in scene.market.events] == ["Skipped", "Settled"]

    def test_passes_over_what_nothing_could_follow_from_any_more(self, scene: Scene):
        lease = scene.lease()
        arrived, left = Occupancy(lease, 1, BEGIN, BEGIN), Occupancy(lease, 2, BEGIN, END + 2100)
        empty, foreign = Occupancy(lease, 4, BEGIN, END), Occupancy(lease, 3, BEGIN, BEGIN)
        scene.at(END + HOUR).market.dispute(OWNER, lease)

        def brought(*items: Occupancy) -> list[str]:
            scene.market.record_batch(STRANGER, items, [LOCK] * len(items))
            return [name for name, _ in scene.market.events]

        assert brought(empty, empty) == ["NoShowRecorded", "Skipped"]
        assert brought(arrived, arrived, empty, foreign) == ["Arrived"] + 3 * ["Skipped"]
        assert brought(left, left, arrived) == ["OverstayClaimed", "Skipped", "Skipped"]
        assert brought(Occupancy(lease, 9, 0, 0)) == ["Skipped"]

    def test_one_bad_item_undoes_them_all(self, scene: Scene):
        first, second = scene.lease(), scene.lease(START + 8)
        scene.at(END + 3 * HOUR)
        left = [Occupancy(first, 2, BEGIN, END), Occupancy(second, 2, END, END + 60)]
        with scene.refused("BadSignature", "lock", LOCK):
            scene.market.record_batch(STRANGER, left, [LOCK, STRANGER])
        with scene.refused("LeaseUnknown", first + 1):
            scene.market.record_batch(
                STRANGER, [left[0], Occupancy(first + 1, 2, BEGIN, END)], [LOCK, LOCK]
            )

    def test_has_1_to_100_items_and_as_many_signatures(self, scene: Scene):
        lease = scene.lease()
        item = Occupancy(lease, 1, BEGIN, BEGIN)
        with scene.refused("OutOfRange", "occupancies", 0, 1, 100):
            scene.market.record_batch(STRANGER, [], [])
        with scene.refused("OutOfRange", "occupancies", 101, 1, 100):
            scene.market.record_batch(STRANGER, [item] * 101, [LOCK])
        with scene.refused("LengthMismatch", 1, 2):
            scene.market.record_batch(STRANGER, [item], [LOCK, LOCK])
