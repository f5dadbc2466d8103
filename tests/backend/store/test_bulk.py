"""Many rows at once: what is written, read, changed and deleted, on both databases."""

from __future__ import annotations

import pytest
from berth.store import Store
from berth.store.bulk import Bulk, Row, shape_of
from berth.store.derived import accounts, blockings, blocks, metadata, raw_logs, undo
from berth.store.indexes import drop_indexes, lacks_indexes, restore_indexes
from sqlalchemy import inspect, select
from sqlalchemy.exc import IntegrityError

from tests.backend.databases import Databases

ACCOUNTS, BLOCKINGS, BLOCKS = map(shape_of, (accounts, blockings, blocks))
LOGS, UNDO = map(shape_of, (raw_logs, undo))
LARGEST = (1 << 63) - 1


@pytest.fixture
def store(databases: Databases) -> Store:
    return databases.open()


def blocking(number: int, **values: object) -> Row:
    row = {
        "lease_id": f"0x{number:028x}", "space_id": "0x1", "start_slot": number, "slots": 2,
        "end_slot": number + 2, "by": "0xaa", "blocked_at": LARGEST, "ended_at": None,
        "block_number": 1, "tx_hash": 'a "word" with \\ and \n and é',
    }  # fmt: skip
    return row | values


def image(number: int, seq: int, before: str | None = None) -> tuple[object, ...]:
    return (number, seq, "leases", '["0x1"]', before)


@pytest.mark.parametrize("count", [1, 7, 8, 12_000])
def test_rows_come_back_as_they_were_written(store: Store, count: int) -> None:
    rows = [blocking(n, ended_at=n if n % 2 else None) for n in range(count)]
    with store.write() as conn:
        Bulk(conn).insert(BLOCKINGS, [BLOCKINGS.values(row) for row in rows])
    with store.read() as conn:
        keys = [row["lease_id"] for row in rows]
        found = Bulk(conn).read(BLOCKINGS, [*keys, "0xabsent"])
    assert sorted(found, key=BLOCKINGS.key) == rows


def test_only_the_named_columns_of_the_named_rows_change(store: Store) -> None:
    rows = [blocking(n) for n in range(20)]
    with store.write() as conn:
        Bulk(conn).insert(BLOCKINGS, [BLOCKINGS.values(row) for row in rows])
    changed = [row | {"ended_at": 5, "slots": LARGEST, "by": "unwritten"} for row in rows[:10]]
    with store.write() as conn:
        Bulk(conn).update(BLOCKINGS, ("ended_at", "slots"), changed)
        Bulk(conn).update(BLOCKINGS, ("ended_at",), [rows[0] | {"ended_at": None}])
    with store.read() as conn:
        found = sorted(Bulk(conn).read(BLOCKINGS, map(BLOCKINGS.key, rows)), key=BLOCKINGS.key)
    assert found[0] == rows[0] | {"slots": LARGEST}
    assert found[1:10] == [row | {"ended_at": 5, "slots": LARGEST} for row in rows[1:10]]
    assert found[10:] == rows[10:]


def test_keys_of_two_columns_and_nulls(store: Store) -> None:
    images = [image(number, seq) for number in range(5) for seq in range(3)]
    with store.write() as conn:
        Bulk(conn).insert(UNDO, images)
        Bulk(conn).delete(UNDO, [(1, 0), (4, 2), (9, 9)])
    with store.read() as conn:
        found = Bulk(conn).read(UNDO, [(1, 0), (1, 1), (4, 2)])
    assert [UNDO.values(row) for row in found] == [image(1, 1)]
    assert UNDO.key(found[0]) == (1, 1)


@pytest.mark.parametrize("count", [1, 9])
def test_bytes_come_back_as_they_were_written(store: Store, count: int) -> None:
    logs = [(number, 1, bytes(range(256)) + b"\\x00\\n\t") for number in range(count)]
    with store.write() as conn:
        Bulk(conn).insert(LOGS, logs)
    with store.read() as conn:
        found = Bulk(conn).read(LOGS, range(count))
    assert sorted(LOGS.values(row) for row in found) == logs


@pytest.mark.parametrize("count", [1, 50])
def test_a_key_that_exists_is_an_integrity_error_and_nothing_is_written(
    store: Store, count: int
) -> None:
    with store.write() as conn:
        Bulk(conn).insert(ACCOUNTS, [("0x1", "5", 0)])
    with pytest.raises(IntegrityError), store.write() as conn:
        Bulk(conn).insert(ACCOUNTS, [(f"0x{n}", "7", 0) for n in range(1, count + 1)])
    with store.read() as conn:
        assert conn.execute(select(accounts)).all() == [("0x1", "5", 0)]


def test_nothing_to_do_is_no_statement(store: Store) -> None:
    with store.write() as conn:
        bulk = Bulk(conn)
        bulk.insert(BLOCKS, [])
        bulk.update(BLOCKS, ("hash",), [])
        bulk.delete(BLOCKS, [])
        assert bulk.read(BLOCKS, []) == []


def test_secondary_indexes_go_and_come_back_as_declared(store: Store) -> None:
    def names() -> set[str | None]:
        inspector = inspect(store.engine)
        return {
            index["name"]
            for table in metadata.tables
            for index in inspector.get_indexes(table)
            if not index.get("duplicates_constraint")
        }

    declared = {str(index.name) for table in metadata.tables.values() for index in table.indexes}
    assert names() == declared
    assert len(declared) == 15
    with store.write() as conn:
        assert not lacks_indexes(conn)
        drop_indexes(conn)
        assert lacks_indexes(conn)
    assert names() == set()
    with store.write() as conn:
        restore_indexes(conn)
        restore_indexes(conn)
    assert names() == declared
