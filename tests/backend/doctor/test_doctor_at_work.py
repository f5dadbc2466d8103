"""`berth doctor` on work, broker, signer, keys and machine: break one thing, see it named."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections import namedtuple
from dataclasses import replace
from typing import Any

import pytest
from berth.chain.local import free_port
from berth.cli.doctor import examination, machine
from berth.cli.doctor.finding import Case, Finding, Level
from berth.core.keys import LIGHT_SCRYPT_N, create_ed25519, create_keystore, keystore_address
from berth.core.sealed import open_sealer
from berth.devices import probe
from berth.devices.mqtt import BrokerLogin
from berth.devices.topics import BACKEND_USER, COMMAND, PREFIX
from berth.store import kept
from berth.store.incidents import open_incident
from berth.store.roles import leave
from sqlalchemy import update

from tests.backend.doctor.breaking import (
    LOCK,
    add,
    command_row,
    database_moment,
    only,
    outbox_row,
)
from tests.backend.doctor.conftest import Clinic
from tests.backend.worlds import DEPLOYMENT, NOW

#: Each test sets up an installation and looks at all of it.
pytestmark = pytest.mark.slow


# ---- work


async def test_outbox_rows_that_were_given_up(clinic: Clinic) -> None:
    add(clinic, kept.outbox, **outbox_row("dead", NOW))
    await only(clinic, "outbox.dead", "trouble", "1 rows")


async def test_outbox_rows_that_nobody_takes(clinic: Clinic) -> None:
    add(clinic, kept.outbox, **outbox_row("new", database_moment(clinic) - 500))
    await only(clinic, "outbox", "trouble", "oldest for 50")


async def test_outbox_rows_that_have_just_come_are_no_trouble(clinic: Clinic) -> None:
    add(clinic, kept.outbox, **outbox_row("new", database_moment(clinic)))
    assert await clinic.off() == {}


async def test_commands_that_were_given_up(clinic: Clinic) -> None:
    add(clinic, kept.commands, **command_row("dead"))
    await only(clinic, "commands.dead", "warning", "1 commands")


async def test_commands_beyond_their_deadline(clinic: Clinic) -> None:
    late = database_moment(clinic) - 1
    add(clinic, kept.commands, **command_row("published", claimed_until=late))
    await only(clinic, "commands", "trouble", "1 commands")


@pytest.mark.parametrize(
    ("state", "age", "level"), [("received", 4000, "trouble"), ("refused", 0, "warning")]
)
async def test_evidence_that_does_not_get_on_the_chain(
    clinic: Clinic, state: str, age: int, level: str
) -> None:
    add(
        clinic, kept.evidence, lease_id="0x01", kind=1, from_=1, until=2, energy_wh=0,
        signature="0x", lock_id=LOCK, state=state, received_at=database_moment(clinic) - age,
    )  # fmt: skip
    await only(clinic, "evidence", level, "1 records")


async def test_open_incidents(clinic: Clinic) -> None:
    with clinic.world.store.write() as conn:
        open_incident(conn, "lock.jammed", "k", "the bar is stuck", now=NOW)
    await only(clinic, "incidents", "trouble", "lock.jammed", "the bar is stuck")


async def test_a_role_that_nobody_plays(clinic: Clinic) -> None:
    with clinic.world.store.write() as conn:
        leave(conn, "keeper-1")
    await only(clinic, "roles", "trouble", "keeper")


async def test_a_role_that_is_silent(clinic: Clinic) -> None:
    with clinic.world.store.write() as conn:
        conn.execute(update(kept.roles).where(kept.roles.c.role == "relay").values(beat_at=1))
    await only(clinic, "roles", "trouble", "relay")


async def test_nothing_runs(clinic: Clinic) -> None:
    with clinic.world.store.write() as conn:
        conn.execute(kept.roles.delete())
    await only(clinic, "roles", "warning", "no process")


async def test_a_role_that_waits_says_for_what(clinic: Clinic) -> None:
    with clinic.world.store.write() as conn:
        conn.execute(
            update(kept.roles)
            .where(kept.roles.c.role == "relay")
            .values(state="asleep", detail="index.behind")
        )
    await only(clinic, "roles.state", "warning", "relay-1", "index.behind")


@pytest.mark.parametrize(("part", "level"), [(1.0, "trouble"), (0.85, "warning")])
async def test_what_may_be_spent_is_spent(clinic: Clinic, part: float, level: str) -> None:
    now = database_moment(clinic)
    add(
        clinic, kept.sent_transactions, account="0x", nonce=1, tx_hash="0x", purpose="p", raw="0x",
        state="mined", cost=str(int(part * clinic.settings.spend_cap)), submitted_at=now,
        updated_at=now,
    )  # fmt: skip
    await only(clinic, "spending", level, "ether spent on gas today")


@pytest.mark.parametrize(("balance", "level"), [(0, "trouble"), (10**15, "warning")])
async def test_a_relay_without_gas(clinic: Clinic, balance: int, level: str) -> None:
    clinic.node.balance = balance
    await only(clinic, "gas", level, "ether")


# ---- sponsor


def sponsor(clinic: Clinic) -> str:
    """Turns one on; its address."""
    clinic.variables["BERTH_SPONSOR"] = "on"
    path = clinic.settings.keys / "sponsor.json"
    create_keystore(path, "a password", scrypt_n=LIGHT_SCRYPT_N)
    return keystore_address(path)


async def test_a_sponsor_that_is_well(clinic: Clinic) -> None:
    sponsor(clinic)
    found = await clinic.examine()
    (purse,), (sent,) = found["sponsor"], found["sponsor.sent"]
    assert (purse.level.value, sent.level.value) == ("ok", "ok")
    assert "enough for 4000 more calls" in purse.says


@pytest.mark.parametrize(
    ("balance", "level", "says"),
    [
        (0, "trouble", "not enough for a call"),
        (25 * 10**14, "warning", "enough for 10 more calls at today's price of gas, fewer than 20"),
    ],
)
async def test_a_sponsor_that_runs_low(clinic: Clinic, balance: int, level: str, says: str) -> None:
    account = sponsor(clinic)
    clinic.variables["BERTH_SPONSOR_WARN"] = "20"
    clinic.node.answers["eth_getBalance"] = lambda given: hex(
        balance if given[0] == account else 10**18
    )
    await only(clinic, "sponsor", level, says)


async def test_a_call_that_the_sponsor_brought_and_that_is_stuck(clinic: Clinic) -> None:
    account, now = sponsor(clinic), database_moment(clinic)
    add(
        clinic, kept.sent_transactions, account=account, nonce=1, tx_hash="0x", purpose="intent:1",
        raw="0x", state="sent", reserved="1", submitted_at=now - 900, updated_at=now,
    )  # fmt: skip
    await only(clinic, "sponsor.sent", "trouble", "1 calls", "the oldest for 9")


async def test_a_sponsor_without_a_key(clinic: Clinic) -> None:
    clinic.variables["BERTH_SPONSOR"] = "on"
    await only(clinic, "sponsor", "trouble", "sponsor.json")


# ---- broker


async def test_a_broker_that_is_gone(clinic: Clinic) -> None:
    clinic.variables["BERTH_MQTT_URL"] = f"mqtt://127.0.0.1:{free_port()}"
    await only(clinic, "broker", "trouble", "cannot be reached")


async def test_a_broker_with_another_password(clinic: Clinic) -> None:
    clinic.broker.credentials.add(BACKEND_USER)
    await only(clinic, "broker", "trouble", "password")


async def test_a_broker_without_any_password_on_file(clinic: Clinic) -> None:
    (clinic.home / "broker" / "backend.password").unlink()
    await only(clinic, "broker", "trouble", "backend.password")


@pytest.fixture
def patient(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is to be heard is waited for: on a busy machine a broker is not quick."""
    monkeypatch.setattr(probe, "_LISTEN_SECONDS", 4.0)


@pytest.mark.usefixtures("patient")
async def test_a_command_that_the_broker_keeps(clinic: Clinic) -> None:
    password = (clinic.home / "broker" / "backend.password").read_text().strip()
    login = BrokerLogin.at(clinic.broker.url, BACKEND_USER, password)
    async with login.client(client_id="backend-test") as line:
        await line.publish(f"{PREFIX}/{LOCK}/{COMMAND}", b"open", qos=1, retain=True)
    await only(clinic, "broker.commands", "trouble", LOCK)


async def test_a_broker_that_lets_everybody_in(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    from berth.devices import broker

    monkeypatch.setattr(broker._GuardedBroker, "_admits", lambda _self, _session: True)
    await only(clinic, "broker.strangers", "trouble", "any password")


@pytest.mark.usefixtures("patient")
async def test_a_broker_without_rules(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    from berth.devices import broker

    monkeypatch.setattr(broker, "may", lambda *_arguments: True)
    await only(clinic, "broker.rules", "trouble", "in the name of locks")


# ---- signer


async def signer_says(clinic: Clinic, said: dict[str, Any]) -> asyncio.Server:
    """A signer process that answers every question with this."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = json.dumps(said).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    clinic.run_here(False)
    clinic.variables["BERTH_MQTT_URL"] = clinic.broker.url
    return await asyncio.start_unix_server(answer, clinic.home / "signer.sock")


WELL = {"role": "signer", "chainId": 1337, "market": DEPLOYMENT.market, "head": 100}


async def test_a_signer_process_that_is_well(clinic: Clinic) -> None:
    async with await signer_says(clinic, WELL):
        assert await clinic.off() == {}


async def test_a_signer_that_is_gone(clinic: Clinic) -> None:
    clinic.run_here(False)
    clinic.variables["BERTH_MQTT_URL"] = clinic.broker.url
    await only(clinic, "signer", "trouble", "signer.sock")


async def test_a_signer_of_another_market(clinic: Clinic) -> None:
    async with await signer_says(clinic, WELL | {"market": "0x" + "ee" * 20}):
        await only(clinic, "signer", "trouble", "0x" + "ee" * 20)


@pytest.mark.parametrize(("head", "level"), [(None, "trouble"), (50, "warning")])
async def test_a_signer_whose_node_is_off(clinic: Clinic, head: int | None, level: str) -> None:
    async with await signer_says(clinic, WELL | {"head": head}):
        await only(clinic, "signer.node", level, "its node")


# ---- keys, machine


async def test_a_key_that_others_can_read(clinic: Clinic) -> None:
    (clinic.home / "keys" / "relay.json").chmod(0o644)
    await only(clinic, "keys.files", "trouble", "relay.json")


async def test_no_keys(clinic: Clinic) -> None:
    shutil.rmtree(clinic.home / "keys")
    shutil.rmtree(clinic.home / "broker")
    off = await clinic.off()
    assert off["keys.files"][0] == "warning"
    assert off["keys.relay"][0] == "trouble"


async def test_a_password_that_does_not_open_the_relays_key(clinic: Clinic) -> None:
    file = clinic.home / "wrong"
    file.write_text("wrong", "ascii")
    file.chmod(0o600)
    clinic.variables["BERTH_PASSWORD_FILE"] = str(file)
    off = await clinic.off()
    assert "wrong password" in off["keys.relay"][1]


@pytest.mark.parametrize("root", [True, False], ids=["with the root", "without it"])
async def test_ticket_keys_that_have_another_password(clinic: Clinic, root: bool) -> None:
    tickets = clinic.home / "keys" / "tickets"
    (day,) = tickets.glob("day-*.pem")
    shut = tickets / "root.pem" if root else day
    for file in (tickets / "root.pem", shut):
        file.unlink(missing_ok=True)
    create_ed25519(shut, "another password")
    await only(clinic, "keys.tickets", "trouble", f"wrong password for {shut}")


async def test_roots_of_the_tickets_that_are_lost(clinic: Clinic) -> None:
    (clinic.home / "keys" / "tickets" / "roots.txt").unlink()
    await only(clinic, "keys.tickets", "trouble", "no roots")


async def test_a_day_key_that_has_run_out_where_the_root_is_elsewhere(clinic: Clinic) -> None:
    tickets = clinic.home / "keys" / "tickets"
    for file in (tickets / "root.pem", *tickets.glob("day-*")):
        file.unlink()
    await only(clinic, "keys.tickets", "trouble", "no day key")


async def test_a_field_key_that_is_lost(clinic: Clinic) -> None:
    sealed = open_sealer(clinic.settings.keys, create=True).seal({"plate": "ABC"})
    add(
        clinic, kept.vehicles_private, plate_commitment="0x", driver="0x", sealed=sealed,
        created_at=1,
    )  # fmt: skip
    assert await clinic.off() == {}
    (clinic.home / "keys" / "field.key").unlink()
    await only(clinic, "keys.field", "trouble", "field.key")


async def test_a_field_key_that_is_another_one(clinic: Clinic) -> None:
    sealed = open_sealer(clinic.settings.keys, create=True).seal({"plate": "ABC"})
    add(
        clinic, kept.vehicles_private, plate_commitment="0x", driver="0x", sealed=sealed,
        created_at=1,
    )  # fmt: skip
    (clinic.home / "keys" / "field.key").unlink()
    open_sealer(clinic.settings.keys, create=True)
    await only(clinic, "keys.field", "trouble", "another key")


@pytest.mark.parametrize(("free", "level"), [(10 * 2**20, "trouble"), (2**30, "warning")])
async def test_a_disk_that_is_nearly_full(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, free: int, level: str
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(2**40, 2**40 - free, free))
    await only(clinic, "disk", level, "GiB free")


# ---- all at once


async def test_without_node_database_and_broker_each_is_a_finding_and_the_rest_still_runs(
    clinic: Clinic,
) -> None:
    clinic.run_here(False)
    clinic.variables |= {
        "BERTH_RPC_URL": f"http://127.0.0.1:{free_port()}",
        "BERTH_DATABASE_URL": f"postgresql://x@127.0.0.1:{free_port()}/berth",
        "BERTH_MQTT_URL": f"mqtt://127.0.0.1:{free_port()}",
    }
    off = await clinic.off()
    assert "did not come to an end" not in str(off)
    assert {check for check, (level, _says) in off.items() if level == "trouble"} == {
        "node", "database", "broker", "signer",
    }  # fmt: skip
    found = await clinic.examine()
    assert found["keys.relay"][0].level is Level.OK
    assert found["disk"][0].level is Level.OK


async def test_a_check_that_breaks_is_named_and_hides_nothing(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_case: Case) -> list[Finding]:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(examination, "TOPICS", {**examination.TOPICS, "work": broken})
    await only(clinic, "work", "trouble", "a mistake of ours")


async def test_a_check_that_hangs_is_given_up(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hangs(_case: Case) -> list[Finding]:
        await asyncio.Event().wait()
        return []

    # the others here ask nobody: they have an end in time on any machine
    topics = {"signer": hangs, "machine": machine.examine}
    monkeypatch.setattr(examination, "TOPICS", topics)
    await only(clinic, "signer", "trouble", "within 5 s", within=5.0)


def test_who_gives_a_topic_more_time_gives_it_to_what_it_asks(clinic: Clinic) -> None:
    case = Case(clinic.settings, None, None)
    assert [replace(case, within=within).answer for within in (1.0, 60.0, 120.0, 600.0)] == [
        5.0, 5.0, 8.0, 40.0,
    ]  # fmt: skip
