"""The table that search begins with follows spaces and private records, whoever writes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from berth.core.geo import decode_cell, encode_cell
from berth.core.slots import slot_at
from berth.market.search import search
from berth.market.stays import Stay
from berth.market.wanted import Charger, Wanted
from berth.store import derived, kept
from berth.store.points import space_points
from sqlalchemy import insert, select, text, update

from tests.backend.databases import Databases
from tests.backend.worlds import NOW, OLGA, TOWN_HALL, World, cell_centre

CURRENT = slot_at(NOW)


@pytest.fixture
def world(tmp_path: Path, databases: Databases) -> Iterator[World]:
    made = World(tmp_path, databases.url())
    yield made
    made.close()


def points(world: World) -> list[tuple[str, float, float]]:
    columns = (space_points.c.space_id, space_points.c.lat, space_points.c.lon)
    with world.store.read() as conn:
        return [tuple(row) for row in conn.execute(select(*columns).order_by(columns[0]))]


def boxes(world: World) -> int:
    with world.store.read() as conn:
        if conn.dialect.name != "sqlite":
            return len(points(world))
        return int(conn.execute(text("SELECT count(*) FROM space_boxes")).scalar_one())


def say(world: World, space: str, lat: float, lon: float) -> None:
    with world.store.write() as conn:
        conn.execute(
            insert(kept.space_private).values(
                space_id=space,
                public_lat=lat,
                public_lon=lon,
                updated_at=NOW,
                by_owner=OLGA.address,
            )
        )


def test_a_point_lives_as_its_space_and_record_do(world: World) -> None:
    space = world.add_space()
    assert points(world) == [(space, *cell_centre(TOWN_HALL))]
    say(world, space, 1.5, 2.5)
    assert points(world) == [(space, 1.5, 2.5)]
    with world.store.write() as conn:
        conn.execute(update(kept.space_private).values(public_lat=3.5))
    assert points(world) == [(space, 3.5, 2.5)]
    with world.store.write() as conn:
        conn.execute(derived.spaces.delete())
    assert (points(world), boxes(world)) == ([], 0)
    # the chain is read again: the owner's point is still known
    world.add_space()
    assert points(world) == [(space, 3.5, 2.5)]
    with world.store.write() as conn:
        conn.execute(kept.space_private.delete())
    assert points(world) == [(space, *cell_centre(TOWN_HALL))]
    assert boxes(world) == 1


def test_the_cells_centre_in_sql_is_the_cells_centre_in_python(world: World) -> None:
    places = [(0.0, 0.0), (-89.99, -179.99), (89.99, 179.99), (25.05, 121.54), (-37.8, 144.96)]
    for index, place in enumerate(places):
        world.add_space(index, place=place)
    expected = [decode_cell(encode_cell(*place)) for place in places]
    assert [(lat, lon) for _, lat, lon in points(world)] == expected


def test_search_finds_the_same_on_both_databases(world: World) -> None:
    world.add_edition()
    near, far = world.add_space(1), world.add_space(2, place=(-37.70, 144.96))
    for space in (near, far):
        world.add_offer(space)
    taken = world.add_space(3)
    world.add_offer(taken)
    world.add_lease(taken, CURRENT + 2, 4)
    closed = world.add_lease(near, CURRENT - 8, 10)
    world.settle(closed, minutes=60)
    wanted = Wanted(stay=Stay(CURRENT + 1, 4), point=TOWN_HALL, radius=2000)
    charged = replace(wanted, charger=Charger(1, 10, 1))
    worded = replace(wanted, point=None, words="Melbourne")
    with world.store.read() as conn:
        assert [hit.candidate.space_id for hit in search(conn, wanted, 9, NOW).hits] == [near]
        assert search(conn, charged, 9, NOW).among.total == 0
        assert search(conn, worded, 9, NOW).among.total == 2
