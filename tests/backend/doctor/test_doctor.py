"""Each check of `berth doctor`, well and broken: break one thing, see it named."""

from __future__ import annotations

import sqlite3
import time
from typing import Any

import pytest
from berth.chain.local import free_port
from berth.chain.rpc import RpcError
from berth.cli.doctor import database
from berth.cli.doctor.finding import Level
from berth.store import derived, kept, migrations
from sqlalchemy import Table

from tests.backend.doctor.breaking import (
    add,
    only,
    write,
)
from tests.backend.doctor.conftest import Clinic
from tests.backend.worlds import DEPLOYMENT

#: Each test sets up an installation and looks at all of it.
pytestmark = pytest.mark.slow


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
    off = await clinic.off(within=60.0)
    assert set(off) == {"node", "index.chain", "gas"}
    assert off["node"][0] == "trouble"
    # each gave the node up by itself, long before its time was over
    assert "did not come to an end" not in str(off)


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
