"""Quotes with what is only signed yet: a vehicle's proof, an allowance by signature."""

from __future__ import annotations

from typing import Any

import pytest
from berth.chain.abi import load_abi
from berth.core.hashing import keccak
from berth.core.ids import parse_lease, parse_space
from berth.core.messages import Domain, permit, sign, vehicle_attestation
from berth.core.slots import slot_at
from berth.market.permits import PERMIT_SECONDS, _separator
from berth.store import derived
from eth_abi.abi import encode
from sqlalchemy import insert, select, update

from tests.backend.web.people import Api, fields
from tests.backend.web.test_account import VEHICLE
from tests.backend.web.test_search import fund, quote
from tests.backend.worlds import COMMITMENT, DEPLOYMENT, DINO, EVE, NOW, OLGA, Person, World

MARKET = load_abi("ParkingMarket")
VERIFIER = Person.called("verifier")
UNTIL = slot_at(NOW) + 96 * 30
TOKEN = Domain(1337, DEPLOYMENT.asset, "Test Euro", "1")
START = slot_at(NOW) + 4  # of the quotes' window


@pytest.fixture
def space(world: World) -> str:
    with world.store.write() as conn:
        rows = [
            {"id": 1, "account": VERIFIER.address, "roles": 3, "revoked": 0},
            {"id": 2, "account": EVE.address, "roles": 4, "revoked": 0},
        ]
        conn.execute(insert(derived.attesters), rows)
    made = world.add_space()
    world.add_offer(made)
    fund(world, balance=10**9)
    return made


def proof(driver: Person = DINO, by: Person = VERIFIER, **changes: Any) -> dict[str, Any]:
    given = {"plateCommitment": COMMITMENT, "size": 2, "untilSlot": UNTIL, "verifier": 1} | changes
    message = vehicle_attestation(
        DEPLOYMENT.domain,
        driver.address,
        bytes.fromhex(given["plateCommitment"][2:]),
        given["size"],
        given["untilSlot"],
    )
    return given | {"signature": "0x" + sign(message, by.key).hex()}


def permits(world: World, *, nonce: int = 7) -> None:
    """The token knows permits."""
    world.node.codes |= {DINO.address: b"", EVE.address: b""}
    world.node.answers |= {
        "DOMAIN_SEPARATOR": lambda call: _separator(TOKEN),
        "name": lambda call: TOKEN.name,
        "nonces": lambda call: nonce,
    }


def test_a_vehicle_that_is_only_signed_is_registered_with_the_lease(
    api: Api, world: World, space: str
) -> None:
    answer = api.post("/v1/quotes", quote(space, vehicle=proof()), DINO)
    assert (answer["leasable"], answer["call"]) == (True, "leaseWithVehicle")
    lease = answer["transactions"][-1]
    assert lease["purpose"] == "leaseWithVehicle"
    entry = MARKET.function("leaseWithVehicle")
    asked, vehicle = entry.decode_inputs(bytes.fromhex(lease["data"][10:])).values()
    assert asked["plateCommitment"].hex() == vehicle["plateCommitment"].hex() == COMMITMENT[2:]
    assert (vehicle["untilSlot"], vehicle["verifier"], vehicle["size"]) == (UNTIL, 1, 2)
    assert answer["request"]["plateCommitment"] == COMMITMENT


def test_a_vehicle_that_the_chain_has_is_not_registered_again(
    api: Api, world: World, space: str
) -> None:
    world.add_vehicle()
    answer = api.post("/v1/quotes", quote(space, vehicle=proof()), DINO)
    assert (answer["leasable"], answer["call"]) == (True, "lease")
    # of one whose attestation ends too early it is renewed
    with world.store.write() as conn:
        conn.execute(update(derived.vehicles).values(until_slot=START + 1))
    answer = api.post("/v1/quotes", quote(space, vehicle=proof()), DINO)
    assert answer["call"] == "leaseWithVehicle"
    plain = api.post("/v1/quotes", quote(space, plateCommitment=COMMITMENT), DINO)
    assert (plain["leasable"], plain["call"]) == (False, None)


def test_a_vehicle_of_somebody_else_or_until_too_early_is_objected_to(
    api: Api, world: World, space: str
) -> None:
    early = quote(space, vehicle=proof(untilSlot=START + 1))
    (objection,) = api.post("/v1/quotes", early, DINO)["objections"]
    assert objection["code"] == "vehicle.lapses"
    world.add_vehicle(EVE)
    answer = api.post("/v1/quotes", quote(space, vehicle=proof()), DINO)
    assert [one["code"] for one in answer["objections"]] == ["vehicle.unknown"]
    assert answer["transactions"] == []


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (proof(EVE), "vehicle.signature"),
        (proof(by=EVE), "vehicle.signature"),
        (proof() | {"untilSlot": UNTIL + 1}, "vehicle.signature"),
        (proof() | {"size": 3}, "vehicle.signature"),
        (proof(by=EVE, verifier=2), "vehicle.verifier"),
        (proof(verifier=9), "vehicle.verifier"),
        (proof() | {"signature": "0x12"}, "vehicle.signature"),
        (proof() | {"size": 5}, "vehicle.size"),
        (proof() | {"verifier": 0}, "vehicle.verifier"),
        (proof() | {"untilSlot": 1 << 32}, "vehicle.untilSlot"),
        (proof() | {"plateCommitment": "0x12"}, "vehicle.plateCommitment"),
    ],
)
def test_a_proof_that_the_contract_would_refuse_is_refused(
    api: Api, space: str, given: dict[str, Any], field: str
) -> None:
    problem = api.post("/v1/quotes", quote(space, vehicle=given), DINO, expect=422)
    assert fields(problem) == [field]


def test_a_revoked_verifiers_proof_is_refused(api: Api, world: World, space: str) -> None:
    with world.store.write() as conn:
        conn.execute(update(derived.attesters).values(revoked=1))
    problem = api.post("/v1/quotes", quote(space, vehicle=proof()), DINO, expect=422)
    assert problem["code"] == "vehicle.verifier"
    body = VEHICLE | {"proof": proof()}
    world.node.answers["vehicleOf"] = lambda call: ("0x" + "00" * 20, 0, 0, 0)
    problem = api.post("/v1/me/vehicles", body, DINO, expect=422)
    assert fields(problem) == ["proof.verifier"]


def test_two_vehicles_in_one_quote_are_refused(api: Api, space: str) -> None:
    body = quote(space, vehicle=proof(), plateCommitment="0x" + "77" * 32)
    problem = api.post("/v1/quotes", body, DINO, expect=422)
    assert fields(problem) == ["plateCommitment"]
    same = quote(space, vehicle=proof(), plateCommitment=COMMITMENT.upper().replace("0X", "0x"))
    assert api.post("/v1/quotes", same, DINO)["leasable"] is True


def test_what_would_be_pulled_can_be_allowed_by_a_signature(
    api: Api, world: World, space: str
) -> None:
    permits(world)
    fund(world, credit=100_000, balance=10**9)
    answer = api.post("/v1/quotes", quote(space, vehicle=proof()), DINO)
    assert answer["call"] == "leaseWithPermit"
    assert answer["funds"]["pulled"] == "1500000"
    message = permit(TOKEN, DINO.address, DEPLOYMENT.market, 1_500_000, 7, NOW + PERMIT_SECONDS)
    assert answer["permit"] == message.typed_data
    # and without a signature by two transactions
    assert [one["purpose"] for one in answer["transactions"]] == ["approve", "leaseWithVehicle"]


def test_no_permit_is_asked_for_where_none_is_needed(api: Api, world: World, space: str) -> None:
    permits(world)
    world.add_vehicle()
    for money in ({"credit": 10**9}, {"balance": 10**9, "allowance": 10**9}):
        fund(world, **money)
        answer = api.post("/v1/quotes", quote(space, plateCommitment=COMMITMENT), DINO)
        assert (answer["permit"], answer["call"]) == (None, "lease")
    fund(world)
    answer = api.post("/v1/quotes", quote(space, plateCommitment=COMMITMENT), DINO)
    assert (answer["permit"], answer["call"]) == (None, None)
    assert answer["objections"][0]["code"] == "money.short"


def test_no_permit_is_asked_for_that_would_be_worth_nothing(
    api: Api, world: World, space: str
) -> None:
    world.add_vehicle()
    body = quote(space, plateCommitment=COMMITMENT)
    # a token that knows none
    assert api.post("/v1/quotes", body, DINO)["permit"] is None
    # one with a domain that nobody can guess
    world.services.__dict__.pop("permits", None)
    permits(world)
    world.node.answers["DOMAIN_SEPARATOR"] = lambda call: b"\x01" * 32
    assert api.post("/v1/quotes", body, DINO)["permit"] is None
    # a wallet that is a contract
    world.services.__dict__.pop("permits", None)
    permits(world)
    world.node.codes[DINO.address] = b"\x60\x80"
    answer = api.post("/v1/quotes", body, DINO)
    assert (answer["permit"], answer["call"]) == (None, "lease")
    world.node.codes[DINO.address] = bytes.fromhex("ef0100") + bytes(20)
    assert api.post("/v1/quotes", body, DINO)["call"] == "leaseWithPermit"


def test_a_token_that_tells_its_version_is_believed_if_its_domain_says_the_same(
    api: Api, world: World, space: str
) -> None:
    world.add_vehicle()
    permits(world)
    third = Domain(1337, DEPLOYMENT.asset, "Test Euro", "3")
    world.node.answers["DOMAIN_SEPARATOR"] = lambda call: _separator(third)
    version = keccak(b"version()")[:4].hex()
    world.node.answers[version] = lambda call: encode(["string"], ["3"])
    answer = api.post("/v1/quotes", quote(space, plateCommitment=COMMITMENT), DINO)
    assert answer["permit"]["domain"]["version"] == "3"


def test_the_lease_is_known_before_it_is_made(api: Api, world: World, space: str) -> None:
    def named() -> tuple[int, int, int]:
        number = parse_lease(api.post("/v1/quotes", quote(space), DINO)["leaseId"])
        return number >> 48, number >> 16 & 0xFFFFFFFF, number & 0xFFFF

    assert named() == (parse_space(space), START, 1)
    world.add_lease(space, START, epoch=4, state=5)
    assert named()[2] == 5
    world.block_slots(space, START, 2, ended_at=NOW)  # blocks are numbered among leases: 7
    assert named()[2] == 8
    world.add_lease(space, START, epoch=65_535, state=5)
    assert api.post("/v1/quotes", quote(space), DINO)["leaseId"] is None


# ---- the plate behind it


def test_the_plate_of_a_signed_vehicle_is_kept_before_the_chain_knows_it(
    api: Api, world: World, space: str
) -> None:
    world.node.answers["vehicleOf"] = lambda call: ("0x" + "00" * 20, 0, 0, 0)
    assert api.post("/v1/me/vehicles", VEHICLE, DINO, expect=409)["code"] == "vehicle.not_attested"
    answer = api.post("/v1/me/vehicles", VEHICLE | {"proof": proof()}, DINO, expect=201)
    assert (answer["plate"], answer["size"], answer["verifier"]) == ("ABC123", "medium", 1)
    assert api.get("/v1/me/vehicles", DINO)["items"] == []
    world.add_vehicle()
    (vehicle,) = api.get("/v1/me/vehicles", DINO)["items"]
    assert vehicle["plate"] == "ABC123"


def test_a_plate_is_not_kept_on_a_proof_of_something_else(
    api: Api, world: World, space: str
) -> None:
    world.node.answers["vehicleOf"] = lambda call: ("0x" + "00" * 20, 0, 0, 0)
    for given, field in (
        (proof(EVE), "proof.signature"),
        (proof(by=EVE), "proof.signature"),
        (proof(plateCommitment="0x" + "77" * 32), "proof.plateCommitment"),
        (proof(untilSlot=slot_at(NOW)), "proof.untilSlot"),
    ):
        body = VEHICLE | {"proof": given}
        assert fields(api.post("/v1/me/vehicles", body, DINO, expect=422)) == [field]
    body = VEHICLE | {"proof": proof(), "salt": "0x" + "55" * 32}
    assert fields(api.post("/v1/me/vehicles", body, DINO, expect=422)) == ["plate"]


def test_nobody_takes_over_a_kept_plate(api: Api, world: World, space: str) -> None:
    world.node.answers["vehicleOf"] = lambda call: ("0x" + "00" * 20, 0, 0, 0)
    api.post("/v1/me/vehicles", VEHICLE | {"proof": proof()}, DINO, expect=201)
    rival = VEHICLE | {"proof": proof(OLGA)}
    assert api.post("/v1/me/vehicles", rival, OLGA, expect=409)["code"] == "vehicle.taken"
    # the chain decides whose it is
    world.add_vehicle(OLGA)
    problem = api.post("/v1/me/vehicles", VEHICLE | {"proof": proof()}, DINO, expect=409)
    assert problem["code"] == "vehicle.not_attested"
    api.post("/v1/me/vehicles", rival, OLGA, expect=201)
    with world.store.read() as conn:
        assert conn.execute(select(derived.vehicles.c.driver)).scalar_one() == OLGA.address
