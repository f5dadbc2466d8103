"""The exact place is in no answer to anybody but its owner and the lessee of a confirmed lease.

Every path of the API is asked by everybody, and every byte of the answers is looked at.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from berth.chain.abi import load_abi
from berth.core.zones import rfc3339
from berth.store import kept
from berth.store.events import append_event
from sqlalchemy import insert

from tests.backend.web.people import Api
from tests.backend.worlds import (
    COMMITMENT,
    DEPLOYMENT,
    DINO,
    EVE,
    MELBOURNE,
    NOW,
    OLGA,
    PLATE,
    SALT,
    Person,
    World,
)

# unlike any public value; the two numbers are the exact point's and the entrance's
SECRETS = (
    "12 Secret Lane", "-37.81467", "144.96611", "-37.81412", "144.96622", "Gate code 4711",
    "Level Zeta", "Registry Road", PLATE, SALT.hex(),
)  # fmt: skip
RECORD = {
    "address": "12 Secret Lane, Melbourne",
    "salt": "0x" + SALT.hex(),
    "point": {"type": "Point", "coordinates": [144.96611, -37.81467]},
    "entrance": {"type": "Point", "coordinates": [144.96622, -37.81412]},
    "level": "Level Zeta",
    "instructions": "Gate code 4711",
    "access": [{"kind": "gate", "instructions": "Gate code 4711"}],
    "publicArea": "Melbourne CBD",
}
WINDOW = {"start": rfc3339(NOW + 86400), "end": rfc3339(NOW + 90000)}


ORDER = "0x" + "0d" * 32


def cancel(lease: str) -> str:
    """The call data of the driver's cancelling."""
    return "0x" + load_abi("ParkingMarket").encode_call("cancel", int(lease, 16)).hex()


@pytest.fixture
def told(api: Api, world: World) -> dict[str, str]:
    """A space with its exact place on record, an open and a settled lease, a plate."""
    world.add_edition()
    space = world.add_space()
    world.add_offer(space)
    world.set_lock()
    with world.store.write() as conn:
        conn.execute(
            insert(kept.titles).values(
                city=MELBOURNE, edition=1, index=42, holder="Holder", holder_generated=1,
                address="1 Registry Road", lat=-37.81467, lon=144.96611, kind=3, height=210,
                width=250, length=500, sharing=1, valid_day=65535, reference="42",
            )
        )  # fmt: skip
    api.put(f"/v1/spaces/{space}/private", RECORD, OLGA)
    world.add_vehicle()
    body = {"plateCommitment": COMMITMENT, "plate": PLATE, "salt": "0x" + SALT.hex()}
    api.post("/v1/me/vehicles", body, DINO, expect=201)
    closed = world.add_lease(space, NOW // 900 - 20, 8)
    world.settle(closed)
    lease = world.add_lease(space)
    api.post(f"/v1/leases/{lease}/presence", {"event": "here"}, DINO)
    with world.store.write() as conn:
        append_event(conn, "lease.booked", [DINO.address, OLGA.address], lease, space, {}, at=NOW)
    world.node.answers |= {
        "ledger": lambda call: (world.head, world.count, 0),
        "quote": lambda call: 1_600_000,
        "creditOf": lambda call: 0,
        "balanceOf": lambda call: 0,
        "allowance": lambda call: 0,
        "compliance": lambda call: 1 << 7,
        "cancel": lambda call: (),
    }
    world.node.transactions[ORDER] = {
        "from": DINO.address, "to": DEPLOYMENT.market, "input": cancel(lease),
    }  # fmt: skip
    operator = world.services.settings.operator_token_file
    operator.parent.mkdir(parents=True, exist_ok=True)
    operator.write_text("an operator's token, long enough")
    return {
        "spaceId": space,
        "leaseId": lease,
        "city": "AUMEL",
        "number": "1",
        "id": "1",
        "intentId": ORDER,
        "closed": closed,
    }


def every_answer(api: Api, told: dict[str, str], who: Person | None) -> dict[str, str]:
    """The text of the answer of every operation, and of the pages."""
    bodies: dict[str, Any] = {
        "/v1/search": {"place": {"text": "melbourne"}, "window": WINDOW},
        "/v1/quotes": {
            "spaceId": told["spaceId"],
            "offer": 1,
            "window": {"start": rfc3339(NOW + 86400), "end": rfc3339(NOW + 93600)},
        },
        "/v1/titles/proof": {"city": "AUMEL", "index": 42},
        "/v1/leases/{leaseId}/presence": {"event": "here"},
        "/v1/intents/prepare": {"to": DEPLOYMENT.market, "data": cancel(told["leaseId"])},
    }
    headers = {} if who is None else {"Authorization": f"Bearer {api.sign_in(who)}"}
    found = {}
    for path, methods in api.get("/openapi.json")["paths"].items():
        for method in methods:
            if path in ("/v1/events", "/v1/session", "/v1/session/nonce"):
                continue
            filled = path
            for name, value in told.items():
                filled = filled.replace("{" + name + "}", value)
            assert "{" not in filled
            answer = api.client.request(
                method.upper(), filled, headers=headers, json=bodies.get(path, {})
            )
            assert answer.status_code < 500 or path == "/ready", f"{filled}: {answer.text}"
            found[f"{method} {path}"] = answer.text
    closed = f"/v1/leases/{told['closed']}"
    for path in (
        closed,
        f"{closed}/navigation",
        f"{closed}/receipt",
        "/live",
        "/docs",
        "/live?part=true",
    ):
        found[path] = api.client.get(path, headers=headers).text
    return found


@pytest.mark.parametrize("who", [None, EVE], ids=["nobody", "a stranger"])
def test_no_answer_to_a_stranger_holds_anything_private(
    api: Api, told: dict[str, str], who: Person | None
) -> None:
    for path, text in every_answer(api, told, who).items():
        for secret in SECRETS:
            assert secret not in text, f"{secret} in {path}"


def test_the_driver_learns_the_place_from_navigation_alone(api: Api, told: dict[str, str]) -> None:
    where = {
        path
        for path, text in every_answer(api, told, DINO).items()
        if any(secret in text for secret in SECRETS if secret not in (PLATE, SALT.hex()))
    }
    assert where == {"get /v1/leases/{leaseId}/navigation"}


def test_before_it_is_confirmed_the_driver_learns_nothing(
    api: Api, world: World, told: dict[str, str]
) -> None:
    world.at_block(90)
    for path, text in every_answer(api, told, DINO).items():
        for secret in SECRETS:
            if secret not in (PLATE, SALT.hex()):
                assert secret not in text, f"{secret} in {path}"


def test_the_owner_learns_no_plate(api: Api, told: dict[str, str]) -> None:
    for path, text in every_answer(api, told, OLGA).items():
        assert PLATE not in text, path


def test_when_a_space_is_empty_is_told_to_nobody_whose_time_there_has_not_come_or_is_over(
    api: Api, world: World, told: dict[str, str]
) -> None:
    """The driver has an open lease of tomorrow, and a settled one."""
    heard, fault = NOW - 86_400 - 777, "bar_position"
    world.clock.at = NOW - 86_400
    world.set_lock(position="UNLOCKED", occupied=1, fault=fault, seen_at=heard)
    senses = (rfc3339(heard), fault, "UNLOCKED", "lock.open", "lock.fault", "bay.occupied")
    for who in (DINO, EVE, None):
        for path, text in every_answer(api, told, who).items():
            for sense in senses if path != "get /openapi.json" else ():
                assert f'"{sense}"' not in text, f"{sense} in {path}"
    assert {
        path for path, text in every_answer(api, told, OLGA).items() if rfc3339(heard) in text
    } == {"get /v1/me/spaces", "get /v1/leases/{leaseId}", f"/v1/leases/{told['closed']}"}


def test_no_event_holds_anything_private(world: World, told: dict[str, str]) -> None:
    text = json.dumps(list(world.events()), default=str)
    assert "lease.presence" in text
    for secret in SECRETS:
        assert secret not in text


def test_four_searches_cannot_find_the_exact_place(api: Api, told: dict[str, str]) -> None:
    """All distances are to the cell's centre: circles around anywhere meet there."""
    from berth.core.geo import distance_m

    from tests.backend.worlds import TOWN_HALL, cell_centre

    centre = cell_centre(TOWN_HALL)
    for lat, lon in ((-37.80, 144.95), (-37.82, 144.98), (-37.83, 144.95), (-37.805, 144.99)):
        point = {"type": "Point", "coordinates": [lon, lat]}
        body = {"place": {"point": point, "radiusM": 5000}, "window": WINDOW}
        (item,) = api.post("/v1/search", body)["items"]
        assert item["walkM"] == round(distance_m(lat, lon, *centre))
