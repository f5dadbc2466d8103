"""Bookings that come to nothing once they are sent: refused by the contract, or lost. The page says
which."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.conftest import ON_A_PHONE
from tests.browser.outside import SLOW, Outside, shows, signs_in, stay
from tests.browser.screens import Screens
from tests.browser.test_visit_signing import RESERVE, SENT
from tests.browser.town import Town
from tests.browser.wallet import Wallet

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(500), ON_A_PHONE]


@asynccontextmanager
async def without_a_sponsor(outside: Outside) -> AsyncIterator[None]:
    """The operator's purse is empty within the block: wallets pay."""
    rpc, sponsor = outside.stage.rpc, outside.stage.parties.address("sponsor")
    purse = await rpc.call("eth_getBalance", sponsor, "latest")
    await rpc.call("evm_setAccountBalance", sponsor, "0x0")
    try:
        yield
    finally:
        await rpc.call("evm_setAccountBalance", sponsor, purse)


async def test_a_booking_that_the_contract_refuses_is_said_with_its_reason(
    town: Town, page: Page, wallet: Wallet, outside: Outside, screens: Screens
) -> None:
    """While the wallet asks, somebody else takes the space; the wallet sends it all the same."""
    screens.own.append("LST100")
    driver = await outside.driver(wallet, "LST 100")
    await outside.registers_car(driver)
    rival = await outside.somebody("LST 200")
    await signs_in(page, town, wallet)
    space, start = outside.space("Sami"), await outside.next_slot(4 * 3600)

    async def somebody_is_faster() -> None:
        await screens.look("asked-to-send")
        await outside.books(rival, space, start, 2)

    async with without_a_sponsor(outside):
        await page.goto(stay(town, space, start, 2))
        wallet.bold = True
        wallet.before[SENT] = somebody_is_faster
        await page.get_by_role("button", name=RESERVE).click()
        await expect(page).to_have_url(re.compile("/lease/0x|/leases"), timeout=SLOW)
        await shows(page, "failed")
        await expect(page.get_by_text("leased or blocked for part of this time")).to_be_visible()
        await screens.look("failed")
    assert (await driver.api.get("/v1/me/leases"))["items"] == []


async def test_what_the_chain_has_lost_is_said_to_be_gone(
    town: Town, page: Page, wallet: Wallet, outside: Outside, screens: Screens
) -> None:
    """A booking and a withdrawal. Ganache forgets no transaction: the service's answer is changed
    on its way."""
    screens.own.append("LST300")
    driver = await outside.driver(wallet, "LST 300")
    await outside.registers_car(driver)
    await signs_in(page, town, wallet)
    await page.goto(stay(town, outside.space("Sami"), await outside.next_slot(5 * 3600), 2))
    async with outside.nothing_is_mined():
        await page.get_by_role("button", name=RESERVE).click()
        await shows(page, "pending")
        await page.route("**/v1/intents/*", is_gone)
        await shows(page, "gone")
        await screens.look("gone")
        await expect(page.get_by_role("link", name="Find another space")).to_be_visible()
        await page.unroute("**/v1/intents/*")

    await page.goto(f"{town.url}/owner/earnings")
    withdraw = page.get_by_role("button", name="Withdraw", exact=True)
    await withdraw.click(timeout=SLOW)
    await page.get_by_label(re.compile("^Amount")).fill("1")
    async with outside.nothing_is_mined():
        await withdraw.click()
        await expect(page.locator("[data-where=work][data-state=pending]")).to_be_visible(
            timeout=SLOW
        )
        await screens.look("withdrawal-pending")
        await outside.stage.rpc.call("evm_mine")
        await expect(page.locator("[data-where=work][data-state=mined]")).to_be_visible(
            timeout=SLOW
        )
        await screens.look("withdrawal-one-of-two")
        await page.route("**/v1/intents/*", is_gone)
        await shows(page, "ended-gone")
        await screens.look("withdrawal-gone")


async def is_gone(route: Route) -> None:
    """The same answer, of something that the chain does not have any more."""
    response = await route.fetch()
    await route.fulfill(response=response, json={**await response.json(), "state": "gone"})
