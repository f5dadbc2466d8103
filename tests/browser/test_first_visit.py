"""Somebody new: what an installed app needs, no wallet on a real chain, a car by a verifier's file,
and a stay somewhere with another clock."""

from __future__ import annotations

import asyncio
import json
import re
import struct
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import pytest
from berth.chain.rpc import Rpc
from berth.core.settings import FINALITY
from berth.core.zones import local_time
from berth.market.attest import SIZES, attest_vehicle, vehicle_json
from playwright.async_api import (
    BrowserContext,
    Locator,
    Page,
    Route,
    async_playwright,
    expect,
)

from tests.browser.conftest import ON_A_PHONE
from tests.browser.outside import SLOW, Booked, Outside, shows, signs_in, stay
from tests.browser.screens import Screens
from tests.browser.town import Town
from tests.browser.wallet import Wallet

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

RESERVE = re.compile("^Reserve for at most")
TYPED = "eth_signTypedData_v4"
ANDROID = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/140.0.0.0 Mobile Safari/537.36"
)


@pytest.fixture
async def own_profile(chromium: str, tmp_path: Path) -> AsyncIterator[BrowserContext]:
    """A profile that is kept, as people have: in a private window nothing can be installed."""
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch_persistent_context(
            tmp_path / "profile", executable_path=chromium, args=["--no-sandbox"]
        )
        yield found
        await found.close()


async def test_the_app_can_be_installed(town: Town, own_profile: BrowserContext) -> None:
    """By the browser's own judgement of the manifest; and its icons are what it says they are."""
    page = await own_profile.new_page()
    await page.goto(town.url)
    await page.evaluate("async () => { await navigator.serviceWorker.ready; }")
    devtools = await own_profile.new_cdp_session(page)
    found = await devtools.send("Page.getAppManifest")
    assert found["errors"] == []
    assert found["url"] == f"{town.url}/manifest.webmanifest"
    told = await devtools.send("Page.getInstallabilityErrors")
    assert told["installabilityErrors"] == []
    manifest = json.loads(found["data"])
    sizes = {icon["sizes"] for icon in manifest["icons"]}
    assert {"192x192", "512x512"} <= sizes
    for icon in manifest["icons"]:
        answer = await page.request.get(urljoin(found["url"], icon["src"]))
        assert answer.ok
        assert answer.headers["content-type"].split(";")[0] == icon["type"]
        if icon["sizes"] != "any":
            assert "x".join(map(str, png_size(await answer.body()))) == icon["sizes"]
    start = await page.request.get(urljoin(found["url"], manifest["start_url"]))
    assert start.ok


def png_size(image: bytes) -> tuple[int, int]:
    """Width and height by the image's own header."""
    assert image[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", image[16:24])
    return width, height


async def is_no_trial(page: Page) -> None:
    """The service says of itself what it says on a real chain: nothing is there for trying out."""

    async def without(route: Route) -> None:
        answer = await route.fetch()
        told: dict[str, Any] = await answer.json()
        assert told["local"] is not None
        await route.fulfill(response=answer, json={**told, "local": None})

    await page.route("**/v1/config", without)


async def test_without_a_wallet_the_page_says_what_to_install(
    town: Town,
    page: Page,
    context: BrowserContext,
    outside: Outside,
    size: str,
    screens: Screens,
) -> None:
    """At a desk an extension; on a phone the wallet apps, which open this very page, with the stay
    that was chosen on it."""
    screens.own += ["Trust Wallet", "Coinbase", "Base"]
    if size == "phone":
        devtools = await context.new_cdp_session(page)
        await devtools.send("Emulation.setUserAgentOverride", {"userAgent": ANDROID})
    await is_no_trial(page)
    await page.goto(stay(town, outside.space("Sami"), await outside.next_slot(5 * 3600), 2))
    await page.get_by_role("button", name=RESERVE).click()
    sheet = page.get_by_role("dialog")
    await expect(sheet.get_by_text("There is no wallet in this browser.")).to_be_visible()
    await expect(sheet.get_by_role("button", name="Continue as a guest")).to_have_count(0)
    install = sheet.get_by_text("Install one as an extension")
    links = sheet.get_by_role("link", name=re.compile("^Open in "))
    if size == "desktop":
        await expect(install).to_be_visible()
        await expect(links).to_have_count(0)
    else:
        await expect(install).to_have_count(0)
        await expect(links.first).to_have_text("Open in MetaMask")
        bare = page.url.removeprefix("http://")
        assert "start=" in bare
        hrefs = [str(await link.get_attribute("href")) for link in await links.all()]
        assert hrefs[0] == f"https://link.metamask.io/dapp/{bare}"
        assert [parse_qsl(urlsplit(href).query)[-1][1] for href in hrefs[1:]] == [page.url] * 2
        await expect(sheet.get_by_role("button", name="Copy this page's address")).to_be_visible()
    await screens.look("no-wallet")


@ON_A_PHONE
async def test_a_verifier_s_file_brings_the_car_and_the_page_says_what_is_signed(
    town: Town, page: Page, wallet: Wallet, outside: Outside, screens: Screens
) -> None:
    """No test verifier: a text that is no file, another account's file, then the right one; and
    beside the wallet's window, which shows a code, stands what it is."""
    screens.own += ["VER100", "ForwardRequest", "data"]
    await outside.driver(wallet, "VER 100")
    await is_no_trial(page)
    await signs_in(page, town, wallet)
    start = await outside.next_slot(5 * 3600)
    space = outside.space("Rosa")
    await page.goto(stay(town, space, start, 2))
    await page.get_by_role("button", name=RESERVE).click()
    sheet = page.get_by_role("dialog", name="Add your car")
    use = sheet.get_by_role("button", name=re.compile("^Use it and reserve for at most"))
    text = sheet.get_by_label("Or its text")
    await expect(sheet.get_by_label("Plate")).to_have_count(0)

    await text.fill('{"proof": 7}')
    await use.click()
    await expect(sheet.get_by_text("This is no verifier's file for a car.")).to_be_visible()
    await hands_in(sheet, verified(outside, "0x" + "12" * 20, start))
    await use.click()
    await expect(sheet.get_by_text("This file is for another account.")).to_be_visible()
    await screens.look("another-s-file")
    await hands_in(sheet, verified(outside, wallet.address, start))

    async def is_told_what_it_signs() -> None:
        message = json.loads(wallet.asked[-1][1][1])["message"]
        call = outside.market.abi.function("leaseWithVehicle")
        data = bytes.fromhex(message["data"][2:])
        assert data[:4] == call.selector
        request = call.decode_inputs(data[4:])["request"]
        told = page.locator("[data-state=sign]")
        await expect(told).to_be_in_viewport(ratio=1)
        await expect(fact(told, "What you sign")).to_have_text(re.compile("^Reserve the space"))
        await expect(fact(told, "Space number")).to_have_text(str(int(space, 16) & 0xFFFFFFFF))
        most = town.deployment.currency.label(request["maxCost"]).replace(" ", "\u00a0")
        await expect(fact(told, "Costs at most")).to_have_text(most)
        await expect(told.get_by_text("“ForwardRequest”")).to_be_visible()
        await screens.look("what-is-signed")

    wallet.before[TYPED] = is_told_what_it_signs
    await use.click()
    await expect(page).to_have_url(re.compile("/lease/0x"), timeout=SLOW)
    assert TYPED not in wallet.before
    await shows(page, "early")


def verified(outside: Outside, account: str, start: int) -> dict[str, Any]:
    """What a verifier gives to the driver of a car."""
    stage = outside.stage
    key, until = stage.parties.key("verifier"), start + 96 * 30
    return vehicle_json(
        attest_vehicle(
            stage.deployment, key, account, "VER 100", size=SIZES["medium"], until_slot=until
        )
    )


async def hands_in(sheet: Locator, document: dict[str, Any]) -> None:
    """As a file, whose text is shown."""
    content = json.dumps(document)
    await sheet.get_by_label("The verifier's file").set_input_files(
        {"name": "car.json", "mimeType": "application/json", "buffer": content.encode()}
    )
    await expect(sheet.get_by_label("Or its text")).to_have_value(content)


def fact(place: Locator, name: str) -> Locator:
    """What stands beside a name in a list of facts."""
    return place.locator("dt", has_text=re.compile(f"^{name}$")).locator("xpath=following::dd[1]")


@ON_A_PHONE
async def test_a_stay_is_told_by_the_clock_of_its_space_and_its_bill_when_it_is_final(
    town: Town, page: Page, wallet: Wallet, outside: Outside, rpc: Rpc, screens: Screens
) -> None:
    """The space is at UTC+5:45, the reader in Berlin. Then it is cancelled: the bill is provisional
    while its block may be replaced, and by itself no longer."""
    driver = await outside.driver(wallet, "CLK 100")
    rosa, space = await outside.owner("Rosa")
    await outside.offers(rosa, space, utc_offset=23)
    start = await outside.next_slot(6 * 3600)
    lease = await outside.books(driver, space, start, 3)
    await signs_in(page, town, wallet)
    await page.goto(f"{town.url}/lease/{lease.lease_id}")
    await shows(page, "early")
    when = page.locator("[data-state=early] .when")
    begin, end = local_time(lease.start, 23), local_time(lease.end, 23)
    until = f"{end:%H:%M}" if begin.date() == end.date() else day_and_time(end)
    shown = rf"{day_and_time(begin)} – {until} local time there, UTC\+5:45$"
    await expect(when).to_have_text(re.compile(shown))
    await screens.look("another-clock")

    async with outside.nothing_is_mined():
        await page.get_by_role("button", name="Cancel this booking").click()
        await page.get_by_role("button", name="Cancel the booking").click()
        await mined_until_billed(outside, lease)
        await shows(page, "receipt")
        await shows(page, "provisional")
        closed = fact(page.locator(".receipt"), "Closed")
        await expect(closed).to_have_text(re.compile(r"\d\d:\d\d$"))
        await screens.look("provisional")
        receipt = page.url
        await page.get_by_role("link", name="Check it in the ledger").click()
        await shows(page, "unconfirmed")
        await screens.look("unconfirmed")
        await rpc.call("evm_mine", {"blocks": FINALITY})
        await expect(page.locator("[data-state=unconfirmed]")).to_be_hidden(timeout=SLOW)
        await expect(page.locator("dl.facts").first).to_be_visible()
        await page.goto(receipt)
        await shows(page, "receipt")
        await expect(page.locator("[data-state=provisional]")).to_have_count(0)


def day_and_time(moment: datetime) -> str:
    """As an English reader is shown it; some releases of the browser set a comma, or "Sept"."""
    return rf"{moment:%a},? {moment.day} {moment:%b}t? {moment:%H:%M}"


async def mined_until_billed(outside: Outside, lease: Booked) -> None:
    """A block a second until the index has the bill: of far fewer than make it final."""

    async def one_block_later() -> dict[str, Any]:
        await outside.stage.rpc.call("evm_mine")
        await asyncio.sleep(1)
        return await outside.detail(lease)

    await outside.stage.until("the bill", one_block_later, lambda one: one["closedAt"])
