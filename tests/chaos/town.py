"""A town to be parked in: spaces with locks, offers, and drivers with verified vehicles, made once
by `berth up` as anybody would make them. Runs start from copies."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path

from berth.cli.demo import owners
from berth.cli.demo.owners import Wish
from berth.cli.demo.stage import Stage
from berth.core.ids import parse_space
from berth.core.offer import Terms
from berth.core.slots import slot_at
from berth.market.attest import SIZES, attest_vehicle
from berth.store.backup import write_backup
from berth.store.backup_file import PURPOSE

from tests.e2e.conftest import anchor_city
from tests.e2e.installation import FIRST_START, Installation

_HALF_YEAR_SLOTS = 183 * 96
_PLENTY = 10**15
_DAY = 86_400
BACKUP = "town.backup"


@dataclass(frozen=True)
class Space:
    """A space on offer, and the folder of its lock."""

    space_id: str
    offer: int
    lock_id: str
    lock_folder: str


@dataclass(frozen=True)
class Driver:
    """Somebody with money, a vehicle and a space to go to."""

    name: str
    key: bytes
    plate: str
    commitment: str
    space: Space


@dataclass(frozen=True)
class Town:
    """A data folder at rest."""

    installation: Installation
    drivers: tuple[Driver, ...]

    def copy(self, folder: Path) -> Path:
        """The data folder again, without the database of its index."""
        home = folder / "home"
        shutil.copytree(self.installation.home, home)
        return home

    @property
    def backup(self) -> Path:
        """Its kept data."""
        return self.installation.home / BACKUP


def build_town(folder: Path, spaces: int) -> Town:
    """Deploys, anchors a generated city, lists `spaces` spaces, each with a driver who comes for
    it; backs the kept data up while all that runs."""
    (folder / "no-data").mkdir(parents=True)
    installation = Installation(folder / "home", folder / "no-data")
    with installation.running(FIRST_START) as up:

        async def furnish() -> tuple[Driver, ...]:
            async with up.stage() as stage:
                await anchor_city(stage)
                made = await asyncio.gather(*(_resident(stage, n) for n in range(spaces)))
                key = _backup_key(stage)
                await asyncio.to_thread(write_backup, stage.store, installation.home / BACKUP, key)
                return tuple(made)

        drivers = asyncio.run(furnish())
        assert up.stop() == 0
    return Town(installation, drivers)


def _backup_key(stage: Stage) -> bytes:
    from berth.core.sealed import open_sealer

    return open_sealer(stage.settings.keys).derived(PURPOSE)[0]


async def _resident(stage: Stage, number: int) -> Driver:
    lat, lon = stage.city.destination
    wish = Wish(f"Owner {number}", (lat, lon), 900_000, 0, (), 0)
    papers = await owners.gather_papers(stage, wish)
    listing = await owners.register(stage, papers)
    terms = await _terms(stage)
    await listing.owner.transact(
        "offered it", stage.contracts.market, "publishOffer", parse_space(listing.space_id), terms
    )
    space = Space(listing.space_id, 1, listing.lock.lock_id, listing.lock.folder.name)
    driver = stage.person(f"Driver {number}")
    await stage.fund(driver, _PLENTY)
    await driver.sign_in()
    market, plate = stage.contracts.market, f"KIL {number:03d}"
    await driver.transact(
        "allowed the market all", stage.contracts.asset, "approve", market.address, _PLENTY
    )
    vehicle = attest_vehicle(
        stage.deployment,
        stage.parties.key("verifier"),
        driver.address,
        plate,
        size=SIZES["medium"],
        until_slot=slot_at(await stage.now()) + _HALF_YEAR_SLOTS,
    )
    await driver.transact("registered the vehicle", market, "registerVehicle", vehicle.struct())
    commitment = "0x" + vehicle.plate_commitment.hex()
    await driver.api.post(
        "/v1/me/vehicles",
        {"plateCommitment": commitment, "plate": plate, "salt": "0x" + vehicle.salt.hex()},
    )
    return Driver(driver.name, driver.key, plate, commitment, space)


async def _terms(stage: Stage) -> dict[str, int]:
    """All hours, a year, unlock by plate, word and place; who cancels late pays half, so that a
    lease that was not served has cost something."""
    today = await stage.now() // _DAY
    terms = Terms(
        price_per_slot=900_000,
        reserve_minutes=30,
        no_show_pct=50,
        cancel_pct=50,
        utc_offset=stage.city.utc_offset,
        first_day=today - 1,
        last_day=today + 363,
        max_slots=96,
    )
    return terms.struct()
