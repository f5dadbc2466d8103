from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backend.databases import Databases
from tests.backend.relay.street import Street


@pytest.fixture
def street(tmp_path: Path, databases: Databases) -> Iterator[Street]:
    made = Street(tmp_path, databases.url())
    yield made
    made.world.close()
