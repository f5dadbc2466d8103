"""For how long a space stays free after a stay: calendar, hours, days and papers."""

from __future__ import annotations

from berth.core.slots import SLOTS_PER_DAY, slot_at, slot_start
from berth.core.weekly import ALL_HOURS, hour_of_week
from berth.market.search import search
from berth.market.stays import Stay
from berth.market.wanted import Wanted

from tests.backend.worlds import NOW, TOWN_HALL, World

CURRENT = slot_at(NOW)
STAY = Stay(CURRENT + 4, 8)


def free_after(world: World) -> int:
    with world.store.read() as conn:
        (hit,) = search(conn, Wanted(stay=STAY, point=TOWN_HALL, radius=2000), 10, NOW).hits
    return hit.open_slots


def test_a_space_that_nobody_wants_is_free_for_a_day_and_no_more_is_said(world: World) -> None:
    world.add_offer(world.add_space())
    assert free_after(world) == SLOTS_PER_DAY


def test_the_next_lease_ends_it_and_one_that_closed_before_its_start_does_not(
    world: World,
) -> None:
    space = world.add_space()
    world.add_offer(space)
    world.add_lease(space, STAY.end_slot + 20, 4)
    assert free_after(world) == 20
    cancelled = world.add_lease(space, STAY.end_slot + 6, 4)
    assert free_after(world) == 6
    world.settle(cancelled, outcome=5, closed_at=slot_start(STAY.end_slot + 6))
    assert free_after(world) == 20


def test_a_lease_that_follows_at_once_leaves_nothing(world: World) -> None:
    space = world.add_space()
    world.add_offer(space)
    world.add_lease(space, STAY.end_slot, 1)
    assert free_after(world) == 0


def test_hours_that_are_not_shared_end_it(world: World) -> None:
    space = world.add_space()
    closed = 1 << hour_of_week(STAY.end_slot + 12)
    world.add_offer(space, hours_of_week=ALL_HOURS & ~closed)
    assert free_after(world) == 12 - STAY.end_slot % 4


def test_the_offers_last_day_ends_it(world: World) -> None:
    space = world.add_space()
    day = (STAY.end_slot - 1) // SLOTS_PER_DAY
    world.add_offer(space, last_day=day)
    assert free_after(world) == (day + 1) * SLOTS_PER_DAY - STAY.end_slot


def test_papers_that_lapse_end_it(world: World) -> None:
    day = (STAY.end_slot - 1) // SLOTS_PER_DAY
    world.add_offer(world.add_space(valid_day=day))
    assert free_after(world) == (day + 1) * SLOTS_PER_DAY - STAY.end_slot
