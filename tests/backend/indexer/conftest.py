"""An in-memory chain with a random market on it, and a database to index it into."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from berth.store import Store, open_store

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(str(tmp_path / "berth.sqlite"))
    yield opened
    opened.close()


@pytest.fixture
def second_store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(str(tmp_path / "second.sqlite"))
    yield opened
    opened.close()
