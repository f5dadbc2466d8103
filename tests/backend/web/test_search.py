"""Search and quotes over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from berth.chain.abi import load_abi
from berth.core.slots import slot_at
from berth.core.tariff import deposit
from berth.core.zones import rfc3339

from tests.backend.web.people import Api, fields
from tests.backend.worlds import COMMITMENT, DINO, EVE, NOW, OLGA, TOWN_HALL, World

POINT = {"type": "Point", "coordinates": [TOWN_HALL[1], TOWN_HALL[0]]}
WINDOW = {"start": rfc3339(NOW + 3600), "end": rfc3339(NOW + 3 * 3600)}


def request(**changes: Any) -> dict[str, Any]:
    return {"place": {"point": POINT}, "window": WINDOW} | changes


@pytest.fixture
def town(world: World) -> list[str]:
    """Three spaces in one cell: cheap, dear, with charger."""
    spaces = [
        world.add_space(1),
        world.add_space(2, owner=EVE),
        world.add_space(3, connectors=1, power=110),
    ]
    world.add_offer(spaces[0], price_per_slot=100_000)
    world.add_offer(spaces[1], price_per_slot=200_000, utc_offset=44)
    world.add_offer(spaces[2], price_per_slot=150_000, price_per_kwh=400_000)
    return spaces


def test_anybody_may_search_and_gets_ranked_explained_candidates(api: Api, town: list[str]) -> None:
    answer = api.post("/v1/search", request())
    assert answer["total"] == 3
    assert answer["window"] == WINDOW
    assert [item["space"]["id"] for item in answer["items"]] == [town[0], town[2], town[1]]
    best = answer["items"][0]
    assert {item["space"]["id"]: item["utcOffset"] for item in answer["items"]} == {
        town[0]: "+00:00",
        town[1]: "+11:00",
        town[2]: "+00:00",
    }
    assert best["expectedCost"] == "800000"
    assert best["maximumCost"] == "1600000"
    assert best["why"].startswith("The lowest price; the shortest walk; nobody has")
    assert sum(mark["weight"] for mark in best["marks"]) == pytest.approx(1, abs=0.001)
    assert best["walkM"] > 0
    assert answer["next"] is None


def test_the_explanation_comes_in_chinese(api: Api, town: list[str]) -> None:
    answer = api.post("/v1/search", request(), language="zh-CN")
    assert answer["items"][0]["why"].startswith("价格最低；步行最近；尚无停车记录")


def test_a_charger_demand_narrows_and_prices_the_search(api: Api, town: list[str]) -> None:
    charger = {"connector": "type2", "minPowerW": 7000, "energyKwh": 10}
    (item,) = api.post("/v1/search", request(charger=charger))["items"]
    assert item["space"]["id"] == town[2]
    assert item["expectedCost"] == str(8 * 150_000 + 10 * 400_000)


def test_pages_follow_each_other(api: Api, town: list[str]) -> None:
    first = api.post("/v1/search", request(limit=2))
    second = api.post("/v1/search", request(limit=2, cursor=first["next"]))
    ids = [item["space"]["id"] for item in first["items"] + second["items"]]
    assert ids == [town[0], town[2], town[1]]
    assert second["next"] is None


def test_a_window_is_rounded_out_to_slots(api: Api, town: list[str]) -> None:
    window = {"start": rfc3339(NOW + 3601), "end": rfc3339(NOW + 3602)}
    answer = api.post("/v1/search", request(window=window))
    assert answer["window"] == {"start": rfc3339(NOW + 3600), "end": rfc3339(NOW + 4500)}


def test_the_slot_that_has_begun_can_be_leased_and_the_one_before_cannot(
    api: Api, town: list[str], world: World
) -> None:
    world.clock.at = NOW + 899
    now = {"start": rfc3339(NOW), "end": rfc3339(NOW + 900)}
    assert api.post("/v1/search", request(window=now))["total"] == 3
    world.clock.at = NOW + 900
    problem = api.post("/v1/search", request(window=now), expect=422)
    assert (problem["code"], fields(problem)) == ("stay.past", ["window.start"])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"place": {}}, "place"),
        ({"place": {"text": " %, "}}, "place"),
        (
            {"place": {"point": {"type": "Point", "coordinates": [200, 0]}}},
            "place.point.coordinates",
        ),
        ({"place": {"point": POINT, "radiusM": 5001}}, "place.radiusM"),
        ({"window": {"start": "soon", "end": WINDOW["end"]}}, "window.start"),
        ({"window": {"start": "2026-12-01T10:00:00", "end": WINDOW["end"]}}, "window.start"),
        ({"window": {"start": WINDOW["end"], "end": WINDOW["start"]}}, "window.end"),
        ({"window": {"start": WINDOW["start"], "end": rfc3339(NOW + 8 * 86400)}}, "window.end"),
        (
            {"window": {"start": rfc3339(NOW + 91 * 86400), "end": rfc3339(NOW + 91 * 86400 + 9)}},
            "window.start",
        ),
        ({"charger": {"connector": "schuko", "energyKwh": 1}}, "charger.connector"),
        ({"charger": {"connector": "type2", "energyKwh": 256}}, "charger.energyKwh"),
        ({"charger": {"connector": "type2"}}, "charger.energyKwh"),
        ({"vehicle": {"heightCm": 0, "widthCm": 200, "lengthCm": 400}}, "vehicle.heightCm"),
        ({"limit": 51}, "limit"),
        ({"cursor": "abc"}, "cursor"),
        ({"cursor": "WzEsMiwzXQ"}, "cursor"),
        ({"near": 1}, "near"),
    ],
)
def test_a_bad_field_of_a_request_is_named(api: Api, change: dict[str, Any], field: str) -> None:
    assert fields(api.post("/v1/search", request(**change), expect=422)) == [field]


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 422), (b"{", 422), (b"[]", 422), (b"null", 422), (b'"x"', 422), (b"\xff", 400)],
)
def test_something_that_is_no_request_is_refused(api: Api, body: bytes, status: int) -> None:
    headers = {"Content-Type": "application/json"}
    api.ask("POST", "/v1/search", content=body, headers=headers, expect=status)


def test_a_form_is_no_request(api: Api) -> None:
    headers = {"Content-Type": "text/plain"}
    api.ask("POST", "/v1/search", content=b"{}", headers=headers, expect=422)


def test_a_request_that_is_too_large_is_refused(api: Api) -> None:
    body = b'{"place":"' + b"x" * 200_000 + b'"}'
    headers = {"Content-Type": "application/json"}
    problem = api.ask("POST", "/v1/search", content=body, headers=headers, expect=413)
    assert problem["code"] == "request.too_large"


# ---- quotes


def quote(space: str, **changes: Any) -> dict[str, Any]:
    return {"spaceId": space, "offer": 1, "window": WINDOW} | changes


def fund(world: World, *, credit: int = 0, balance: int = 0, allowance: int = 0) -> None:
    """What the chain says of the account's money, and a chain quote as the contract's."""
    world.node.answers |= {
        "creditOf": lambda call: credit,
        "balanceOf": lambda call: balance,
        "allowance": lambda call: allowance,
        "quote": lambda call: chain_quote(world, call),
    }


def chain_quote(world: World, call: dict[str, Any]) -> int:
    with world.store.read() as conn:
        terms = world.terms(conn, f"0x{call['spaceId']:016x}", call["offer"])
    return deposit(terms, call["slots"], call["kwhCap"])


def test_a_quote_is_the_deposit_that_the_chain_asks(
    api: Api, world: World, town: list[str]
) -> None:
    fund(world, balance=10**9)
    answer = api.post("/v1/quotes", quote(town[2], energyKwh=10), DINO)
    assert answer["rent"] == "1200000"
    assert answer["energyReserve"] == "4000000"
    assert answer["overstayReserve"] == "1200000"
    assert answer["maximumCost"] == "6400000"
    assert answer["expectedCost"] == "5200000"
    assert answer["minimumCost"] == "150000"
    assert answer["leasable"] is True
    assert answer["transactions"] == []
    assert answer["funds"]["pulled"] == "6400000"


def test_with_a_vehicle_the_transactions_come_along(
    api: Api, world: World, town: list[str]
) -> None:
    world.add_vehicle()
    fund(world, credit=100_000, balance=10**9)
    answer = api.post("/v1/quotes", quote(town[0], plateCommitment=COMMITMENT), DINO)
    approve, lease = answer["transactions"]
    assert [approve["purpose"], lease["purpose"]] == ["approve", "lease"]
    entry = load_abi("ParkingMarket").function("lease")
    (asked,) = entry.decode_inputs(bytes.fromhex(lease["data"][10:])).values()
    assert asked == {
        "spaceId": int(town[0], 16),
        "startSlot": slot_at(NOW) + 4,
        "slots": 8,
        "offer": 1,
        "kwhCap": 0,
        "plateCommitment": bytes.fromhex(COMMITMENT[2:]),
        "maxCost": 1_600_000,
    }
    entry = load_abi("TestToken").function("approve")
    arguments = entry.decode_inputs(bytes.fromhex(approve["data"][10:]))
    assert list(arguments.values())[1] == 1_500_000


def test_no_approval_where_the_market_may_take_enough(
    api: Api, world: World, town: list[str]
) -> None:
    world.add_vehicle()
    fund(world, balance=10**9, allowance=1_600_000)
    answer = api.post("/v1/quotes", quote(town[0], plateCommitment=COMMITMENT), DINO)
    assert [one["purpose"] for one in answer["transactions"]] == ["lease"]


def objections(answer: dict[str, Any]) -> list[str]:
    assert answer["leasable"] is not bool(answer["objections"])
    assert all(one["sentence"] for one in answer["objections"])
    return [one["code"] for one in answer["objections"]]


def test_everything_that_the_contract_would_refuse_is_an_objection(
    api: Api, world: World, town: list[str]
) -> None:
    fund(world)
    space = world.add_space(9, valid_day=NOW // 86400 - 1)
    world.add_offer(space, hours_of_week=1, last_day=1, min_slots=9, max_slots=9, price_per_slot=5)
    world.add_lease(space, slot_at(NOW) + 11, 4)
    answer = api.post("/v1/quotes", quote(space, plateCommitment=COMMITMENT), DINO)
    assert objections(answer) == [
        "offer.too_short",
        "offer.hours",
        "offer.days",
        "space.taken",
        "space.lapses",
        "vehicle.unknown",
        "money.short",
    ]
    assert answer["transactions"] == []


def test_somebody_elses_vehicle_is_an_objection(api: Api, world: World, town: list[str]) -> None:
    world.add_vehicle(EVE)
    fund(world, balance=10**9)
    answer = api.post("/v1/quotes", quote(town[0], plateCommitment=COMMITMENT), DINO)
    assert objections(answer) == ["vehicle.unknown"]


def test_no_quote_while_index_and_chain_disagree(api: Api, world: World, town: list[str]) -> None:
    fund(world)
    world.node.answers["quote"] = lambda call: 1
    problem = api.post("/v1/quotes", quote(town[0]), DINO, expect=503)
    assert problem["code"] == "quote.disagrees"


def test_a_quote_needs_an_account_a_space_and_an_offer(
    api: Api, world: World, town: list[str]
) -> None:
    api.post("/v1/quotes", quote(town[0]), expect=401)
    unknown = quote("0x0000000000000001")
    assert api.post("/v1/quotes", unknown, OLGA, expect=404)["code"] == "space.unknown"
    problem = api.post("/v1/quotes", quote(town[0], offer=2), OLGA, expect=404)
    assert (problem["code"], fields(problem)) == ("offer.unknown", ["offer"])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"spaceId": "0x1"}, "spaceId"),
        ({"offer": 0}, "offer"),
        ({"energyKwh": 256}, "energyKwh"),
        ({"plateCommitment": "0x12"}, "plateCommitment"),
        ({"window": {"start": rfc3339(NOW - 3600), "end": rfc3339(NOW)}}, "window.start"),
    ],
)
def test_a_bad_field_of_a_quote_is_named(
    api: Api, town: list[str], change: dict[str, Any], field: str
) -> None:
    problem = api.post("/v1/quotes", quote(town[0], **change), DINO, expect=422)
    assert fields(problem) == [field]
