"""New blocks are read at once, whoever announces them; nodes on real sockets come and go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from berth.chain.heads import Heads
from berth.chain.local import LocalChain, LocalChainOptions
from berth.chain.nodes import Nodes
from berth.chain.rpc import Rpc
from berth.core.errors import BerthError
from berth.indexer.digest import digest
from berth.indexer.run import Indexer
from berth.store import Store
from fake_http import Host, Net
from fake_node import FakeNode

from tests.backend.chain.station import station
from tests.backend.databases import Databases


async def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.002)


@asynccontextmanager
async def running(indexer: Indexer) -> AsyncIterator[None]:
    task = asyncio.create_task(indexer.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def indexer(store: Store, node: FakeNode, heads: Heads | None, **options: Any) -> Indexer:
    return Indexer(store, cast("Rpc", node), node.deployment, heads=heads, **options)


# ---- woken, not polled: polling would take an hour


async def test_an_announced_block_is_read_at_once(store: Store) -> None:
    node = FakeNode(1)
    node.mine(10)
    async with station() as announcer:
        heads = Heads([announcer.url])
        following = indexer(store, node, heads, poll=3600.0)
        async with running(following):
            await following.wait_for(node.height)
            await until(lambda: heads.live)
            for _ in range(10):
                node.mine()
                await announcer.announce(node.height)
                await following.wait_for(node.height, 60)


async def test_a_head_is_told_of_before_anything_of_it_is_in_the_tables(store: Store) -> None:
    node = FakeNode(2)
    node.mine(10)
    told: list[tuple[int, str, int]] = []

    def tell(number: int, block_hash: str) -> None:
        told.append((number, block_hash, following.status.block_number))

    following = indexer(store, node, None, on_head=tell)
    await following.sync_once()
    assert told == [(node.height, node.tip.header.hash, told[0][2])]
    assert told[0][2] < node.height
    await following.sync_once()
    assert len(told) == 1  # no news
    node.mine()
    await following.sync_once()
    assert told[1] == (node.height, node.tip.header.hash, node.height - 1)


async def test_a_block_announced_before_the_node_has_it_is_waited_for_closely(store: Store) -> None:
    node = FakeNode(2)
    node.mine(10)
    async with station() as announcer:
        heads = Heads([announcer.url])
        following = indexer(store, node, heads, poll=3600.0)
        async with running(following):
            await following.wait_for(node.height)
            await until(lambda: heads.live)
            await announcer.announce(node.height + 1)
            await asyncio.sleep(0.05)
            node.mine()
            await following.wait_for(node.height, 60)


async def test_an_announced_header_spares_a_question_and_is_not_believed_without_its_logs(
    store: Store, databases: Databases
) -> None:
    node = FakeNode(6)
    node.mine(10)
    host = Host(node)
    async with (
        station() as announcer,
        Rpc("http://only:8545", transport=Net(only=host), backoff=0.0) as rpc,
    ):
        heads = Heads([announcer.url])
        following = Indexer(store, rpc, node.deployment, heads=heads, finality=8, poll=3600.0)
        following._next_rehash = float("inf")  # it asks for blocks, too
        async with running(following):
            await following.wait_for(node.height)
            await until(lambda: heads.live and following.caught_up)
            for lie in ("none", "fork", "absent", "empty"):
                header = None
                while header is None or not node.tip.logs:
                    node.mine(1, actions=6)
                    header = msgspec.to_builtins(node.tip.header)
                    if not node.tip.logs:
                        following.wake()
                        await following.wait_for(node.height, 60)
                        await until(lambda: following.caught_up)
                host.calls.clear()
                if lie == "fork":  # another block at that height, of a node elsewhere
                    header = {**header, "hash": "0x" + "77" * 32}
                if lie == "empty":  # it gives no logs of a block that it has not got yet
                    host.lie = lambda method, params: (
                        {"result": []}
                        if method == "eth_getLogs" and "blockHash" in params[0]
                        else None
                    )
                if lie == "absent":
                    host.lag = 1
                await announcer.announce(node.height, header)
                if lie == "absent":
                    await until(lambda: host.calls["eth_getBlockByNumber"] >= 1)
                    host.lag = 0
                if lie == "empty":
                    await until(lambda: host.calls["eth_getBlockByNumber"] >= 1)
                    host.lie = None
                await following.wait_for(node.height, 60)
                await until(lambda: following.caught_up)
                assert following.status.block_hash == node.tip.header.hash
                if lie == "none":
                    assert host.calls["eth_getBlockByNumber"] == 0
                    assert host.calls["eth_getLogs"] == 1
        fresh = databases.open()
        await Indexer(fresh, rpc, node.deployment, finality=8).sync_once()
        with store.read() as one, fresh.read() as other:
            assert digest(one).sha256 == digest(other).sha256


async def test_polling_goes_on_where_announcements_do_not_come(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("berth.indexer.run.NUDGED_POLL_SECONDS", 0.05)
    node = FakeNode(3)
    node.mine(5)
    async with station() as announcer:
        following = indexer(store, node, Heads([announcer.url]), poll=0.01)
        async with running(following):
            for _ in range(3):
                node.mine()
                await following.wait_for(node.height, 60)
            await announcer.hang_up()
            node.mine()
            await following.wait_for(node.height, 60)
    following = indexer(store, node, Heads(["ws://127.0.0.1:9"]), poll=0.01)
    async with running(following):
        node.mine()
        await following.wait_for(node.height, 60)


async def test_whoever_knows_better_may_wake_the_index(store: Store) -> None:
    node = FakeNode(4)
    node.mine(5)
    following = indexer(store, node, None, poll=3600.0)
    async with running(following):
        await following.wait_for(node.height)
        await until(lambda: following.caught_up)
        node.mine()
        following.wake()
        await following.wait_for(node.height, 60)


async def test_the_end_takes_the_announcements_with_it(store: Store) -> None:
    node = FakeNode(5)
    before = asyncio.all_tasks()
    async with station() as announcer:
        during = asyncio.all_tasks()
        following = indexer(store, node, Heads([announcer.url]), poll=3600.0)
        stop = asyncio.Event()
        task = asyncio.create_task(following.run(stop))
        await following.wait_for(node.height)
        stop.set()
        await asyncio.wait_for(task, 10)
        await until(lambda: asyncio.all_tasks() <= during)
    await until(lambda: asyncio.all_tasks() == before)


# ---- real processes and sockets


class Wire:
    """A TCP way to a port that can be cut, or take everything and give nothing."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.url = ""
        self.cut = self.mute = False
        self._open: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.append(writer)
        if self.cut:
            writer.close()
            return
        there, back = await asyncio.open_connection("127.0.0.1", self.target)
        self._open.append(back)
        await asyncio.gather(
            self._pass(reader, back), self._pass(there, writer), return_exceptions=True
        )

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if not self.mute:
                writer.write(data)
                await writer.drain()
        writer.close()

    def drop(self) -> None:
        self.cut = True
        for writer in self._open:
            writer.close()
        self._open.clear()


@asynccontextmanager
async def wire(port: int) -> AsyncIterator[Wire]:
    made = Wire(port)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.close()
        made.drop()


@asynccontextmanager
async def ganache(folder: Path, chain_id: int = 1337) -> AsyncIterator[LocalChain]:
    options = LocalChainOptions(folder, port=0, block_time=0, chain_id=chain_id)
    local = await LocalChain.start(options)
    try:
        yield local
    finally:
        await local.stop()


@pytest.mark.slow
async def test_a_real_nodes_heads_arrive_as_they_are_mined(tmp_path: Path) -> None:
    async with ganache(tmp_path / "chain") as chain, Rpc(chain.url) as rpc:
        heads = Heads([f"ws://127.0.0.1:{chain.port}"], chain_id=1337)
        nudged = asyncio.Event()
        task = asyncio.create_task(heads.run(nudged.set))
        await until(lambda: heads.live)
        for _ in range(5):
            nudged.clear()
            await rpc.call("evm_mine")
            await asyncio.wait_for(nudged.wait(), 20)
        await until(lambda: heads.announced == 5)
        assert await rpc.block_number() == 5
        task.cancel()
        stranger = Heads([f"ws://127.0.0.1:{chain.port}"], chain_id=5)
        task = asyncio.create_task(stranger.run(nudged.set))
        await until(lambda: "of chain 1337" in str(stranger.report().why))
        task.cancel()


@pytest.mark.slow
async def test_real_nodes_are_left_and_returned_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("berth.chain.node_health.RETURN_SECONDS", 0.1)
    async with (
        ganache(tmp_path / "ours") as chain,
        ganache(tmp_path / "other", 5) as other,
        wire(chain.port) as first,
        Nodes([first.url, other.url, chain.url], timeout=3.0, backoff=0.01, probe=0.2) as nodes,
    ):
        assert await nodes.chain_id() == 1337
        for fault in ("cut", "mute"):
            if fault == "cut":
                first.drop()
            else:
                first.mute = True
            assert await nodes.block_number() == 0
            states = [report.state for report in nodes.report()]
            assert states == ["unreachable", "not ours", "well"]
            assert nodes.where == chain.url
            first.cut = first.mute = False
            first.drop()
            first.cut = False

            async def back() -> bool:
                await nodes.block_number()
                return nodes.where == first.url

            async with asyncio.timeout(60):
                while not await back():
                    await asyncio.sleep(0.05)
        first.drop()
        await chain.stop()
        with pytest.raises(BerthError, match="no other node can be used"):
            await nodes.block_number()
