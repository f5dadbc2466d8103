"""The hours of a week, painted with a mouse, a finger and keys: what is painted is what a screen
reader is told, and what the offer in the chain has."""

from __future__ import annotations

import re

import pytest
from berth.chain.rpc import Rpc
from berth.core.ids import parse_space
from berth.core.tariff import decode_words
from playwright.async_api import BrowserContext, Locator, Page, expect

from tests.browser.conftest import ON_A_PHONE
from tests.browser.fingers import stroke_of
from tests.browser.outside import SLOW, Outside, signs_in
from tests.browser.screens import Screens
from tests.browser.test_owner_states import wallet_of, with_a_space
from tests.browser.town import Town

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(500)]

MON, TUE, WED, THU, FRI, SAT, SUN = range(7)
#: Days and hours.
Hours = set[tuple[int, int]]


async def test_painted_hours_are_the_hours_that_the_published_offer_has(
    town: Town,
    page: Page,
    context: BrowserContext,
    outside: Outside,
    rpc: Rpc,
    size: str,
    screens: Screens,
) -> None:
    outside, listing = await with_a_space(outside)
    wallet = await wallet_of(listing.owner.key, rpc, context)
    await signs_in(page, town, wallet)
    await form_of(page, town, listing.space_id)
    stroke = stroke_of(page, size)
    await page.get_by_role("button", name="Clear").click()
    await are_painted(page, set())

    # over days and hours at once, then a part of it away again, then one alone
    await in_sight(page, MON, 6)
    await stroke(cell(page, MON, 8), cell(page, WED, 17))
    wanted = {(day, hour) for day in (MON, TUE, WED) for hour in range(8, 18)}
    await are_painted(page, wanted)
    await stroke(cell(page, TUE, 14), cell(page, TUE, 12))
    wanted -= {(TUE, 12), (TUE, 13), (TUE, 14)}
    await are_painted(page, wanted)
    await stroke(cell(page, FRI, 9), cell(page, FRI, 9))
    wanted |= {(FRI, 9)}
    await are_painted(page, wanted)
    await screens.look("painted")
    await is_told(page, "Mon 08:00–18:00", "Tue 08:00–12:00, 15:00–18:00", f"{len(wanted)} of 168")

    wanted |= await paints_by_keys(page)
    await are_painted(page, wanted)
    await page.get_by_role("button", name="Saturday: the whole day").click()
    wanted |= {(SAT, hour) for hour in range(24)}
    await are_painted(page, wanted)
    await screens.look("all")

    await page.get_by_label(re.compile("^Price for an hour")).fill("2.40")
    await page.get_by_role("button", name="Publish the offer").click()
    await expect(page.get_by_text("Published. Drivers can find and lease")).to_be_visible(
        timeout=SLOW
    )
    assert await hours_in_chain(outside, listing.space_id, 2) == wanted


async def paints_by_keys(page: Page) -> Hours:
    """Arrows move, space paints, Shift and an arrow paint on; a screen reader is told of each."""
    await cell(page, THU, 4).focus()
    await expect(page.locator("[data-cell][tabindex='0']")).to_have_count(1)
    await page.keyboard.press("ArrowDown")
    at = cell(page, THU, 5)
    await expect(at).to_be_focused()
    await expect(at).to_have_accessible_name("Thursday 05:00 to 06:00: not shared")
    await page.keyboard.press("Space")
    await expect(at).to_have_accessible_name("Thursday 05:00 to 06:00: shared")
    for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
        await page.keyboard.press(f"Shift+{key}")
    await expect(cell(page, FRI, 7)).to_be_focused()
    grid = page.get_by_role("grid", name="Shared hours")
    await expect(grid).to_have_attribute("aria-multiselectable", "true")
    said = (await grid.aria_snapshot()).replace("'", "").splitlines()
    cells = [one.strip() for one in said if "gridcell" in one]
    assert '- gridcell "Friday 07:00 to 08:00: shared" [selected]' in cells
    assert '- gridcell "Thursday 07:00 to 08:00: shared" [selected]' in cells
    assert '- gridcell "Thursday 08:00 to 09:00: not shared"' in cells
    # painted on from one that is not shared, they are not either
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Shift+ArrowUp")
    await expect(cell(page, FRI, 7)).to_have_attribute("aria-selected", "false")
    await page.keyboard.press("Enter")
    await expect(cell(page, FRI, 7)).to_have_attribute("aria-selected", "true")
    await page.keyboard.press("End")
    await expect(cell(page, FRI, 23)).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await expect(cell(page, FRI, 23)).to_be_focused()
    await is_told(page, "Thu 05:00–08:00", "Fri 07:00–08:00")
    return {(THU, 5), (THU, 6), (THU, 7), (FRI, 7)}


@ON_A_PHONE
async def test_a_finger_over_the_hours_paints_and_one_beside_them_scrolls(
    town: Town, page: Page, context: BrowserContext, outside: Outside, rpc: Rpc, size: str
) -> None:
    outside, listing = await with_a_space(outside)
    await signs_in(page, town, await wallet_of(listing.owner.key, rpc, context))
    await form_of(page, town, listing.space_id)
    await page.get_by_role("button", name="Clear").click()
    stroke = stroke_of(page, size)
    await in_sight(page, MON, 6)
    before = await scrolled(page)
    for day in (WED, THU):
        await stroke(cell(page, day, 18), cell(page, day, 8))
    await are_painted(page, {(day, hour) for day in (WED, THU) for hour in range(8, 19)})
    assert await scrolled(page) == before
    names = page.locator("table.hours tbody th")
    await stroke(names.nth(18), names.nth(8))
    await page.wait_for_function("before => window.scrollY > before + 100", arg=before)
    await are_painted(page, {(day, hour) for day in (WED, THU) for hour in range(8, 19)})


async def form_of(page: Page, town: Town, space: str) -> None:
    await page.goto(f"{town.url}/owner/space/{space}")
    await page.get_by_role("button", name="Publish a new offer").click(timeout=SLOW)
    await expect(page.locator("table.hours")).to_be_visible()


def cell(page: Page, day: int, hour: int) -> Locator:
    return page.locator(f'[data-cell="{day * 24 + hour}"]')


async def in_sight(page: Page, day: int, hour: int) -> None:
    """Scrolls so that the hour is at the top."""
    await cell(page, day, hour).evaluate("(one) => one.scrollIntoView({ block: 'start' })")


async def scrolled(page: Page) -> float:
    return float(await page.evaluate("window.scrollY"))


async def are_painted(page: Page, hours: Hours) -> None:
    """Exactly these; to the eye, by the mark in the cell, and to a screen reader."""
    wanted = sorted(day * 24 + hour for day, hour in hours)
    await page.wait_for_function(
        "wanted => [...document.querySelectorAll('[data-cell][aria-selected=true]')]"
        ".map((one) => Number(one.dataset.cell)).sort((a, b) => a - b).join() === wanted",
        arg=",".join(map(str, wanted)),
    )
    marked = page.locator("[data-cell]").filter(has_text="✓")
    await expect(marked).to_have_count(len(wanted))


async def is_told(page: Page, *said: str) -> None:
    """In words beside the grid, which a screen reader hears."""
    told = page.locator(".field:has(table.hours) [role=status]")
    for one in said:
        await expect(told).to_contain_text(one)


async def hours_in_chain(outside: Outside, space: str, number: int) -> Hours:
    words = await outside.market.read(outside.stage.rpc, "offerOf", parse_space(space), number)
    mask = decode_words(*(int(word) for word in words)).hours_of_week
    return {(bit // 24, bit % 24) for bit in range(7 * 24) if mask >> bit & 1}
