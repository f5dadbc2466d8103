"""How the page says what became of what was signed, where it became no lease."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from berth.cli.demo.people import Person
from playwright.async_api import Locator, Page, expect

from tests.browser.outside import SLOW

#: Each in its own words.
ENDS = {
    "failed": "It did not go through.",
    "gone": "It is not in the chain: it fell out again, or something else took its place.",
}


def paying(page: Page) -> Locator:
    """Where the page tells what became of what was signed."""
    return page.locator("[data-where=paying]")


async def ended(page: Page, state: str) -> None:
    """In this state, by its own words and not by the other's."""
    await expect(paying(page)).to_have_attribute("data-state", state, timeout=2 * SLOW)
    for end, said in ENDS.items():
        await expect(page.get_by_text(said)).to_have_count(int(end == state))


async def ended_as_told(page: Page, driver: Person) -> None:
    """In the one of the two states that the service tells."""
    intent = parse_qs(urlsplit(page.url).query)["intent"][0]
    told = page.locator(", ".join(f"[data-where=paying][data-state={end}]" for end in ENDS))
    await expect(told).to_be_visible(timeout=2 * SLOW)
    await ended(page, (await driver.api.get(f"/v1/intents/{intent}"))["state"])
