"""What the demo's last words say of its town: as many free spaces as the app will show."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from berth.cli.demo.owners import Listing, public_area
from berth.cli.demo.stage import Stage
from berth.cli.demo.town import what_is_free
from berth.core.errors import BerthError

#: 2026-11-21 12:05 UTC, five minutes into a quarter of an hour.
NOW = 1_795_262_700
AT_ONCE, NEXT = "2026-11-21T12:00:00Z", "2026-11-21T12:15:00Z"


def listing(name: str) -> Listing:
    return cast("Listing", SimpleNamespace(owner=SimpleNamespace(name=name), space_id=name))


def stage(free: dict[str, list[str]]) -> Stage:
    """A stage whose search finds these spaces, by the start of the window."""

    async def post(path: str, body: dict[str, Any]) -> dict[str, Any]:
        assert path == "/v1/search"
        assert body["place"] == {
            "point": {"type": "Point", "coordinates": [144.9, -37.8]},
            "radiusM": 1500,
        }
        return {"items": [{"space": {"id": one}} for one in free[body["window"]["start"]]]}

    async def now() -> int:
        return NOW

    city = SimpleNamespace(destination=(-37.8, 144.9), destination_words="there", utc_offset=44)
    person = SimpleNamespace(api=SimpleNamespace(post=post))
    return cast("Stage", SimpleNamespace(now=now, city=city, person=lambda _name: person))


async def test_a_town_where_all_is_free_says_so() -> None:
    told = await what_is_free(
        stage({AT_ONCE: ["Olga", "Rosa"]}), [listing("Olga"), listing("Rosa")]
    )
    assert told == "2 spaces near there are shared, and all are free."


async def test_a_space_that_was_just_left_is_free_from_the_next_quarter_hour_on() -> None:
    town = stage({AT_ONCE: ["Rosa"], NEXT: ["Rosa", "Olga"]})
    told = await what_is_free(town, [listing("Olga"), listing("Rosa")])
    assert told == (
        "2 spaces near there are shared; 1 is free now, Olga's again from 23:15 there, "
        "for somebody has just left it."
    )


async def test_a_space_that_stays_taken_ends_the_demo() -> None:
    town = stage({AT_ONCE: ["Rosa"], NEXT: ["Rosa"]})
    with pytest.raises(BerthError, match="not free"):
        await what_is_free(town, [listing("Olga"), listing("Rosa")])


@pytest.mark.parametrize(
    ("address", "city", "told"),
    [
        (
            "King Street between Flinders Lane and Collins Street, Melbourne",
            "Melbourne",
            "King Street, Melbourne",
        ),
        ("7 Generated Street 5", "Generated City", "Generated Street 5, Generated City"),
        ("x" * 90, "Y", "x" * 80),
    ],
)
def test_everybody_is_told_the_street_and_no_house(address: str, city: str, told: str) -> None:
    assert public_area(address, city) == told
