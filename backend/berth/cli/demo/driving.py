"""The driver's part: vehicle, search, lease, arrival, unlocking, leaving."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from berth.cli.demo.people import Person
from berth.cli.demo.stage import Stage
from berth.core.errors import BerthError
from berth.core.geo import distance_m
from berth.core.ids import lease_hex, parse_lease, parse_space
from berth.core.ids import lease_id as make_lease_id
from berth.core.messages import unlock_confirmation
from berth.core.slots import SLOT_SECONDS, ceil_slot, slot_at, slot_start
from berth.core.tariff import EARLY_SECONDS
from berth.core.zones import rfc3339
from berth.market.attest import SIZES, AttestedVehicle, attest_vehicle

#: The request: two hours, a Type 2 socket with at least 7 kW, up to 10 kWh.
STAY_SLOTS = 8
#: How long the driver really stays, from the start of the lease.
STAY_MINUTES = 47
ENERGY_KWH = 10
CHARGER = {"connector": "type2", "minPowerW": 7000, "energyKwh": ENERGY_KWH}
MEASURES = {"heightCm": 156, "widthCm": 185, "lengthCm": 430}
PLATE = "BRT 042"
WRONG_PLATE = "NOT 007"
_HALF_YEAR_SLOTS = 183 * 96


@dataclass
class Trip:
    """One driver on the way to one lease."""

    driver: Person
    vehicle: AttestedVehicle
    start_slot: int
    candidates: list[dict[str, Any]] = field(default_factory=list)
    quote: dict[str, Any] = field(default_factory=dict)
    lease_id: str = ""
    navigation: dict[str, Any] = field(default_factory=dict)

    @property
    def window(self) -> dict[str, str]:
        """The wanted window for the API."""
        start = slot_start(self.start_slot)
        return {"start": rfc3339(start), "end": rfc3339(start + STAY_SLOTS * SLOT_SECONDS)}

    @property
    def commitment(self) -> str:
        return "0x" + self.vehicle.plate_commitment.hex()


async def set_out(stage: Stage, name: str, tokens: int) -> Trip:
    """A driver with a wallet, some test money and a verified vehicle; signed in."""
    driver = stage.person(name)
    await stage.fund(driver, tokens)
    await driver.sign_in()
    # the next full slot that is at least two minutes away: the arrival is a little early then; and
    # no earlier than the lock may open
    start_slot = ceil_slot(await stage.now() + 120)
    await stage.travel_to(slot_start(start_slot) - EARLY_SECONDS)
    now = await stage.now()
    vehicle = attest_vehicle(
        stage.deployment,
        stage.parties.key("verifier"),
        driver.address,
        PLATE,
        size=SIZES["medium"],
        until_slot=slot_at(now) + _HALF_YEAR_SLOTS,
    )
    return Trip(driver, vehicle, start_slot)


async def look_for(stage: Stage, trip: Trip) -> dict[str, Any]:
    """Search around the destination; candidates best first."""
    lat, lon = stage.city.destination
    found: dict[str, Any] = await trip.driver.api.post(
        "/v1/search",
        {
            "place": {"point": {"type": "Point", "coordinates": [lon, lat]}, "radiusM": 2000},
            "window": trip.window,
            "vehicle": MEASURES,
            "charger": CHARGER,
        },
    )
    trip.candidates = found["items"]
    return found


async def register_vehicle(stage: Stage, trip: Trip) -> None:
    """The verifier's attestation goes on-chain; the plate goes to the backend only."""
    await trip.driver.transact(
        "registered the vehicle (a salted commitment, no plate)",
        stage.contracts.market,
        "registerVehicle",
        trip.vehicle.struct(),
    )
    await trip.driver.api.post(
        "/v1/me/vehicles",
        {
            "plateCommitment": trip.commitment,
            "plate": trip.vehicle.plate,
            "salt": "0x" + trip.vehicle.salt.hex(),
        },
    )


async def lease(stage: Stage, trip: Trip, candidate: dict[str, Any]) -> None:
    """A quote, then the transactions that it prepared: approval and lease."""
    space_id = candidate["space"]["id"]
    body = {
        "spaceId": space_id,
        "offer": candidate["offer"],
        "window": trip.window,
        "energyKwh": ENERGY_KWH,
        "plateCommitment": trip.commitment,
    }
    trip.quote = await stage.until(
        "a quote without objections",
        lambda: trip.driver.api.post("/v1/quotes", body),
        lambda quote: quote["leasable"] and quote["transactions"],
        lambda quote: str([one["sentence"] for one in quote["objections"]]),
    )
    cost = stage.money(int(trip.quote["maximumCost"]))
    for transaction in trip.quote["transactions"]:
        what = {
            "approve": f"allowed the market to take {cost}",
            "lease": f"leased the space; {cost} in escrow",
        }.get(transaction["purpose"], transaction["purpose"])
        await trip.driver.send(what, transaction)
    mine = await stage.until(
        "the index to see the lease",
        lambda: trip.driver.api.get("/v1/me/leases", role="driver"),
        lambda answer: answer["items"],
    )
    trip.lease_id = mine["items"][0]["id"]
    expected = lease_hex(make_lease_id(parse_space(space_id), trip.start_slot, 1))
    if trip.lease_id != expected:
        raise BerthError("demo.lease", f"leased {trip.lease_id}, not {expected}")


async def detail(trip: Trip) -> Any:
    """The lease as its driver's terminal shows it."""
    return await trip.driver.api.get(f"/v1/leases/{trip.lease_id}")


def approach(trip: Trip, metres: float) -> tuple[tuple[float, float], bool]:
    """A position on the way, `metres` north of the entrance, and whether it is in the fence.

    The terminal works this out by itself; nobody else ever learns the position.
    """
    fence = trip.navigation["fence"]
    lon, lat = fence["point"]["coordinates"]
    position = (lat + metres / 111_320, lon)
    inside = distance_m(position[0], position[1], lat, lon) <= fence["radiusM"]
    return position, inside


async def confirm(stage: Stage, trip: Trip) -> Any:
    """The driver's word, signed over lease, cycle and moment."""
    asked = (await detail(trip))["confirmation"]
    message = unlock_confirmation(
        stage.deployment.domain, parse_lease(trip.lease_id), asked["cycle"], asked["at"]
    )
    return await trip.driver.api.post(
        f"/v1/leases/{trip.lease_id}/unlock",
        {
            "cycle": asked["cycle"],
            "at": asked["at"],
            "signature": "0x" + trip.driver.sign(message).hex(),
        },
    )
