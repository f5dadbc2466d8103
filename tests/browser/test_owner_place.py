"""The owner says again where the space is: at any time, without a word to the chain."""

from __future__ import annotations

import secrets

import pytest
from berth.chain.rpc import Rpc
from berth.core.ids import parse_space
from playwright.async_api import BrowserContext, Locator, Page, expect

from tests.browser.conftest import ON_A_PHONE
from tests.browser.outside import SLOW, Outside, signs_in
from tests.browser.screens import Screens
from tests.browser.test_owner_states import wallet_of, with_a_space
from tests.browser.town import Town
from tests.browser.wallet import Wallet

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600), ON_A_PHONE]

GATE, ROUND = "Press the bell marked Hausmeister.", "The ramp is closed: go round by the yard."


async def test_an_owner_changes_the_way_in_and_the_next_driver_is_told(
    town: Town, page: Page, context: BrowserContext, outside: Outside, rpc: Rpc, screens: Screens
) -> None:
    screens.own += [GATE, ROUND]
    outside, listing = await with_a_space(outside)
    space = listing.space_id
    wallet = await wallet_of(listing.owner.key, rpc, context)
    await signs_in(page, town, wallet)
    await page.goto(f"{town.url}/owner/space/{space}")
    place = page.locator("[data-place]")
    await in_state(place, "kept")
    await expect(place.get_by_text(listing.address)).to_be_visible()
    await expect(place.get_by_text("The address of the title.")).to_be_visible()
    await place.get_by_role("button", name="Change").click()
    await what_is_wrong_is_said_at_its_field(place, screens)

    await place.get_by_label("Level").fill("B2")
    await place.get_by_label("How the gate opens").fill(GATE)
    await place.get_by_label("The way to the space").fill(ROUND)
    await screens.look("changing")
    await place.get_by_role("button", name="Save").click()
    await in_state(place, "kept")
    await expect(place.get_by_text("Saved.")).to_be_visible()
    await expect(place.get_by_text(GATE)).to_be_visible()
    await expect(place.get_by_text("The address of the title.")).to_be_visible()
    await screens.look("saved")
    assert wallet.signatures == []

    driver = await outside.somebody(f"Nele {secrets.token_hex(4)}")
    lease = await outside.books(driver, space, await outside.next_slot() + 4)
    await outside.stage.until(
        "the lease to stand",
        lambda: outside.detail(lease),
        lambda one: one["depth"]["confirmed"],
    )
    told = await driver.api.get(f"/v1/leases/{lease.lease_id}/navigation")
    assert (told["level"], told["instructions"]) == ("B2", ROUND)
    assert [(one["kind"], one["instructions"]) for one in told["access"]] == [
        ("gate", GATE),
        ("lock", ""),
    ]
    await a_stranger_reads_nothing_of_it(town, page, context, listing.address, space)


async def test_a_manager_whom_the_owner_has_named_changes_the_way_in_too(
    town: Town, page: Page, wallet: Wallet, outside: Outside, screens: Screens
) -> None:
    screens.own.append(GATE)
    outside, listing = await with_a_space(outside)
    space, owner = listing.space_id, listing.owner
    await outside.does(owner, "setManager", parse_space(space), wallet.address)
    await outside.stage.until(
        "the manager in the index",
        lambda: owner.api.get(f"/v1/spaces/{space}"),
        lambda seen: seen["manager"],
    )
    await signs_in(page, town, wallet)
    await page.goto(f"{town.url}/owner/space/{space}")
    place = page.locator("[data-place]")
    await in_state(place, "kept")
    await expect(place.get_by_text(listing.address)).to_be_visible()
    await place.get_by_role("button", name="Change").click()
    await place.get_by_label("How the gate opens").fill(GATE)
    await screens.look("manager-changing")
    await place.get_by_role("button", name="Save").click()
    await in_state(place, "kept")
    await expect(place.get_by_text(GATE)).to_be_visible()
    assert wallet.signatures == []


async def what_is_wrong_is_said_at_its_field(place: Locator, screens: Screens) -> None:
    address, point = place.get_by_label("Address"), place.get_by_label("Exact place")
    before = await address.input_value(), await point.input_value()
    save = place.get_by_role("button", name="Save")
    await address.fill("")
    await point.fill("over there")
    await save.click()
    await expect(address).to_have_attribute("aria-invalid", "true")
    await expect(address).to_be_focused()
    await expect(address).to_be_in_viewport(ratio=1)
    await expect(place.get_by_text("Write the address: 2 to 300 characters.")).to_be_visible()
    await expect(place.get_by_text("This is no latitude and longitude.")).to_be_visible()
    # what only the service can know
    await address.fill(before[0])
    await point.fill("0, 0")
    await save.click()
    await expect(place.get_by_text("This is more than a kilometre from where")).to_be_visible()
    await expect(point).to_have_attribute("aria-invalid", "true")
    await expect(point).to_be_focused()
    await screens.look("wrong")
    await point.fill(before[1])


async def a_stranger_reads_nothing_of_it(
    town: Town, page: Page, context: BrowserContext, address: str, space: str
) -> None:
    await context.clear_cookies()
    await page.goto(f"{town.url}/owner/space/{space}")
    await page.get_by_role("main").get_by_role("button", name="Sign in").click()
    await page.get_by_role("button", name="Continue as a guest").click()
    await expect(page.get_by_text("This space belongs to another account.")).to_be_visible(
        timeout=SLOW
    )
    await expect(page.locator("[data-place]")).to_have_count(0)
    await expect(page.get_by_text(address)).to_have_count(0)
    answer = await page.request.get(f"{town.url}/v1/spaces/{space}/private")
    assert answer.status == 403


async def in_state(place: Locator, state: str) -> None:
    await expect(place).to_have_attribute("data-place", state, timeout=SLOW)
