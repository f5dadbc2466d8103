"""A few kills, as part of the tests; `make chaos` does two hundred."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.chaos.run import Report, chaos, closing_line
from tests.chaos.town import Town
from tests.mosquitto import required

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def survived(report: Report, kills: int) -> None:
    print(closing_line([report], 0))
    assert report.wrong == []
    assert report.kills.total() == kills
    assert report.doubles.total() >= 1
    assert report.reorgs.depths
    # there was something to survive
    assert report.figures.leases >= 3
    assert report.figures.served >= 1
    assert report.figures.actuations >= 2 * report.figures.served


def test_roles_on_postgresql_and_mosquitto_survive_kills(town: Town, tmp_path: Path) -> None:
    required()
    survived(asyncio.run(chaos("postgresql", town, tmp_path, kills=12, seed=11)), 12)


def test_roles_on_one_sqlite_file_survive_kills(town: Town, tmp_path: Path) -> None:
    survived(asyncio.run(chaos("sqlite", town, tmp_path, kills=6, seed=12)), 6)
