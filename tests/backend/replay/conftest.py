"""Files of recorded stays: written by the test, or the real one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from berth.core.settings import load_settings

from tests.absent import absent

HEADER = "location;user_id;session_id;plugin_time;plugout_time;connection_time;energy_session"

WriteCsv = Callable[..., Path]


@pytest.fixture
def write_csv(tmp_path: Path) -> WriteCsv:
    """Writes rows below the real file's header."""

    def write(*rows: str, header: str = HEADER) -> Path:
        path = tmp_path / "sessions.csv"
        path.write_text("\r\n".join([header, *rows]) + "\r\n", "utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def norway() -> Path:
    """The real file of Norwegian garages."""
    path = load_settings().data / "norway" / "residential_ev_sessions.csv"
    if not path.is_file():
        absent(f"real data is absent: {path} (set BERTH_DATA)")
    return path
