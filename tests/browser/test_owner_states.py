"""The owner's other days: papers that do not comply, a signature refused, a space that is leased,
taken or cannot be opened, prices that change meanwhile, and nothing to withdraw."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import replace
from typing import Any

import pytest
from berth.chain.rpc import Rpc
from berth.cli.demo.owners import Listing, Wish
from berth.core.compliance import Reason
from playwright.async_api import BrowserContext, Locator, Page, expect

from tests.browser.asking import what_is_told
from tests.browser.conftest import ON_A_PHONE
from tests.browser.outside import SLOW, Outside, shows, signs_in
from tests.browser.screens import Screens
from tests.browser.town import Town
from tests.browser.wallet import Wallet
from tests.e2e.conftest import list_space

#: Long walks: on a phone, where each is looked at in both languages and looks.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600), ON_A_PHONE]

SIGN, SEND = "eth_signTypedData_v4", "eth_sendTransaction"
SAID_NO = "You said no in your wallet"


async def wallet_of(key: bytes, rpc: Rpc, context: BrowserContext) -> Wallet:
    made = Wallet(key, rpc, chain_id=1337)
    await made.enter(context)
    return made


async def test_papers_that_do_not_comply_are_refused_with_every_reason(
    town: Town, page: Page, context: BrowserContext, outside: Outside, rpc: Rpc, screens: Screens
) -> None:
    wallet = await wallet_of(secrets.token_bytes(32), rpc, context)
    person = await outside.driver(wallet, "OWN 100")
    papers = (await person.api.post("/v1/local/papers", {}))["registration"]
    await signs_in(page, town, wallet)
    await page.goto(f"{town.url}/owner/register")

    await hands_in(page, {"no": "papers"})
    await expect(page.get_by_text("This file holds no registration")).to_be_visible()
    await screens.look("no-papers")

    made_up = {"attributes": 0, "validDay": 1}
    await refused(
        page,
        changed(papers, title=made_up, holder={"validDay": 1}, lock={"validDay": 1}, powerW=7400),
        Reason.NOT_IN_EDITION,
        Reason.HOLDER_SIGNATURE_INVALID,
        Reason.HOLDER_EXPIRED,
        Reason.LOCK_ATTESTATION_INVALID,
        Reason.LOCK_EXPIRED,
        Reason.CHARGER_INCONSISTENT,
    )
    await screens.look("refused")
    await refused(
        page,
        changed(papers, holder={"verifier": 99}, lock={"maker": 99}),
        Reason.HOLDER_VERIFIER_UNKNOWN,
        Reason.LOCK_MAKER_UNKNOWN,
    )
    other = papers["lock"]["makerSignature"]
    await refused(page, changed(papers, lock={"possession": other}), Reason.LOCK_POSSESSION_INVALID)
    await refused(
        page,
        changed(papers, title={"city": "XXNIL"}),
        Reason.CITY_UNKNOWN,
        Reason.LOCK_POSSESSION_INVALID,
    )
    assert wallet.signatures == []

    # what complies is registered; a no in the wallet costs nothing and loses nothing
    await hands_in(page, papers)
    await shows(page, "ready")
    wallet.refuse.update((SIGN, SEND))
    register = page.get_by_role("button", name="Register this space")
    await register.click()
    await expect(page.get_by_text(SAID_NO)).to_be_visible(timeout=SLOW)
    await screens.look("said-no")
    wallet.refuse.clear()
    asked = await what_is_told(page, wallet)
    await register.click()
    await expect(page).to_have_url(re.compile("/owner/space/0x"), timeout=SLOW)
    assert f"Register your space Space number {papers['title']['index']} " in asked[0]
    await nothing_to_withdraw(town, page, screens)


async def nothing_to_withdraw(town: Town, page: Page, screens: Screens) -> None:
    """A new owner has the play money only; once that is gone the page says so."""
    await page.goto(f"{town.url}/owner/earnings")
    withdraw = page.get_by_role("button", name="Withdraw", exact=True)
    await withdraw.click(timeout=SLOW)
    await page.get_by_role("button", name="All of it").click()
    await withdraw.click()
    await expect(page.get_by_text("Nothing to withdraw yet.")).to_be_visible(timeout=SLOW)
    await screens.look("nothing-to-withdraw")


async def test_a_space_says_who_has_it_and_whether_its_lock_works(
    town: Town, page: Page, context: BrowserContext, outside: Outside, rpc: Rpc, screens: Screens
) -> None:
    outside, listing = await with_a_space(outside)
    space, lock = listing.space_id, listing.lock.lock_id
    await signs_in(page, town, await wallet_of(listing.owner.key, rpc, context))
    await page.goto(f"{town.url}/owner")
    card = page.locator("a.space-link")
    await in_state(card, "free")
    await expect(card).not_to_have_attribute("data-trouble", re.compile("."))

    driver = await outside.somebody("OWN 200")
    lease = await outside.books(driver, space, await outside.next_slot(), 2)
    await in_state(card, "booked")
    await screens.look("booked")
    await outside.parks(lease)
    await in_state(card, "parked")
    await screens.look("parked")

    # the car leaves, and the bar cannot come up behind it
    await outside.world(lock, jam=True)
    await expect(card).to_have_attribute("data-trouble", "jammed", timeout=SLOW)
    await screens.look("jammed")
    await outside.world(lock)
    await outside.until(lease, "settled")
    await in_state(card, "free")

    async with outside.without_power(lock):
        await expect(card).to_have_attribute("data-trouble", "offline", timeout=SLOW)
        await screens.look("offline")
    await expect(card).not_to_have_attribute("data-trouble", "offline", timeout=SLOW)
    await outside.world(lock, vehicle=True)
    await in_state(card, "occupied")
    await screens.look("occupied")
    await outside.world(lock)
    await in_state(card, "free")


async def test_prices_change_while_a_lease_goes_on_and_times_are_kept(
    town: Town, page: Page, context: BrowserContext, outside: Outside, rpc: Rpc, screens: Screens
) -> None:
    outside, listing = await with_a_space(outside)
    space = listing.space_id
    wallet = await wallet_of(listing.owner.key, rpc, context)
    driver = await outside.somebody("OWN 300")
    lease = await outside.books(driver, space, await outside.next_slot() + 96, 4)
    before = (await outside.detail(lease))["deposit"]
    await signs_in(page, town, wallet)
    await page.goto(f"{town.url}/owner/space/{space}")
    await expect(page.get_by_text("● leased")).to_be_visible(timeout=SLOW)

    # another price, which the person first does not sign
    await page.get_by_role("button", name="Publish a new offer").click()
    price = page.get_by_label(re.compile("^Price for an hour"))
    await price.fill("4.40")
    wallet.refuse.update((SIGN, SEND))
    publish = page.get_by_role("button", name="Publish the offer")
    await publish.click()
    await expect(page.get_by_text(SAID_NO)).to_be_visible(timeout=SLOW)
    await expect(price).to_have_value("4.40")
    wallet.refuse.clear()
    await publish.click()
    await expect(page.get_by_text("A driver gets the cheapest offer")).to_be_visible(timeout=SLOW)
    await screens.look("two-offers")

    # the first one is withdrawn; who has leased under it keeps its terms
    await page.get_by_role("button", name="Withdraw offer 1").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await screens.look("sure")
    await page.get_by_role("dialog").get_by_role("button", name="Withdraw", exact=True).click()
    await expect(page.get_by_text("Withdrawn.", exact=True)).to_be_visible(timeout=SLOW)
    await expect(page.get_by_role("button", name="Withdraw offer 1")).to_be_hidden()
    await expect(page.get_by_text("● leased")).to_be_visible()
    detail = await outside.detail(lease)
    assert (detail["state"], detail["deposit"]) == ("booked", before)
    await screens.look("withdrawn")
    await keeps_a_time(page, screens, lease.start)


async def keeps_a_time(page: Page, screens: Screens, leased: int) -> None:
    """What is leased cannot be kept, the contract says; another time can, and is taken then."""
    await page.get_by_role("button", name="Keep a time for yourself").click()
    go = page.get_by_role("button", name="Keep it")
    shown = page.locator("[data-state=calendar] time").first
    moment = await shown.get_attribute("datetime")
    assert moment is not None
    clock = re.search(r"\d\d:\d\d", await shown.inner_text())
    assert clock is not None
    await page.get_by_label("Day", exact=True).fill(moment[:10])
    await page.get_by_label("From", exact=True).fill(clock[0])
    await go.click()
    await expect(page.get_by_text("leased or blocked for part of this time")).to_be_visible(
        timeout=SLOW
    )
    await screens.look("taken")
    await page.get_by_label("From", exact=True).fill(f"{(int(clock[0][:2]) + 12) % 24:02}:07")
    await go.click()
    await expect(page.get_by_text("At a full quarter of an hour.")).to_be_visible()
    await page.get_by_label("From", exact=True).fill(f"{(int(clock[0][:2]) + 12) % 24:02}:00")
    await go.click()
    await expect(page.get_by_text("Kept for you.")).to_be_visible(timeout=SLOW)
    await expect(page.locator("[data-state=calendar] li")).to_have_count(2, timeout=SLOW)
    kept = page.locator("[data-state=calendar] li").filter(has_text="kept by you")
    await expect(kept).to_have_count(1)
    await screens.look("kept")
    await kept.get_by_role("button", name="Give back").click()
    await expect(page.get_by_text("Given back.")).to_be_visible(timeout=SLOW)
    await expect(page.locator("[data-state=calendar] li")).to_have_count(1, timeout=SLOW)


async def test_a_withdrawal_that_is_refused_takes_nothing_and_payouts_can_be_left_to_others(
    town: Town, page: Page, context: BrowserContext, outside: Outside, rpc: Rpc, screens: Screens
) -> None:
    wallet = await wallet_of(secrets.token_bytes(32), rpc, context)
    person = await outside.driver(wallet, "OWN 400")
    credit = (await outside.holds(person))[0]
    await signs_in(page, town, wallet)
    await page.goto(f"{town.url}/owner/earnings")
    withdraw = page.get_by_role("button", name="Withdraw", exact=True)
    await withdraw.click(timeout=SLOW)
    await page.get_by_label(re.compile("^Amount")).fill("7.25")
    wallet.refuse.add(SEND)
    await withdraw.click()
    await expect(page.get_by_text(SAID_NO)).to_be_visible(timeout=SLOW)
    await expect(page.get_by_label(re.compile("^Amount"))).to_have_value("7.25")
    await screens.look("said-no")
    assert (await outside.holds(person))[0] == credit

    auto = page.locator("[data-auto]")
    await page.get_by_role("button", name="Switch it on").click()
    await expect(auto).to_have_attribute("data-auto", "on", timeout=SLOW)
    await screens.look("auto")
    assert await outside.market.read(rpc, "autoPayoutOf", person.address) is True
    await page.get_by_role("button", name="Switch it off").click()
    await expect(auto).to_have_attribute("data-auto", "off", timeout=SLOW)


async def with_a_space(outside: Outside) -> tuple[Outside, Listing]:
    """An owner whose space no other test leases, the dearest in town; and the world with it."""
    stage = outside.stage
    # what a person does is on record by name: nobody is called the same twice
    name = f"Ilse {secrets.token_hex(4)}"
    wish = Wish(name, stage.city.destination, 2_000_000, 0, (), 0)
    listing = await list_space(stage, wish)
    return Outside(replace(outside.town, listings=(listing,)), stage), listing


async def in_state(card: Locator, state: str) -> None:
    await expect(card).to_have_attribute("data-state", state, timeout=SLOW)


async def refused(page: Page, papers: dict[str, Any], *reasons: Reason) -> None:
    """Hands in papers; the page tells exactly these reasons."""
    await hands_in(page, papers)
    told = page.locator("[data-state=refused] li")
    await expect(told).to_have_text([one.sentence() for one in reasons], timeout=SLOW)


async def hands_in(page: Page, papers: dict[str, Any]) -> None:
    content = json.dumps(papers).encode()
    file = {"name": "papers.json", "mimeType": "application/json", "buffer": content}
    await page.get_by_label("Papers file").set_input_files(file)  # type: ignore[arg-type]


def changed(papers: dict[str, Any], **parts: Any) -> dict[str, Any]:
    """Papers with some values of their parts changed."""
    made = dict(papers)
    for name, part in parts.items():
        made[name] = {**papers[name], **part} if isinstance(part, dict) else part
    return made
