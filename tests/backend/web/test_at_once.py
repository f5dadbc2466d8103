"""Equal requests at once, as a bad network and a double tap make them: each comes through."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from berth.core.messages import sign
from berth.market import presence, records, vehicles
from berth.market.records import NewRecord
from berth.store import kept
from berth.store.points import space_points
from sqlalchemy import Connection, Table, select

from tests.backend.waiting import until_waiting
from tests.backend.web.people import Api
from tests.backend.web.test_spaces import RECORD
from tests.backend.worlds import (
    COMMITMENT,
    DEPLOYMENT,
    DINO,
    LOCK,
    NOW,
    OLGA,
    PLATE,
    SALT,
    TOWN_HALL,
    Person,
    World,
)

Ask = Callable[[], Any]
VEHICLE = {"plateCommitment": COMMITMENT, "plate": PLATE, "salt": "0x" + SALT.hex()}


@pytest.fixture
def space(world: World) -> str:
    made = world.add_space()
    world.add_offer(made)
    world.set_lock()
    return made


@pytest.fixture
def lease(world: World, space: str) -> str:
    return world.add_lease(space)


@contextmanager
def first(world: World, step: Callable[[Connection], object], ask: Ask) -> Iterator[Any]:
    """What `ask` answers whose transaction meets the row that `step` has written and not committed
    yet."""
    with ThreadPoolExecutor(1) as pool:
        with world.store.write() as conn:
            step(conn)
            asked = pool.submit(ask)
            if not world.store.sqlite:  # there the second one does not begin before
                until_waiting(world.store, 1)
        yield asked.result(60)


def rows(world: World, table: Table) -> list[Any]:
    with world.store.read() as conn:
        return list(conn.execute(select(table)))


def word(lease: str, at: int = NOW) -> dict[str, Any]:
    message = presence.confirmation_message(DEPLOYMENT.domain, lease, 0, at)
    return {"cycle": 0, "at": at, "signature": "0x" + sign(message, DINO.key).hex()}


def headers(api: Api, who: Person) -> dict[str, str]:
    return {"Authorization": f"Bearer {api.sign_in(who)}"}


def test_the_bar_is_told_twice_at_once_to_go_down(api: Api, world: World, lease: str) -> None:
    said, path, his = word(lease), f"/v1/leases/{lease}/unlock", headers(api, DINO)
    signature = bytes.fromhex(said["signature"][2:])

    def kept_already(conn: Connection) -> None:
        presence.record_confirmation(conn, lease, 0, NOW, signature)

    with first(world, kept_already, lambda: api.post(path, said, headers=his)) as answer:
        assert answer["leaseId"] == lease
    (row,) = rows(world, kept.confirmations)
    assert (row.lease_id, row.cycle, row.at, row.signature) == (lease, 0, NOW, said["signature"])


def test_of_two_words_at_once_the_newer_one_stays(api: Api, world: World, lease: str) -> None:
    path, his = f"/v1/leases/{lease}/unlock", headers(api, DINO)

    def keeps(at: int) -> Callable[[Connection], None]:
        signature = bytes.fromhex(word(lease, at)["signature"][2:])
        return lambda conn: presence.record_confirmation(conn, lease, 0, at, signature)

    with first(world, keeps(NOW), lambda: api.post(path, word(lease, NOW - 5), headers=his)):
        assert [row.at for row in rows(world, kept.confirmations)] == [NOW]
    with first(world, keeps(NOW + 5), lambda: api.post(path, word(lease, NOW + 9), headers=his)):
        (row,) = rows(world, kept.confirmations)
    assert (row.at, row.signature) == (NOW + 9, word(lease, NOW + 9)["signature"])


def test_a_plate_is_handed_over_twice_at_once(api: Api, world: World) -> None:
    world.add_vehicle()
    his = headers(api, DINO)

    def kept_already(conn: Connection) -> None:
        vehicles.keep_plate(conn, world.sealer, DINO.address, COMMITMENT, PLATE, SALT, NOW)

    def again() -> Any:
        return api.post("/v1/me/vehicles", VEHICLE, headers=his, expect=201)

    for _ in range(2):  # where there was none, and where there was one
        with first(world, kept_already, again) as answer:
            assert answer["plate"] == PLATE
    (row,) = rows(world, kept.vehicles_private)
    assert (row.driver, row.created_at) == (DINO.address, world.wall.now())
    assert world.sealer.open(row.sealed) == {"plate": PLATE, "salt": "0x" + SALT.hex()}


def test_a_place_is_put_twice_at_once(api: Api, world: World, space: str) -> None:
    path, hers = f"/v1/spaces/{space}/private", headers(api, OLGA)
    other = NewRecord("14 Other Lane", *TOWN_HALL, public_area="Elsewhere")

    def kept_already(conn: Connection) -> None:
        records.keep_record(conn, world.sealer, OLGA.address, space, other, NOW)

    for _ in range(2):
        with first(world, kept_already, lambda: api.put(path, RECORD, headers=hers)) as answer:
            assert answer == api.get(path, headers=hers)
            assert (answer["address"], answer["addressProven"]) == (RECORD["address"], True)
    (row,) = rows(world, kept.space_private)
    assert (row.public_area, row.updated_at) == (RECORD["publicArea"], world.wall.now())
    assert json.loads(row.access_json) == ["gate", "lock"]
    # it is searched for where the later word puts it, and nowhere else
    (point,) = rows(world, space_points)
    assert [point.lon, point.lat] == RECORD["publicPoint"]["coordinates"]
    assert LOCK.shown in str(api.get(f"/v1/spaces/{space}"))
