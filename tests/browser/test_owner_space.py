"""An owner's space that cannot be shown: there is none, or the service is away for a while."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.conftest import ON_A_PHONE
from tests.browser.outside import SLOW
from tests.browser.screens import Screens
from tests.browser.town import Town

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300), ON_A_PHONE]

NOBODY_S = "0x0365924fffffffff"


async def test_a_space_that_is_not_there_is_said_not_to_be_there(
    town: Town, page: Page, screens: Screens
) -> None:
    await page.goto(f"{town.url}/owner/space/{NOBODY_S}")
    own = page.locator("[data-where=own-space]")
    await expect(own).to_have_attribute("data-state", "failed", timeout=SLOW)
    await expect(own.get_by_text("There is no such space.")).to_be_visible()
    await expect(own.get_by_role("button", name="Try again")).to_have_count(0)
    await screens.look("unknown")
    await own.get_by_role("link", name=re.compile("My spaces|All")).click()
    await expect(page).to_have_url(f"{town.url}/owner")


async def test_a_space_that_the_service_cannot_tell_of_now_comes_when_it_can(
    town: Town, page: Page, screens: Screens
) -> None:
    """By the press alone: the page asks by itself, too, when another language is chosen."""

    async def space(route: Route) -> None:
        pressed = await page.evaluate("'pressed' in window")
        await (route.continue_() if pressed else route.fulfill(status=503))

    listing = town.listings[0]
    await page.route(f"**/v1/spaces/{listing.space_id}", space)
    await page.goto(f"{town.url}/owner/space/{listing.space_id}")
    own = page.locator("[data-where=own-space]").first
    await expect(own).to_have_attribute("data-state", "failed", timeout=SLOW)
    again = own.get_by_role("button", name="Try again")
    await expect(again).to_be_visible()
    await expect(own.get_by_text("There is no such space.")).to_have_count(0)
    await screens.look("away")
    await page.evaluate("addEventListener('click', () => (window.pressed = true), true)")
    await again.click()
    await expect(own).to_have_attribute("data-state", "shown", timeout=SLOW)
    await expect(again).to_have_count(0)
    await expect(own.get_by_role("button", name="Sign in")).to_be_visible()
