"""While it is signed and mined: what changes meanwhile, who pays, and blocks that are replaced."""

from __future__ import annotations

import asyncio
import re

import pytest
from berth.chain.rpc import Rpc
from berth.cli.demo.people import Person
from berth.core.ids import parse_space
from berth.market.offers import live_offers
from playwright.async_api import BrowserContext, Page, Route, expect

from tests.browser.conftest import ON_A_PHONE
from tests.browser.ends import ended_as_told
from tests.browser.outside import SLOW, Outside, shows, signs_in, stay
from tests.browser.screens import Screens
from tests.browser.town import Town
from tests.browser.wallet import Wallet

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(500), ON_A_PHONE]

RESERVE = re.compile("^Reserve for at most")
TYPED, SENT = "eth_signTypedData_v4", "eth_sendTransaction"


async def test_a_price_that_has_changed_is_said_and_asked_about(
    town: Town, page: Page, wallet: Wallet, outside: Outside, screens: Screens
) -> None:
    """Once between the search and the space's page, once between the quote and the signature."""
    screens.own.append("DEA100")
    driver = await outside.driver(wallet, "DEA 100")
    await outside.registers_car(driver)
    umar, space = await outside.owner("Umar")
    start = await outside.next_slot(4 * 3600)
    await signs_in(page, town, wallet)

    number = await makes_dearer(outside, umar, space)
    await page.goto(stay(town, space, start, 4, max=9_600_000))
    await expect(page.get_by_text("The price has changed")).to_be_visible()
    await screens.look("dearer")

    async def is_dearer() -> None:
        await makes_dearer(outside, umar, space)

    wallet.before[TYPED] = is_dearer
    agreed = await page.get_by_role("button", name=RESERVE).inner_text()
    await page.get_by_role("button", name=RESERVE).click()
    await expect(page.locator(".reserve .notice")).to_be_visible(timeout=SLOW)
    await screens.look("withdrawn")
    # what is asked for next is the new price
    await expect(page.get_by_role("button", name=RESERVE)).not_to_have_text(agreed)
    await page.get_by_role("button", name=RESERVE).click()
    await expect(page).to_have_url(re.compile("/lease/0x"), timeout=SLOW)
    await shows(page, "early")
    taken = (await driver.api.get("/v1/me/leases"))["items"][0]
    assert taken["offer"] == number + 1


async def makes_dearer(outside: Outside, owner: Person, space: str) -> int:
    """The owner publishes an offer at a higher price and withdraws all before it; its number."""
    with outside.stage.store.read() as conn:
        price = max(terms.price_per_slot for _, terms in live_offers(conn, space))
    number = await outside.offers(owner, space, price_per_slot=price + 100_000)
    await outside.does(owner, "withdrawOffers", parse_space(space), number)
    await outside.stage.until(
        "the old offers to be gone",
        lambda: owner.api.get(f"/v1/spaces/{space}"),
        lambda seen: [one["number"] for one in seen["offers"]] == [number],
    )
    return number


async def test_what_breaks_off_at_the_wallet_is_said_and_can_be_done_again(
    town: Town,
    page: Page,
    context: BrowserContext,
    wallet: Wallet,
    outside: Outside,
    screens: Screens,
) -> None:
    """A no, a lost connection, a wallet without its node, another account; and then it works."""
    screens.own.append("BRK100")
    driver = await outside.driver(wallet, "BRK 100")
    await outside.registers_car(driver)
    await signs_in(page, town, wallet)
    url = stay(town, outside.space("Olga"), await outside.next_slot(5 * 3600), 2)
    await page.goto(url)
    reserve = page.get_by_role("button", name=RESERVE)
    again = page.locator(".reserve").get_by_role("button", name="Try again").last

    wallet.refuse.add(TYPED)
    await reserve.click()
    await expect(page.get_by_text("You said no in your wallet")).to_be_visible(timeout=SLOW)
    await screens.look("said-no")

    wallet.before[TYPED] = lambda: context.set_offline(True)
    await again.click()
    await expect(page.locator(".reserve").get_by_text("No connection")).to_be_visible(timeout=SLOW)
    await screens.look("no-connection")
    await context.set_offline(False)

    async def is_cut_off() -> None:
        await page.evaluate("__emit('disconnect', { code: 4900, message: 'Disconnected' })")

    wallet.before[TYPED] = is_cut_off
    await again.click()
    await expect(page.get_by_text("Your wallet lost its connection")).to_be_visible(timeout=SLOW)
    await screens.look("wallet-lost")

    other = "0x" + "7" * 40
    wallet.before[TYPED] = lambda: page.evaluate(f"__emit('accountsChanged', ['{other}'])")
    await again.click()
    await expect(page.locator("[data-state=ended-changed]")).to_be_visible(timeout=SLOW)
    await screens.look("account-changed")
    assert (await driver.api.get("/v1/me/leases"))["items"] == []

    await page.locator("[data-state=ended-changed]").get_by_role("button", name="Sign in").click()
    await page.get_by_role("button", name="Test Wallet").click()
    await expect(page.locator("[data-state=ended-changed]")).to_be_hidden()
    await reserve.click()
    await expect(page).to_have_url(re.compile("/lease/0x"), timeout=SLOW)


async def test_an_order_whose_answer_is_lost_leads_to_the_lease_and_to_no_second_one(
    town: Town, page: Page, wallet: Wallet, outside: Outside, screens: Screens
) -> None:
    """The service took it and the phone never heard: in the way is then the driver's own lease."""
    screens.own.append("LST100")
    driver = await outside.driver(wallet, "LST 100")
    await outside.registers_car(driver)
    await signs_in(page, town, wallet)
    handed_in = []

    async def is_lost(route: Route) -> None:
        handed_in.append((await route.fetch()).status)
        await route.abort()

    await page.route("**/v1/intents/submit", is_lost)
    await page.goto(stay(town, outside.space("Olga"), await outside.next_slot(9 * 3600), 2))
    await page.get_by_role("button", name=RESERVE).click()
    await expect(page.locator(".reserve").get_by_text("No connection")).to_be_visible(timeout=SLOW)
    assert handed_in == [202] * 4  # the same one, taken once
    await page.unroute("**/v1/intents/submit")
    await outside.stage.until(
        "the lease", lambda: driver.api.get("/v1/me/leases"), lambda seen: bool(seen["items"])
    )
    await page.locator(".reserve").get_by_role("button", name="Try again").last.click()
    await expect(page).to_have_url(re.compile("/lease/0x"), timeout=SLOW)
    await shows(page, "early")
    assert wallet.signatures == [TYPED]
    assert len((await driver.api.get("/v1/me/leases"))["items"]) == 1


async def test_without_a_sponsor_the_wallet_sends_and_pays(
    town: Town, page: Page, wallet: Wallet, outside: Outside, rpc: Rpc, screens: Screens
) -> None:
    """The operator's purse is empty: the page says that ether is missing; with some it goes on."""
    screens.own.append("SPO100")
    driver = await outside.driver(wallet, "SPO 100")
    await outside.registers_car(driver)
    await signs_in(page, town, wallet)
    sponsor = outside.stage.parties.address("sponsor")
    purse = await rpc.call("eth_getBalance", sponsor, "latest")
    await rpc.call("evm_setAccountBalance", sponsor, "0x0")
    await rpc.call("evm_setAccountBalance", driver.address, "0x0")
    try:
        await page.goto(stay(town, outside.space("Olga"), await outside.next_slot(6 * 3600), 2))
        await page.get_by_role("button", name=RESERVE).click()
        await expect(page.get_by_text("Not enough ether for the network's fee")).to_be_visible(
            timeout=SLOW
        )
        await screens.look("no-ether")
        await rpc.call("evm_setAccountBalance", driver.address, hex(10**18))
        wallet.refuse.add(SENT)
        await page.get_by_role("button", name="Try again").click()
        await expect(page.get_by_text("You said no in your wallet")).to_be_visible(timeout=SLOW)
        await page.get_by_role("button", name="Try again").click()
        await expect(page).to_have_url(re.compile("/lease/0x"), timeout=SLOW)
        assert wallet.signatures == [SENT, SENT]
        await shows(page, "early")
    finally:
        await rpc.call("evm_setAccountBalance", sponsor, purse)


async def test_a_booking_is_followed_through_blocks_that_are_replaced(
    town: Town,
    page: Page,
    context: BrowserContext,
    wallet: Wallet,
    outside: Outside,
    rpc: Rpc,
    screens: Screens,
) -> None:
    """Not mined, without a network, one block of two, taken out and mined anew; then another one
    that is taken out while somebody else takes the space."""
    screens.own.append("RRG100")
    driver = await outside.driver(wallet, "RRG 100")
    await outside.registers_car(driver)
    rival = await outside.somebody("RVL 100")
    await outside.registers_car(rival)
    await signs_in(page, town, wallet)
    space, start = outside.space("Olga"), await outside.next_slot(7 * 3600)
    await guard(rpc)

    await page.goto(stay(town, space, start, 2))
    async with outside.nothing_is_mined():
        snapshot = await rpc.call("evm_snapshot")
        await page.get_by_role("button", name=RESERVE).click()
        await expect(page).to_have_url(re.compile("/lease/0x"), timeout=SLOW)
        await shows(page, "pending")
        await screens.look("pending")
        await context.set_offline(True)
        await expect(page.get_by_text("No connection. What was")).to_be_visible()
        await screens.look("pending-offline")
        await context.set_offline(False)
        await rpc.call("evm_mine")
        await shows(page, "mined")
        await expect(page.get_by_text("1 of 2 confirmations")).to_be_visible(timeout=SLOW)
        await screens.look("one-of-two")
        assert await rpc.call("evm_revert", snapshot)
        await rpc.call("evm_mine")
        await expect(page.get_by_text("1 of 2 confirmations")).to_be_hidden(timeout=SLOW)
        await screens.look("taken-out")
    await shows(page, "early")

    await page.goto(stay(town, space, start + 4, 2))
    await asyncio.sleep(2)
    request = await outside.lease_call(rival, space, start + 4, 2)
    async with outside.nothing_is_mined():
        snapshot = await rpc.call("evm_snapshot")
        await page.get_by_role("button", name=RESERVE).click()
        await expect(page).to_have_url(re.compile("/lease/0x"), timeout=SLOW)
        await rpc.call("evm_mine")
        await expect(page.get_by_text("1 of 2 confirmations")).to_be_visible(timeout=SLOW)
        assert await rpc.call("evm_revert", snapshot)
        await outside.hands_in(rival, *request)
        await rpc.call("evm_mine")
    await ended_as_told(page, driver)
    await screens.look("ended")
    await expect(page.get_by_role("link", name="Find another space")).to_be_visible()


async def guard(rpc: Rpc) -> None:
    """Has Ganache list all further blocks: without a snapshot that stays it loses the block under
    a snapshot when it goes back to one."""
    await rpc.call("evm_snapshot")
    first = await rpc.block_number()
    while await rpc.block_number() < first + 2:
        await asyncio.sleep(0.1)
