from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backend.databases import Databases
from tests.backend.relay.street import Street
from tests.backend.relay.wire import Wire


@pytest.fixture
def street(tmp_path: Path, databases: Databases) -> Iterator[Street]:
    made = Street(tmp_path, databases.url())
    yield made
    made.world.close()


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def lease(street: Street) -> str:
    """A driver before the bar with everything that is needed: `lower` is eligible."""
    booked = street.book()
    street.hello()
    street.state()
    street.tell(booked)
    street.plate(booked)
    street.confirm(booked)
    street.plan()
    assert street.command("lower")["state"] == "eligible"
    return booked
