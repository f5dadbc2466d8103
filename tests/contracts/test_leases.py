"""Leases: what is refused and why, what a calendar allows, and where the deposit comes from."""

import random
from dataclasses import replace

import pytest
from berth.core import tariff
from berth.core.ids import lease_id
from berth.core.states import LeaseState
from berth.core.weekly import daily_mask, touched_hours
from berth.core.words import LeaseWord
from support.calendar import taken_slots
from support.clock import DAY, HOUR, MONDAY, at, reach, slot
from support.errors import reverts, reverts_with
from support.forms import TERMS
from support.keys import key
from support.storage import set_lease_word
from support.world import CITY, ENOUGH, START, TODAY, VEHICLES

DEPOSIT = tariff.deposit(TERMS, 8, 0)
TEN = MONDAY + 10 * HOUR


class TestLease:
    def test_books_escrows_and_broadcasts_the_second_association(self, world, market, asset, space):
        tx = market.lease(world.request(space, kwh=20).form(), {"from": world.driver})
        deposit = tariff.deposit(TERMS, 8, 20)
        lease = lease_id(space, START, 1)
        assert tx.return_value == lease
        assert tx.events["Leased"] == {
            "leaseId": lease,
            "driver": world.driver,
            "cell": world.edition.titles[0].cell,
            "slots": 8,
            "offer": 1,
            "kwhCap": 20,
            "deposit": deposit,
            "pulled": deposit,
            "plateCommitment": "0x" + world.plate.hex(),
        }
        assert asset.balanceOf(market) == deposit == market.depositOf(lease)
        assert market.leaseOf(lease) == (world.driver, 1, False, 8, 1, 1, 20, 0, 0, 0, False)
        assert taken_slots(market, space, START - 8, START + 16) == set(range(START, START + 8))

    def test_takes_credit_first_and_only_the_rest_from_the_wallet(
        self, world, market, asset, space
    ):
        market.deposit(DEPOSIT - 1000, {"from": world.driver})
        before = asset.balanceOf(world.driver)
        tx = market.lease(world.request(space).form(), {"from": world.driver})
        assert tx.events["Leased"]["pulled"] == 1000
        assert market.creditOf(world.driver) == 0
        assert asset.balanceOf(world.driver) == before - 1000

    def test_moves_no_token_when_credit_is_enough(self, world, market, asset, space):
        market.deposit(DEPOSIT + 7, {"from": world.driver})
        tx = market.lease(world.request(space).form(), {"from": world.driver})
        assert tx.events["Leased"]["pulled"] == 0
        assert "Transfer" not in tx.events
        assert market.creditOf(world.driver) == 7

    def test_reverts_when_neither_credit_nor_wallet_can_pay(self, world, market, asset, space):
        asset.transfer(world.stranger, ENOUGH - 5, {"from": world.driver})
        with reverts_with(
            f"ERC20InsufficientBalance: {world.driver.address.lower()}, 5, {DEPOSIT}"
        ):
            market.lease(world.request(space).form(), {"from": world.driver})
        assert taken_slots(market, space, START, START + 8) == set()

    def test_any_live_offer_may_be_chosen_and_its_terms_hold(self, world, market, space):
        dear = replace(TERMS, price_per_slot=3_000_000)
        world.offer(space, dear)
        lease = world.lease(space, offer=2)
        assert market.depositOf(lease) == tariff.deposit(dear, 8, 0)
        assert market.leaseOf(lease)[4] == 2

    def test_a_fee_raised_later_does_not_touch_it(self, world, market, space):
        lease = world.lease(space)
        market.setFee(1000, {"from": world.admin})
        reach(TEN + 2 * HOUR)
        tx = world.leave(lease, TEN, TEN + 2 * HOUR)
        cost = 8 * TERMS.price_per_slot
        assert tx.events["Settled"]["fee"] == cost * 250 // 10_000

    def test_an_owner_may_lease_the_own_space_and_pays_the_fee(self, world, market, space):
        market.registerVehicle(world.vehicle(world.owner, b"\x31" * 32), {"from": world.owner})
        lease = world.lease(space, sender=world.owner, plate=b"\x31" * 32)
        reach(TEN + 2 * HOUR)
        world.leave(lease, TEN, TEN + 2 * HOUR)
        cost = 8 * TERMS.price_per_slot
        assert market.creditOf(world.owner) == DEPOSIT - cost * 250 // 10_000


class TestRefusals:
    @pytest.mark.parametrize("unknown", [CITY << 32 | 1, 0, 2**64, 2**256 - 1])
    def test_a_space_that_is_not_registered(self, world, market, unknown):
        with reverts("SpaceUnknown", unknown):
            market.lease(world.request(unknown).form(), {"from": world.driver})

    @pytest.mark.parametrize("slots", [0, 673, 2**256 - 1])
    def test_a_stay_of_no_slot_or_of_more_than_a_week(self, world, market, space, slots):
        with reverts("OutOfRange", "slots", slots, 1, 672):
            market.lease(world.request(space, slots=slots).form(), {"from": world.driver})

    @pytest.mark.parametrize("kwh", [256, 2**256 - 1])
    def test_more_energy_than_a_lease_can_hold(self, world, market, space, kwh):
        with reverts("OutOfRange", "kwhCap", kwh, 0, 255):
            market.lease(world.request(space, kwh=kwh).form(), {"from": world.driver})

    def test_a_start_before_the_current_slot(self, world, market, space):
        at(TEN)
        with reverts("StartInPast", START - 1, START):
            market.lease(world.request(space, START - 1).form(), {"from": world.driver})

    def test_the_current_slot_is_legal_to_its_last_second(self, world, market, space):
        at(TEN + 899)
        assert world.lease(space)

    def test_the_current_slot_is_illegal_one_second_later(self, world, market, space):
        at(TEN + 900)
        with reverts("StartInPast", START, START + 1):
            market.lease(world.request(space).form(), {"from": world.driver})

    def test_a_start_more_than_ninety_days_ahead(self, world, market, space):
        current = slot(MONDAY + DAY)
        at(MONDAY + DAY)
        with reverts("StartTooFar", current + 8641, current + 8640):
            market.lease(world.request(space, current + 8641).form(), {"from": world.driver})

    def test_ninety_days_ahead_are_legal(self, world, market, space):
        at(MONDAY + DAY)
        assert world.lease(space, slot(MONDAY + DAY) + 8640)

    @pytest.mark.parametrize("start", [2**32, 2**255, 2**256 - 1])
    def test_a_start_at_the_end_of_the_number_range(self, world, market, space, start):
        at(TEN)
        with reverts("StartTooFar", start, START + 8640):
            market.lease(world.request(space, start).form(), {"from": world.driver})

    @pytest.mark.parametrize("offer", [0, 2, 65_536, 65_537, 2**256 - 1])
    def test_an_offer_that_is_not_live(self, world, market, space, offer):
        with reverts("OfferNotLive", space, offer, 1, 1):
            market.lease(world.request(space, offer=offer).form(), {"from": world.driver})

    def test_a_space_without_any_offer(self, world, market):
        bare = world.register(1)
        with reverts("OfferNotLive", bare, 1, 1, 0):
            market.lease(world.request(bare).form(), {"from": world.driver})

    @pytest.mark.parametrize("slots", [3, 9])
    def test_a_stay_shorter_or_longer_than_the_offer_allows(self, world, market, space, slots):
        world.offer(space, replace(TERMS, min_slots=4, max_slots=8))
        with reverts("StayOutOfOffer", slots, 4, 8):
            market.lease(world.request(space, offer=2, slots=slots).form(), {"from": world.driver})

    def test_hours_that_the_offer_does_not_share(self, world, market, space):
        shared = daily_mask(range(5), 9, 12)
        world.offer(space, replace(TERMS, hours_of_week=shared))
        wanted = touched_hours(START, 9)
        with reverts("HoursNotShared", wanted, shared):
            market.lease(world.request(space, offer=2, slots=9).form(), {"from": world.driver})
        assert world.lease(space, offer=2, slots=8)

    def test_hours_are_local_to_the_offer(self, world, market, space):
        """10 to 12 UTC is 21 to 23 in Melbourne's summer."""
        world.offer(
            space, replace(TERMS, utc_offset=44, hours_of_week=daily_mask(range(7), 21, 23))
        )
        assert world.lease(space, offer=2, slots=8)
        with reverts(
            "HoursNotShared", touched_hours(START + 8 + 44, 1), daily_mask(range(7), 21, 23)
        ):
            market.lease(
                world.request(space, START + 8, offer=2, slots=1).form(), {"from": world.driver}
            )

    def test_a_week_of_hours_needs_every_hour(self, world, market, space):
        week = 2**168 - 1
        world.offer(space, replace(TERMS, hours_of_week=week - 1))
        with reverts("HoursNotShared", week, week - 1):
            market.lease(world.request(space, offer=2, slots=672).form(), {"from": world.driver})

    @pytest.mark.parametrize(
        ("first", "last", "start", "slots", "days"),
        [
            (1, 1, MONDAY + DAY - HOUR, 8, (0, 1)),  # begins a day early
            (0, 0, MONDAY + DAY - HOUR, 5, (0, 1)),  # ends a slot into the next day
            (2, 3, MONDAY + DAY + HOUR, 1, (1, 1)),
        ],
    )
    def test_days_that_the_offer_does_not_cover(
        self, world, market, space, first, last, start, slots, days
    ):
        world.offer(space, replace(TERMS, first_day=TODAY + first, last_day=TODAY + last))
        with reverts(
            "DaysNotShared", TODAY + days[0], TODAY + days[1], TODAY + first, TODAY + last
        ):
            market.lease(
                world.request(space, slot(start), offer=2, slots=slots).form(),
                {"from": world.driver},
            )

    def test_days_are_local_to_the_offer_and_whole(self, world, market, space):
        """Local Tuesday of UTC-12 is Tuesday 12:00 to Wednesday 12:00 UTC."""
        world.offer(space, replace(TERMS, utc_offset=-48, first_day=TODAY + 1, last_day=TODAY + 1))
        noon = slot(MONDAY + DAY + 12 * HOUR)
        assert world.lease(space, noon, offer=2, slots=96)
        with reverts("DaysNotShared", TODAY, TODAY, TODAY + 1, TODAY + 1):
            market.lease(
                world.request(space, noon - 1, offer=2, slots=1).form(), {"from": world.driver}
            )

    def test_a_stay_that_outlives_the_spaces_proofs(self, world, market):
        made = world.registration(1)
        made.lock[2] = TODAY + 1
        made.lock[3] = world.maker_word(made.lock[0], TODAY + 1)
        market.registerSpace(made.form(), {"from": world.owner})
        short = CITY << 32 | 1
        world.offer(short)
        midnight = slot(MONDAY + 2 * DAY)
        with reverts("SpaceLapses", short, TODAY + 2, TODAY + 1):
            market.lease(world.request(short, midnight - 8, slots=9).form(), {"from": world.driver})
        # ending exactly at midnight is still the last valid day
        assert world.lease(short, midnight - 8, slots=8)

    def test_a_vehicle_that_nobody_registered(self, world, market, space):
        with reverts("VehicleNotDrivers", b"\x99" * 32, "0x" + "00" * 20, world.driver):
            market.lease(world.request(space, plate=b"\x99" * 32).form(), {"from": world.driver})

    def test_anothers_vehicle(self, world, market, space):
        with reverts("VehicleNotDrivers", world.plate, world.driver, world.stranger):
            market.lease(world.request(space).form(), {"from": world.stranger})

    def test_a_vehicle_whose_attestation_ends_a_slot_too_early(self, world, market, space):
        plate = b"\x41" * 32
        market.registerVehicle(
            world.vehicle(world.driver, plate, until=START + 7), {"from": world.driver}
        )
        with reverts("VehicleLapses", plate, START + 7, START + 8):
            market.lease(world.request(space, plate=plate).form(), {"from": world.driver})
        assert world.lease(space, plate=plate, slots=7)

    def test_a_vehicle_whose_verifier_was_revoked(self, world, market, space):
        market.revokeAttester(VEHICLES, {"from": world.guardian})
        with reverts("AttesterRevoked", VEHICLES):
            market.lease(world.request(space).form(), {"from": world.driver})

    def test_a_deposit_above_what_the_driver_agreed_to(self, world, market, space):
        with reverts("CostAboveMaximum", DEPOSIT, DEPOSIT - 1):
            market.lease(world.request(space, most=DEPOSIT - 1).form(), {"from": world.driver})
        assert world.lease(space, most=DEPOSIT)

    def test_anything_while_paused(self, world, market, space):
        market.pause({"from": world.guardian})
        until = market.config()[1]
        with reverts("Paused", until):
            market.lease(world.request(space).form(), {"from": world.driver})
        with reverts("Paused", until):
            market.leaseWithVehicle(
                world.request(space).form(), world.vehicle(), {"from": world.driver}
            )

    def test_the_65536th_lease_of_the_same_start(self, world, market, space):
        def come_and_go_early(lease):
            """Ends a lease before it begins: all its slots are free again."""
            world.leave(lease, TEN - 900, TEN - 800)
            assert taken_slots(market, space, START, START + 8) == set()

        lease = world.lease(space)
        reach(TEN - 600)
        come_and_go_early(lease)
        ended = LeaseWord(world.driver.address, LeaseState.SETTLED, False, 8, 1, 1, 0, 1, 0, 0)
        assert market.leaseOf(lease)[1:] == (4, False, 8, 1, 1, 0, 1, 0, 0, False)
        set_lease_word(world, space, START, ended.encode(), replace(ended, epoch=65_534).encode())
        last = world.lease(space)
        assert last == lease_id(space, START, 65_535)
        come_and_go_early(last)
        with reverts("EpochExhausted", space, START):
            market.lease(world.request(space).form(), {"from": world.driver})


class TestCalendar:
    @pytest.mark.parametrize(
        ("start", "slots"),
        [
            (START - 1, 2),
            (START + 7, 1),
            (START, 8),
            (START + 3, 2),
            (START - 8, 24),
            (START - 30, 600),
        ],
    )
    def test_lease_reverts_when_one_slot_overlaps(self, world, market, space, start, slots):
        world.lease(space)
        with reverts("CalendarTaken", space, start, slots):
            market.lease(world.request(space, start, slots=slots).form(), {"from": world.driver})

    def test_adjacent_leases_on_both_sides_pass(self, world, market, space):
        world.lease(space)
        world.lease(space, START - 4, slots=4)
        world.lease(space, START + 8, slots=1)
        assert taken_slots(market, space, START - 8, START + 16) == set(range(START - 4, START + 9))

    def test_another_space_has_a_calendar_of_its_own(self, world, market, space):
        other = world.register(1)
        world.offer(other)
        world.lease(space)
        assert world.lease(other)

    def test_a_stay_across_two_words_takes_exactly_its_slots(self, world, market, space):
        edge = (START // 256 + 1) * 256
        world.lease(space, edge - 3, slots=7)
        assert taken_slots(market, space, edge - 20, edge + 20) == set(range(edge - 3, edge + 4))
        for start, slots in ((edge - 4, 2), (edge - 1, 1), (edge, 1), (edge + 3, 5)):
            with reverts("CalendarTaken", space, start, slots):
                market.lease(
                    world.request(space, start, slots=slots).form(), {"from": world.driver}
                )
        assert world.lease(space, edge - 4, slots=1)
        assert world.lease(space, edge + 4, slots=1)

    @pytest.mark.parametrize("offset", [0, 1, 255])
    @pytest.mark.parametrize("slots", [255, 256, 257, 512, 672])
    def test_long_stays_take_exactly_their_slots(self, world, market, space, offset, slots):
        start = (START // 256 + 1) * 256 + offset
        world.lease(space, start, slots=slots)
        taken = taken_slots(market, space, start - 300, start + slots + 300)
        assert taken == set(range(start, start + slots))
        with reverts("CalendarTaken", space, start + slots - 1, 1):
            market.lease(
                world.request(space, start + slots - 1, slots=1).form(), {"from": world.driver}
            )
        assert world.lease(space, start + slots, slots=1)

    def test_a_refused_long_stay_leaves_no_slot_behind(self, world, market, space):
        start = (START // 256 + 1) * 256 - 10
        world.lease(space, start + 600, slots=1)
        with reverts("CalendarTaken", space, start, 672):
            market.lease(world.request(space, start, slots=672).form(), {"from": world.driver})
        assert taken_slots(market, space, start - 20, start + 700) == {start + 600}

    def test_the_calendar_refuses_ids_that_would_alias_another_space(self, market):
        with reverts("OutOfRange", "spaceId", 2**64, 0, 2**64 - 1):
            market.calendarOf(2**64, 0)
        with reverts("OutOfRange", "word", 2**24, 0, 2**24 - 1):
            market.calendarOf(1, 2**24)

    @pytest.mark.parametrize("seed", range(3))
    def test_random_wishes_are_granted_as_a_plain_set_grants_them(self, world, market, space, seed):
        lot = random.Random(seed)
        taken: set[int] = set()
        base = (START // 256 + 1) * 256 - 40
        for _ in range(20):
            offset, slots = lot.randint(0, 400), lot.choice([1, 2, 4, 8, 30, 120])
            wanted = set(range(base + offset, base + offset + slots))
            request = world.request(space, base + offset, slots=slots).form()
            if wanted & taken:
                with reverts("CalendarTaken", space, base + offset, slots):
                    market.lease(request, {"from": world.driver})
            else:
                market.lease(request, {"from": world.driver})
                taken |= wanted
        assert taken_slots(market, space, base, base + 600) == taken


class TestLeaseWithVehicle:
    def test_registers_the_vehicle_and_leases_in_one_transaction(self, world, market, space):
        plate = b"\x61" * 32
        tx = market.leaseWithVehicle(
            world.request(space, plate=plate).form(),
            world.vehicle(world.stranger, plate),
            {"from": world.stranger},
        )
        assert tx.events["VehicleRegistered"]["driver"] == world.stranger
        assert tx.events["Leased"]["plateCommitment"] == "0x" + plate.hex()
        assert market.leaseOf(tx.return_value)[0] == world.stranger

    def test_leaves_no_vehicle_behind_when_the_lease_is_refused(self, world, market, space):
        plate = b"\x62" * 32
        with reverts("CostAboveMaximum", DEPOSIT, 1):
            market.leaseWithVehicle(
                world.request(space, plate=plate, most=1).form(),
                world.vehicle(world.driver, plate),
                {"from": world.driver},
            )
        assert market.vehicleOf(plate)[0] == "0x" + "00" * 20

    def test_reverts_for_a_forged_attestation(self, world, market, space):
        with reverts("BadSignature", "vehicle", world.vehicle_verifier.address):
            market.leaseWithVehicle(
                world.request(space, plate=b"\x63" * 32).form(),
                world.vehicle(world.driver, b"\x63" * 32, by=key("nobody")),
                {"from": world.driver},
            )


class TestQuote:
    @pytest.mark.parametrize(("slots", "kwh"), [(1, 0), (8, 20), (672, 255)])
    def test_is_the_deposit_that_a_lease_takes(self, world, market, space, slots, kwh):
        assert market.quote(space, 1, slots, kwh) == tariff.deposit(TERMS, slots, kwh)
        lease = world.lease(space, slots=slots, kwh=kwh)
        assert market.depositOf(lease) == market.quote(space, 1, slots, kwh)

    @pytest.mark.parametrize(
        ("arguments", "field", "value", "low", "high"),
        [
            ((0, 1, 0), "offer", 0, 1, 1),
            ((2, 1, 0), "offer", 2, 1, 1),
            ((65_537, 1, 0), "offer", 65_537, 1, 1),
            ((1, 0, 0), "slots", 0, 1, 672),
            ((1, 673, 0), "slots", 673, 1, 672),
            ((1, 1, 256), "kwhCap", 256, 0, 255),
        ],
    )
    def test_reverts_for_what_cannot_be_leased(
        self, market, space, arguments, field, value, low, high
    ):
        with reverts("OutOfRange", field, value, low, high):
            market.quote(space, *arguments)

    def test_reverts_for_an_unknown_space(self, market):
        with reverts("SpaceUnknown", 5):
            market.quote(5, 1, 1, 0)


class TestLeaseOf:
    def test_reverts_for_leases_that_never_were(self, world, market, space):
        lease = world.lease(space)
        for unknown in (0, lease + 1, lease - 1, lease + (1 << 16), lease | 1 << 112, 2**256 - 1):
            for view in (market.leaseOf, market.depositOf):
                with reverts("LeaseUnknown", unknown):
                    view(unknown)
