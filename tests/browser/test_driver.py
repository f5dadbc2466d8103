"""The driver: from the first screen to the receipt, on a phone and at a desk."""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import urlencode

import pytest
from berth.core.slots import slot_start
from berth.core.zones import rfc3339
from playwright.async_api import Page, expect

from tests.browser.asking import what_is_told
from tests.browser.conftest import ON_A_PHONE
from tests.browser.outside import Outside
from tests.browser.screens import Screens
from tests.browser.town import Town
from tests.browser.wallet import Wallet

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(500)]

#: Adding the first car reserves with it.
USE = re.compile(r"^Use it and reserve for at most [0-9.]+\stEUR$")
#: A quarter hour with less than this left is not offered any more.
LAST_SECONDS = 180
#: What takes blocks, a lock and a car.
SLOW = 90_000


async def test_a_guest_finds_a_space_parks_and_leaves(
    town: Town, page: Page, screens: Screens
) -> None:
    """Somebody who knows nothing: what comes next is to be seen, and what it costs, before each
    press."""
    await page.goto(town.url)
    await screens.look("start")
    await find(page, screens)
    await can_be_told_apart(page)
    await expect(page.get_by_text("Your 2 h become 2 h 15 min")).to_be_visible()
    await choose(page, screens)
    await expect(page.get_by_text("the one that has begun counts whole")).to_be_visible()
    await expect(page.get_by_text("begins at once cannot be cancelled")).to_be_visible()
    await page.get_by_role("button", name=re.compile("^Reserve for at most")).click()
    await expect(page.get_by_text("It comes with 50.00\u00a0tEUR of credit")).to_be_visible()
    await screens.look("who")
    await page.get_by_role("button", name="Continue as a guest").click()
    await expect(page.get_by_role("dialog").locator("[data-state=credit]")).to_have_text(
        re.compile(r"^You have 50\.00\stEUR of credit, all of it test money\.$"), timeout=SLOW
    )
    await add_car(page, "GST 100", screens)
    await is_led(page, screens)
    await leaves(page, screens)
    await expect(page.locator("[data-state=place]")).to_be_hidden()
    receipt = page.locator("[data-state=receipt]")
    await expect(receipt.get_by_text("15 minutes (the least that is billed; you")).to_be_visible()
    paid = await receipt.locator(".big").inner_text()
    await page.get_by_role("link", name="My parking").click()
    await expect(page.locator("a[data-state=settled]")).to_contain_text(f"paid {paid}")
    await screens.look("list")


async def can_be_told_apart(page: Page) -> None:
    """Each result has a name of its own and a sentence that does not say its price again; prices
    have their unit, and no label covers another or is cut off at a side of the map."""
    for card in await page.locator("a.result").all():
        said = await card.locator(".soft").last.inner_text()
        assert await card.locator(".big").inner_text() not in said
    names = [
        " ".join(await card.locator(".name").all_inner_texts())
        for card in await page.locator("a.result").all()
    ]
    assert len(names) > 2
    assert len(set(names)) == len(names)
    labels = page.locator(".price-mark span")
    for text in await labels.all_inner_texts():
        assert re.fullmatch(r"(?:\d+ from )?[0-9.]+\stEUR", text), text
    frame = await page.locator(".map").evaluate("(map) => map.getBoundingClientRect().toJSON()")
    boxes = await labels.evaluate_all("(all) => all.map((one) => one.getBoundingClientRect())")
    for i, one in enumerate(boxes):
        assert frame["left"] <= one["left"], (frame, one)
        assert one["right"] <= frame["right"], (frame, one)
        for other in boxes[i + 1 :]:
            apart = (
                one["right"] <= other["left"]
                or other["right"] <= one["left"]
                or one["bottom"] <= other["top"]
                or other["bottom"] <= one["top"]
            )
            assert apart, (one, other)


async def test_spaces_at_one_point_are_one_mark_and_a_list_that_tells_them_apart(
    town: Town, page: Page, outside: Outside, screens: Screens
) -> None:
    """Neighbours in one yard: the mark says how many there are and from which price on, and leads
    to all of them; another one ten metres away has a mark beside it."""
    names = ("Rosa", "Sami", "Tove")
    yard = [outside.space(name) for name in names]
    for name in names:
        lat, lon = await moves(outside, name, 0.0)
    await moves(outside, "Umar", 0.0001)
    # half a day ahead, when nobody has leased any of them
    start = rfc3339(slot_start(await outside.next_slot(12 * 3600)))
    query = urlencode({"at": f"{lat:.4f},{lon:.4f}", "r": 1500, "start": start, "for": 120})
    await page.goto(f"{town.url}/?{query}")
    await expect(page.locator("a.result").first).to_be_visible()
    await expect(page.locator(".price-mark span").first).to_be_visible()
    await can_be_told_apart(page)
    cards = {space: page.locator(f"#space-{space}") for space in (*yard, outside.space("Umar"))}
    prices = [await cards[space].locator(".big").inner_text() for space in yard]
    least = min(prices, key=lambda price: float(price.split()[0]))
    mark = page.get_by_role("button", name=f"3 from {least}, spaces at one point")
    await expect(mark).to_have_text(f"3 from {least}")
    await mark.locator("span").click()
    for space in yard:
        await expect(cards[space]).to_have_class(re.compile(r"\bselected\b"))
    await expect(cards[outside.space("Umar")]).not_to_have_class(re.compile(r"\bselected\b"))
    await expect(page.locator("a.result.selected").first).to_be_focused()
    await screens.look("one-point")


async def moves(outside: Outside, name: str, north: float) -> tuple[float, float]:
    """An owner of the town puts the point that everybody sees where Rosa's is, or so far north;
    where Rosa's is."""
    owner, space = await outside.owner(name)
    rosa = await owner.api.get(f"/v1/spaces/{outside.space('Rosa')}")
    lon, lat = rosa["publicPoint"]["coordinates"]
    kept = await owner.api.get(f"/v1/spaces/{space}/private")
    record = {name: kept[name] for name in ("address", "point", "level", "instructions", "access")}
    point = {"type": "Point", "coordinates": [lon, lat + north]}
    public = {"publicPoint": point, "publicArea": kept["publicArea"]}
    await owner.api.put(f"/v1/spaces/{space}/private", record | public)
    return lat, lon


async def is_led(page: Page, screens: Screens) -> None:
    """First the word, then the car: what the lock waits for is a button beside it."""
    await expect(page.locator("[data-state=arrive]")).to_be_visible(timeout=SLOW)
    await screens.look("arrive")
    car = page.get_by_role("button", name="My car drives up")
    await expect(car).to_be_in_viewport(ratio=1)
    await expect(page.get_by_text("it cannot be cancelled any more")).to_be_visible()
    await page.get_by_role("button", name=re.compile("lower the bar")).click()
    await expect(page.locator('[data-state="plate.missing"]')).to_be_in_viewport(timeout=SLOW)
    await expect(car).to_be_in_viewport(ratio=1)
    await screens.look("no-car")
    await car.click()
    await expect(page.locator("[data-state=stay]")).to_be_visible(timeout=SLOW)
    await expect(page.get_by_role("heading", name="You are parked")).to_be_in_viewport(ratio=1)
    await screens.look("stay")


async def leaves(page: Page, screens: Screens) -> None:
    """The way out is a button beside the words for it; what comes of it is seen and has the
    focus."""
    away = page.get_by_role("button", name="The car drives away")
    await expect(away).to_have_count(1)
    await away.click()
    await expect(page.locator("[data-state=over]")).to_be_visible(timeout=SLOW)
    title = page.get_by_role("heading", name="Receipt")
    await expect(title).to_be_in_viewport(ratio=1, timeout=SLOW)
    await expect(title).to_be_focused()
    await screens.look("receipt")


async def test_a_wallet_s_owner_reserves_with_one_signature(
    town: Town, page: Page, wallet: Wallet, screens: Screens
) -> None:
    await page.goto(town.url)
    await find(page, screens)
    await choose(page, screens)
    reserve = page.get_by_role("button", name=re.compile("^Reserve for at most"))
    await reserve.click()
    # the person says no first: nothing was sent, and it can be tried again
    wallet.refuse.add("personal_sign")
    await page.get_by_role("button", name="Test Wallet").click()
    await expect(page.get_by_text("You said no in your wallet")).to_be_visible()
    await screens.look("said-no")
    await page.get_by_role("button", name="Try again").click()
    await add_car(page, "WAL 200", screens)
    # a new account has no money: on a local chain there is some to be had
    await page.get_by_role("button", name="Get test money and go on").click()
    await expect(page).to_have_url(re.compile("/lease/0x"), timeout=SLOW)
    # signed in once, and one signature for the lease: nothing else was asked
    assert wallet.signatures[-2:] == ["personal_sign", "eth_signTypedData_v4"]
    assert wallet.signatures.count("eth_signTypedData_v4") == 1
    asked = await what_is_told(page, wallet)
    # as the wallet names it; a look may fall into the moment when it asks
    screens.own.append("UnlockConfirmation")
    await parks(page, screens)
    assert "Have the bar lowered for your car" in asked[0]
    assert "Your wallet calls it “UnlockConfirmation” and shows your booking's number." in asked[0]
    assert "It moves no money." in asked[0]


@ON_A_PHONE
async def test_in_the_last_minutes_of_a_quarter_hour_the_next_one_is_booked(
    town: Town, page: Page, outside: Outside, screens: Screens
) -> None:
    """Nothing is paid for that is nearly over: two hours are two hours. The way in is open early,
    and until the time begins there is still a way back."""
    begins = await outside.next_slot(LAST_SECONDS)
    await outside.travel(slot_start(begins) - LAST_SECONDS + 5)
    await page.goto(town.url)
    await find(page, screens)
    assert await window(page) == (slot_start(begins), slot_start(begins + 8))
    await expect(page.get_by_text("Your 2 h become")).to_be_hidden()
    await choose(page, screens)
    await expect(page.get_by_text("counts whole")).to_be_hidden()
    await page.get_by_role("button", name=re.compile("^Reserve for at most")).click()
    await page.get_by_role("button", name="Continue as a guest").click()
    await add_car(page, "LST 300", screens)
    await expect(page.locator("[data-state=arrive]")).to_be_visible(timeout=SLOW)
    await expect(page.get_by_role("button", name=re.compile("lower the bar"))).to_be_visible()
    await expect(page.get_by_role("button", name="Cancel this booking")).to_be_visible()
    await screens.look("arrive")


async def window(page: Page) -> tuple[float, float]:
    """From when until when is searched, Unix seconds."""
    times = page.locator("[data-state=window] time")
    shown = [str(await one.get_attribute("datetime")) for one in await times.all()]
    start, end = (datetime.fromisoformat(one).timestamp() for one in shown)
    return start, end


async def find(page: Page, screens: Screens) -> None:
    await page.get_by_role("button", name="Find a space").click()
    await expect(page.locator("a.result").first).to_be_visible()
    await expect(page.locator(".leaflet-container")).to_be_visible()
    await screens.look("found")


async def choose(page: Page, screens: Screens) -> None:
    await page.locator("a.result").first.click()
    await expect(page).to_have_url(re.compile("/space/0x"))
    await expect(
        page.get_by_role("button", name=re.compile("^Reserve for at most"))
    ).to_be_visible()
    await screens.look("space")


async def add_car(page: Page, plate: str, screens: Screens) -> None:
    await expect(page.get_by_role("dialog", name="Add your car")).to_be_visible(timeout=SLOW)
    await page.get_by_label("Plate").fill(plate)
    await screens.look("car")
    # the button says that it reserves, and what that costs at most
    await page.get_by_role("button", name=USE).click()


async def parks(page: Page, screens: Screens) -> None:
    """From the signature to the receipt; the simulated car does what the driver's would."""

    def stage(name: str) -> str:
        return f"[data-state={name}]"

    await expect(page).to_have_url(re.compile("/lease/0x"), timeout=SLOW)
    await screens.look("paying")
    await expect(page.locator(stage("arrive"))).to_be_visible(timeout=SLOW)
    await screens.look("arrive")
    await page.get_by_role("button", name="My car drives up").click()
    await page.get_by_role("button", name=re.compile("lower the bar")).click()
    await screens.look("here")
    await expect(page.locator(stage("stay"))).to_be_visible(timeout=SLOW)
    await screens.look("stay")
    await leaves(page, screens)
