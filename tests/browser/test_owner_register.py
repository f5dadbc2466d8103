"""Registering with a title by its city and number: what its holder has in hand on any chain."""

from __future__ import annotations

import json
import re
import secrets
from typing import Any

import pytest
from berth.cli.demo.owners import gather_papers
from berth.core.compliance import Reason
from berth.core.ids import parse_space
from berth.market.attest import attest_owner, holder_json
from playwright.async_api import Page, expect

from tests.browser.conftest import ON_A_PHONE
from tests.browser.outside import SLOW, Outside, shows, signs_in
from tests.browser.screens import Screens
from tests.browser.test_owner_reasons import opened, wish
from tests.browser.town import Town
from tests.browser.wallet import Wallet

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600), ON_A_PHONE]


async def test_a_holder_registers_by_city_and_number_with_a_verifiers_word(
    town: Town, page: Page, wallet: Wallet, outside: Outside, screens: Screens
) -> None:
    await outside.driver(wallet, f"OWN {secrets.randbelow(900) + 100}")
    files = await words_for(outside, wallet)
    title = files["verifier.json"]["title"]
    await signs_in(page, town, wallet)
    await page.goto(f"{town.url}/owner/register")
    take = page.get_by_role("button", name="Get the title and check it")
    await take.click()
    await expect(page.get_by_text("No verifier's word is in these files.")).to_be_visible()
    await expect(page.get_by_text("This is no city's code")).to_be_visible()
    await screens.look("nothing")
    await hands_over(page, {"maker.json": files["maker.json"]})
    await hands_over(page, {name: files[name] for name in ("verifier.json", "maker.json")})
    await expect(page.get_by_text("These files lack the lock's signature")).to_be_visible()

    # the verifier's file names the title; of another one it is no word
    await hands_over(page, files)
    number = page.get_by_label("Number of the title")
    await expect(page.get_by_label("City", exact=True)).to_have_value(title.split("/")[0])
    await expect(number).to_have_value(title.split("/")[1])
    await number.fill(str(int(title.split("/")[1]) + 1))
    await take.click()
    await expect(page.get_by_text(Reason.HOLDER_SIGNATURE_INVALID.sentence())).to_be_visible(
        timeout=SLOW
    )
    await number.fill(title.split("/")[1])
    await take.click()
    await shows(page, "ready")
    await screens.look("ready")
    await page.get_by_label("Area, in your words").fill("Behind the old town hall")
    await page.get_by_role("button", name="Register this space").click()
    await expect(page).to_have_url(re.compile("/owner/space/0x"), timeout=SLOW)
    place = page.locator("[data-place]")
    await expect(place).to_have_attribute("data-place", "kept", timeout=SLOW)
    await expect(place.get_by_text("The address of the title.")).to_be_visible()


async def words_for(outside: Outside, wallet: Wallet) -> dict[str, dict[str, Any]]:
    """The files that a verifier, a lock's maker and the lock give the wallet's owner."""
    stage = outside.stage
    papers = await gather_papers(stage, wish())
    title, lock = papers.body["title"], papers.body["lock"]
    holder = attest_owner(
        stage.deployment,
        stage.parties.key("verifier"),
        wallet.address,
        bytes.fromhex(title["saltedHolder"][2:]),
        valid_day=await stage.now() // 86_400 + 30,
    )
    space = papers.proof["spaceId"]
    return {
        "verifier.json": {
            "wallet": wallet.address,
            "title": f"{title['city']}/{title['index']}",
            "saltedHolder": title["saltedHolder"],
            "proof": holder_json(holder),
        },
        "maker.json": {name: value for name, value in lock.items() if name != "possession"},
        "lock.json": {
            "lock": lock["key"],
            "spaceId": space,
            "owner": wallet.address,
            **opened(outside, papers, wallet.address, parse_space(space)),
        },
    }


async def hands_over(page: Page, files: dict[str, dict[str, Any]]) -> None:
    await page.get_by_label("Files of your verifier").set_input_files(
        [
            {"name": name, "mimeType": "application/json", "buffer": json.dumps(said).encode()}
            for name, said in files.items()
        ]
    )
