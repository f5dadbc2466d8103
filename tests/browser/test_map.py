"""The map: streets where there are pictures of them, and of use without."""

from __future__ import annotations

import base64
from copy import deepcopy

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


#: Where results are, of the way east and north over a kilometre: what a view fits most closely.
LAYOUTS = {
    "corners": [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)],
    "foot": [(0.0, 0.0), (0.2, 0.0), (0.5, 0.0), (0.8, 0.0), (1.0, 0.02), (0.5, 0.6)],
    "column": [(0.0, n / 6) for n in range(7)],
    "heap": [(0.0, 0.0), (0.01, 0.0), (0.02, 0.01), (0.03, 0.0), (1.0, 1.0)],
}


@pytest.mark.parametrize("streets", [False, True], ids=["plain", "streets"])
async def test_no_mark_that_the_map_fits_lies_beneath_a_control(
    town: Town, page: Page, streets: bool, screens: Screens
) -> None:
    """Wherever the spaces are: each label is whole, in the map, and can be pressed."""
    layout: list[tuple[float, float]] = []

    async def found(route: Route) -> None:
        answer = await (await route.fetch()).json()
        first = answer["items"][0]
        lon, lat = first["space"]["publicPoint"]["coordinates"]
        answer["items"] = []
        for index, (east, north) in enumerate(layout):
            one = deepcopy(first)
            point = [lon + (east - 0.5) * 0.012, lat + (north - 0.5) * 0.009]
            one["space"]["publicPoint"]["coordinates"] = point
            one["space"] |= {"id": f"0x0365924f{index:08x}", "index": index}
            answer["items"].append(one)
        await route.fulfill(json=answer)

    async def with_tiles(route: Route) -> None:
        told = await (await route.fetch()).json()
        tiles = {"tilesUrl": f"{town.url}/tiles/{{z}}/{{x}}/{{y}}.png", "tilesAttribution": MAKERS}
        await route.fulfill(json={**told, **(tiles if streets else {})})

    await page.route("**/tiles/**", lambda route: route.fulfill(body=PICTURE))
    await page.route("**/v1/config", with_tiles)
    await page.route("**/v1/search", found)
    for name, points in LAYOUTS.items():
        layout[:] = points
        await page.goto(town.url)
        await page.get_by_role("button", name="Find a space").click()
        await expect(page.locator(".price-mark span")).to_have_count(len(points))
        await page.locator(".map").evaluate("(map) => map.scrollIntoView({ block: 'center' })")
        assert await page.evaluate(COVERED) == [], name
        await screens.look(name)


#: Labels that something lies over, that are cut off, or that stand beneath a control.
COVERED = """() => {
  const map = document.querySelector(".map").getBoundingClientRect();
  const controls = [...document.querySelectorAll(".map .leaflet-control")]
    .map((one) => one.getBoundingClientRect());
  const apart = (one, other) => one.right <= other.left || other.right <= one.left ||
    one.bottom <= other.top || other.bottom <= one.top;
  return [...document.querySelectorAll(".price-mark span")].flatMap((label) => {
    const box = label.getBoundingClientRect();
    const cut = box.left < map.left || box.right > map.right || box.top < map.top ||
      box.bottom > map.bottom;
    const under = controls.filter((one) => !apart(box, one));
    const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    const over = top !== label;
    return cut || under.length || over
      ? [{ text: label.textContent, box: box.toJSON(), cut, under: under.length, over }] : [];
  });
}"""
