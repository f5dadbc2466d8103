from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backend.databases import Databases
from tests.backend.worlds import World


@pytest.fixture
def world(tmp_path: Path, databases: Databases) -> Iterator[World]:
    made = World(tmp_path, databases.url())
    yield made
    made.close()
