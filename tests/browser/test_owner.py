"""The owner: from test papers to a published offer, and to money that is withdrawn."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect

from tests.browser.screens import Screens
from tests.browser.speech import AREA, WAY
from tests.browser.test_driver import SLOW
from tests.browser.town import Town

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(500)]


async def test_an_owner_registers_a_space_offers_it_and_withdraws_money(
    town: Town, page: Page, screens: Screens
) -> None:
    await page.goto(f"{town.url}/owner/register")
    await page.get_by_role("main").get_by_role("button", name="Sign in").click()
    await page.get_by_role("button", name="Continue as a guest").click()
    await registers(page, screens)
    await publishes(page, screens)
    await withdraws(page, screens)


async def registers(page: Page, screens: Screens) -> None:
    take = page.get_by_role("button", name="Take test papers and check them")
    await expect(take).to_be_visible(timeout=SLOW)
    await screens.look("papers")
    await take.click()
    await expect(page.locator("[data-state=ready]")).to_be_visible(timeout=SLOW)
    await page.get_by_label("Area, in your words").fill(AREA)
    await page.get_by_label("The way to the space").fill(WAY)
    await screens.look("complies")
    await page.get_by_role("button", name="Register this space").click()
    await expect(page).to_have_url(re.compile("/owner/space/0x"), timeout=SLOW)


async def publishes(page: Page, screens: Screens) -> None:
    price = page.get_by_label(re.compile("^Price for an hour"))
    await expect(price).to_be_visible(timeout=SLOW)
    await price.fill("0.10000001")
    await page.get_by_role("button", name="Publish the offer").click()
    await expect(price).to_have_attribute("aria-invalid", "true")
    await expect(price).to_be_focused()
    await expect(price).to_be_in_viewport(ratio=1)
    await price.fill("2.40")
    await page.get_by_role("button", name="Working hours").click()
    await screens.look("offer")
    await page.get_by_role("button", name="Always").click()
    await page.get_by_role("button", name="Publish the offer").click()
    await expect(page.get_by_text("Published. Drivers can find and lease")).to_be_visible(
        timeout=SLOW
    )
    await screens.look("published")
    await page.goto(re.sub("/owner/space/.*", "/owner", page.url))
    await expect(page.get_by_text("Nobody is in it").first).to_be_visible(timeout=SLOW)
    await screens.look("spaces")


async def withdraws(page: Page, screens: Screens) -> None:
    """A withdrawal is the wallet's own transaction; what is there afterwards is that much less."""
    await page.goto(re.sub("/owner.*", "/owner/earnings", page.url))
    withdraw = page.get_by_role("button", name="Withdraw", exact=True)
    await expect(withdraw).to_be_visible(timeout=SLOW)
    await screens.look("earnings")
    await withdraw.click()
    amount = page.get_by_label(re.compile("^Amount"))
    await amount.fill("1000000")
    await withdraw.click()
    await expect(amount).to_have_attribute("aria-invalid", "true")
    await amount.fill("1.50")
    await withdraw.click()
    await expect(page.get_by_text("Withdrawn. It is in your wallet now.")).to_be_visible(
        timeout=SLOW
    )
    await expect(page.get_by_text(re.compile(r"^48\.50\stEUR$")).first).to_be_visible(timeout=SLOW)
    await screens.look("withdrawn")
