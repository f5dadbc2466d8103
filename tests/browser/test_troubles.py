"""What goes wrong on the way: another chain in the wallet, a block that is replaced, no network."""

from __future__ import annotations

import asyncio
import re
import secrets

import pytest
from berth.chain.contracts import Contracts
from berth.chain.reverts import ChainRevertError
from berth.chain.rpc import Rpc
from playwright.async_api import BrowserContext, Page, expect

from tests.browser.ends import ENDS, ended
from tests.browser.screens import Screens
from tests.browser.test_driver import SLOW, add_car, choose, find
from tests.browser.town import Town
from tests.browser.wallet import Wallet

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(500)]


async def test_a_wallet_on_another_chain_is_asked_to_change(
    town: Town, page: Page, context: BrowserContext, rpc: Rpc, screens: Screens
) -> None:
    wallet = Wallet(secrets.token_bytes(32), rpc, chain_id=1337, shown_chain=1)
    await wallet.enter(context)
    wallet.refuse.add("wallet_switchEthereumChain")
    await page.goto(f"{town.url}/account")
    await page.get_by_role("main").get_by_role("button", name="Sign in").click()
    await page.get_by_role("button", name="Test Wallet").click()
    # a no is no: nothing was signed on the wrong chain
    await expect(page.get_by_role("dialog").get_by_role("alert")).to_be_visible()
    assert wallet.signatures == []
    await screens.look("other-chain")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator("[data-state=in]")).to_be_visible(timeout=SLOW)
    assert wallet.shown_chain is None
    assert wallet.signatures == ["personal_sign"]


async def test_without_a_network_the_app_says_so_and_keeps_what_it_had(
    town: Town, page: Page, context: BrowserContext, screens: Screens
) -> None:
    await page.goto(f"{town.url}/audit")
    await expect(page.get_by_text(re.compile("^[0-9]+ settlement"))).to_be_visible()
    await context.set_offline(True)
    await expect(
        page.get_by_text("No connection. What was loaded before is shown.")
    ).to_be_visible()
    await expect(page.get_by_text(re.compile("^[0-9]+ settlement"))).to_be_visible()
    await screens.look("offline")
    await context.set_offline(False)
    await expect(page.get_by_text("No connection. What was loaded before is shown.")).to_be_hidden()


async def test_what_a_reorg_does_to_a_booking_is_what_the_page_says(
    town: Town, page: Page, rpc: Rpc, screens: Screens
) -> None:
    await page.goto(f"{town.url}/account")
    await page.get_by_role("main").get_by_role("button", name="Sign in").click()
    await page.get_by_role("button", name="Continue as a guest").click()
    await expect(page.locator("[data-state=in]")).to_be_visible(timeout=SLOW)
    await page.goto(town.url)
    await find(page, screens)
    await choose(page, screens)
    snapshot = await rpc.call("evm_snapshot")
    await page.get_by_role("button", name=re.compile("^Reserve for at most")).click()
    await add_car(page, "RRG 300", screens)
    await expect(page).to_have_url(re.compile("/lease/0x"), timeout=SLOW)
    lease_id = int(re.search("/lease/(0x[0-9a-f]+)", page.url)[1], 16)  # type: ignore[index]
    while not await booked(town, rpc, lease_id):
        await asyncio.sleep(0.1)
    assert await rpc.call("evm_revert", snapshot)
    assert not await booked(town, rpc, lease_id)
    # either it is mined anew, or the page says that nothing was booked: as the chain has it
    end = page.locator("[data-state=arrive], [data-state=gone], [data-state=failed]")
    await expect(end.first).to_be_visible(timeout=2 * SLOW)
    shown = await end.first.get_attribute("data-state")
    await screens.look("reorged")
    assert await booked(town, rpc, lease_id) == (shown == "arrive"), f"shown as {shown}"
    if shown in ENDS:
        await ended(page, shown)


async def booked(town: Town, rpc: Rpc, lease_id: int) -> bool:
    """Does the chain have the lease?"""
    try:
        lease = await Contracts.of(town.deployment).market.read(rpc, "leaseOf", lease_id)
    except ChainRevertError as refusal:
        if refusal.name != "Berth_LeaseUnknown":
            raise
        return False
    return bool(lease["state"] == 1)
