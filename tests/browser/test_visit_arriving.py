"""At the bar: too early, without a network, before a lock that does not obey, and in."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest
from berth.core.slots import slot_start
from berth.core.tariff import EARLY_SECONDS
from playwright.async_api import BrowserContext, Page, expect

from tests.browser.conftest import ON_A_PHONE
from tests.browser.outside import SLOW, STRANGER, Outside, seconds_of, shows, signs_in
from tests.browser.screens import Screens
from tests.browser.test_visit_leaving import is_in_the_ledger
from tests.browser.town import Town
from tests.browser.wallet import Wallet

#: One walk by the chain's clock is long: on a phone, where it is walked.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(500), ON_A_PHONE]

LOWER = re.compile("lower the bar")


async def test_every_word_of_the_lock_from_too_early_to_the_receipt(
    town: Town,
    page: Page,
    context: BrowserContext,
    wallet: Wallet,
    outside: Outside,
    screens: Screens,
) -> None:
    driver = await outside.driver(wallet, "ARR 100")
    lease = await outside.books(
        driver, outside.space("Olga"), await outside.next_slot(EARLY_SECONDS + 600), 2
    )
    await signs_in(page, town, wallet)
    await page.goto(f"{town.url}/lease/{lease.lease_id}")

    await shows(page, "early")
    await shows(page, "place")
    await expect(page.get_by_role("button", name="Cancel this booking")).to_be_visible()
    await screens.look("early")
    await outside.lock_knows(lease)
    await stays_readable_without_a_network(page, context, lease.lease_id, screens)

    await outside.travel(lease.start - 600)
    await shows(page, "arrive")
    await the_lock_says_why(page, outside, lease.lock_id, screens)

    await outside.world(lease.lock_id, plate=lease.plate)
    await page.get_by_role("button", name=LOWER).click()
    await shows(page, "bar-down")
    await expect(page.get_by_text("The bar is down: drive in")).to_be_visible()
    await screens.look("bar-down")

    await outside.world(lease.lock_id, vehicle=True, plate=lease.plate)
    await shows(page, "stay")
    await expect(page.locator("[data-state=left]")).to_have_text(re.compile(r"min left$"))
    await screens.look("stay")
    await expect(page.get_by_text("your time is over")).to_have_count(0)
    await little_time_is_left(page, outside, lease.end, screens)
    await outside.travel(lease.end + 60)
    await shows(page, "overstay")
    await screens.look("overstay")
    await outside.world(lease.lock_id)
    await shows(page, "leaving")
    await screens.look("leaving")
    await shows(page, "receipt")
    await screens.look("receipt")
    await the_receipt_is_a_file(page, lease.lease_id)


async def little_time_is_left(page: Page, outside: Outside, end: int, screens: Screens) -> None:
    """Fourteen minutes before the end, and again four before it: a screen reader says it too."""
    said = page.get_by_role("status").filter(has_text="your time is over")
    for seconds, words in ((840, "In less than 15 minutes"), (240, "In less than 5 minutes")):
        await outside.travel(end - seconds)
        await expect(said).to_have_text(f"{words} your time is over.", timeout=SLOW)
        await screens.look(f"{seconds // 60}-minutes-left")


async def stays_readable_without_a_network(
    page: Page, context: BrowserContext, lease_id: str, screens: Screens
) -> None:
    """The address, the links for map apps and the grant, after the app is opened anew."""
    address = await page.locator(".address strong").inner_text()
    async with asyncio.timeout(SLOW / 1000):  # the page has asked again, and kept it
        while (await kept_copy(page, lease_id))["grant"]["state"] != "acknowledged":
            await asyncio.sleep(0.2)
    await page.evaluate("async () => { await navigator.serviceWorker.ready; }")
    await context.set_offline(True)
    await page.reload()
    await shows(page, "offline")
    await expect(page.locator(".address strong")).to_have_text(address)
    await expect(page.locator("[data-state=place] a").first).to_be_visible()
    await expect(page.locator("[data-state=grant-acknowledged]")).to_have_text(
        "The lock knows of your booking."
    )
    await screens.look("offline")
    await context.set_offline(False)
    # what failed is asked for again by itself
    await shows(page, "early")


async def kept_copy(page: Page, lease_id: str) -> dict[str, Any]:
    """What the page keeps of a lease for a time without a network."""
    found = await page.evaluate("(name) => localStorage.getItem(name)", f"berth.lease.{lease_id}")
    kept: dict[str, Any] = json.loads(found)
    return {**kept, "grant": kept["grant"] or {"state": "none"}}


async def the_lock_says_why(page: Page, outside: Outside, lock_id: str, screens: Screens) -> None:
    """No car, a stranger's plate, a stranger's car in the space, a lock without power."""
    await page.get_by_role("button", name=LOWER).click()
    await shows(page, "plate.missing")
    await screens.look("no-car")
    await outside.world(lock_id, plate=STRANGER)
    await shows(page, "plate.mismatch")
    await screens.look("wrong-plate")
    await outside.world(lock_id, vehicle=True, plate=STRANGER)
    await shows(page, "bay.occupied")
    await screens.look("occupied")
    await outside.world(lock_id)
    await expect(page.locator('[data-state="bay.occupied"]')).to_be_hidden(timeout=SLOW)
    async with outside.without_power(lock_id):
        await shows(page, "bar-offline")
        await page.get_by_role("button", name=LOWER).click()
        await shows(page, "lock.offline")
        await screens.look("lock-offline")
    await shows(page, "bar-up")


async def the_receipt_is_a_file(page: Page, lease_id: str) -> None:
    async with page.expect_download() as coming:
        await page.get_by_role("button", name="Download").click()
    download = await coming.value
    assert re.fullmatch(r"berth-receipt-\d+\.json", download.suggested_filename)
    assert lease_id in (await download.path()).read_text("utf-8")


async def test_a_jammed_bar_is_said_and_the_deposit_comes_back(
    town: Town, page: Page, wallet: Wallet, outside: Outside, screens: Screens
) -> None:
    """The driver cannot park; nobody says anything more, and the keeper closes the lease."""
    driver = await outside.driver(wallet, "JAM 100")
    lease = await outside.books(driver, outside.space("Olga"), await outside.next_slot(-900))
    await signs_in(page, town, wallet)
    await page.goto(f"{town.url}/lease/{lease.lease_id}")
    await shows(page, "arrive")
    await outside.world(lease.lock_id, plate=lease.plate, jam=True)
    await page.get_by_role("button", name=LOWER).click()
    await shows(page, "bar-jammed")
    await shows(page, "lock.jammed")
    await screens.look("jammed")
    await outside.travel(lease.end + 60)
    await shows(page, "missed")
    await expect(page.get_by_text(re.compile("^You pay nothing"))).to_be_visible()
    await screens.look("missed")
    times = (await outside.detail(lease))["times"]
    await outside.repair(lease.lock_id)
    await outside.travel(seconds_of(times["evidenceUntil"]) + 1)
    await shows(page, "receipt")
    await expect(page.get_by_text("Nobody ever arrived")).to_be_visible()
    await screens.look("closed-by-keeper")
    await is_in_the_ledger(page, screens)


async def test_a_bar_that_is_down_for_the_driver_before_invites_nobody_in(
    town: Town, page: Page, wallet: Wallet, outside: Outside, screens: Screens
) -> None:
    """One stay follows the other; the first car still stands there when the second comes."""
    start, space = await outside.next_slot(), outside.space("Rosa")
    await outside.travel(slot_start(start) + 30)
    before = await outside.books(await outside.somebody("FOR 100"), space, start)
    after = await outside.books(await outside.driver(wallet, "AFT 100"), space, start + 1)
    await outside.parks(before)
    await signs_in(page, town, wallet)
    await page.goto(f"{town.url}/lease/{after.lease_id}")
    await shows(page, "arrive")
    await shows(page, "bar-down")
    await expect(page.get_by_role("heading", name="Are you there?")).to_be_visible()
    await page.get_by_role("button", name=LOWER).click()
    await shows(page, "bay.occupied")
    await expect(page.get_by_text("The bar is down: drive in")).to_have_count(0)
    await screens.look("the-car-before")

    await outside.world(before.lock_id)
    await outside.until(before, "settled")
    await shows(page, "bar-up")
    await outside.world(after.lock_id, plate=after.plate)
    await page.get_by_role("button", name=LOWER).click()
    await expect(page.get_by_text("The bar is down: drive in")).to_be_visible(timeout=SLOW)
    await outside.world(after.lock_id, vehicle=True, plate=after.plate)
    await shows(page, "stay")
    await outside.world(after.lock_id)
    await shows(page, "receipt")
