"""A data folder, source files written by the test, and the real ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from berth.core.clock import WallClock
from berth.core.settings import load_settings
from berth.market.titles import Import, Imported, import_titles
from berth.market.titles.library import TitleLibrary
from berth.store.engine import Store, open_store

from tests.absent import absent

from .sources import CITY, COLUMNS

Load = Callable[..., Imported]
Write = Callable[..., Path]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{home / 'berth.sqlite'}")
    yield opened
    opened.close()


@pytest.fixture
def library(store: Store, home: Path) -> Iterator[TitleLibrary]:
    opened = TitleLibrary(store, home)
    yield opened
    opened.close()


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes lines below a header; returns the file."""

    def make(*lines: str, header: str = COLUMNS, name: str = "titles.csv") -> Path:
        path = tmp_path / name
        path.write_text("".join(f"{line}\n" for line in (header, *lines)), "utf-8")
        return path

    return make


@pytest.fixture
def load(store: Store, home: Path) -> Load:
    """Imports a file into the test's data folder."""

    def run(path: Path, source_format: str = "csv", **more: object) -> Imported:
        if source_format in ("csv", "geojson"):
            more = {"city": CITY, "name": "Melbourne"} | more
        return import_titles(store, home, Import(path, source_format, **more), WallClock())

    return run


def real_file(*parts: str) -> Path:
    path = load_settings().data.joinpath(*parts)
    if not path.is_file():
        absent(f"real data is absent: {path} (set BERTH_DATA)")
    return path


@pytest.fixture(scope="session")
def melbourne() -> Path:
    """The real on-street bays of Melbourne."""
    return real_file("melbourne", "on-street-parking-bays.csv")


@pytest.fixture(scope="session")
def taipei() -> Path:
    """The real presale titles of Taipei."""
    return real_file("taipei", "parking_titles.csv")
