"""The auditor's own reading of the chain against what others show: a service that shows something
else, a node that bills wrongly, and a node that takes its time."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from berth.chain import events
from berth.chain.contracts import Contracts
from berth.chain.rpc import Rpc
from berth.chain.wire import Log
from berth.core.ledger import EMPTY_HEAD, next_head, record_hash
from msgspec.structs import replace
from playwright.async_api import Page, Route, expect

from tests.browser.chain import settled, three
from tests.browser.conftest import ON_A_PHONE
from tests.browser.node import Change, RefusedError, node_before
from tests.browser.outside import SLOW, Outside
from tests.browser.screens import Screens
from tests.browser.town import Town

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(500), ON_A_PHONE]

#: Answers of the service, altered on their way to the browser.
Lie = Callable[[dict[str, Any]], None]
LISTED = re.compile(r"/v1/audit/settlements\?")
ONE = re.compile(r"/v1/audit/settlements/1$")


@asynccontextmanager
async def lying(page: Page, where: re.Pattern[str], lie: Lie) -> AsyncIterator[None]:
    """The service's answers are altered within the block."""

    async def alter(route: Route) -> None:
        # asked for anew, and not whether what the browser has kept still holds
        kept = ("if-none-match", "if-modified-since")
        headers = {name: v for name, v in route.request.headers.items() if name not in kept}
        response = await route.fetch(headers=headers)
        answer = await response.json()
        lie(answer)
        await route.fulfill(response=response, body=json.dumps(answer))

    await page.route(where, alter)
    try:
        yield
    finally:
        await page.unroute(where, alter)


def row(answer: dict[str, Any], number: int) -> dict[str, Any]:
    """A settlement of a list, if it is on this page; else one that nobody sees."""
    return next((one for one in answer["items"] if one["number"] == number), {"rent": "0"})


async def verifies(page: Page, town: Town, path: str = "audit") -> None:
    await page.goto(f"{town.url}/{path}")
    await page.get_by_label("Your node").fill(town.up.running.rpc)
    await page.get_by_role("button", name="Verify").click()


async def test_a_service_that_shows_another_ledger_is_found_out(
    town: Town, page: Page, outside: Outside, screens: Screens
) -> None:
    """An altered row, a row too few and one too many, wrong sums, and a ledger cut short."""
    count = await three(outside)
    stranger = outside.stage.person("Stranger").address

    def dearer(answer: dict[str, Any]) -> None:
        row(answer, 1)["rent"] = str(int(row(answer, 1)["rent"]) + 1)

    def of_another(answer: dict[str, Any]) -> None:
        row(answer, 2).update(driver=stranger, closedAt="2026-01-01T00:00:00Z")

    def without_the_second(answer: dict[str, Any]) -> None:
        answer["items"] = [one for one in answer["items"] if one["number"] != 2]

    def with_one_more(answer: dict[str, Any]) -> None:
        made_up = {**answer["items"][0], "number": count + 1, "block": 1}
        answer["items"] = [made_up, *answer["items"]]

    def richer(answer: dict[str, Any]) -> None:
        if answer["totals"]:
            answer["totals"]["ownerShare"] = str(int(answer["totals"]["ownerShare"]) + 10**6)

    def in_larger_units(answer: dict[str, Any]) -> None:
        answer["currency"]["decimals"] -= 2

    def cut_short(answer: dict[str, Any]) -> None:
        answer["items"] = [one for one in answer["items"] if one["number"] < count]

    shows_another = page.locator("[data-state=service-differs] p")
    for lie, told in (
        (dearer, "No. 1: is shown with other values: rent"),
        (of_another, "No. 2: is shown with other values: driver, time of closing"),
        (without_the_second, "No. 2: is not shown"),
        (
            with_one_more,
            f"No. {count + 1}: is shown, and the chain has no such settlement here",
        ),
        (richer, "The sums are others: owner's part"),
        (in_larger_units, "The sums are others: currency"),
    ):
        async with lying(page, LISTED, lie):
            await verifies(page, town)
            # the chain's own ledger is whole: it is the page that shows something else
            await expect(page.locator("[data-state=verdict-complete]")).to_be_visible()
            await expect(shows_another).to_have_text([told])
            if lie is dearer:
                await screens.look("service-differs")
    async with lying(page, LISTED, cut_short):
        await verifies(page, town)
        await expect(page.get_by_text("does not know the newest settlement yet")).to_be_visible()
        await screens.look("service-behind")
    await verifies(page, town)
    await expect(page.locator("[data-state=service-agrees]")).to_be_visible()
    await screens.look("service-agrees")


async def test_a_service_that_leaves_out_what_a_filter_finds_is_found_out(
    town: Town, page: Page, outside: Outside
) -> None:
    """The chain is filtered the same way: by outcome, by party, by space and by day."""
    await three(outside)
    ledger = await settled(outside.stage.rpc, town.deployment)
    departed, at = ledger[0][0], outside.space("Rosa")
    for query in (
        "outcome=departed",
        f"party={departed.owner}&role=owner",
        f"party={departed.driver}&role=driver",
        f"space={at}",
        "from=2020-01-01&until=2090-01-01",
        "until=2020-01-01",
    ):
        await verifies(page, town, f"audit?{query}")
        await expect(page.locator("[data-state=service-agrees]")).to_be_visible()

    def nothing(answer: dict[str, Any]) -> None:
        if answer["totals"]:  # the list; what is newest is told truly
            answer["items"] = []

    async with lying(page, LISTED, nothing):
        await verifies(page, town, "audit?outcome=departed")
        told = page.locator("[data-state=service-differs] p").first
        await expect(told).to_have_text("No. 1: is not shown")


async def test_a_settlement_that_is_shown_otherwise_than_the_chain_has_it_is_wrong(
    town: Town, page: Page, screens: Screens
) -> None:
    """The record, the steps that led to it, and the lock's word are each held against the chain."""

    def dearer(answer: dict[str, Any]) -> None:
        answer["rent"] = str(int(answer["rent"]) + 1)

    def of_another_booking(answer: dict[str, Any]) -> None:
        answer["booking"]["transaction"] = "0x" + "12" * 32
        answer["terms"]["pricePerSlot"] = "1"

    def unsigned(answer: dict[str, Any]) -> None:
        answer["evidence"][0]["until"] += 60

    for lie, name, told in (
        (dearer, "record", "Not as the chain has it: rent"),
        (
            of_another_booking,
            "steps",
            "Not as the chain has it: transaction of the lease, terms of the offer",
        ),
        (unsigned, "shown", ""),
    ):
        async with lying(page, ONE, lie):
            await verifies(page, town, "audit/1")
            await expect(page.locator("[data-state=checks-wrong]")).to_be_visible()
            wrong = page.locator(".audit-checks li.wrong")
            await expect(wrong).to_have_count(1)
            await expect(wrong).to_have_attribute("data-cell", f"check-{name}")
            await expect(wrong).to_contain_text(told)
            await screens.look(f"shown-otherwise-{name}")


async def test_a_verdict_goes_when_the_page_shows_something_else(
    town: Town, page: Page, screens: Screens
) -> None:
    """The service told the check the truth, and tells another story when it is asked once more."""

    def dearer(answer: dict[str, Any]) -> None:
        answer["rent"] = str(int(answer["rent"]) + 1)

    async def in_the_other_language() -> None:
        await page.locator("header button[lang]").click()  # all is asked for anew

    verdict = page.locator("[data-state^=checks-]")
    await verifies(page, town, "audit/1")
    await expect(page.locator("[data-state=checks-right]")).to_be_visible()
    await in_the_other_language()
    await expect(page.get_by_text("全部与链上一致。")).to_be_visible()
    async with lying(page, ONE, dearer):
        await in_the_other_language()
        await expect(page.get_by_text("has changed since it was checked")).to_be_visible()
        await expect(verdict).to_have_count(0)
        await screens.look("changed-since")
        await page.get_by_role("button", name="Verify").click()
        await expect(page.locator("[data-state=checks-wrong]")).to_be_visible()
    await page.get_by_role("button", name="Verify").click()
    await expect(page.locator("[data-state=checks-right]")).to_be_visible()


async def test_a_settlement_that_is_newer_than_the_node_is_not_checked_and_not_wrong(
    town: Town, page: Page, rpc: Rpc, screens: Screens
) -> None:
    """The node has not the block of the settlement yet."""
    first = (await settled(rpc, town.deployment))[0][1]
    before = await rpc.call("eth_getBlockByNumber", hex(first.block_number - 1), False)

    def behind(method: str, params: list[Any], result: Any) -> Any:
        newest = method == "eth_getBlockByNumber" and params[0] == "latest"
        return before if newest else result

    with node_before(town.up.running.rpc, behind) as node:
        await page.goto(f"{town.url}/audit/1")
        await page.get_by_label("Your node").fill(node.url)
        await page.get_by_role("button", name="Verify").click()
        await expect(page.locator("[data-state=checks-partly]")).to_be_visible()
        await expect(page.get_by_text("Nothing could be checked yet.")).to_be_visible()
        mark = page.locator(".audit-checks li")
        await expect(mark).to_have_count(1)
        await expect(mark).to_have_class("unread")
        await screens.look("newer")


async def test_a_settlement_is_checked_through_a_node_that_tells_of_few_blocks_at_a_time(
    town: Town, page: Page, rpc: Rpc, screens: Screens
) -> None:
    """The editions of titles are asked for like the market's events; and a node that fails at them
    is told as the node's failure."""
    screens.own.append("out of memory")  # the node's own words
    last = int(await rpc.call("eth_blockNumber"), 16)
    market = Contracts.of(town.deployment).market.address.lower()

    def narrow(method: str, params: list[Any], result: Any) -> Any:
        if method == "eth_getLogs":
            first, end = int(params[0]["fromBlock"], 16), int(params[0]["toBlock"], 16)
            if end - first > last // 20:
                raise RefusedError("too many blocks at a time")
        return result

    def without_titles(method: str, params: list[Any], result: Any) -> Any:
        if method == "eth_getLogs" and params[0]["address"].lower() != market:
            raise RefusedError("out of memory")
        return result

    for change, state in ((narrow, "checks-right"), (without_titles, "failed")):
        with node_before(town.up.running.rpc, change) as node:
            await page.goto(f"{town.url}/audit/1")
            await page.get_by_label("Your node").fill(node.url)
            await page.get_by_role("button", name="Verify").click()
            await expect(page.locator(f"[data-state={state}]")).to_be_visible(timeout=SLOW)
            if change is without_titles:
                await expect(page.get_by_text("out of memory")).to_be_visible()
                await expect(page.locator("[data-state^=checks-]")).to_have_count(0)
                await screens.look("broken-off-at-the-titles")


async def test_a_split_that_the_tariff_does_not_give_is_named(
    town: Town, page: Page, rpc: Rpc, screens: Screens
) -> None:
    """A ledger whose hashes fit, and which charges something else: only the terms tell."""
    ledger = await settled(rpc, town.deployment)
    for change, told in (
        ({"rent": 1, "refund": -1}, "rent, overstay or energy are not what the terms give"),
        ({"refund": -1}, "owner, fee and refund do not add up to the deposit"),
        ({"fee": 1}, "the fee is not the offer's"),
    ):
        with node_before(town.up.running.rpc, misbilling(town, ledger, change)) as liar:
            await page.goto(f"{town.url}/audit")
            await page.get_by_label("Your node").fill(liar.url)
            await page.get_by_role("button", name="Verify").click()
            verdict = page.locator("[data-state=verdict-misbilled]")
            await expect(verdict).to_be_visible()
            await expect(verdict.get_by_text("does not follow from its terms")).to_be_visible()
            await expect(verdict.get_by_text(f"No. 1: {told}", exact=True)).to_be_visible()
            if "rent" not in change:
                continue
            await screens.look("verdict-misbilled")
            await page.goto(f"{town.url}/audit/1")
            await page.get_by_label("Your node").fill(liar.url)
            await page.get_by_role("button", name="Verify").click()
            bill = page.locator("[data-cell=check-bill]")
            await expect(bill).to_have_class("wrong")
            await expect(bill).to_contain_text(told)
            await screens.look("misbilled-settlement")


def misbilling(
    town: Town, ledger: list[tuple[events.Settled, Log]], change: dict[str, int]
) -> Change:
    """A node whose first settlement has other amounts, and whose head is over these."""
    market = Contracts.of(town.deployment).market
    ledger_call = "0x" + market.abi.function("ledger").selector.hex()
    (first, log), names = ledger[0], ("rent", "overstay", "energy", "fee", "refund")
    other = replace(first, **{name: getattr(first, name) + by for name, by in change.items()})
    head = EMPTY_HEAD
    for one in (other, *(later for later, _ in ledger[1:])):
        head = next_head(head, record_hash(one))

    def amounts(of: Any) -> str:
        return "".join(f"{getattr(of, name):064x}" for name in names)

    def answer(method: str, params: list[Any], result: Any) -> Any:
        if method == "eth_getLogs":
            return [
                {**one, "data": one["data"].replace(amounts(first), amounts(other))}
                if one["transactionHash"] == log.transaction_hash
                else one
                for one in result
            ]
        if method == "eth_call" and params[0]["data"] == ledger_call:
            return "0x" + head.hex() + result[66:]
        return result

    return answer


async def test_a_node_that_takes_its_time_shows_how_far_it_is_and_may_fail_on_the_way(
    town: Town, page: Page, rpc: Rpc, screens: Screens
) -> None:
    """It answers for some blocks at a time, and rests in the middle."""
    screens.own.append("out of memory")  # the node's own words
    last, rests, go = (
        int(await rpc.call("eth_blockNumber"), 16),
        threading.Event(),
        threading.Event(),
    )

    def slow(method: str, params: list[Any], result: Any) -> Any:
        if method == "eth_getLogs":
            first, end = int(params[0]["fromBlock"], 16), int(params[0]["toBlock"], 16)
            if end - first > last // 6:
                raise RefusedError("too many blocks at a time")
            if first > last // 2:
                rests.set()
                go.wait(60)
        return result

    def broken(method: str, params: list[Any], result: Any) -> Any:
        if method == "eth_getLogs" and int(params[0]["toBlock"], 16) > last // 2:
            raise RefusedError("out of memory")
        return result

    reading = page.locator("[data-state=reading]")
    with node_before(town.up.running.rpc, slow) as node:
        await page.goto(f"{town.url}/audit")
        await page.get_by_label("Your node").fill(node.url)
        await page.get_by_role("button", name="Verify").click()
        assert await asyncio.to_thread(rests.wait, 60)
        told = reading.get_by_text(re.compile(r"^Reading the chain: [5-9]\d %$"))
        await expect(told).to_be_visible()
        bar = await reading.locator("progress").evaluate("(bar) => bar.value")
        assert await told.inner_text() == f"Reading the chain: {bar} %"
        await expect(page.locator("[data-state^=verdict-]")).to_have_count(0)
        await screens.look("reading")
        go.set()
        await expect(page.locator("[data-state=verdict-complete]")).to_be_visible(timeout=SLOW)
        await expect(reading).to_have_count(0)
    with node_before(town.up.running.rpc, broken) as node:
        await page.get_by_label("Your node").fill(node.url)
        await page.get_by_role("button", name="Verify").click()
        await expect(page.get_by_text("out of memory")).to_be_visible(timeout=SLOW)
        # what another node said before does not stand there as if this one had said it
        await expect(page.locator("[data-state^=verdict-]")).to_have_count(0)
        await screens.look("broken-off")
