"""Ready, status and metrics while something is wrong: quickly, by name, in words."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from berth.chain.local import free_port
from berth.chain.rpc import NodeUnreachableError
from berth.devices.mqtt import BrokerLogin
from berth.store import kept, migrations
from berth.store.clock import database_now
from berth.store.incidents import open_incident
from berth.store.roles import beat
from berth.web.checks import WITHIN
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert, update

from tests.backend.web.people import Api
from tests.backend.worlds import NOW, World

JSON = {"Accept": "application/json"}
INDEXER = json.dumps(
    {
        "blocksPerSecond": 50,
        "eventsPerSecond": 900,
        "etaSeconds": 240,
        "error": "node unreachable at http://secret.example",
        "nodes": [
            {"where": "http://secret.example", "used": False, "state": "behind", "why": "secret"},
            {"where": "http://other.example", "used": True, "state": "well", "why": None},
        ],
    }
)


#: What hangs does so for ever, or this long, seconds; an answer is there long before, also of a
#: busy machine, for what it waits for it waits WITHIN.
HANGS, LONGEST = 60, 40


def fails(problem: dict[str, Any]) -> dict[str, str]:
    """Checks that failed: name -> code."""
    return {check["name"]: check["code"] for check in problem["checks"] if not check["ok"]}


def hang(monkeypatch: pytest.MonkeyPatch, world: World, name: str) -> None:
    """A call to the node that is never answered."""
    world.services.watch.within = WITHIN

    async def never(*_arguments: Any, **_options: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(world.node, name, never)


@contextmanager
def hanging_database(world: World) -> Iterator[None]:
    """Every look at the database waits until the block ends."""
    world.services.watch.within = WITHIN
    released = threading.Event()
    read = world.store.read

    @contextmanager
    def slow() -> Iterator[Any]:
        released.wait(HANGS)
        with read() as conn:
            yield conn

    world.store.read = slow  # type: ignore[method-assign]
    try:
        yield
    finally:
        released.set()
        world.store.read = read  # type: ignore[method-assign]


def timed(ask: Callable[[], Any]) -> tuple[Any, float]:
    began = time.monotonic()
    return ask(), time.monotonic() - began


# ---- ready


def test_ready_names_every_check_that_passed(api: Api) -> None:
    answer = api.get("/ready")
    assert (answer["status"], answer["lagBlocks"], answer["lagSeconds"]) == ("ready", 0, 0)
    assert [check["name"] for check in answer["checks"]] == ["database", "index", "node"]
    assert all(check["ok"] and check["sentence"] for check in answer["checks"])


def test_not_ready_while_the_index_is_behind_by_blocks(api: Api, world: World) -> None:
    world.at_block(100, head=106)
    problem = api.get("/ready", expect=503)
    assert problem["code"] == "index.behind"
    assert fails(problem) == {"index": "index.behind"}
    assert "6 blocks" in problem["detail"]


def test_the_bound_in_blocks_is_a_setting(api: Api, world: World) -> None:
    world.services.settings = replace(world.services.settings, ready_blocks=6)
    world.at_block(100, head=106)
    assert api.get("/ready")["lagBlocks"] == 6


def test_not_ready_when_the_newest_block_is_old_though_none_is_missing(
    api: Api, world: World
) -> None:
    world.clock.at += 61
    problem = api.get("/ready", expect=503)
    assert fails(problem) == {"index": "index.old"}
    assert "61 seconds" in problem["detail"]


def test_the_bound_in_seconds_is_a_setting_and_can_be_none(api: Api, world: World) -> None:
    world.services.settings = replace(world.services.settings, ready_seconds=0)
    world.clock.at += 100_000
    assert api.get("/ready")["lagSeconds"] == 100_000


def test_not_ready_before_the_first_block(api: Api, world: World) -> None:
    from berth.store import derived

    with world.store.write() as conn:
        conn.execute(derived.cursor.delete())
    assert api.get("/ready", expect=503)["code"] == "index.empty"


def test_an_index_without_a_sign_of_life_for_15_seconds_is_named(api: Api, world: World) -> None:
    world.wall.at += 16
    assert fails(api.get("/ready", expect=503)) == {"index": "index.silent"}


def test_not_ready_on_another_chain_and_the_node_is_not_named(api: Api, world: World) -> None:
    world.node.chain = 1
    problem = api.get("/ready", expect=503)
    assert problem["code"] == "chain.id"
    assert "fake node" not in str(problem)  # where our node is is nobody's business


def test_a_node_that_hangs_is_told_of_within_two_seconds(
    api: Api, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    hang(monkeypatch, world, "chain_id")
    problem, seconds = timed(lambda: api.get("/ready", expect=503))
    assert WITHIN <= 2
    assert fails(problem) == {"node": "chain.silent"}
    assert seconds < LONGEST


def test_a_node_that_is_gone_is_named(
    api: Api, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone() -> int:
        raise NodeUnreachableError("http://secret.example", "connection refused")

    monkeypatch.setattr(world.node, "chain_id", gone)
    problem = api.get("/ready", expect=503)
    assert fails(problem) == {"node": "chain.unreachable"}
    assert "secret" not in str(problem)


def test_a_database_that_hangs_is_told_of_within_two_seconds_again_and_again(
    api: Api, world: World
) -> None:
    with hanging_database(world):
        for _ in range(3):
            problem, seconds = timed(lambda: api.get("/ready", expect=503))
            assert fails(problem) == {"database": "store.silent"}
            assert seconds < LONGEST
        assert api.get("/health") == {"status": "ok"}


def test_a_database_that_is_gone_is_named(api: Api, world: World) -> None:
    with world.store.write() as conn:
        conn.exec_driver_sql("DROP TABLE cursor")
    assert fails(api.get("/ready", expect=503)) == {"database": "store.unavailable"}


def test_a_database_at_another_migration_is_named(api: Api, world: World) -> None:
    with world.store.write() as conn:
        conn.exec_driver_sql(f"UPDATE {migrations.VERSION_TABLE} SET version_num = '9999'")
    assert fails(api.get("/ready", expect=503)) == {"database": "store.migration"}


def test_a_broker_that_is_gone_is_named(world: World) -> None:
    from berth.web import create_app

    login = BrokerLogin.at(f"mqtt://127.0.0.1:{free_port()}", "backend", "any")
    world.services.broker = login
    with TestClient(create_app(world.services)) as client:
        answer = client.get("/ready")
    assert answer.status_code == 503
    assert fails(answer.json()) == {"broker": "broker.unreachable"}


def test_all_that_is_wrong_is_named_at_once(api: Api, world: World) -> None:
    world.node.chain = 1
    world.at_block(100, head=200)
    problem = api.get("/ready", expect=503)
    assert fails(problem) == {"index": "index.behind", "node": "chain.id"}
    assert len(problem["detail"].split(". ")) == 2


def test_ready_says_it_in_chinese_too(api: Api, world: World) -> None:
    world.at_block(100, head=106)
    problem = api.get("/ready", expect=503, language="zh")
    assert "落后" in problem["detail"]


# ---- status


@pytest.mark.parametrize(
    ("lag", "idle", "state"), [(0, 0, "ok"), (6, 0, "catching_up"), (0, 16, "trouble")]
)
def test_status_says_how_the_index_is(
    api: Api, world: World, lag: int, idle: int, state: str
) -> None:
    world.at_block(100, head=100 + lag)
    world.wall.at += idle
    assert api.get("/status", headers=JSON)["state"] == state


def test_status_detects_a_hanging_node_at_once(
    api: Api, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    hang(monkeypatch, world, "chain_id")
    answer, seconds = timed(lambda: api.client.get("/status").text)
    assert answer.splitlines()[0] == "The chain's node does not answer in time."
    assert seconds < LONGEST


def test_status_answers_while_the_database_hangs(api: Api, world: World) -> None:
    with hanging_database(world):
        answer, seconds = timed(lambda: api.get("/status", headers=JSON))
        assert (answer["state"], answer["spaces"], answer["work"]) == ("trouble", None, None)
        assert "database" in answer["sentence"]
        assert seconds < LONGEST
        metrics = api.client.get("/metrics").text
    assert 'berth_check_ok{check="database"} 0.0' in metrics
    assert "berth_open_leases" not in metrics  # not known is not told


def test_the_live_page_says_so_while_the_database_is_away(api: Api, world: World) -> None:
    with hanging_database(world):
        answer = api.client.get("/live")
    assert answer.status_code == 200
    assert "The database does not answer in time." in answer.text


def test_status_tells_rate_and_time_left_while_catching_up(api: Api, world: World) -> None:
    world.at_block(100, head=12_100)
    with world.store.write() as conn:
        beat(conn, "indexer-1", "indexer", "catching_up", INDEXER)
        beat(conn, "relay-1", "relay", "asleep")
        beat(conn, "keeper-1", "keeper", "running")
    answer = api.get("/status", headers=JSON)
    assert answer["state"] == "catching_up"
    assert answer["index"]["etaSeconds"] == 240
    assert answer["index"]["blocksPerSecond"] == 50
    assert answer["sentence"] == (
        "The index is 12000 blocks behind the chain and catching up."
        " About 4 min left, at 50 blocks a second."
    )
    assert [(node["used"], node["reason"]) for node in answer["nodes"]] == [
        (False, "behind"),
        (True, None),
    ]
    assert "secret.example" not in str(answer)
    text = api.client.get("/status").text
    assert "node 1 of 2: not in use (behind)" in text
    assert "secret.example" not in text
    assert "约需 4 分钟" in api.client.get("/status", headers={"Accept-Language": "zh"}).text


def test_a_role_that_has_gone_silent_is_trouble_and_named(api: Api, world: World) -> None:
    with world.store.write() as conn:
        for role in ("indexer", "relay", "keeper"):
            beat(conn, f"{role}-1", role, "running")
    assert api.get("/status", headers=JSON)["state"] == "ok"
    with world.store.write() as conn:
        conn.execute(
            update(kept.roles).where(kept.roles.c.role == "relay").values(beat_at=NOW - 1000)
        )
    world.services.platform_status._made_at = float("-inf")
    answer = api.get("/status", headers=JSON)
    assert (answer["state"], answer["missing"]) == ("trouble", ["relay"])
    assert answer["sentence"] == "No process runs as: relay."
    assert [role["alive"] for role in answer["roles"]] == [True, True, False]


def test_another_process_of_the_role_is_enough(api: Api, world: World) -> None:
    with world.store.write() as conn:
        for role in ("indexer", "relay", "keeper"):
            beat(conn, f"{role}-1", role, "running")
        conn.execute(
            update(kept.roles).where(kept.roles.c.role == "relay").values(beat_at=NOW - 1000)
        )
        beat(conn, "relay-2", "relay", "running")
    answer = api.get("/status", headers=JSON)
    assert (answer["state"], answer["missing"]) == ("ok", [])


def test_incidents_and_dead_letters_need_attention(api: Api, world: World) -> None:
    with world.store.write() as conn:
        open_incident(conn, "lock.jammed", "k", "the bar is stuck", now=NOW, lease_id="0x01")
        conn.execute(insert(kept.outbox).values(**outbox_row("dead")))
    answer = api.get("/status", headers=JSON)
    assert answer["state"] == "attention"
    assert answer["work"]["incidents"] == {"lock.jammed": 1}
    assert (answer["work"]["deadLetters"], answer["work"]["outbox"]) == (1, {"dead": 1})
    assert "incidents 1, dead letters 1" in answer["sentence"]


def test_reorgs_are_counted_with_the_deepest_and_the_last(api: Api, world: World) -> None:
    with world.store.write() as conn:
        for at, depth in ((NOW - 100, 3), (NOW - 50, 1)):
            conn.execute(
                insert(kept.events).values(
                    at=at, topic="chain.reorg", payload_json=f'{{"ancestor":9,"blocks":{depth}}}'
                )
            )
    answer = api.get("/status", headers=JSON)
    assert (answer["reorgs"]["count"], answer["reorgs"]["deepest"]) == (2, 3)
    assert "reorgs: 2, the deepest of 3 blocks" in api.client.get("/status").text


def test_what_was_spent_today_stands_beside_what_may_be(api: Api, world: World) -> None:
    with world.store.write() as conn:
        today = database_now(conn)
        for number, (cost, state, at) in enumerate(
            (
                ("1000000000000000", "mined", today),
                (None, "sent", today),
                ("7000000000000000", "mined", today - 3 * 86400),
                (None, "dropped", today),
            )
        ):
            conn.execute(
                insert(kept.sent_transactions).values(
                    account="0x" + "aa" * 20,
                    nonce=number,
                    tx_hash=f"0x{number:064x}",
                    purpose=f"record:{number}",
                    raw="0x",
                    state=state,
                    cost=cost,
                    reserved="2000000000000000",
                    submitted_at=at,
                    updated_at=at,
                )
            )
    answer = api.get("/status", headers=JSON)["work"]
    assert answer["spentToday"] == "3000000000000000"
    assert answer["spendCap"] == str(world.services.settings.spend_cap)
    assert answer["transactions"] == {"dropped": 1, "mined": 2, "sent": 1}
    assert answer["lastTransaction"]["purpose"] == "record:3"
    assert "gas spent today: 0.003 of 1.00 ether at most" in api.client.get("/status").text


# ---- metrics


def families(api: Api) -> dict[str, Any]:
    text = api.client.get("/metrics").text
    return {family.name: family for family in text_string_to_metric_families(text)}


def sample(api: Api, name: str, **labels: str) -> float | None:
    for family in families(api).values():
        for one in family.samples:
            if one.name == name and one.labels == labels:
                return float(one.value)
    return None


def test_metrics_tell_what_the_tables_hold(api: Api, world: World) -> None:
    with world.store.write() as conn:
        conn.execute(insert(kept.outbox).values(**outbox_row("new", created_at=NOW)))
        conn.execute(insert(kept.commands).values(**command_row("dead")))
        open_incident(conn, "lock.jammed", "k", "stuck", now=NOW)
        beat(conn, "relay-1", "relay", "running")
    assert sample(api, "berth_outbox_rows", state="new") == 1
    assert sample(api, "berth_outbox_rows", state="dead") == 0
    assert sample(api, "berth_commands", action="lower", state="dead") == 1
    assert sample(api, "berth_dead_letters") == 1
    assert sample(api, "berth_incidents_open", kind="lock.jammed") == 1
    assert sample(api, "berth_roles_alive", role="relay") == 1
    assert sample(api, "berth_roles_alive", role="keeper") == 0
    assert sample(api, "berth_check_ok", check="node") == 1
    assert sample(api, "berth_index_lag_blocks") == 0
    assert sample(api, "berth_index_reorgs_total") == 0


def test_no_metric_is_told_twice_and_each_has_a_help_text(api: Api, world: World) -> None:
    text = api.client.get("/metrics").text
    helps = [line.split()[2] for line in text.splitlines() if line.startswith("# HELP")]
    assert len(helps) == len(set(helps))
    assert all(family.documentation for family in families(api).values())
    assert {"berth_rpc_requests", "berth_http_requests", "process_resident_memory_bytes"} <= set(
        families(api)
    )


def outbox_row(state: str, **changes: Any) -> dict[str, Any]:
    return {
        "kind": "lease.booked",
        "key": f"key-{state}",
        "payload_json": "{}",
        "created_block": 1,
        "block_hash": "0x",
        "block_timestamp": NOW,
        "created_at": NOW,
        "state": state,
    } | changes


def command_row(state: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"command-{state}",
        "lock_id": "0x" + "a1" * 20,
        "lease_id": "0x" + "01" * 14,
        "epoch": 1,
        "cycle": 0,
        "action": "lower",
        "state": state,
        "created_at": NOW,
        "expires_at": NOW + 120,
        "updated_at": NOW,
    } | changes
