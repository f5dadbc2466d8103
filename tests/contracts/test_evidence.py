"""Evidence: what a lock's signature can do, when, and what it cannot."""

from dataclasses import replace

import pytest
from berth.core import messages, tariff
from support.calendar import taken_slots
from support.clock import HOUR, MONDAY, at, reach
from support.errors import reverts
from support.forms import TERMS, Seen
from support.keys import key
from support.world import START
from test_spaces import malleable

TEN = MONDAY + 10 * HOUR  # start of the lease
NOON = TEN + 2 * HOUR  # its end
T1 = NOON + 60 * TERMS.reserve_minutes + 24 * HOUR
DEPOSIT = tariff.deposit(TERMS, 8, 0)

BOOKED, PARKED, CLAIMED, SETTLED, CANCELLED = 1, 2, 3, 4, 5


@pytest.fixture
def lease(world, space) -> int:
    return world.lease(space)


def bill(from_, until, energy=0, kwh=0, arrived=0, terms=TERMS):
    """What the backend's model says."""
    return tariff.bill(terms, START, 8, kwh, from_, until, energy, arrived=arrived)


class TestArrived:
    def test_parks_the_lease_and_tells_the_world(self, world, market, lease):
        reach(TEN + 600)
        tx = world.arrive(lease, TEN + 301)
        assert tx.events["Arrived"] == {"leaseId": lease, "from": TEN + 301, "arrived": 7}
        view = market.leaseOf(lease)
        assert (view[1], view[7]) == (PARKED, 7)
        assert "Settled" not in tx.events

    @pytest.mark.parametrize(
        ("seconds", "mark"), [(-900, 1), (-1, 1), (0, 1), (1, 2), (60, 2), (61, 3), (7199, 121)]
    )
    def test_rounds_the_minute_up_and_early_is_the_start(self, world, market, lease, seconds, mark):
        reach(NOON)
        world.arrive(lease, TEN + seconds)
        assert market.leaseOf(lease)[7] == mark

    def test_is_legal_from_a_quarter_of_an_hour_before_the_start(self, world, market, lease):
        at(TEN - 900)
        world.arrive(lease, TEN - 900)
        assert market.leaseOf(lease)[1] == PARKED

    @pytest.mark.parametrize("from_", [TEN - 901, 0, NOON, NOON + 1, 2**40, 2**256 - 1])
    def test_reverts_for_a_time_outside_the_lease(self, world, market, lease, from_):
        reach(NOON + HOUR)
        signable = from_ < 2**40
        signature = world.signed(Seen(lease, 1, from_, from_)) if signable else bytes(65)
        with reverts("EvidenceTime", "from", from_, TEN - 900, NOON - 1):
            market.record((lease, 1, from_, from_, 0), signature, {"from": world.stranger})

    def test_reverts_for_a_time_in_the_future(self, world, market, lease):
        at(TEN)
        with reverts("EvidenceTime", "until", TEN + 1, TEN + 1, TEN):
            world.arrive(lease, TEN + 1)

    def test_is_legal_in_the_second_it_was_seen(self, world, market, lease):
        at(TEN + 1)
        world.arrive(lease, TEN + 1)

    def test_reverts_when_it_claims_a_stay(self, world, market, lease):
        reach(NOON)
        with reverts("EvidenceTime", "until", TEN + 1, TEN, TEN):
            world.record(Seen(lease, 1, TEN, TEN + 1))

    def test_reverts_when_it_claims_energy(self, world, market, lease):
        reach(NOON)
        with reverts("OutOfRange", "energyWh", 1, 0, 0):
            world.record(Seen(lease, 1, TEN, TEN, 1))

    def test_reverts_the_second_time(self, world, market, lease):
        reach(NOON)
        world.arrive(lease, TEN)
        with reverts("WrongState", lease, PARKED):
            world.arrive(lease, TEN)

    def test_is_legal_one_second_before_t1_and_not_at_t1(self, world, market, lease):
        other = world.lease(lease >> 48, START + 8)
        at(T1 - 1)
        world.arrive(lease, TEN)
        at(T1)
        with reverts("OutOfTime", lease, 0, T1, T1):
            world.leave(lease, TEN, NOON)
        # the neighbour's own T1 is two hours later
        world.arrive(other, NOON)


class TestLeft:
    def test_settles_at_once_when_nothing_is_owed_beyond_the_booked_time(
        self, world, market, lease
    ):
        reach(TEN + HOUR + 30)
        world.arrive(lease, TEN + 125)
        tx = world.leave(lease, TEN + 125, TEN + HOUR)
        expected = bill(TEN + 125, TEN + HOUR)
        assert market.leaseOf(lease)[1] == SETTLED
        event = tx.events["Settled"]
        assert (event["rent"], event["overstay"], event["energy"]) == (expected.rent, 0, 0)
        assert (event["fee"], event["refund"]) == (expected.fee, expected.refund)
        assert (event["arrived"], event["until"], event["outcome"]) == (4, 60, 1)
        assert market.creditOf(world.owner) == expected.owner
        assert market.creditOf(world.driver) == expected.refund

    def test_settles_a_lease_whose_arrival_was_never_brought(self, world, market, lease):
        """A lock that was offline: LEFT carries the arrival too."""
        reach(TEN + HOUR)
        tx = world.leave(lease, TEN + 301, TEN + HOUR)
        assert tx.events["Settled"]["arrived"] == 7
        assert tx.events["Settled"]["rent"] == bill(TEN + 301, TEN + HOUR).rent

    def test_a_stored_arrival_wins_over_the_one_in_the_record(self, world, market, lease):
        reach(TEN + HOUR)
        world.arrive(lease, TEN)
        tx = world.leave(lease, TEN + 1800, TEN + HOUR)
        assert tx.events["Settled"]["arrived"] == 1
        assert tx.events["Settled"]["rent"] == bill(TEN, TEN + HOUR).rent

    def test_cannot_end_before_a_stored_arrival(self, world, market, lease):
        reach(NOON)
        world.arrive(lease, TEN + 3600)  # minute 60
        now = NOON + 2
        at(now)
        with reverts("EvidenceTime", "until", TEN + 3539, TEN + 3540, now):
            world.leave(lease, TEN, TEN + 3539)
        world.leave(lease, TEN, TEN + 3540)

    def test_cannot_end_before_it_began(self, world, market, lease):
        reach(NOON)
        at(NOON + 1)
        with reverts("EvidenceTime", "until", TEN + 59, TEN + 60, NOON + 1):
            world.leave(lease, TEN + 60, TEN + 59)

    def test_cannot_end_in_the_future(self, world, market, lease):
        at(NOON)
        with reverts("EvidenceTime", "until", NOON + 1, TEN, NOON):
            world.leave(lease, TEN, NOON + 1)
        at(NOON + 1)
        world.leave(lease, TEN, NOON + 1)

    @pytest.mark.parametrize("from_", [TEN - 901, NOON])
    def test_cannot_begin_outside_the_lease(self, world, market, lease, from_):
        reach(NOON + HOUR)
        with reverts("EvidenceTime", "from", from_, TEN - 900, NOON - 1):
            world.leave(lease, from_, NOON + HOUR)

    @pytest.mark.parametrize(
        ("from_", "until"),
        [
            (TEN - 900, TEN - 900),
            (TEN - 900, TEN + 59),
            (TEN, TEN + 60),
            (TEN + 1, TEN + 14 * 60),
            (TEN + 59, TEN + 24 * 60 + 59),
            (TEN + 61, NOON - 1),
            (TEN, NOON),
            (NOON - 1, NOON + 299),
            (TEN, NOON + 359),
        ],
    )
    def test_bills_to_the_unit_what_the_model_bills(self, world, market, lease, from_, until):
        reach(NOON + HOUR)
        event = world.leave(lease, from_, until).events["Settled"]
        expected = bill(from_, until)
        assert expected.overstay == 0
        for name in ("rent", "overstay", "energy", "fee", "refund"):
            assert event[name] == getattr(expected, name), name
        assert event["arrived"] == expected.arrived
        assert event["until"] == expected.until_minute

    def test_frees_the_slots_that_have_not_begun(self, world, market, space, lease):
        at(TEN + HOUR + 1)  # in the fifth slot
        world.leave(lease, TEN, TEN + HOUR)
        assert taken_slots(market, space, START - 4, START + 12) == set(range(START, START + 5))
        assert world.lease(space, START + 5, slots=3)

    def test_frees_a_slot_that_begins_this_second(self, world, market, space, lease):
        at(TEN + HOUR)
        world.leave(lease, TEN, TEN + HOUR)
        assert taken_slots(market, space, START - 4, START + 12) == set(range(START, START + 4))

    def test_frees_nothing_that_belongs_to_a_neighbour(self, world, market, space, lease):
        world.lease(space, START + 8, slots=4)
        reach(TEN - 600)
        world.leave(lease, TEN - 900, TEN - 700)
        assert taken_slots(market, space, START - 4, START + 20) == set(
            range(START + 8, START + 12)
        )

    def test_the_same_start_can_be_leased_again_and_old_records_do_not_count(
        self, world, market, space, lease
    ):
        reach(TEN - 600)
        old = Seen(lease, 2, TEN - 900, TEN - 700)
        world.record(old)
        again = world.lease(space)
        assert again == lease + 1
        with reverts("LeaseUnknown", lease):
            world.record(old)
        with reverts("BadSignature", "lock", world.lock.address):
            market.record((again, *old.form()[1:]), world.signed(old), {"from": world.stranger})

    def test_reverts_once_settled(self, world, market, lease):
        reach(NOON)
        world.leave(lease, TEN, NOON)
        with reverts("WrongState", lease, SETTLED):
            world.leave(lease, TEN, NOON)
        with reverts("WrongState", lease, SETTLED):
            world.arrive(lease, TEN)


class TestEnergy:
    @pytest.mark.parametrize(
        ("watt_hours", "units"),
        [(0, 0), (99, 0), (100, 1), (7_345, 73), (20_000, 200), (20_100, 200), (2**32 - 1, 200)],
    )
    def test_counts_whole_hundreds_up_to_what_was_bought(
        self, world, market, space, watt_hours, units
    ):
        lease = world.lease(space, kwh=20)
        reach(NOON)
        event = world.leave(lease, TEN, NOON, watt_hours).events["Settled"]
        assert event["energyWh"] == 100 * units
        assert event["energy"] == TERMS.price_per_kwh * units // 10
        assert event["energy"] == bill(TEN, NOON, watt_hours, 20).energy

    def test_a_lease_without_energy_never_pays_for_any(self, world, market, lease):
        reach(NOON)
        assert world.leave(lease, TEN, NOON, 50_000).events["Settled"]["energy"] == 0

    @pytest.mark.parametrize("energy", [2**32, 2**256 - 1])
    def test_reverts_for_more_than_its_signed_type_holds(self, world, market, lease, energy):
        reach(NOON)
        with reverts("OutOfRange", "energyWh", energy, 0, 2**32 - 1):
            market.record((lease, 2, TEN, NOON, energy), bytes(65), {"from": world.stranger})


class TestOverstay:
    def test_waits_as_a_claim_when_a_lock_alone_says_so(self, world, market, asset, lease):
        reach(NOON + HOUR)
        tx = world.leave(lease, TEN, NOON + 30 * 60)
        expected = bill(TEN, NOON + 30 * 60)
        assert expected.over_minutes == 25
        assert tx.events["OverstayClaimed"] == {
            "leaseId": lease,
            "arrived": 1,
            "until": 150,
            "energyUsed": 0,
            "overstay": expected.overstay,
        }
        assert "Settled" not in tx.events
        assert market.leaseOf(lease)[1] == CLAIMED
        assert market.creditOf(world.owner) == 0
        assert asset.balanceOf(market) == DEPOSIT

    def test_settles_at_once_when_the_driver_brings_the_record(self, world, market, lease):
        reach(NOON + HOUR)
        event = world.leave(lease, TEN, NOON + 30 * 60, sender=world.driver).events["Settled"]
        expected = bill(TEN, NOON + 30 * 60)
        assert (event["overstay"], event["fee"], event["refund"]) == (
            expected.overstay, expected.fee, expected.refund
        )  # fmt: skip
        assert event["outcome"] == 1

    @pytest.mark.parametrize(
        ("seconds", "over"),
        [(5 * 60 + 59, 0), (6 * 60, 1), (65 * 60, 60), (66 * 60, 60), (23 * HOUR, 60)],
    )
    def test_has_five_minutes_of_grace_and_never_costs_more_than_the_reserve(
        self, world, market, lease, seconds, over
    ):
        """A long overstay is stored as the bound, never refused: refusing would make it cheap."""
        reach(NOON + 24 * HOUR)
        event = world.leave(lease, TEN, NOON + seconds, sender=world.driver).events["Settled"]
        assert event["overstay"] == TERMS.price_per_slot * TERMS.overstay_pct * over // 1500
        assert event["until"] == min(120 + seconds // 60, 120 + 5 + 60)

    def test_without_a_reserve_there_is_no_overstay_to_claim(self, world, market, space):
        world.offer(space, replace(TERMS, reserve_minutes=0))
        lease = world.lease(space, offer=2)
        reach(NOON + 12 * HOUR)
        event = world.leave(lease, TEN, NOON + 12 * HOUR).events["Settled"]
        assert (event["overstay"], event["until"]) == (0, 125)

    @pytest.mark.parametrize("kind", [1, 2])
    def test_no_second_record_is_taken_while_a_claim_waits(self, world, market, lease, kind):
        reach(NOON + HOUR)
        world.leave(lease, TEN, NOON + 1800)
        with reverts("WrongState", lease, CLAIMED):
            world.record(Seen(lease, kind, TEN, TEN))

    def test_keeps_the_slots_until_it_is_closed(self, world, market, space):
        lease = world.lease(space)
        reach(NOON + HOUR)
        world.leave(lease, TEN, NOON + 1800)
        assert taken_slots(market, space, START, START + 8) == set(range(START, START + 8))


class TestSignature:
    """What is not signed by this lock, for this lease, in this market, on this chain, does not
    count."""

    def refused(self, world, market, seen, signature):
        with reverts("BadSignature", "lock", world.lock.address):
            market.record(seen.form(), signature, {"from": world.stranger})

    @pytest.fixture
    def seen(self, lease):
        reach(NOON)
        return Seen(lease, 2, TEN, TEN + HOUR, 0)

    def test_by_another_key(self, world, market, seen):
        self.refused(world, market, seen, world.signed(seen, key("another lock")))

    @pytest.mark.parametrize("length", [0, 64, 66])
    def test_of_another_length(self, world, market, seen, length):
        self.refused(world, market, seen, bytes(length))

    def test_compact_form_of_eip_2098(self, world, market, seen):
        signature = world.signed(seen)
        flag = (signature[64] - 27) << 7
        compact = signature[:32] + bytes([signature[32] | flag]) + signature[33:64]
        self.refused(world, market, seen, compact)

    def test_mirrored_in_the_group_order(self, world, market, seen):
        self.refused(world, market, seen, malleable(world.signed(seen)))

    @pytest.mark.parametrize("v", [0, 1, 26, 29, 255])
    def test_with_another_recovery_byte(self, world, market, seen, v):
        self.refused(world, market, seen, world.signed(seen)[:64] + bytes([v]))

    @pytest.mark.parametrize(
        "change",
        [{"kind": 1, "until": TEN}, {"from_": TEN + 1}, {"until": TEN + 60}, {"energy": 100}],
    )
    def test_over_another_record(self, world, market, seen, change):
        self.refused(world, market, replace(seen, **change), world.signed(seen))

    def test_over_another_lease_of_the_same_lock(self, world, market, space, seen):
        later = world.lease(space, START + 12, slots=4)
        reach(NOON + 2 * HOUR)
        forged = Seen(later, 2, NOON + HOUR, NOON + HOUR + 600)
        self.refused(world, market, forged, world.signed(replace(forged, lease=seen.lease)))

    def test_of_the_lock_of_another_space(self, world, market, seen):
        neighbour = world.register(1, lock=key("lock 1"))
        world.offer(neighbour)
        self.refused(world, market, seen, world.signed(seen, key("lock 1")))

    @pytest.mark.parametrize(
        "domain",
        [
            {"chain_id": 1},
            {"market": "0x" + "11" * 20},
            {"version": "2"},
            {"name": "Berth Parking Market "},
        ],
    )
    def test_for_another_chain_contract_version_or_name(self, world, market, seen, domain):
        values = {"chain_id": world.domain.chain_id, "market": world.domain.market} | domain
        message = messages.occupancy(
            messages.Domain(**values), seen.lease, seen.kind, seen.from_, seen.until, seen.energy
        )
        self.refused(world, market, seen, messages.sign(message, world.lock.private))

    def test_a_maker_who_is_revoked_does_not_void_the_records_of_open_leases(
        self, world, market, seen
    ):
        market.revokeAttester(3, {"from": world.guardian})
        world.record(seen)
        assert market.leaseOf(seen.lease)[1] == SETTLED

    def test_replayed_in_a_second_market_it_finds_no_lease(self, world, market, seen):
        other = world.second_market().market
        with reverts("LeaseUnknown", seen.lease):
            other.record(seen.form(), world.signed(seen), {"from": world.stranger})


class TestKinds:
    @pytest.mark.parametrize("kind", [0, 5, 2**8 + 1, 2**256 - 1])
    def test_reverts_for_a_kind_that_is_none(self, world, market, lease, kind):
        reach(NOON)
        with reverts("KindUnknown", kind):
            market.record((lease, kind, TEN, TEN, 0), bytes(65), {"from": world.stranger})

    @pytest.mark.parametrize("kind", [1, 2, 3, 4])
    def test_reverts_for_a_lease_that_never_was(self, world, market, lease, kind):
        reach(NOON)
        for unknown in (0, lease + 1, lease | 1 << 112):
            with reverts("LeaseUnknown", unknown):
                market.record((unknown, kind, TEN, TEN, 0), bytes(65), {"from": world.stranger})
