"""On PostgreSQL the index and an owner, or two of each, may move one search point at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from berth.store import Store, derived, kept
from berth.store.points import space_points
from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.dialects import postgresql

from tests.backend.databases import Databases, Server
from tests.backend.waiting import until_waiting
from tests.backend.worlds import NOW, OLGA, TOWN_HALL, World, cell_centre

pytestmark = pytest.mark.slow

Write = Callable[[Connection], object]


@pytest.fixture
def world(tmp_path: Path, postgresql_server: Server) -> Iterator[World]:
    databases = Databases("postgresql", tmp_path, postgresql_server)
    made = World(tmp_path, databases.url())
    yield made
    made.close()
    databases.close()


def put_place(space: str, lat: float) -> Write:
    """As an owner's PUT of the place does it."""

    def write(conn: Connection) -> None:
        said = {"public_lat": lat, "public_lon": 2.5, "updated_at": NOW, "by_owner": OLGA.address}
        put = postgresql.insert(kept.space_private).values(space_id=space, **said)
        conn.execute(put.on_conflict_do_update(index_elements=["space_id"], set_=said))

    return write


def take_place_back(space: str) -> Write:
    table = kept.space_private
    return lambda conn: conn.execute(delete(table).where(table.c.space_id == space))


def change_space(space: str, **values: Any) -> Write:
    """As the index does it with a block in which the space's row changes."""
    table = derived.spaces
    changes = values or {"manager": OLGA.address}
    return lambda conn: conn.execute(
        update(table).where(table.c.space_id == space).values(**changes)
    )


def make_space_anew(space: str) -> Write:
    """As the index does it when blocks are taken back."""

    def write(conn: Connection) -> None:
        table = derived.spaces
        row = conn.execute(select(table).where(table.c.space_id == space)).mappings().one()
        conn.execute(delete(table).where(table.c.space_id == space))
        conn.execute(insert(table).values(dict(row)))

    return write


def drop_space(space: str) -> Write:
    table = derived.spaces
    return lambda conn: conn.execute(delete(table).where(table.c.space_id == space))


def at_once(store: Store, first: Write, *others: Write) -> None:
    """The first one has written and not committed when the others write, all in transactions of
    their own; raises what any of them raises."""

    def alone(write: Write) -> None:
        with store.write() as conn:
            write(conn)

    with ThreadPoolExecutor(len(others)) as threads:
        running: list[Future[None]] = []
        with store.write() as conn:
            first(conn)
            for count, write in enumerate(others, start=1):
                running.append(threads.submit(alone, write))
                until_waiting(store, count)
        for one in running:
            one.result(60)


def points(world: World) -> list[tuple[str, float, float]]:
    columns = (space_points.c.space_id, space_points.c.lat, space_points.c.lon)
    with world.store.read() as conn:
        return [tuple(row) for row in conn.execute(select(*columns).order_by(columns[0]))]


def test_the_index_after_an_owner_puts_the_point_where_the_owner_wants_it(world: World) -> None:
    space = world.add_space()
    at_once(world.store, put_place(space, 1.5), change_space(space))
    assert points(world) == [(space, 1.5, 2.5)]


def test_an_owner_after_the_index_does_too(world: World) -> None:
    space = world.add_space()
    at_once(world.store, change_space(space), put_place(space, 1.5))
    assert points(world) == [(space, 1.5, 2.5)]


def test_what_the_first_one_wrote_counts_for_whoever_waited(world: World) -> None:
    """The owner of now has said nothing: neither order may leave the former one's point."""
    space = world.add_space()
    sold = change_space(space, owner="0x" + "05" * 20)
    at_once(world.store, sold, put_place(space, 1.5))
    assert points(world) == [(space, *cell_centre(TOWN_HALL))]
    other = world.add_space(43)
    sold = change_space(other, owner="0x" + "05" * 20)
    at_once(world.store, put_place(other, 1.5), sold)
    assert points(world)[1] == (other, *cell_centre(TOWN_HALL))


def test_three_at_once_do_not_collide(world: World) -> None:
    space = world.add_space()
    at_once(
        world.store,
        put_place(space, 1.5),
        change_space(space),
        put_place(space, 3.5),
    )
    assert points(world) == [(space, 3.5, 2.5)]
    at_once(
        world.store,
        change_space(space),
        take_place_back(space),
        change_space(space, sharing=0),
    )
    assert points(world) == [(space, *cell_centre(TOWN_HALL))]


def test_a_space_that_is_made_anew_meanwhile_keeps_its_owners_point(world: World) -> None:
    space = world.add_space()
    at_once(world.store, make_space_anew(space), put_place(space, 1.5))
    assert points(world) == [(space, 1.5, 2.5)]
    at_once(world.store, put_place(space, 3.5), make_space_anew(space))
    assert points(world) == [(space, 3.5, 2.5)]


def test_a_space_that_goes_meanwhile_leaves_no_point(world: World) -> None:
    one, other = world.add_space(1), world.add_space(2)
    at_once(world.store, drop_space(one), put_place(one, 1.5))
    at_once(world.store, put_place(other, 1.5), drop_space(other))
    assert points(world) == []
