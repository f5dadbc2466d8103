"""Public facts, calendars, private records, compliance before signing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from berth.chain.abi import load_abi
from berth.core.compliance import Reason, encode
from berth.core.ids import city_number
from berth.core.slots import slot_at, slot_start
from berth.core.zones import rfc3339
from berth.store import derived, kept
from sqlalchemy import insert, select, update

from tests.backend.web.people import Api, fields
from tests.backend.worlds import (
    DINO,
    EVE,
    NOW,
    OLGA,
    SALT,
    TOWN_HALL,
    Person,
    World,
    cell_centre,
)

NEAR = {"type": "Point", "coordinates": [TOWN_HALL[1], TOWN_HALL[0]]}
RECORD: dict[str, Any] = {
    "address": "12 Secret Lane, Melbourne",
    "salt": "0x" + SALT.hex(),
    "point": NEAR,
    "entrance": NEAR,
    "level": "B2",
    "instructions": "Second ramp, left.",
    "access": [
        {"kind": "gate", "instructions": "Code 4711."},
        {"kind": "lock", "instructions": ""},
    ],
    "publicPoint": {"type": "Point", "coordinates": [144.964, -37.813]},
    "publicArea": "Melbourne CBD",
}


def registration(**changes: Any) -> dict[str, Any]:
    """A registration; members are changed by dotted name."""
    body: dict[str, Any] = {
        "title": {
            "city": "AUMEL",
            "index": 42,
            "saltedHolder": "0x" + "aa" * 32,
            "addressHash": "0x" + "bb" * 32,
            "cell": 123,
            "attributes": 456,
            "validDay": 65535,
        },
        "proof": ["0x" + "cc" * 32],
        "holder": {"verifier": 1, "validDay": 30000, "nonce": "7", "signature": "0x" + "01" * 65},
        "lock": {
            "key": EVE.address,
            "maker": 2,
            "validDay": 30000,
            "makerSignature": "0x" + "02" * 65,
            "possession": "0x" + "03" * 65,
        },
        "connectors": ["type2"],
        "powerW": 11_000,
    }
    for name, value in changes.items():
        part = body
        *path, last = name.split("__")
        for step in path:
            part = part[step]
        part[last] = value
    return body


def test_everybody_may_know_a_spaces_public_facts(api: Api, world: World) -> None:
    space = world.add_space(connectors=0b11, power=110)
    world.add_offer(space, price_per_slot=250_000, utc_offset=44, flags=3)
    answer = api.get(f"/v1/spaces/{space}")
    assert answer["id"] == space
    assert (answer["city"], answer["index"]) == ("AUMEL", 42)
    assert answer["owner"] == OLGA.shown
    assert answer["kind"] == "garage"
    assert answer["charger"] == {"connectors": ["type2", "ccs2"], "powerW": 11_000}
    lat, lon = cell_centre(TOWN_HALL)
    assert answer["publicPoint"]["coordinates"] == pytest.approx([lon, lat], abs=1e-6)
    assert answer["currency"] == {"symbol": "tEUR", "decimals": 6}
    (offer,) = answer["offers"]
    assert offer["pricePerSlot"] == "250000"
    assert offer["utcOffset"] == "+11:00"
    assert offer["requires"] == ["plate", "confirm"]
    assert offer["feeBasisPoints"] == 250


def test_an_id_in_capitals_is_the_same_space(api: Api, world: World) -> None:
    space = world.add_space()
    assert api.get(f"/v1/spaces/0x{space[2:].upper()}")["id"] == space


def test_an_unknown_space_is_404(api: Api) -> None:
    assert api.get("/v1/spaces/0x0000000000000001", expect=404)["code"] == "space.unknown"
    assert api.get("/v1/spaces/0x0000000000000001/calendar", expect=404)["code"] == "space.unknown"


@pytest.mark.parametrize("bad", ["42", "0x12", "0x000000000000000g", "0x0000000000000001ff"])
def test_something_that_is_no_id_is_a_bad_field(api: Api, bad: str) -> None:
    assert fields(api.get(f"/v1/spaces/{bad}", expect=422)) == ["spaceId"]


def test_the_calendar_tells_taken_times_merged_and_nobodys_name(api: Api, world: World) -> None:
    space = world.add_space()
    world.add_offer(space)
    now = slot_at(NOW)
    world.add_lease(space, now + 4, 4)
    world.add_lease(space, now + 8, 2)
    world.add_lease(space, now + 20, 1)
    world.add_lease(space, now - 20, 4)
    answer = api.get(f"/v1/spaces/{space}/calendar?days=1")
    assert answer["window"] == {"start": rfc3339(NOW), "end": rfc3339(NOW + 86400)}
    assert answer["taken"] == [
        {"start": rfc3339(slot_start(now + 4)), "end": rfc3339(slot_start(now + 10))},
        {"start": rfc3339(slot_start(now + 20)), "end": rfc3339(slot_start(now + 21))},
    ]


def test_the_calendar_cuts_to_its_window(api: Api, world: World) -> None:
    space = world.add_space()
    world.add_offer(space)
    world.add_lease(space, slot_at(NOW) + 90, 200)
    start = rfc3339(NOW + 86400).replace("Z", "%2B00:00")
    answer = api.get(f"/v1/spaces/{space}/calendar?from={start}&days=1")
    assert answer["taken"] == [{"start": rfc3339(NOW + 86400), "end": rfc3339(NOW + 2 * 86400)}]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("days=0", "days"),
        ("days=93", "days"),
        ("from=noon", "from"),
        ("from=1900-01-01T00:00:00Z", "from"),
        # the end would be in the year 10000, which RFC 3339 cannot write
        ("from=9999-12-31T00:00:00Z", "from"),
        ("from=9999-12-31T00:00:00Z&days=1", "from"),
        ("from=9999-12-30T23:45:01Z&days=1", "from"),
        ("from=9999-12-31T23:59:59-23:59&days=92", "from"),
    ],
)
def test_a_bad_window_of_a_calendar_is_named(
    api: Api, world: World, query: str, field: str
) -> None:
    space = world.add_space()
    assert fields(api.get(f"/v1/spaces/{space}/calendar?{query}", expect=422)) == [field]


def test_the_last_calendar_is_that_of_the_last_day_there_is(api: Api, world: World) -> None:
    space = world.add_space()
    answer = api.get(f"/v1/spaces/{space}/calendar?from=9999-12-30T23:45:00Z&days=1")
    assert answer["window"] == {"start": "9999-12-30T23:45:00Z", "end": "9999-12-31T23:45:00Z"}


# ---- private records


def test_an_owner_keeps_and_reads_the_exact_place(api: Api, world: World) -> None:
    space = world.add_space()
    kept_record = api.put(f"/v1/spaces/{space}/private", RECORD, OLGA)
    assert kept_record["address"] == RECORD["address"]
    assert kept_record["addressProven"] is True
    assert kept_record["access"] == RECORD["access"]
    assert kept_record["publicArea"] == "Melbourne CBD"
    (mine,) = api.get("/v1/me/spaces", OLGA)["items"]
    assert mine["private"] == kept_record
    assert mine["publicPoint"]["coordinates"] == [144.964, -37.813]
    assert mine["area"] == "Melbourne CBD"


def test_keeping_it_again_replaces_all_of_it(api: Api, world: World) -> None:
    space = world.add_space()
    api.put(f"/v1/spaces/{space}/private", RECORD, OLGA)
    again = api.put(
        f"/v1/spaces/{space}/private", {"address": "14 Other Lane", "point": NEAR}, OLGA
    )
    assert again["addressProven"] is False
    assert again["level"] == ""
    assert again["publicPoint"] is None
    lat, lon = cell_centre(TOWN_HALL)
    public = api.get(f"/v1/spaces/{space}")["publicPoint"]
    assert public["coordinates"] == pytest.approx([lon, lat], abs=1e-6)


def test_the_way_in_is_changed_without_the_salt_and_the_address_stays_proven(
    api: Api, world: World
) -> None:
    path = f"/v1/spaces/{world.add_space()}/private"
    api.put(path, RECORD, OLGA)
    later = {name: value for name, value in RECORD.items() if name != "salt"}
    changed = api.put(path, later | {"instructions": "The ramp is closed: go round."}, OLGA)
    assert changed["instructions"] == "The ramp is closed: go round."
    assert changed["addressProven"] is True
    assert api.get(path, OLGA) == changed
    # another address is the owner's own word, and the first one proven again
    assert api.put(path, later | {"address": "14 Other Lane"}, OLGA)["addressProven"] is False
    assert api.put(path, later, OLGA)["addressProven"] is True
    # nobody's salt proves another owner's address
    with world.store.write() as conn:
        conn.exec_driver_sql(f"UPDATE spaces SET owner = '{EVE.address}'")
    assert api.put(path, later, EVE)["addressProven"] is False


def test_the_registry_s_own_address_is_proven_without_a_salt(api: Api, world: World) -> None:
    world.add_edition()
    path = f"/v1/spaces/{world.add_space()}/private"
    with world.store.write() as conn:
        conn.execute(
            insert(kept.titles).values(
                city=city_number("AUMEL"), edition=1, index=42, holder="H", holder_generated=1,
                address="1 Registry Road", lat=TOWN_HALL[0], lon=TOWN_HALL[1], kind=3, height=210,
                width=250, length=500, sharing=1, valid_day=65535, reference="42",
            )
        )  # fmt: skip
    before = api.get(path, OLGA)
    assert (before["address"], before["source"]) == ("1 Registry Road", "title")
    said = {"point": NEAR, "level": "B1"}
    kept_record = api.put(path, said | {"address": "1 REGISTRY road"}, OLGA)
    assert (kept_record["addressProven"], kept_record["source"]) == (True, "owner")
    assert api.put(path, said | {"address": "2 Registry Road"}, OLGA)["addressProven"] is False


def test_a_space_whose_place_nobody_has_said_has_none(api: Api, world: World) -> None:
    path = f"/v1/spaces/{world.add_space()}/private"
    assert api.get(path, OLGA, expect=404)["code"] == "place.unknown"


def set_space(world: World, **values: Any) -> None:
    with world.store.write() as conn:
        conn.execute(update(derived.spaces).values(values))


def test_nobody_but_owner_and_manager_of_now_reads_or_changes_the_place(
    api: Api, world: World
) -> None:
    space = world.add_space()
    path = f"/v1/spaces/{space}/private"
    first = api.put(path, RECORD, OLGA)
    for stranger in (EVE, DINO):
        refused(api, path, stranger)
    assert api.get(path, expect=401)["code"] == "session.required"
    assert api.get(path, OLGA) == first
    set_space(world, manager=DINO.address)
    assert api.get(path, DINO) == first
    set_space(world, manager=EVE.address)  # another one: the former is a stranger again
    refused(api, path, DINO)
    # the space has changed hands, and the manager has gone: the former ones are strangers
    set_space(world, owner=DINO.address, manager=None)
    for former in (OLGA, EVE):
        refused(api, path, former)
    assert api.get(path, DINO, expect=404)["code"] == "place.unknown"
    unknown = "/v1/spaces/0x0000000000000001/private"
    assert api.get(unknown, OLGA, expect=404)["code"] == "space.unknown"


def refused(api: Api, path: str, stranger: Person) -> None:
    for answer in (
        api.get(path, stranger, expect=403),
        api.put(path, RECORD, stranger, expect=403),
    ):
        assert answer["code"] == "space.not_owner"
        assert "Secret Lane" not in str(answer)


def test_a_manager_changes_the_way_in_for_the_owner_who_is_told(api: Api, world: World) -> None:
    space = world.add_space()
    path = f"/v1/spaces/{space}/private"
    api.put(path, RECORD, OLGA)
    assert [event for event in world.events() if event["topic"] == "space.place"] == []
    set_space(world, manager=DINO.address)
    changed = {name: value for name, value in RECORD.items() if name != "salt"}
    answer = api.put(path, changed | {"instructions": "The gate is new."}, DINO)
    # the salt that the owner handed in before still opens the address
    assert (answer["instructions"], answer["addressProven"]) == ("The gate is new.", True)
    set_space(world, manager=None)
    assert api.get(path, OLGA) == answer  # the owner's record, whoever wrote it
    told = [event for event in world.events() if event["topic"] == "space.place"]
    assert {event["audience"] for event in told} == {OLGA.address, DINO.address}
    assert {(event["space_id"], event["payload"]["by"]) for event in told} == {
        (space, DINO.address)
    }


def test_a_space_that_was_released_is_nobodys_here(api: Api, world: World) -> None:
    space = world.add_space()
    path = f"/v1/spaces/{space}/private"
    api.put(path, RECORD, OLGA)
    set_space(world, manager=DINO.address, released=1)
    for former in (OLGA, DINO):
        assert api.get(path, former, expect=404)["code"] == "space.unknown"
        assert api.put(path, RECORD, former, expect=404)["code"] == "space.unknown"


def test_the_exact_place_is_sealed_at_rest(api: Api, world: World) -> None:
    space = world.add_space()
    api.put(f"/v1/spaces/{space}/private", RECORD, OLGA)
    with world.store.read() as conn:
        row = conn.execute(select(kept.space_private)).one()
    text = str(row)
    for secret in ("Secret Lane", "4711", "Second ramp", str(TOWN_HALL[0]), SALT.hex()):
        assert secret not in text
    assert row.access_json == '["gate", "lock"]'


def test_an_address_that_the_salt_does_not_open_is_refused(api: Api, world: World) -> None:
    space = world.add_space()
    body = RECORD | {"address": "13 Secret Lane, Melbourne"}
    problem = api.put(f"/v1/spaces/{space}/private", body, OLGA, expect=422)
    assert (problem["code"], fields(problem)) == ("address.hash", ["address"])


def test_the_address_may_be_typed_in_another_way(api: Api, world: World) -> None:
    space = world.add_space()
    body = RECORD | {"address": "12  SECRET lane ; melbourne"}
    assert api.put(f"/v1/spaces/{space}/private", body, OLGA)["addressProven"] is True


@pytest.mark.parametrize("name", ["point", "entrance", "publicPoint"])
def test_a_place_outside_the_cell_is_a_mistake(api: Api, world: World, name: str) -> None:
    space = world.add_space()
    far = {"type": "Point", "coordinates": [144.9, -37.7]}
    problem = api.put(f"/v1/spaces/{space}/private", RECORD | {name: far}, OLGA, expect=422)
    assert (problem["code"], fields(problem)) == ("place.cell", [name])


def test_only_the_owner_keeps_a_record(api: Api, world: World) -> None:
    space = world.add_space()
    path = f"/v1/spaces/{space}/private"
    assert api.put(path, RECORD, expect=401)["code"] == "session.required"
    assert api.put(path, RECORD, EVE, expect=403)["code"] == "space.not_owner"
    unknown = "/v1/spaces/0x0000000000000001/private"
    assert api.put(unknown, RECORD, OLGA, expect=404)["code"] == "space.unknown"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"address": ""}, "address"),
        ({"address": "x" * 301}, "address"),
        ({"salt": "0x12"}, "salt"),
        ({"point": {"type": "Point", "coordinates": [144.9]}}, "point.coordinates.1"),
        ({"point": {"type": "Point", "coordinates": [144.9, -97.0]}}, "point.coordinates"),
        ({"point": {"type": "Polygon", "coordinates": [144.9, -37.0]}}, "point.type"),
        ({"access": []}, "access"),
        ({"access": [{"kind": "door"}]}, "access.0.kind"),
        ({"access": [{"kind": "lock"}] * 9}, "access"),
        ({"instructions": "x" * 1001}, "instructions"),
        ({"publicArea": "x" * 81}, "publicArea"),
        ({"level": "x" * 41}, "level"),
        ({"secret": 1}, "secret"),
    ],
)
def test_a_bad_field_of_a_record_is_named(
    api: Api, world: World, change: dict[str, Any], field: str
) -> None:
    space = world.add_space()
    problem = api.put(f"/v1/spaces/{space}/private", RECORD | change, OLGA, expect=422)
    assert fields(problem) == [field]


@pytest.mark.parametrize(
    "field", ["address", "level", "publicArea", "instructions", "access.0.instructions"]
)
def test_letters_that_nobody_writes_are_refused_by_their_field(
    api: Api, world: World, field: str
) -> None:
    path = f"/v1/spaces/{world.add_space()}/private"
    headers = {"Authorization": f"Bearer {api.sign_in(OLGA)}", "Content-Type": "application/json"}
    kept_record = {name: value for name, value in RECORD.items() if name != "salt"}
    for letter in ("\0", "\x01", "\x1b", "\x7f", "\x85", "\ud800"):
        said = f"Lane{letter}12"
        inside = {"access": [{"kind": "lock", "instructions": said}]}
        raw = json.dumps(kept_record | (inside if "." in field else {field: said}))
        for language, word in (("en", "Input should"), ("zh", "无效字符")):
            more = {"headers": headers, "language": language, "expect": 422}
            problem = api.ask("PUT", path, content=raw, **more)
            assert fields(problem) == [field]
            assert word in problem["errors"][0]["detail"]
    api.get(path, headers=headers, expect=404)


def test_instructions_have_lines_and_an_address_has_one(api: Api, world: World) -> None:
    path = f"/v1/spaces/{world.add_space()}/private"
    lines = "Gate:\t4711\nSecond ramp,\r\nleft. 左转 🅿"
    assert api.put(path, RECORD | {"instructions": lines}, OLGA)["instructions"] == lines
    body = RECORD | {"address": "12 Secret Lane,\nMelbourne"}
    assert fields(api.put(path, body, OLGA, expect=422)) == ["address"]
    body = RECORD | {"address": "\t12 Secret Lane, Melbourne\n"}  # as it is copied from somewhere
    assert api.put(path, body, OLGA)["address"] == RECORD["address"]


def test_a_record_of_a_former_owner_does_not_count(api: Api, world: World) -> None:
    space = world.add_space()
    api.put(f"/v1/spaces/{space}/private", RECORD, OLGA)
    with world.store.write() as conn:
        conn.exec_driver_sql(f"UPDATE spaces SET owner = '{EVE.address}'")
    (mine,) = api.get("/v1/me/spaces", EVE)["items"]
    assert mine["private"] is None


# ---- compliance


def test_a_registration_is_judged_by_the_chain_for_the_account_that_asks(
    api: Api, world: World
) -> None:
    reasons = [Reason.TITLE_REVOKED, Reason.HOLDER_EXPIRED, Reason.CHARGER_INCONSISTENT]
    world.node.answers["compliance"] = lambda call: encode(reasons)
    answer = api.post("/v1/spaces/check", registration(), OLGA)
    assert answer["compliant"] is False
    assert answer["bitmap"] == hex(encode(reasons))
    assert [reason["code"] for reason in answer["reasons"]] == [
        "title.revoked",
        "holder.expired",
        "charger.inconsistent",
    ]
    assert [reason["bit"] for reason in answer["reasons"]] == [2, 19, 29]
    assert answer["reasons"][1]["pointer"] == "/holder/validDay"
    assert answer["transaction"] is None
    (_, arguments) = world.node.calls[-1]
    owner, asked, _block = arguments.values()
    assert owner == OLGA.address
    assert asked["title"]["city"] == city_number("AUMEL")
    assert asked["holder"]["nonce"] == 7
    assert (asked["connectors"], asked["power"]) == (1, 110)


def test_every_reason_has_a_sentence_in_both_languages(api: Api, world: World) -> None:
    world.node.answers["compliance"] = lambda call: encode(Reason)
    english = api.post("/v1/spaces/check", registration(), OLGA)["reasons"]
    chinese = api.post("/v1/spaces/check", registration(), OLGA, language="zh-TW,en;q=0.5")
    assert len(english) == len(Reason)
    for one, other in zip(english, chinese["reasons"], strict=True):
        assert one["code"] == other["code"]
        assert one["sentence"].isascii()
        assert not other["sentence"].isascii()


def test_a_compliant_registration_comes_with_its_transaction(api: Api, world: World) -> None:
    world.node.answers["compliance"] = lambda call: 0
    answer = api.post("/v1/spaces/check", registration(), OLGA)
    assert answer["compliant"] is True
    assert answer["reasons"] == []
    transaction = answer["transaction"]
    assert transaction["purpose"] == "registerSpace"
    assert transaction["chainId"] == 1337
    entry = load_abi("ParkingMarket").function("registerSpace")
    data = bytes.fromhex(transaction["data"][2:])
    assert data[:4] == entry.selector
    (decoded,) = entry.decode_inputs(data[4:]).values()
    assert decoded["title"]["index"] == 42
    assert decoded["lock"]["key"] == EVE.address


def test_checking_needs_an_account(api: Api) -> None:
    assert api.post("/v1/spaces/check", registration(), expect=401)["code"] == "session.required"


def test_a_node_that_does_not_answer_is_503(api: Api) -> None:
    problem = api.post("/v1/spaces/check", registration(), OLGA, expect=409)
    assert problem["code"] == "chain.Revert"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title__city": "Melbourne"}, "title.city"),
        ({"title__index": -1}, "title.index"),
        ({"title__index": 1 << 32}, "title.index"),
        ({"title__saltedHolder": "0x12"}, "title.saltedHolder"),
        ({"title__attributes": 1 << 256}, "title.attributes"),
        ({"proof": ["0x12"]}, "proof.0"),
        ({"proof": ["0x" + "00" * 32] * 65}, "proof"),
        ({"holder__nonce": "x"}, "holder.nonce"),
        ({"holder__nonce": str(1 << 256)}, "holder.nonce"),
        ({"holder__signature": "01"}, "holder.signature"),
        ({"lock__key": "0x12"}, "lock.key"),
        ({"lock__key": EVE.shown.swapcase().replace("0X", "0x")}, "lock.key"),
        ({"connectors": ["schuko"]}, "connectors.0"),
        ({"powerW": 11_050}, "powerW"),
        ({"powerW": "much"}, "powerW"),
    ],
)
def test_a_bad_field_of_a_registration_is_named(
    api: Api, change: dict[str, Any], field: str
) -> None:
    problem = api.post("/v1/spaces/check", registration(**change), OLGA, expect=422)
    assert fields(problem) == [field]
