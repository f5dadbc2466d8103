"""A space that its owner has to look after: nobody knows the way to it, its lock was never heard of
or has a fault, or it is not shared any more."""

from __future__ import annotations

import re
import secrets

import pytest
from berth.chain.rpc import Rpc
from berth.cli.demo.owners import Wish, gather_papers
from berth.core.ids import parse_space
from playwright.async_api import BrowserContext, Locator, Page, Route, expect

from tests.browser.conftest import ON_A_PHONE
from tests.browser.outside import SLOW, Outside, shows, signs_in
from tests.browser.screens import Screens
from tests.browser.test_owner_states import wallet_of
from tests.browser.town import Town

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(500), ON_A_PHONE]


async def test_what_keeps_drivers_out_is_said_at_the_space(
    town: Town, page: Page, context: BrowserContext, outside: Outside, rpc: Rpc, screens: Screens
) -> None:
    stage = outside.stage
    wish = Wish(f"Runa {secrets.token_hex(4)}", stage.city.destination, 2_000_000, 0, (), 0)
    papers = await gather_papers(stage, wish)
    owner, lock = papers.owner, papers.lock.lock_id
    check = await owner.api.post("/v1/spaces/check", papers.body)
    await owner.send("registered the space", check["transaction"])
    await signs_in(page, town, await wallet_of(owner.key, rpc, context))

    # where the service has not imported the city's titles itself, nobody has told it the place
    await page.route("**/private", knows_no_place)
    await page.goto(f"{town.url}/owner/space/{check['spaceId']}")
    await expect(page.locator("[data-place=none]")).to_be_visible(timeout=SLOW)
    await shows(page, "unoffered")
    await screens.look("no-place")

    await page.goto(f"{town.url}/owner")
    card = page.locator("a.space-link")
    await in_trouble(card, None)
    async with outside.without_power(lock):
        await outside.forget(lock)
        await in_trouble(card, "unheard")
        await screens.look("never-heard-of")
    await in_trouble(card, None)
    await outside.world(lock, vehicle=True)
    await in_trouble(card, "fault")
    await screens.look("fault")
    await outside.world(lock)
    await in_trouble(card, None)

    await outside.does(owner, "delist", parse_space(check["spaceId"]))
    await expect(card).to_have_attribute("data-state", "delisted", timeout=SLOW)
    await screens.look("delisted")


async def knows_no_place(route: Route) -> None:
    problem = {"status": 404, "code": "place.unknown", "title": "Not Found", "detail": "unknown"}
    await route.fulfill(status=404, content_type="application/problem+json", json=problem)


async def in_trouble(card: Locator, trouble: str | None) -> None:
    """Waits until the card says so; None: that nothing is wrong."""
    await expect(card).to_be_visible(timeout=SLOW)
    if trouble is None:
        await expect(card).not_to_have_attribute("data-trouble", re.compile("."), timeout=SLOW)
    else:
        await expect(card).to_have_attribute("data-trouble", trouble, timeout=SLOW)
