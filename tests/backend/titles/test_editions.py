"""Editions: indices for life, drafts that give way, and never half of one."""

from __future__ import annotations

import hashlib
import json
import os
import stat

import pytest
from berth.core import merkle
from berth.core.errors import BerthError
from berth.core.ids import city_number
from berth.core.title import leaf
from berth.market.titles import importer, storage
from berth.market.titles.edition import canonical_content
from berth.market.titles.publish import revocation_words
from berth.market.titles.salts import load_salts
from berth.store.kept import title_editions, titles
from sqlalchemy import func, select

from .sources import row, rows

CITY = city_number("AUMEL")
ANY = {"max_dropped_percent": 100}


def references(store, edition):
    """Reference by index."""
    with store.read() as conn:
        return {
            index: reference for reference, index in storage.indices_of(conn, CITY, edition).items()
        }


def publish(store, edition):
    """Notes an edition as published, as `berth titles publish` does."""
    with store.write() as conn:
        storage.mark_published(conn, CITY, edition, "0x" + "ab" * 32)


def snapshot(home, store):
    """All that an import may change."""
    files = {
        str(path.relative_to(home)): path.read_bytes()
        for path in home.rglob("*")
        if path.is_file() and not path.name.startswith("berth.sqlite")
    }
    with store.read() as conn:
        editions = conn.execute(select(title_editions)).fetchall()
        entries = conn.execute(select(titles).order_by(titles.c.edition, titles.c.index)).fetchall()
    return files, editions, entries


class TestIndices:
    def test_the_first_edition_counts_from_zero_in_the_files_order(self, load, write, store):
        done = load(write(*rows(3, 1, 2)))
        assert (done.edition.edition, done.added, done.dropped) == (1, 3, 0)
        assert references(store, 1) == {0: "S-3", 1: "S-1", 2: "S-2"}

    def test_a_known_key_keeps_its_index_and_a_new_one_gets_a_new_index(self, load, write, store):
        load(write(*rows(1, 2, 3)))
        publish(store, 1)
        done = load(write(*rows(9, 3, 1, 8)), **ANY)
        assert (done.edition.edition, done.added, done.dropped) == (2, 2, 1)
        assert references(store, 2) == {0: "S-1", 2: "S-3", 3: "S-9", 4: "S-8"}
        with store.read() as conn:
            assert storage.dropped_indices(conn, CITY, 2) == [1]

    def test_the_index_of_a_dropped_key_is_never_given_again(self, load, write, store):
        load(write(*rows(1, 2, 3)))
        publish(store, 1)
        load(write(*rows(1, 2)), **ANY)
        publish(store, 2)
        done = load(write(*rows(1, 2, 3)), **ANY)
        assert references(store, 3) == {0: "S-1", 1: "S-2", 3: "S-3"}
        assert (done.edition.count, done.edition.index_bound) == (3, 4)
        with store.read() as conn:
            assert storage.dropped_indices(conn, CITY, 3) == []

    def test_dropped_indices_become_bits_of_the_revocation_bitmap(self):
        assert revocation_words([0, 255, 256, 700]) == [
            {"word": 0, "bits": 1 | 1 << 255},
            {"word": 1, "bits": 1},
            {"word": 2, "bits": 1 << 188},
        ]

    def test_a_generated_holder_stays_with_its_title(self, load, write, store, library):
        load(write(*rows(1, 2, 3)))
        publish(store, 1)
        before = library.proof_of(CITY, 2).title
        load(write(*rows(4, 3)), **ANY)
        publish(store, 2)
        entry = library.entry(CITY, 2)
        assert (entry.reference, entry.holder) == ("S-3", "generated:AUMEL:000002")
        assert library.proof_of(CITY, 2).title == before


class TestUnchanged:
    def test_the_same_file_is_the_same_edition(self, load, write, home, store):
        first = load(write(*rows(1, 2)))
        before = snapshot(home, store)
        again = load(write(*rows(1, 2)))
        assert (again.unchanged, again.edition, again.added) == (True, first.edition, 0)
        assert snapshot(home, store) == before

    def test_another_order_of_the_rows_is_the_same_edition(self, load, write):
        load(write(*rows(1, 2, 3)))
        assert load(write(*rows(3, 1, 2))).unchanged

    def test_after_publishing_too(self, load, write, store):
        load(write(*rows(1, 2)))
        publish(store, 1)
        again = load(write(*rows(1, 2)))
        assert (again.unchanged, again.edition.edition) == (True, 1)

    @pytest.mark.parametrize(
        "change",
        [
            {"address": "1 Other Street"},
            {"lat": "-37.9"},
            {"holder": "N. N."},
            {"valid_until": "2031-01-01"},
            {"sharing": "no"},
            {"width_cm": 251},
            {"kind": "lot"},
        ],
        ids=lambda change: next(iter(change)),
    )
    def test_any_fact_changed_is_another_edition(self, load, write, store, change):
        first = load(write(*rows(1, 2)))
        publish(store, 1)
        second = load(write(row(1, **change), row(2)))
        assert (second.unchanged, second.edition.edition, second.dropped) == (False, 2, 0)
        assert second.edition.content_hash != first.edition.content_hash
        assert second.edition.root != first.edition.root


class TestDrafts:
    def test_an_edition_that_was_never_published_gives_way(self, load, write, store, home):
        first = load(write(*rows(1, 2)))
        second = load(write(*rows(1, 2, 3)))
        assert (first.edition.edition, second.edition.edition) == (1, 1)
        assert references(store, 1) == {0: "S-1", 1: "S-2", 2: "S-3"}
        trees = [path.name for path in (home / "titles").iterdir()]
        assert trees == [second.edition.tree_name]

    def test_the_published_edition_before_stays_provable(self, load, write, store, library):
        load(write(*rows(1, 2)))
        publish(store, 1)
        load(write(*rows(1, 2, 3)))
        found = library.proof_of(CITY, 1)
        assert found.edition.edition == 1
        assert merkle.verify(bytes.fromhex(found.edition.root[2:]), leaf(found.title), found.proof)
        with pytest.raises(BerthError, match="edition 1 of AUMEL has no title 2"):
            library.proof_of(CITY, 2)
        assert library.proof_of(CITY, 2, edition=2).edition.edition == 2

    def test_going_back_to_the_published_content_takes_the_draft_away(self, load, write, store):
        load(write(*rows(1, 2)))
        publish(store, 1)
        load(write(*rows(1, 2, 3)))
        back = load(write(*rows(1, 2)))
        assert (back.unchanged, back.edition.edition) == (True, 1)
        with store.read() as conn:
            assert storage.latest_edition(conn, CITY).edition == 1
            assert conn.execute(select(func.max(titles.c.edition))).scalar() == 1

    def test_what_only_a_draft_dropped_comes_back_as_it_was(self, load, write, store):
        load(write(*rows(1, 2, 3)))
        publish(store, 1)
        load(write(*rows(1, 4)), **ANY)
        load(write(*rows(1, 3, 4, 5)), **ANY)
        assert references(store, 2) == {0: "S-1", 2: "S-3", 3: "S-4", 4: "S-5"}


class TestGuards:
    def test_a_file_that_drops_too_many_titles_is_refused(self, load, write, store, home):
        load(write(*rows(*range(1, 21))))
        publish(store, 1)
        before = snapshot(home, store)
        with pytest.raises(BerthError) as refused:
            load(write(*rows(*range(1, 18))))
        assert (refused.value.code, refused.value.exit_code) == ("titles.dropped", 2)
        assert "3 of the 20 titles" in refused.value.message
        assert snapshot(home, store) == before
        assert load(write(*rows(*range(1, 19)))).dropped == 2

    def test_another_edition_than_expected_is_refused(self, load, write, home, store):
        with pytest.raises(BerthError, match="this file is edition 1 of AUMEL, not 2"):
            load(write(*rows(1)), edition=2)
        assert snapshot(home, store)[1:] == ([], [])
        assert load(write(*rows(1)), edition=1).edition.edition == 1

    def test_a_lost_secret_is_not_replaced_by_a_new_one(self, load, write, home):
        load(write(*rows(1)))
        (home / "keys" / "titles-AUMEL.secret").unlink()
        with pytest.raises(BerthError) as refused:
            load(write(*rows(1, 2)))
        assert (refused.value.code, refused.value.field) == ("titles.secret", "secret")
        assert not (home / "keys" / "titles-AUMEL.secret").exists()

    @pytest.mark.parametrize("content", ["", "abc", "zz" * 32, "ab" * 31])
    def test_a_damaged_secret_is_refused(self, load, write, home, content):
        load(write(*rows(1)))
        (home / "keys" / "titles-AUMEL.secret").write_text(content)
        with pytest.raises(BerthError) as refused:
            load(write(*rows(1, 2)))
        assert refused.value.code == "titles.secret"

    def test_another_citys_secret_is_refused(self, load, write, home, library):
        load(write(*rows(1)))
        (home / "keys" / "titles-AUMEL.secret").write_text("ab" * 32)
        with pytest.raises(BerthError, match="is not the one that edition 1 was made with"):
            load(write(*rows(1, 2)))
        with pytest.raises(BerthError, match="is not the one that edition 1 was made with"):
            library.proof_of(CITY, 0)

    def test_two_imports_at_once_do_not_mix(self, load, write, store, monkeypatch):
        real = importer.build

        def slow(*args):
            monkeypatch.setattr(importer, "build", real)
            load(write(*rows(5, 6), name="quick.csv"))
            return real(*args)

        monkeypatch.setattr(importer, "build", slow)
        with pytest.raises(BerthError) as refused:
            load(write(*rows(1, 2)))
        assert (refused.value.code, refused.value.exit_code) == ("titles.concurrent", 2)
        assert set(references(store, 1).values()) == {"S-5", "S-6"}


class CrashError(Exception):
    """What a test lets fail."""


@pytest.fixture(params=["insert", "tree", "report", "commit"])
def crash(request, monkeypatch):
    """Makes the import fail at one of its last steps."""

    def fail(*_args, **_kwargs):
        raise CrashError(request.param)

    insert_entries = storage.insert_entries

    def half(conn, edition, entries):
        yield from insert_entries(conn, edition, entries[:1])
        raise CrashError("insert")

    def whole(conn, edition, entries):
        yield from insert_entries(conn, edition, entries)
        monkeypatch.setattr("sqlalchemy.engine.default.DefaultDialect.do_commit", fail)

    def arm():
        if request.param == "insert":
            monkeypatch.setattr(storage, "insert_entries", half)
        elif request.param == "tree":
            monkeypatch.setattr(os, "fsync", fail)
        elif request.param == "report":
            monkeypatch.setattr(importer, "write_report", fail)
        else:
            monkeypatch.setattr(storage, "insert_entries", whole)

    return arm


class TestNothingHalf:
    def test_a_first_import_that_fails_leaves_no_edition(
        self, load, write, home, store, crash, monkeypatch
    ):
        load(write(*rows(1), name="other.csv"), city="TWTPE")
        before = snapshot(home, store)
        path = write(*rows(1, 2), row(3, kind=""))
        crash()
        with pytest.raises(CrashError):
            load(path)
        monkeypatch.undo()
        files, editions, entries = snapshot(home, store)
        # neither of these two says that there is an edition
        files.pop("keys/titles-AUMEL.secret", None)
        files.pop("titles/AUMEL-rejected.csv", None)
        assert (files, editions, entries) == before
        assert load(path).edition.count == 2

    def test_a_draft_survives_the_import_that_was_to_replace_it(
        self, load, write, home, store, crash, monkeypatch
    ):
        load(write(*rows(1, 2)))
        before = snapshot(home, store)
        crash()
        with pytest.raises(CrashError):
            load(write(*rows(1, 2, 3), row(4, kind="")))
        monkeypatch.undo()
        files, editions, entries = snapshot(home, store)
        files.pop("titles/AUMEL-rejected.csv", None)
        assert (files, editions, entries) == before


class TestSecrets:
    def test_the_secret_is_for_its_owner_only(self, load, write, home):
        load(write(*rows(1)))
        path = home / "keys" / "titles-AUMEL.secret"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert len(bytes.fromhex(path.read_text())) == 32
        assert [entry.name for entry in (home / "keys").iterdir()] == [path.name]

    def test_equal_holders_and_addresses_have_different_hashes(self, load, write, library):
        load(write(row(1, holder="A", address="B"), row(2, holder="A", address="B")))
        one, two = (library.title(CITY, index) for index in (0, 1))
        assert one.salted_holder != two.salted_holder
        assert one.address_hash != two.address_hash

    def test_another_secret_gives_another_tree_for_the_same_file(self, write, tmp_path):
        from berth.core.clock import WallClock
        from berth.market.titles import Import, import_titles
        from berth.store.engine import open_store

        made = []
        for name in ("one", "two"):
            other = open_store(f"sqlite:///{tmp_path / name / 'berth.sqlite'}")
            wanted = Import(write(*rows(1, 2)), "csv", city="AUMEL")
            made.append(import_titles(other, tmp_path / name, wanted, WallClock()).edition)
            other.close()
        assert made[0].root != made[1].root
        assert made[0].content_hash != made[1].content_hash


def test_the_content_hash_is_that_of_the_documented_lines(load, write, home, store):
    done = load(write(row(2, holder="Ä. N.", valid_until="2030-12-31"), row(1)))
    salts = load_salts(home / "keys", "AUMEL")
    holder = "generated:AUMEL:000001"
    expected = [
        ["berth-titles-1", CITY, salts.content().hex()],
        [0, "S-2", "Ä. N.", "2 Example Street", -37.8002, 144.96, 5, 0, 250, 550, 1, 22279],
        [1, "S-1", holder, "1 Example Street", -37.8001, 144.96, 5, 0, 250, 550, 1, 65535],
    ]
    text = "".join(
        json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in expected
    )
    with store.read() as conn:
        lines = list(canonical_content(CITY, storage.entries_of(conn, CITY, 1), salts))
    assert b"".join(lines) == text.encode()
    assert done.edition.content_hash == "0x" + hashlib.sha256(text.encode()).hexdigest()
