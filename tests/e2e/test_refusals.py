"""Starts of `berth up` that cannot succeed: one clear sentence, a status, nothing half-written."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from berth.chain.local import LocalChain, LocalChainOptions, free_port
from berth.chain.rpc import Rpc
from berth.cli.demo.people import Person
from berth.cli.main import COMMANDS, app
from berth.core.deployment import load_deployment
from berth.store.engine import bind_deployment, open_store
from typer.testing import CliRunner

from tests.e2e.installation import BERTH, Installation, clean_environment, fingerprints

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

#: The file whose lock says that somebody runs here; it holds the number of the last process.
HOLDER = "lock"


@contextmanager
def somebody_listens() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


# ---- ports and folders


@pytest.mark.parametrize(
    ("field", "option", "part"),
    [
        ("http_port", "BERTH_HTTP_PORT", "HTTP API"),
        ("chain_port", "--chain-port", "chain"),
        ("mqtt_port", "--mqtt-port", "broker"),
    ],
)
def test_a_taken_port_is_named_with_what_to_do(
    fresh: Callable[..., Installation], field: str, option: str, part: str
) -> None:
    with somebody_listens() as port:
        installation = replace(fresh(), **{field: port})
        installation.refusal().check(
            2, f"port {port} of the {part} is in use", "end what listens there", option
        )
        assert set(fingerprints(installation.home)) == {HOLDER}  # nothing else had begun


def test_a_second_one_in_the_same_folder_is_refused_and_disturbs_nothing(
    installation: Installation,
) -> None:
    with installation.running() as up:
        second = replace(
            installation, http_port=free_port(), chain_port=free_port(), mqtt_port=free_port()
        )
        done = subprocess.run(
            second.command(),
            env=second.environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 2
        assert done.stdout == ""
        (line,) = done.stderr.splitlines()
        assert f"in use by process {up.process.pid}: end that one" in line
        assert line.startswith("error: BERTH_HOME: ")
        assert up.process.poll() is None
        assert (installation.home / HOLDER).read_text() == f"{up.process.pid}\n"


def test_any_free_http_port_can_be_asked_for_and_people_sign_in_there(
    installation: Installation,
) -> None:
    installation.http_port = 0

    async def sign_in() -> Person:
        async with up.stage() as stage:
            person = stage.person("Ana")
            await person.sign_in()
            await person.api.get("/v1/me")
            return person

    with installation.running() as up:
        assert not up.running.http.endswith(":0")
        asyncio.run(sign_in())


# ---- nodes and databases


@contextmanager
def node(folder: Path, chain_id: int) -> Iterator[str]:
    """A Ganache of its own."""
    loop = asyncio.new_event_loop()
    options = LocalChainOptions(folder, port=0, block_time=0, chain_id=chain_id)
    chain = loop.run_until_complete(LocalChain.start(options))
    try:
        yield chain.url
    finally:
        loop.run_until_complete(chain.stop())
        loop.close()


def test_an_unreachable_node_is_said_and_nothing_is_written(installation: Installation) -> None:
    before = fingerprints(installation.home, HOLDER)
    url = f"http://127.0.0.1:{free_port()}"
    installation.refusal(BERTH_RPC_URL=url).check(1, "BERTH_RPC_URL", f"node unreachable at {url}")
    assert fingerprints(installation.home, HOLDER) == before


@pytest.mark.parametrize(
    ("chain_id", "parts"),
    [
        (1338, ("is of chain 1338, the deployment of chain 1337", "give the right node")),
        (1337, ("has chain id 1337 but another genesis block", "it is another chain")),
    ],
)
def test_a_node_of_another_chain_is_refused_and_nothing_is_written(
    installation: Installation, tmp_path: Path, chain_id: int, parts: tuple[str, ...]
) -> None:
    before = fingerprints(installation.home, HOLDER)
    with node(tmp_path / "other-chain", chain_id) as url:
        refusal = installation.refusal(BERTH_RPC_URL=url)
        refusal.check(1, "BERTH_RPC_URL", url, *parts)
        assert asyncio.run(blocks_of(url)) == 0  # nor was anything sent there
    assert fingerprints(installation.home, HOLDER) == before


async def blocks_of(url: str) -> int:
    async with Rpc(url) as rpc:
        latest = await rpc.block("latest")
    assert latest is not None
    return latest.number


def test_a_node_elsewhere_without_a_deployment_says_to_deploy(
    fresh: Callable[..., Installation],
) -> None:
    installation = fresh()
    refusal = installation.refusal(BERTH_RPC_URL="http://127.0.0.1:9")
    assert refusal.status != 0
    assert "deployment.json" in refusal.sentence
    assert "berth deploy" in refusal.sentence
    assert set(fingerprints(installation.home)) == {HOLDER}


def test_a_database_of_another_deployment_is_refused_and_not_touched(
    installation: Installation, tmp_path: Path
) -> None:
    ours = load_deployment(installation.home / "deployment.json")
    other = tmp_path / "other.sqlite"
    store = open_store(f"sqlite:///{other}")
    bind_deployment(store, replace(ours, market="0x" + "ab" * 20))
    store.close()
    kept, database = fingerprints(installation.home, HOLDER, "chain"), other.read_bytes()
    installation.refusal(BERTH_DATABASE_URL=f"sqlite:///{other}").check(
        1, "belongs to another deployment", "0x" + "ab" * 20, "another database or data folder"
    )
    assert other.read_bytes() == database
    assert fingerprints(installation.home, HOLDER, "chain") == kept


def test_a_database_of_something_else_is_refused_and_not_touched(
    installation: Installation, tmp_path: Path
) -> None:
    other = tmp_path / "letters.sqlite"
    other.write_bytes(b"Dear Dana, this is no database.\n" * 40)
    before = other.read_bytes()
    installation.refusal(BERTH_DATABASE_URL=f"sqlite:///{other}").check(
        1, f"{other} is not a database of Berth"
    )
    assert other.read_bytes() == before


def test_a_folder_that_lost_its_chain_is_not_given_a_new_one_silently(
    installation: Installation,
) -> None:
    """The deployment and the database would speak of a chain that is gone."""
    shutil.rmtree(installation.home / "chain" / "db")
    kept = fingerprints(installation.home, HOLDER, "chain")
    refusal = installation.refusal()
    refusal.check(1, "another genesis block", "a fresh one")
    assert fingerprints(installation.home, HOLDER, "chain") == kept


# ---- programs that are missing


def test_without_node_it_says_what_to_install(
    fresh: Callable[..., Installation], tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    fresh().refusal(PATH=str(tmp_path / "empty")).check(
        1, "Node.js is missing: install Node 20 or newer", "make setup"
    )


def test_a_ganache_that_is_no_program_is_named(fresh: Callable[..., Installation]) -> None:
    fresh().refusal(BERTH_GANACHE="/nonexistent/ganache").check(
        1, "BERTH_GANACHE", "/nonexistent/ganache is not a program"
    )


def test_a_wrong_setting_is_named(fresh: Callable[..., Installation]) -> None:
    installation = fresh()
    installation.refusal(BERTH_HTTP_PORT="eighty").check(2, "BERTH_HTTP_PORT", "'eighty'")
    assert not installation.home.exists()


# ---- help


@pytest.mark.parametrize("arguments", [[], *([name] for name in COMMANDS)])
def test_help_works_anywhere_and_writes_nothing(arguments: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [*BERTH, *arguments, "--help"],
        cwd=tmp_path,
        env=clean_environment(HOME=str(tmp_path), COLUMNS="100"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "Usage:" in done.stdout
    if not arguments:
        assert all(f" {name} " in done.stdout for name in COMMANDS)
    assert list(tmp_path.iterdir()) == []


def subcommands() -> list[list[str]]:
    """Every command below a command, by asking the groups."""
    found: list[list[str]] = []

    def walk(command: Any, path: list[str]) -> None:
        for name, below in sorted(getattr(command, "commands", {}).items()):
            found.append([*path, name])
            walk(below, [*path, name])

    group: Any = typer.main.get_command(app)
    for name in COMMANDS:
        walk(group.get_command(None, name), [name])
    return found


@pytest.mark.parametrize("path", subcommands(), ids=" ".join)
def test_every_subcommand_has_help(path: list[str]) -> None:
    done = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "100"})
    assert done.exit_code == 0
    assert "Usage:" in done.output


def test_an_unknown_command_is_refused() -> None:
    done = CliRunner().invoke(app, ["parrk"])
    assert done.exit_code == 2
    assert "parrk" in done.output


def test_the_running_file_is_no_trap(installation: Installation) -> None:
    """Left by a process that was killed: the next one takes no notice."""
    stale = {"pid": 2**22 - 1, "http": "http://127.0.0.1:1", "rpc": "x", "mqtt": "y"}
    (installation.home / "running.json").write_text(json.dumps(stale))
    with installation.running() as up:
        now = json.loads((installation.home / "running.json").read_text())
        assert now["pid"] == up.process.pid
