"""The ends of a stay: cancelled, never used, overstayed, objected to; each with its receipt."""

from __future__ import annotations

import asyncio
import re

import pytest
from berth.core.ids import parse_lease
from berth.core.messages import agreement, sign
from playwright.async_api import Locator, Page, expect

from tests.browser.conftest import ON_A_PHONE
from tests.browser.outside import (
    SLOW,
    STRANGER,
    Booked,
    Outside,
    seconds_of,
    shows,
    signs_in,
    stay,
)
from tests.browser.screens import Screens
from tests.browser.test_visit_lost import is_gone
from tests.browser.town import Town
from tests.browser.wallet import Wallet

#: The same screens at a desk are those of the receipt, which other tests look at there.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(500), ON_A_PHONE]

GRACE = 300
RESERVE = re.compile("^Reserve for at most")


async def test_a_booking_that_nobody_uses_ends_as_the_page_said(
    town: Town, page: Page, wallet: Wallet, outside: Outside, screens: Screens
) -> None:
    """Cancelled for nothing and for a charge, cancelled by the owner, a no-show, another's car."""
    driver = await outside.driver(wallet, "END 100")
    rosa, tove = (await outside.owner("Rosa"))[0], (await outside.owner("Tove"))[0]
    await outside.offers(rosa, outside.space("Rosa"), cancel_pct=20, no_show_pct=40)
    await outside.offers(tove, outside.space("Tove"), no_show_pct=40)
    soon, later = await outside.next_slot(600), await outside.next_slot(3 * 3600)
    free = await outside.books(driver, outside.space("Rosa"), later)
    charged = await outside.books(driver, outside.space("Rosa"), soon)
    owners = await outside.books(driver, outside.space("Sami"), later)
    absent = await outside.books(driver, outside.space("Tove"), soon)
    blocked = await outside.books(driver, outside.space("Umar"), soon)
    await signs_in(page, town, wallet)

    await cancels(page, town, free, "It costs nothing", screens)
    await expect(page.locator(".receipt .big")).to_have_text(re.compile(r"^0\.00"))
    await screens.look("cancelled-free")
    await cancels(page, town, charged, "It costs 0.13", screens)
    await expect(page.get_by_text("Charge for cancelling")).to_be_visible()
    await screens.look("cancelled-charged")

    sami, _ = await outside.owner("Sami")
    await outside.does(sami, "ownerCancel", parse_lease(owners.lease_id))
    await ends(page, town, owners, "The owner cancelled", screens, "cancelled-by-owner")

    await outside.travel(soon * 900 + 5)
    await outside.world(blocked.lock_id, vehicle=True, plate=STRANGER)
    await outside.travel(soon * 900 + 700)
    await ends(page, town, blocked, "somebody else's car", screens, "obstructed")
    await outside.world(blocked.lock_id)
    await outside.travel(absent.end + 400)
    await ends(page, town, absent, "nobody came", screens, "no-show")
    await page.go_back()
    await expect(page.locator(".receipt .big")).to_have_text(re.compile(r"^0\.20"))
    await page.goto(f"{town.url}/leases")
    await expect(page.get_by_role("heading", name="Past")).to_be_visible()
    await screens.look("list")


async def cancels(page: Page, town: Town, lease: Booked, cost: str, screens: Screens) -> None:
    await page.goto(f"{town.url}/lease/{lease.lease_id}")
    await shows(page, "place")  # it moves what is below it when it comes
    await page.get_by_role("button", name="Cancel this booking").click()
    await expect(page.get_by_role("dialog").get_by_text(cost)).to_be_visible()
    await screens.look("cancel")
    await page.get_by_role("button", name="Cancel the booking").click()
    await shows(page, "receipt")


async def test_a_cancellation_that_the_chain_has_lost_is_not_taken_for_done(
    town: Town, page: Page, wallet: Wallet, outside: Outside, screens: Screens
) -> None:
    """What was signed is said to be gone, and the booking can be cancelled again. Ganache forgets
    no transaction: the service's answer is changed on its way."""
    driver = await outside.driver(wallet, "END 200")
    lease = await outside.books(driver, outside.space("Umar"), await outside.next_slot(5 * 3600))
    await signs_in(page, town, wallet)
    await page.goto(f"{town.url}/lease/{lease.lease_id}")
    await shows(page, "place")
    again = page.get_by_role("button", name="Cancel this booking")
    async with outside.nothing_is_mined():
        await again.click()
        await page.get_by_role("button", name="Cancel the booking").click()
        await expect(page.locator("[data-where=work][data-state=pending]")).to_be_visible(
            timeout=SLOW
        )
        await page.route("**/v1/intents/*", is_gone)
        await shows(page, "ended-gone")
        await expect(page.get_by_role("alert")).to_contain_text("It is not in the chain")
        await expect(again).to_have_attribute("aria-disabled", "false")
        await screens.look("cancel-gone")
        await page.unroute("**/v1/intents/*")
    await shows(page, "receipt")


async def ends(
    page: Page, town: Town, lease: Booked, words: str, screens: Screens, what: str
) -> None:
    """The lease's page has become its receipt, and says why."""
    await page.goto(f"{town.url}/lease/{lease.lease_id}")
    await shows(page, "receipt")
    await expect(page.locator(".receipt").get_by_text(re.compile(words))).to_be_visible()
    await screens.look(what)
    await is_in_the_ledger(page, screens)


async def is_in_the_ledger(page: Page, screens: Screens) -> None:
    """The receipt leads to its settlement, which is of the same kind there."""
    outcome = await page.locator("[data-outcome]").get_attribute("data-outcome")
    await page.get_by_role("link", name="Check it in the ledger").click()
    settlement = page.locator(f'[data-where=settlement][data-state="{outcome}"]')
    await expect(settlement).to_be_visible(timeout=SLOW)
    await screens.look(f"ledger-{outcome}")


async def test_a_charge_for_not_coming_is_said_before_the_booking_and_billed_by_its_name(
    town: Town, page: Page, wallet: Wallet, outside: Outside, screens: Screens
) -> None:
    """Forty per cent of the rent: on the space's page, while it can be avoided, when the time has
    gone by, and on the receipt, which adds nothing else to it."""
    driver = await outside.driver(wallet, "ABS 100")
    await outside.registers_car(driver)
    rosa, space = await outside.owner("Rosa")
    number = await outside.offers(rosa, space, no_show_pct=40, price_per_slot=1_000_000)
    start, charge = await outside.next_slot(600), "0.40\u00a0tEUR"
    await signs_in(page, town, wallet)
    await page.goto(stay(town, space, start, 1, offer=number))
    await expect(row(page, "You do not come")).to_have_text(re.compile(f"^At most {charge} is due"))
    await screens.look("no-show-terms")
    await page.get_by_role("button", name=RESERVE).click()
    await expect(page).to_have_url(re.compile("/lease/0x"), timeout=SLOW)
    await outside.travel(start * 900 - 600)
    await shows(page, "arrive")

    await outside.travel(start * 900 + 5)
    await expect(page.get_by_text(f"If you do not come, at most {charge} is due")).to_be_visible(
        timeout=SLOW
    )
    await screens.look("no-show-begun")
    await outside.travel((start + 1) * 900 + 10)
    await shows(page, "missed")
    await expect(page.get_by_text("the charge for not coming is due")).to_be_visible()
    await screens.look("no-show-missed")
    await outside.travel((start + 1) * 900 + 400)
    await shows(page, "receipt")
    await expect(page.locator(".receipt").get_by_text(re.compile("nobody came"))).to_be_visible()
    await expect(page.locator(".receipt .big")).to_have_text(charge)
    await expect(row(page, "Charge for not coming")).to_have_text(charge)
    await expect(row(page, "Parking")).to_have_count(0)
    await screens.look("no-show-receipt")


def row(page: Page, name: str) -> Locator:
    """What stands beside a name in a list of facts."""
    return page.locator("dt", has_text=re.compile(f"^{name}$")).locator("xpath=following::dd[1]")


async def test_an_overstay_is_claimed_and_ends_by_word_decision_or_time(
    town: Town, page: Page, wallet: Wallet, outside: Outside, screens: Screens
) -> None:
    """Five cars: one claim is accepted, one decided, one agreed on, one left to time, one disputed
    and left to time."""
    driver = await outside.driver(wallet, "LAT 100")
    start, names = await outside.next_slot(-600), ("Olga", "Rosa", "Sami", "Tove", "Umar")
    leases = [await outside.books(driver, outside.space(name), start) for name in names]
    accepted, decided, agreed, matured, lapsed = leases
    await asyncio.gather(*(outside.parks(one) for one in leases))
    await signs_in(page, town, wallet)
    await lists(page, town, "parked", screens)

    await outside.travel(accepted.end + GRACE + 600)
    await page.goto(f"{town.url}/lease/{accepted.lease_id}")
    await shows(page, "overstay")
    for one in leases:
        await outside.world(one.lock_id)
    await shows(page, "claimed")
    await screens.look("claimed")
    await page.get_by_role("button", name="Accept the overstay").click()
    await screens.look("accept")
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Accept the overstay").click()
    await shows(page, "receipt")
    await screens.look("accepted")
    await is_in_the_ledger(page, screens)

    await asyncio.gather(*(outside.until(one, "claimed") for one in leases[1:]))
    await lists(page, town, "claimed", screens)
    await outside.does(driver, "dispute", parse_lease(decided.lease_id))
    await page.goto(f"{town.url}/lease/{decided.lease_id}")
    await expect(page.get_by_text("You have objected")).to_be_visible(timeout=SLOW)
    await expect(page.get_by_role("button", name="Accept the overstay")).to_be_hidden()
    await screens.look("disputed")
    await outside.decides(decided, 10**6)
    await ends(page, town, decided, "the arbiter decided", screens, "resolved")

    umar, _ = await outside.owner("Umar")
    await outside.does(umar, "dispute", parse_lease(lapsed.lease_id))
    await page.goto(f"{town.url}/lease/{lapsed.lease_id}")
    await expect(page.get_by_text("The other side has objected")).to_be_visible(timeout=SLOW)
    await screens.look("disputed-by-owner")

    sami, _ = await outside.owner("Sami")
    deposit = int((await outside.detail(agreed))["deposit"])
    until = await outside.stage.now() + 3600
    word = agreement(
        outside.stage.deployment.domain, parse_lease(agreed.lease_id), deposit, 900_000, until
    )
    struct = {
        "leaseId": parse_lease(agreed.lease_id),
        "deposit": deposit,
        "cost": 900_000,
        "validUntil": until,
    }
    await outside.does(sami, "agree", struct, sign(word, wallet.key), b"")
    await ends(page, town, agreed, "agreed on what was due", screens, "agreed")

    times = (await outside.detail(matured))["times"]
    await outside.travel(seconds_of(times["claimUntil"]) + 1)
    await ends(page, town, matured, "undisputed", screens, "matured")
    times = (await outside.detail(lapsed))["times"]
    await outside.travel(seconds_of(times["disputeUntil"]) + 1)
    await ends(page, town, lapsed, "nobody decided", screens, "lapsed")


async def lists(page: Page, town: Town, state: str, screens: Screens) -> None:
    """What is open is in the list, as it is."""
    await page.goto(f"{town.url}/leases")
    await shows(page, state)
    await screens.look(f"list-{state}")


async def test_an_arrival_without_a_departure_is_the_booked_time(
    town: Town, page: Page, wallet: Wallet, outside: Outside, screens: Screens
) -> None:
    """The lock falls silent after the arrival: the keeper closes the lease a day later."""
    driver = await outside.driver(wallet, "SIL 100")
    lease = await outside.books(driver, outside.space("Tove"), await outside.next_slot(-600))
    await outside.parks(lease)
    await signs_in(page, town, wallet)
    times = (await outside.detail(lease))["times"]
    async with outside.without_power(lease.lock_id):
        await page.goto(f"{town.url}/lease/{lease.lease_id}")
        await shows(page, "stay")
        await shows(page, "bar-offline")
        await screens.look("silent")
        await outside.travel(seconds_of(times["evidenceUntil"]) + 1)
        await ends(page, town, lease, "no departure", screens, "presumed")
    await outside.world(lease.lock_id)
