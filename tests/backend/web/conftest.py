from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from berth.web import create_app
from fastapi.testclient import TestClient

from tests.backend.web.people import Api
from tests.backend.worlds import ORIGIN, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


@pytest.fixture
def api(world: World) -> Iterator[Api]:
    """The application over the world, asked by anybody."""
    with TestClient(create_app(world.services), base_url=ORIGIN) as client:
        yield Api(client, world)
