"""While an answer is on its way each screen says that it waits, and then shows what has come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from berth.chain.rpc import Rpc
from playwright.async_api import BrowserContext, Page, Route, expect

from tests.browser.conftest import ON_A_PHONE
from tests.browser.outside import SLOW, Outside, signs_in, stay
from tests.browser.screens import Screens
from tests.browser.town import Town
from tests.browser.wallet import Wallet

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(500), ON_A_PHONE]

#: A page that waits as long as it is looked at: after some seconds of a network that says nothing
#: it would go on with what it has kept.
PATIENT = """(() => {
  const begin = window.setTimeout;
  const limit = 4000, never = 1e9;
  window.setTimeout = (then, after, ...more) =>
    begin.call(window, then, after >= limit ? never : after, ...more);
})();"""


@asynccontextmanager
async def waiting(page: Page, what: str) -> AsyncIterator[None]:
    """Within the block no answer comes of what is asked for."""
    free = asyncio.Event()

    async def wait(route: Route) -> None:
        await free.wait()
        await route.continue_()

    await page.route(what, wait)
    try:
        yield
    finally:
        free.set()
        await page.unroute_all(behavior="wait")


async def test_what_is_asked_for_is_said_while_it_is_on_its_way(
    town: Town, page: Page, context: BrowserContext, outside: Outside, rpc: Rpc, screens: Screens
) -> None:
    rosa, space = await outside.owner("Rosa")
    wallet = Wallet(rosa.key, rpc, chain_id=1337)
    await wallet.enter(context)
    await signs_in(page, town, wallet)
    await page.add_init_script(PATIENT)
    here = stay(town, space, await outside.next_slot(4 * 3600), 2)
    mine = f"{town.url}/owner/space/{space}"
    search = f"{town.url}/?at=0.0107,0.0106&r=1500&for=60"
    for what, url, before, after in (
        ("**/v1/me", f"{town.url}/account", "account resuming", "account in"),
        ("**/v1/me", f"{town.url}/owner", "spaces resuming", "spaces in"),
        ("**/v1/me", f"{town.url}/owner/earnings", "earnings resuming", "earnings in"),
        ("**/v1/search*", search, "find searching", "find found"),
        (f"**/v1/spaces/{space}", here, "space loading", "space space"),
        (f"**/v1/spaces/{space}", mine, "own-space loading", "own-space shown"),
        (f"**/v1/spaces/{space}/private", mine, "place loading", "place kept"),
    ):
        async with waiting(page, what):
            await page.goto(url)
            await is_there(page, before)
            await screens.look(before.replace(" ", "-"))
        await is_there(page, after)


async def is_there(page: Page, mark: str) -> None:
    """Waits for a state of a part of the app."""
    where, state = mark.split()
    one = f'[data-where="{where}"][data-state="{state}"], [data-{where}="{state}"]'
    await expect(page.locator(one).first).to_be_visible(timeout=SLOW)
