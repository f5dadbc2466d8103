"""A crash at any statement leaves the database as it was; resuming ends where none had been."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from berth.chain.rpc import Rpc
from berth.indexer.batch import Batch, header_of
from berth.indexer.commit import commit_batch
from berth.indexer.cursor import Cursor, CursorMovedError, move_cursor, read_cursor
from berth.indexer.digest import digest
from berth.indexer.fetch import Fetcher
from berth.indexer.project import Projector
from berth.indexer.rollback import find_ancestor, roll_back, unfinal_headers
from berth.indexer.run import Indexer
from berth.store import Store, open_store
from berth.store.kept import events, outbox
from fake_node import FakeNode
from sqlalchemy import event, func, select

FINALITY = 8


class CrashError(Exception):
    """Stands for the process ending."""


@contextmanager
def crash_at(store: Store, statement: int) -> Iterator[list[str]]:
    """The n-th statement from here on does not happen, nor anything after it."""
    seen: list[str] = []

    def count(_c: Any, _cursor: Any, sql: str, *_: Any) -> None:
        if sql.startswith("BEGIN"):
            return
        seen.append(sql)
        if len(seen) > statement:
            raise CrashError

    event.listen(store.engine, "before_cursor_execute", count)
    try:
        yield seen
    finally:
        event.remove(store.engine, "before_cursor_execute", count)


def everything(store: Store) -> tuple[str, int, int, Cursor | None]:
    with store.read() as conn:
        return (
            digest(conn).sha256,
            conn.execute(select(func.count()).select_from(outbox)).scalar_one(),
            conn.execute(select(func.count()).select_from(events)).scalar_one(),
            read_cursor(conn),
        )


async def next_batch(node: FakeNode, cursor: Cursor) -> Batch:
    fetcher = Fetcher(cast("Rpc", node), Projector(node.deployment).addresses)
    head = header_of(node.tip.header)
    async for batch in fetcher.batches(cursor.block_number + 1, head, FINALITY):
        return batch
    raise AssertionError("nothing to read")


def cursor_of(store: Store) -> Cursor:
    with store.read() as conn:
        cursor = read_cursor(conn)
    assert cursor is not None
    return cursor


async def indexed(store: Store, node: FakeNode) -> Indexer:
    following = Indexer(store, cast("Rpc", node), node.deployment, finality=FINALITY, poll=0.001)
    await following.sync_once()
    return following


async def test_a_crash_at_any_statement_of_a_commit_changes_nothing(
    store: Store, tmp_path: Path
) -> None:
    node = FakeNode(21)
    node.mine(12, actions=6)
    await indexed(store, node)
    node.mine(6, actions=8)
    projector = Projector(node.deployment)
    batch = await next_batch(node, cursor_of(store))
    before = everything(store)
    statement = 0
    while True:
        with crash_at(store, statement) as seen:
            try:
                commit_batch(store, projector, batch, cursor_of_quietly(before))
                break
            except CrashError:
                pass
        assert everything(store) == before
        statement += 1
    assert len(seen) > 10
    clean = open_store(str(tmp_path / "clean.sqlite"))
    await indexed(clean, node)
    assert everything(store)[0] == everything(clean)[0]
    clean.close()


async def test_a_crash_at_any_statement_of_a_rollback_changes_nothing(
    store: Store, tmp_path: Path
) -> None:
    node = FakeNode(22)
    node.mine(20, actions=6)
    following = await indexed(store, node)
    node.cut(6)
    node.mine(7, actions=6)
    cursor = cursor_of(store)
    with store.read() as conn:
        stored = unfinal_headers(conn, cursor)
    ancestor = await find_ancestor(cast("Rpc", node), stored, cursor.final_number)
    assert ancestor.number == cursor.block_number - 6
    before = everything(store)
    statement = 0
    while True:
        with crash_at(store, statement):
            try:
                roll_back(store, cursor, ancestor)
                break
            except CrashError:
                pass
        assert everything(store) == before
        statement += 1
    assert statement > 8
    await following.sync_once()
    clean = open_store(str(tmp_path / "clean.sqlite"))
    await indexed(clean, node)
    assert everything(store)[0] == everything(clean)[0]
    clean.close()


async def test_a_batch_is_committed_once_however_often_it_is_tried(store: Store) -> None:
    node = FakeNode(23)
    node.mine(5)
    await indexed(store, node)
    node.mine(3)
    cursor = cursor_of(store)
    batch = await next_batch(node, cursor)
    projector = Projector(node.deployment)
    commit_batch(store, projector, batch, cursor)
    after = everything(store)
    with pytest.raises(CursorMovedError):
        commit_batch(store, projector, batch, cursor)
    with pytest.raises(CursorMovedError):
        commit_batch(store, projector, batch, cursor_of(store))
    assert everything(store) == after


async def test_a_rollback_that_came_first_wins_over_a_commit(store: Store) -> None:
    node = FakeNode(24)
    node.mine(10)
    await indexed(store, node)
    node.mine(2)
    cursor = cursor_of(store)
    batch = await next_batch(node, cursor)
    with store.read() as conn:
        ancestor = next(
            h for h in unfinal_headers(conn, cursor) if h.number == cursor.block_number - 3
        )
    roll_back(store, cursor, ancestor)
    with pytest.raises(CursorMovedError):
        commit_batch(store, Projector(node.deployment), batch, cursor)
    with pytest.raises(CursorMovedError):
        roll_back(store, cursor, ancestor)


async def test_the_cursor_moves_only_from_the_version_that_was_read(store: Store) -> None:
    node = FakeNode(25)
    await indexed(store, node)
    cursor = cursor_of(store)
    header = header_of(node.tip.header)
    with store.write() as conn:
        moved = move_cursor(conn, cursor, header, header.number, 0)
    assert moved.version == cursor.version + 1
    with pytest.raises(CursorMovedError), store.write() as conn:
        move_cursor(conn, cursor, header, header.number, 0)


def cursor_of_quietly(state: tuple[str, int, int, Cursor | None]) -> Cursor:
    """The cursor of a state read earlier: reading it anew would count as a statement."""
    assert state[3] is not None
    return state[3]
