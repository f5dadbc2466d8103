"""`berth index`: what it prints, and how it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from berth.chain.rpc import Rpc
from berth.core.deployment import save_deployment
from berth.indexer.run import Indexer
from berth.store import Store
from fake_node import FakeNode


@pytest.fixture
async def home(store: Store, tmp_path: Path) -> Path:
    """A data folder with an index of 60 blocks."""
    node = FakeNode(41)
    node.mine(60, actions=6)
    await Indexer(store, cast("Rpc", node), node.deployment).sync_once()
    store.close()
    save_deployment(node.deployment, tmp_path / "deployment.json")
    return tmp_path


def berth(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "BERTH_HOME": str(home),
        "BERTH_RPC_URL": "http://127.0.0.1:9",
        "COLUMNS": "200",
    }
    command = [sys.executable, "-c", "from berth.cli.main import main; main()", *arguments]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def answer(home: Path, *arguments: str) -> Any:
    done = berth(home, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_status_tells_of_the_index_without_a_node(home: Path) -> None:
    status = answer(home, "index", "status")
    assert status["block_number"] == 62
    assert status["lag"] == 0
    assert status["rows"]["leases"] > 0
    assert status["node_head"] is None
    text = berth(home, "index", "status").stdout
    assert "node unreachable" in text


def test_a_rebuild_leaves_the_digest_as_it_was(home: Path) -> None:
    before = answer(home, "index", "digest")
    done = berth(home, "index", "rebuild")
    assert done.returncode == 0, done.stderr
    assert before["sha256"] in done.stdout
    assert answer(home, "index", "digest") == before
    assert {table["name"] for table in before["tables"]} >= {"leases", "settlements", "accounts"}


def test_no_deployment_no_index_and_a_foreign_database_are_each_one_sentence(
    home: Path, tmp_path: Path
) -> None:
    for arguments, said in (
        (("index", "status"), "there is no deployment file"),
        (("index", "digest"), "there is no deployment file"),
    ):
        done = berth(tmp_path / "nowhere", *arguments)
        assert done.returncode != 0
        assert said in done.stderr
        assert done.stderr.count("\n") == 1
    deployment = replace(FakeNode(41).deployment, market="0x" + "99" * 20)
    save_deployment(deployment, home / "deployment.json")
    done = berth(home, "index", "status")
    assert done.returncode == 1
    assert "belongs to another deployment" in done.stderr


def test_an_empty_index_cannot_be_rebuilt(tmp_path: Path) -> None:
    save_deployment(FakeNode(41).deployment, tmp_path / "deployment.json")
    for command in ("status", "rebuild", "digest"):
        done = berth(tmp_path, "index", command)
        assert done.returncode == 1
        assert "nothing was indexed yet" in done.stderr
