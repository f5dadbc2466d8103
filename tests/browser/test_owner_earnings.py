"""What an owner has earned, at every stage of a lease, held against the chain's own figures; and
getting it out."""

from __future__ import annotations

import asyncio
import re
import secrets

import pytest
from berth.chain import events
from berth.chain.rpc import Rpc
from berth.core.ids import parse_lease, parse_space
from berth.core.tariff import decode_words
from playwright.async_api import BrowserContext, Locator, Page, expect

from tests.browser.chain import Told, market_events, of_kind
from tests.browser.conftest import ON_A_PHONE
from tests.browser.outside import SLOW, Booked, Outside, shows, signs_in
from tests.browser.screens import Screens
from tests.browser.test_owner_states import wallet_of, with_a_space
from tests.browser.town import Town

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600), ON_A_PHONE]

SEND = "eth_sendTransaction"


async def test_money_goes_from_booked_to_earned_to_the_wallet_as_the_chain_has_it(
    town: Town, page: Page, context: BrowserContext, outside: Outside, rpc: Rpc, screens: Screens
) -> None:
    outside, listing = await with_a_space(outside)
    owner, space, lock = listing.owner.address, listing.space_id, listing.lock.lock_id
    chain = Figures(outside, rpc, space, owner)
    await signs_in(page, town, await wallet_of(listing.owner.key, rpc, context))
    await page.goto(f"{town.url}/owner/earnings")
    # nobody has leased it yet
    await has(page, "booked", 0, "No lease is running or booked.")
    await has(page, "pending", 0, "No lease is waiting to be settled.")
    await has(page, "earned", 0)
    await has(page, "withdrawn", 0)
    before = await chain.credit()
    await has(page, "available", before)

    driver, start = await outside.somebody("EAR 100"), await outside.next_slot()
    first = await outside.books(driver, space, start, 2)
    second = await outside.books(driver, space, start + 40, 4)
    await has(page, "booked", await chain.expected(first, second), "2 leases are running or booked")
    await has_escrow(page, "booked", await chain.escrow(first, second))
    await screens.look("booked")

    # the first one's time is over and the car is still there
    await outside.parks(first)
    await outside.travel(first.end + 30)
    await page.reload()
    await has(page, "booked", await chain.expected(second), "1 lease is running or booked")
    await has(page, "pending", await chain.expected(first), "1 lease is over or disputed")
    await has_escrow(page, "pending", await chain.escrow(first))
    await has(page, "earned", 0)
    assert await chain.credit() == before
    await screens.look("to-be-settled")

    await outside.world(lock)
    await outside.until(first, "settled")
    async with outside.nothing_is_mined():
        await has(page, "earned", await chain.earned(first))
        await expect(card(page, "earned")).to_contain_text("not final yet")
        await expect(card(page, "earned")).to_contain_text(label(await chain.fees(first)))
        await has(page, "pending", 0, "No lease is waiting")
        assert await chain.credit() == before + await chain.earned(first)
        await has(page, "available", await chain.credit())
        movement = page.locator("[data-cell=movement-earning]")
        await expect(movement).to_contain_text(f"+{label(await chain.earned(first))}")
        await expect(movement.get_by_text("not final yet")).to_be_visible()
        await screens.look("settled-not-final")
    await rpc.call("evm_mine", {"blocks": 64})
    await expect(movement.get_by_text("not final yet")).to_have_count(0, timeout=SLOW)
    await expect(card(page, "earned")).not_to_contain_text("not final yet")
    await screens.look("settled")
    await withdraws(page, outside, chain, screens)


async def withdraws(page: Page, outside: Outside, chain: Figures, screens: Screens) -> None:
    """On its way, in the chain, done: the tokens are in the wallet, and the sums say so."""
    credit, tokens = await chain.credit(), await chain.tokens()
    withdraw = page.get_by_role("button", name="Withdraw", exact=True)
    await withdraw.click()
    await page.get_by_label(re.compile("^Amount")).fill("1.50")
    async with outside.nothing_is_mined():
        await withdraw.click()
        await shows(page, "pending")
        await expect(page.get_by_text("On its way into the chain.")).to_be_visible()
        assert (await chain.credit(), await chain.tokens()) == (credit, tokens)
        await has(page, "withdrawn", 0)
        await screens.look("withdrawal-pending")
    await expect(page.get_by_text("Withdrawn. It is in your wallet now.")).to_be_visible(
        timeout=SLOW
    )
    assert (await chain.credit(), await chain.tokens()) == (credit - 1_500_000, tokens + 1_500_000)
    await has(page, "available", credit - 1_500_000)
    await has(page, "withdrawn", await chain.withdrawn())
    assert await chain.withdrawn() == 1_500_000
    await screens.look("withdrawn")


async def test_a_withdrawal_that_a_payout_has_forestalled_says_so_and_takes_nothing(
    town: Town, page: Page, context: BrowserContext, outside: Outside, rpc: Rpc, screens: Screens
) -> None:
    """Half a euro is left, less than the keeper pays out. A stranger has it sent to the owner while
    the owner's own withdrawal is on its way: the chain refuses that one."""
    wallet = await wallet_of(secrets.token_bytes(32), rpc, context)
    owner = await outside.driver(wallet, "EAR 200")
    chain, left = Figures(outside, rpc, "", owner.address), 500_000
    given = await chain.credit()
    await outside.does(owner, "withdraw", owner.address, given - left)
    await outside.does(owner, "setAutoPayout", True)
    await signs_in(page, town, wallet)
    await page.goto(f"{town.url}/owner/earnings")
    await has(page, "available", left)
    withdraw = page.get_by_role("button", name="Withdraw", exact=True)
    await withdraw.click()
    await page.get_by_role("button", name="All of it").click()
    asked, go = asyncio.Event(), asyncio.Event()

    async def thinking() -> None:
        asked.set()
        await go.wait()

    wallet.before[SEND] = thinking
    await withdraw.click()
    await asked.wait()
    await shows(page, "asking")
    await screens.look("withdrawal-asked")
    async with outside.nothing_is_mined():
        go.set()
        await shows(page, "pending")
        await pays_out_first(outside, owner.address)
    await shows(page, "ended-failed")
    await expect(page.get_by_text("It did not go through.")).to_be_visible()
    await screens.look("withdrawal-failed")
    assert (await chain.credit(), await chain.withdrawn()) == (0, given)
    await page.reload()
    await has(page, "withdrawn", given)
    await expect(page.get_by_text("Nothing to withdraw yet.")).to_be_visible()
    await screens.look("nothing-left")


async def pays_out_first(outside: Outside, account: str) -> None:
    """A stranger's transaction that a block takes before all others, for it pays more for its
    gas."""
    rpc, market = outside.stage.rpc, outside.market
    stranger = (await rpc.call("eth_accounts"))[0]
    dear = 50 * int(await rpc.call("eth_gasPrice"), 16)
    call = {
        "from": stranger,
        "to": market.address,
        "data": "0x" + market.calldata("payout", account).hex(),
        "gas": hex(300_000),
        "gasPrice": hex(dear),
    }
    await rpc.call("eth_sendTransaction", call)


class Figures:
    """The owner's money by the contracts and the market's events, minor units."""

    def __init__(self, outside: Outside, rpc: Rpc, space: str, owner: str) -> None:
        self._outside, self._rpc, self._space, self._owner = outside, rpc, space, owner

    async def credit(self) -> int:
        return int(await self._outside.market.read(self._rpc, "creditOf", self._owner))

    async def tokens(self) -> int:
        asset = self._outside.stage.contracts.asset
        return int(await asset.read(self._rpc, "balanceOf", self._owner))

    async def escrow(self, *leases: Booked) -> int:
        return sum(one.deposit for one in await self._leased(*leases))

    async def expected(self, *leases: Booked) -> int:
        """The booked time's rent by the offer's words, without the fee."""
        found = await self._events()
        (offer,) = [
            one
            for one, _ in of_kind(found, events.OfferPublished)
            if one.space_id == parse_space(self._space)
        ]
        terms = decode_words(offer.word_a, offer.word_b)
        rents = [terms.price_per_slot * one.slots for one in await self._leased(*leases)]
        return sum(rent - rent * terms.fee_bps // 10_000 for rent in rents)

    async def earned(self, lease: Booked) -> int:
        one = await self._settled(lease)
        return one.rent + one.overstay + one.energy - one.fee

    async def fees(self, lease: Booked) -> int:
        return (await self._settled(lease)).fee

    async def withdrawn(self) -> int:
        gone = of_kind(await self._events(), events.Withdrawn)
        return sum(one.amount for one, _ in gone if one.account == self._owner.lower())

    async def _settled(self, lease: Booked) -> events.Settled:
        found = of_kind(await self._events(), events.Settled)
        (one,) = [one for one, _ in found if one.lease_id == parse_lease(lease.lease_id)]
        return one

    async def _leased(self, *leases: Booked) -> list[events.Leased]:
        wanted = {parse_lease(one.lease_id) for one in leases}
        found = of_kind(await self._events(), events.Leased)
        return [one for one, _ in found if one.lease_id in wanted]

    async def _events(self) -> list[Told]:
        return await market_events(self._rpc, self._outside.stage.deployment)


def card(page: Page, name: str) -> Locator:
    return page.locator(f"[data-cell=sum-{name}]")


def label(minor: int) -> str:
    """An amount as the page writes it: to the cent."""
    cents = (minor + 5_000) // 10_000
    return f"{cents // 100}.{cents % 100:02}\u00a0tEUR"


def exact(minor: int) -> str:
    """To the last digit, as what can be withdrawn is written."""
    tail = f"{minor % 10**6:06}".rstrip("0").ljust(2, "0")
    return f"{minor // 10**6}.{tail}\u00a0tEUR"


async def has(page: Page, name: str, minor: int, words: str = "") -> None:
    """A card shows a sum, and says what of."""
    big = card(page, name).locator(".big")
    text = exact(minor) if name == "available" else label(minor)
    await expect(big).to_have_text(text, timeout=SLOW)
    if words:
        await expect(card(page, name)).to_contain_text(words)


async def has_escrow(page: Page, name: str, minor: int) -> None:
    await expect(card(page, name)).to_contain_text(f"{label(minor)} is held for it.")
