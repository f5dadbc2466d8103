"""A lease for its parties, and for nobody else."""

from __future__ import annotations

from typing import Any

import pytest
from berth.core.access import ReasonCode
from berth.core.ids import parse_lease
from berth.core.messages import sign, unlock_confirmation
from berth.core.slots import slot_at
from berth.core.states import LeaseState
from berth.core.zones import rfc3339
from berth.store import derived, kept
from sqlalchemy import insert, select, update

from tests.backend.web.people import Api, fields
from tests.backend.web.test_spaces import RECORD
from tests.backend.worlds import (
    DEPLOYMENT,
    DINO,
    EVE,
    LOCK,
    MELBOURNE,
    NOW,
    OLGA,
    TOWN_HALL,
    Person,
    World,
)


@pytest.fixture
def space(world: World) -> str:
    made = world.add_space()
    world.add_offer(made)
    world.set_lock()
    return made


@pytest.fixture
def lease(world: World, space: str) -> str:
    return world.add_lease(space)


def codes(decision: dict[str, Any]) -> list[str]:
    return [reason["code"] for reason in decision["reasons"]]


# ---- the lease itself


def test_the_driver_sees_the_whole_lease(api: Api, world: World, lease: str, space: str) -> None:
    answer = api.get(f"/v1/leases/{lease}", DINO)
    assert (answer["id"], answer["spaceId"], answer["role"]) == (lease, space, "driver")
    assert (answer["state"], answer["slots"], answer["epoch"]) == ("booked", 8, 1)
    assert answer["window"] == {"start": rfc3339(NOW), "end": rfc3339(NOW + 7200)}
    assert answer["deposit"] == "1600000"
    assert answer["depth"] == {
        "confirmations": 11,
        "required": 2,
        "secondsLeft": 0,
        "confirmed": True,
    }
    assert answer["lock"]["position"] == "LOCKED"
    assert answer["lock"]["id"] == LOCK.shown
    assert answer["grant"] is None
    # end + reserve of an hour + a day
    assert answer["closesBy"] == rfc3339(NOW + 7200 + 3600 + 86400)
    assert answer["utcOffset"] == "+00:00"
    assert codes(answer["unlock"]) == ["near.missing", "confirm.missing", "plate.missing"]
    assert answer["unlock"]["needs"][0]["code"] == "come_near"


def test_whether_the_bar_is_down_for_this_lease_is_told_and_for_whom_else_is_not(
    api: Api, world: World, lease: str
) -> None:
    other = lease[:-1] + "f"
    for lowered_for, told in ((None, False), (other, False), (lease, True)):
        world.set_lock(position="UNLOCKED", lowered_for=lowered_for)
        answer = api.get(f"/v1/leases/{lease}", DINO)
        assert (answer["lock"]["position"], answer["lowered"]) == ("UNLOCKED", told)
        assert other not in str(answer)


# ---- what the lock senses, and whom that is told

HOUR, DAY = 3600, 86400
#: The lease's: two hours, and a day after them and an hour of reserve.
END, T1 = NOW + 2 * HOUR, NOW + 2 * HOUR + HOUR + DAY


def change(world: World, table: Any, **values: Any) -> None:
    with world.store.write() as conn:
        conn.execute(update(table).values(**values))


def heard(api: Api, world: World, lease: str, at: int, who: Person = DINO) -> dict[str, Any]:
    """The lock as a party is told of it at a moment: a car stands over its bar, it has a fault."""
    world.clock.at = at
    world.at_block(100)
    world.set_lock(
        position="UNLOCKED", occupied=1, camera=1, fault="low_battery", cycle=7, seen_at=at
    )
    return dict(api.get(f"/v1/leases/{lease}", who)["lock"])


def all_of_it(at: int) -> dict[str, Any]:
    return {
        "id": LOCK.shown,
        "online": True,
        "position": "UNLOCKED",
        "occupied": True,
        "fault": "low_battery",
        "camera": True,
        "cycle": 7,
        "seenAt": rfc3339(at),
    }


def nothing_but_its_id(cycle: int) -> dict[str, Any]:
    return {
        "id": LOCK.shown,
        "online": False,
        "position": None,
        "occupied": None,
        "fault": None,
        "camera": False,
        "cycle": cycle,
        "seenAt": None,
    }


@pytest.mark.parametrize(
    ("state", "at", "told"),
    [
        (LeaseState.BOOKED, NOW - 89 * DAY, False),
        (LeaseState.BOOKED, NOW - 901, False),
        (LeaseState.BOOKED, NOW - 900, True),
        (LeaseState.BOOKED, END - 1, True),
        (LeaseState.BOOKED, END, False),
        (LeaseState.PARKED, NOW + HOUR, True),
        (LeaseState.PARKED, END + 20 * HOUR, True),
        (LeaseState.PARKED, T1 - 1, True),
        (LeaseState.PARKED, T1, False),
        (LeaseState.CLAIMED, END + HOUR, False),
        (LeaseState.SETTLED, NOW + HOUR, False),
        (LeaseState.CANCELLED, NOW - 600, False),
        (LeaseState.CANCELLED, NOW + 365 * DAY, False),
    ],
)
def test_the_driver_hears_what_the_lock_senses_while_there_is_something_to_do_there(
    api: Api, world: World, lease: str, state: LeaseState, at: int, told: bool
) -> None:
    change(world, derived.leases, state=state.value)
    expected = all_of_it(at) if told else nothing_but_its_id(7 if state.is_open else 0)
    assert heard(api, world, lease, at) == expected


def test_a_car_that_came_in_the_last_minute_is_not_left_alone_until_its_record_is_there(
    api: Api, world: World, lease: str
) -> None:
    for lowered_for, position in ((None, None), (lease[:-1] + "f", None), (lease, "UNLOCKED")):
        world.clock.at = END + 60
        world.set_lock(position="UNLOCKED", occupied=1, lowered_for=lowered_for)
        answer = api.get(f"/v1/leases/{lease}", DINO)
        assert (answer["lock"]["position"], answer["lowered"]) == (position, lowered_for == lease)
    world.settle(lease)
    answer = api.get(f"/v1/leases/{lease}", DINO)
    assert (answer["lock"], answer["lowered"]) == (nothing_but_its_id(0), False)


@pytest.mark.parametrize("at", [NOW - 89 * DAY, NOW, END + 365 * DAY])
def test_the_owner_of_now_hears_it_always_and_a_former_one_as_the_driver_does(
    api: Api, world: World, lease: str, at: int
) -> None:
    for state in (LeaseState.BOOKED, LeaseState.CANCELLED):
        change(world, derived.leases, state=state.value)
        assert heard(api, world, lease, at, OLGA) == all_of_it(at)
        change(world, derived.spaces, owner=EVE.address)
        once = at == NOW and state is LeaseState.BOOKED
        expected = all_of_it(at) if once else nothing_but_its_id(0)
        assert heard(api, world, lease, at, OLGA) == expected
        change(world, derived.spaces, owner=EVE.address, manager=OLGA.address)
        assert heard(api, world, lease, at, OLGA) == all_of_it(at)
        change(world, derived.spaces, owner=OLGA.address, manager=None)


def test_what_stands_against_unlocking_before_the_window_says_nothing_of_lock_and_bay(
    api: Api, world: World, lease: str
) -> None:
    """Neither in the lease, nor when the driver says to be there, nor for a signed word."""
    world.clock.at = NOW - 901
    world.at_block(100)
    factors = ["near.missing", "confirm.missing", "plate.missing"]
    for state in (
        {"position": "UNLOCKED", "occupied": 1, "fault": "motor"},
        {"position": "JAMMED", "online": 0},
        {"position": None},
        {"position": "LOCKING"},
        {"position": "LOCKED"},
    ):
        world.set_lock(**state)
        decision = api.get(f"/v1/leases/{lease}", DINO)["unlock"]
        assert codes(decision) == ["window.early", *factors]
    world.set_lock(position="JAMMED", occupied=1, online=0)
    path = f"/v1/leases/{lease}"
    said = api.post(f"{path}/presence", {"event": "here"}, DINO)["decision"]
    assert codes(said) == ["window.early", *factors[1:]]
    word = confirmation(lease, at=NOW - 901)
    said = api.post(f"{path}/unlock", word, DINO)["decision"]
    assert codes(said) == ["window.early", factors[2]]
    world.clock.at = NOW - 900
    world.at_block(100)
    for decision in (
        api.get(path, DINO)["unlock"],
        api.post(f"{path}/presence", {"event": "here"}, DINO)["decision"],
        api.post(f"{path}/unlock", word, DINO)["decision"],
    ):
        assert codes(decision)[:3] == ["lock.offline", "lock.jammed", "bay.occupied"]


@pytest.mark.parametrize(
    ("state", "at", "reason"),
    [
        (LeaseState.BOOKED, END, "window.over"),
        (LeaseState.CLAIMED, END + HOUR, "lease.not_open"),
        (LeaseState.PARKED, T1, "window.over"),
    ],
)
def test_what_stands_against_unlocking_afterwards_says_nothing_of_them_either(
    api: Api, world: World, lease: str, state: LeaseState, at: int, reason: str
) -> None:
    world.clock.at = at
    world.at_block(100)
    change(world, derived.leases, state=state.value)
    world.set_lock(position="JAMMED", occupied=1, online=0)
    told = codes(api.get(f"/v1/leases/{lease}", DINO)["unlock"])
    assert told == [reason, "near.missing", "confirm.missing", "plate.missing"]


def test_the_cycle_that_the_driver_signs_is_told_before_the_window(
    api: Api, world: World, lease: str
) -> None:
    world.clock.at = NOW - DAY
    world.set_lock(cycle=4)
    answer = api.get(f"/v1/leases/{lease}", DINO)
    assert (answer["lock"]["cycle"], answer["confirmation"]["cycle"]) == (4, 4)
    word = confirmation(lease, cycle=4, at=NOW - DAY)
    api.post(f"/v1/leases/{lease}/unlock", word, DINO)


def test_the_owner_sees_it_too_but_no_unlocking(api: Api, lease: str) -> None:
    answer = api.get(f"/v1/leases/{lease}", OLGA)
    assert answer["role"] == "owner"
    assert answer["unlock"] is None
    assert answer["confirmation"] is None


def test_depth_counts_n_of_m_with_the_seconds_to_go(api: Api, world: World, lease: str) -> None:
    world.at_block(90)
    depth = api.get(f"/v1/leases/{lease}", DINO)["depth"]
    assert (depth["confirmations"], depth["required"], depth["confirmed"]) == (1, 2, False)
    assert depth["secondsLeft"] == 12
    world.at_block(80)
    assert api.get(f"/v1/leases/{lease}", DINO)["depth"]["confirmations"] == 0


def test_the_grant_and_the_last_plate_reading_are_told(api: Api, world: World, lease: str) -> None:
    with world.store.write() as conn:
        conn.execute(
            insert(kept.grants).values(
                lease_id=lease, lock_id=LOCK.address, cycle=3, window_start=NOW - 900,
                window_end=NOW + 7200, plate_commitment="0x", state="acknowledged",
                created_at=NOW, updated_at=NOW,
            )
        )  # fmt: skip
        for at, match in ((NOW + 1, 1), (NOW + 2, 0)):
            conn.execute(
                insert(kept.plate_readings).values(
                    lock_id=LOCK.address, lease_id=lease, match=match, confidence=0.97, at=at,
                    received_at=at,
                )
            )  # fmt: skip
    answer = api.get(f"/v1/leases/{lease}", DINO)
    assert answer["grant"]["state"] == "acknowledged"
    assert answer["plateReading"] == {"match": False, "confidence": 0.97, "at": rfc3339(NOW + 2)}


PATHS = ["", "/navigation", "/receipt"]


@pytest.mark.parametrize("path", PATHS)
def test_a_stranger_cannot_tell_a_lease_from_none(api: Api, lease: str, path: str) -> None:
    none = lease[:-1] + "7"
    there = api.get(f"/v1/leases/{lease}{path}", EVE, expect=404)
    nowhere = api.get(f"/v1/leases/{none}{path}", EVE, expect=404)
    assert there.pop("instance") != nowhere.pop("instance")
    assert there == nowhere


@pytest.mark.parametrize("path", PATHS)
def test_without_a_session_a_lease_is_closed(api: Api, lease: str, path: str) -> None:
    api.get(f"/v1/leases/{lease}{path}", expect=401)


@pytest.mark.parametrize("path", PATHS)
def test_something_that_is_no_lease_id_is_a_bad_field(api: Api, path: str) -> None:
    assert fields(api.get(f"/v1/leases/0x12{path}", DINO, expect=422)) == ["leaseId"]


# ---- lists


def test_each_lease_tells_the_clock_of_its_space(api: Api, world: World, space: str) -> None:
    world.add_offer(space, number=2, utc_offset=44)
    there = world.add_lease(space, slot_at(NOW) + 10, 2, offer=2)
    here = world.add_lease(space, slot_at(NOW), 2)
    listed = {one["id"]: one["utcOffset"] for one in api.get("/v1/me/leases", DINO)["items"]}
    assert listed == {there: "+11:00", here: "+00:00"}
    assert api.get(f"/v1/leases/{there}", DINO)["utcOffset"] == "+11:00"


def test_what_was_paid_is_told_once_it_is_settled_and_not_before(
    api: Api, world: World, space: str
) -> None:
    left = world.add_lease(space, slot_at(NOW) - 20, 8)
    world.settle(left, minutes=100)
    nobody = world.add_lease(space, slot_at(NOW) - 10, 8)
    world.settle(nobody, outcome=5)
    coming = world.add_lease(space, slot_at(NOW), 8)
    listed = {one["id"]: one["cost"] for one in api.get("/v1/me/leases", DINO)["items"]}
    cost = api.get(f"/v1/leases/{left}/receipt", DINO)["cost"]
    assert int(cost) > 0
    assert listed == {left: cost, nobody: "0", coming: None}
    assert api.get(f"/v1/leases/{left}", DINO)["cost"] == cost
    assert api.get(f"/v1/leases/{coming}", OLGA)["cost"] is None


@pytest.mark.parametrize(("percent", "charge"), [(0, "0"), (40, "80000")])
def test_a_lease_tells_what_not_coming_costs(
    api: Api, world: World, space: str, percent: int, charge: str
) -> None:
    world.add_offer(space, number=2, no_show_pct=percent)
    lease = world.add_lease(space, slot_at(NOW), 2, offer=2)
    assert api.get(f"/v1/leases/{lease}", DINO)["noShowCharge"] == charge


def test_lists_are_paged_from_the_latest_start(api: Api, world: World, space: str) -> None:
    made = [world.add_lease(space, slot_at(NOW) + 10 * n, 2) for n in range(5)]
    seen: list[str] = []
    cursor = ""
    while True:
        page = api.get(f"/v1/me/leases?limit=2{cursor}", DINO)
        seen += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == made[::-1]


def test_lists_tell_drivers_from_owners_and_open_from_closed(
    api: Api, world: World, space: str
) -> None:
    driven = world.add_lease(space, slot_at(NOW) + 10, 2)
    closed = world.add_lease(space, slot_at(NOW) - 10, 8)
    world.settle(closed)
    other = world.add_space(77, owner=DINO)
    world.add_offer(other)
    owned = world.add_lease(other, slot_at(NOW) + 5, 2, driver=EVE)

    def ids(query: str) -> list[str]:
        return [item["id"] for item in api.get(f"/v1/me/leases{query}", DINO)["items"]]

    assert ids("") == [driven, owned, closed]
    assert ids("?role=driver") == [driven, closed]
    assert ids("?role=owner") == [owned]
    assert ids("?open=true&role=driver") == [driven]
    assert ids("?role=driver&open=false") == [driven, closed]


@pytest.mark.parametrize(
    ("query", "field"),
    [("limit=0", "limit"), ("limit=101", "limit"), ("role=boss", "role"), ("cursor=x", "cursor")],
)
def test_a_bad_query_of_a_list_is_named(api: Api, query: str, field: str) -> None:
    assert fields(api.get(f"/v1/me/leases?{query}", DINO, expect=422)) == [field]


# ---- the exact place


def test_the_lessee_of_a_confirmed_lease_is_told_the_way(api: Api, lease: str, space: str) -> None:
    api.put(f"/v1/spaces/{space}/private", RECORD, OLGA)
    answer = api.get(f"/v1/leases/{lease}/navigation", DINO)
    assert answer["address"] == RECORD["address"]
    assert answer["point"] == RECORD["point"]
    assert answer["level"] == "B2"
    assert answer["access"] == RECORD["access"]
    assert answer["source"] == "owner"
    assert answer["geoUri"].startswith("geo:-37.815000,144.966500?q=")
    assert answer["fence"] == {"point": RECORD["entrance"], "radiusM": 60}
    systems = {link["app"]: link["system"] for link in answer["links"]}
    assert systems["google"] == "WGS-84"
    assert len(systems) >= 5


def test_where_the_owner_has_said_nothing_the_title_tells(
    api: Api, world: World, lease: str
) -> None:
    world.add_edition()
    add_title(world)
    answer = api.get(f"/v1/leases/{lease}/navigation", DINO)
    assert (answer["address"], answer["source"]) == ("42 Registry Street", "title")


def test_where_nobody_has_said_anything_that_is_said(api: Api, lease: str) -> None:
    problem = api.get(f"/v1/leases/{lease}/navigation", DINO, expect=409)
    assert problem["code"] == "navigation.absent"


def test_an_unconfirmed_lease_is_told_nothing(api: Api, world: World, lease: str) -> None:
    world.at_block(90)
    problem = api.get(f"/v1/leases/{lease}/navigation", DINO, expect=409)
    assert problem["code"] == "lease.unconfirmed"
    assert "1 of 2 confirmations" in problem["detail"]


def test_the_owner_is_not_the_lessee(api: Api, lease: str) -> None:
    problem = api.get(f"/v1/leases/{lease}/navigation", OLGA, expect=403)
    assert problem["code"] == "lease.not_lessee"


def test_a_settled_lease_tells_no_way(api: Api, world: World, lease: str, space: str) -> None:
    api.put(f"/v1/spaces/{space}/private", RECORD, OLGA)
    world.settle(lease)
    problem = api.get(f"/v1/leases/{lease}/navigation", DINO, expect=409)
    assert problem["code"] == "lease.over"


def test_a_lease_long_over_tells_no_way(api: Api, world: World, lease: str, space: str) -> None:
    api.put(f"/v1/spaces/{space}/private", RECORD, OLGA)
    world.clock.at = NOW + 7200 + 3600 + 86400
    assert api.get(f"/v1/leases/{lease}/navigation", DINO, expect=409)["code"] == "lease.over"


# ---- presence and unlocking


def test_presence_is_noted_told_and_wakes_the_relay(api: Api, world: World, lease: str) -> None:
    answer = api.post(f"/v1/leases/{lease}/presence", {"event": "entered"}, DINO)
    assert codes(answer["decision"]) == ["confirm.missing", "plate.missing"]
    assert world.woken == 1
    told = [event for event in world.events() if event["topic"] == "lease.presence"]
    assert {event["audience"] for event in told} == {DINO.address, OLGA.address}
    assert told[0]["payload"] == {"event": "entered", "party": "driver"}


def test_a_terminal_that_repeats_itself_says_nothing_new(
    api: Api, world: World, lease: str
) -> None:
    for _ in range(3):
        api.post(f"/v1/leases/{lease}/presence", {"event": "here"}, DINO)
    with world.store.read() as conn:
        assert len(conn.execute(select(kept.presence)).all()) == 1


def test_only_the_driver_is_present(api: Api, lease: str) -> None:
    path = f"/v1/leases/{lease}/presence"
    assert api.post(path, {"event": "here"}, OLGA, expect=403)["code"] == "lease.not_lessee"
    assert api.post(path, {"event": "here"}, EVE, expect=404)["code"] == "lease.unknown"
    api.post(path, {"event": "here"}, expect=401)


@pytest.mark.parametrize("body", [{}, {"event": "flew"}, {"event": "here", "lat": 1.0}])
def test_a_bad_presence_is_refused(api: Api, lease: str, body: dict[str, Any]) -> None:
    api.post(f"/v1/leases/{lease}/presence", body, DINO, expect=422)


def test_nobody_is_present_at_a_lease_that_is_over(api: Api, world: World, lease: str) -> None:
    world.settle(lease)
    problem = api.post(f"/v1/leases/{lease}/presence", {"event": "here"}, DINO, expect=409)
    assert problem["code"] == "lease.over"


def confirmation(
    lease: str, who: Person = DINO, *, cycle: int = 0, at: int = NOW, signed_at: int | None = None
) -> dict[str, Any]:
    moment = at if signed_at is None else signed_at
    message = unlock_confirmation(DEPLOYMENT.domain, parse_lease(lease), cycle, moment)
    return {"cycle": cycle, "at": at, "signature": "0x" + sign(message, who.key).hex()}


def test_the_drivers_signed_confirmation_is_kept_and_answered_with_what_is_missing(
    api: Api, world: World, lease: str
) -> None:
    answer = api.post(f"/v1/leases/{lease}/unlock", confirmation(lease), DINO)
    assert codes(answer["decision"]) == ["near.missing", "plate.missing"]
    assert world.woken == 1
    with world.store.read() as conn:
        row = conn.execute(select(kept.confirmations)).one()
    assert (row.lease_id, row.cycle, row.at) == (lease, 0, NOW)


def test_when_everything_holds_the_answer_is_yes(api: Api, world: World, lease: str) -> None:
    world.clock.at = NOW + 10
    api.post(f"/v1/leases/{lease}/presence", {"event": "entered"}, DINO)
    with world.store.write() as conn:
        conn.execute(
            insert(kept.plate_readings).values(
                lock_id=LOCK.address, lease_id=lease, match=1, confidence=0.99, at=NOW + 10,
                received_at=NOW + 10,
            )
        )  # fmt: skip
    body = confirmation(lease, at=NOW + 10)
    answer = api.post(f"/v1/leases/{lease}/unlock", body, DINO)
    assert answer["decision"] == {
        "allowed": True,
        "reasons": [],
        "needs": [],
        "retryAfter": None,
    }


def test_the_lease_gives_the_typed_data_that_the_unlock_takes(api: Api, lease: str) -> None:
    given = api.get(f"/v1/leases/{lease}", DINO)["confirmation"]
    message = unlock_confirmation(
        DEPLOYMENT.domain, parse_lease(lease), given["cycle"], given["at"]
    )
    assert given["typedData"] == message.typed_data
    body = {
        "cycle": given["cycle"],
        "at": given["at"],
        "signature": "0x" + sign(message, DINO.key).hex(),
    }
    api.post(f"/v1/leases/{lease}/unlock", body, DINO)


def test_the_same_confirmation_again_changes_nothing(api: Api, world: World, lease: str) -> None:
    api.post(f"/v1/leases/{lease}/unlock", confirmation(lease), DINO)
    api.post(f"/v1/leases/{lease}/unlock", confirmation(lease), DINO)
    with world.store.read() as conn:
        assert len(conn.execute(select(kept.confirmations)).all()) == 1


def test_an_older_confirmation_does_not_replace_a_newer_one(
    api: Api, world: World, lease: str
) -> None:
    for at in (NOW + 20, NOW + 5):
        api.post(f"/v1/leases/{lease}/unlock", confirmation(lease, at=at), DINO)
    with world.store.read() as conn:
        assert conn.execute(select(kept.confirmations.c.at)).scalar_one() == NOW + 20


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"who": EVE}, 403, "unlock.signature"),
        ({"cycle": 1}, 409, "unlock.cycle"),
        ({"at": NOW - 121}, 422, "unlock.stale"),
        ({"at": NOW + 31}, 422, "unlock.stale"),
        ({"at": NOW, "signed_at": NOW - 1}, 403, "unlock.signature"),
    ],
)
def test_a_confirmation_must_be_the_drivers_for_now(
    api: Api, lease: str, change: dict[str, Any], status: int, code: str
) -> None:
    body = confirmation(lease, **change)
    problem = api.post(f"/v1/leases/{lease}/unlock", body, DINO, expect=status)
    assert problem["code"] == code


def test_a_confirmation_of_another_lease_is_refused(
    api: Api, world: World, lease: str, space: str
) -> None:
    other = world.add_lease(space, slot_at(NOW) + 50)
    body = confirmation(other)
    problem = api.post(f"/v1/leases/{lease}/unlock", body, DINO, expect=403)
    assert problem["code"] == "unlock.signature"


def test_a_confirmation_of_an_earlier_cycle_is_refused(api: Api, world: World, lease: str) -> None:
    world.set_lock(cycle=4)
    problem = api.post(f"/v1/leases/{lease}/unlock", confirmation(lease), DINO, expect=409)
    assert problem["code"] == "unlock.cycle"
    api.post(f"/v1/leases/{lease}/unlock", confirmation(lease, cycle=4), DINO)


def test_a_session_alone_unlocks_nothing(api: Api, lease: str) -> None:
    api.post(f"/v1/leases/{lease}/unlock", {}, DINO, expect=422)
    zero = {"cycle": 0, "at": NOW, "signature": "0x" + "00" * 65}
    problem = api.post(f"/v1/leases/{lease}/unlock", zero, DINO, expect=403)
    assert problem["code"] == "unlock.signature"


def test_a_stranger_with_the_drivers_signature_unlocks_nothing(api: Api, lease: str) -> None:
    path = f"/v1/leases/{lease}/unlock"
    assert api.post(path, confirmation(lease), EVE, expect=404)["code"] == "lease.unknown"
    assert api.post(path, confirmation(lease), OLGA, expect=403)["code"] == "lease.not_lessee"
    api.post(path, confirmation(lease), expect=401)


def test_reasons_come_in_chinese(api: Api, lease: str) -> None:
    answer = api.get(f"/v1/leases/{lease}", DINO, language="zh")
    assert answer["unlock"]["reasons"][1]["code"] == ReasonCode.CONFIRM_MISSING
    assert answer["unlock"]["reasons"][1]["sentence"] == "您尚未确认开锁。"


# ---- the receipt


def test_the_receipt_adds_up(api: Api, world: World, lease: str) -> None:
    world.settle(lease, minutes=100)
    for who in (DINO, OLGA):
        answer = api.get(f"/v1/leases/{lease}/receipt", who)
        amount = {
            name: int(answer[name])
            for name in (
                "deposit", "rent", "overstay", "energy", "cost", "fee", "ownerShare", "refund",
            )
        }  # fmt: skip
        assert amount["rent"] == 100_000 * 100 // 15
        assert amount["cost"] == amount["rent"] + amount["overstay"] + amount["energy"]
        assert amount["cost"] + amount["refund"] == amount["deposit"] == 1_600_000
        assert amount["ownerShare"] + amount["fee"] == amount["cost"]
        assert (answer["outcome"], answer["number"]) == ("departed", 1)
        assert (answer["billedMinutes"], answer["leftMinute"]) == (100, 100)
        assert answer["outcomeSentence"]


def test_an_unused_lease_has_a_receipt_without_minutes(api: Api, world: World, lease: str) -> None:
    world.settle(lease, outcome=5)
    answer = api.get(f"/v1/leases/{lease}/receipt", DINO)
    assert (answer["cost"], answer["refund"]) == ("0", "1600000")
    assert answer["billedMinutes"] is None


def test_a_receipt_is_final_once_its_block_cannot_be_replaced(
    api: Api, world: World, lease: str
) -> None:
    """It is of block 100; the index holds the ten newest blocks for undoable."""
    world.settle(lease, minutes=100)
    for at_block, final in ((100, False), (109, False), (110, True)):
        world.at_block(at_block)
        for who in (DINO, OLGA):
            assert api.get(f"/v1/leases/{lease}/receipt", who)["final"] is final


def test_an_open_lease_has_no_receipt(api: Api, lease: str) -> None:
    assert api.get(f"/v1/leases/{lease}/receipt", DINO, expect=409)["code"] == "lease.open"


def add_title(world: World) -> None:
    with world.store.write() as conn:
        conn.execute(
            insert(kept.titles).values(
                city=MELBOURNE, edition=1, index=42, holder="Holder 1", holder_generated=1,
                address="42 Registry Street", lat=TOWN_HALL[0], lon=TOWN_HALL[1], kind=3,
                height=210, width=250, length=500, sharing=1, valid_day=65535, reference="42",
            )
        )  # fmt: skip
