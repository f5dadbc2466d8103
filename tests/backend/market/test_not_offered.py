"""What the contract would not lease is not offered: blocked, withdrawn, delisted, taken over."""

from __future__ import annotations

from dataclasses import replace

import pytest
from berth.core.slots import slot_at, slot_start
from berth.market.offers import live_offers
from berth.market.quotes import quote_for
from berth.market.search import free_spaces
from berth.market.spaces import space_of, taken
from berth.market.stays import Stay
from berth.market.wanted import Wanted
from berth.store import kept
from sqlalchemy import insert

from tests.backend.worlds import DINO, EVE, NOW, OLGA, TOWN_HALL, World

CURRENT = slot_at(NOW)
START, SLOTS = CURRENT + 4, 8
PLAIN = Wanted(stay=Stay(START, SLOTS), point=TOWN_HALL, radius=2000)


@pytest.fixture
def space(world: World) -> str:
    """One space with one offer."""
    added = world.add_space()
    world.add_offer(added)
    return added


def found(world: World, wanted: Wanted = PLAIN) -> dict[str, int]:
    """Space to its cheapest offer."""
    with world.store.read() as conn:
        return {one.space_id: one.offer for one in free_spaces(conn, wanted)}


def objections(world: World, space: str, offer: int = 1) -> tuple[str, ...]:
    with world.store.read() as conn:
        return quote_for(
            conn,
            space_id=space,
            offer=offer,
            stay=PLAIN.stay,
            kwh_cap=0,
            plate_commitment=None,
            driver=DINO.address,
            now=NOW,
        ).objections


@pytest.mark.parametrize(
    ("start", "slots", "free"),
    [
        (START - 8, 8, True),
        (START - 8, 9, False),
        (START + 2, 2, False),
        (START + 7, 1, False),
        (START + 8, 5, True),
        (START - 672, 672, True),
        (START - 671, 672, False),
    ],
)
def test_a_blocked_time_is_not_free_and_its_neighbours_are(
    world: World, space: str, start: int, slots: int, free: bool
) -> None:
    world.block_slots(space, start, slots)
    assert (space in found(world)) is free
    assert ("space.taken" not in objections(world, space)) is free


def test_an_ended_block_gives_back_the_slots_that_had_not_begun(world: World, space: str) -> None:
    world.block_slots(space, START, 6, ended_at=slot_start(START + 2) + 1)
    with world.store.read() as conn:
        assert taken(conn, space, START - 5, START + 20) == [(START, START + 3)]
    assert found(world) == {}
    assert found(world, replace(PLAIN, stay=Stay(START + 3, 4))) == {space: 1}


def test_a_block_that_ended_before_it_began_takes_nothing(world: World, space: str) -> None:
    world.block_slots(space, START, 6, ended_at=NOW)
    assert found(world) == {space: 1}


def test_blocks_and_leases_are_one_calendar(world: World, space: str) -> None:
    world.block_slots(space, START, 2)
    world.add_lease(space, START + 2, 3)
    with world.store.read() as conn:
        assert taken(conn, space, START - 5, START + 20) == [(START, START + 5)]


def test_withdrawn_offers_are_not_offered_but_later_ones_are(world: World, space: str) -> None:
    world.add_offer(space, 2, price_per_slot=200_000)
    world.set_space(space, first_live=2)
    assert found(world) == {space: 2}
    assert (objections(world, space, 1), objections(world, space, 2)) == (("offer.withdrawn",), ())
    with world.store.read() as conn:
        assert [number for number, _terms in live_offers(conn, space)] == [2]


def test_a_delisted_space_is_not_offered(world: World, space: str) -> None:
    world.set_space(space, first_live=2, valid_day=0, delisted_day=NOW // 86400)
    assert found(world) == {}
    assert objections(world, space) == ("space.delisted",)


def test_a_former_owners_public_words_and_place_go_with_him(world: World, space: str) -> None:
    with world.store.write() as conn:
        conn.execute(
            insert(kept.space_private).values(
                space_id=space,
                public_lat=TOWN_HALL[0],
                public_lon=TOWN_HALL[1],
                public_area="Carlton",
                public_words="carlton",
                updated_at=NOW,
                by_owner=OLGA.address,
            )
        )
    by_words = replace(PLAIN, point=None, words="carlton")
    assert found(world, replace(PLAIN, radius=10)) == {space: 1}
    assert found(world, by_words) == {space: 1}
    world.set_space(space, owner=EVE.address)
    assert found(world, replace(PLAIN, radius=10)) == {}
    assert found(world, by_words) == {}
    assert found(world) == {space: 1}
    with world.store.read() as conn:
        assert space_of(conn, space).public_area == ""
