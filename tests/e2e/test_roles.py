"""Every role a process of its own, on PostgreSQL: the whole story from the city's titles to the
settlement, with a signer that is killed on the way."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from berth.chain.local import free_port
from berth.cli.demo.driving import PLATE, WRONG_PLATE
from berth.cli.demo.narrate import Narrator
from berth.cli.demo.play import open_stage
from berth.cli.demo.stage import Stage
from berth.cli.demo.story import Story
from berth.cli.platform.chain import open_chain
from berth.cli.platform.home import password
from berth.cli.platform.parties import local_parties
from berth.cli.platform.running import Running
from berth.core.settings import Settings, load_settings
from berth.store.engine import open_store
from berth.store.roles import present
from rich.console import Console

from tests.backend.databases import Server, postgresql_server
from tests.e2e.processes import Process, Roles, roles

__all__ = ["postgresql_server"]
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


@pytest.fixture
def home() -> Iterator[Path]:
    """Short, for the signer's socket."""
    made = Path(tempfile.mkdtemp(prefix="berth-roles-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


class Town:
    """A node with contracts, a database, and the roles."""

    def __init__(self, settings: Settings, url: str, running: Roles) -> None:
        self.settings = settings
        self.url = url
        self.roles = running
        self.by_role: dict[str, Process] = {}

    def start(self, role: str, *options: str) -> Process:
        self.by_role[role] = self.roles.start(role, *options)
        return self.by_role[role]

    def start_all(self) -> None:
        """All at once and in no order: each waits for what it needs."""
        port = self.roles.variables["BERTH_MQTT_URL"].rpartition(":")[2]
        options = {"devices": ("--broker", "--mqtt-port", port)}
        names = ("relay", "api", "keeper", "indexer", "signer", "devices")
        for name in names:
            environment = {"BERTH_MQTT_URL": ""} if name == "devices" else {}
            self.by_role[name] = self.roles.launch(name, *options.get(name, ()), **environment)
        for process in self.by_role.values():
            if not process.ready:
                process.wait_ready()

    @asynccontextmanager
    async def stage(self) -> AsyncIterator[Stage]:
        running = Running(
            self.by_role["api"].process.pid,
            self.by_role["api"].ready["http"],
            self.url,
            self.by_role["devices"].ready["mqtt"],
        )
        unheard = Narrator(Console(file=io.StringIO()))
        async with open_stage(self.settings, running, unheard) as stage:
            yield stage


@pytest.fixture
def nothing(tmp_path: Path) -> Path:
    """A folder without source data."""
    made = tmp_path / "no-data"
    made.mkdir()
    return made


@pytest.fixture
async def town(
    home: Path, nothing: Path, tmp_path: Path, postgresql_server: Server
) -> AsyncIterator[Town]:
    settings = load_settings({"BERTH_HOME": str(home), "BERTH_DATA": str(nothing)})
    parties = local_parties(settings, password(settings))
    database = postgresql_server.create(migrated=False)
    async with open_chain(settings, parties, free_port(), lambda _text: None) as chain:
        variables = {
            "BERTH_DATA": str(settings.data),
            "BERTH_RPC_URL": chain.url,
            "BERTH_DATABASE_URL": postgresql_server.url(database),
            "BERTH_MQTT_URL": f"mqtt://127.0.0.1:{free_port()}",
            "BERTH_HTTP_PORT": "0",
            "BERTH_LOG_FORMAT": "json",
        }
        settings = replace(settings, database_url=variables["BERTH_DATABASE_URL"])
        with roles(home, tmp_path / "logs", **variables) as running:
            yield Town(settings, chain.url, running)
    postgresql_server.drop(database)


def lines(process: Process) -> list[dict[str, Any]]:
    return [json.loads(line) for line in process.said().splitlines()]


class SignerDies(Story):
    """The story, with a signer that is killed before the unlock and comes back a while later."""

    town: Town

    async def _unlock(self, trip: Any, listing: Any) -> None:
        self.town.by_role["signer"].kill()

        async def back() -> None:
            await asyncio.sleep(4)
            await asyncio.to_thread(self.town.start, "signer")

        again = asyncio.create_task(back())
        await super()._unlock(trip, listing)
        assert again.done(), "the bar went down while there was no signer"
        await again


async def test_a_lease_from_the_title_to_the_settlement_with_every_role_on_its_own(
    town: Town,
) -> None:
    await asyncio.to_thread(town.start_all)
    async with town.stage() as stage:
        story = SignerDies(stage)
        story.town = town
        await story.play()

    # who was at work says so in the database
    store = open_store(town.settings.database_url)
    with store.read() as conn:
        there = {one.role: one.state for one in present(conn)}
    store.close()
    assert there.keys() == {"api", "indexer", "relay", "keeper"}
    assert there["indexer"] == there["relay"] == there["keeper"] == "running"

    # a signature for every step, with the ids to follow it by
    record = [
        json.loads(line)
        for path in sorted((town.settings.home / "signer").glob("*.jsonl"))
        for line in path.read_text().splitlines()
    ]
    assert {one["signed"] for one in record} == {"grant", "ticket", "receipt"}
    lowered = [one for one in record if one.get("action") == "lower"]
    assert len({one["command"] for one in lowered}) == 1
    signed = [line for line in lines(town.by_role["signer"]) if line["event"] == "signed"]
    assert any(one.get("command") == lowered[0]["command"] for one in signed)
    (sent,) = (
        line
        for line in lines(town.by_role["relay"])
        if line["event"] == "command sent" and line["command"] == lowered[0]["command"]
    )
    assert (sent["lease"], sent["lock"]) == (lowered[0]["lease"], lowered[0]["lock"])

    # nothing in any log that nobody may read
    said = town.roles.said()
    secrets = [PLATE, PLATE.replace(" ", ""), WRONG_PLATE]
    secrets += [
        path.read_text().strip()
        for path in (
            town.settings.keys / "password",
            town.settings.home / "broker" / "backend.password",
        )
    ]
    assert [secret for secret in secrets if secret in said] == []
    assert "Traceback" not in said

    # and every one ends in order
    for role, process in town.by_role.items():
        assert await asyncio.to_thread(process.stop) == 0, (role, process.said()[-2000:])
    assert not (town.settings.home / "signer.sock").exists()


async def test_a_role_waits_for_what_is_not_there_yet_and_says_what_it_waits_for(
    town: Town,
) -> None:
    missing = str(town.settings.home / "none")
    relay = town.roles.launch("relay", BERTH_MQTT_PASSWORD_FILE=missing)
    status = await asyncio.to_thread(relay.process.wait, 60)
    assert status == 2  # nobody can mend that but a person
    assert "error: BERTH_MQTT_PASSWORD_FILE:" in relay.said()

    indexer = town.roles.launch("indexer", BERTH_RPC_URL=f"http://127.0.0.1:{free_port()}")
    await until_said(indexer, "waiting")
    (waiting,) = [line for line in lines(indexer) if line["event"] == "waiting"]
    assert (waiting["what"], waiting["code"]) == ("node", "chain.unreachable")
    assert indexer.process.poll() is None
    assert await asyncio.to_thread(indexer.stop) == 0

    database = "postgresql://nobody:sesame@127.0.0.1:1/berth"
    keeper = town.roles.launch("keeper", BERTH_DATABASE_URL=database)
    await until_said(keeper, "store.unreachable")
    assert "sesame" not in keeper.said()
    assert keeper.process.poll() is None
    assert await asyncio.to_thread(keeper.stop) == 0


async def test_everything_in_one_process_on_postgresql_with_two_nodes_and_a_broker_elsewhere(
    town: Town,
) -> None:
    mqtt = town.roles.variables["BERTH_MQTT_URL"]
    port = mqtt.rpartition(":")[2]
    town.roles.start("devices", "--broker", "--mqtt-port", port, BERTH_MQTT_URL="")
    nodes = f"http://127.0.0.1:{free_port()},{town.url}"
    up = await asyncio.to_thread(town.roles.start, "up", BERTH_RPC_URL=nodes)
    assert (up.ready["mqtt"], up.ready["pid"]) == (mqtt, up.process.pid)
    async with httpx.AsyncClient(base_url=up.ready["http"], trust_env=False) as client:
        async with asyncio.timeout(30):
            while (answer := await client.get("/ready")).status_code != 200:
                await asyncio.sleep(0.5)
        assert all(check["ok"] for check in answer.json()["checks"])
    assert not (town.settings.home / "berth.sqlite").exists()
    assert (town.settings.keys / "operator.token").stat().st_mode & 0o777 == 0o600
    assert await asyncio.to_thread(up.stop) == 0


async def until_said(process: Process, text: str, seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while text not in process.said():
            assert process.process.poll() is None, process.said()
            await asyncio.sleep(0.2)
