"""A whole installation in a folder that the doctor finds well, to break one thing at a time."""

from __future__ import annotations

import json
import os
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from berth.cli.doctor.examination import examine
from berth.cli.doctor.finding import Finding, Level
from berth.cli.platform.enrolling import ticket_keys
from berth.core.deployment import Deployment, deployment_json
from berth.core.keys import LIGHT_SCRYPT_N, create_keystore
from berth.core.settings import Settings, load_settings
from berth.devices import probe
from berth.devices.broker import EmbeddedBroker, embedded_broker
from berth.devices.topics import BACKEND_USER
from berth.store import bind_deployment, derived, kept
from berth.store.roles import beat
from sqlalchemy import insert, update

from tests.backend.audit.mirror import Mirror
from tests.backend.doctor.http_node import HttpNode
from tests.backend.worlds import DEPLOYMENT, DINO, NOW, OLGA, World


class Clinic:
    """The installation, and what the doctor says of it."""

    def __init__(self, home: Path, world: World, node: HttpNode, broker: EmbeddedBroker) -> None:
        self.home = home
        self.world = world
        self.node = node
        self.broker = broker
        self.variables: dict[str, str] = {"BERTH_RPC_URL": node.url}

    @property
    def settings(self) -> Settings:
        return load_settings({"BERTH_HOME": str(self.home), **self.variables})

    def deploy(self, **changes: Any) -> Deployment:
        """Writes the deployment file."""
        deployment = replace(DEPLOYMENT, **changes)
        text = json.dumps(deployment_json(deployment))
        (self.home / "deployment.json").write_text(text, "utf-8")
        return deployment

    def run_here(self, running: bool = True) -> None:
        """As if `berth up` ran in this folder."""
        file = self.home / "running.json"
        file.unlink(missing_ok=True)
        if running:
            facts = {"pid": os.getpid(), "http": "", "rpc": self.node.url, "mqtt": self.broker.url}
            file.write_text(json.dumps(facts), "utf-8")

    async def examine(self, **options: Any) -> dict[str, list[Finding]]:
        """Findings by check. What answers is waited for, however busy the machine is."""
        found: dict[str, list[Finding]] = {}
        for one in await examine(self.settings, **({"within": 600.0} | options)):
            found.setdefault(one.check, []).append(one)
        return found

    async def off(self, **options: Any) -> dict[str, tuple[str, str]]:
        """What is not well: check -> (level, sentence)."""
        found = await self.examine(**options)
        return {
            check: (one.level.value, one.says)
            for check, several in found.items()
            for one in several
            if one.level is not Level.OK
        }


@pytest.fixture
async def clinic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Clinic]:
    monkeypatch.setattr(probe, "_LISTEN_SECONDS", 0.2)  # this broker is quick
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    world = World(home)
    # signs of life last for the whole test, however slow the machine
    world.wall.at = int(time.time()) + 600
    world.at_block(100)
    _fill(world)
    bind_deployment(world.store, DEPLOYMENT)
    node = HttpNode(Mirror(world))
    said = node.mirror.answers
    said["asset"] = lambda _a: DEPLOYMENT.asset
    said["titles"] = lambda _a: DEPLOYMENT.titles
    said["trustedForwarder"] = lambda _a: DEPLOYMENT.forwarder
    node.mirror.hashes[DEPLOYMENT.block] = "0x" + "01" * 32
    with node.serving():
        async with embedded_broker(home / "broker") as broker:
            made = Clinic(home, world, node, broker)
            made.deploy()
            made.run_here()
            _keys(made)
            yield made
    world.close()


def _fill(world: World) -> None:
    space = world.add_space()
    world.add_offer(space)
    world.settle(world.add_lease(space, NOW // 900 - 20), minutes=90)
    world.add_lease(space)
    with world.store.write() as conn:
        for person, credit in ((OLGA, "1000"), (DINO, "2500")):
            conn.execute(
                insert(derived.accounts).values(
                    account=person.address, credit=credit, auto_payout=0
                )
            )
        conn.execute(
            insert(derived.blocks).values(
                number=100, hash=f"0x{100:064x}", parent_hash="0x", timestamp=NOW
            )
        )
        for role in ("indexer", "relay", "keeper"):
            beat(conn, f"{role}-1", role, "running")
        conn.execute(update(kept.roles).values(beat_at=kept.roles.c.beat_at + 600))


def _keys(clinic: Clinic) -> None:
    settings = clinic.settings
    settings.keys.mkdir(mode=0o700, parents=True)
    password = settings.keys / "password"
    password.write_text("a password\n", "ascii")
    password.chmod(0o600)
    create_keystore(settings.keys / "relay.json", "a password", scrypt_n=LIGHT_SCRYPT_N)
    ticket_keys(settings).day_key()
    backend = clinic.home / "broker" / "backend.password"
    backend.write_text(clinic.broker.credentials.add(BACKEND_USER) + "\n", "ascii")
    backend.chmod(0o600)
