"""`berth doctor` as a command: its table, its JSON, its exit code."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from berth.cli.doctor import app
from berth.store import kept
from sqlalchemy import update
from typer.testing import CliRunner

from tests.backend.doctor.conftest import Clinic


async def run(clinic: Clinic, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Any:
    for name, value in clinic.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("BERTH_HOME", str(clinic.home))
    return await asyncio.to_thread(CliRunner().invoke, app, [*arguments])


async def test_well_is_exit_code_0_and_a_table(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = await run(clinic, monkeypatch)
    assert result.exit_code == 0, result.output
    assert "0 in trouble, 0 warnings" in result.output
    assert "index.credit" in result.output


async def test_trouble_is_exit_code_1_with_what_to_do(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    with clinic.world.store.write() as conn:
        conn.execute(update(kept.roles).values(beat_at=1))
    result = await run(clinic, monkeypatch)
    assert result.exit_code == 1
    assert "trouble" in result.output
    assert "start it" in result.output


async def test_json_names_every_finding(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    (clinic.home / "keys" / "relay.json").chmod(0o644)
    result = await run(clinic, monkeypatch, "--json", "--quick")
    assert result.exit_code == 1
    document = json.loads(result.output)
    assert document["result"] == "trouble"
    off = [one for one in document["findings"] if one["level"] != "ok"]
    assert [(one["check"], one["level"]) for one in off] == [("keys.files", "trouble")]
    assert off[0]["do"]
    assert off[0]["facts"]["files"] == [str(clinic.home / "keys" / "relay.json")]
