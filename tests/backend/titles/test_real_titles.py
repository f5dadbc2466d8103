"""The real files import whole."""

from __future__ import annotations

import csv
from collections import Counter

import pytest
from berth.core import merkle
from berth.core.ids import city_number
from berth.core.title import Kind, leaf
from berth.market.titles import storage

pytestmark = pytest.mark.timeout(300)


def test_all_bays_of_melbourne_become_titles(load, library, melbourne, home):
    done = load(melbourne, "melbourne-bays")
    assert (done.rows, done.rejections, done.edition.count) == (23_864, [], 23_864)
    root = bytes.fromhex(done.edition.root[2:])
    assert (home / "titles" / done.edition.tree_name).stat().st_size == 32 * (2 * 23_864 - 1)
    for index in (0, 1, 11_932, 23_863):
        found = library.proof_of(city_number("AUMEL"), index)
        assert found.entry.kind == Kind.STREET
        assert merkle.verify(root, leaf(found.title), found.proof)
    again = load(melbourne, "melbourne-bays")
    assert (again.unchanged, again.edition.root) == (True, done.edition.root)


def test_all_spaces_of_taipei_become_titles(load, library, taipei, store):
    city = city_number("TWTPE")
    done = load(taipei, "taipei-titles")
    assert (done.rows, done.edition.count) == (23_941, 29_584)
    assert Counter(one.code for one in done.rejections) == {"spaces.zero": 35}
    with taipei.open(newline="", encoding="utf-8") as file:
        lines = file.read().split("\n")
    for one in done.rejections:
        # a contract may go over several lines; where it begins stands its source
        assert lines[one.line - 1].startswith("presale_data,")
    kinds = Counter()
    holders = set()
    with store.read() as conn:
        for entry in storage.entries_of(conn, city, 1):
            kinds[entry.kind] += 1
            holders.add(entry.holder)
    assert kinds == {Kind.GARAGE: 29_563, Kind.MECHANICAL: 21}
    # one generated holder for each contract that carries spaces
    assert len(holders) == 23_941 - 35
    largest = library.of_holder(
        city, library.by_reference(city, _key_of(taipei, "151")).holder, 200
    )
    assert len(largest) == 151


def test_a_report_names_the_contracts_without_spaces(load, taipei, tmp_path):
    load(taipei, "taipei-titles", report=tmp_path / "bad.csv")
    with (tmp_path / "bad.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert len(found) == 35
    assert found[0] == {
        "line": "636",
        "code": "spaces.zero",
        "field": "spaces",
        "reason": "the contract carries no parking space",
    }


def _key_of(path, spaces: str) -> str:
    """Reference of the last title of the contract with so many spaces."""
    with path.open(newline="", encoding="utf-8") as file:
        row = next(row for row in csv.DictReader(file) if row["spaces"] == spaces)
    return f"{row['reg_hash']}#{spaces}"
