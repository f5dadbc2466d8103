"""A catch-up that was interrupted is not over because the next node knows of less."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest
from berth.chain.rpc import Rpc
from berth.indexer.cursor import Cursor, read_cursor
from berth.indexer.run import Indexer
from berth.indexer.status import IndexStatus
from berth.store import Store
from fake_node import FakeNode
from market_history import book
from test_outbox import Street, indexer, kinds


def cursor_of(store: Store) -> Cursor:
    with store.read() as conn:
        found = read_cursor(conn)
    assert found is not None
    return found


async def interrupted(store: Store, node: FakeNode) -> int:
    """An index that is stopped between two commits of a catch-up; the block that it got to."""
    stop = asyncio.Event()
    node.largest_range = 8

    def halfway(status: IndexStatus) -> None:
        if 8 <= status.block_number < node.height:
            stop.set()

    rpc = cast("Rpc", node)
    one = Indexer(store, rpc, node.deployment, finality=8, poll=0.001, on_progress=halfway)
    async with asyncio.timeout(20):
        await one.run(stop)
    at = cursor_of(store)
    assert at.block_number < at.head_number == node.height
    assert kinds(store) == []
    return at.block_number


@pytest.fixture
def node() -> FakeNode:
    """Of a chain of 60 blocks, with a lease booked early that is open."""
    street = Street()
    street.verbs(book)
    street.node.mine_empty(60 - street.node.height)
    return street.node


async def test_a_node_that_is_behind_ends_no_catch_up(store: Store, node: FakeNode) -> None:
    stopped_at = await interrupted(store, node)
    rest = node.cut(node.height - stopped_at + 2)
    await indexer(store, node).sync_once()
    assert not cursor_of(store).caught_up
    assert kinds(store) == []
    node.chain += rest
    await indexer(store, node).sync_once()
    assert cursor_of(store).caught_up
    assert kinds(store) == ["lease.booked"]


async def test_a_node_that_has_no_more_ends_it_and_what_is_open_is_handed_over(
    store: Store, node: FakeNode
) -> None:
    stopped_at = await interrupted(store, node)
    node.cut(node.height - stopped_at)  # as far as anybody knows now, that is all
    following = indexer(store, node)
    await following.sync_once()
    assert cursor_of(store).caught_up
    assert kinds(store) == ["lease.booked"]
    node.mine_empty()
    await following.sync_once()
    assert kinds(store) == ["lease.booked"]


async def test_an_index_at_the_head_stays_there_while_its_node_falls_behind(
    store: Store, node: FakeNode
) -> None:
    await indexer(store, node).sync_once()
    node.cut(3)
    await indexer(store, node).sync_once()
    assert cursor_of(store).caught_up
