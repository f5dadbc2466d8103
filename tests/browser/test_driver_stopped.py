"""What may stand between "Reserve" and the lease: each tells why, and the way on."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from berth.cli.demo.people import Person
from berth.core.ids import parse_space
from berth.core.messages import sign, vehicle_attestation
from berth.core.signing import address_of, new_private_key
from berth.core.slots import slot_start
from berth.core.zones import rfc3339
from berth.market.attest import SIZES, attest_vehicle
from playwright.async_api import Locator, Page, expect

from tests.browser.conftest import ON_A_PHONE
from tests.browser.outside import SLOW, Outside, shows, signs_in, stay
from tests.browser.screens import Screens
from tests.browser.test_driver import add_car
from tests.browser.test_owner_states import with_a_space
from tests.browser.town import Town
from tests.browser.wallet import Wallet

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(500), ON_A_PHONE]

RESERVE = re.compile("^Reserve for at most")
TYPED = "eth_signTypedData_v4"
VEHICLES = 2


async def test_a_time_that_went_by_while_somebody_looked_is_taken_from_now_on(
    town: Town, page: Page, wallet: Wallet, outside: Outside, screens: Screens
) -> None:
    driver = await outside.driver(wallet, "PST 001")
    await outside.registers_car(driver)
    await signs_in(page, town, wallet)
    start = await outside.next_slot()
    await page.goto(stay(town, outside.space("Sami"), start, 8))
    await page.get_by_role("button", name=RESERVE).click(trial=True)
    await outside.travel(slot_start(start + 2) + 30)
    await page.get_by_role("button", name=RESERVE).click()
    part = page.locator("[data-where=reserve]")
    await expect(reserving(page)).to_have_attribute("data-state", "past", timeout=SLOW)
    await expect(part.get_by_text("Nothing was reserved. Take it from now on.")).to_be_visible()
    await expect(page.get_by_role("button", name=RESERVE)).to_have_count(0)
    assert wallet.signatures == []
    await screens.look("past")
    await part.get_by_role("button", name="From now on").click()
    await expect(reserving(page)).to_have_attribute("data-state", "idle")
    # the quarter hour that has begun, and to the end that was asked for
    await expect(page.locator("#stay ~ p time").first).to_have_attribute(
        "datetime", re.compile(moment(start + 2))
    )
    await page.get_by_role("button", name=RESERVE).click()
    await expect(page).to_have_url(re.compile("/lease/0x"), timeout=SLOW)
    await shows(page, "arrive")


async def test_a_no_in_the_wallet_and_a_no_of_the_service_are_told_apart(
    town: Town, page: Page, wallet: Wallet, outside: Outside, screens: Screens
) -> None:
    driver = await outside.driver(wallet, "NOS 001")
    await outside.registers_car(driver)
    outside, listing = await with_a_space(outside)
    owner, space = listing.owner, listing.space_id
    start = await outside.next_slot(7200)
    await signs_in(page, town, wallet)
    await page.goto(stay(town, space, start, 4))
    reserve = page.get_by_role("button", name=RESERVE)
    wallet.refuse.add(TYPED)
    await reserve.click()
    await expect(reserving(page)).to_have_attribute("data-state", "failed", timeout=SLOW)
    await expect(page.get_by_text("You said no in your wallet")).to_be_visible()
    await expect(page.get_by_text("That is not possible")).to_have_count(0)
    await screens.look("wallet-said-no")
    assert wallet.signatures == [TYPED]

    await outside.does(owner, "withdrawOffers", parse_space(space), 2)
    await outside.stage.until(
        "the offer to be withdrawn",
        lambda: owner.api.get(f"/v1/spaces/{space}"),
        lambda seen: not seen["offers"],
    )
    await page.get_by_role("button", name="Try again").click()
    await expect(reserving(page)).to_have_attribute("data-state", "refused", timeout=SLOW)
    await expect(page.get_by_text("That is not possible")).to_be_visible()
    await expect(page.get_by_text("The owner has withdrawn this offer.")).to_be_visible()
    await expect(page.get_by_text("You said no in your wallet")).to_have_count(0)
    await expect(page.get_by_role("link", name="Search again")).to_be_visible()
    await screens.look("service-said-no")
    assert wallet.signatures == [TYPED]
    assert (await driver.api.get("/v1/me/leases"))["items"] == []
    # asked for again in another language, the space has no offer any more
    await expect(page.get_by_text("At this time the space is not offered.")).to_be_visible()


async def test_a_car_that_is_not_verified_any_more_is_asked_for_again(
    town: Town, page: Page, wallet: Wallet, outside: Outside, screens: Screens
) -> None:
    """Its verifier has lost the market's trust: the page says so, and takes another word for it."""
    screens.own.append("UNV001")
    driver = await outside.driver(wallet, "UNV 001")
    start, space = await outside.next_slot(7200), outside.space("Tove")
    plate = await registers_car_by_a_verifier_who_is_revoked(outside, driver)
    window = {"start": rfc3339(slot_start(start)), "end": rfc3339(slot_start(start + 4))}
    asked = {"spaceId": space, "offer": 1, "window": window, "plateCommitment": plate}
    await outside.stage.until(
        "the word to count no more",
        lambda: driver.api.post("/v1/quotes", asked),
        lambda seen: "vehicle.verifier_revoked" in [one["code"] for one in seen["objections"]],
    )
    await signs_in(page, town, wallet)
    await page.goto(stay(town, space, start, 4))
    await expect(page.get_by_label("Your car")).to_contain_text("UNV001")
    reserve = page.get_by_role("button", name=RESERVE)
    await reserve.click()
    sheet = page.get_by_role("dialog", name="Add your car")
    await expect(sheet.get_by_text("This car is not verified for you")).to_be_visible(timeout=SLOW)
    await expect(reserving(page)).to_have_attribute("data-vehicle", "unverified")
    await screens.look("sheet")
    await page.keyboard.press("Escape")
    await expect(sheet).to_have_count(0)
    await expect(page.get_by_text("This car is not verified for you")).to_be_visible()
    await screens.look("unverified")
    assert wallet.signatures == []
    await reserve.click()
    await add_car(page, "UNV 002", screens)
    await expect(page).to_have_url(re.compile("/lease/0x"), timeout=SLOW)
    await shows(page, "early")


async def registers_car_by_a_verifier_who_is_revoked(outside: Outside, driver: Person) -> str:
    """The car's commitment. A verifier of this test's own, for what is revoked stays revoked."""
    key, number, stage = new_private_key(), 11, outside.stage
    await outside.governs(outside.market, "setAttester", number, address_of(key), VEHICLES)
    until_slot = await outside.next_slot() + 30 * 96
    made = attest_vehicle(
        stage.deployment,
        stage.parties.key("verifier"),
        driver.address,
        driver.name,
        size=SIZES["medium"],
        until_slot=until_slot,
    )
    message = vehicle_attestation(
        stage.deployment.domain, driver.address, made.plate_commitment, made.size, until_slot
    )
    made = replace(made, verifier=number, signature=sign(message, key))
    await outside.does(driver, "registerVehicle", made.struct())
    seen = await stage.until(
        "the car in the index",
        lambda: driver.api.get("/v1/me/vehicles"),
        lambda answer: answer["items"],
    )
    assert len(seen["items"]) == 1
    body = {
        "plateCommitment": "0x" + made.plate_commitment.hex(),
        "plate": made.plate,
        "salt": "0x" + made.salt.hex(),
    }
    await driver.api.post("/v1/me/vehicles", body)
    await outside.governs(outside.market, "revokeAttester", number)
    return body["plateCommitment"]


def reserving(page: Page) -> Locator:
    """The part of the page that reserves."""
    return page.locator("section.reserve")


def moment(slot: int) -> str:
    return re.escape(rfc3339(slot_start(slot)).removesuffix("Z"))
