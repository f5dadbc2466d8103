"""A visitor of a local chain: play money, a vehicle, a stay with a simulated car, a space."""

from __future__ import annotations

import pytest
from berth.chain.timetravel import chain_time
from berth.cli.demo.people import Person
from berth.cli.demo.stage import Stage
from berth.cli.demo.town import furnish, neighbours
from berth.core.ids import parse_lease
from berth.core.messages import unlock_confirmation
from berth.core.slots import SLOT_SECONDS, ceil_slot, slot_start
from berth.core.zones import rfc3339

from tests.e2e.installation import Installation

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]


async def test_a_visitor_parks_in_the_demo_s_town_and_shares_a_space(
    installation: Installation,
) -> None:
    with installation.running() as up:
        async with up.stage() as stage:
            town = await furnish(stage)
            assert len(town) == len(neighbours(stage.city.destination))
            visitor = stage.person("Visitor")
            await visitor.sign_in()
            await has_money(stage, visitor)
            lease = await leases_in_town(stage, visitor, {one.space_id for one in town})
            await parks(stage, visitor, lease)
            await shares_a_space(visitor)
        assert up.stop() == 0


async def has_money(stage: Stage, visitor: Person) -> None:
    purse = await visitor.api.post("/v1/local/funds", {})
    again = await visitor.api.post("/v1/local/funds", {})
    unit = 10**stage.deployment.asset_decimals
    assert purse == again
    assert int(purse["gas"]) == 10**18
    assert (int(purse["credit"]), int(purse["tokens"])) == (50 * unit, 100 * unit)


async def leases_in_town(stage: Stage, visitor: Person, town: set[str]) -> str:
    """Leases the best space found from the place that the configuration names."""
    api = visitor.api
    made = await api.post("/v1/local/vehicle", {"plate": "VIS 001", "size": "medium"})
    proof = made["proof"]
    struct = {
        "plateCommitment": bytes.fromhex(proof["plateCommitment"][2:]),
        "size": proof["size"],
        "untilSlot": proof["untilSlot"],
        "verifier": proof["verifier"],
        "signature": bytes.fromhex(proof["signature"][2:]),
    }
    market = stage.contracts.market
    await visitor.transact("registered the vehicle", market, "registerVehicle", struct)
    await api.post(
        "/v1/me/vehicles",
        {
            "plateCommitment": proof["plateCommitment"],
            "plate": made["plate"],
            "salt": made["salt"],
        },
    )
    config = await api.get("/v1/config")
    assert config["chain"]["rpcUrls"] == [stage.running.rpc]
    (place,) = config["places"]
    assert place["spaces"] == len(town) + 1  # and Olga's
    start = slot_start(ceil_slot(await chain_time(stage.rpc) + 60))
    window = {"start": rfc3339(start), "end": rfc3339(start + 4 * SLOT_SECONDS)}
    found = await api.post(
        "/v1/search", {"place": {"point": place["point"], "radiusM": 2000}, "window": window}
    )
    assert town <= {one["space"]["id"] for one in found["items"]}
    assert len({one["maximumCost"] for one in found["items"]}) == len(found["items"])
    chosen = next(one for one in found["items"] if one["space"]["id"] in town)
    body = {
        "spaceId": chosen["space"]["id"],
        "offer": chosen["offer"],
        "window": window,
        "plateCommitment": proof["plateCommitment"],
    }
    quote = await stage.until(
        "a quote",
        lambda: api.post("/v1/quotes", body),
        lambda quote: quote["leasable"] and quote["transactions"],
    )
    for transaction in quote["transactions"]:
        await visitor.send(transaction["purpose"], transaction)
    mine = await stage.until(
        "the lease", lambda: api.get("/v1/me/leases"), lambda answer: answer["items"]
    )
    return str(mine["items"][0]["id"])


async def parks(stage: Stage, visitor: Person, lease: str) -> None:
    """A stranger's plate, the right one, the word; the car drives on by itself, and leaves."""
    api, path = visitor.api, f"/v1/leases/{lease}"

    async def car(event: str) -> None:
        await api.post(f"/v1/local/leases/{lease}/car", {"event": event})

    async def until(what: str, enough: str) -> None:
        checks = {
            "granted": lambda d: (
                d["depth"]["confirmed"] and d["grant"] and d["grant"]["state"] == "acknowledged"
            ),
            "camera": lambda d: d["lock"]["camera"],
            "mismatch": lambda d: d["plateReading"] and not d["plateReading"]["match"],
            "match": lambda d: d["plateReading"] and d["plateReading"]["match"],
            "parked": lambda d: d["state"] == "parked",
            "settled": lambda d: d["state"] == "settled",
        }
        await stage.until(what, lambda: api.get(path), checks[enough])

    await until("the grant at the lock", "granted")
    await api.post(f"{path}/presence", {"event": "entered"})
    await until("the camera", "camera")
    await car("stranger")
    await until("the stranger's plate", "mismatch")
    await car("arrives")
    await until("the right plate", "match")
    asked = (await api.get(path))["confirmation"]
    message = unlock_confirmation(
        stage.deployment.domain, parse_lease(lease), asked["cycle"], asked["at"]
    )
    answer = await api.post(
        f"{path}/unlock",
        {
            "cycle": asked["cycle"],
            "at": asked["at"],
            "signature": "0x" + visitor.sign(message).hex(),
        },
    )
    assert answer["decision"]["allowed"] is True
    await until("the car over the bar", "parked")
    before = await chain_time(stage.rpc)
    await api.post("/v1/local/time", {"seconds": 1800})
    assert await chain_time(stage.rpc) >= before + 1800
    await car("leaves")
    await until("the settlement", "settled")


async def shares_a_space(visitor: Person) -> None:
    papers = await visitor.api.post("/v1/local/papers", {"connectors": ["type2"], "powerW": 11_000})
    again = await visitor.api.post("/v1/local/papers", {})
    assert again["proof"]["spaceId"] == papers["proof"]["spaceId"]
    check = await visitor.api.post("/v1/spaces/check", papers["registration"])
    assert check["reasons"] == []
    await visitor.send("registered the space", check["transaction"])
