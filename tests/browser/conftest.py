"""A town to park in, a new one for each file of tests, and a real Chromium before it."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from berth.chain.rpc import Rpc
from berth.cli.demo.owners import Listing
from berth.cli.demo.town import furnish
from berth.core.slots import ceil_slot, slot_start
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from tests.browser import record
from tests.browser.outside import Outside, beside
from tests.browser.screens import Screens
from tests.browser.town import Town
from tests.browser.wallet import Wallet
from tests.e2e.conftest import Seed, seed  # noqa: F401 - the same installation, set up once
from tests.e2e.installation import Installation
from tests.e2e.test_visitors import has_money, leases_in_town, parks

PHONE = {"width": 360, "height": 740}
DESKTOP = {"width": 1280, "height": 800}
#: So long anything may take on a busy machine, milliseconds.
PATIENCE = 20_000
expect.set_options(timeout=PATIENCE)
ROOT = Path(__file__).resolve().parents[2]
#: Screenshots of the last run, for people to look at.
SHOTS = ROOT / "reports" / "screens"


@dataclass(frozen=True)
class Settled:
    """A data folder at rest: Olga's space and her neighbours', and a visitor who has parked and
    gone."""

    installation: Installation
    listings: tuple[Listing, ...]


@pytest.fixture(scope="session")
def settled(seed: Seed, tmp_path_factory: pytest.TempPathFactory) -> Settled:  # noqa: F811
    if not (ROOT / "dapp" / "dist" / "index.html").is_file():
        pytest.fail("the app is not built: make dapp")
    installation = seed.copy(tmp_path_factory.mktemp("settled"))
    with installation.running() as up:

        async def settle() -> list[Listing]:
            async with up.stage() as stage:
                neighbours = await furnish(stage)
                spaces = {one.space_id for one in neighbours}
                visitor = stage.person("Visitor")
                await visitor.sign_in()
                await has_money(stage, visitor)
                await parks(stage, visitor, await leases_in_town(stage, visitor, spaces))
                return neighbours

        listings = (seed.listing, *asyncio.run(settle()))
        assert up.stop() == 0
    return Settled(installation, listings)


@pytest.fixture(scope="module")  # what one file books, or how far it moves the clock, is its own
def town(settled: Settled, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A copy of the town that was settled once. It is early in a quarter hour there, whatever the
    hour is here: what can be booked, and what begins at once, depends on it."""
    with settled.installation.copy(tmp_path_factory.mktemp("browser")).running() as up:

        async def begin() -> None:
            async with up.stage() as stage:
                await stage.travel_to(slot_start(ceil_slot(await stage.now())) + 30)

        asyncio.run(begin())
        yield Town(up, settled.listings)
        assert up.stop() == 0


@pytest.fixture
def chromium() -> str:
    """The browser's program."""
    program = os.environ.get("BERTH_CHROMIUM") or shutil.which("chromium")
    if program is None:
        pytest.fail("Chromium is missing: apt-get install chromium, or set BERTH_CHROMIUM")
    return program


@pytest.fixture
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield found
        await found.close()


#: What does not depend on the width of the window is tried where most people are; on a phone every
#: screen is looked at in both languages and looks.
ON_A_PHONE = pytest.mark.parametrize("size", ["phone"])


@pytest.fixture(params=["phone", "desktop"])
def size(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def context(browser: Browser, size: str) -> AsyncIterator[BrowserContext]:
    """A fresh profile. What a page throws, or says as an error, fails the test."""
    made = await browser.new_context(
        viewport=PHONE if size == "phone" else DESKTOP,  # type: ignore[arg-type]
        locale="en-GB",
        timezone_id="Europe/Berlin",
        has_touch=size == "phone",
    )
    made.set_default_timeout(PATIENCE)
    await record.watch(made)
    yield made
    await made.close()


@pytest.fixture
async def page(context: BrowserContext) -> AsyncIterator[Page]:
    found = await context.new_page()
    thrown: list[str] = []
    found.on("pageerror", lambda error: thrown.append(str(error)))
    found.on(
        "console",
        lambda said: (
            thrown.append(said.text)
            if said.type == "error" and not re.search(r"Failed to load resource", said.text)
            else None
        ),
    )
    yield found
    assert thrown == [], thrown


@pytest.fixture
def screens(page: Page, size: str, request: pytest.FixtureRequest) -> Screens:
    """Takes pictures, and looks for what a screen reader or a keyboard would stumble over."""
    name = re.sub(r"\W+", "-", request.node.originalname)
    return Screens(page, SHOTS / size, name, everywhere=size == "phone")


@pytest.fixture
async def rpc(town: Town) -> AsyncIterator[Rpc]:
    async with Rpc(town.up.running.rpc) as found:
        yield found


@pytest.fixture
async def wallet(rpc: Rpc, context: BrowserContext) -> Wallet:
    """A wallet of somebody new, without any money."""
    made = Wallet(secrets.token_bytes(32), rpc, chain_id=1337)
    await made.enter(context)
    return made


@pytest.fixture
async def outside(town: Town) -> AsyncIterator[Outside]:
    """The world beside the page."""
    async with beside(town) as found:
        yield found
