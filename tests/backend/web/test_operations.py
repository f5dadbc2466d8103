"""Configuration, health, status, metrics, pages, the API's own description."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from berth.core.geo import distance_m
from berth.core.ids import city_number
from berth.store import derived
from fastapi.testclient import TestClient
from sqlalchemy import insert, update

from tests.backend.databases import Databases
from tests.backend.web.people import Api
from tests.backend.worlds import DEPLOYMENT, DINO, NOW, TOWN_HALL, World


@pytest.fixture
def busy(world: World) -> World:
    """A space, an open lease, a settlement, an edition."""
    space = world.add_space()
    world.add_offer(space)
    world.settle(world.add_lease(space, NOW // 900 - 20), minutes=90)
    world.add_lease(space)
    world.add_edition(23_864)
    world.set_lock()
    return world


def test_config_tells_all_that_a_client_needs(api: Api, world: World) -> None:
    with world.store.write() as conn:
        for number, roles, revoked in ((1, 3, 0), (2, 4, 1)):
            conn.execute(
                insert(derived.attesters).values(
                    id=number, account="0x" + "0a" * 20, roles=roles, revoked=revoked
                )
            )
    answer = api.get("/v1/config")
    assert answer["chain"] == {
        "id": 1337,
        "name": "Local test chain",
        "genesisHash": DEPLOYMENT.genesis_hash,
        "rpcUrls": [],
        "local": True,
    }
    assert answer["contracts"]["market"].lower() == DEPLOYMENT.market
    assert answer["domain"]["name"] == "Berth Parking Market"
    assert answer["currency"] == {"symbol": "tEUR", "decimals": 6}
    assert answer["feeBasisPoints"] == 250
    assert answer["pausedUntil"] is None
    assert answer["policy"]["slotSeconds"] == 900
    assert [one["roles"] for one in answer["attesters"]] == [["holders", "vehicles"], ["locks"]]
    assert [one["revoked"] for one in answer["attesters"]] == [False, True]


def test_health_looks_at_nothing(api: Api, world: World) -> None:
    world.store.close()
    assert api.get("/health") == {"status": "ok"}


def test_status_is_words_that_a_person_reads(api: Api, busy: World) -> None:
    answer = api.client.get("/status")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.text.splitlines()[:5] == [
        "Everything works.",
        "titles: 23864 in 1 cities",
        "spaces shared: 1, offers: 1",
        "locks online: 1 of 1",
        "open leases: 1, in escrow: 1.60 tEUR",
    ]
    chinese = api.client.get("/status", headers={"Accept-Language": "zh"}).text
    assert chinese.startswith("一切正常。")


def test_status_is_json_on_request(api: Api, busy: World) -> None:
    answer = api.get("/status", headers={"Accept": "application/json"})
    assert answer["state"] == "ok"
    assert (answer["spaces"], answer["openLeases"], answer["settlements"]) == (1, 1, 1)
    assert answer["escrow"] == "1600000"
    assert answer["index"]["lagBlocks"] == 0


def test_a_pause_is_told(api: Api, busy: World) -> None:
    with busy.store.write() as conn:
        conn.execute(update(derived.market_state).values(paused_until=NOW + 3600))
    answer = api.get("/status", headers={"Accept": "application/json"})
    assert answer["state"] == "paused"
    assert api.get("/v1/config")["pausedUntil"] is not None


def test_metrics_count_requests_by_route_and_show_the_platform(api: Api, busy: World) -> None:
    api.get("/v1/spaces/0x0000000000000001", expect=404)
    api.get("/nowhere", expect=404)
    text = api.client.get("/metrics").text
    assert (
        'berth_http_requests_total{method="GET",route="/v1/spaces/{spaceId}",status="404"} 1.0'
        in text
    )
    assert 'route="unmatched"' in text
    assert "berth_open_leases 1.0" in text
    assert "berth_index_block 100.0" in text
    assert "process_resident_memory_bytes" in text


def test_methods_that_strangers_make_up_are_counted_as_one(api: Api) -> None:
    for number in range(5):
        api.client.request(f"WORD{number}", "/health")
    text = api.client.get("/metrics").text
    assert 'method="other"' in text
    assert "WORD" not in text


def test_the_configuration_says_where_spaces_are(api: Api, world: World) -> None:
    assert api.get("/v1/config")["places"] == []
    taipei, night = city_number("TWTPE"), (25.0330, 121.5654)
    world.add_edition()
    for index in (1, 2):
        world.add_offer(world.add_space(index), utc_offset=44)
    world.add_offer(world.add_space(3, place=(-37.9, 144.9665)), utc_offset=40)
    world.add_offer(world.add_space(1, city=taipei, place=night), utc_offset=32)
    world.add_space(4)  # without an offer
    world.add_offer(world.add_space(5, delisted_day=NOW // 86_400))
    first, second = api.get("/v1/config")["places"]
    lon, lat = first.pop("point")["coordinates"]
    assert first == {"city": "AUMEL", "name": "Melbourne", "utcOffset": "+11:00", "spaces": 3}
    assert (lat, lon) != TOWN_HALL  # a cell's middle
    assert distance_m(lat, lon, *TOWN_HALL) < 700
    assert (second["name"], second["utcOffset"], second["spaces"]) == ("TWTPE", "+08:00", 1)


def test_an_unknown_path_and_a_wrong_method_are_problems(api: Api) -> None:
    assert api.get("/v1/nothing", expect=404)["code"] == "request.not_found"
    assert api.ask("DELETE", "/v1/search", expect=405)["code"] == "request.method"


def test_every_answer_is_hardened(api: Api) -> None:
    for path in ("/health", "/v1/nothing", "/live", "/openapi.json"):
        headers = api.client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"


def test_a_broken_database_is_503_and_tells_nothing_of_the_inside(
    api: Api, world: World, databases: Databases
) -> None:
    space = world.add_space()
    databases.lose("offers")
    quiet = TestClient(api.client.app, raise_server_exceptions=False)
    answer = quiet.get(f"/v1/spaces/{space}")
    assert answer.status_code == 503
    assert answer.json()["code"] == "store.unavailable"
    assert "offers" not in answer.text


# ---- pages


@pytest.mark.parametrize("path", ["/", "/live", "/docs"])
def test_pages_fetch_nothing_from_elsewhere(api: Api, busy: World, path: str) -> None:
    answer = api.client.get(path)
    assert answer.headers["content-type"].startswith("text/html")
    outside = re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?(https?:)?//""", answer.text)
    assert outside == []
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    nonce = re.search(r"script-src 'nonce-([^']+)'", policy)
    assert nonce is not None
    for tag in re.findall(r"<(?:script|style)[^>]*>", answer.text):
        assert f'nonce="{nonce[1]}"' in tag
    assert not re.search(r"\son\w+=|style=", answer.text)


def test_the_live_page_shows_what_the_platform_holds(api: Api, busy: World) -> None:
    text = api.client.get("/live").text
    for shown in ("1.60 tEUR", "23864", "0.60", "Everything works."):
        assert shown in text
    assert "0x" + busy.head.hex() in text


def test_the_live_page_speaks_chinese(api: Api, busy: World) -> None:
    for answer in (
        api.client.get("/live?lang=zh"),
        api.client.get("/live", headers={"Accept-Language": "zh-Hans"}),
    ):
        assert 'lang="zh"' in answer.text
        assert "进行中租约" in answer.text
    api.get("/live?lang=fr", expect=422)


def test_the_changing_part_of_the_live_page_comes_alone(api: Api, busy: World) -> None:
    text = api.client.get("/live?part=true").text
    assert "<html" not in text
    assert "1.60 tEUR" in text


def test_the_live_page_works_before_anything_happened(api: Api, world: World) -> None:
    with world.store.write() as conn:
        conn.execute(derived.cursor.delete())
    assert "None yet." in api.client.get("/live").text


# ---- the API's own description


def test_the_openapi_document_is_3_1_and_describes_every_operation(api: Api) -> None:
    document = api.get("/openapi.json")
    assert document["openapi"].startswith("3.1")
    ids = []
    for path, methods in document["paths"].items():
        assert path.startswith("/v1/") or path in ("/health", "/ready", "/status", "/metrics")
        for method, operation in methods.items():
            ids.append(operation["operationId"])
            assert operation["description"], f"{method} {path}"
            assert operation["tags"]
            assert "422" not in operation["responses"]
            problem = operation["responses"]["4XX"]["content"]["application/problem+json"]
            assert problem["schema"]["$ref"].endswith("/Problem")
    assert len(ids) == len(set(ids))
    assert "HTTPValidationError" not in document["components"]["schemas"]
    assert "code" in document["components"]["schemas"]["Problem"]["properties"]


def test_every_reference_of_the_openapi_document_leads_somewhere(api: Api) -> None:
    document = api.get("/openapi.json")
    schemas = document["components"]["schemas"]

    def references(part: Any) -> list[str]:
        if isinstance(part, dict):
            own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
            return own + [ref for value in part.values() for ref in references(value)]
        if isinstance(part, list):
            return [ref for value in part for ref in references(value)]
        return []

    for reference in references(document):
        assert reference.removeprefix("#/components/schemas/") in schemas


def test_operations_of_the_account_say_that_they_need_a_session(api: Api) -> None:
    paths = api.get("/openapi.json")["paths"]
    assert paths["/v1/me"]["get"]["security"]
    assert paths["/v1/leases/{leaseId}/unlock"]["post"]["security"]
    assert "security" not in paths["/v1/search"]["post"]


def test_the_api_page_lists_every_operation_with_its_fields(api: Api) -> None:
    text = api.client.get("/docs").text
    for operation in api.get("/openapi.json")["paths"]:
        assert f"<code>{operation}</code>" in text
    assert "window.start" in text


def test_a_signed_in_answer_is_not_kept_by_anybody(api: Api) -> None:
    token = api.sign_in(DINO)
    answer = api.client.get("/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert answer.headers["cache-control"] == "no-store"


def test_the_document_of_the_api_lists_exactly_the_operations_there_are(api: Api) -> None:
    text = (Path(__file__).parents[3] / "docs" / "api.md").read_text("utf-8")
    listed = set(re.findall(r"^\| `(GET|POST|PUT|DELETE) (\S+)` \|", text, re.MULTILINE))
    paths = api.get("/openapi.json")["paths"]
    assert listed == {
        (method.upper(), path) for path, methods in paths.items() for method in methods
    }
