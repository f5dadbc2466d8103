"""The app by keys alone: the focus is always somewhere, to be seen, and where one goes on from."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.outside import SLOW, Outside, shows
from tests.browser.screens import Screens
from tests.browser.test_owner_hours import FRI, MON, TUE, are_painted, cell, hours_in_chain
from tests.browser.town import Town
from tests.browser.wallet import Wallet

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(500)]

RESERVE = re.compile("^Reserve for at most")
#: So many stops no screen has before what it is for.
FAR = 90


async def test_a_driver_comes_from_the_search_to_the_lease_by_keys_alone(
    town: Town, page: Page, wallet: Wallet, outside: Outside, screens: Screens
) -> None:
    await outside.driver(wallet, "KEY 100")
    keys = await at(page, town.url)
    await keys.skips_to_the_content()
    await keys.press(page.get_by_role("button", name="Find a space"))
    await keys.stands_on(page.get_by_role("heading", name="Free spaces"))
    await screens.look("found")

    # by the map's mark, and on from its result
    result = page.locator("a.result").first
    await keys.press(page.locator(".price-mark").first)
    await expect(page.locator("a.result.selected").first).to_be_focused()
    await keys.press(result)
    await expect(page).to_have_url(re.compile("/space/0x"))
    await keys.stands_on(page.get_by_role("heading", level=1))

    change = page.get_by_role("button", name="Change the time")
    for closes in (keys.escapes, keys.closes):
        await keys.press(change)
        await keys.is_within(page.get_by_role("dialog", name="Change the time"))
        await closes()
        await keys.stands_on(change)

    reserve = page.get_by_role("button", name=RESERVE)
    await keys.press(reserve)
    await keys.is_within(page.get_by_role("dialog", name="Sign in"))
    await keys.escapes()
    await keys.stands_on(reserve)
    await page.keyboard.press("Enter")
    await keys.press(page.get_by_role("button", name="Test Wallet"))
    car = page.get_by_role("dialog", name="Add your car")
    await expect(car).to_be_visible(timeout=SLOW)
    await keys.is_within(car)
    await keys.escapes()
    await keys.stands_on(reserve)
    await page.keyboard.press("Enter")
    await expect(car).to_be_visible(timeout=SLOW)
    await keys.to(page.get_by_label("Plate"))
    await page.keyboard.type("KEY 100")
    await page.keyboard.press("Enter")

    await expect(page).to_have_url(re.compile("/lease/0x"), timeout=SLOW)
    title = page.get_by_role("heading", level=1)
    await keys.stands_on(title)
    await shows(page, "arrive")
    await keys.stands_on(title)
    await keys.to(page.get_by_role("button", name=re.compile("lower the bar")))
    await screens.look("lease")
    assert wallet.signatures == ["personal_sign", "eth_signTypedData_v4"]
    await keys.alone()


async def test_an_owner_comes_from_the_papers_to_the_offer_by_keys_alone(
    town: Town, page: Page, outside: Outside, screens: Screens
) -> None:
    keys = await at(page, f"{town.url}/owner/register")
    await keys.press(page.get_by_role("main").get_by_role("button", name="Sign in"))
    await keys.press(page.get_by_role("button", name="Continue as a guest"))
    take = page.get_by_role("button", name="Take test papers and check them")
    await expect(take).to_be_visible(timeout=SLOW)
    await keys.stands_in(page.get_by_role("main"))
    await keys.press(take)
    await shows(page, "ready")
    await keys.stands_in(page.get_by_role("main"))
    await keys.to(page.get_by_label("Area, in your words"))
    await page.keyboard.type("Behind the old town hall")
    screens.own.append("Behind the old town hall")
    await keys.press(page.get_by_role("button", name="Register this space"))
    await expect(page).to_have_url(re.compile("/owner/space/0x"), timeout=SLOW)
    space = page.url.rpartition("/")[2]
    await keys.stands_on(page.get_by_role("heading", level=1))

    price = page.get_by_label(re.compile("^Price for an hour"))
    await keys.to(price)
    await page.keyboard.type("2.40")
    await keys.press(page.get_by_role("button", name="Clear"))
    # one stop for the whole grid, behind the days
    await keys.to(page.get_by_role("button", name="Sunday: the whole day"))
    await page.keyboard.press("Tab")
    await keys.stands_on(cell(page, MON, 8))
    await page.keyboard.press("Space")
    for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
        await page.keyboard.press(f"Shift+{key}")
    await keys.stands_on(cell(page, TUE, 10))
    wanted = {(MON, 8), (MON, 9), (MON, 10), (TUE, 10)}
    await are_painted(page, wanted)
    await keys.back_to(page.get_by_role("button", name="Friday: the whole day"))
    await page.keyboard.press("Space")
    wanted |= {(FRI, hour) for hour in range(24)}
    await are_painted(page, wanted)
    await screens.look("hours")
    await keys.press(page.get_by_role("button", name="Publish the offer"))
    await expect(page.get_by_text("Published. Drivers can find and lease")).to_be_visible(
        timeout=SLOW
    )
    await keys.stands_in(page.get_by_role("main"))
    await keys.press(page.get_by_role("button", name="Publish a new offer"))
    await keys.stands_in(page.get_by_role("main"))
    await keys.to(price)
    assert await hours_in_chain(outside, space, 1) == wanted
    await keys.alone()


class Keys:
    """Somebody with a keyboard, who looks where the focus is at every stop."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def to(self, wanted: Locator) -> None:
        """By Tab to something that is there or comes."""
        await self._by("Tab", wanted)

    async def back_to(self, wanted: Locator) -> None:
        await self._by("Shift+Tab", wanted)

    async def _by(self, key: str, wanted: Locator) -> None:
        await expect(wanted).to_be_attached(timeout=SLOW)
        stops: list[str] = []
        while not await wanted.evaluate("(one) => one === document.activeElement"):
            assert len(stops) < FAR, f"{wanted}: not among {stops}"
            await self.page.keyboard.press(key)
            stops.append(await self._stop())
        await self.is_seen()

    async def press(self, wanted: Locator) -> None:
        await self.to(wanted)
        await self.page.keyboard.press("Enter")

    async def escapes(self) -> None:
        """Closes the dialog."""
        await self.page.keyboard.press("Escape")
        await expect(self.page.get_by_role("dialog")).to_have_count(0)

    async def closes(self) -> None:
        """Closes the dialog by its button."""
        await self.press(self.page.get_by_role("dialog").get_by_role("button", name="Close"))
        await expect(self.page.get_by_role("dialog")).to_have_count(0)

    async def skips_to_the_content(self) -> None:
        await self.page.keyboard.press("Tab")
        await self.stands_on(self.page.get_by_role("link", name="Skip to the content"))
        await self.page.keyboard.press("Enter")
        await self.stands_on(self.page.get_by_role("main"))

    async def stands_on(self, wanted: Locator) -> None:
        await expect(wanted).to_be_focused()
        await self.is_seen()

    async def stands_in(self, wanted: Locator) -> None:
        """On it, or on something in it: not lost at the top of the document."""
        await expect(
            wanted.locator(":focus").or_(wanted.and_(self.page.locator(":focus")))
        ).to_have_count(1)
        await self.is_seen()

    async def is_within(self, dialog: Locator) -> None:
        """Tab goes round in the dialog, and never behind it."""
        await expect(dialog.locator(":focus")).to_have_count(1)
        await self.is_seen()
        for _ in range(await dialog.locator("a, button, input, select, textarea").count()):
            await self.page.keyboard.press("Tab")
            assert await self.page.evaluate(
                "() => document.activeElement === document.body"
                " || document.activeElement.closest('dialog') !== null"
            )

    async def is_seen(self) -> None:
        """What has the focus is marked, in the window, and nothing lies over all of it."""
        assert await self.page.evaluate(SEEN) == ""

    async def alone(self) -> None:
        """No pointer was used."""
        assert await self.page.evaluate("window.__pointers") == 0

    async def _stop(self) -> str:
        found = str(await self.page.evaluate(SEEN))
        here = str(await self.page.evaluate("document.activeElement.outerHTML.slice(0, 80)"))
        # past the last stop the browser's own window has the focus
        assert not found or here.startswith("<body"), f"{found}: {here}"
        return here


async def at(page: Page, url: str) -> Keys:
    await page.add_init_script(
        "window.__pointers = 0; addEventListener('pointerdown', () => window.__pointers++, true);"
    )
    await page.goto(url)
    await expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=SLOW)
    return Keys(page)


#: What is wrong with the focus; nothing when it is as it should be.
SEEN = """() => {
  const one = document.activeElement;
  if (!one || one === document.body) return "nothing has the focus";
  const ringed = (part) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(part);
    return outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
  };
  // the ring of a radio button is its label's, that of a mark on the map its text's
  const marks = [one, one.closest("label"), one.querySelector(":scope > span")].filter(Boolean);
  if (!marks.some(ringed)) return "no ring: " + one.outerHTML.slice(0, 120);
  const box = (one.closest("label") ?? one).getBoundingClientRect();
  const left = Math.max(0, box.left), right = Math.min(innerWidth, box.right);
  const top = Math.max(0, box.top), bottom = Math.min(innerHeight, box.bottom);
  const label = one.querySelector(":scope > span");
  if (label && one.matches(".price-mark")) {
    const { x, y, width, height } = label.getBoundingClientRect();
    const there = document.elementFromPoint(x + width / 2, y + height / 2);
    return there === label ? "" : "something over the mark";
  }
  if (right <= left || bottom <= top) return "out of the window: " + one.outerHTML.slice(0, 120);
  for (const x of [0.1, 0.5, 0.9]) {
    for (const y of [0.1, 0.5, 0.9]) {
      const there = document.elementFromPoint(left + (right - left) * x, top + (bottom - top) * y);
      if (there && (one.contains(there) || there.contains(one))) return "";
    }
  }
  return "covered: " + one.outerHTML.slice(0, 120);
}"""
