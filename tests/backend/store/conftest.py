"""Fixtures of the store's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from berth.store import open_store

from tests.backend.databases import Databases
from tests.backend.store.backups import Made, made_from


@pytest.fixture
def made(databases: Databases, tmp_path: Path) -> Made:
    return made_from(databases.open(), tmp_path / "berth.backup")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Made]:
    store = open_store(str(tmp_path / "small.sqlite"))
    yield made_from(store, tmp_path / "small.backup")
    store.close()
