"""Raw logs from a row each to a row a block and back, on both databases: every value as it was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from berth.core.errors import BerthError
from berth.indexer.raw_logs import count_logs, kept_logs
from berth.store import Store, migrations
from berth.store.engine import migrate_store, reach_store
from sqlalchemy import text

from tests.backend.databases import Databases

#: More than the migration reads at once, in both directions.
BLOCKS, LOGS_A_BLOCK = 300, 18

_LOG = (
    "INSERT INTO raw_logs (block_number, log_index, block_hash, tx_hash, tx_index, address, topic0,"
    " topic1, topic2, topic3, data) VALUES (:number, :index, :hash, :tx, :tx_index, :address,"
    " :topic0, :topic1, :topic2, :topic3, :data)"
)
_BLOCK = "INSERT INTO blocks (number, hash, parent_hash, timestamp) VALUES (:n, :hash, :hash, :at)"
_LOGS = "SELECT * FROM raw_logs ORDER BY block_number, log_index"


def word(number: int) -> str:
    return f"0x{number:064x}"


def single(number: int, index: int) -> dict[str, Any]:
    """A log with none to four topics, and data of many lengths."""
    topics = {f"topic{n}": word(n + index) if n < index % 5 else None for n in range(4)}
    return topics | {
        "number": number, "index": 3 * index, "hash": word(number), "tx": word(index << 200),
        "tx_index": index // 2, "address": f"0x{number:040x}", "data": bytes([0, 255]) * index,
    }  # fmt: skip


@pytest.fixture
def former(databases: Databases) -> Iterator[Store]:
    """A database of the time before, with logs."""
    store = reach_store(databases.url(migrated=False))
    with store.write() as conn:
        migrations.upgrade(conn, None, "0003")
        conn.execute(
            text(_BLOCK), [{"n": n, "hash": word(n), "at": 7 * n} for n in range(1, BLOCKS + 1)]
        )
        logs = [single(n, i) for n in range(1, BLOCKS + 1) for i in range(LOGS_A_BLOCK)]
        conn.execute(text(_LOG), logs)
    yield store
    store.close()


def test_every_log_is_packed_and_comes_back_as_it_was(former: Store) -> None:
    with former.read() as conn:
        before = conn.execute(text(_LOGS)).all()
    assert len(before) == BLOCKS * LOGS_A_BLOCK
    migrate_store(former, "0004")
    with former.read() as conn:
        assert count_logs(conn) == len(before)
        found = [(number, at, log) for number, at, logs in kept_logs(conn) for log in logs]
    for row, (number, timestamp, log) in zip(before, found, strict=True):
        assert (number, timestamp) == (row.block_number, 7 * number)
        topics = (*log.topics, None, None, None, None)[:4]
        assert (*log[:6], *topics, log.data) == tuple(row)
    migrate_store(former, "0003")
    with former.read() as conn:
        assert conn.execute(text(_LOGS)).all() == before


def test_a_damaged_row_is_named(former: Store) -> None:
    migrate_store(former, "0004")
    with former.write() as conn:
        damaged = text("UPDATE raw_logs SET packed = :cut WHERE block_number = 260")
        conn.execute(damaged, {"cut": b"\x92\x01"})
    with pytest.raises(BerthError, match="logs of block 260") as caught, former.read() as conn:
        list(kept_logs(conn))
    assert caught.value.code == "index.kept_logs"
