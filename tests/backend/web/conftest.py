from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from berth.web import create_app
from fastapi.testclient import TestClient

from tests.backend.databases import Databases
from tests.backend.web.forwarding import Chain, sponsor_of
from tests.backend.web.orders import Town
from tests.backend.web.people import Api
from tests.backend.worlds import ORIGIN, World


@pytest.fixture
def world(tmp_path: Path, databases: Databases) -> Iterator[World]:
    made = World(tmp_path, databases.url())
    # a database on a busy machine is no trouble of the service's
    made.services.watch.within = 30.0
    yield made
    made.close()


@pytest.fixture
def api(world: World) -> Iterator[Api]:
    """The application over the world, asked by anybody."""
    with TestClient(create_app(world.services), base_url=ORIGIN) as client:
        yield Api(client, world)


@pytest.fixture
def town(tmp_path: Path, databases: Databases) -> Iterator[Town]:
    world = World(tmp_path, databases.url())
    chain = Chain(world)
    world.services.rpc = chain  # type: ignore[assignment]
    world.services.sponsor = sponsor_of(world, chain)
    with TestClient(create_app(world.services), base_url=ORIGIN) as client:
        yield Town(world, chain, Api(client, world))
    world.close()
