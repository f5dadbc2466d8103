"""One settlement, step by step: what the page tells of each is what the chain has."""

from __future__ import annotations

import pytest
from berth.chain import events
from berth.chain.contracts import Contracts
from berth.chain.rpc import Rpc
from berth.core.addresses import checksum
from berth.core.ids import split_lease
from berth.core.messages import occupancy, recover
from berth.core.states import RecordKind
from playwright.async_api import Locator, Page, expect

from tests.browser.chain import Told, all_final, market_events, of_kind
from tests.browser.conftest import ON_A_PHONE
from tests.browser.outside import Outside
from tests.browser.screens import Screens
from tests.browser.town import Town

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400), ON_A_PHONE]

STEPS = {
    "registered": ("The space was registered with its title", events.SpaceRegistered),
    "offered": ("The owner offered it", events.OfferPublished),
    "booked": ("The driver leased it", events.Leased),
    "arrived": ("The lock saw the car arrive", events.Arrived),
    "left": ("The lock saw the car leave", events.Settled),
    "closed": ("It was settled", events.Settled),
}


async def test_each_step_of_a_settlement_names_its_transaction_on_the_chain(
    town: Town, page: Page, outside: Outside, rpc: Rpc, screens: Screens
) -> None:
    """From the title to the money: registration, offer, lease, the car's coming and going."""
    await all_final(outside)
    found = await market_events(rpc, town.deployment)
    settlement = of_kind(found, events.Settled)[0][0]
    await page.goto(f"{town.url}/audit/1")
    steps = page.locator("[data-cell^=step-]")
    await expect(steps).to_have_count(len(STEPS))
    for place, (name, (words, kind)) in enumerate(STEPS.items()):
        step = steps.nth(place)
        await expect(step).to_have_attribute("data-cell", f"step-{name}")
        await expect(step).to_contain_text(words)
        due = [log.transaction_hash for one, log in of_kind(found, kind) if about(one, settlement)]
        await expect(step.locator("code")).to_have_text(due[-1])
    await screens.look("steps")


def about(event: object, settlement: events.Settled) -> bool:
    """Is the event of the settlement's lease, or of its space and offer?"""
    if hasattr(event, "lease_id"):
        return bool(event.lease_id == settlement.lease_id)
    same = getattr(event, "space_id", None) == split_lease(settlement.lease_id)[0]
    return same and getattr(event, "number", settlement.offer) == settlement.offer


async def test_the_lock_s_two_words_are_shown_with_its_signature_and_their_transaction(
    town: Town, page: Page, rpc: Rpc
) -> None:
    """The car came, the car left: each signed by the lock that the space was registered with."""
    found = await market_events(rpc, town.deployment)
    settlement = of_kind(found, events.Settled)[0][0]
    (arrived,) = [log for one, log in of_kind(found, events.Arrived) if about(one, settlement)]
    (closed,) = [log for one, log in of_kind(found, events.Settled) if about(one, settlement)]
    lock = registration(found, settlement).lock_key
    answer = await (await page.request.get(f"{town.url}/v1/audit/settlements/1")).json()
    await page.goto(f"{town.url}/audit/1")
    words = page.locator("[data-cell^=evidence-]")
    await expect(words).to_have_count(2)
    for kind, title, log in (
        ("arrived", "A car arrived", arrived),
        ("left", "The car left", closed),
    ):
        shown = page.locator(f"[data-cell=evidence-{kind}]")
        await expect(shown).to_contain_text(title)
        await expect(beside(shown, "Signed by the lock")).to_have_text(checksum(lock))
        await expect(beside(shown, "Transaction")).to_have_text(log.transaction_hash)
        signature = await beside(shown, "Signature").inner_text()
        one = next(each for each in answer["evidence"] if each["kind"] == kind)
        word = occupancy(
            town.deployment.domain,
            settlement.lease_id,
            RecordKind[kind.upper()],
            one["from"],
            one["until"],
            one["energyWh"],
        )
        assert recover(word, signature).lower() == lock.lower()
        # the same word went to the chain
        sent = await rpc.call("eth_getTransactionByHash", log.transaction_hash)
        assert signature[2:] in sent["input"]


async def test_what_was_checked_of_each_step_says_what_it_was_held_against(
    town: Town, page: Page, rpc: Rpc, screens: Screens
) -> None:
    """The title's root is the city's edition; offer and lease name their transactions; papers and
    records name who signed them."""
    found = await market_events(rpc, town.deployment)
    settlement = of_kind(found, events.Settled)[0][0]
    contracts = Contracts.of(town.deployment)
    city = split_lease(settlement.lease_id)[0] >> 32
    edition = await contracts.titles.read(rpc, "editionOf", city)
    registered = registration(found, settlement)
    maker = await contracts.market.read(rpc, "attesterOf", registered.maker)
    offers = [log for one, log in of_kind(found, events.OfferPublished) if about(one, settlement)]
    leases = [log for one, log in of_kind(found, events.Leased) if about(one, settlement)]
    await page.goto(f"{town.url}/audit/1")
    await page.get_by_label("Your node").fill(town.up.running.rpc)
    await page.get_by_role("button", name="Verify").click()
    await expect(page.locator("[data-state=checks-right]")).to_be_visible()
    lock = registered.lock_key
    for name, told in (
        ("title", "0x" + bytes(edition[3]).hex()),
        ("offer", offers[-1].transaction_hash),
        ("booking", leases[-1].transaction_hash),
        ("steps", leases[-1].transaction_hash),
        ("maker", maker[0]),
        ("possession", lock),
        ("evidence", lock),
        ("shown", lock),
    ):
        rows = page.locator(f"[data-cell=check-{name}]")
        for row in await rows.all():
            await expect(row).to_have_class("right")
            said = await row.locator("code").inner_text()
            assert told.lower() in said.lower(), (name, said)
    await expect(page.locator("[data-cell=check-evidence]")).to_have_count(2)
    await screens.look("steps-checked")


def registration(found: list[Told], settlement: events.Settled) -> events.SpaceRegistered:
    """How the space was registered."""
    of_space = of_kind(found, events.SpaceRegistered)
    return [one for one, _ in of_space if about(one, settlement)][-1]


def beside(facts: Locator, name: str) -> Locator:
    """What stands beside a name in a list of facts."""
    return facts.locator(f'dt:text-is("{name}") + dd')
