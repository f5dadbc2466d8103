"""What the account holds; its vehicles; proofs of its titles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from berth.core.compliance import Reason, encode
from berth.core.errors import BerthError
from berth.core.merkle import verify
from berth.core.messages import holder_attestation, sign
from berth.core.signing import recover_digest
from berth.core.slots import slot_at, slot_start
from berth.core.title import Title, address_hash, leaf
from berth.core.zones import rfc3339
from berth.market.holding import ABOUT_HOLDERS
from berth.market.titles import Import, import_titles
from berth.store import derived, kept
from sqlalchemy import insert, select

from tests.backend.web.people import Api, fields
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

VEHICLE = {"plateCommitment": COMMITMENT, "plate": "abc-123", "salt": "0x" + SALT.hex()}


def test_the_account_holds_credit_spaces_and_leases(api: Api, world: World) -> None:
    space = world.add_space(owner=DINO)
    world.add_offer(space)
    world.add_lease(space, driver=EVE)
    world.settle(world.add_lease(space, NOW // 900 - 20, driver=EVE))
    with world.store.write() as conn:
        conn.execute(
            insert(derived.accounts).values(account=DINO.address, credit="12345", auto_payout=1)
        )
    answer = api.get("/v1/me", DINO)
    assert (answer["credit"], answer["autoPayout"]) == ("12345", True)
    assert answer["currency"] == {"symbol": "tEUR", "decimals": 6}
    assert (answer["spaces"], answer["openLeasesAsOwner"], answer["openLeasesAsDriver"]) == (
        1,
        1,
        0,
    )
    assert api.get("/v1/me", EVE)["openLeasesAsDriver"] == 1
    assert api.get("/v1/me", OLGA)["credit"] == "0"


@pytest.mark.parametrize("path", ["", "/spaces", "/kept", "/leases", "/vehicles"])
def test_the_account_is_closed_without_a_session(api: Api, path: str) -> None:
    api.get(f"/v1/me{path}", expect=401)


def test_spaces_are_paged_by_id(api: Api, world: World) -> None:
    made = [world.add_space(number) for number in (3, 1, 2)]
    world.add_space(9, owner=EVE)
    first = api.get("/v1/me/spaces?limit=2", OLGA)
    second = api.get(f"/v1/me/spaces?limit=2&cursor={first['next']}", OLGA)
    assert [item["id"] for item in first["items"] + second["items"]] == sorted(made)
    assert second["next"] is None


def test_kept_times_are_told_to_their_owner_from_now_on(api: Api, world: World) -> None:
    space, other = world.add_space(), world.add_space(9, owner=EVE)
    now = slot_at(NOW)
    world.block_slots(space, now - 8, 4)
    late = world.block_slots(space, now + 40, 2)
    soon = world.block_slots(space, now + 4, 4)
    theirs = world.block_slots(other, now + 4, 4)
    answer = api.get("/v1/me/kept", OLGA)
    assert [one["id"] for one in answer["items"]] == [soon, late]
    assert answer["items"][0] == {
        "id": soon,
        "spaceId": space,
        "window": {"start": rfc3339(slot_start(now + 4)), "end": rfc3339(slot_start(now + 8))},
        "givenBack": False,
    }
    assert [one["id"] for one in api.get("/v1/me/kept", EVE)["items"]] == [theirs]
    first = api.get("/v1/me/kept?limit=1", OLGA)
    second = api.get(f"/v1/me/kept?limit=1&cursor={first['next']}", OLGA)
    assert [one["id"] for one in first["items"] + second["items"]] == [soon, late]
    assert second["next"] is None


def test_kept_times_are_told_to_owner_and_manager_of_now_and_to_nobody_else(
    api: Api, world: World
) -> None:
    """Whoever of the two keeps them: each may give them back."""
    space, other, now = world.add_space(), world.add_space(9), slot_at(NOW)
    hers = world.block_slots(space, now + 4, 4)
    his = world.block_slots(space, now + 12, 4, by=DINO.address)
    beside = world.block_slots(other, now + 8, 4)

    def told(who: Person) -> list[str]:
        return [one["id"] for one in api.get("/v1/me/kept", who)["items"]]

    assert (told(OLGA), told(DINO), told(EVE)) == ([hers, beside, his], [], [])
    world.set_space(space, manager=DINO.address)
    assert (told(OLGA), told(DINO), told(EVE)) == ([hers, beside, his], [hers, his], [])
    first = api.get("/v1/me/kept?limit=1", DINO)
    second = api.get(f"/v1/me/kept?limit=1&cursor={first['next']}", DINO)
    assert [one["id"] for one in first["items"] + second["items"]] == [hers, his]
    assert second["next"] is None
    world.set_space(space, manager=EVE.address)  # another one: the former is a stranger again
    assert (told(OLGA), told(DINO), told(EVE)) == ([hers, beside, his], [], [hers, his])
    # the space has changed hands, and the manager has gone
    world.set_space(space, owner=DINO.address, manager=None)
    assert (told(OLGA), told(DINO), told(EVE)) == ([beside], [hers, his], [])


def test_of_a_time_that_was_given_back_the_slots_that_had_begun_stay(
    api: Api, world: World
) -> None:
    space, now = world.add_space(), slot_at(NOW)
    world.block_slots(space, now + 4, 4, ended_at=NOW)
    begun = world.block_slots(space, now - 1, 9, ended_at=NOW + 1)
    [one] = api.get("/v1/me/kept", OLGA)["items"]
    assert (one["id"], one["givenBack"]) == (begun, True)
    assert one["window"]["end"] == rfc3339(slot_start(now + 1))


# ---- vehicles


def test_a_driver_hands_over_the_plate_of_an_attested_vehicle(api: Api, world: World) -> None:
    world.add_vehicle()
    answer = api.post("/v1/me/vehicles", VEHICLE, DINO, expect=201)
    assert (answer["plate"], answer["size"], answer["verifier"]) == (PLATE, "medium", 1)
    assert api.get("/v1/me/vehicles", DINO)["items"] == [answer]
    assert world.woken == 1


def test_handing_it_over_again_changes_nothing(api: Api, world: World) -> None:
    world.add_vehicle()
    for _ in range(2):
        api.post("/v1/me/vehicles", VEHICLE, DINO, expect=201)
    assert len(api.get("/v1/me/vehicles", DINO)["items"]) == 1


def test_plate_and_salt_are_sealed_at_rest(api: Api, world: World) -> None:
    world.add_vehicle()
    api.post("/v1/me/vehicles", VEHICLE, DINO, expect=201)
    with world.store.read() as conn:
        row = conn.execute(select(kept.vehicles_private)).one()
    assert PLATE not in str(row)
    assert SALT.hex() not in str(row)
    assert world.sealer.open(row.sealed) == {"plate": PLATE, "salt": "0x" + SALT.hex()}


def test_a_vehicle_not_handed_over_has_no_plate(api: Api, world: World) -> None:
    world.add_vehicle()
    (item,) = api.get("/v1/me/vehicles", DINO)["items"]
    assert item["plate"] is None


def test_a_vehicle_that_the_index_has_not_read_yet_is_looked_up_on_the_chain(
    api: Api, world: World
) -> None:
    world.node.answers["vehicleOf"] = lambda call: (DINO.address, NOW // 900 + 96, 3, 1)
    answer = api.post("/v1/me/vehicles", VEHICLE, DINO, expect=201)
    assert (answer["size"], answer["verifier"]) == ("small", 3)


def test_a_vehicle_that_nobody_attested_is_refused(api: Api, world: World) -> None:
    world.node.answers["vehicleOf"] = lambda call: ("0x" + "00" * 20, 0, 0, 0)
    problem = api.post("/v1/me/vehicles", VEHICLE, DINO, expect=409)
    assert (problem["code"], fields(problem)) == ("vehicle.not_attested", ["plateCommitment"])


def test_somebody_elses_vehicle_is_refused(api: Api, world: World) -> None:
    world.add_vehicle()
    assert api.post("/v1/me/vehicles", VEHICLE, EVE, expect=409)["code"] == "vehicle.not_attested"


@pytest.mark.parametrize(
    "change",
    [{"plate": "ABC124"}, {"salt": "0x" + "00" * 32}, {"plateCommitment": "0x" + "00" * 32}],
)
def test_plate_and_salt_must_open_the_commitment(
    api: Api, world: World, change: dict[str, str]
) -> None:
    world.add_vehicle()
    problem = api.post("/v1/me/vehicles", VEHICLE | change, DINO, expect=422)
    assert problem["code"] == "vehicle.commitment"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"plate": "?"}, "plate"),
        ({"salt": "0x12"}, "salt"),
        ({"plateCommitment": "x"}, "plateCommitment"),
    ],
)
def test_a_bad_field_of_a_vehicle_is_named(api: Api, change: dict[str, str], field: str) -> None:
    assert fields(api.post("/v1/me/vehicles", VEHICLE | change, DINO, expect=422)) == [field]


def test_a_plate_that_is_no_plate_is_named(api: Api) -> None:
    problem = api.post("/v1/me/vehicles", VEHICLE | {"plate": "??"}, DINO, expect=422)
    assert fields(problem) == ["plate"]


# ---- titles


@pytest.fixture
def imported(world: World, tmp_path: Path) -> World:
    """A city of five titles, anchored; Olga stands for the holder of the second."""
    source = tmp_path / "titles.csv"
    lines = ["id,lat,lon,address,kind,height_cm,width_cm,length_cm,sharing,valid_until,holder"]
    lines += [
        f"S-{n},{-37.8 - n / 10_000:.4f},144.96,{n} Example Street,driveway,0,250,550,yes,,"
        for n in range(5)
    ]
    source.write_text("\n".join(lines) + "\n", "utf-8")
    made = import_titles(
        world.store,
        world.home,
        Import(path=source, format="csv", city="AUMEL", name="Melbourne", attribution="made up"),
        world.clock,
    )
    row = made.edition
    holder = world.services.titles.entry(MELBOURNE, 1).holder
    with world.store.write() as conn:
        conn.execute(
            insert(derived.editions).values(
                city=MELBOURNE, edition=1, root=row.root, content_hash=row.content_hash, count=5,
                published_at=NOW, block_number=7, tx_hash="0x" + "77" * 32,
            )
        )  # fmt: skip
        conn.execute(
            insert(derived.revocations).values(city=MELBOURNE, word=0, bits=f"0x{0b1010:064x}")
        )
        conn.execute(
            insert(kept.title_takings).values(
                city=MELBOURNE, holder=holder, wallet=OLGA.address, taken_at=NOW
            )
        )
    return world


def test_everybody_may_see_a_citys_edition(api: Api, imported: World) -> None:
    for code in ("AUMEL", "aumel", "AU MEL"):
        answer = api.get(f"/v1/titles/{code}")
        assert (answer["city"], answer["number"]) == ("AUMEL", MELBOURNE)
        assert (answer["edition"], answer["count"], answer["revoked"]) == (1, 5, 2)
        assert answer["attribution"] == "made up"
        assert answer["holders"] == "generated"


def test_an_edition_of_a_library_elsewhere_is_told_by_the_chain_alone(
    api: Api, imported: World
) -> None:
    with imported.store.write() as conn:
        conn.execute(kept.titles.delete())
        conn.execute(kept.title_editions.delete())
    answer = api.get("/v1/titles/AUMEL")
    assert (answer["count"], answer["name"], answer["holders"]) == (5, None, None)


def test_a_city_without_an_edition_is_404_and_no_city_is_422(api: Api) -> None:
    assert api.get("/v1/titles/TWTPE", expect=404)["code"] == "city.unknown"
    assert api.get("/v1/titles/12345", expect=422)["code"] == "city.code"


def test_a_holder_gets_the_proof_of_the_own_title(api: Api, imported: World) -> None:
    answer = api.post("/v1/titles/proof", {"city": "AUMEL", "index": 1}, OLGA)
    assert answer["holderGenerated"] is True
    given = answer["title"]
    title = Title(
        city=MELBOURNE,
        index=given["index"],
        salted_holder=bytes.fromhex(given["saltedHolder"][2:]),
        address_hash=bytes.fromhex(given["addressHash"][2:]),
        cell=given["cell"],
        attributes=given["attributes"],
        valid_day=given["validDay"],
    )
    path = [bytes.fromhex(node[2:]) for node in answer["proof"]]
    assert verify(bytes.fromhex(answer["root"][2:]), leaf(title), path)
    salt = bytes.fromhex(answer["addressSalt"][2:])
    assert address_hash(salt, answer["address"]) == title.address_hash


@pytest.mark.parametrize(("who", "index"), [(EVE, 1), (OLGA, 2)])
def test_nobody_gets_the_proof_of_another_title(
    api: Api, imported: World, who: Any, index: int
) -> None:
    problem = api.post("/v1/titles/proof", {"city": "AUMEL", "index": index}, who, expect=403)
    assert problem["code"] == "title.not_holder"
    assert "Example Street" not in str(problem)


def test_a_proof_needs_an_account_and_a_title_that_exists(api: Api, imported: World) -> None:
    api.post("/v1/titles/proof", {"city": "AUMEL", "index": 1}, expect=401)
    api.post("/v1/titles/proof", {"city": "AUMEL", "index": 99}, OLGA, expect=404)
    api.post("/v1/titles/proof", {"city": "TWTPE", "index": 1}, OLGA, expect=404)
    problem = api.post("/v1/titles/proof", {"city": "AUMEL", "index": -1}, OLGA, expect=422)
    assert fields(problem) == ["index"]


# ---- titles whose holder a verifier has attested

VERIFIER = Person.called("verifier")


def word_for(imported: World, wallet: Person, index: int, by: Person = VERIFIER) -> dict[str, Any]:
    """The verifier's word that a wallet holds a title."""
    hidden = imported.services.titles.title(MELBOURNE, index).salted_holder
    message = holder_attestation(DEPLOYMENT.domain, wallet.address, hidden, 30_000, 7)
    return {
        "verifier": 1,
        "validDay": 30_000,
        "nonce": "7",
        "signature": "0x" + sign(message, by.key).hex(),
    }


@pytest.fixture
def judged(imported: World) -> World:
    """A market that judges verifiers' signatures, and holds against everything that there is no
    lock."""

    def judge(asked: dict[str, Any]) -> int:
        registration = asked["r"]
        holder = registration["holder"]
        message = holder_attestation(
            DEPLOYMENT.domain,
            asked["owner"],
            registration["title"]["saltedHolder"],
            holder["validDay"],
            holder["nonce"],
        )
        try:
            signed = recover_digest(message.digest, holder["signature"]) == VERIFIER.address
        except BerthError:
            signed = False
        bits = encode([Reason.LOCK_MAKER_UNKNOWN, Reason.NOT_IN_EDITION])
        return bits if signed else bits | Reason.HOLDER_SIGNATURE_INVALID.mask

    imported.node.answers["compliance"] = judge
    return imported


def test_a_wallet_that_a_verifier_has_attested_gets_the_proof_by_city_and_number(
    api: Api, judged: World
) -> None:
    body = {"city": "AUMEL", "index": 3, "holder": word_for(judged, EVE, 3)}
    answer = api.post("/v1/titles/proof", body, EVE)
    assert (answer["title"]["index"], answer["address"]) == (3, "3 Example Street")
    # nothing is remembered of it: without the word it is not hers
    del body["holder"]
    assert api.post("/v1/titles/proof", body, EVE, expect=403)["code"] == "title.not_holder"


def test_no_other_word_opens_a_title(api: Api, judged: World) -> None:
    hers = word_for(judged, EVE, 3)
    for who, body in (
        (DINO, {"index": 3, "holder": hers}),  # of another wallet
        (EVE, {"index": 2, "holder": hers}),  # of another title
        (OLGA, {"index": 1, "holder": hers}),  # of her own title, by a word that is not hers
        (EVE, {"index": 3, "holder": word_for(judged, EVE, 3, by=EVE)}),  # her own word
        (EVE, {"index": 3, "holder": hers | {"validDay": 30_001}}),
        (EVE, {"index": 3, "holder": hers | {"signature": "0x"}}),
    ):
        problem = api.post("/v1/titles/proof", {"city": "AUMEL", **body}, who, expect=403)
        assert problem["code"] == "title.not_attested"
        assert fields(problem) == ["holder.signature"]
        assert "Example Street" not in str(problem)
    body = {"city": "AUMEL", "index": 3, "holder": hers}
    assert api.post("/v1/titles/proof", body, expect=401)["code"] == "session.required"
    problem = api.post("/v1/titles/proof", body | {"index": 99}, EVE, expect=404)
    assert problem["code"] == "titles.absent"


@pytest.mark.parametrize("reason", sorted(ABOUT_HOLDERS))
def test_why_a_word_is_not_taken_is_told_in_the_readers_language(
    api: Api, imported: World, reason: Reason
) -> None:
    imported.node.answers["compliance"] = lambda asked: encode([reason, Reason.LOCK_EXPIRED])
    body = {"city": "AUMEL", "index": 3, "holder": word_for(imported, EVE, 3)}
    for language in ("en", "zh"):
        problem = api.post("/v1/titles/proof", body, EVE, expect=403, language=language)
        assert problem["detail"].endswith(reason.sentence(language))
        assert fields(problem) == [reason.field]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"nonce": "-1"}, "holder.nonce"),
        ({"nonce": "9" * 78}, "holder.nonce"),
        ({"verifier": -1}, "holder.verifier"),
        ({"signature": "12"}, "holder.signature"),
        ({"word": 1}, "holder.word"),
    ],
)
def test_a_bad_field_of_a_verifiers_word_is_named(
    api: Api, judged: World, change: dict[str, Any], field: str
) -> None:
    holder = word_for(judged, EVE, 3) | change
    body = {"city": "AUMEL", "index": 3, "holder": holder}
    assert fields(api.post("/v1/titles/proof", body, EVE, expect=422)) == [field]
