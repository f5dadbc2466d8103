"""The map: streets where there are pictures of them, and of use without."""

from __future__ import annotations

import base64

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.conftest import ON_A_PHONE
from tests.browser.screens import Screens
from tests.browser.test_driver import find
from tests.browser.town import Town

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(200), ON_A_PHONE]

PLAIN = "A plain map: no streets are shown here."
#: It is text, whoever wrote it.
MAKERS = "© 2026 <b>1 & 2</b>"
#: One grey point: a picture.
PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
)


async def test_streets_that_do_not_come_leave_a_plain_map(
    town: Town, page: Page, screens: Screens
) -> None:
    there = False

    async def tile(route: Route) -> None:
        if there:
            await route.fulfill(body=PICTURE, content_type="image/png")
        else:
            await route.fulfill(status=503)

    async def with_tiles(route: Route) -> None:
        told = await (await route.fetch()).json()
        tiles = {
            "tilesUrl": f"{town.url}/tiles/{{z}}/{{x}}/{{y}}.png",
            "tilesAttribution": MAKERS,
        }
        await route.fulfill(json={**told, **tiles})

    await page.route("**/tiles/**", tile)
    await page.route("**/v1/config", with_tiles)
    await page.goto(town.url)
    await find(page, screens)
    await expect(page.get_by_text(PLAIN)).to_be_visible()
    await expect(page.locator(".map-grid").first).to_be_visible()
    await expect(page.locator(".price-mark span").first).to_be_visible()
    there = True
    await page.get_by_role("button", name="Zoom out").click()
    await expect(page.get_by_text(PLAIN)).to_be_hidden()
    await expect(page.locator("img.leaflet-tile-loaded").first).to_be_visible()
    await expect(page.locator(".leaflet-control-attribution")).to_have_text(MAKERS)
    await screens.look("streets")
