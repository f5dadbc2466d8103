"""Cursors that were not ours: whatever they hold, it is a field of the request that is wrong."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from berth.core.errors import BerthError
from berth.web import cursors

from tests.backend.web.people import Api, fields
from tests.backend.worlds import DINO, NOW, OLGA, World


def cursor(raw: str) -> str:
    return base64.urlsafe_b64encode(raw.encode("utf-8")).decode("ascii").rstrip("=")


def texts(*before: object) -> list[str]:
    """Cursors that end in a text that is none of ours."""
    return [
        cursor(json.dumps([*before, bad]))
        for bad in ("\ud800", "a\0b", "a\nb", "\x7f", "é", "\u2028", "０x00")
    ]


@pytest.mark.parametrize(
    ("path", "before"),
    [
        ("/v1/me/spaces", ()),
        ("/v1/me/kept", (5,)),
        ("/v1/me/leases", (5,)),
        ("/v1/me/statement", (5, 5)),
    ],
)
def test_a_text_that_no_id_holds_is_no_cursor(api: Api, path: str, before: tuple[int, ...]) -> None:
    headers = {"Authorization": f"Bearer {api.sign_in(OLGA)}"}
    for bad in texts(*before):
        problem = api.get(f"{path}?cursor={bad}", headers=headers, expect=422)
        assert (problem["code"], fields(problem)) == ("cursor.invalid", ["cursor"])
    good = cursor(json.dumps([*before, "0x00"]))
    api.get(f"{path}?cursor={good}", headers=headers)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "true", '"1"', "null"])
def test_a_number_that_there_is_not_is_no_cursor(api: Api, world: World, number: str) -> None:
    world.add_offer(world.add_space())
    body: dict[str, Any] = {
        "place": {"text": "Melbourne"},
        "window": {"start": NOW + 900, "end": NOW + 1800},
        "cursor": cursor(f'[{number},5,0.5,"0x00"]'),
    }
    assert fields(api.post("/v1/search", body, expect=422)) == ["cursor"]
    body["cursor"] = cursor(json.dumps([0.5, 5, 0.5, "\ud800"]))
    assert fields(api.post("/v1/search", body, expect=422)) == ["cursor"]


@pytest.mark.parametrize(
    "text",
    ["", "=", "%", "é", cursor("5"), cursor('{"0":5}'), cursor("[5]"), cursor('["0x00",5]'),
     cursor("[" * 200), cursor(f'[{1 << 63},"0x00"]'), cursor(f'[5,"{"0" * 300}"]'), "\ud800"],
)  # fmt: skip
def test_what_is_no_cursor_of_the_list_is_refused(text: str) -> None:
    with pytest.raises(BerthError) as refused:
        cursors.decode(text, (int, str))
    assert (refused.value.code, refused.value.field) == ("cursor.invalid", "cursor")


def test_our_own_come_back_as_they_were() -> None:
    values = [0.25, -5, 7, "0x0011c2f50000002a", "published"]
    kinds = (float, int, float, str, str)
    assert cursors.decode(cursors.encode(values), kinds) == values
    assert cursors.decode(None, kinds) is None


def test_a_list_goes_on_where_its_cursor_says(api: Api, world: World) -> None:
    space = world.add_space()
    world.add_offer(space)
    made = [world.add_lease(space, NOW // 900 + 10 * place) for place in range(3)]
    first = api.get("/v1/me/leases?limit=2", DINO)
    then = api.get(f"/v1/me/leases?limit=2&cursor={first['next']}", DINO)
    assert [one["id"] for one in first["items"] + then["items"]] == made[::-1]
