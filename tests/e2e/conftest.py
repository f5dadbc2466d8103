"""An installation that was set up once; tests start copies of its data folder."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from berth.chain.sender import Sender
from berth.cli.demo import owners
from berth.cli.demo.owners import Listing, Wish
from berth.cli.demo.people import Api, Person
from berth.cli.demo.stage import Stage
from berth.core.clock import WallClock
from berth.core.ids import city_number
from berth.market.titles.importer import Import, import_titles
from berth.market.titles.publish import publish_titles
from berth.store.transactions import TransactionJournal

from tests.e2e.installation import FIRST_START, Installation


@dataclass(frozen=True)
class Seed:
    """A data folder at rest: contracts deployed, a generated city anchored, Olga's space listed."""

    installation: Installation
    listing: Listing

    def copy(self, folder: Path) -> Installation:
        """The same again, with ports of its own."""
        return self.installation.copy(folder)

    async def listing_on(self, stage: Stage) -> Listing:
        """Olga's space, and Olga herself with her wallet, signed in."""
        return replace(self.listing, owner=await again(stage, self.listing.owner))


@pytest.fixture(scope="session")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Seed:
    folder = tmp_path_factory.mktemp("seed")
    (folder / "no-data").mkdir()
    installation = Installation(folder / "home", folder / "no-data")
    with installation.running(FIRST_START) as up:

        async def furnish() -> Listing:
            async with up.stage() as stage:
                await anchor_city(stage)
                lat, lon = stage.city.destination
                wish = Wish("Olga", (lat, lon), 900_000, 450_000, ("type2",), 11_000)
                return await list_space(stage, wish)

        listing = asyncio.run(furnish())
        assert up.stop() == 0
    return Seed(installation, listing)


@pytest.fixture
def installation(seed: Seed, tmp_path: Path) -> Installation:
    """A copy of the seed, not running."""
    return seed.copy(tmp_path)


@pytest.fixture
def fresh(tmp_path: Path) -> Callable[..., Installation]:
    """Makes installations whose data folder does not exist yet."""

    def make(name: str = "fresh") -> Installation:
        (tmp_path / "no-data").mkdir(exist_ok=True)
        return Installation(tmp_path / name, tmp_path / "no-data")

    return make


async def again(stage: Stage, person: Person) -> Person:
    """The same person on another stage: the wallet is the same, the session a new one."""
    sender = Sender(stage.rpc, TransactionJournal(stage.wallets), person.key, person.chain_id)
    api = Api(stage.running.http)
    same = Person(person.name, person.key, sender, api, stage.narrator, person.chain_id)
    await same.sign_in()
    return same


async def anchor_city(stage: Stage) -> None:
    """Imports and anchors the stage's city."""
    city = stage.city
    source = Import(city.file, city.format, city=city.code, name=city.name)
    import_titles(stage.store, stage.settings.home, source, WallClock())
    key = stage.parties.key("registry")
    number = city_number(city.code)
    assert await publish_titles(stage.store, stage.rpc, stage.deployment, key, number)


async def list_space(stage: Stage, wish: Wish) -> Listing:
    """An owner's space: title taken, lock enrolled, registered, offered."""
    papers = await owners.gather_papers(stage, wish)
    listing = await owners.register(stage, papers)
    await owners.publish(stage, papers, listing)
    return listing
