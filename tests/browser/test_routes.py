"""Every address of the app, for somebody who is not signed in and for somebody who is."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import ON_A_PHONE, ROOT
from tests.browser.screens import Screens
from tests.browser.test_driver import SLOW
from tests.browser.town import Town

#: Many screens: on a phone, where each is looked at in both languages and looks.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600), ON_A_PHONE]

NOBODY_S = {":spaceId": "0x0365924fffffffff", ":leaseId": "0x" + "7" * 28, ":number": "4096"}


def routes() -> list[str]:
    """As dapp/src/routes.ts has them."""
    found = re.findall(r': "(/[^"]*)"', (ROOT / "dapp/src/routes.ts").read_text("utf-8"))
    assert len(found) >= 12
    return found


async def opened(page: Page, town: Town, path: str) -> None:
    """Opens an address and waits until it has said all that it has to say."""
    await page.goto(town.url + path)
    await expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=SLOW)
    await expect(page.get_by_text("Loading…")).to_have_count(0, timeout=SLOW)
    await expect(page.get_by_text("Signing in…")).to_have_count(0, timeout=SLOW)


def named(path: str) -> str:
    return re.sub(r"\W+", "-", path).strip("-") or "start"


async def test_every_address_says_what_it_is_to_somebody_without_an_account(
    town: Town, page: Page, screens: Screens
) -> None:
    there = {":spaceId": town.listings[0].space_id, ":number": "1"}
    for route in routes():
        known = route
        for part, value in there.items():
            known = known.replace(part, value)
        if ":" not in known:
            await opened(page, town, known)
            await screens.look(named(route))
        unknown = route
        for part, value in NOBODY_S.items():
            unknown = unknown.replace(part, value)
        if unknown != route:
            await opened(page, town, unknown)
            await screens.look(f"{named(route)}-unknown")


@pytest.mark.parametrize("kept", [False, True], ids=["first", "kept"])
async def test_an_address_that_is_nobody_s_says_so_and_shows_the_ways_on(
    town: Town, page: Page, kept: bool, screens: Screens
) -> None:
    """With nothing of the app in the browser yet, and when its service worker answers."""
    if kept:
        await opened(page, town, "/")
        await page.evaluate("async () => { await navigator.serviceWorker.ready; }")
    for path in ("/audit/x/y", "/owner/x/y", "/lease/0x1/more", "/nowhere/at/all"):
        answer = await page.goto(town.url + path)
        assert answer is not None
        assert (answer.status, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
        await expect(page.get_by_text("This page does not exist.")).to_be_visible()
    # the service has none of its own there, but the app knows no such part of it
    await opened(page, town, "/owner/nowhere")
    await expect(page.get_by_text("This page does not exist.")).to_be_visible()
    await screens.look("nowhere")
    ways = {"Find a space": "/", "My parking": "/leases", "My spaces": "/owner", "Ledger": "/audit"}
    for name, path in ways.items():
        await opened(page, town, "/nowhere")
        await page.get_by_role("main").get_by_role("link", name=name).click()
        await expect(page).to_have_url(town.url + path)
        await expect(page.get_by_text("This page does not exist.")).to_have_count(0)


async def test_every_address_says_what_it_is_to_a_new_account(
    town: Town, page: Page, screens: Screens
) -> None:
    await opened(page, town, "/account")
    await page.get_by_role("main").get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await screens.look("sign-in")
    await page.get_by_role("button", name="Continue as a guest").click()
    await expect(page.locator("[data-state=in]")).to_be_visible(timeout=SLOW)
    await a_car_is_added(page, screens)
    await the_device_is_asked(page, screens)
    for route in routes():
        if ":" in route or route.startswith(("/audit", "/account")) or route == "/":
            continue
        await opened(page, town, route)
        await screens.look(named(route))
    await opened(page, town, f"/owner/space/{town.listings[0].space_id}")
    await expect(page.get_by_text("This space belongs to another account.")).to_be_visible()
    await screens.look("another-s-space")


async def a_car_is_added(page: Page, screens: Screens) -> None:
    """In the account, before there is any stay."""
    await page.get_by_role("button", name="Add a vehicle").click()
    await page.get_by_label("Plate").fill("?")
    await page.get_by_role("button", name="Use this car").click()
    await expect(page.get_by_text("Two to twelve letters or digits.")).to_be_visible()
    await screens.look("car")
    await page.get_by_label("Plate").fill("88 1234")
    await page.get_by_role("button", name="Use this car").click()
    await expect(page.get_by_text("Your next stay takes it to the chain.")).to_be_visible()
    await page.reload()
    await expect(page.get_by_text("Your next stay takes it to the chain.")).to_be_visible(
        timeout=SLOW
    )
    await screens.look("account")


async def the_device_is_asked(page: Page, screens: Screens) -> None:
    """What is kept here, and what erasing it would mean."""
    await page.get_by_role("button", name="Show the key").click()
    await screens.look("key")
    await page.get_by_role("button", name="Hide the key").click()
    await page.get_by_role("button", name="Delete the test wallet").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await screens.look("delete")
    await page.get_by_role("dialog").get_by_role("button", name="Keep it").click()
    await page.get_by_role("button", name="Erase what this device keeps").click()
    await screens.look("erase")
    await page.get_by_role("dialog").get_by_role("button", name="Keep it").click()
