"""The auditor: no account, a node of one's own, and a file to take along."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest
from berth.chain.contracts import Contracts
from berth.chain.local import free_port
from berth.chain.rpc import Rpc
from berth.core.ledger import EMPTY_HEAD, Record, next_head, record_hash
from berth.core.settings import FINALITY
from berth.core.states import Outcome
from eth_account import Account
from playwright.async_api import Page, expect

from tests.browser.chain import all_final, as_text
from tests.browser.conftest import ON_A_PHONE
from tests.browser.node import Change, honest, node_before
from tests.browser.outside import SLOW, Outside
from tests.browser.screens import Screens
from tests.browser.town import Town

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]


SETTLEMENTS = re.compile(r"^\d+ settlements?$")


async def test_an_auditor_checks_the_ledger_through_a_node_of_their_own(
    town: Town, page: Page, screens: Screens
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(f"{town.url}/audit")
    await expect(page.get_by_role("heading", level=1)).to_have_text("The ledger of settlements")
    await expect(page.get_by_text(SETTLEMENTS)).to_be_visible()
    await screens.look("ledger")
    with node_before(town.up.running.rpc) as own:
        await page.get_by_label("Your node").fill(own.url)
        await page.get_by_role("button", name="Verify").click()
        await expect(page.locator("[data-state=verdict-complete]")).to_be_visible()
        assert {"eth_chainId", "eth_getLogs", "eth_call"} <= set(own.asked)
    # nothing was read through the node that the service names
    assert not [url for url in asked if url.startswith(town.up.running.rpc)]
    await screens.look("complete")


async def test_one_settlement_is_checked_with_all_that_led_to_it(
    town: Town, page: Page, rpc: Rpc, screens: Screens
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    # final, however fast the town was made: until then the page would ask for it again and again
    await rpc.call("evm_mine", {"blocks": FINALITY})
    await page.goto(f"{town.url}/audit/1")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Settlement 1")
    await expect(page.locator("dl.facts").first).to_be_visible()
    await expect(page.locator("[data-state=unconfirmed]")).to_be_hidden(timeout=SLOW)
    await at_rest(asked)
    del asked[:]
    await page.get_by_role("button", name="Verify").click()
    await expect(page.locator("[data-state=checks-right]")).to_be_visible()
    marks = page.locator(".audit-checks li")
    assert await marks.count() >= 10
    assert await page.locator(".audit-checks li.wrong").count() == 0
    assert await page.locator(".audit-checks li.right").count() >= 10
    # what was read while checking came from the node; from the service the app's own files, and
    # once more what is held against the chain
    told = [url for url in asked if url.startswith(town.url) and "/assets/" not in url]
    told = [url for url in told if "/v1/" in url and "/v1/events" not in url]
    assert told == [f"{town.url}/v1/audit/settlements/1"]
    await screens.look("checked")


@ON_A_PHONE
async def test_what_led_to_a_settlement_is_right_only_if_each_signature_is(
    town: Town, page: Page, screens: Screens
) -> None:
    """A node shows papers or records that nobody signed, or other transactions altogether."""
    market = Contracts.of(town.deployment).market

    def part(given: str, verb: str, *path: str) -> str | None:
        """A part of a call's arguments, in hex; None where the transaction is not that call."""
        entry = market.abi.function(verb)
        _, found, arguments = given.partition(entry.selector.hex())
        value: Any = entry.decode_inputs(bytes.fromhex(arguments)) if found else None
        for name in path if found else ():
            value = value[name]
        return value.hex() if found else None

    def another(verb: str, *path: str) -> Change:
        def change(method: str, _: list[Any], result: Any) -> Any:
            if method != "eth_getTransactionByHash":
                return result
            value = part(result["input"], verb, *path)
            if value is None:
                return result
            assert value in result["input"]
            other = value[:20] + ("0" if value[20] != "0" else "1") + value[21:]
            return {**result, "input": result["input"].replace(value, other)}

        return change

    def elsewhere(method: str, _: list[Any], result: Any) -> Any:
        return {**result, "to": "0x" + "12" * 20} if "ByHash" in method else result

    async def checked(change: Change) -> dict[str, list[str]]:
        await page.goto(f"{town.url}/audit/1")
        with node_before(town.up.running.rpc, change) as own:
            await page.get_by_label("Your node").fill(own.url)
            await page.get_by_role("button", name="Verify").click()
            await expect(page.locator("[data-state^=checks-]")).to_be_visible()
        return {
            mark: await page.locator(f".audit-checks li.{mark}").all_inner_texts()
            for mark in ("right", "wrong", "unread")
        }

    every = len((await checked(honest))["right"])
    for change, words, wrong in (
        (another("registerSpace", "r", "title", "addressHash"), "title is in the city's", 1),
        (another("registerSpace", "r", "holder", "signature"), "A verifier confirmed", 1),
        (another("registerSpace", "r", "lock", "makerSignature"), "The lock's maker", 1),
        (another("registerSpace", "r", "lock", "possession"), "The lock itself confirmed", 1),
        (another("record", "signature"), "signed by the space's lock", 2),
    ):
        found = await checked(change)
        assert len(found["wrong"]) == wrong, (words, found["wrong"])
        assert all(words in text for text in found["wrong"])
        assert len(found["right"]) == every - wrong
        await expect(page.locator("[data-state=checks-wrong]")).to_be_visible()
    await screens.look("wrong")
    found = await checked(elsewhere)
    assert (len(found["right"]), len(found["wrong"])) == (every - 6, 0)
    assert len(found["unread"]) == 6  # title, holder, maker, possession, arrival, departure
    await expect(page.locator("[data-state=checks-partly]")).to_be_visible()
    await screens.look("unread")


async def at_rest(asked: list[str]) -> None:
    """The page has asked for all that it shows: nothing new for two seconds."""
    seen = -1
    while seen != len(asked):
        seen = len(asked)
        await asyncio.sleep(2.0)


async def test_a_node_that_lies_is_found_out(town: Town, page: Page, screens: Screens) -> None:
    def dearer(method: str, _: list[Any], result: Any) -> Any:
        """A settlement that charged one minor unit more."""
        if method != "eth_getLogs":
            return result
        told = [{**log, "data": log["data"].replace(rent, more)} for log in result]
        assert told != result
        return told

    def forgetful(method: str, _: list[Any], result: Any) -> Any:
        """The newest events are not told, the newest settlement among them."""
        if method != "eth_getLogs":
            return result
        last = max(at for at, log in enumerate(result) if rent in log["data"])
        return result[:last]

    await page.goto(f"{town.url}/audit")
    asked = await page.request.get(f"{town.url}/v1/audit/settlements?newestFirst=true&limit=1")
    amount = int((await asked.json())["items"][0]["rent"])
    rent, more = f"{amount:064x}", f"{amount + 1:064x}"
    for lie, verdict in ((dearer, "mismatch"), (forgetful, "gap")):
        with node_before(town.up.running.rpc, lie) as liar:
            await page.get_by_label("Your node").fill(liar.url)
            await page.get_by_role("button", name="Verify").click()
            await expect(page.locator(f"[data-state=verdict-{verdict}]")).to_be_visible()
        await screens.look(verdict)


async def test_a_node_that_is_none_or_another_s_is_named(
    town: Town, page: Page, screens: Screens
) -> None:
    def of_another_chain(method: str, _: list[Any], result: Any) -> Any:
        return "0x1" if method == "eth_chainId" else result

    def with_another_beginning(method: str, params: list[Any], result: Any) -> Any:
        first = method == "eth_getBlockByNumber" and params[0] == "0x0"
        return {**result, "hash": "0x" + "ab" * 32} if first else result

    await page.goto(f"{town.url}/audit")
    node, verify = page.get_by_label("Your node"), page.get_by_role("button", name="Verify")
    await node.fill("not a node")
    await verify.click()
    await expect(page.get_by_text("This is no address of a node")).to_be_visible()
    await node.fill(f"http://127.0.0.1:{free_port()}")
    await verify.click()
    await expect(page.get_by_text("No node answers there.")).to_be_visible()
    await screens.look("unreachable")
    with node_before(town.up.running.rpc, of_another_chain) as other:
        await node.fill(other.url)
        await verify.click()
        await expect(page.get_by_text("It is on chain 1; the ledger is on")).to_be_visible()
        await screens.look("another-chain")
    with node_before(town.up.running.rpc, with_another_beginning) as fork:
        await node.fill(fork.url)
        await verify.click()
        await expect(page.get_by_text("but another first block")).to_be_visible()
        await screens.look("another-beginning")
    # a web server that is no node
    await node.fill(f"{town.url}/v1/config")
    await verify.click()
    await expect(page.get_by_text("The node did not answer as it should.")).to_be_visible()
    await node.fill(town.up.running.rpc)
    await page.get_by_label("The market's contract").fill("0x" + "12" * 20)
    await verify.click()
    await expect(page.get_by_text(re.compile("It knows no contract at"))).to_be_visible()
    await screens.look("no-contract")


async def test_the_exports_are_the_chain_s_own_ledger_and_their_digests_are_right(
    town: Town, page: Page, outside: Outside, screens: Screens
) -> None:
    await all_final(outside)  # else the one file could say so, and the other not
    await page.goto(f"{town.url}/audit/export")
    table = await exported(page, "csv")
    await screens.look("ready")
    listed: list[dict[str, Any]] = json.loads(await exported(page, "json"))
    rows = list(csv.DictReader(io.StringIO(table.decode())))
    assert [as_text(one) for one in listed] == rows
    head = EMPTY_HEAD
    for one in listed:
        head = next_head(head, record_hash(record_of(one)))
        assert "0x" + head.hex() == one["head"]
    async with Rpc(town.up.running.rpc) as rpc:
        ledger = await Contracts.of(town.deployment).market.read(rpc, "ledger")
    assert (ledger[0], ledger[1]) == (head, len(listed))


async def exported(page: Page, form: str) -> bytes:
    """The file that the page makes; its digest is the one that the page shows."""
    await page.get_by_label("Format").select_option(form)
    await page.get_by_role("button", name="Make the file").click()
    link = page.get_by_role("link", name="Save")
    async with page.expect_download() as coming:
        await link.click()
    download = await coming.value
    assert download.suggested_filename.endswith(f".{form}")
    content = (await download.path()).read_bytes()
    assert hashlib.sha256(content).hexdigest() == await page.locator("code").first.inner_text()
    return content


def record_of(row: Mapping[str, Any]) -> Record:
    """A row of the file as the market hashed it."""
    words = {
        "leaseId": int(row["leaseId"], 16),
        "outcome": Outcome[row["outcome"].upper()].value,
        "owner": row["owner"],
        "driver": row["driver"],
        "closedAt": int(datetime.fromisoformat(row["closedAt"]).timestamp()),
    }
    return Record.told({name: words.get(name, value) for name, value in numbers(row).items()})


def numbers(row: Mapping[str, Any]) -> dict[str, Any]:
    """Amounts are text in the file, for they may be wider than its reader's numbers."""
    return {
        name: int(value) if isinstance(value, str) and value.isdigit() else value
        for name, value in row.items()
    }


async def test_a_filter_s_totals_are_those_of_what_it_finds(
    town: Town, page: Page, screens: Screens
) -> None:
    answer = await page.request.get(f"{town.url}/v1/audit/settlements?limit=100")
    every: list[dict[str, Any]] = (await answer.json())["items"]
    one = every[0]
    await page.goto(f"{town.url}/audit")
    await page.get_by_text("Filter", exact=True).click()
    await page.get_by_label("How it ended").select_option(one["outcome"])
    await page.get_by_label("Driver or owner").fill(one["owner"])
    await page.get_by_label("As driver / As owner").select_option("owner")
    await page.get_by_role("button", name="Show", exact=True).click()
    fitting = [
        each for each in every if (each["outcome"], each["owner"]) == (one["outcome"], one["owner"])
    ]
    count = len(fitting)
    told = f"{count} settlement" + ("s" if count > 1 else "")
    await expect(page.get_by_role("heading", name=told, exact=True)).to_be_visible()
    rent = sum(int(each["rent"]) for each in fitting)
    shown = page.locator("section:has(> .row > h2) dd").first
    await expect(shown).to_have_text(town.deployment.currency.label(rent).replace(" ", "\u00a0"))
    await expect(page.locator(".audit-list li")).to_have_count(count)
    await screens.look("filtered")
    # what is downloaded is what was found
    await page.get_by_role("link", name="Download").click()
    assert len(list(csv.DictReader(io.StringIO((await exported(page, "csv")).decode())))) == count
    await screens.look("filtered-export")
    await page.goto(f"{town.url}/audit?outcome=lapsed")
    await expect(page.get_by_text("No settlement fits.")).to_be_visible()


async def test_a_filter_that_is_refused_names_its_fields_as_the_page_does(
    town: Town, page: Page, screens: Screens
) -> None:
    some = Account.create().address
    mistyped = some[:2] + some[2:].swapcase()
    for query, label, told in (
        ("party=0x12&role=driver", "Driver or owner", "An account is 0x and 40 digits"),
        (f"party={'7' * 50}&role=owner", "Driver or owner", "An account is 0x and 40 digits"),
        (f"party={mistyped}&role=driver", "Driver or owner", "This account has a typing error"),
        ("space=7", "Space", "A space is 0x and 16 digits"),
        ("until=soon", "until before", "This is no day."),
    ):
        for path in ("audit", "audit/export"):
            await page.goto(f"{town.url}/{path}?{query}")
            if path == "audit/export":
                await page.get_by_role("button", name="Make the file").click()
            else:
                field = page.get_by_label(label, exact=True)
                await expect(field).to_have_attribute("aria-invalid", "true")
            await expect(page.locator(".notice li")).to_have_text(
                re.compile(f"^{re.escape(label)}: {re.escape(told)}")
            )
    await page.goto(f"{town.url}/audit?party=0x12&role=driver")
    await expect(page.get_by_label("Driver or owner")).to_have_attribute("aria-invalid", "true")
    await screens.look("refused")


async def test_the_ledger_speaks_chinese(town: Town, page: Page, screens: Screens) -> None:
    await page.goto(f"{town.url}/audit")
    await page.evaluate("localStorage.setItem('berth.language', 'zh')")
    await page.reload()
    await expect(page.get_by_role("heading", level=1)).to_have_text("结算账本")
    assert await page.evaluate("document.documentElement.lang") == "zh-CN"
    await screens.look("chinese")


async def test_a_settlement_that_is_not_there_says_so(
    town: Town, page: Page, screens: Screens
) -> None:
    await page.goto(f"{town.url}/audit/77")
    await expect(page.get_by_text("There is no such settlement.")).to_be_visible()
