"""Why a position cannot be told, as a browser says it; and what else there is to do."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import ON_A_PHONE
from tests.browser.screens import Screens
from tests.browser.town import Town

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300), ON_A_PHONE]

_FAILS = """Object.defineProperty(navigator, "geolocation", {{ value: {{
  getCurrentPosition: (_found, failed) => failed({{ code: {code} }}) }} }})"""
#: What the browser does, by what the page makes of it.
BROWSERS = {
    "denied": _FAILS.format(code=1),
    "unavailable": _FAILS.format(code=2),
    "timeout": _FAILS.format(code=3),
    "unsupported": "delete Navigator.prototype.geolocation",
    "insecure": "Object.defineProperty(window, 'isSecureContext', { value: false })",
}


@pytest.mark.parametrize("why", BROWSERS)
async def test_why_there_is_no_position_is_said_and_words_do_instead(
    town: Town, page: Page, screens: Screens, why: str
) -> None:
    screens.own.append("https")
    await page.add_init_script(BROWSERS[why])
    await page.goto(town.url)
    await page.get_by_role("button", name="Near me").click()
    await expect(page.locator(f"[data-unlocated={why}]")).to_be_visible()
    place = page.get_by_label("Where", exact=True)
    await expect(place).to_have_attribute("aria-invalid", "true")
    await screens.look(why)
    await place.fill("Generated")
    await page.get_by_role("button", name="Find a space").click()
    await expect(page.locator("[data-state=window]")).to_be_visible()
