"""Who looks at the platform hears in time that the sponsor's account runs low, or that what it
brought does not get through."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from berth.chain.rpc import NodeUnreachableError
from berth.market.sponsor_purse import CALL_GAS, STUCK_SECONDS, Purse, Waiting
from berth.store import kept
from berth.store.clock import database_now
from berth.store.roles import beat
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert

from tests.backend.web.people import Api
from tests.backend.worlds import World

SPONSOR = "0x" + "5a" * 20
PRICE = 10**9
#: Wei of one call at that price.
CALL = CALL_GAS * PRICE
JSON = {"Accept": "application/json"}


@pytest.fixture
def paid(world: World, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """An installation that works and has a sponsor; what its node says may be changed."""
    said = {"eth_getBalance": 1000 * CALL, "eth_gasPrice": PRICE}
    asked = world.node.typed

    async def typed(kind: type, method: str, *params: Any) -> str:
        if method == "eth_getBalance":
            assert params == (SPONSOR, "latest")
        return hex(said[method]) if method in said else await asked(kind, method, *params)

    monkeypatch.setattr(world.node, "typed", typed)
    world.services.sponsor = SimpleNamespace(account=SPONSOR)  # type: ignore[assignment]
    with world.store.write() as conn:
        for role in ("indexer", "relay", "keeper"):
            beat(conn, f"{role}-1", role, "running")
    return said


def bring(world: World, state: str, age: int, account: str = SPONSOR, nonce: int = 1) -> None:
    """A transaction of the account's, so old in seconds."""
    with world.store.write() as conn:
        at = database_now(conn) - age
        conn.execute(
            insert(kept.sent_transactions).values(
                account=account, nonce=nonce, tx_hash=f"0x{nonce:064x}", raw="0x", state=state,
                purpose=f"intent:0x{'d1' * 20}:{account}:{nonce}", reserved="1", submitted_at=at,
                updated_at=at,
            )
        )  # fmt: skip


def look(api: Api) -> Any:
    return api.get("/status", headers=JSON)


def metrics(api: Api) -> dict[str, float]:
    families = text_string_to_metric_families(api.client.get("/metrics").text)
    return {
        one.name: one.value
        for family in families
        for one in family.samples
        if one.name.startswith("berth_sponsor_")
    }


def test_an_account_with_enough_is_told_and_is_no_ones_worry(
    api: Api, world: World, paid: dict[str, int]
) -> None:
    status = look(api)
    assert status["state"] == "ok"
    assert status["sponsor"] == {
        "level": "ok", "account": status["sponsor"]["account"], "balance": str(1000 * CALL),
        "callsLeft": 1000, "waiting": 0, "oldestSeconds": 0,
    }  # fmt: skip
    assert status["sponsor"]["account"].lower() == SPONSOR
    assert "enough for 1000 more calls; 0 on their way" in api.client.get("/status").text
    chinese = api.client.get("/status", headers={"Accept-Language": "zh"}).text
    assert "约可再代付 1000 次；0 笔在途" in chinese
    assert metrics(api) == {
        "berth_sponsor_balance_wei": 1000 * CALL,
        "berth_sponsor_calls_left": 1000,
        "berth_sponsor_calls_warn": 50,
        "berth_sponsor_waiting": 0,
        "berth_sponsor_oldest_seconds": 0,
    }


@pytest.mark.parametrize(
    ("calls", "level", "told"),
    [
        (49, "low", "The sponsor's account is low: enough for 49 more calls."),
        (0, "empty", "The sponsor's account is empty: accounts pay for their calls themselves."),
    ],
)
def test_an_account_that_runs_low_wants_attention(
    api: Api, paid: dict[str, int], calls: int, level: str, told: str
) -> None:
    paid["eth_getBalance"] = calls * CALL + CALL - 1
    status = look(api)
    assert (status["state"], status["sponsor"]["level"]) == ("attention", level)
    assert status["sentence"].endswith(told)
    chinese = api.get("/status", headers=JSON, language="zh")["sentence"]
    assert "代付账户" in chinese


def test_dearer_gas_makes_fewer_calls_of_the_same_money(api: Api, paid: dict[str, int]) -> None:
    paid["eth_gasPrice"] = 100 * PRICE
    status = look(api)["sponsor"]
    assert (status["callsLeft"], status["level"]) == (10, "low")


def test_a_call_that_is_not_mined_wants_attention(
    api: Api, world: World, paid: dict[str, int]
) -> None:
    bring(world, "sent", STUCK_SECONDS + 100)
    bring(world, "signed", 5, nonce=2)
    bring(world, "mined", 9000, nonce=3)
    bring(world, "sent", 9000, account="0x" + "11" * 20)  # the relay's is another matter
    status = look(api)
    assert (status["state"], status["sponsor"]["level"]) == ("attention", "stuck")
    assert status["sponsor"]["waiting"] == 2
    assert status["sponsor"]["oldestSeconds"] >= STUCK_SECONDS + 100
    assert "has not been mined for 6 min" in status["sentence"]
    assert metrics(api)["berth_sponsor_waiting"] == 2


def test_a_node_that_does_not_answer_leaves_it_out(
    api: Api, world: World, paid: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(*_: Any) -> str:
        raise NodeUnreachableError("node", "cut off")

    monkeypatch.setattr(world.node, "typed", silent)
    assert look(api)["sponsor"] is None
    assert metrics(api) == {}


def test_where_nobody_pays_there_is_nothing_to_tell(api: Api) -> None:
    assert look(api)["sponsor"] is None
    assert metrics(api) == {}


def test_the_last_transaction_does_not_tell_whose_order_it_was(
    api: Api, world: World, paid: dict[str, int]
) -> None:
    bring(world, "sent", 5)
    last = look(api)["work"]["lastTransaction"]
    assert last["purpose"] == "intent"
    assert "d1" * 20 not in api.client.get("/status").text


def test_gas_is_counted_for_each_key_by_itself(
    api: Api, world: World, paid: dict[str, int]
) -> None:
    """What may be spent is a bound of each key: together they may spend more."""
    for account, costs in (("0x" + "11" * 20, (3, 4)), (SPONSOR, (5,))):
        for nonce, cost in enumerate(costs):
            with world.store.write() as conn:
                at = database_now(conn)
                conn.execute(
                    insert(kept.sent_transactions).values(
                        account=account, nonce=nonce, tx_hash="0x", raw="0x", state="mined",
                        purpose=f"{account}:{nonce}", reserved="9", cost=str(cost),
                        submitted_at=at, updated_at=at,
                    )
                )  # fmt: skip
    assert look(api)["work"]["spentToday"] == "7"


@pytest.mark.parametrize(
    ("balance", "oldest", "warn", "level"),
    [
        (CALL * 50, 0, 50, "ok"),
        (CALL * 50 - 1, 0, 50, "low"),
        (CALL, 0, 0, "ok"),
        (CALL - 1, STUCK_SECONDS + 1, 0, "empty"),
        (CALL, STUCK_SECONDS, 0, "ok"),
        (CALL, STUCK_SECONDS + 1, 50, "stuck"),
    ],
)
def test_the_level_follows_from_the_figures(
    balance: int, oldest: int, warn: int, level: str
) -> None:
    assert Purse(SPONSOR, balance, PRICE, Waiting(1, oldest), warn).level == level


def test_gas_that_costs_nothing_is_no_division_by_zero() -> None:
    assert Purse(SPONSOR, 3, 0, Waiting(), 1).calls == 3
