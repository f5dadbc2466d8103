"""The story: one whole lease, from a city's titles to a settlement that everybody agrees on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rich.markup import escape

from berth.cli.demo import driving, owners
from berth.cli.demo.driving import PLATE, STAY_MINUTES, WRONG_PLATE, Trip
from berth.cli.demo.owners import Listing, Papers, Wish
from berth.cli.demo.reconcile import reconcile
from berth.cli.demo.stage import Stage
from berth.core import compliance
from berth.core.clock import WallClock
from berth.core.errors import BerthError
from berth.core.ids import city_number
from berth.core.slots import slot_start
from berth.market.titles.importer import Import, import_titles
from berth.market.titles.publish import publish_titles

_UNIT = 10**6


@dataclass
class Story:
    """Played step by step; a step that fails ends it with the step's name."""

    stage: Stage
    listings: list[Listing] = field(default_factory=list)

    async def play(self) -> None:
        """Raises BerthError naming the first broken step."""
        narrator = self.stage.narrator
        with narrator.step("The land registry anchors a city's titles"):
            await self._anchor()
        with narrator.step("An owner's careless registration comes back with its reasons"):
            papers = await self._careless()
        with narrator.step("The corrected registration is on-chain, and offered"):
            await self._list(papers)
        with narrator.step("Two neighbours list theirs"):
            await self._neighbours()
        with narrator.step("A driver asks for a space with a charger"):
            trip = await self._search()
        with narrator.step("The vehicle is verified, the lease goes into escrow"):
            listing = await self._lease(trip)
        with narrator.step("Terminal and lock learn of the lease"):
            await self._learn(trip)
        with narrator.step("The driver enters the geofence, the camera goes on"):
            await self._enter(trip, listing)
        with narrator.step("A wrong plate: the bar stays up"):
            await self._wrong(trip, listing)
        with narrator.step("The right plate and the driver's word: the bar goes down"):
            await self._unlock(trip, listing)
        with narrator.step("The lock senses the arrival; its record goes on-chain"):
            await self._arrive(trip, listing)
        with narrator.step(
            f"{STAY_MINUTES} minutes later the space senses the departure; the lease settles"
        ):
            await self._leave(trip, listing)
        with narrator.step("Everybody takes out what is theirs, and all the books agree"):
            await reconcile(self.stage, trip, listing)

    async def _anchor(self) -> None:
        stage, city = self.stage, self.stage.city
        say = stage.narrator.say
        if city.generated:
            say("[yellow]No city data found: this is a small generated city.[/]")
        else:
            say(f"Reading the real records of {city.name} from {city.file.name}.")
        with stage.narrator.waiting("importing titles"):
            imported = import_titles(
                stage.store,
                stage.settings.home,
                Import(city.file, city.format, city=city.code, name=city.name),
                WallClock(),
            )
        edition = imported.edition
        say(
            f"{edition.count:,} titles, {len(imported.rejections)} rows rejected; one Merkle root "
            f"[dim]{edition.root}[/]"
        )
        say("The holders of these titles are generated and labelled so: no real names.")
        key = stage.parties.key("registry")
        for anchored in await publish_titles(
            stage.store, stage.rpc, stage.deployment, key, city_number(city.code)
        ):
            await self._told(
                "Land registry", f"anchored edition {anchored.edition.edition}", anchored.tx_hash
            )

    async def _careless(self) -> Papers:
        stage = self.stage
        # a little off the destination, so that the nearest space is not the best by distance alone
        lat, lon = stage.city.destination
        wish = Wish("Olga", (lat + 0.0012, lon), 900_000, 450_000, ("type2",), 11_000)
        papers = await owners.gather_papers(stage, wish)
        stage.narrator.say(
            f"Olga holds title {stage.city.code}/{papers.proof['title']['index']}, "
            f"{escape(papers.proof['address'])} (a generated holder)."
        )
        spoilt = await owners.spoil(stage, papers)
        answer = await papers.owner.api.post("/v1/spaces/check", spoilt)
        stage.narrator.say("Before signing, the check says:")
        stage.narrator.reasons([reason["sentence"] for reason in answer["reasons"]])
        on_chain = await owners.chain_refusal(stage, papers.owner, spoilt)
        if int(answer["bitmap"], 16) != on_chain or len(answer["reasons"]) < 2:
            raise BerthError(
                "demo.reasons", f"check says {answer['bitmap']}, the chain {hex(on_chain)}"
            )
        codes = ", ".join(reason.code for reason in compliance.decode(on_chain))
        stage.narrator.say(f"The chain refuses with the same bits, {hex(on_chain)}: {codes}.")
        return papers

    async def _list(self, papers: Papers) -> None:
        listing = await owners.register(self.stage, papers)
        await owners.publish(self.stage, papers, listing)
        self.listings.append(listing)

    async def _neighbours(self) -> None:
        lat, lon = self.stage.city.destination
        for wish in (
            Wish("Ping", (lat, lon + 0.004), 1_400_000, 550_000, ("type2", "ccs2"), 22_000),
            Wish("Quinn", (lat, lon), 400_000, 0, (), 0),
        ):
            await self._list(await owners.gather_papers(self.stage, wish))
        self.stage.narrator.say("Quinn's is the cheapest and nearest, but has no charger.")

    async def _search(self) -> Trip:
        stage = self.stage
        trip = await driving.set_out(stage, "Dana", 100 * _UNIT)
        found = await stage.until(
            "the index to hold all offers",
            lambda: driving.look_for(stage, trip),
            lambda answer: len(answer["items"]) >= 2,
        )
        stage.narrator.table(
            f"Free for {trip.window['start']} to {trip.window['end']}, Type 2, 7 kW, 10 kWh",
            ["space", "charger", "walk", "expected", "at most", "why"],
            [
                [
                    f"{c['space']['city']}/{c['space']['index']}",
                    f"{c['space']['charger']['powerW'] / 1000:g} kW",
                    f"{c['walkM']} m",
                    stage.money(int(c["expectedCost"])),
                    stage.money(int(c["maximumCost"])),
                    c["why"],
                ]
                for c in found["items"]
            ],
            {0, 5},
        )
        offered = {listing.space_id for listing in self.listings}
        if {c["space"]["id"] for c in found["items"]} != offered - {self.listings[2].space_id}:
            raise BerthError("demo.search", "the search did not find just the spaces with chargers")
        return trip

    async def _lease(self, trip: Trip) -> Listing:
        stage = self.stage
        await driving.register_vehicle(stage, trip)
        best = trip.candidates[0]
        await driving.lease(stage, trip, best)
        stage.narrator.say(f"Lease {trip.lease_id}.")
        return next(one for one in self.listings if one.space_id == best["space"]["id"])

    async def _learn(self, trip: Trip) -> None:
        stage = self.stage
        seen = await stage.until(
            "the lease to be deep enough and the lock to hold its grant",
            lambda: driving.detail(trip),
            lambda d: (
                d["depth"]["confirmed"] and d["grant"] and d["grant"]["state"] == "acknowledged"
            ),
        )
        depth = seen["depth"]
        stage.narrator.say(
            f"Confirmed, {depth['confirmations']} of {depth['required']}; the lock has "
            f"acknowledged its grant for {seen['grant']['window']['start']} to "
            f"{seen['grant']['window']['end']}."
        )
        way = await trip.driver.api.get(f"/v1/leases/{trip.lease_id}/navigation")
        trip.navigation = way
        stage.narrator.say(f"Address: {escape(way['address'])}. {escape(way['instructions'])}")
        stage.narrator.say(f"Navigation: {escape(way['geoUri'])}")
        for link in way["links"]:
            stage.narrator.say(
                f"  {link['name']} ({link['system']}): [dim]{escape(link['url'])}[/]"
            )

    async def _enter(self, trip: Trip, listing: Listing) -> None:
        stage = self.stage
        for metres in (400.0, 150.0, 40.0):
            _, inside = driving.approach(trip, metres)
            where = "inside the fence" if inside else "outside"
            stage.narrator.say(f"{metres:.0f} m from the entrance: {where}.")
            if inside:
                await trip.driver.api.post(
                    f"/v1/leases/{trip.lease_id}/presence", {"event": "entered"}
                )
        await stage.until(
            "the camera to go on", lambda: driving.detail(trip), lambda d: d["lock"]["camera"]
        )
        stage.narrator.say(f"Camera on; the bar of lock {listing.lock.lock_id} is up.")

    async def _wrong(self, trip: Trip, listing: Listing) -> None:
        stage = self.stage
        await stage.world(listing.lock.lock_id, vehicle=False, plate=WRONG_PLATE)
        await stage.until(
            "the camera to read the plate",
            lambda: driving.detail(trip),
            lambda d: d["plateReading"] and not d["plateReading"]["match"],
        )
        answer = await driving.confirm(stage, trip)
        if answer["decision"]["allowed"]:
            raise BerthError("demo.plate", "the wrong plate would have opened the lock")
        stage.narrator.say(f"{WRONG_PLATE} is in front of the camera. The driver says open:")
        stage.narrator.reasons([reason["sentence"] for reason in answer["decision"]["reasons"]])
        seen = await driving.detail(trip)
        if seen["lock"]["position"] != "LOCKED":
            raise BerthError("demo.plate", f"the bar is {seen['lock']['position']}")
        stage.narrator.say("The bar stays up.")

    async def _unlock(self, trip: Trip, listing: Listing) -> None:
        stage = self.stage
        await stage.world(listing.lock.lock_id, vehicle=False, plate=PLATE)
        await stage.until(
            "the camera to read the plate",
            lambda: driving.detail(trip),
            lambda d: d["plateReading"] and d["plateReading"]["match"],
        )
        await driving.confirm(stage, trip)
        await stage.until(
            "the bar to go down",
            lambda: driving.detail(trip),
            lambda d: d["lock"]["position"] == "UNLOCKED",
        )
        stage.narrator.say(f"{PLATE} matches the lease; Dana confirmed; the bar is down.")

    async def _arrive(self, trip: Trip, listing: Listing) -> None:
        stage = self.stage
        await stage.world(listing.lock.lock_id, vehicle=True, plate=PLATE)
        seen = await stage.until(
            "the arrival on-chain",
            lambda: driving.detail(trip),
            lambda d: d["state"] == "parked",
            _state,
        )
        await self._told("Relay", "brought the lock's record ARRIVED", seen["arrivedTransaction"])

    async def _leave(self, trip: Trip, listing: Listing) -> None:
        stage = self.stage
        await stage.travel_to(slot_start(trip.start_slot) + STAY_MINUTES * 60)
        stage.narrator.say("(The local chain's clock is moved on; every part follows it.)")
        await stage.world(listing.lock.lock_id, vehicle=False, plate=None)
        seen = await stage.until(
            "the settlement on-chain",
            lambda: driving.detail(trip),
            lambda d: d["state"] == "settled",
            _state,
        )
        await self._told(
            "Relay", "brought the lock's record LEFT, which settled", seen["closedTransaction"]
        )
        # whose lease is over hears no more of the lock: its owner does
        await stage.until(
            "the bar to rise again",
            lambda: listing.owner.api.get(f"/v1/leases/{trip.lease_id}"),
            lambda d: d["lock"]["position"] == "LOCKED",
            _state,
        )
        stage.narrator.say("The bay is empty; the bar is up again.")

    async def _told(self, who: str, what: str, tx_hash: str) -> None:
        receipt = await self.stage.rpc.receipt(tx_hash)
        if receipt is None or not receipt.succeeded:
            raise BerthError("demo.receipt", f"{what}: no receipt of {tx_hash}")
        self.stage.narrator.sent(who, what, receipt)


def _state(detail: dict[str, Any]) -> str:
    return f"state {detail['state']}, lock {detail['lock']}, grant {detail['grant']}"
