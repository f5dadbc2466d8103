"""Each check of `berth doctor`, well and broken: break one thing, see it named."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import time
from collections import namedtuple
from typing import Any

import pytest
from berth.chain.local import free_port
from berth.chain.rpc import RpcError
from berth.cli.doctor import database, examination
from berth.cli.doctor.finding import Case, Finding, Level
from berth.core.sealed import open_sealer
from berth.devices.mqtt import BrokerLogin
from berth.devices.topics import BACKEND_USER, COMMAND, PREFIX
from berth.store import derived, kept, migrations
from berth.store.clock import database_now
from berth.store.incidents import open_incident
from berth.store.roles import leave
from sqlalchemy import Table, insert, update

from tests.backend.doctor.conftest import Clinic
from tests.backend.worlds import DEPLOYMENT, NOW

LOCK = "0x" + "a1" * 20
#: Each test sets up an installation and looks at all of it.
pytestmark = pytest.mark.slow


def write(clinic: Clinic, table: Table, **values: Any) -> None:
    with clinic.world.store.write() as conn:
        conn.execute(update(table).values(**values))


def add(clinic: Clinic, table: Table, **values: Any) -> None:
    with clinic.world.store.write() as conn:
        conn.execute(insert(table).values(**values))


def database_moment(clinic: Clinic) -> int:
    with clinic.world.store.read() as conn:
        return database_now(conn)


def outbox_row(state: str, created_at: int) -> dict[str, Any]:
    return {
        "kind": "lease.booked", "key": f"key-{state}", "payload_json": "{}", "created_block": 1,
        "block_hash": "0x", "block_timestamp": NOW, "created_at": created_at, "state": state,
    }  # fmt: skip


def command_row(state: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"command-{state}", "lock_id": LOCK, "lease_id": "0x" + "01" * 14, "epoch": 1,
        "cycle": 0, "action": "lower", "state": state, "created_at": NOW, "expires_at": NOW + 120,
        "updated_at": NOW,
    } | changes  # fmt: skip


async def only(clinic: Clinic, check: str, level: str, *words: str, **options: Any) -> None:
    """Just one check is off, at this level, with these words in its sentence."""
    off = await clinic.off(**options)
    assert set(off) == {check}, off
    assert off[check][0] == level
    for word in words:
        assert word in off[check][1], off[check][1]


# ---- as it should be


async def test_an_installation_that_is_well_is_found_well(clinic: Clinic) -> None:
    found = await clinic.examine()
    assert {check for check, several in found.items() if any(one.do for one in several)} == set()
    assert {
        "deployment", "node", "node.history", "contracts", "database.migration", "database.pages",
        "database.tables", "database.clock", "database.deployment", "index", "index.blocks",
        "index.credit", "index.lease", "index.offer", "index.space", "index.ledger",
        "index.money", "index.settlements", "outbox", "commands", "evidence", "incidents", "roles",
        "spending", "gas", "broker", "broker.strangers", "broker.rules", "broker.commands",
        "signer", "keys.files", "keys.relay", "keys.tickets", "keys.field", "disk",
    } <= set(found)  # fmt: skip


async def test_it_changes_nothing(clinic: Clinic) -> None:
    with clinic.world.store.read() as conn:
        before = list(conn.connection.driver_connection.iterdump())  # type: ignore[union-attr]
    keys = sorted(path.name for path in clinic.home.rglob("*") if "sqlite" not in path.name)
    await clinic.examine(deep=True)
    with clinic.world.store.read() as conn:
        assert list(conn.connection.driver_connection.iterdump()) == before  # type: ignore[union-attr]
    assert sorted(p.name for p in clinic.home.rglob("*") if "sqlite" not in p.name) == keys


# ---- deployment, nodes


async def test_a_missing_deployment_file(clinic: Clinic) -> None:
    (clinic.home / "deployment.json").unlink()
    off = await clinic.off()
    assert off["deployment"][0] == "trouble"
    assert (
        off["node"][0] == off["index"][0] == off["index.chain"][0] == "warning"
    )  # and the rest was looked at
    assert "broker" not in off


async def test_a_node_that_is_gone(clinic: Clinic) -> None:
    clinic.variables["BERTH_RPC_URL"] = f"http://127.0.0.1:{free_port()}"
    off = await clinic.off()
    assert off["node"][0] == "trouble"
    assert "unreachable" in off["node"][1]
    assert {"node", "index.chain", "gas"} == set(off)


async def test_a_node_that_hangs_does_not_hold_up_the_rest(clinic: Clinic) -> None:
    clinic.node.hanging = True
    began = time.monotonic()
    off = await clinic.off(within=6.0)
    assert time.monotonic() - began < 15
    assert set(off) == {"node", "index.chain", "gas"}
    assert off["node"][0] == "trouble"


async def test_a_node_of_another_chain(clinic: Clinic) -> None:
    clinic.node.mirror.chain = 5
    off = await clinic.off()
    assert "chain 5" in off["node"][1]
    assert off["node"][0] == "trouble"


async def test_a_node_whose_chain_begins_otherwise(clinic: Clinic) -> None:
    block = clinic.node.answers
    block["eth_getBlockByNumber"] = lambda params: {
        "hash": "0x" + "77" * 32, "parentHash": "0x", "number": "0x0", "timestamp": "0x0",
    }  # fmt: skip
    off = await clinic.off()
    assert "genesis" in off["node"][1]


async def test_an_address_without_code(clinic: Clinic) -> None:
    clinic.node.answers["eth_getCode"] = lambda params: (
        "0x" if params[0] == DEPLOYMENT.forwarder else "0x60"
    )
    await only(clinic, "contracts", "trouble", DEPLOYMENT.forwarder, "forwarder")


async def test_a_market_without_code(clinic: Clinic) -> None:
    clinic.node.answers["eth_getCode"] = lambda params: "0x"
    off = await clinic.off()
    assert "no contract" in off["node"][1]


async def test_code_that_is_not_what_was_deployed(clinic: Clinic) -> None:
    clinic.deploy(code_hashes={"market": "0x" + "88" * 32})
    await only(clinic, "contracts", "trouble", "code of market")


async def test_a_market_that_is_wired_to_another_asset(clinic: Clinic) -> None:
    clinic.node.mirror.answers["asset"] = lambda _a: "0x" + "ee" * 20
    await only(clinic, "contracts", "trouble", "asset", "0x" + "ee" * 20)


async def test_a_node_without_the_first_block(clinic: Clinic) -> None:
    del clinic.node.mirror.hashes[DEPLOYMENT.block]
    await only(clinic, "node.history", "warning", f"block {DEPLOYMENT.block}")


async def test_a_node_without_old_logs(clinic: Clinic) -> None:
    def pruned(_params: Any) -> Any:
        raise RpcError("eth_getLogs", -32000, "history has been pruned", None)

    clinic.node.answers["eth_getLogs"] = pruned
    await only(clinic, "node.history", "warning", "pruned")


@pytest.mark.parametrize(
    ("age", "words"), [(500, "old"), (-500, "in the future")], ids=["stands still", "wrong clock"]
)
async def test_a_newest_block_of_another_time(clinic: Clinic, age: int, words: str) -> None:
    clinic.deploy(chain_id=5)
    clinic.node.mirror.chain = 5
    write(clinic, kept.deployment, chain_id=5)
    clinic.node.mirror.timestamp = int(time.time()) - age
    await only(clinic, "node.time", "trouble", words)


async def test_a_node_that_is_behind_another(clinic: Clinic) -> None:
    from tests.backend.audit.mirror import Mirror
    from tests.backend.doctor.http_node import HttpNode

    mirror = Mirror(clinic.world)
    mirror.answers, mirror.head = clinic.node.mirror.answers, 90
    mirror.hashes = {**clinic.node.mirror.hashes, 90: "0x" + "90" * 32}
    with HttpNode(mirror).serving() as late:
        clinic.variables["BERTH_RPC_URL"] += f",{late.url}"
        await only(clinic, "node.behind", "warning", "block 90", "100")


# ---- database


async def test_no_database(clinic: Clinic) -> None:
    clinic.variables["BERTH_DATABASE_URL"] = f"sqlite:///{clinic.home}/nothing.sqlite"
    off = await clinic.off()
    assert off["database"][0] == "trouble"
    assert "nothing.sqlite" in off["database"][1]
    assert not (clinic.home / "nothing.sqlite").exists()
    assert "node" not in off


async def test_a_database_server_that_is_gone(clinic: Clinic) -> None:
    clinic.variables["BERTH_DATABASE_URL"] = f"postgresql://x@127.0.0.1:{free_port()}/berth"
    off = await clinic.off()
    assert off["database"][0] == "trouble"
    assert "cannot open the database" in off["database"][1]


async def test_a_file_that_is_no_database(clinic: Clinic) -> None:
    (clinic.home / "x.sqlite").write_text("not a database at all, but long enough to look", "utf-8")
    clinic.variables["BERTH_DATABASE_URL"] = f"sqlite:///{clinic.home}/x.sqlite"
    assert (await clinic.off())["database"][0] == "trouble"


@pytest.mark.parametrize(
    ("version", "words"),
    [("9999", "none later"), (migrations.KNOWN[0], "needs"), (None, "no tables of Berth")],
)
async def test_a_database_at_another_migration(
    clinic: Clinic, version: str | None, words: str
) -> None:
    with clinic.world.store.write() as conn:
        if version is None:
            conn.exec_driver_sql(f"DROP TABLE {migrations.VERSION_TABLE}")
        else:
            conn.exec_driver_sql(f"UPDATE {migrations.VERSION_TABLE} SET version_num = '{version}'")
    off = await clinic.off()
    assert off["database.migration"][0] == "trouble"
    assert words in off["database.migration"][1]
    assert off["index"][0] == off["work"][0] == "warning"


async def test_a_database_of_another_deployment(clinic: Clinic) -> None:
    write(clinic, kept.deployment, market="0x" + "ee" * 20)
    await only(clinic, "database.deployment", "trouble", "another deployment")


async def test_a_table_that_is_missing(clinic: Clinic) -> None:
    with clinic.world.store.write() as conn:
        conn.exec_driver_sql("DROP TABLE keeper_tasks")
    await only(clinic, "database.tables", "trouble", "keeper_tasks")


async def test_a_database_with_another_clock(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "database_now", lambda _conn: int(time.time()) + 60)
    off = await clinic.off()
    assert off["database.clock"][0] == "trouble"


async def test_a_database_with_a_damaged_page(clinic: Clinic) -> None:
    path = clinic.home / "berth.sqlite"
    clinic.world.store.close()
    with sqlite3.connect(path) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        page = raw.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'ix_commands_lock_id_state'"
        ).fetchone()
        assert page, "there is no such index"
        size = raw.execute("PRAGMA page_size").fetchone()[0]
    raw.close()
    with path.open("r+b") as file:
        file.seek((page[0] - 1) * size)
        file.write(b"\xff" * size)
    off = await clinic.off()
    assert off["database.pages"][0] == "trouble"


# ---- index


async def test_an_index_that_has_not_begun(clinic: Clinic) -> None:
    with clinic.world.store.write() as conn:
        conn.execute(derived.cursor.delete())
    off = await clinic.off()
    assert off["index"] == ("trouble", "it has not read a block yet")


async def test_an_index_that_gives_no_sign_of_life(clinic: Clinic) -> None:
    write(clinic, derived.cursor, updated_at=int(time.time()) - 100)
    await only(clinic, "index", "trouble", "sign of life 10")


async def test_an_index_that_is_behind(clinic: Clinic) -> None:
    write(clinic, derived.cursor, head_number=200)
    await only(clinic, "index", "warning", "100 behind")


async def test_a_stored_block_that_is_not_the_chains(clinic: Clinic) -> None:
    add(clinic, derived.blocks, number=99, hash="0x" + "ff" * 32, parent_hash="0x", timestamp=1)
    await only(clinic, "index.blocks", "trouble", "99")


async def test_a_head_that_is_not_the_chains(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic.node.mirror.hashes[100] = "0x" + "ff" * 32
    off = await clinic.off()
    assert off["index.head"][0] == "trouble"


@pytest.mark.parametrize(
    ("table", "values", "check"),
    [
        (derived.accounts, {"credit": "7"}, "index.credit"),
        (derived.leases, {"disputed": 1}, "index.lease"),
        (derived.offers, {"word_b": "0x" + "01" * 32}, "index.offer"),
        (derived.spaces, {"owner": "0x" + "ee" * 20}, "index.space"),
        (derived.market_state, {"fees": "9"}, "index.ledger"),
        (derived.market_state, {"paused_until": 9}, "index.market"),
    ],
)
async def test_a_row_that_the_chain_has_otherwise(
    clinic: Clinic, table: Table, values: dict[str, Any], check: str
) -> None:
    write(clinic, table, **values)
    off = await clinic.off()
    assert off[check][0] == "trouble"
    assert "in the index" in off[check][1]


async def test_a_market_that_owes_more_than_it_holds(clinic: Clinic) -> None:
    clinic.node.mirror.balance -= 1
    await only(clinic, "index.money", "trouble", "owes")


async def test_a_settlement_that_was_changed(clinic: Clinic) -> None:
    write(clinic, derived.settlements, rent="1")
    await only(clinic, "index.settlements", "trouble", "Settlement 1")


async def test_a_node_that_has_forgotten_the_state(clinic: Clinic) -> None:
    clinic.node.mirror.forgets = True
    found = await clinic.examine()
    assert found["index.chain"][0].level is Level.WARNING
    assert "no longer knows the state" in found["index.chain"][0].says


async def test_rows_that_the_raw_logs_do_not_give(clinic: Clinic) -> None:
    off = await clinic.off(deep=True)
    assert off["index.rebuild"][0] == "trouble"  # the world's rows were written without any log
    assert "leases" in off["index.rebuild"][1]


async def test_rows_that_the_raw_logs_give_again(clinic: Clinic) -> None:
    with clinic.world.store.write() as conn:
        for table in derived.PROJECTIONS:
            conn.execute(table.delete())
    found = await clinic.examine(deep=True)
    assert [one.level for one in found["index.rebuild"]] == [Level.OK]


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
    began = time.monotonic()
    off = await clinic.off()
    assert time.monotonic() - began < 20
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

    monkeypatch.setattr(examination, "TOPICS", {**examination.TOPICS, "signer": hangs})
    await only(clinic, "signer", "trouble", "within 10 s", within=10.0)
