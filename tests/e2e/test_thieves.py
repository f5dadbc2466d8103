"""What somebody with a wallet, a lock or an ear on the wire can do to a running platform: nothing.

Dana leases Olga's space; Tess owns the space beside it and has opened up her own lock, so that she
has its key and its password at the broker. The tests follow one another on one platform.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import aiomqtt
import httpx
import pytest
from berth.cli.demo import driving
from berth.cli.demo.driving import PLATE, Trip
from berth.cli.demo.owners import Listing, Wish
from berth.cli.demo.people import Person
from berth.cli.demo.stage import Stage
from berth.cli.platform.enrolling import broker_credentials
from berth.core.ids import parse_lease
from berth.core.messages import ARRIVED, LEFT, occupancy, sign
from berth.core.slots import slot_start
from berth.devices.mqtt import BrokerAddress, client
from berth.devices.protocol import Availability, Message, OccupancyRecord, Plate, encode, leaf_of
from berth.devices.simulator.home import open_home
from berth.devices.topics import ACK, COMMAND, FROM_LOCK, GRANT, OCCUPANCY, WORLD, topic
from berth.devices.topics import PLATE as PLATE_SEEN

from tests.e2e.conftest import Seed, again, list_space
from tests.e2e.installation import Installation, Up, lowerings

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

#: Blocks, one a second: long enough to be seen while the lease is not confirmed yet.
DEPTH = 8
#: Time in which something forbidden would have happened, seconds.
MOMENT = 2.0


@dataclass
class Scene:
    """The running platform, the lease and its neighbour. `shallow`: what the API said of the lease
    before it was confirmed."""

    up: Up
    trip: Trip
    listing: Listing
    neighbour: Listing
    shallow: dict[str, Any]

    @property
    def installation(self) -> Installation:
        return self.up.installation

    @asynccontextmanager
    async def stage(self) -> AsyncIterator[tuple[Stage, Trip]]:
        """The stage, and the trip with its driver signed in."""
        async with self.up.stage() as stage:
            yield stage, replace(self.trip, driver=await again(stage, self.trip.driver))

    def lock_row(self) -> dict[str, Any]:
        (row,) = self.installation.rows(
            "SELECT lock_id, boot_id, cycle, position, online, occupied FROM lock_states"
            " WHERE lock_id = ?",
            self.listing.lock.lock_id,
        )
        return row

    @asynccontextmanager
    async def mqtt(self, lock_id: str, **options: Any) -> AsyncIterator[aiomqtt.Client]:
        """A second connection with a lock's own password."""
        password = open_home(self.installation.lock_home(lock_id)).mqtt_password
        address = BrokerAddress.parse(self.up.running.mqtt)
        name = f"{lock_id}-{secrets.token_hex(2)}"
        async with client(address, lock_id, password, client_id=name, **options) as line:
            yield line


@pytest.fixture(scope="module")
def scene(seed: Seed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    installation = seed.copy(tmp_path_factory.mktemp("thieves"))
    installation.variables["BERTH_CONFIRMATIONS"] = str(DEPTH)
    with installation.running() as up:
        yield asyncio.run(prepared(seed, up))


async def prepared(seed: Seed, up: Up) -> Scene:
    async with up.stage() as stage:
        listing = await seed.listing_on(stage)
        lat, lon = stage.city.destination
        wish = Wish("Tess", (lat, lon + 0.0003), 2_000_000, 900_000, ("type2",), 7_400)
        neighbour = await list_space(stage, wish)
        trip = await driving.set_out(stage, "Dana", 200_000_000)
        await stage.until(
            "both offers",
            lambda: driving.look_for(stage, trip),
            lambda answer: len(answer["items"]) == 2,
        )
        (cheapest,) = [c for c in trip.candidates if c["space"]["id"] == listing.space_id]
        await driving.register_vehicle(stage, trip)
        await driving.lease(stage, trip, cheapest)
        path = f"/v1/leases/{trip.lease_id}"
        way = await trip.driver.api.http.get(f"{path}/navigation")
        shallow = {
            "navigation": (way.status_code, way.json()),
            "decision": (await driving.confirm(stage, trip))["decision"],
            "depth": (await driving.detail(trip))["depth"],
            "grants": up.installation.rows("SELECT * FROM grants"),
            "journal": up.installation.journal(listing.lock.lock_id),
        }
        await stage.until(
            "the lock to hold its grant",
            lambda: driving.detail(trip),
            lambda d: d["depth"]["confirmed"] and (d["grant"] or {}).get("state") == "acknowledged",
        )
        return Scene(up, trip, listing, neighbour, shallow)


# ---- drivers before their time


def test_a_lease_that_is_not_confirmed_opens_nothing_and_tells_no_way(scene: Scene) -> None:
    status, problem = scene.shallow["navigation"]
    assert status in (403, 409)
    assert scene.listing.address not in json.dumps(problem)
    assert not scene.shallow["decision"]["allowed"]
    reasons = [one["code"] for one in scene.shallow["decision"]["reasons"]]
    assert "lease.shallow" in reasons
    assert scene.shallow["depth"]["required"] == DEPTH
    # the grant was made ready, but the lock had not been told of it
    assert [row["state"] for row in scene.shallow["grants"]] == ["pending"]
    assert "grant" not in [one["k"] for one in scene.shallow["journal"]]


async def test_a_lease_of_tomorrow_opens_nothing_today_and_says_so(scene: Scene) -> None:
    async with scene.stage() as (stage, today):
        trip = replace(today, start_slot=today.start_slot + 96, lease_id="")
        await stage.until(
            "an offer for tomorrow",
            lambda: driving.look_for(stage, trip),
            lambda answer: answer["items"],
        )
        (tess,) = [c for c in trip.candidates if c["space"]["id"] == scene.neighbour.space_id]
        await booked_too(stage, trip, tess)
        api, path = trip.driver.api, f"/v1/leases/{trip.lease_id}"
        await stage.until(
            "the lease to be deep enough",
            lambda: driving.detail(trip),
            lambda d: d["depth"]["confirmed"],
        )
        told = await api.post(f"{path}/presence", {"event": "here"})
        decision = (await driving.confirm(stage, trip))["decision"]
        for answer in (told["decision"], decision):
            assert not answer["allowed"]
            codes = [one["code"] for one in answer["reasons"]]
            assert "window.early" in codes
            assert "plate.missing" in codes
        assert all(one["sentence"] for one in decision["reasons"])
        await asyncio.sleep(MOMENT)
        # nor is anything told of what the lock senses until then
        told = (await driving.detail(trip))["lock"]
        assert (told["seenAt"], told["position"], told["occupied"]) == (None, None, None)
    (lock,) = scene.installation.rows(
        "SELECT camera FROM lock_states WHERE lock_id = ?", scene.neighbour.lock.lock_id
    )
    assert lock["camera"] == 0
    rows = scene.installation.rows("SELECT * FROM commands WHERE lease_id = ?", trip.lease_id)
    assert [row for row in rows if row["state"] not in ("observed", "confirmed")] == []
    assert lowerings(scene.installation.journal(scene.neighbour.lock.lock_id)) == []


async def booked_too(stage: Stage, trip: Trip, candidate: dict[str, Any]) -> None:
    """A second lease of the same driver; `driving.lease` looks at the first one only."""
    body = {
        "spaceId": candidate["space"]["id"],
        "offer": candidate["offer"],
        "window": trip.window,
        "plateCommitment": trip.commitment,
    }
    quote = await trip.driver.api.post("/v1/quotes", body)
    assert quote["leasable"], quote["objections"]
    for transaction in quote["transactions"]:
        await trip.driver.send(f"tomorrow: {transaction['purpose']}", transaction)
    mine = await stage.until(
        "the second lease",
        lambda: trip.driver.api.get("/v1/me/leases", role="driver"),
        lambda answer: len(answer["items"]) == 2,
    )
    (trip.lease_id,) = [
        one["id"] for one in mine["items"] if one["spaceId"] == candidate["space"]["id"]
    ]


# ---- other people, over HTTP


def asks(lease_id: str, unlock: dict[str, Any]) -> list[tuple[str, str, Any]]:
    path = f"/v1/leases/{lease_id}"
    return [
        ("GET", path, None),
        ("GET", f"{path}/navigation", None),
        ("GET", f"{path}/receipt", None),
        ("POST", f"{path}/presence", {"event": "entered"}),
        ("POST", f"{path}/presence", {"event": "here"}),
        ("POST", f"{path}/unlock", unlock),
    ]


async def unlock_body(stage: Stage, trip: Trip) -> dict[str, Any]:
    """What the driver's terminal would send: read on its way by whoever listens."""
    asked = (await driving.detail(trip))["confirmation"]
    message = driving.unlock_confirmation(
        stage.deployment.domain, parse_lease(trip.lease_id), asked["cycle"], asked["at"]
    )
    signature = "0x" + trip.driver.sign(message).hex()
    return {"cycle": asked["cycle"], "at": asked["at"], "signature": signature}


async def test_a_lease_does_not_exist_for_strangers(scene: Scene) -> None:
    async with scene.stage() as (stage, trip):
        seen = await driving.detail(trip)
        secrets_of_the_lease = [
            scene.listing.address,
            trip.driver.address[2:],
            scene.listing.owner.address[2:],
            scene.listing.lock.lock_id[2:],
            trip.commitment[2:],
        ]
        unlock = await unlock_body(stage, trip)  # the driver's own signature, stolen
        mallory = stage.person("Mallory")
        await mallory.sign_in()
        elsewhere = trip.lease_id[:-4] + "0007"  # a lease that has never been
        for (method, path, body), (_, nowhere, _) in zip(
            asks(trip.lease_id, unlock), asks(elsewhere, unlock), strict=True
        ):
            async with httpx.AsyncClient(base_url=scene.up.running.http) as anybody:
                anonymous = await anybody.request(method, path, json=body)
            assert anonymous.status_code == 401, path
            known = await mallory.api.http.request(method, path, json=body)
            unknown = await mallory.api.http.request(method, nowhere, json=body)
            assert known.status_code == unknown.status_code == 404, path
            assert without_place(known.json()) == without_place(unknown.json())
            for answer in (anonymous, known):
                assert answer.headers["content-type"] == "application/problem+json"
                for secret in secrets_of_the_lease:
                    assert secret.lower() not in answer.text.lower()
        assert (await mallory.api.get("/v1/me/leases"))["items"] == []
        # nor has anything of that been taken down as the driver's doing
        assert await driving.detail(trip) | {"now": 0, "confirmation": 0, "depth": 0} == seen | {
            "now": 0,
            "confirmation": 0,
            "depth": 0,
        }
    arrived = "SELECT * FROM presence WHERE lease_id = ?"
    assert scene.installation.rows(arrived, trip.lease_id) == []


def without_place(problem: dict[str, Any]) -> dict[str, Any]:
    """A problem without what names the request."""
    return {k: v for k, v in problem.items() if k not in ("instance", "requestId")}


async def test_the_owner_sees_the_lease_but_cannot_play_the_driver(scene: Scene) -> None:
    async with scene.stage() as (stage, trip):
        olga = await again(stage, scene.listing.owner)
        unlock = await unlock_body(stage, trip)
        answers = {
            (method, path.rsplit("/", 1)[-1]): (
                await olga.api.http.request(method, path, json=body)
            ).status_code
            for method, path, body in asks(trip.lease_id, unlock)
        }
        assert answers.pop(("GET", trip.lease_id)) == 200
        assert answers.pop(("GET", "receipt")) == 409
        assert set(answers.values()) == {403}
        assert len(answers) == 3  # navigation, presence, unlock
        own = await olga.api.get(f"/v1/leases/{trip.lease_id}")
        assert own["unlock"] is None
        assert own["confirmation"] is None
    assert scene.installation.rows("SELECT * FROM presence WHERE party <> 'driver'") == []


# ---- a lock in the wrong hands, over MQTT


async def test_nobody_connects_with_a_wrong_name_or_password(scene: Scene) -> None:
    ours, theirs = scene.neighbour.lock.lock_id, scene.listing.lock.lock_id
    password = open_home(scene.installation.lock_home(ours)).mqtt_password
    address = BrokerAddress.parse(scene.up.running.mqtt)
    for user, secret, name in (
        (theirs, password, theirs),
        ("backend", password, "backend"),
        ("world", password, "world"),
        (ours, "guess", ours),
        (ours, password, theirs),  # right, but under another one's name
        (ours, password, "backend-1"),
        ("", "", "nobody"),
    ):
        with pytest.raises(aiomqtt.MqttError):
            async with client(address, user, secret, client_id=name):
                pass
    with pytest.raises(aiomqtt.MqttError):  # a last will in another lock's name
        async with scene.mqtt(ours, will=aiomqtt.Will(topic(theirs, "availability"), b"{}", 1)):
            pass
    assert scene.lock_row()["online"] == 1


async def test_a_lock_can_neither_hear_nor_speak_for_another_lock(scene: Scene) -> None:
    ours, theirs = scene.neighbour.lock.lock_id, scene.listing.lock.lock_id
    before, journal = scene.lock_row(), scene.installation.journal(theirs)
    key = open_home(scene.installation.lock_home(ours)).private_key
    heard: list[str] = []
    async with scene.stage() as (stage, trip), scene.mqtt(ours) as thief:
        now = await stage.now()
        wanted = (topic(theirs, GRANT), topic(theirs, COMMAND), topic(theirs, WORLD), "#", "+/#")
        for name in (*wanted, "berth/v1/locks/+/grant", f"berth/v1/locks/{theirs}/#"):
            with contextlib.suppress(aiomqtt.MqttError):
                await thief.subscribe(name, qos=1)

        async def listen() -> None:
            async for message in thief.messages:
                heard.append(str(message.topic))  # noqa: PERF401 - read while it goes on

        listening = asyncio.create_task(listen())
        for forged in forgeries(stage, trip, ours, theirs, key, now):
            leaf = leaf_of(forged)
            for victim in (theirs, ours):
                await thief.publish(topic(victim, leaf), encode(forged, key), qos=1)
        for leaf in sorted(FROM_LOCK):
            await thief.publish(topic(theirs, leaf), b"{}", qos=1, retain=True)
        for leaf in (GRANT, COMMAND):
            await thief.publish(topic(theirs, leaf), b"eyJhbGciOiJub25lIn0.e30.", qos=1)
        world = json.dumps({"vehicle": True, "plate": PLATE})
        await thief.publish(topic(theirs, WORLD), world.encode(), qos=1)
        # the real lock is sent something meanwhile: its camera is switched on
        await trip.driver.api.post(f"/v1/leases/{trip.lease_id}/presence", {"event": "entered"})
        await stage.until("the camera", lambda: driving.detail(trip), lambda d: d["lock"]["camera"])
        await asyncio.sleep(MOMENT)
        listening.cancel()
        seen = await driving.detail(trip)
        assert seen["state"] == "booked"
        assert seen["plateReading"] is None
    assert heard == []
    # what she said as her own lock reached the backend, which refused it; the rest never got there
    log = scene.installation.log.read_text("utf-8")
    assert f"topic={topic(ours, OCCUPANCY)} code=inbox.space" in log
    assert f"topic={topic(ours, PLATE_SEEN)} code=device.signer" in log
    assert f"/{theirs}/" not in log
    assert scene.lock_row() == before
    new = scene.installation.journal(theirs)[len(journal) :]
    assert [one["k"] for one in new] == ["intent", "outcome"]
    assert new[0]["action"] == "camera_on"
    lease = scene.trip.lease_id
    records = scene.installation.rows("SELECT * FROM evidence WHERE lease_id = ?", lease)
    assert [row for row in records if row["state"] != "refused" or row["tx_hash"]] == []
    readings = scene.installation.rows("SELECT * FROM plate_readings WHERE lease_id = ?", lease)
    assert readings == []


def forgeries(
    stage: Stage, trip: Trip, ours: str, theirs: str, key: bytes, now: int
) -> list[Message]:
    """Messages about the other lock's lease, in either name, all sealed with our own key."""
    lease, start = parse_lease(trip.lease_id), slot_start(trip.start_slot)
    forged: list[Message] = []
    for name in (ours, theirs):
        common: dict[str, Any] = {"lock": name, "boot": "f" * 24, "seq": 900, "at": now}
        for kind in (ARRIVED, LEFT):
            record = occupancy(stage.deployment.domain, lease, kind, start, start + 60, 0)
            signature = "0x" + sign(record, key).hex()
            span = {"from_": start, "until": start + 60, "energy_wh": 0}
            forged.append(
                OccupancyRecord(
                    **common, lease_id=trip.lease_id, kind=kind, **span, signature=signature
                )
            )
        hashed = "0x" + "00" * 32
        forged += [
            Plate(
                **common, lease_id=trip.lease_id, match=True, confidence=0.99, evidence_hash=hashed
            ),
            Availability(**common, online=name == ours, connection=1),
        ]
    return forged


# ---- what was said once, said again


async def test_neither_a_confirmation_nor_a_ticket_opens_twice(scene: Scene) -> None:
    lock = scene.listing.lock.lock_id
    tickets: list[bytes] = []
    async with scene.stage() as (stage, trip), scene.mqtt(lock) as ear:
        await ear.subscribe(topic(lock, COMMAND), qos=1)

        async def listen() -> None:
            async for message in ear.messages:
                tickets.append(bytes(message.payload))  # noqa: PERF401 - read while it goes on

        listening = asyncio.create_task(listen())
        path = f"/v1/leases/{trip.lease_id}/unlock"
        await trip.driver.api.post(f"/v1/leases/{trip.lease_id}/presence", {"event": "here"})
        await scene.installation.show(stage, lock, vehicle=False, plate=PLATE)
        await stage.until(
            "the plate",
            lambda: driving.detail(trip),
            lambda d: d["plateReading"] and d["plateReading"]["match"],
        )
        word = await unlock_body(stage, trip)
        await trip.driver.api.post(path, word)
        olga = await again(stage, scene.listing.owner)
        await position(stage, olga, trip, "UNLOCKED")
        for _ in range(3):  # by the driver's own terminal: it changes nothing
            answer = await trip.driver.api.post(path, word)
            codes = [one["code"] for one in answer["decision"]["reasons"]]
            assert "lock.open" in codes
        await scene.installation.show(stage, lock, vehicle=True, plate=PLATE)
        await stage.until(
            "the arrival", lambda: driving.detail(trip), lambda d: d["state"] == "parked"
        )
        await trip.driver.api.post(path, word)
        await scene.installation.show(stage, lock, vehicle=False, plate=PLATE)
        await stage.until(
            "the settlement", lambda: driving.detail(trip), lambda d: d["state"] == "settled"
        )
        await position(stage, olga, trip, "LOCKED")
        late = await trip.driver.api.http.post(path, json=word)
        assert late.status_code == 409
        assert late.json()["code"] in ("lease.over", "unlock.cycle")
        listening.cancel()
        assert len(tickets) >= 2
        # the worst case: the thief speaks with the backend's own voice, but has no day key
        password = broker_credentials(stage.settings).add("backend")
        address = BrokerAddress.parse(scene.up.running.mqtt)
        async with client(address, "backend", password, client_id="backend-thief") as voice:
            await voice.subscribe(topic(lock, ACK), qos=1)
            for ticket in tickets:
                await voice.publish(topic(lock, COMMAND), ticket, qos=1)
            # the lock did hear them: it says once more how it all ended
            async with asyncio.timeout(10):
                await anext(aiter(voice.messages))
            await asyncio.sleep(MOMENT)
        await position(stage, olga, trip, "LOCKED")
    journal = scene.installation.journal(lock)
    assert len(lowerings(journal)) == 1
    hardware = json.loads((scene.installation.lock_home(lock) / "hardware.json").read_text())
    assert hardware["place"] == "up"
    commands = scene.installation.rows(
        "SELECT state FROM commands WHERE lease_id = ? AND action = 'lower'", scene.trip.lease_id
    )
    assert [row["state"] for row in commands] == ["done"]


async def position(stage: Stage, owner: Person, trip: Trip, wanted: str) -> None:
    """Waits for the bar, as its owner sees it: drivers hear of it while their lease is open."""
    await stage.until(
        f"the bar to be {wanted}",
        lambda: owner.api.get(f"/v1/leases/{trip.lease_id}"),
        lambda d: d["lock"]["position"] == wanted,
    )
