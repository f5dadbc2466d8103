"""What an index does when its database refuses what it writes, because of rows of somebody else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from berth.chain.rpc import Rpc
from berth.indexer import run as run_module
from berth.indexer.digest import digest
from berth.indexer.run import Indexer
from berth.store import Store, derived, kept
from berth.store.points import space_points
from fake_node import FakeNode
from market_changes import manage, withdraw_offers
from market_history import World, publish, register
from sqlalchemy import event, insert, select, update
from sqlalchemy.exc import IntegrityError

from tests.backend.databases import Databases, Server
from tests.backend.waiting import until_waiting

FINALITY = 8
TAKEN = 'duplicate key value violates unique constraint "space_points_space_id_key"'


def indexer(store: Store, node: FakeNode) -> Indexer:
    return Indexer(store, cast("Rpc", node), node.deployment, finality=FINALITY, poll=0.001)


def digest_of(store: Store) -> str:
    with store.read() as conn:
        return digest(conn).sha256


async def clean_digest(store: Store, node: FakeNode) -> str:
    await indexer(store, node).sync_once()
    return digest_of(store)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.002)


@contextmanager
def refusing(store: Store, beginning: str, times: int) -> Iterator[list[str]]:
    """The database refuses so many statements that begin like this; those it has refused."""
    refused: list[str] = []

    def refuse(_conn: Any, _cursor: Any, sql: str, *_: Any) -> None:
        if sql.startswith(beginning) and len(refused) < times:
            refused.append(sql)
            raise IntegrityError(sql, {}, Exception(TAKEN))

    event.listen(store.engine, "before_cursor_execute", refuse)
    try:
        yield refused
    finally:
        event.remove(store.engine, "before_cursor_execute", refuse)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sign of life at each look, and no long waits."""
    monkeypatch.setattr(run_module, "HEARTBEAT_SECONDS", 0.0)
    monkeypatch.setattr(run_module, "LONGEST_WAIT", 0.002)


def new_blocks(node: FakeNode) -> None:
    node.mine(3, actions=5)


def other_blocks(node: FakeNode) -> None:
    """As many as before, so that the index looks as if it were at the head."""
    node.cut(2)
    node.mine(2, actions=5)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    ("news", "statement"),
    [(new_blocks, "UPDATE"), (new_blocks, "INSERT"), (other_blocks, "DELETE FROM raw_logs")],
)
async def test_what_is_refused_is_tried_again_with_rows_read_anew(
    store: Store, second_store: Store, news: Callable[[FakeNode], None], statement: str
) -> None:
    node = FakeNode(81)
    node.mine(30, actions=5)
    following = indexer(store, node)
    running = asyncio.create_task(following.run())
    await following.wait_for(node.height)
    with refusing(store, statement, times=3) as refused:
        news(node)
        tip = node.tip.header.hash
        await until(lambda: running.done() or following.status.block_hash == tip)
        assert not running.done()
        assert len(refused) == 3
    assert following.status.error is None
    running.cancel()
    assert digest_of(store) == await clean_digest(second_store, node)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    ("news", "statement"),
    [(new_blocks, "INSERT INTO blocks"), (other_blocks, "DELETE FROM raw_logs")],
)
async def test_what_is_refused_again_and_again_is_told_again_and_again(
    store: Store,
    second_store: Store,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    news: Callable[[FakeNode], None],
    statement: str,
) -> None:
    monkeypatch.setattr(run_module, "REFUSALS", 4)
    node = FakeNode(82)
    node.mine(30, actions=5)
    following = indexer(store, node)
    running = asyncio.create_task(following.run())
    await following.wait_for(node.height)
    cursor = derived.cursor

    def loud() -> list[str]:
        return [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR]

    with refusing(store, statement, times=10**6):
        news(node)
        await until(lambda: running.done() or following.status.error is not None)
        with store.write() as conn:
            conn.execute(update(cursor).values(updated_at=1))
        await until(lambda: running.done() or len(loud()) > 1)
        assert not running.done()
        assert [said.split(":")[1] for said in loud()][:2] == [
            " 4 times in a row the database refuses the next blocks",
            " 8 times in a row the database refuses the next blocks",
        ]
        assert TAKEN in str(following.status.error)
        assert not following.caught_up
        with store.read() as conn:
            # no sign of life: /ready says so, whoever asks
            assert conn.execute(select(cursor.c.updated_at)).scalar_one() == 1
    tip = node.tip.header.hash
    await until(lambda: following.status.block_hash == tip)
    running.cancel()
    assert digest_of(store) == await clean_digest(second_store, node)


@pytest.mark.slow
async def test_an_owner_who_puts_the_place_meanwhile_is_waited_for_and_no_more(
    postgresql_server: Server, tmp_path: Path
) -> None:
    databases = Databases("postgresql", tmp_path, postgresql_server)
    store = databases.open()
    node = FakeNode(83)

    def mine(*verbs: Any) -> None:
        world: World = node.tip.world.copy()
        world.timestamp += 1
        node._add([log for verb in verbs for log in verb(world, node.rng)], world)

    mine(register, publish)
    following = indexer(store, node)
    await following.sync_once()
    with store.read() as conn:
        space, owner = conn.execute(select(derived.spaces.c.space_id, derived.spaces.c.owner)).one()
    place = {"public_lat": 1.5, "public_lon": 2.5, "updated_at": 1, "by_owner": owner}
    for verb in (manage, withdraw_offers):
        with store.write() as conn:
            conn.execute(kept.space_private.delete())
            conn.execute(insert(kept.space_private).values(space_id=space, **place))
            mine(verb)
            running = asyncio.create_task(following.sync_once())
            await asyncio.to_thread(until_waiting, store, 1)
        status = await running
        assert status.block_hash == node.tip.header.hash
        with store.read() as conn:
            found = conn.execute(select(space_points.c.lat, space_points.c.lon)).one()
        assert tuple(found) == (1.5, 2.5)
    assert digest_of(store) == await clean_digest(databases.open(), node)
    databases.close()
