"""What a visit seldom comes to: a word that has grown old, a bar that is on its way or was never
heard of, a session that ends, the owner's look at a lease."""

from __future__ import annotations

import re

import pytest
from berth.chain.rpc import Rpc
from playwright.async_api import BrowserContext, Page, expect

from tests.browser.conftest import ON_A_PHONE
from tests.browser.outside import SLOW, STRANGER, Booked, Outside, shows, signs_in
from tests.browser.screens import Screens
from tests.browser.town import Town
from tests.browser.wallet import Wallet

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(500), ON_A_PHONE]

LOWER = re.compile("lower the bar")
#: So long a plate and a word count, and a little more, seconds.
STALE = 130


async def test_what_the_lock_waits_for_is_said_as_it_changes(
    town: Town, page: Page, wallet: Wallet, outside: Outside, screens: Screens
) -> None:
    """A plate that is hard to read, one that is gone; a bar that moves, that is down without
    power, that was lifted by hand; a chain that stands still."""
    driver = await outside.driver(wallet, "OLD 100")
    lease = await outside.books(driver, outside.space("Olga"), await outside.next_slot(-900), 4)
    lower = page.get_by_role("button", name=LOWER)
    await signs_in(page, town, wallet)
    await page.goto(f"{town.url}/lease/{lease.lease_id}")
    await shows(page, "arrive")
    await outside.lock_knows(lease)

    await outside.world(lease.lock_id, plate=STRANGER, confidence=0.5)
    await lower.click()
    await shows(page, "plate.unsure")
    await screens.look("unsure")
    await outside.world(lease.lock_id)
    await outside.travel(await outside.stage.now() + STALE)
    await shows(page, "plate.stale")
    await shows(page, "confirm.stale")
    await screens.look("stale")

    async with outside.held(lease.lock_id) as free:
        await shows(page, "bar-up")
        await outside.world(lease.lock_id, plate=lease.plate)
        await lower.click()
        await shows(page, "bar-moving")
        await shows(page, "lock.moving")
        await screens.look("moving")
        free.set()
        await shows(page, "bar-down")
    await shows(page, "bar-down")
    async with outside.without_power(lease.lock_id):
        await shows(page, "bar-offline")
        await shows(page, "lock.open")
        await screens.look("down-without-power")

    # lifted by hand: what was said and seen before counts no more
    await outside.repair(lease.lock_id)
    for reason in ("near.missing", "confirm.missing", "plate.missing"):
        await shows(page, reason)
    await screens.look("lifted-by-hand")
    async with outside.nothing_is_mined():
        await shows(page, "clock.skew")
        await screens.look("chain-stands-still")


async def test_a_lock_that_was_never_heard_of_is_said(
    town: Town, page: Page, wallet: Wallet, outside: Outside, screens: Screens
) -> None:
    driver = await outside.driver(wallet, "NEV 100")
    lease = await outside.books(driver, outside.space("Rosa"), await outside.next_slot(-900), 2)
    await signs_in(page, town, wallet)
    async with outside.without_power(lease.lock_id):
        await outside.forget(lease)
        await page.goto(f"{town.url}/lease/{lease.lease_id}")
        await shows(page, "bar-unknown")
        await page.get_by_role("button", name=LOWER).click()
        await shows(page, "lock.unknown_position")
        await screens.look("never-heard-of")


async def test_the_owner_sees_how_a_lease_goes_on_and_what_it_brings(
    town: Town, page: Page, context: BrowserContext, outside: Outside, rpc: Rpc, screens: Screens
) -> None:
    """Booked, parked, objected to by the driver, decided; and the owner's part of the receipt."""
    driver = await outside.somebody("SEE 100")
    tove, space = await outside.owner("Tove")
    wallet = Wallet(tove.key, rpc, chain_id=1337)
    await wallet.enter(context)
    lease = await outside.books(driver, space, await outside.next_slot(-900), 2)
    await signs_in(page, town, wallet)
    await page.goto(f"{town.url}/lease/{lease.lease_id}")
    await shows(page, "owner")
    await expect(page.get_by_role("heading", level=1)).to_have_text("A booking of your space")
    await expect(page.get_by_role("button", name=LOWER)).to_have_count(0)
    await screens.look("booked")
    await outside.parks(lease)
    await shows(page, "bar-down")
    await screens.look("parked")
    await outside.does(driver, "dispute", int(lease.lease_id, 16))
    await shows(page, "disputed-theirs")
    await screens.look("disputed")
    await outside.decides(lease, 50_000)
    await shows(page, "receipt")
    await expect(page.locator(".receipt").get_by_text("The owner's share")).to_be_visible()
    await screens.look("receipt")
    await drives_off(outside, lease)


async def drives_off(outside: Outside, lease: Booked) -> None:
    """The space is free again, for the next test."""
    await outside.world(lease.lock_id)
    api = lease.driver.api
    await outside.stage.until(
        "the bar to be up",
        lambda: api.get(f"/v1/leases/{lease.lease_id}"),
        lambda one: one["lock"]["position"] == "LOCKED",
    )


async def test_why_somebody_is_not_signed_in_any_more_is_said(
    town: Town,
    page: Page,
    context: BrowserContext,
    wallet: Wallet,
    outside: Outside,
    screens: Screens,
) -> None:
    """The wallet is locked, and unlocked again; the session is over."""
    await outside.driver(wallet, "SES 100")
    await signs_in(page, town, wallet)
    await page.evaluate("__emit('accountsChanged', [])")
    await shows(page, "ended-locked")
    await screens.look("locked")
    await page.evaluate(f"__emit('accountsChanged', ['{wallet.address}'])")
    await expect(page.locator("[data-state=ended-locked]")).to_be_hidden()
    await shows(page, "in")
    assert wallet.signatures == []

    await context.clear_cookies()
    await page.get_by_role("link", name="My parking").first.click()
    await shows(page, "ended-over")
    await expect(page.locator("[data-state=ended-over] button")).to_have_count(2)
    await screens.look("over")
    await page.get_by_role("button", name="Sign in again").click()
    await page.get_by_role("button", name="Test Wallet").click()
    await expect(page.locator("[data-state=ended-over]")).to_be_hidden(timeout=SLOW)
