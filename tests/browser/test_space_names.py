"""What a space is called that nobody has described: never by its city's code."""

from __future__ import annotations

import re

import pytest
from berth.chain.rpc import Rpc
from playwright.async_api import BrowserContext, Page, Route, expect

from tests.browser.conftest import ON_A_PHONE
from tests.browser.outside import SLOW, Outside, signs_in, stay
from tests.browser.screens import Screens
from tests.browser.test_owner_states import wallet_of, with_a_space
from tests.browser.town import Town

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400), ON_A_PHONE]

KIND = "(Bay at the street|Open lot|Garage|Parking machine|Driveway)"
CODE = re.compile(r"\bXX[A-Z]{3}\b")


async def test_a_space_without_words_of_its_owner_is_called_by_its_kind_and_its_city_s_name(
    town: Town, page: Page, context: BrowserContext, outside: Outside, rpc: Rpc, screens: Screens
) -> None:
    """On the owner's page of it and on the driver's, in both languages; where the city's name is
    not known either, by its kind alone."""
    outside, listing = await with_a_space(outside)
    space, api = listing.space_id, listing.owner.api
    mine = next(one for one in (await api.get("/v1/me/spaces"))["items"] if one["id"] == space)
    kept = {name: mine["private"][name] for name in ("address", "point", "access")}
    await api.put(f"/v1/spaces/{space}/private", kept)
    assert (await api.get(f"/v1/spaces/{space}"))["area"] is None
    number = rf"· space {mine['index']}$"
    pages = (
        f"{town.url}/owner/space/{space}",
        stay(town, space, await outside.next_slot(3600), 4),
    )
    await signs_in(page, town, await wallet_of(listing.owner.key, rpc, context))
    for path, what in zip(pages, ("owner", "driver"), strict=True):
        await page.goto(path)
        await is_called(page, rf"^{KIND} in Generated City {number}")
        await screens.look(f"without-words-{what}")

    async def without_a_name(route: Route) -> None:
        response = await route.fetch()
        found = await response.json()
        for place in found["places"]:
            place["name"] = place["city"]
        await route.fulfill(response=response, json=found)

    await page.route("**/v1/config", without_a_name)
    for path in pages:
        await page.goto(path)
        await is_called(page, rf"^{KIND} {number}")
    await page.get_by_role("button", name="中文").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("号车位")
    assert not CODE.search(await page.inner_text("body"))


async def is_called(page: Page, name: str) -> None:
    """The page's heading and its tab."""
    heading = page.get_by_role("heading", level=1)
    await expect(heading).to_have_text(re.compile(name), timeout=SLOW)
    await expect(page).to_have_title(re.compile(name.removesuffix("$")))
    assert not CODE.search(await page.inner_text("body"))
