"""An in-memory chain with a random market on it, and a database to index it into."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from berth.store import Store

from tests.backend.databases import Databases

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def store(databases: Databases) -> Store:
    return databases.open()


@pytest.fixture
def second_store(databases: Databases) -> Store:
    return databases.open()
