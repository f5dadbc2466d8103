"""The program of docs/security.md, as it stands there, against a deployment as `berth deploy` makes
it, and against one that is not what it says."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.backend.indexer import test_real_chain as real

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "security.md"

store, town = real.store, real.town


def program() -> str:
    found = re.search(r"```python\n(# deployment\.py .*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


async def check(node: str, deployment: dict[str, Any], folder: Path) -> tuple[int, str]:
    """Exit status and all that was said."""
    file = folder / "deployment.json"
    file.write_text(json.dumps(deployment))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program(), node, str(file)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def test_the_program_knows_a_good_deployment_and_a_false_one(
    town: real.Town, tmp_path: Path
) -> None:
    known = town.deployment
    deployment = {
        name: getattr(known, name)
        for name in ("titles", "market", "forwarder", "timelock", "asset", "block")
    }
    status, said = await check(town.chain.url, deployment, tmp_path)
    assert status == 0, said
    assert said.count("as compiled here") == 5
    assert f"ParkingMarket admin {known.timelock.lower()}" in said

    status, said = await check(town.chain.url, {**deployment, "asset": known.forwarder}, tmp_path)
    assert status == 1
    assert f"MarketExtension has another asset: {known.asset.lower()}" in said

    status, said = await check(
        town.chain.url, {**deployment, "forwarder": known.timelock}, tmp_path
    )
    assert status == 1
    assert f"{known.timelock.lower()} BerthForwarder NOT what was compiled here" in said
