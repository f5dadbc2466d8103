"""A mouse and a finger, as a person uses them: in strokes from one place to another."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from playwright.async_api import Locator, Page

#: Where a stroke goes to on its way, of ten.
_STEPS = range(1, 11)
Point = tuple[float, float]
#: Moves from one thing to another, pressed all the way.
Stroke = Callable[[Locator, Locator], Awaitable[None]]


def stroke_of(page: Page, size: str) -> Stroke:
    """A finger's on a phone, a mouse's elsewhere."""

    async def drag(start: Locator, end: Locator) -> None:
        await (_finger if size == "phone" else _mouse)(page, await middle(start), await middle(end))

    return drag


async def middle(thing: Locator) -> Point:
    """The middle of something, in the window."""
    box = await thing.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


async def _mouse(page: Page, start: Point, end: Point) -> None:
    await page.mouse.move(*start)
    await page.mouse.down()
    for x, y in _way(start, end):
        await page.mouse.move(x, y)
    await page.mouse.up()


async def _finger(page: Page, start: Point, end: Point) -> None:
    there = await page.context.new_cdp_session(page)

    async def touch(kind: str, *points: Point) -> None:
        touching = [{"x": x, "y": y} for x, y in points]
        await there.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touching})

    await touch("touchStart", start)
    for point in _way(start, end):
        await touch("touchMove", point)
    await touch("touchEnd")
    await there.detach()


def _way(start: Point, end: Point) -> list[Point]:
    (x, y), (until_x, until_y) = start, end
    return [(x + (until_x - x) * n / 10, y + (until_y - y) * n / 10) for n in _STEPS]
