"""`berth index`: what it prints, and how it refuses."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest
from berth.chain.rpc import Rpc
from berth.cli.main import main
from berth.core.deployment import save_deployment
from berth.indexer.run import Indexer
from berth.store import Store
from fake_node import FakeNode


@pytest.fixture
async def home(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with an index of 60 blocks."""
    url = store.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("BERTH_DATABASE_URL", url)
    node = FakeNode(41)
    node.mine(60, actions=6)
    await Indexer(store, cast("Rpc", node), node.deployment).sync_once()
    store.close()
    save_deployment(node.deployment, tmp_path / "deployment.json")
    return tmp_path


class Done(NamedTuple):
    """What a run of the program printed, and its exit status."""

    returncode: int
    stdout: str
    stderr: str


Berth = Callable[..., Done]


@pytest.fixture
def berth(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Berth:
    """Runs the program in this process, as its console script does."""

    def run(home: Path, *arguments: str) -> Done:
        monkeypatch.setenv("BERTH_HOME", str(home))
        monkeypatch.setenv("BERTH_RPC_URL", "http://127.0.0.1:9")
        monkeypatch.setenv("COLUMNS", "200")
        monkeypatch.setattr(sys, "argv", ["berth", *arguments])
        capsys.readouterr()
        status = 0
        try:
            main()
        except SystemExit as ended:
            status = int(ended.code or 0)
        printed = capsys.readouterr()
        return Done(status, printed.out, printed.err)

    return run


def answer(berth: Berth, home: Path, *arguments: str) -> Any:
    done = berth(home, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_status_tells_of_the_index_without_a_node(berth: Berth, home: Path) -> None:
    status = answer(berth, home, "index", "status")
    assert status["block_number"] == 62
    assert status["lag"] == 0
    assert status["rows"]["leases"] > 0
    assert status["node_head"] is None
    text = berth(home, "index", "status").stdout
    assert "node unreachable" in text


def test_a_rebuild_leaves_the_digest_as_it_was(berth: Berth, home: Path) -> None:
    before = answer(berth, home, "index", "digest")
    done = berth(home, "index", "rebuild")
    assert done.returncode == 0, done.stderr
    assert before["sha256"] in done.stdout
    assert answer(berth, home, "index", "digest") == before
    assert {table["name"] for table in before["tables"]} >= {"leases", "settlements", "accounts"}


def test_no_deployment_no_index_and_a_foreign_database_are_each_one_sentence(
    berth: Berth, home: Path, tmp_path: Path
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


def test_an_empty_index_cannot_be_rebuilt(berth: Berth, tmp_path: Path) -> None:
    save_deployment(FakeNode(41).deployment, tmp_path / "deployment.json")
    for command in ("status", "rebuild", "digest"):
        done = berth(tmp_path, "index", command)
        assert done.returncode == 1
        assert "nothing was indexed yet" in done.stderr
