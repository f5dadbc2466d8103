from __future__ import annotations

import shutil
import tempfile
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
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine signs slowly: what is not about that waits for it."""
    monkeypatch.setattr("berth.relay.ahead.PATIENCE", 10.0)


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


@pytest.fixture
def near(street: Street) -> str:
    """A driver before the bar of a lease that lacks one block, and nothing else."""
    booked = street.book(booked_block=100)
    street.hello()
    street.state()
    street.tell(booked)
    street.plate(booked)
    street.confirm(booked)
    street.plan()
    row = street.command("lower")
    assert (row["state"], row["reason"]) == ("observed", "lease.shallow")
    return booked


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short, as the path of a socket must be."""
    made = Path(tempfile.mkdtemp(prefix="berth-signer-"))
    yield made
    shutil.rmtree(made)
