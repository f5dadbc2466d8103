"""Every migration up, down and up again, with rows in every table, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from berth.core.errors import BerthError
from berth.store import Store, migrations, open_store
from berth.store.engine import reach_store
from sqlalchemy import text

from tests.backend.databases import Databases
from tests.backend.store.contents import Rows, fill, rows_of, shape_of

STEPS = list(pairwise((None, *migrations.KNOWN)))
#: Change nothing on SQLite.
POSTGRESQL_ONLY = {"0006"}


@pytest.fixture
def empty(databases: Databases) -> Iterator[Store]:
    """A database without any table of ours."""
    store = reach_store(databases.url(migrated=False))
    yield store
    store.close()


def go(store: Store, target: str, current: str | None = None) -> None:
    with store.write() as conn:
        migrations.upgrade(conn, current, target)


def back(store: Store, target: str | None) -> None:
    with store.write() as conn:
        migrations.downgrade(conn, target or "base")


def filled(store: Store) -> Rows:
    with store.write() as conn:
        fill(conn)
    with store.read() as conn:
        return rows_of(conn)


def lost(before: Rows, after: Rows) -> list[str]:
    """What of the values of tables and columns that exist on both sides is no longer there."""
    missing = []
    for name in sorted(set(before) & set(after)):
        columns = set(before[name][0]) & set((after[name] or before[name])[0])
        values = sorted(repr([row[c] for c in sorted(columns)]) for row in before[name])
        there = sorted(repr([row[c] for c in sorted(columns)]) for row in after[name])
        if values != there:
            missing.append(f"{name}: {values} became {there}")
    return missing


@pytest.mark.parametrize(("former", "revision"), STEPS)
def test_a_migration_goes_up_and_down_and_up_again_and_loses_nothing(
    empty: Store, former: str | None, revision: str
) -> None:
    if former is not None:
        go(empty, former)
    with empty.read() as conn:
        below = shape_of(conn)
    before = filled(empty)
    assert all(before.values()), "a table that is empty proves nothing"
    go(empty, revision, former)
    with empty.read() as conn:
        above = shape_of(conn)
        assert lost(before, rows_of(conn)) == []
    assert (above == below) == (empty.sqlite and revision in POSTGRESQL_ONLY)
    full = filled(empty)
    assert all(full.values())
    back(empty, former)
    with empty.read() as conn:
        assert shape_of(conn) == below
        assert lost(full, rows_of(conn)) == []
    go(empty, revision, former)
    with empty.read() as conn:
        assert shape_of(conn) == above
        assert lost(before, rows_of(conn)) == []


def test_all_the_way_down_and_up_is_as_if_made_fresh(databases: Databases) -> None:
    fresh = databases.open()
    again = databases.open()
    filled(again)
    back(again, None)
    with again.read() as conn:
        assert [name for name in shape_of(conn) if name.startswith("table")] == []
    go(again, migrations.HEAD)
    with fresh.read() as one, again.read() as other:
        assert shape_of(one) == shape_of(other)


def test_a_step_down_that_fails_half_way_changes_nothing(databases: Databases) -> None:
    store = databases.open()
    before = filled(store)
    with store.read() as conn:
        shape = shape_of(conn)

    def stop_half_way() -> None:
        with store.write() as conn:
            migrations.downgrade(conn, migrations.KNOWN[0])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        stop_half_way()
    with store.read() as conn:
        assert shape_of(conn) == shape
        assert rows_of(conn) == before


def test_a_database_of_a_newer_program_is_refused_and_not_touched(databases: Databases) -> None:
    url = databases.url()
    store = databases.again(url)
    with store.write() as conn:
        conn.execute(text(f"UPDATE {migrations.VERSION_TABLE} SET version_num = '9999'"))
    before = filled(store)
    with pytest.raises(BerthError) as caught:
        open_store(url)
    assert caught.value.code == "store.newer"
    assert "9999" in caught.value.message
    with store.read() as conn:
        assert rows_of(conn) == before
