"""The public ledger."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from berth.audit import records, totals
from berth.audit.charges import RULES
from berth.core.ledger import EMPTY_HEAD
from berth.core.slots import slot_at
from berth.core.zones import rfc3339
from berth.store import kept
from sqlalchemy import insert

from tests.backend.web.people import Api, fields
from tests.backend.worlds import COMMITMENT, DINO, EVE, LOCK, NOW, OLGA, World

Ledger = list[str]


@pytest.fixture
def ledger(world: World) -> Ledger:
    """Five settlements on two spaces, two drivers; the chain agrees."""
    spaces = [world.add_space(1), world.add_space(2, owner=EVE)]
    for space in spaces:
        world.add_offer(space)
    leases = []
    for number in range(5):
        start = slot_at(NOW) - 200 + 20 * number
        driver = DINO if number < 3 else OLGA
        leases.append(world.add_lease(spaces[number % 2], start, 8, driver=driver))
        world.settle(leases[-1], outcome=5 if number == 4 else 1, minutes=60 + number)
    agree(world)
    return leases


def agree(world: World, count: int | None = None, head: bytes | None = None) -> None:
    """The chain's ledger is the world's."""
    world.node.answers["ledger"] = lambda call: (
        world.head if head is None else head,
        world.count if count is None else count,
        0,
    )


def numbers(api: Api, query: str = "") -> list[int]:
    return [item["number"] for item in api.get(f"/v1/audit/settlements{query}")["items"]]


def test_the_head_recomputed_is_the_chains(api: Api, world: World, ledger: Ledger) -> None:
    answer = api.get("/v1/audit/head")
    assert answer["verdict"] == "complete"
    assert answer["indexCount"] == answer["chainCount"] == 5
    assert answer["indexHead"] == answer["chainHead"] == "0x" + world.head.hex()
    assert answer["block"] == 100


def test_an_empty_ledger_is_complete(api: Api, world: World) -> None:
    agree(world)
    answer = api.get("/v1/audit/head", language="zh")
    assert answer["verdict"] == "complete"
    assert answer["indexHead"] == "0x" + EMPTY_HEAD.hex()
    assert answer["sentence"].startswith("所有结算记录完整")


def test_an_altered_record_is_a_mismatch_with_its_number(
    api: Api, world: World, ledger: Ledger
) -> None:
    with world.store.write() as conn:
        conn.exec_driver_sql("UPDATE settlements SET fee = '1' WHERE number = 3")
    answer = api.get("/v1/audit/head")
    assert answer["verdict"] == "mismatch"
    assert "Settlement 3" in answer["sentence"]
    detail = api.get("/v1/audit/settlements/3")
    assert detail["recomputed"]["agrees"] is False


class Gate:
    """Work that stops in its middle until it is let go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> None:
        self.calls = 0
        self.opened = threading.Event()
        self.reached = threading.Semaphore(0)
        self.in_time = True
        real = getattr(module, name)

        def slowly(*given: Any) -> Any:
            self.calls += 1
            self.reached.release()
            self.in_time &= self.opened.wait(60)
            return real(*given)

        monkeypatch.setattr(module, name, slowly)


@pytest.fixture
def crowd() -> Iterator[ThreadPoolExecutor]:
    """Several who ask at once."""
    with ThreadPoolExecutor(16) as made:
        yield made


def test_everybody_is_answered_while_the_ledger_is_recomputed(
    api: Api, ledger: Ledger, crowd: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch, records, "recompute")
    asking = [crowd.submit(api.get, "/v1/audit/head") for _ in range(3)]
    assert gate.reached.acquire(timeout=60)
    assert api.client.get("/health").status_code == 200
    api.get("/v1/audit/settlements/1")
    gate.opened.set()
    answers = [one.result(60) for one in asking]
    assert gate.in_time, "nobody else was answered meanwhile"
    assert answers == answers[:1] * 3
    assert (answers[0]["verdict"], gate.calls) == ("complete", 1)


def test_the_next_head_is_of_what_has_come_since(api: Api, world: World, ledger: Ledger) -> None:
    kept = world.services.head_report
    assert api.get("/v1/audit/head")["indexCount"] == 5
    space = world.add_space(3)
    world.add_offer(space)
    world.settle(world.add_lease(space, slot_at(NOW) - 20, 8))
    kept._made_at = float("-inf")
    answer = api.get("/v1/audit/head")
    assert (answer["verdict"], answer["indexCount"]) == ("complete", 6)
    assert answer["indexHead"] == "0x" + world.head.hex()


def test_settlements_are_public_in_the_order_of_the_ledger(api: Api, ledger: Ledger) -> None:
    answer = api.get("/v1/audit/settlements")
    assert [item["number"] for item in answer["items"]] == [1, 2, 3, 4, 5]
    assert answer["currency"]["symbol"] == "tEUR"
    assert answer["items"][0]["leaseId"] == ledger[0]
    assert answer["items"][0]["windowStart"] == rfc3339((slot_at(NOW) - 200) * 900)


def test_a_settlement_is_final_once_its_block_cannot_be_replaced(
    api: Api, world: World, ledger: Ledger
) -> None:
    """They are of block 100; the index holds the ten newest blocks for undoable."""
    for at_block, final in ((100, False), (109, False), (110, True)):
        world.at_block(at_block)
        listed = api.get("/v1/audit/settlements")["items"]
        assert {one["final"] for one in listed} == {final}
        assert api.get("/v1/audit/settlements/2")["final"] is final


def test_settlements_are_paged_both_ways(api: Api, ledger: Ledger) -> None:
    first = api.get("/v1/audit/settlements?limit=3")
    assert numbers(api, f"?limit=3&cursor={first['next']}") == [4, 5]
    newest = api.get("/v1/audit/settlements?limit=3&newestFirst=true")
    assert [item["number"] for item in newest["items"]] == [5, 4, 3]
    assert numbers(api, f"?limit=3&newestFirst=true&cursor={newest['next']}") == [2, 1]


def test_settlements_are_filtered(api: Api, ledger: Ledger) -> None:
    assert numbers(api, f"?driver={DINO.shown}") == [1, 2, 3]
    assert numbers(api, f"?owner={EVE.address}") == [2, 4]
    assert numbers(api, f"?space={ledger[0][:18]}") == [1, 3, 5]
    assert numbers(api, "?outcome=unused") == [5]
    closed = rfc3339((slot_at(NOW) - 200 + 40) * 900 + 62 * 60)
    assert numbers(api, f"?from={closed}") == [3, 4, 5]
    assert numbers(api, f"?until={closed}") == [1, 2]
    assert numbers(api, f"?from={closed}&driver={DINO.address}") == [3]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("owner=olga", "owner"),
        (f"driver={OLGA.shown.swapcase().replace('0X', '0x')}", "driver"),
        ("space=1", "space"),
        ("outcome=good", "outcome"),
        ("from=noon", "from"),
        ("limit=1000", "limit"),
        ("cursor=!", "cursor"),
    ],
)
def test_a_bad_filter_is_named(api: Api, query: str, field: str) -> None:
    assert fields(api.get(f"/v1/audit/settlements?{query}", expect=422)) == [field]


def test_one_settlement_tells_all_that_led_to_it(api: Api, world: World, ledger: Ledger) -> None:
    for kind, until in ((1, NOW), (2, NOW + 60)):
        with world.store.write() as conn:
            conn.execute(
                insert(kept.evidence).values(
                    lease_id=ledger[1], kind=kind, from_=NOW, until=until, energy_wh=0,
                    signature="0x" + "ab" * 65, lock_id=LOCK.address, state="mined",
                    tx_hash="0x" + "cd" * 32, received_at=NOW,
                )
            )  # fmt: skip
    answer = api.get("/v1/audit/settlements/2")
    before = api.get("/v1/audit/settlements/1")
    assert answer["recomputed"] == {
        "previousHead": before["head"],
        "recordHash": answer["recordHash"],
        "head": answer["head"],
        "agrees": True,
    }
    assert before["recomputed"]["previousHead"] == "0x" + "00" * 32
    assert answer["booking"]["plateCommitment"] == COMMITMENT
    assert answer["booking"]["transaction"] == "0x" + "b0" * 32
    assert answer["registrationTransaction"] == f"0x{2:064x}"
    assert answer["terms"]["pricePerSlot"] == "100000"
    assert [one["kind"] for one in answer["evidence"]] == ["arrived", "left"]
    assert answer["evidence"][0]["from"] == NOW
    for name in ("rent", "fee", "refund"):
        assert answer["bill"][name] == answer[name]
    assert answer["bill"]["owner"] == answer["ownerShare"]


def test_a_settlement_by_another_rule_has_no_bill_by_minutes(api: Api, ledger: Ledger) -> None:
    assert api.get("/v1/audit/settlements/5")["bill"] is None


def test_the_rule_of_a_charge_is_said_in_the_reader_s_language(api: Api, ledger: Ledger) -> None:
    path = "/v1/audit/settlements/1"
    chinese = api.client.get(path, headers={"Accept-Language": "zh"}).json()["charge"]["rule"]
    assert (api.get(path)["charge"]["rule"], chinese) in RULES.values()
    assert all(english.isascii() and not other.isascii() for english, other in RULES.values())


def test_a_settlement_that_does_not_exist_is_404(api: Api, ledger: Ledger) -> None:
    problem = api.get("/v1/audit/settlements/6", expect=404)
    assert (problem["code"], fields(problem)) == ("settlement.unknown", ["number"])


@pytest.mark.parametrize("number", ["0", "-1", "x", str(1 << 63), "1.5"])
def test_a_number_that_is_none_is_a_bad_field(api: Api, number: Any) -> None:
    assert fields(api.get(f"/v1/audit/settlements/{number}", expect=422)) == ["number"]


def test_totals_are_of_all_that_the_filter_finds_not_of_the_page(api: Api, ledger: Ledger) -> None:
    every = api.get("/v1/audit/settlements")["items"]
    answer = api.get("/v1/audit/settlements?totals=true&limit=2")
    totals = answer["totals"]
    assert totals["count"] == 5
    assert len(answer["items"]) == 2
    for name in ("rent", "overstay", "energy", "fee", "refund"):
        assert int(totals[name]) == sum(int(item[name]) for item in every)
    cost = sum(int(totals[name]) for name in ("rent", "overstay", "energy"))
    assert int(totals["ownerShare"]) == cost - int(totals["fee"])
    second = api.get(f"/v1/audit/settlements?totals=true&limit=2&cursor={answer['next']}")
    assert second["totals"] == totals
    driver = every[0]["driver"]
    own = [item for item in every if item["driver"] == driver]
    assert api.get(f"/v1/audit/settlements?totals=true&driver={driver}")["totals"]["count"] == len(
        own
    )


def test_totals_are_not_summed_up_unasked(api: Api, ledger: Ledger) -> None:
    assert api.get("/v1/audit/settlements")["totals"] is None


def asked_for(query: str) -> str:
    return f"/v1/audit/settlements?totals=true&{query}"


def test_totals_are_always_those_of_the_page_beside_them(
    api: Api, world: World, ledger: Ledger
) -> None:
    """What was added up before is no older than the list: the app holds one against the other."""
    for number in range(3):
        answer = api.get(asked_for(f"driver={DINO.shown}&newestFirst=true"))
        assert len(answer["items"]) == answer["totals"]["count"] == 3 + number
        assert sum(int(item["rent"]) for item in answer["items"]) == int(answer["totals"]["rent"])
        space = world.add_space(10 + number)
        world.add_offer(space)
        world.settle(world.add_lease(space, slot_at(NOW) - 20, 8), minutes=40 + number)


def test_each_filter_has_its_own_totals(api: Api, ledger: Ledger) -> None:
    closed = (slot_at(NOW) - 200 + 40) * 900 + 62 * 60
    expected = {
        "": 5,
        f"driver={DINO.shown}": 3,
        f"owner={DINO.shown}": 0,
        f"owner={EVE.address}": 2,
        f"space={ledger[0][:18]}": 3,
        "outcome=unused": 1,
        f"from={rfc3339(closed)}": 3,
        f"until={rfc3339(closed)}": 2,
        f"from={rfc3339(closed)}&driver={DINO.address}": 1,
        f"until={rfc3339(closed)}&driver={DINO.address}": 2,
    }
    for _ in range(2):
        counts = {query: api.get(asked_for(query))["totals"]["count"] for query in expected}
        assert counts == expected


def test_what_was_added_up_for_one_is_not_added_up_for_the_next(
    api: Api, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch, totals, "_add_up")
    gate.opened.set()
    first = api.get(asked_for(f"driver={DINO.shown}"))
    for query in (f"driver={DINO.address}", f"driver={DINO.shown}&limit=100&newestFirst=true"):
        assert api.get(asked_for(query))["totals"] == first["totals"]
    assert gate.calls == 1


def test_long_sums_are_made_one_at_a_time_and_hold_nobody_up(
    api: Api, ledger: Ledger, crowd: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stranger asks for one after the other; who comes when many wait is told so at once."""
    monkeypatch.setattr(totals, "AT_ONCE", 0)
    gate = Gate(monkeypatch, totals, "_add_up")
    queries = [asked_for(f"until={rfc3339(NOW + n)}") for n in range(1 + totals.WAITING + 5)]
    asking = [crowd.submit(api.client.get, query) for query in queries]
    assert gate.reached.acquire(timeout=60)
    refused = []
    while len(refused) < 5:
        time.sleep(0.01)
        done = [one for one in asking if one.done()]
        refused = [one for one in done if one.result().status_code == 503]
        assert len(done) == len(refused)
        assert not gate.reached.acquire(blocking=False)
    assert {one.result().json()["code"] for one in refused} == {"audit.busy"}
    # neither a list without sums waits, nor anything else
    assert len(api.get("/v1/audit/settlements")["items"]) == 5
    assert api.client.get("/health").status_code == 200
    assert gate.calls == 1
    gate.opened.set()
    answered = [one.result(60) for one in asking if one not in refused]
    assert [one.json()["totals"]["count"] for one in answered] == [5] * (1 + totals.WAITING)
    assert gate.calls == 1 + totals.WAITING
    # nobody waits any more, and what was made is kept
    assert [api.get(query)["totals"]["count"] for query in queries[:2]] == [5, 5]
    assert gate.in_time
