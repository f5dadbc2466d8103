"""The write side by itself: rows kept in memory between commits, and databases set for history."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from berth.chain.rpc import Rpc
from berth.core.errors import BerthError
from berth.indexer import rows as rows_module
from berth.indexer.batch import Batch, header_of
from berth.indexer.commit import Writer, commit_batch
from berth.indexer.cursor import Cursor, CursorMovedError, create_cursor, read_cursor
from berth.indexer.digest import digest
from berth.indexer.project import Projector
from berth.indexer.raw_logs import RawLog, count_logs
from berth.indexer.rebuild import rebuild
from berth.indexer.rollback import roll_back, unfinal_headers
from berth.indexer.rows import Rows
from berth.indexer.run import Indexer
from berth.store import Store
from berth.store.derived import accounts, leases
from berth.store.indexes import lacks_indexes
from berth.store.kept import events, outbox
from fake_node import FakeNode
from sqlalchemy import event, func, select
from sqlalchemy.exc import OperationalError
from test_crashes import CrashError, crash_at

from tests.backend.databases import Databases, Server

FINALITY = 8


class Following:
    """Commits a node's blocks by hand, in ranges of any width."""

    def __init__(self, store: Store, node: FakeNode, width: int = 5) -> None:
        self.store = store
        self.node = node
        self.width = width
        self.writer = Writer(store, Projector(node.deployment))
        with store.write() as conn:
            found = read_cursor(conn)
            before = header_of(node.chain[1].header)
            self.cursor = found or create_cursor(conn, before, node.height)

    def batches(self) -> Iterator[Batch]:
        while self.cursor.block_number < self.node.height:
            yield self.next_batch()

    def next_batch(self) -> Batch:
        first = self.cursor.block_number + 1
        last = min(first + self.width - 1, self.node.height)
        blocks = self.node.chain[first : last + 1]
        headers = {b.header.number: header_of(b.header) for b in blocks}
        logs = [_raw(log) for block in blocks for log in block.logs]
        head = header_of(self.node.tip.header)
        return Batch(first, last, headers, logs, head, max(head.number - FINALITY, 0))

    def follow(self) -> None:
        for batch in self.batches():
            self.cursor = self.writer.commit(batch, self.cursor)


def _raw(log: Any) -> RawLog:
    return RawLog(
        log.block_number, log.log_index, log.block_hash, log.transaction_hash,
        log.transaction_index, log.address, log.topics, log.data,
    )  # fmt: skip


def digest_of(store: Store) -> str:
    with store.read() as conn:
        return digest(conn).sha256


def count(store: Store, table: Any) -> int:
    with store.read() as conn:
        return int(conn.execute(select(func.count()).select_from(table)).scalar_one())


def logs_in(store: Store) -> int:
    with store.read() as conn:
        return count_logs(conn)


def cursor_of(store: Store) -> Cursor:
    with store.read() as conn:
        found = read_cursor(conn)
    assert found is not None
    return found


async def clean(store: Store, node: FakeNode) -> str:
    await Indexer(store, cast("Rpc", node), node.deployment, finality=FINALITY).sync_once()
    return digest_of(store)


@pytest.fixture
def near(monkeypatch: pytest.MonkeyPatch) -> int:
    """What counts as near the head: so few blocks that a short chain has a history."""
    monkeypatch.setattr("berth.indexer.outbox.RECENT_BLOCKS", 6)
    return 6


async def test_rows_in_memory_are_the_rows_of_the_database(
    store: Store, second_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even when memory holds hardly any, so that rows leave it and are read again."""
    monkeypatch.setattr(rows_module, "KEPT_ROWS", 2)
    node = FakeNode(61)
    node.mine(80, actions=6)
    Following(store, node, width=3).follow()
    assert digest_of(store) == await clean(second_store, node)


@pytest.mark.parametrize("width", [1, 4, 100])
async def test_one_writer_through_crashes_at_every_kind_of_statement(
    store: Store, second_store: Store, width: int
) -> None:
    """The writer that saw its transaction fail goes on with rows read anew."""
    node = FakeNode(62)
    node.mine(24, actions=6)
    following = Following(store, node, width)
    crashes = point = 0
    for batch in following.batches():
        before = (digest_of(store), logs_in(store), cursor_of(store))
        try:
            with crash_at(store, point):
                following.cursor = following.writer.commit(batch, following.cursor)
        except CrashError:
            assert (digest_of(store), logs_in(store), cursor_of(store)) == before
            crashes += 1
            point += 7
        else:
            point = following.cursor.version % 7  # elsewhere in the next range
    assert crashes > 3
    assert digest_of(store) == await clean(second_store, node)


async def test_a_writer_forgets_its_rows_when_somebody_else_wrote(
    store: Store, second_store: Store
) -> None:
    node = FakeNode(63)
    node.mine(30, actions=6)
    one, other = Following(store, node, 3), Following(store, node, 2)
    turn = 0
    while cursor_of(store).block_number < node.height:
        turn += 1
        each, rival = (one, other) if turn % 2 else (other, one)
        each.cursor = cursor_of(store)
        each.cursor = each.writer.commit(each.next_batch(), each.cursor)
        if rival.cursor.block_number < node.height:
            with pytest.raises(CursorMovedError):
                rival.writer.commit(rival.next_batch(), rival.cursor)
    assert digest_of(store) == await clean(second_store, node)


async def test_a_writer_forgets_its_rows_when_blocks_are_taken_back(
    store: Store, second_store: Store
) -> None:
    node = FakeNode(64)
    node.mine(20, actions=6)
    following = Following(store, node)
    for _ in range(12):
        following.follow()
        depth = node.rng.randint(1, FINALITY - 1)
        with store.read() as conn:
            stored = {header.number: header for header in unfinal_headers(conn, following.cursor)}
        ancestor = stored[node.height - depth]
        node.cut(depth)
        following.cursor = roll_back(store, following.cursor, ancestor).cursor
        node.mine(depth + node.rng.randint(1, 3), actions=6)
    following.follow()
    assert digest_of(store) == await clean(second_store, node)


async def test_history_goes_into_tables_without_indexes_and_the_head_has_them_again(
    store: Store, second_store: Store, near: int
) -> None:
    node = FakeNode(65)
    node.mine(60, actions=6)
    following = Following(store, node, 10)
    for batch in following.batches():
        following.cursor = following.writer.commit(batch, following.cursor)
        with store.read() as conn:
            assert lacks_indexes(conn) == (batch.last <= node.height - near)
    assert digest_of(store) == await clean(second_store, node)
    node.mine(30, actions=4)
    following.follow()
    with store.read() as conn:
        assert not lacks_indexes(conn)


async def test_a_first_index_has_neither_indexes_nor_listeners_until_blocks_may_change(
    store: Store, second_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The blocks near the head can be the fullest of all."""
    monkeypatch.setattr("berth.indexer.outbox.RECENT_BLOCKS", 30)
    node = FakeNode(71)
    node.mine(80, actions=6)
    following = Following(store, node, 4)
    for batch in following.batches():
        following.cursor = following.writer.commit(batch, following.cursor)
        early = batch.last <= node.height - FINALITY
        with store.read() as conn:
            assert lacks_indexes(conn) == early
        assert (count(store, events) == 0) == early
    assert count(store, outbox) > 0
    assert digest_of(store) == await clean(second_store, node)
    before = count(store, events)
    node.mine(20, actions=6)
    following.next_batch()
    following.cursor = following.writer.commit(following.next_batch(), following.cursor)
    assert count(store, events) > before  # it was live: whoever listens is told of all of it


async def test_a_program_that_died_while_it_read_history_restores_the_indexes_at_the_head(
    store: Store, second_store: Store, near: int
) -> None:
    node = FakeNode(66)
    node.mine(60, actions=6)
    first = Following(store, node, 10)
    for batch in first.batches():
        first.cursor = first.writer.commit(batch, first.cursor)
        if batch.last > 30:
            break
    with store.read() as conn:
        assert lacks_indexes(conn)
    second = Following(store, node, 10)
    batches = second.batches()
    with crash_at(store, 9), pytest.raises(CrashError):
        second.writer.commit(next(batches), second.cursor)
    second.follow()
    with store.read() as conn:
        assert not lacks_indexes(conn)
    assert digest_of(store) == await clean(second_store, node)


async def test_an_index_that_was_live_keeps_its_indexes_however_far_it_falls_behind(
    store: Store, near: int
) -> None:
    node = FakeNode(67)
    node.mine(5)
    following = Following(store, node)
    following.follow()
    node.mine(40)
    for batch in following.batches():
        following.cursor = following.writer.commit(batch, following.cursor)
        with store.read() as conn:
            assert not lacks_indexes(conn)


async def test_history_tells_nobody_and_the_head_tells_of_open_leases_only(
    store: Store, near: int
) -> None:
    node = FakeNode(68)
    node.mine(60, actions=6)
    following = Following(store, node, 10)
    for batch in following.batches():
        if batch.last > node.height - near:
            break
        following.cursor = following.writer.commit(batch, following.cursor)
        assert count(store, outbox) == count(store, events) == 0
    following.follow()
    with store.read() as conn:
        told = set(conn.execute(select(outbox.c.lease_id)).scalars())
        still_open = set(
            conn.execute(select(leases.c.lease_id).where(leases.c.state < 4)).scalars()
        )
        blocks = conn.execute(select(events.c.payload_json)).scalars().all()
    assert told
    assert told <= still_open
    assert blocks
    before = count(store, outbox), count(store, events)
    rebuild(store, node.deployment)
    assert (count(store, outbox), count(store, events)) == before


async def test_a_rebuild_of_an_index_without_indexes_makes_them(
    store: Store, second_store: Store, near: int
) -> None:
    node = FakeNode(69)
    node.mine(40, actions=6)
    following = Following(store, node, 10)
    following.cursor = following.writer.commit(following.next_batch(), following.cursor)
    before = digest_of(store)
    rebuild(store, node.deployment)
    with store.read() as conn:
        assert not lacks_indexes(conn)
    assert digest_of(store) == before
    following.cursor = cursor_of(store)
    following.follow()
    assert digest_of(store) == await clean(second_store, node)


async def test_logs_given_twice_out_of_order_or_of_others_are_refused_by_name(store: Store) -> None:
    node = FakeNode(70)
    node.mine(10, actions=6)
    following = Following(store, node, 12)
    good = following.next_batch()
    assert len(good.logs) > 4
    stranger = good.logs[1]._replace(address="0x" + "99" * 20)
    unknown = good.logs[1]._replace(topics=["0x" + "77" * 32])
    nameless = good.logs[1]._replace(topics=[])
    short = good.logs[1]._replace(data=b"\1")
    rest = good.logs[2:]
    for logs, code in (
        ([*good.logs, good.logs[-1]], "index.logs"),
        ([good.logs[1], good.logs[0], *rest], "index.logs"),
        ([good.logs[0], stranger, *rest], "chain.log"),
        ([good.logs[0], unknown, *rest], "index.gap"),
        ([good.logs[0], nameless, *rest], "index.gap"),
        ([good.logs[0], short, *rest], "chain.log"),
    ):
        with pytest.raises(BerthError) as caught:
            following.writer.commit(replace(good, logs=logs), following.cursor)
        assert caught.value.code == code
        assert cursor_of(store) == following.cursor
        assert logs_in(store) == 0
    following.follow()
    assert logs_in(store) == sum(len(block.logs) for block in node.chain)


async def test_logs_of_a_range_that_is_there_already_are_refused_by_name(store: Store) -> None:
    node = FakeNode(71)
    node.mine(8, actions=6)
    following = Following(store, node, 4)
    first = following.next_batch()
    following.cursor = following.writer.commit(first, following.cursor)
    following.node.mine(2, actions=6)
    again = following.next_batch()
    with pytest.raises(BerthError) as caught:
        commit_batch(
            store,
            Projector(node.deployment),
            replace(again, logs=[*first.logs, *again.logs]),
            following.cursor,
        )
    assert caught.value.code == "index.logs"
    following.follow()


def test_a_new_row_whose_key_exists_is_a_gap(store: Store) -> None:
    row = {"account": "0x1", "credit": "0", "auto_payout": 0}
    with store.write() as conn:
        rows = Rows(conn)
        rows.add(accounts, dict(row))
        with pytest.raises(BerthError, match="there already"):
            rows.add(accounts, dict(row))
        rows.flush()
    with store.write() as conn:
        rows = Rows(conn)
        rows.add(accounts, dict(row))
        with pytest.raises(BerthError) as caught:
            rows.flush()
        conn.rollback()
    assert caught.value.code == "index.gap"


def test_a_row_that_is_made_and_dropped_or_changed_back_leaves_no_trace(store: Store) -> None:
    row = {"account": "0x1", "credit": "1", "auto_payout": 0}
    with store.write() as conn:
        rows = Rows(conn)
        rows.add(accounts, dict(row))
        rows.flush()
        rows.add(accounts, row | {"account": "0x2"})
        rows.drop(accounts, "0x2")
        changing = rows.edit(accounts, "0x1")
        assert changing is not None
        changing["credit"] = "2"
        rows.flush()
        changing = rows.edit(accounts, "0x1")
        assert changing is not None
        changing["credit"] = "1"
        rows.flush()
        assert rows.get(accounts, "0x2") is None
    with store.read() as conn:
        assert conn.execute(select(accounts)).mappings().all() == [row]


@pytest.mark.slow
async def test_a_server_that_drops_the_connection_in_the_middle_costs_nothing_but_a_try(
    postgresql_server: Server, second_store: Store, tmp_path: Path
) -> None:
    """Before each of a commit's statements once, COPY among what follows them."""
    databases = Databases("postgresql", tmp_path, postgresql_server)
    store = databases.open()
    node = FakeNode(73)
    node.mine(40, actions=6)
    following = Following(store, node, 3)
    lost = 0
    for batch in following.batches():
        before = (digest_of(store), logs_in(store), cursor_of(store))
        try:
            with cut_off_at(store, 2 * lost):
                following.cursor = following.writer.commit(batch, following.cursor)
        except OperationalError:
            assert (digest_of(store), logs_in(store), cursor_of(store)) == before
            lost += 1
    assert lost > 5
    assert digest_of(store) == await clean(second_store, node)
    databases.close()


@contextmanager
def cut_off_at(store: Store, statement: int) -> Iterator[None]:
    """The server ends the connection right before its n-th statement."""
    seen: list[str] = []

    def count_and_cut(conn: Any, _cursor: Any, sql: str, *_: Any) -> None:
        if "pg_terminate_backend" in sql:
            return
        seen.append(sql)
        if len(seen) == statement + 1:
            pid = conn.connection.driver_connection.info.backend_pid
            with store.engine.connect() as other:
                other.exec_driver_sql(f"SELECT pg_terminate_backend({pid}, 5000)")

    event.listen(store.engine, "before_cursor_execute", count_and_cut)
    try:
        yield
    finally:
        event.remove(store.engine, "before_cursor_execute", count_and_cut)
