"""What the world may put before an installation: each is detected, named, survived, nothing lost.

Where a part that meets it has its tests elsewhere they are named here, and a test holds that they
exist; the page for operators tells of the same inputs.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import re
import shutil
from pathlib import Path

import pytest
from berth.core import telemetry
from berth.devices.broker import EmbeddedBroker
from berth.devices.mqtt import BrokerLogin
from berth.devices.topics import BACKEND_USER
from berth.relay.run import Relay
from berth.store.incidents import list_incidents
from berth.store.kept import commands
from sqlalchemy import update

from tests.backend.devices.locks import until
from tests.backend.relay.street import Street
from tests.backend.relay.wire import Wire
from tests.backend.relay.wire import relay as delivery_of

ROOT = Path(__file__).resolve().parents[3]
TESTS = ROOT / "tests" / "backend"

#: Input, as docs/operators.md names it -> tests that meet it: file, function.
BAD_INPUTS: dict[str, list[str]] = {
    "a node of another chain": [
        "indexer/test_nodes.py::test_a_node_of_another_chain_is_named_and_asked_nothing",
        "indexer/test_nodes.py::test_a_node_that_came_back_as_another_one_is_found_out",
        "indexer/test_following.py::test_a_node_of_another_chain_is_refused",
        "web/test_watching.py::test_not_ready_on_another_chain_and_the_node_is_not_named",
        "doctor/test_doctor.py::test_a_node_of_another_chain",
    ],
    "a node behind its own head": [
        "indexer/test_following.py::test_a_node_behind_its_own_head_is_waited_for",
        "indexer/test_nodes.py::test_a_node_behind_its_own_former_head_is_named_but_used_when_alone",
        "indexer/test_nodes.py::test_a_node_behind_the_others_gives_way_and_returns",
        "doctor/test_doctor.py::test_a_node_that_is_behind_another",
    ],
    "a pruned node": [
        "indexer/test_outages.py::test_a_pruned_node_gives_way_to_one_with_the_history",
        "indexer/test_outages.py::test_a_pruned_node_alone_is_named_and_nothing_is_indexed_from_it",
        "doctor/test_doctor.py::test_a_node_without_old_logs",
        "doctor/test_doctor.py::test_a_node_that_has_forgotten_the_state",
    ],
    "logs of a block that is not the chain's": [
        "indexer/test_following.py::test_a_log_of_a_block_that_is_not_the_chains_is_refused",
        "indexer/test_outages.py::test_a_node_that_contradicts_itself_gives_way",
        "doctor/test_doctor.py::test_a_stored_block_that_is_not_the_chains",
    ],
    "a contract without code": [
        "indexer/test_nodes.py::test_a_node_without_the_contract_is_not_used_until_it_has_it",
        "doctor/test_doctor.py::test_a_market_without_code",
        "doctor/test_doctor.py::test_an_address_without_code",
    ],
    "a database of a newer program": [
        "store/test_migrations.py::test_a_database_of_a_newer_program_is_refused_and_not_touched",
        "web/test_watching.py::test_a_database_at_another_migration_is_named",
        "doctor/test_doctor.py::test_a_database_at_another_migration",
    ],
    "a broker with other credentials": [
        "relay/test_bad_inputs.py::test_a_broker_with_other_credentials_is_waited_out",
        "devices/test_mosquitto.py::test_wrong_credentials_are_named",
        "devices/test_probe.py::test_a_wrong_password_is_named_without_naming_it",
        "doctor/test_doctor_at_work.py::test_a_broker_with_another_password",
    ],
    "a lock that answers what it was not told": [
        "relay/test_bad_inputs.py::test_a_lock_that_answers_a_ticket_that_never_left",
        "relay/test_bad_inputs.py::test_a_lock_that_answers_a_command_that_nobody_knows",
    ],
}


@pytest.mark.parametrize("bad", BAD_INPUTS)
def test_every_bad_input_has_its_tests_and_its_row_for_operators(bad: str) -> None:
    for named in BAD_INPUTS[bad]:
        file, function = named.split("::")
        tree = ast.parse((TESTS / file).read_text("utf-8"))
        names = {
            node.name
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        assert function in names, named
    page = (ROOT / "docs" / "operators.md").read_text("utf-8")
    rows = re.findall(r"^\| ([^|]+?) \|", page, re.MULTILINE)
    assert bad in rows


def device_incidents(street: Street) -> list[str]:
    with street.store.read() as conn:
        return [one.reason for one in list_incidents(conn) if one.kind == "device.ack"]


@pytest.mark.parametrize("outcome", ["accepted", "done", "refused"])
async def test_a_lock_that_answers_a_ticket_that_never_left(
    street: Street, lease: str, outcome: str
) -> None:
    before = dict(street.command("lower"))
    street.ack(outcome, command=before["id"])
    after = street.command("lower")
    assert (after["state"], after["id"]) == ("eligible", before["id"])
    assert device_incidents(street) == ["ack.unpublished"]
    wire = Wire()
    assert await delivery_of(street, wire).send_commands() == 1  # the driver gets his bar
    assert street.command("lower")["state"] == "published"


def test_a_lock_that_answers_a_command_that_nobody_knows(street: Street, lease: str) -> None:
    before = dict(street.command("lower"))
    street.ack("done", command="00000000-0000-4000-8000-000000000000")
    assert dict(street.command("lower")) == before
    assert device_incidents(street) == ["ack.unknown"]


async def test_a_broker_with_other_credentials_is_waited_out(street: Street, lease: str) -> None:
    file = street.credentials._path
    login_password = street.credentials.add(BACKEND_USER)
    right = file.with_suffix(".right")
    shutil.copy(file, right)
    street.credentials.add(BACKEND_USER)  # somebody gave the broker another password
    async with EmbeddedBroker(street.credentials) as broker:
        relay = Relay(
            store=street.store,
            policy=street.policy,
            clock=street.clock,
            sealer=street.world.sealer,
            signer=street.signer,
            broker=BrokerLogin.at(broker.url, BACKEND_USER, login_password),
        )
        running = asyncio.create_task(relay.run())
        try:
            await until(lambda: relay.offline == "broker.credentials")
            assert not running.done()
            assert street.command("lower")["state"] not in ("dead", "cancelled", "published")
            shutil.copy(right, file.with_suffix(".new"))
            file.with_suffix(".new").replace(file)
            await until(lambda: relay.offline is None)
            with street.store.write() as conn:  # the nonce has been asked for again meanwhile
                conn.execute(update(commands).values(next_at=0))
            assert street.command("lower")["state"] not in ("dead", "cancelled")
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running


async def test_the_time_from_ticket_to_outcome_is_measured(street: Street, lease: str) -> None:
    def counted() -> float:
        labels = {"action": "lower", "step": "done"}
        return telemetry.REGISTRY.get_sample_value("berth_command_seconds_count", labels) or 0.0

    before = counted()
    await delivery_of(street, Wire()).send_commands()
    street.ack("done", command=street.command("lower")["id"])
    assert counted() == before + 1
