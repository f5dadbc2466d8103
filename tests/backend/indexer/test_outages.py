"""What an index does while its node or its database is away, and when it is told to end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, cast

import msgspec
import pytest
from berth.chain.abi import load_abi
from berth.chain.nodes import Nodes
from berth.chain.rpc import NodeUnreachableError, Rpc
from berth.indexer.cursor import read_cursor
from berth.indexer.digest import digest
from berth.indexer.raw_logs import count_logs
from berth.indexer.run import Indexer
from berth.indexer.status import IndexStatus
from berth.store import Store
from fake_http import Host, Net
from fake_node import FakeNode
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from tests.backend.databases import Databases

FINALITY = 8


def chain(blocks: int = 60, seed: int = 1) -> FakeNode:
    node = FakeNode(seed)
    node.mine(blocks, actions=5)
    return node


def indexer(store: Store, rpc: Any, node: FakeNode, **options: Any) -> Indexer:
    given = {"finality": FINALITY, "poll": 0.001} | options
    return Indexer(store, cast("Rpc", rpc), node.deployment, **given)


def digest_of(store: Store) -> str:
    with store.read() as conn:
        return digest(conn).sha256


async def clean_digest(databases: Databases, node: FakeNode) -> str:
    fresh = databases.open()
    await indexer(fresh, node, node).sync_once()
    return digest_of(fresh)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.002)


# ---- the database


async def test_a_database_that_is_away_is_waited_out(
    store: Store, databases: Databases, caplog: pytest.LogCaptureFixture
) -> None:
    node = chain()
    away = False

    def refuse(*_: Any) -> None:
        if away:
            raise OperationalError("SELECT 1", {}, Exception("the server closed the connection"))

    event.listen(store.engine, "before_cursor_execute", refuse)
    following = indexer(store, node, node)
    stop = asyncio.Event()
    running = asyncio.create_task(following.run(stop))
    await following.wait_for(node.height, 60)
    away = True
    node.mine(3, actions=5)
    await until(lambda: following.status.error is not None)
    assert "closed the connection" in str(following.status.error)
    assert not following.caught_up
    assert not running.done()
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len([w for w in warnings if "database" in w.getMessage()]) == 1  # said once
    away = False
    status = await following.wait_for(node.height, 60)
    assert status.error is None
    stop.set()
    await running
    event.remove(store.engine, "before_cursor_execute", refuse)
    assert digest_of(store) == await clean_digest(databases, node)


@pytest.mark.parametrize("nth", [1, 2, 4])
async def test_a_connection_lost_at_a_commit_that_happened_applies_nothing_twice(
    store: Store, databases: Databases, nth: int
) -> None:
    node = chain()
    commits = 0

    def lost(conn: Any) -> None:
        nonlocal commits
        commits += 1
        if commits == nth:
            conn.connection.driver_connection.commit()  # it did happen; the answer is lost
            raise OperationalError("COMMIT", {}, Exception("connection lost"))

    event.listen(store.engine, "commit", lost)
    following = indexer(store, node, node)
    stop = asyncio.Event()
    running = asyncio.create_task(following.run(stop))
    await following.wait_for(node.height, 60)
    node.mine(5, actions=5)
    await following.wait_for(node.height, 60)
    await until(lambda: following.caught_up)
    stop.set()
    await running
    event.remove(store.engine, "commit", lost)
    assert commits > nth
    assert digest_of(store) == await clean_digest(databases, node)
    with store.read() as conn:
        held = count_logs(conn)
    deployed = node.deployment.block
    assert held == sum(len(block.logs) for block in node.chain[deployed:])


# ---- nodes


async def test_a_backfill_goes_on_at_the_next_node_when_one_ends_in_the_middle(
    store: Store, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("berth.indexer.ranges.FIRST_RANGE", 10)
    monkeypatch.setattr("berth.indexer.ranges.LARGEST_RANGE", 10)
    monkeypatch.setattr("berth.indexer.read_ahead.JOINED_LOGS", 0)
    node = chain(200)
    net = Net(first=Host(node), second=Host(node))
    first = net.hosts["first"]

    def dies(method: str, _params: list[Any]) -> None:
        if first.calls["eth_getLogs"] > 6:
            first.down = True

    first.lie = dies
    async with Nodes(net.urls, node.deployment, transport=net, backoff=0.0, probe=0.0) as nodes:
        status = await indexer(store, nodes, node).sync_once()
        assert status.caught_up
        assert [report.state for report in nodes.report()] == ["unreachable", "well"]
    assert digest_of(store) == await clean_digest(databases, node)


async def test_a_node_that_turns_to_another_chain_gives_way_and_the_index_goes_on(
    store: Store, databases: Databases
) -> None:
    node, other = chain(), FakeNode(seed=99)
    other.cut(other.height)
    other.mine_empty(node.height + 3)
    net = Net(first=Host(node), second=Host(node))
    async with Nodes(net.urls, node.deployment, transport=net, backoff=0.0, probe=0.0) as nodes:
        following = indexer(store, nodes, node)
        stop = asyncio.Event()
        running = asyncio.create_task(following.run(stop))
        await following.wait_for(node.height, 60)
        net.hosts["first"].node, net.hosts["first"].chain_id = other, 4242
        node.mine(3, actions=5)
        await following.wait_for(node.height, 60)
        assert not running.done()
        first, second = nodes.report()
        assert first.state in ("not ours", "contradicts itself")
        assert (second.state, second.used) == ("well", True)
        stop.set()
        await running
    assert digest_of(store) == await clean_digest(databases, node)


async def test_a_pruned_node_gives_way_to_one_with_the_history(
    store: Store, databases: Databases
) -> None:
    """It answers old ranges with no logs at all, and has forgotten old states."""
    node = chain()
    net = Net(first=Host(node), second=Host(node))

    def pruned(method: str, params: list[Any]) -> dict[str, Any] | None:
        if method == "eth_getLogs":
            return {"result": []}
        if method == "eth_getCode" and params[1] != "latest":
            return {"error": {"code": -32000, "message": "missing trie node 12ab (path )"}}
        return None

    net.hosts["first"].lie = pruned
    async with Nodes(net.urls, node.deployment, transport=net, backoff=0.0, probe=0.0) as nodes:
        following = indexer(store, nodes, node)
        stop = asyncio.Event()
        running = asyncio.create_task(following.run(stop))
        await following.wait_for(node.height, 60)
        stop.set()
        await running
        assert nodes.report()[0].state == "lacks history"
    assert digest_of(store) == await clean_digest(databases, node)


async def test_a_pruned_node_alone_is_named_and_nothing_is_indexed_from_it(store: Store) -> None:
    node = chain()
    host = Host(node)
    host.lie = lambda method, _: {"result": []} if method == "eth_getLogs" else None
    net = Net(only=host)
    async with Nodes(net.urls, node.deployment, transport=net, backoff=0.0) as nodes:
        following = indexer(store, nodes, node)
        running = asyncio.create_task(following.run())
        await until(lambda: "lacks the logs of the deployment" in str(following.status.error))
        assert not running.done()
        host.lie = None
        await following.wait_for(node.height, 60)
        running.cancel()


async def test_a_node_that_contradicts_itself_gives_way(store: Store, databases: Databases) -> None:
    node = chain()
    net = Net(first=Host(node), second=Host(node))

    def lies(method: str, params: list[Any]) -> dict[str, Any] | None:
        if method == "eth_getBlockByNumber" and params[0] == hex(node.height - 3):
            return {"result": None}
        return None

    net.hosts["first"].lie = lies
    async with Nodes(net.urls, node.deployment, transport=net, backoff=0.0, probe=0.0) as nodes:
        following = indexer(store, nodes, node)
        running = asyncio.create_task(following.run())
        await following.wait_for(node.height, 60)
        running.cancel()
        assert nodes.report()[0].state == "contradicts itself"
        assert "is gone" in str(nodes.report()[0].why)
    assert digest_of(store) == await clean_digest(databases, node)


async def test_logs_that_make_no_sense_are_asked_of_another_node(
    store: Store, databases: Databases
) -> None:
    """A log that later ones build on is left out of a final range."""
    node = chain(120)
    settled = "0x" + load_abi("ParkingMarket").events["Settled"].topic.hex()
    booked = "0x" + load_abi("ParkingMarket").events["Leased"].topic.hex()
    lease = next(log.topics[1] for b in node.chain for log in b.logs if log.topics[0] == settled)
    net = Net(first=Host(node), second=Host(node))

    def leaves_out(method: str, params: list[Any]) -> dict[str, Any] | None:
        if method != "eth_getLogs" or "blockHash" in params[0]:
            return None
        first, last = int(params[0]["fromBlock"], 16), int(params[0]["toBlock"], 16)
        logs = [log for b in node.chain[first : last + 1] for log in b.logs]
        kept = [log for log in logs if log.topics[:2] != [booked, lease]]
        return {"result": msgspec.to_builtins(kept)}

    net.hosts["first"].lie = leaves_out
    async with Nodes(net.urls, node.deployment, transport=net, backoff=0.0, probe=0.0) as nodes:
        following = indexer(store, nodes, node)
        running = asyncio.create_task(following.run())
        await following.wait_for(node.height, 60)
        running.cancel()
        assert nodes.report()[0].state == "contradicts itself"
        assert "gap" in str(nodes.report()[0].why)
    assert digest_of(store) == await clean_digest(databases, node)


async def test_a_node_that_turns_to_another_chain_gives_way_at_the_next_look(
    store: Store,
) -> None:
    node = chain(20)
    net = Net(first=Host(node), second=Host(node))
    async with Nodes(net.urls, node.deployment, transport=net, backoff=0.0, probe=0.0) as nodes:
        following = indexer(store, nodes, node)
        await following.sync_once()
        net.hosts["first"].chain_id = 5
        net.hosts["first"].node = FakeNode(9)
        following._verified = False  # as after any trouble
        node.mine(2)
        status = await following.sync_once()
        assert status.block_hash == node.tip.header.hash
        assert [report.state for report in nodes.report()] == ["not ours", "well"]


async def test_where_every_node_is_away_the_index_waits_and_says_so(store: Store) -> None:
    node = chain(10)
    net = Net(first=Host(node), second=Host(node))
    async with Nodes(net.urls, node.deployment, transport=net, backoff=0.0, probe=0.0) as nodes:
        following = indexer(store, nodes, node)
        await following.sync_once()
        net.hosts["first"].down = net.hosts["second"].down = True
        with pytest.raises(NodeUnreachableError, match="no other node can be used"):
            await following.sync_once()
        net.hosts["second"].down = False
        node.mine()
        running = asyncio.create_task(following.run())
        await following.wait_for(node.height, 60)
        running.cancel()


# ---- from history to the present


async def test_blocks_that_come_and_go_during_the_backfill_are_neither_lost_nor_kept(
    store: Store, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chain grows, and its newest blocks are replaced, while history is still read."""
    monkeypatch.setattr("berth.indexer.ranges.FIRST_RANGE", 10)
    monkeypatch.setattr("berth.indexer.ranges.LARGEST_RANGE", 10)
    monkeypatch.setattr("berth.indexer.read_ahead.JOINED_LOGS", 0)
    node = chain(150)
    host = Host(node)
    reorgs = 0

    def lives(method: str, _params: list[Any]) -> None:
        nonlocal reorgs
        if method != "eth_getLogs":
            return
        if host.calls["eth_getLogs"] % 3 == 0 and node.height < 260:
            node.mine(node.rng.randint(1, 3), actions=5)
        if host.calls["eth_getLogs"] % 5 == 0 and reorgs < 6:
            reorgs += 1
            node.cut(node.rng.randint(1, FINALITY - 1))
            node.mine(node.rng.randint(1, FINALITY), actions=5)

    host.lie = lives
    net = Net(only=host)
    async with Nodes(net.urls, node.deployment, transport=net, backoff=0.0) as nodes:
        following = indexer(store, nodes, node)
        running = asyncio.create_task(following.run())
        await until(lambda: following.caught_up)
        assert reorgs >= 1
        while reorgs < 6:
            node.mine(2, actions=5)
            await asyncio.sleep(0.01)
        host.lie = None
        node.mine()
        await following.wait_for(node.height, 60)
        await until(lambda: following.caught_up)
        running.cancel()
    assert digest_of(store) == await clean_digest(databases, node)


@pytest.mark.parametrize("seed", range(4))
async def test_a_reorg_at_the_hand_over_is_followed(
    store: Store, databases: Databases, seed: int
) -> None:
    """The node's newest blocks are replaced after the range was planned, before it is written."""
    node = chain(40, seed)
    host = Host(node)
    done = False

    def replaces(method: str, params: list[Any]) -> None:
        nonlocal done
        last = method == "eth_getLogs" and int(params[0].get("toBlock", "0x0"), 16) == node.height
        if last and not done:
            done = True
            node.cut(1 + seed)
            node.mine(seed, actions=5)  # shorter than before, at first

    host.lie = replaces
    net = Net(only=host)
    async with Nodes(net.urls, node.deployment, transport=net, backoff=0.0) as nodes:
        following = indexer(store, nodes, node)
        await following.sync_once()
        node.mine(2, actions=5)
        assert (await following.sync_once()).caught_up
    assert done
    assert digest_of(store) == await clean_digest(databases, node)


# ---- progress, and the end


async def test_progress_is_told_with_rate_and_time_left(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("berth.indexer.ranges.FIRST_RANGE", 10)
    monkeypatch.setattr("berth.indexer.ranges.LARGEST_RANGE", 10)
    monkeypatch.setattr("berth.indexer.read_ahead.JOINED_LOGS", 0)
    monkeypatch.setattr("berth.indexer.status.SAY_SECONDS", 0.0)
    caplog.set_level(logging.INFO)
    node = chain(200)
    told: list[IndexStatus] = []
    commits: list[int] = []
    following = indexer(
        store,
        node,
        node,
        on_progress=told.append,
        on_commit=lambda: commits.append(following.status.block_number),
    )
    assert following.status.phase == "starting"
    await following.sync_once()
    reading = [status for status in told if status.phase == "backfill"]
    assert len(reading) > 10
    assert reading[0].progress == 0.0
    assert reading[0].eta_seconds is None
    shares = [status.progress for status in reading]
    assert shares == sorted(shares)
    middle = reading[len(reading) // 2]
    assert middle.events_per_second > 0
    assert middle.blocks_per_second > 0
    assert middle.eta_seconds is not None
    assert middle.eta_seconds == pytest.approx(middle.lag / middle.blocks_per_second)
    last = following.status
    assert (last.phase, last.progress, last.eta_seconds, last.lag) == ("live", 1.0, 0.0, 0)
    assert len(commits) == 1  # at the head only
    lines = [record.getMessage() for record in caplog.records]
    assert any("reading history: block" in line and "events/s" in line for line in lines)
    assert any(f"history read up to block {node.height}" in line for line in lines)
    node.cut(2)
    node.mine(3)
    await following.sync_once()
    assert len(commits) == 3  # a rollback, and what came instead


async def test_an_index_that_is_told_to_end_ends_between_two_ranges(
    store: Store, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("berth.indexer.ranges.FIRST_RANGE", 5)
    monkeypatch.setattr("berth.indexer.ranges.LARGEST_RANGE", 5)
    monkeypatch.setattr("berth.indexer.read_ahead.JOINED_LOGS", 0)
    node = chain(300)
    stop = asyncio.Event()
    tasks = asyncio.all_tasks()

    def end_soon(status: IndexStatus) -> None:
        if status.block_number > 40:
            stop.set()

    following = indexer(store, node, node, on_progress=end_soon)
    await asyncio.wait_for(following.run(stop), 60)
    assert 40 < following.status.block_number < 100
    assert asyncio.all_tasks() == tasks
    with store.read() as conn:
        cursor = read_cursor(conn)
    assert cursor is not None
    assert cursor.block_number == following.status.block_number
    await indexer(store, node, node).sync_once()
    assert digest_of(store) == await clean_digest(databases, node)


async def test_an_index_that_is_cancelled_leaves_a_whole_commit(
    store: Store, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("berth.indexer.ranges.FIRST_RANGE", 5)
    monkeypatch.setattr("berth.indexer.ranges.LARGEST_RANGE", 5)
    monkeypatch.setattr("berth.indexer.read_ahead.JOINED_LOGS", 0)
    node = chain(200)
    for wait in (0.0, 0.01, 0.03):
        running = asyncio.create_task(indexer(store, node, node).run())
        await asyncio.sleep(wait)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    await indexer(store, node, node).sync_once()
    assert digest_of(store) == await clean_digest(databases, node)
