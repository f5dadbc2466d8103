"""What was signed and did not become a lease: refused by the contract when its turn came, or gone
before it had one. The page tells the one from the other, and that nothing was paid."""

from __future__ import annotations

import re

import pytest
from berth.chain.rpc import Rpc
from berth.core.addresses import checksum
from eth_account import Account
from playwright.async_api import Page, expect

from tests.browser.conftest import ON_A_PHONE
from tests.browser.ends import ended, paying
from tests.browser.outside import SLOW, Outside, signs_in, stay
from tests.browser.screens import Screens
from tests.browser.town import Town
from tests.browser.wallet import Wallet

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(500), ON_A_PHONE]

RESERVE = re.compile("^Reserve for at most")
TYPED, SENT = "eth_signTypedData_v4", "eth_sendTransaction"


async def test_a_lease_that_the_contract_refuses_in_its_block_has_failed(
    town: Town, page: Page, wallet: Wallet, outside: Outside, rpc: Rpc, screens: Screens
) -> None:
    """Somebody pays more for the network and is before it in the same block."""
    driver = await outside.driver(wallet, "FLD 001")
    await outside.registers_car(driver)
    rival = await outside.somebody("FLD 002")
    await outside.registers_car(rival)
    await signs_in(page, town, wallet)
    space, start = outside.space("Rosa"), await outside.next_slot(9 * 3600)
    credit = (await outside.holds(driver))[0]
    await page.goto(stay(town, space, start, 2))
    call = await outside.lease_call(rival, space, start, 2)
    data = outside.market.calldata(*call)
    async with outside.nothing_is_mined():
        await page.get_by_role("button", name=RESERVE).click()
        await expect(page).to_have_url(re.compile("/lease/0x"), timeout=SLOW)
        await expect(paying(page)).to_have_attribute("data-state", "pending", timeout=SLOW)
        await hands_in(rpc, rival.key, rival.address, outside.market.address, data)
        await rpc.call("evm_mine")
        await ended(page, "failed")
    assert "leased or blocked for part of this time" in await paying(page).inner_text()
    await screens.look("failed")
    assert wallet.signatures == [TYPED]
    assert (await outside.holds(driver))[0] == credit
    assert (await driver.api.get("/v1/me/leases"))["items"] == []
    await page.get_by_role("link", name="Find another space").click()
    await expect(page.get_by_role("heading", name="Find a space")).to_be_visible()


async def test_a_transaction_that_its_sender_replaces_in_the_wallet_is_gone(
    town: Town, page: Page, wallet: Wallet, outside: Outside, rpc: Rpc, screens: Screens
) -> None:
    """Another one with its number is mined: the lease's is nowhere any more."""
    driver = await outside.driver(wallet, "GON 001")
    await outside.registers_car(driver)
    await signs_in(page, town, wallet)
    space, start = outside.space("Rosa"), await outside.next_slot(10 * 3600)
    credit = (await outside.holds(driver))[0]
    sponsor = outside.stage.parties.address("sponsor")
    purse = await rpc.call("eth_getBalance", sponsor, "latest")
    await rpc.call("evm_setAccountBalance", sponsor, "0x0")
    await page.goto(stay(town, space, start, 2))
    try:
        async with outside.nothing_is_mined():
            await page.get_by_role("button", name=RESERVE).click()
            await expect(page).to_have_url(re.compile("/lease/0x"), timeout=SLOW)
            await expect(paying(page)).to_have_attribute("data-state", "pending", timeout=SLOW)
            await hands_in(rpc, driver.key, driver.address, driver.address, b"")
            await rpc.call("evm_mine")
            await ended(page, "gone")
    finally:
        await rpc.call("evm_setAccountBalance", sponsor, purse)
    await screens.look("gone")
    assert wallet.signatures == [SENT]
    assert (await outside.holds(driver))[0] == credit
    await expect(page.get_by_role("link", name="Find another space")).to_be_visible()


async def hands_in(rpc: Rpc, key: bytes, sender: str, to: str, data: bytes) -> None:
    """The sender's next transaction that is not mined yet, for more than anybody else pays."""
    price = int(await rpc.call("eth_gasPrice"), 16) * 50
    signed = Account.sign_transaction(
        {
            "to": checksum(to),
            "data": "0x" + data.hex(),
            "value": 0,
            "gas": 500_000,
            "gasPrice": price,
            "nonce": int(await rpc.call("eth_getTransactionCount", sender, "latest"), 16),
            "chainId": 1337,
        },
        key,
    )
    raw = signed.raw_transaction.hex().removeprefix("0x")
    await rpc.call("eth_sendRawTransaction", "0x" + raw)
