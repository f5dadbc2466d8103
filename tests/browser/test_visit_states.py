"""What a visit seldom comes to: a word that has grown old, a bar that is on its way or was never
heard of, a session that ends, the owner's look at a lease."""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable

import pytest
from berth.chain.rpc import Rpc
from berth.cli.demo.people import Person
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
    """A plate that is hard to read, one that is gone; a bar that goes down, that is down without
    power, that comes up again; a chain that stands still."""
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
        await expect(page.get_by_text("The bar goes down.")).to_be_visible(timeout=SLOW)
        await screens.look("goes-down")
        free.set()
        await shows(page, "bar-down")
    await shows(page, "bar-down")
    async with outside.without_power(lease.lock_id):
        await shows(page, "bar-offline")
        await shows(page, "lock.open")
        await expect(page.get_by_text("The bar may be down already")).to_be_visible()
        await screens.look("down-without-power")

    # nobody drives in: what was said and seen before counts no more
    async with outside.held(lease.lock_id, idle=1.0) as free:
        await shows(page, "bar-moving")
        await shows(page, "lock.moving")
        await screens.look("comes-up")
        free.set()
        for reason in ("near.missing", "confirm.missing", "plate.missing"):
            await shows(page, reason)
    await screens.look("nobody-drove-in")
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
        await outside.forget(lease.lock_id)
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
    await drives_off(outside, lease, tove)


async def drives_off(outside: Outside, lease: Booked, owner: Person) -> None:
    """The space is free again, for the next test; the lease is over, and its driver hears no more
    of the lock."""
    await outside.world(lease.lock_id)
    api = owner.api
    await outside.stage.until(
        "the bar to be up",
        lambda: api.get(f"/v1/leases/{lease.lease_id}"),
        lambda one: one["lock"]["position"] == "LOCKED",
    )


async def test_what_the_wallet_is_asked_for_is_said_while_it_asks(
    town: Town, page: Page, context: BrowserContext, rpc: Rpc, screens: Screens
) -> None:
    """An account, another chain, the word for signing in; then nothing has been parked yet."""
    wallet = Wallet(secrets.token_bytes(32), rpc, chain_id=1337, shown_chain=1)
    await wallet.enter(context)

    def is_looked_at(question: str) -> Callable[[], Awaitable[None]]:
        async def look() -> None:
            await shows(page, question)
            await screens.look(question)

        return look

    wallet.before["eth_requestAccounts"] = is_looked_at("connect")
    wallet.before["wallet_switchEthereumChain"] = is_looked_at("chain")
    wallet.before["personal_sign"] = is_looked_at("login")
    await page.goto(f"{town.url}/leases")
    await page.get_by_role("main").get_by_role("button", name="Sign in").click()
    await page.get_by_role("button", name="Test Wallet").click()
    await shows(page, "empty")
    assert not wallet.before
    await screens.look("nothing-parked")


async def test_a_booking_is_not_deep_enough_and_its_lock_has_not_heard_of_it(
    town: Town,
    page: Page,
    context: BrowserContext,
    wallet: Wallet,
    outside: Outside,
    screens: Screens,
) -> None:
    """One block of two; confirmed, and read without a network before the lock knows; the list."""
    driver = await outside.driver(wallet, "NEW 100")
    space = outside.space("Umar")
    start = await outside.next_slot(4 * 3600)
    call = await outside.lease_call(driver, space, start, 2)
    await signs_in(page, town, wallet)
    async with outside.without_power(outside.lock(space)):
        async with outside.nothing_is_mined():
            await outside.hands_in(driver, *call)
            await outside.stage.rpc.call("evm_mine")
            lease_id = await outside.leased(driver, space, start)
            await page.goto(f"{town.url}/lease/{lease_id}")
            await shows(page, "paying")
            await expect(page.get_by_text("1 of 2 confirmations")).to_be_visible()
            await screens.look("one-of-two")
        await shows(page, "early")
        await shows(page, "place")
        await page.evaluate("async () => { await navigator.serviceWorker.ready; }")
        await context.set_offline(True)
        await page.reload()
        await shows(page, "grant-missing")
        await screens.look("lock-has-not-heard")
        await context.set_offline(False)
        await page.goto(f"{town.url}/leases")
        await shows(page, "booked")
        await screens.look("list")


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
