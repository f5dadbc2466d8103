"""Attacks on the calendar: overlaps, ids used again, numbers at the end of their range."""

from dataclasses import replace

import pytest
from berth.core import tariff
from berth.core.ids import lease_id
from support.attacks import attack, name_arbiter, nothing_gained, occupancy, take
from support.calendar import taken_slots
from support.clock import HOUR, MONDAY, at, reach, slot
from support.errors import reverts
from support.forms import TERMS
from support.world import ENOUGH, START

TEN = MONDAY + 10 * HOUR
DEPOSIT = tariff.deposit(TERMS, 8, 0)
LEFT, BLOCKED = 2, 3
#: The first slot of a calendar word after START.
WORD = (START // 256 + 1) * 256


@attack(1)
class TestOverlap:
    """Two cars in one space: the one thing that a market of spaces must never sell."""

    @pytest.mark.parametrize(
        ("start", "slots"),
        [(WORD - 4, 8), (WORD, 256), (WORD - 1, 258), (WORD - 3, 600), (WORD + 255, 1)],
    )
    def test_no_stay_that_shares_a_slot_passes_and_both_neighbours_do(
        self, world, market, space, start, slots
    ):
        take(world, space, start, slots=slots)
        with nothing_gained(world, world.stranger, losses={world.driver: 0, world.owner: 0}):
            for rival, count in (
                (start - 1, 2),  # over the first slot
                (start + slots - 1, 1),  # over the last
                (start - 2, min(672, slots + 4)),  # around
                (start, slots),  # the same
                (start + slots // 2, 1),  # inside
            ):
                with reverts("CalendarTaken", space, rival, count):
                    take(world, space, rival, world.stranger, slots=count)
        take(world, space, start - 2, world.stranger, slots=2)
        take(world, space, start + slots, world.stranger, slots=2)
        everything = taken_slots(market, space, start - 10, start + slots + 10)
        assert everything == set(range(start - 2, start + slots + 2))

    def test_an_extension_over_somebody_elses_slot_takes_neither_slot_nor_money(
        self, world, market, asset, space
    ):
        mine = take(world, space, slots=4)
        theirs = take(world, space, START + 6, world.stranger, slots=4)
        with nothing_gained(world, world.driver, losses={world.stranger: 0, world.owner: 0}):
            for more in (3, 4, 6, 7, 660):
                with reverts("CalendarTaken", space, START + 4, more):
                    market.extend((mine, more, 0, world.plate, 2**256 - 1), {"from": world.driver})
            assert market.leaseOf(mine)[3] == 4
            market.extend((mine, 2, 0, world.plate, 2**256 - 1), {"from": world.driver})
        assert taken_slots(market, space, START, START + 12) == set(range(START, START + 10))
        assert market.leaseOf(theirs)[3] == 4

    def test_a_block_takes_no_slot_of_a_lease_and_a_lease_none_of_a_block(
        self, world, market, space
    ):
        lease = take(world, space)
        with nothing_gained(world, world.owner, losses={world.driver: 0}):
            for start, slots in ((START - 1, 2), (START + 7, 2), (START, 8), (START - 4, 600)):
                with reverts("CalendarTaken", space, start, slots):
                    market.blockSlots(space, start, slots, {"from": world.owner})
        market.blockSlots(space, START + 8, 4, {"from": world.owner})
        with reverts("CalendarTaken", space, START + 8, 1):
            market.extend((lease, 1, 0, world.plate, 2**256 - 1), {"from": world.driver})

    def test_unblocking_late_frees_no_slot_that_is_somebodys(self, world, market, space):
        """Half of the block has passed; the neighbours before and behind it are leased."""
        tx = market.blockSlots(space, START, 8, {"from": world.owner})
        block = tx.events["Blocked"]["leaseId"]
        take(world, space, START - 4, slots=4)
        take(world, space, START + 8, world.stranger, slots=4)
        at(TEN + 4 * 900 + 1)
        market.unblock(block, {"from": world.owner})
        held = set(range(START - 4, START + 5)) | set(range(START + 8, START + 12))
        assert taken_slots(market, space, START - 8, START + 16) == held
        with reverts("WrongState", block, 5):
            market.unblock(block, {"from": world.owner})
        take(world, space, START + 5, world.stranger, slots=3)
        assert taken_slots(market, space, START, START + 12) == set(range(START, START + 12))

    def test_what_one_lease_gave_back_and_another_took_is_not_given_back_twice(
        self, world, market, space
    ):
        """The first leaves early, the second takes the rest; nothing ends the first again."""
        first = take(world, space)
        reach(TEN + HOUR)
        world.leave(first, TEN, TEN + HOUR - 60)
        second = take(world, space, START + 5, world.stranger, slots=3)
        seen, signature = occupancy(world, first, LEFT, TEN, TEN + HOUR)
        agreement = (first, DEPOSIT, 0, 2**40)
        for verb, arguments in (
            (market.record, (seen, signature)),
            (market.close, (first,)),
            (market.ownerCancel, (first,)),
            (market.dispute, (first,)),
            (market.agree, (agreement, b"", b"")),
            (market.unblock, (first,)),
        ):
            with reverts("WrongState", first, 4):
                verb(*arguments, {"from": world.owner})
        assert taken_slots(market, space, START + 5, START + 8) == set(range(START + 5, START + 8))
        assert market.leaseOf(second)[1] == 1

    def test_over_a_long_story_the_taken_slots_are_those_leased_less_those_released(
        self, world, market, space
    ):
        """Leases, an extension, a block, a cancellation, an early departure: counted by hand."""
        lease = take(world, space, slots=6)
        market.extend((lease, 2, 0, world.plate, 2**256 - 1), {"from": world.driver})
        block = market.blockSlots(space, START + 8, 4, {"from": world.owner}).events["Blocked"]
        doomed = take(world, space, START + 12, world.stranger, slots=5)
        leased, released = 6 + 2 + 4 + 5, 0
        market.cancel(doomed, {"from": world.stranger})
        market.unblock(block["leaseId"], {"from": world.owner})
        released += 5 + 4
        reach(TEN + HOUR + 1)
        world.leave(lease, TEN, TEN + HOUR)
        released += 3  # the fifth slot has begun
        assert len(taken_slots(market, space, START - 300, START + 300)) == leased - released


@attack(20)
class TestIdsUsedAgain:
    """Space, start and epoch: the same start again is another lease."""

    def test_evidence_for_the_cancelled_lease_says_nothing_about_the_next_one(
        self, world, market, space
    ):
        old = take(world, space, sender=world.stranger)
        market.cancel(old, {"from": world.stranger})
        new = take(world, space)
        assert (old & 0xFFFF, new & 0xFFFF, old >> 16) == (1, 2, new >> 16)
        reach(TEN + 2 * HOUR)
        with nothing_gained(world, world.stranger, world.owner, losses={world.driver: 0}):
            for kind in (1, 2, 3, 4):
                seen, signature = occupancy(world, old, kind, TEN, TEN)
                with reverts("LeaseUnknown", old):
                    market.record(seen, signature, {"from": world.stranger})
                seen, signature = occupancy(world, old, LEFT, TEN, TEN + HOUR)
                with reverts("BadSignature", "lock", world.lock.address):
                    market.record((new, *seen[1:]), signature, {"from": world.stranger})

    def test_no_verb_takes_the_old_id_for_the_new_lease(self, world, market, space):
        old = take(world, space)
        market.cancel(old, {"from": world.driver})
        take(world, space)
        for verb, arguments in (
            (market.cancel, (old,)),
            (market.close, (old,)),
            (market.dispute, (old,)),
            (market.ownerCancel, (old,)),
            (market.unblock, (old,)),
            (market.changeVehicle, (old, world.plate)),
            (market.extend, ((old, 1, 0, world.plate, 2**256 - 1),)),
            (market.agree, ((old, DEPOSIT, 0, 2**40), b"", b"")),
        ):
            with reverts("LeaseUnknown", old):
                verb(*arguments, {"from": world.driver})

    def test_a_block_in_the_place_of_a_lease_is_not_the_lease(self, world, market, space):
        """No money was ever in it: neither its owner nor the last driver can make it pay."""
        lease = take(world, space)
        market.cancel(lease, {"from": world.driver})
        tx = market.blockSlots(space, START, 8, {"from": world.owner})
        block = tx.events["Blocked"]["leaseId"]
        with nothing_gained(world, world.owner, losses={world.driver: 0}):
            reach(TEN + 3 * HOUR)
            seen, signature = occupancy(world, block, BLOCKED, TEN, TEN + HOUR)
            for verb, arguments in (
                (market.record, (seen, signature)),
                (market.close, (block,)),
                (market.cancel, (block,)),
                (market.ownerCancel, (block,)),
                (market.dispute, (block,)),
                (market.agree, ((block, 0, 0, 2**40), b"", b"")),
                (market.extend, ((block, 1, 0, world.plate, 2**256 - 1),)),
                (market.changeVehicle, (block, world.plate)),
            ):
                with reverts("WrongState", block, 6):
                    verb(*arguments, {"from": world.owner})
            with reverts("WrongState", block, 6):
                market.depositOf(block)

    def test_epochs_of_blocks_and_leases_are_one_count(self, world, market, space):
        for epoch in (1, 3, 5):
            lease = take(world, space)
            assert lease == lease_id(space, START, epoch)
            market.cancel(lease, {"from": world.driver})
            tx = market.blockSlots(space, START, 2, {"from": world.owner})
            block = tx.events["Blocked"]["leaseId"]
            assert block == lease_id(space, START, epoch + 1)
            market.unblock(block, {"from": world.owner})


@attack(18)
class TestNumbers:
    """Nothing truncates, wraps around, or rounds in the attacker's favour."""

    def test_a_start_that_would_wrap_into_the_present_is_refused(self, world, market, space):
        """2^32 + START would be START in the key of the calendar."""
        with nothing_gained(world, world.driver, losses={world.owner: 0}):
            current = slot(MONDAY)
            for start in (2**32 + START, 2**64 + START, 2**256 - 1):
                with reverts("StartTooFar", start, current + 8640):
                    take(world, space, start)
                with reverts("StartTooFar", start, current + 8640):
                    market.blockSlots(space, start, 1, {"from": world.owner})

    def test_an_id_with_bits_beyond_its_fields_is_nobodys(self, world, market, space):
        lease = take(world, space)
        with nothing_gained(world, world.driver, world.owner):
            for alias in (lease | 1 << 112, lease | 1 << 255, lease + (1 << 128)):
                for verb, arguments in (
                    (market.cancel, (alias,)),
                    (market.ownerCancel, (alias,)),
                    (market.closeBatch, ([alias],)),
                    (market.agree, ((alias, DEPOSIT, 0, 2**40), b"", b"")),
                ):
                    with reverts("LeaseUnknown", alias):
                        verb(*arguments, {"from": world.driver})

    def test_a_price_that_rounds_to_nothing_never_pays_more_than_was_paid_in(
        self, world, market, space
    ):
        """One unit a slot, and every percentage of it is a fraction: charges are zero, not free
        money."""
        cheap = replace(
            TERMS, price_per_slot=1, price_per_kwh=0, overstay_pct=100, reserve_minutes=14
        )
        offer = world.offer(space, cheap)
        with nothing_gained(world, world.driver, world.owner):
            lease = take(world, space, slots=1, offer=offer)
            assert market.depositOf(lease) == tariff.deposit(cheap, 1, 0) == 1
            at(TEN - HOUR)
            event = market.cancel(lease, {"from": world.driver}).events["Settled"]
            assert (event["rent"], event["fee"], event["refund"]) == (0, 0, 1)

    def test_the_dearest_lease_there_can_be_adds_up(self, world, market, asset, space):
        """80-bit prices, 672 slots, all the reserve and all the energy: below 2^91, and nothing is
        lost."""
        most = 2**80 - 1
        dear = replace(
            TERMS,
            price_per_slot=most,
            price_per_kwh=most,
            overstay_pct=1000,
            reserve_minutes=1440,
            minimum_pct=100,
        )
        offer = world.offer(space, dear)
        deposit = tariff.deposit(dear, 672, 255)
        assert deposit < 2**91
        asset.mint(world.driver, deposit, {"from": world.driver})
        with nothing_gained(world, world.driver, world.owner):
            lease = take(world, space, slots=672, offer=offer, kwh=255)
            end = TEN + 672 * 900
            reach(end + 1450 * 60)
            # every figure above its bound
            world.leave(lease, TEN, end + 1450 * 60, 2**32 - 1, sender=world.driver)
            bill = tariff.bill(dear, START, 672, 255, TEN, end + 1450 * 60, 2**32 - 1)
            assert market.creditOf(world.owner) == bill.owner
            assert bill.refund == market.creditOf(world.driver) == 0

    def test_figures_beyond_their_field_are_named_and_not_cut(self, world, market, space):
        lease = take(world, space)
        reach(TEN + HOUR)
        with nothing_gained(world, world.owner, losses={world.driver: 0}):
            with reverts("EvidenceTime", "until", 2**40 + TEN, TEN, TEN + HOUR + 1):
                market.record((lease, 2, TEN, 2**40 + TEN, 0), bytes(65), {"from": world.owner})
            with reverts("OutOfRange", "energyWh", 2**32, 0, 2**32 - 1):
                market.record((lease, 2, TEN, TEN, 2**32), bytes(65), {"from": world.owner})
            with reverts("OutOfRange", "kwh", 256, 0, 255):
                market.extend((lease, 0, 256, world.plate, ENOUGH), {"from": world.driver})
            with reverts("OutOfRange", "slots", 2**256 - 1, 1, 664):
                market.extend((lease, 2**256 - 1, 0, world.plate, ENOUGH), {"from": world.driver})
            arbiter = name_arbiter(world)
            market.dispute(lease, {"from": world.owner})
            deposit = tariff.deposit(TERMS, 8, 0)
            for cost in (deposit + 1, 2**128, 2**256 - 1):
                with reverts("CostAboveDeposit", cost, deposit):
                    market.resolve(lease, cost, {"from": arbiter})
