"""What seldom stands between "Reserve" and the signature: a token that knows no permits, a price
that has gone up. The service's answer is changed on its way."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.conftest import ON_A_PHONE
from tests.browser.outside import SLOW, Outside, shows, signs_in, stay
from tests.browser.screens import Screens
from tests.browser.test_driver import add_car
from tests.browser.test_visit_signing import RESERVE, SENT, TYPED
from tests.browser.town import Town
from tests.browser.wallet import Wallet

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(500), ON_A_PHONE]

QUOTES = "**/v1/quotes"


async def changes_quotes(page: Page, **changed: Any) -> None:
    """The next quotes have other values than the service's; a number is added to the service's."""

    async def change(route: Route) -> None:
        response = await route.fetch()
        told = await response.json()
        for name, value in changed.items():
            told[name] = str(int(told[name]) + value) if isinstance(value, int) else value
        await route.fulfill(response=response, json=told)

    await page.route(QUOTES, change)


async def test_without_permits_the_market_is_allowed_the_money_first(
    town: Town, page: Page, wallet: Wallet, outside: Outside, screens: Screens
) -> None:
    screens.own.append("RES100")
    driver = outside.named(wallet, "RES 100")
    await outside.stage.fund(driver, 60 * 10**outside.stage.deployment.asset_decimals)
    await signs_in(page, town, wallet)
    await changes_quotes(page, permit=None)
    await page.goto(stay(town, outside.space("Rosa"), await outside.next_slot(4 * 3600), 2))

    async def is_looked_at() -> None:
        await shows(page, "approving")
        await screens.look("approving")

    wallet.before[SENT] = is_looked_at
    await page.get_by_role("button", name=RESERVE).click()
    await add_car(page, "RES 100", screens)
    await expect(page).to_have_url(re.compile("/lease/0x"), timeout=SLOW)
    assert wallet.signatures == [SENT, TYPED]


async def test_a_price_that_has_gone_up_is_paid_only_after_a_yes(
    town: Town, page: Page, wallet: Wallet, outside: Outside, screens: Screens
) -> None:
    screens.own.append("RES200")
    driver = await outside.driver(wallet, "RES 200")
    await outside.registers_car(driver)
    await signs_in(page, town, wallet)
    await page.goto(stay(town, outside.space("Sami"), await outside.next_slot(4 * 3600), 2))
    await changes_quotes(page, maximumCost=1_000_000)
    await page.get_by_role("button", name=RESERVE).click()
    await shows(page, "dearer")
    await screens.look("dearer")
    assert wallet.signatures == []
    await page.unroute(QUOTES)
    await page.locator(".reserve .notice").get_by_role("button").click()
    await expect(page).to_have_url(re.compile("/lease/0x"), timeout=SLOW)
    assert wallet.signatures == [TYPED]
