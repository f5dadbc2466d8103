"""`/v1/local`: not there where money is worth something, and whose it is where it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest
from berth.core.errors import BerthError
from berth.market.attest import AttestedLock, AttestedVehicle, attest_vehicle
from berth.market.calls import HolderProof
from berth.market.titles.taking import Taken
from berth.web import create_app
from berth.web.visitors import Bay, CarEvent, Purse, SpacePapers
from fastapi.testclient import TestClient

from tests.backend.web.people import Api, fields
from tests.backend.worlds import (
    COMMITMENT,
    DEPLOYMENT,
    DINO,
    EVE,
    LOCK,
    MELBOURNE,
    NOW,
    OLGA,
    ORIGIN,
    PLATE,
    SALT,
    World,
)

CALLS: list[tuple[str, Any]] = [
    ("/v1/local/funds", {}),
    ("/v1/local/vehicle", {"plate": "ABC 123", "size": "large"}),
    ("/v1/local/papers", {"near": {"type": "Point", "coordinates": [144.96, -37.81]}}),
    ("/v1/local/leases/0x" + "0" * 28 + "/car", {"event": "arrives"}),
    ("/v1/local/time", {"seconds": 60}),
]
PATHS = [path for path, _ in CALLS]


@dataclass
class Desk:
    """Gives whatever is asked for and remembers it."""

    asked: list[tuple[str, Any]] = field(default_factory=list)
    titles: bool = True
    credit: int = 50_000_000
    refusal: BerthError | None = None

    def _note(self, what: str, said: Any) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.asked.append((what, said))

    async def fund(self, account: str) -> Purse:
        self._note("fund", account)
        return Purse(10**18, 50_000_000, 100_000_000)

    def vehicle(self, account: str, plate: str, size: int) -> AttestedVehicle:
        self._note("vehicle", account)
        deployment = replace(DEPLOYMENT, attesters={1: EVE.address})
        return attest_vehicle(
            deployment, EVE.key, account, plate, size=size, until_slot=2_000_000, salt=SALT
        )

    def papers(self, account: str, near: tuple[float, float] | None) -> SpacePapers:
        self._note("papers", (account, near))
        title = SimpleNamespace(
            city=MELBOURNE,
            index=7,
            salted_holder=b"\1" * 32,
            address_hash=b"\2" * 32,
            cell=123,
            attributes=456,
            valid_day=65535,
        )
        entry = SimpleNamespace(
            holder="generated:AUMEL:000007",
            holder_generated=1,
            address="7 Example Street",
            lat=-37.81,
            lon=144.96,
        )
        proof: Any = SimpleNamespace(
            title=title,
            proof=(b"\3" * 32,),
            edition=SimpleNamespace(edition=1, root="0x" + "44" * 32),
            entry=entry,
            address_salt=b"\5" * 32,
        )
        return SpacePapers(
            Taken(account, proof, HolderProof(1, 20_900, 77, b"\6" * 65)),
            AttestedLock(LOCK.address, 2, 20_900, b"\7" * 65),
            b"\x08" * 65,
        )

    async def car(self, account: str, event: CarEvent, bay: Bay) -> None:
        self._note("car", (account, event, bay))

    async def travel(self, account: str, seconds: int) -> int:
        self._note("travel", seconds)
        return NOW + seconds


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk()


@pytest.fixture
def local(world: World, desk: Desk) -> Iterator[Api]:
    """The application of an installation that plays all parties."""
    world.services.visitors = desk
    with TestClient(create_app(world.services), base_url=ORIGIN) as client:
        yield Api(client, world)


def parked(world: World, **changes: Any) -> str:
    """A lease of Dino's that has begun, with its lock online and its plate known."""
    space = world.add_space()
    world.add_offer(space)
    world.add_vehicle()
    world.set_lock()
    return world.add_lease(space, **changes)


@pytest.mark.parametrize(("path", "body"), CALLS, ids=PATHS)
def test_elsewhere_than_on_a_local_chain_there_is_none_of_it(
    api: Api, path: str, body: Any
) -> None:
    for who in (None, DINO):
        assert api.post(path, body, who, expect=404)["code"] == "local.none"
    assert api.get("/v1/config")["local"] is None


@pytest.mark.parametrize(("path", "body"), CALLS, ids=PATHS)
def test_without_a_session_nothing_is_given(local: Api, desk: Desk, path: str, body: Any) -> None:
    assert local.post(path, body, expect=401)["code"] == "session.required"
    assert desk.asked == []


def test_the_configuration_says_what_there_is(local: Api, desk: Desk, world: World) -> None:
    world.services.settings = replace(
        world.services.settings, public_rpc_urls=("http://127.0.0.1:8545",)
    )
    desk.titles = False
    config = local.get("/v1/config")
    assert config["local"] == {
        "guest": True,
        "funds": True,
        "credit": "50000000",
        "titles": False,
        "vehicles": True,
        "cars": True,
        "time": True,
    }
    assert config["chain"]["name"] == "Local test chain"
    assert config["chain"]["rpcUrls"] == ["http://127.0.0.1:8545"]
    assert config["chain"]["local"] is True


def test_funds_come_in_minor_units_with_their_currency(local: Api, desk: Desk) -> None:
    for body in ({}, None):
        assert local.post("/v1/local/funds", body, DINO) == {
            "gas": str(10**18),
            "credit": "50000000",
            "tokens": "100000000",
            "currency": {"symbol": "tEUR", "decimals": 6},
        }
    assert desk.asked == [("fund", DINO.address)] * 2
    local.post("/v1/local/funds", {"amount": 5}, DINO, expect=422)


def test_a_vehicle_s_proof_opens_with_plate_and_salt(local: Api) -> None:
    body = {"plate": "abc-123", "size": "medium"}
    answer = local.post("/v1/local/vehicle", body, DINO)
    assert (answer["plate"], answer["salt"], answer["size"]) == (
        PLATE,
        "0x" + SALT.hex(),
        "medium",
    )
    assert answer["proof"]["plateCommitment"] == COMMITMENT
    assert set(answer["proof"]) == {
        "plateCommitment",
        "size",
        "untilSlot",
        "verifier",
        "signature",
    }
    wrong = local.post("/v1/local/vehicle", {"plate": "§§", "size": "medium"}, DINO, expect=422)
    assert fields(wrong) == ["plate"]
    local.post("/v1/local/vehicle", {"plate": "ABC", "size": "bus"}, DINO, expect=422)


def test_papers_are_what_the_check_takes(local: Api, desk: Desk, world: World) -> None:
    body = {
        "near": {"type": "Point", "coordinates": [144.96, -37.81]},
        "connectors": ["type2"],
        "powerW": 11_000,
    }
    answer = local.post("/v1/local/papers", body, OLGA)
    assert desk.asked == [("papers", (OLGA.address, (-37.81, 144.96)))]
    assert answer["lock"] == {"id": LOCK.shown}
    assert answer["proof"]["address"] == "7 Example Street"
    assert answer["registration"]["lock"]["possession"] == "0x" + "08" * 65
    assert answer["registration"]["connectors"] == ["type2"]
    asked: list[dict[str, Any]] = []

    def compliance(call: dict[str, Any]) -> int:
        asked.append(call["r"])
        return 0

    world.node.answers["compliance"] = compliance
    check = local.post("/v1/spaces/check", answer["registration"], OLGA)
    assert check["compliant"] is True
    assert check["spaceId"] == answer["proof"]["spaceId"]
    assert asked
    local.post("/v1/local/papers", {}, OLGA)
    assert desk.asked[1] == ("papers", (OLGA.address, None))


def test_the_driver_moves_the_car_of_the_lease(local: Api, desk: Desk, world: World) -> None:
    lease = parked(world)
    local.post(
        "/v1/me/vehicles",
        {"plateCommitment": COMMITMENT, "plate": PLATE, "salt": "0x" + SALT.hex()},
        DINO,
        expect=201,
    )
    for event in ("arrives", "stranger", "leaves"):
        answer = local.post(f"/v1/local/leases/{lease}/car", {"event": event}, DINO)
        assert answer == {"event": event, "lock": {"id": LOCK.shown}}
    bay = Bay(lease, LOCK.address, PLATE, open=True, occupied=False, unlocked=False)
    assert desk.asked[0] == ("car", (DINO.address, "arrives", bay))
    world.set_lock(position="UNLOCKED", occupied=1)
    local.post(f"/v1/local/leases/{lease}/car", {"event": "leaves"}, DINO)
    assert desk.asked[-1][1][2] == replace(bay, occupied=True, unlocked=True)


def test_nobody_else_moves_it(local: Api, desk: Desk, world: World) -> None:
    lease = parked(world)
    unknown = "0x" + "0" * 27 + "1"
    for who, which in ((EVE, lease), (OLGA, lease), (DINO, unknown)):
        answer = local.post(f"/v1/local/leases/{which}/car", {"event": "leaves"}, who, expect=404)
        assert answer["code"] == "lease.unknown"
    assert desk.asked == []


def test_a_car_comes_in_its_time_with_a_plate_before_a_lock_that_is_there(
    local: Api, desk: Desk, world: World
) -> None:
    lease = parked(world)
    path = f"/v1/local/leases/{lease}/car"
    answer = local.post(path, {"event": "arrives"}, DINO, expect=409)
    assert answer["code"] == "vehicle.plate_unknown"
    world.set_lock(online=0)
    answer = local.post(path, {"event": "leaves"}, DINO, expect=409)
    assert answer["code"] == "local.lock_offline"
    world.set_lock()
    world.clock.at -= 1000
    answer = local.post(path, {"event": "stranger"}, DINO, expect=409)
    assert answer["code"] == "local.not_now"
    world.clock.at += 1000
    world.settle(lease)
    answer = local.post(path, {"event": "stranger"}, DINO, expect=409)
    assert answer["code"] == "local.not_now"
    local.post(path, {"event": "flies"}, DINO, expect=422)
    assert desk.asked == []


def test_time_goes_forwards_a_day_at_most(local: Api, desk: Desk) -> None:
    assert local.post("/v1/local/time", {"seconds": 86_400}, DINO)["now"].endswith("Z")
    for seconds in (0, -1, 86_401):
        local.post("/v1/local/time", {"seconds": seconds}, DINO, expect=422)
    assert desk.asked == [("travel", 86_400)]


@pytest.mark.parametrize(("path", "body"), CALLS, ids=PATHS)
def test_what_has_run_out_is_a_429(
    local: Api, desk: Desk, world: World, path: str, body: Any
) -> None:
    if path.endswith("/car"):
        path, body = f"/v1/local/leases/{parked(world)}/car", {"event": "leaves"}
    desk.refusal = BerthError("local.enough", "that is all there is", status=429)
    assert local.post(path, body, DINO, expect=429)["code"] == "local.enough"
