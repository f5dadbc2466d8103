"""Proofs, searches, and what happens when a tree's file is lost."""

from __future__ import annotations

import threading

import pytest
from berth.core import merkle
from berth.core.errors import BerthError
from berth.core.geo import decode_cell, distance_m
from berth.core.ids import city_number
from berth.core.title import address_hash, leaf, salted_holder, unpack_attributes
from berth.market.titles import storage
from berth.web.problemwords import sentence

from .sources import row, rows

CITY = city_number("AUMEL")


def test_every_title_is_proven_to_the_root(load, write, library):
    root = bytes.fromhex(load(write(*rows(*range(1, 38)))).edition.root[2:])
    for index in range(37):
        found = library.proof_of(CITY, index)
        assert merkle.verify(root, leaf(found.title), found.proof)
        assert not merkle.verify(root, leaf(library.title(CITY, (index + 1) % 37)), found.proof)


def test_a_proof_says_what_the_title_is_and_opens_its_hashes(load, write, library):
    load(write(row(1, kind="garage", height_cm=210, holder="N. N.", address="Königstr. 5")))
    found = library.proof_of(CITY, 0)
    title = found.title
    assert (title.city, title.index, title.valid_day) == (CITY, 0, 65535)
    assert tuple(unpack_attributes(title.attributes)) == (3, True, 210, 250, 550)
    assert title.salted_holder == salted_holder(found.holder_salt, "N. N.")
    assert title.address_hash == address_hash(found.address_salt, "KÖNIGSTR.  5")
    assert distance_m(-37.8001, 144.96, *decode_cell(title.cell)) < 700


@pytest.mark.parametrize("damage", ["lost", "cut off", "another tree"])
def test_a_damaged_tree_is_made_anew_from_the_records(load, write, library, home, damage):
    done = load(write(*rows(*range(1, 10))))
    path = home / "titles" / done.edition.tree_name
    good = path.read_bytes()
    if damage == "lost":
        path.unlink()
    else:
        path.write_bytes(good[:64] if damage == "cut off" else bytes(len(good)))
    assert merkle.verify(good[:32], leaf(library.title(CITY, 4)), library.proof_of(CITY, 4).proof)
    assert path.read_bytes() == good


def test_an_unknown_city_edition_or_title_is_not_found(load, write, library):
    with pytest.raises(BerthError) as unknown:
        library.proof_of(city_number("TWTPE"), 0)
    assert (unknown.value.code, unknown.value.status) == ("titles.unknown", 404)
    assert sentence(unknown.value, "en") == "No edition of TWTPE has been imported."
    load(write(*rows(1)))
    with pytest.raises(BerthError) as later:
        library.edition(CITY, 2)
    assert (later.value.code, later.value.field) == ("titles.unknown", "edition")
    assert sentence(later.value, "en") == "No edition 2 of AUMEL has been imported."
    assert sentence(later.value, "zh") == "尚未导入 AUMEL 的第 2 版产权库。"
    for search in (
        lambda: library.entry(CITY, 1),
        lambda: library.by_reference(CITY, "S-2"),
        lambda: library.proof_of(CITY, 1),
    ):
        with pytest.raises(BerthError) as absent:
            search()
        assert (absent.value.code, absent.value.status) == ("titles.absent", 404)


def test_near_gives_the_nearest_first_within_the_radius(load, write, library):
    load(write(*rows(1, 5, 2, 30)))  # 11.1 m apart for every step of one
    found = library.near(CITY, -37.8, 144.96, 60)
    assert [one.entry.reference for one in found] == ["S-1", "S-2", "S-5"]
    assert [round(one.metres) for one in found] == [11, 22, 56]
    assert [one.entry.reference for one in library.near(CITY, -37.8, 144.96, 60, limit=1)] == [
        "S-1"
    ]
    assert library.near(CITY, 0.0, 0.0, 1000) == []


def test_a_holder_s_titles_are_found(load, write, library):
    load(write(row(1, holder="A"), row(2, holder="B"), row(3, holder="A")))
    assert [one.reference for one in library.of_holder(CITY, "A")] == ["S-1", "S-3"]


def test_a_new_edition_on_the_chain_takes_the_old_one_s_place(load, write, library, store):
    for edition, numbers in ((1, (1, 2)), (2, (1, 2, 3))):
        load(write(*rows(*numbers)))
        with store.write() as conn:
            storage.mark_published(conn, CITY, edition, "0x" + "ab" * 32)
        assert library.proof_of(CITY, 0).edition.edition == edition


def test_cities_lists_the_newest_edition_of_each(load, write, library):
    load(write(*rows(1)), city="TWTPE", name="Taipei")
    load(write(*rows(1, 2)))
    assert [(one.city_code, one.name, one.count) for one in library.cities()] == [
        ("AUMEL", "Melbourne", 2),
        ("TWTPE", "Taipei", 1),
    ]


def test_many_threads_prove_at_once(load, write, library):
    root = bytes.fromhex(load(write(*rows(*range(1, 40)))).edition.root[2:])
    wrong: list[int] = []

    def prove(start: int) -> None:
        for index in range(start, 39, 4):
            found = library.proof_of(CITY, index)
            if not merkle.verify(root, leaf(found.title), found.proof):
                wrong.append(index)

    threads = [threading.Thread(target=prove, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
