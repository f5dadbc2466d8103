"""From the search to the signature: what may come between, and how many taps it takes."""

from __future__ import annotations

import json
import re

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.browser.asking import what_is_told
from tests.browser.conftest import ON_A_PHONE
from tests.browser.outside import SLOW, Outside, shows, signs_in, stay
from tests.browser.screens import Screens
from tests.browser.test_driver import add_car
from tests.browser.town import Town
from tests.browser.wallet import Wallet

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(500)]

RESERVE = re.compile("^Reserve for at most")
TYPED = "eth_signTypedData_v4"


async def test_where_nothing_is_free_the_page_says_what_would_help(
    town: Town, page: Page, context: BrowserContext, screens: Screens
) -> None:
    await page.goto(town.url)
    await page.get_by_role("button", name="Near me").click()
    await expect(page.get_by_text("may not tell us where you are")).to_be_visible()
    await screens.look("no-location")
    await page.get_by_label("I want to charge").check()
    await page.get_by_label("Plug").select_option("chademo")
    await page.get_by_role("button", name="Find a space").click()
    await shows(page, "none")
    help_ = page.get_by_role("button", name=re.compile(r"^Without a charger \(\d+ spaces?\)$"))
    await expect(help_).to_be_visible()
    await screens.look("none-free")
    await help_.click()
    await expect(page.locator("a.result").first).to_be_visible()
    screens.own += ["Atlantis", "Lutetia"]
    await page.goto(f"{town.url}/?q=Atlantis&for=120")
    await shows(page, "none")
    await expect(page.get_by_text("Nothing near it is free either")).to_be_visible()
    await screens.look("none-at-all")
    # what is kept for use without a network is kept a moment after the first page
    await page.evaluate("async () => { await navigator.serviceWorker.ready; }")
    await context.set_offline(True)
    await page.goto(f"{town.url}/?q=Lutetia&for=60")
    await expect(page.get_by_text("No connection").first).to_be_visible()
    await screens.look("offline")
    await context.set_offline(False)


@ON_A_PHONE
async def test_with_credit_a_result_is_two_taps_and_one_signature_from_the_lease(
    town: Town, page: Page, wallet: Wallet, outside: Outside, screens: Screens
) -> None:
    driver = await outside.driver(wallet, "CRD 001")
    await outside.registers_car(driver)
    await signs_in(page, town, wallet)
    await finds(page, town)
    async with page.expect_response("**/v1/quotes"):
        await page.locator("a.result").first.click()
    await screens.look("space")
    await expect(page.locator("[data-state=asked-twice]")).to_have_count(0)
    await page.get_by_role("button", name=RESERVE).click()
    await expect(page).to_have_url(re.compile("/lease/0x"), timeout=SLOW)
    assert await taps(page) == 2
    assert wallet.signatures == [TYPED]
    await screens.look("signed")


@ON_A_PHONE
async def test_with_a_permit_it_is_one_more_signature_and_no_approval(
    town: Town, page: Page, wallet: Wallet, outside: Outside, screens: Screens
) -> None:
    """Tokens, and neither credit nor an allowance: the permit's signature, then the lease's. The
    wallet sends nothing, and nothing is waited for between them."""
    driver = outside.named(wallet, "PRM 001")
    await outside.stage.fund(driver, 60 * 10**outside.stage.deployment.asset_decimals)
    await signs_in(page, town, wallet)
    assert await outside.holds(driver) == (0, 60 * 10**6, 0)
    await finds(page, town)
    await page.locator("a.result").first.click()
    twice = re.compile(
        r"^Your wallet will ask twice: first to let the market take ([0-9.]+\stEUR),"
        r" then to reserve the space\.$"
    )
    told = page.locator("[data-state=asked-twice]")
    await expect(told).to_have_text(twice)
    amount = twice.match(await told.inner_text())
    assert amount is not None
    await screens.look("asked-twice")
    await page.get_by_role("button", name=RESERVE).click()
    await expect(page.get_by_role("dialog").get_by_text(twice)).to_be_visible(timeout=SLOW)
    screens.own += ["Permit", "value", "ForwardRequest", "data"]  # the wallet's words
    asked = await what_is_told(page, wallet, times=2, screens=screens)
    await add_car(page, "PRM 001", screens)
    await expect(page).to_have_url(re.compile("/lease/0x"), timeout=SLOW)
    assert await taps(page) == 3
    assert [kind for _, kind in typed(wallet)] == ["Permit", "ForwardRequest"]
    assert wallet.signatures == [TYPED, TYPED]
    permit, lease = asked
    assert "Let the market take this amount, once" in permit
    assert "Your wallet calls it “Permit”. Under “value” it shows the amount" in permit
    assert " ".join(amount[1].split()) in permit
    assert "Reserve the space and pay for it" in lease
    assert "Your wallet calls it “ForwardRequest”" in lease
    await shows(page, "arrive")
    credit, tokens, allowance = await outside.holds(driver)
    assert (credit, allowance) == (0, 0)
    assert tokens < 60 * 10**6


@ON_A_PHONE
async def test_too_little_money_is_said_with_what_is_missing(
    town: Town, page: Page, wallet: Wallet, outside: Outside, screens: Screens
) -> None:
    driver = outside.named(wallet, "POR 001")
    await outside.stage.fund(driver, 10**6)
    await signs_in(page, town, wallet)
    await finds(page, town)
    await page.locator("a.result").first.click()
    await page.get_by_role("button", name=RESERVE).click()
    await add_car(page, "POR 001", screens)
    await shows(page, "short")
    await expect(page.get_by_text(re.compile(r"^[0-9.]+\stEUR are missing$"))).to_be_visible()
    assert wallet.signatures == []
    await screens.look("short")


@ON_A_PHONE
async def test_whoever_is_faster_gets_the_space_and_the_next_best_is_offered(
    town: Town, page: Page, wallet: Wallet, outside: Outside, screens: Screens
) -> None:
    driver = await outside.driver(wallet, "SLW 001")
    await outside.registers_car(driver)
    rival = await outside.somebody("FST 001")
    space, start = outside.space("Rosa"), await outside.next_slot(7200)
    await signs_in(page, town, wallet)
    await page.goto(stay(town, space, start, 4))

    async def is_faster() -> None:
        await outside.books(rival, space, start, 4)

    wallet.before[TYPED] = is_faster
    await page.get_by_role("button", name=RESERVE).click()
    await expect(page.get_by_text("Somebody was faster")).to_be_visible(timeout=SLOW)
    await expect(page.get_by_role("heading", name="The next best")).to_be_visible()
    await screens.look("taken")
    await page.locator("a.result").click()
    await expect(page.get_by_role("button", name=RESERVE)).to_be_visible()
    assert space not in page.url


async def finds(page: Page, town: Town) -> None:
    """What is free, and from here on every tap is counted."""
    await page.goto(town.url)
    await page.get_by_role("button", name="Find a space").click()
    await expect(page.locator("a.result").first).to_be_visible()
    await page.evaluate(
        "() => { window.__taps = 0; addEventListener('click', (event) =>"
        " { window.__taps += event.isTrusted ? 1 : 0; }, true); }"
    )


async def taps(page: Page) -> int:
    return int(await page.evaluate("window.__taps"))


def typed(wallet: Wallet) -> list[tuple[str, str]]:
    """What the wallet was asked to sign as typed data, in order: method, primary type."""
    return [
        (method, json.loads(params[1])["primaryType"])
        for method, params in wallet.asked
        if method == TYPED
    ]
