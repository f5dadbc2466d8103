"""A town to park in: spaces near the destination at different prices, for whoever opens the app."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from rich.console import Console

from berth.cli.demo import owners
from berth.cli.demo.narrate import Narrator
from berth.cli.demo.owners import Listing, Wish
from berth.cli.demo.stage import Stage
from berth.core.errors import BerthError
from berth.core.slots import SLOT_MINUTES, slot_at, slot_start
from berth.core.zones import rfc3339

#: What the app asks for before anybody changes it: two hours, 1500 metres.
_STAY_SLOTS, _AROUND = 8, 1500


def neighbours(destination: tuple[float, float]) -> tuple[Wish, ...]:
    """Those who share a space beside the people of the story: some with a charger, each at a price
    of its own."""
    lat, lon = destination
    return (
        Wish("Rosa", (lat - 0.0008, lon + 0.0010), 650_000, 0, (), 0),
        Wish("Sami", (lat + 0.0004, lon - 0.0014), 750_000, 390_000, ("type2",), 7_400),
        Wish("Tove", (lat - 0.0021, lon - 0.0009), 500_000, 0, (), 0),
        Wish("Umar", (lat + 0.0026, lon + 0.0019), 1_200_000, 620_000, ("ccs2",), 50_000),
    )


async def furnish(stage: Stage) -> list[Listing]:
    """Registers and offers the neighbours' spaces, all at once and without a word; done when the
    index knows every offer."""
    quiet = replace(stage, narrator=Narrator(Console(quiet=True, force_terminal=False)))
    return list(
        await asyncio.gather(*(_list(quiet, wish) for wish in neighbours(stage.city.destination)))
    )


async def what_is_free(stage: Stage, listings: Sequence[Listing]) -> str:
    """How many of the spaces a visitor will find, and why not all: a stay that has just ended keeps
    its space to the end of the quarter of an hour."""
    start = slot_at(await stage.now())
    found = await _found(stage, start)
    place = f"{len(listings)} spaces near {stage.city.destination_words} are shared"
    later = [one for one in listings if one.space_id not in found]
    if not later:
        return f"{place}, and all are free."
    again = await _found(stage, start + 1)
    if any(one.space_id not in again for one in later):
        raise BerthError("demo.town", "a space of the town is not free")
    clock = datetime.fromtimestamp(
        slot_start(start + 1), timezone(timedelta(minutes=SLOT_MINUTES * stage.city.utc_offset))
    )
    names = " and ".join(one.owner.name for one in later)
    free = len(listings) - len(later)
    return (
        f"{place}; {free} {'is' if free == 1 else 'are'} free now, {names}'s again from "
        f"{clock:%H:%M} there, for somebody has just left it."
    )


async def _found(stage: Stage, start_slot: int) -> set[str]:
    """The spaces that are free from a slot on, for as long as the app asks for at first."""
    lat, lon = stage.city.destination
    window = {
        "start": rfc3339(slot_start(start_slot)),
        "end": rfc3339(slot_start(start_slot + _STAY_SLOTS)),
    }
    answer = await stage.person("Visitor").api.post(
        "/v1/search",
        {
            "place": {"point": {"type": "Point", "coordinates": [lon, lat]}, "radiusM": _AROUND},
            "window": window,
        },
    )
    return {one["space"]["id"] for one in answer["items"]}


async def _list(stage: Stage, wish: Wish) -> Listing:
    papers = await owners.gather_papers(stage, wish)
    listing = await owners.register(stage, papers)
    await owners.publish(stage, papers, listing)

    def offered(answer: dict[str, Any]) -> object:
        return answer["offers"]

    await stage.until(
        f"the offer of {wish.name}",
        lambda: papers.owner.api.get(f"/v1/spaces/{listing.space_id}"),
        offered,
    )
    return listing
