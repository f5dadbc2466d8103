"""The ledger to take along: made page by page, equal to the chain's, and honest about what is not
final yet."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import pytest
from berth.chain import events
from berth.chain.rpc import Rpc
from berth.chain.wire import Log
from berth.core.addresses import checksum
from berth.core.ids import lease_hex, parse_lease, space_hex, split_lease
from berth.core.ledger import EMPTY_HEAD, next_head, record_hash
from berth.core.settings import FINALITY
from berth.core.slots import slot_start
from berth.core.states import Outcome
from berth.core.zones import rfc3339
from playwright.async_api import Page, Route, expect

from tests.browser.chain import all_final, as_text, settled, three
from tests.browser.conftest import ON_A_PHONE
from tests.browser.outside import SLOW, Outside
from tests.browser.screens import Screens
from tests.browser.town import Town

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(500), ON_A_PHONE]

LISTED = re.compile(r"/v1/audit/settlements\?")
PAGE = 2


async def test_a_file_is_made_page_by_page_and_a_failure_half_way_leaves_none(
    town: Town, page: Page, outside: Outside, rpc: Rpc, screens: Screens
) -> None:
    """The real service's pages, two settlements each. The second one is held, then refused."""
    count = await three(outside)
    await all_final(outside)
    held, go, refused = asyncio.Event(), asyncio.Event(), [True]

    async def small(route: Route) -> None:
        parts = urlsplit(route.request.url)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        query["limit"] = str(PAGE)
        if "cursor" in query and refused[0]:
            held.set()
            await go.wait()
            await route.fulfill(status=500, json={"code": "internal", "detail": "", "errors": []})
            return
        url = urlunsplit(parts._replace(query=urlencode(query)))
        await route.fulfill(response=await route.fetch(url=url))

    await page.route(LISTED, small)
    await page.goto(f"{town.url}/audit/export")
    make = page.get_by_role("button", name="Make the file")
    await make.click()
    await held.wait()
    await expect(page.get_by_text(f"{PAGE} of {count}", exact=True)).to_be_visible()
    bar = page.locator("progress")
    assert await bar.evaluate("(bar) => [bar.value, bar.max]") == [PAGE, count]
    await expect(page.get_by_role("link", name="Save")).to_have_count(0)
    await screens.look("progress")
    go.set()
    again = page.get_by_role("button", name="Try again")
    await expect(again).to_be_visible()
    broken_off = page.get_by_text(f"{PAGE} of {count} were read. There is no file.")
    await expect(broken_off).to_be_visible()
    await expect(bar).to_have_count(0)
    await expect(page.get_by_role("link", name="Save")).to_have_count(0)
    await screens.look("failed-half-way")
    refused[0] = False
    await again.click()
    await expect(broken_off).to_have_count(0)
    await expect(page.get_by_text(f"{count} settlements are ready.")).to_be_visible()
    rows = await saved(page, "csv")
    assert rows == [as_text(one) for one in await told(rpc, town)]
    await screens.look("ready")


async def test_the_files_are_the_chain_s_ledger_with_the_chosen_filter(
    town: Town, page: Page, outside: Outside, rpc: Rpc, screens: Screens
) -> None:
    """CSV and JSON, by how it ended, by party, by space and by day."""
    await three(outside)
    await all_final(outside)
    ledger = await told(rpc, town)
    first, last = ledger[0], ledger[-1]
    day = datetime.fromisoformat(last["closedAt"]).astimezone(UTC).date()
    next_day = day + timedelta(days=1)
    filters: list[tuple[str, Callable[[dict[str, Any]], bool]]] = [
        ("", lambda _: True),
        (f"outcome={last['outcome']}", lambda one: one["outcome"] == last["outcome"]),
        (f"party={first['owner']}&role=owner", lambda one: one["owner"] == first["owner"]),
        (f"party={last['driver']}&role=driver", lambda one: one["driver"] == last["driver"]),
        (f"space={last['spaceId']}", lambda one: one["spaceId"] == last["spaceId"]),
        (f"from={day}&until={next_day}", lambda one: one["closedAt"][:10] == str(day)),
        (f"until={day}", lambda one: one["closedAt"][:10] < str(day)),
    ]
    sizes = set()
    for query, fits in filters:
        await page.goto(f"{town.url}/audit/export?{query}")
        due = [one for one in ledger if fits(one)]
        sizes.add(len(due))
        if not query:
            await screens.look("choosing")
        if not due:
            await page.get_by_role("button", name="Make the file").click()
            await expect(page.get_by_text("no settlement fits")).to_be_visible()
            await screens.look("empty")
            continue
        for form in ("csv", "json"):
            await page.get_by_label("Format").select_option(form)
            await page.get_by_role("button", name="Make the file").click()
            rows = await saved(page, form)
            assert rows == ([as_text(one) for one in due] if form == "csv" else due), query
    assert len(sizes) >= 3  # the filters tell settlements apart


async def test_what_is_not_final_says_so_in_the_list_and_in_the_files(
    town: Town, page: Page, outside: Outside, rpc: Rpc, screens: Screens
) -> None:
    """The newest settlement may be replaced, those before cannot; then it is as they are."""
    count = await three(outside)
    await all_final(outside)
    driver, space = await outside.somebody("AUD 400"), outside.space("Tove")
    lease = await outside.books(driver, space, await outside.next_slot(3 * 3600))
    await page.goto(f"{town.url}/audit")
    not_final = page.locator("[data-final=false]")
    await expect(page.locator("[data-final=true]")).to_have_count(count, timeout=SLOW)
    await expect(not_final).to_have_count(0)
    await outside.does(driver, "cancel", parse_lease(lease.lease_id))
    async with outside.nothing_is_mined():
        # the list has heard of it by itself
        await expect(not_final).to_have_count(1, timeout=SLOW)
        await expect(not_final).to_contain_text(f"No. {count + 1}")
        await expect(not_final).to_contain_text("not final yet")
        await screens.look("list-not-final")
        await page.goto(f"{town.url}/audit/export")
        for form in ("csv", "json"):
            await page.get_by_label("Format").select_option(form)
            await page.get_by_role("button", name="Make the file").click()
            await expect(page.get_by_text("1 of them is not final yet")).to_be_visible()
            rows = await saved(page, form)
            final = [json.loads(str(one["final"]).lower()) for one in rows]
            assert final == [True] * count + [False]
        await screens.look("file-not-final")
        await page.goto(f"{town.url}/audit")
        await expect(not_final).to_have_count(1)
    await rpc.call("evm_mine", {"blocks": FINALITY})
    await expect(not_final).to_have_count(0, timeout=SLOW)  # by itself
    await expect(page.locator("[data-final=true]")).to_have_count(count + 1)


async def saved(page: Page, form: str) -> list[dict[str, Any]]:
    """The rows of the file that the page has made; the digest beside it is the file's."""
    link = page.get_by_role("link", name="Save")
    async with page.expect_download() as coming:
        await link.click()
    content = (await (await coming.value).path()).read_bytes()
    assert hashlib.sha256(content).hexdigest() == await page.locator("code").first.inner_text()
    text = content.decode()
    rows = list(csv.DictReader(io.StringIO(text))) if form == "csv" else json.loads(text)
    return [dict(one) for one in rows]


async def told(rpc: Rpc, town: Town) -> list[dict[str, Any]]:
    """The chain's own ledger, in the file's words; all of it is final."""
    head, rows = EMPTY_HEAD, []
    for event, log in await settled(rpc, town.deployment):
        head = next_head(head, record_hash(event))
        rows.append(line(event, log, head))
    return rows


def line(event: events.Settled, log: Log, head: bytes) -> dict[str, Any]:
    space, start_slot, _ = split_lease(event.lease_id)
    amounts = ("rent", "overstay", "energy", "fee", "refund")
    return {
        "number": event.number,
        "leaseId": lease_hex(event.lease_id),
        "spaceId": space_hex(space),
        "windowStart": rfc3339(slot_start(start_slot)),
        "outcome": Outcome(event.outcome).name.lower(),
        "owner": checksum(event.owner),
        "driver": checksum(event.driver),
        "offer": event.offer,
        **{name: str(getattr(event, name)) for name in amounts},
        "arrived": event.arrived,
        "until": event.until,
        "energyWh": event.energy_wh,
        "closedAt": rfc3339(event.closed_at),
        "recordHash": "0x" + record_hash(event).hex(),
        "head": "0x" + head.hex(),
        "block": log.block_number,
        "transaction": log.transaction_hash,
        "final": True,
    }
