"""Which block is final, and what becomes of blocks that are replaced without a sign."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from berth.chain import finality as finality_module
from berth.chain.finality import Finality
from berth.chain.local import LocalChain, LocalChainOptions
from berth.chain.nodes import Nodes
from berth.chain.rpc import Rpc, RpcError
from berth.core.errors import BerthError
from berth.indexer.cursor import read_cursor
from berth.indexer.digest import digest
from berth.indexer.run import Indexer
from berth.store import Store
from berth.store.derived import undo
from fake_http import Host, Net
from fake_node import FakeNode
from sqlalchemy import func, select

from tests.backend.databases import Databases

DEPTH = 8


def chain(blocks: int = 60, seed: int = 1) -> FakeNode:
    node = FakeNode(seed)
    node.mine(blocks, actions=5)
    return node


def indexer(store: Store, node: Any, deployment: Any, **options: Any) -> Indexer:
    given = {"finality": DEPTH, "poll": 0.001} | options
    return Indexer(store, cast("Rpc", node), deployment, **given)


def digest_of(store: Store) -> str:
    with store.read() as conn:
        return digest(conn).sha256


@pytest.mark.parametrize(
    ("tag", "head", "final"),
    [
        (None, 100, 92),  # no tag: by depth
        (100, 100, 92),  # the newest block: not believed
        (101, 100, 92),
        (99, 100, 92),  # nearer than the depth
        (93, 100, 92),
        (92, 100, 92),
        (91, 100, 91),  # further: believed
        (30, 100, 30),
        (0, 100, 92),  # the first block for ever: not believed
        (5, 10_005, 5),
        (5, 10_006, 9_998),  # too far to be true
        (None, 5, -1),  # a young chain
        (0, 5, -1),
    ],
)
async def test_a_tag_is_believed_where_it_is_sensible(
    tag: int | None, head: int, final: int
) -> None:
    class Tagged:
        async def block(self, which: str) -> Any:
            assert which == "finalized"
            return None if tag is None else type("Block", (), {"number": tag})()

    assert await Finality(cast("Rpc", Tagged()), DEPTH).number(head) == final


async def test_a_node_without_the_tag_is_not_asked_for_it_again_and_again() -> None:
    node = chain(20)
    finality = Finality(cast("Rpc", node), DEPTH)
    assert await finality.number(node.height) == node.height - DEPTH
    asked = node.calls
    for _ in range(5):
        await finality.number(node.height)
    assert node.calls == asked


async def test_what_is_known_of_the_tag_waits_for_no_node() -> None:
    node = chain(20)
    finality = Finality(cast("Rpc", node), DEPTH)
    assert finality.lately(node.height) is None
    known = await finality.number(node.height)
    asked = node.calls
    assert finality.lately(node.height) == known
    assert finality.lately(node.height + 1) == known + 1
    assert node.calls == asked


async def test_ganaches_tag_is_not_believed(tmp_path: Path) -> None:
    options = LocalChainOptions(tmp_path / "chain", port=0, block_time=0)
    local = await LocalChain.start(options)
    try:
        async with Rpc(local.url) as rpc:
            for _ in range(12):
                await rpc.call("evm_mine")
            head = await rpc.block_number()
            assert await Finality(rpc, DEPTH).number(head) == head - DEPTH
    finally:
        await local.stop()


async def test_the_undo_journal_reaches_down_to_the_tag(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finality_module, "TAG_SECONDS", 0.0)
    node = chain(60)
    node.finalized = 30
    following = indexer(store, node, node.deployment)
    status = await following.sync_once()
    assert status.final_number == 30
    with store.read() as conn:
        lowest = conn.execute(select(func.min(undo.c.block_number))).scalar_one()
    assert 30 < lowest < node.height - DEPTH
    node.cut(25)  # deeper than the depth, not deeper than the tag
    node.mine(26)
    status = await following.sync_once()
    assert status.caught_up
    assert status.reorgs == 1
    node.finalized = 40
    node.mine()
    assert (await following.sync_once()).final_number == 40
    node.finalized = 35  # what was final once stays final
    node.mine()
    assert (await following.sync_once()).final_number == 40
    node.cut(node.height - 38)
    node.mine(60)
    with pytest.raises(BerthError) as caught:
        await following.run()
    assert caught.value.code == "index.past_finality"


async def test_a_block_replaced_beneath_an_unmoved_head_is_found_and_taken_back(
    store: Store, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node behind a load balancer: the head looks the same, what lies beneath does not."""
    monkeypatch.setattr("berth.indexer.run.REHASH_SECONDS", 0.0)
    node = chain(40)
    following = indexer(store, node, node.deployment)
    await following.sync_once()
    stale = node.cut(4)
    node.mine(3, actions=5)
    node.chain.append(stale[-1])  # one node's head on another's blocks
    with pytest.raises(RpcError, match="contradicts itself"):
        await following.sync_once()
    del node.chain[-1]
    node.mine(1, actions=5)
    status = await following.sync_once()
    assert status.caught_up
    fresh = databases.open()
    await indexer(fresh, node, node.deployment).sync_once()
    assert digest_of(store) == digest_of(fresh)


async def test_every_unfinal_hash_is_compared_while_nothing_new_comes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("berth.indexer.run.REHASH_SECONDS", 0.0)
    node = chain(40)
    following = indexer(store, node, node.deployment)
    await following.sync_once()
    compared: list[int] = []
    honest = node.blocks

    async def watched(numbers: Any) -> Any:
        compared.extend(numbers)
        return await honest(numbers)

    monkeypatch.setattr(node, "blocks", watched)
    await following.sync_once()
    assert set(compared) == set(range(node.height - DEPTH, node.height + 1))


async def test_a_single_node_on_another_chain_past_finality_is_outvoted(store: Store) -> None:
    """One of two nodes was rewritten: the index stays with the other and does not stop."""
    good = chain(60)
    net = Net(first=Host(good), second=Host(good))
    async with Nodes(net.urls, good.deployment, transport=net, probe=0.0) as nodes:
        following = indexer(store, nodes, good.deployment)
        await following.sync_once()
        fork = FakeNode(1)
        fork.chain = list(good.chain)
        fork.cut(DEPTH + 5)
        fork.mine(DEPTH + 9)
        net.hosts["first"].node = fork
        good.mine(2)
        status = await following.sync_once()
        assert status.caught_up
        assert status.reorgs == 0
        assert status.block_hash == good.tip.header.hash
        assert [report.state for report in nodes.report()] == ["contradicts itself", "well"]
        # where both say so it is no lie
        net.hosts["second"].node = fork
        nodes._nodes[0].again_at = 0.0
        with pytest.raises(BerthError) as caught:
            await following.run()
        assert caught.value.code == "index.past_finality"
        assert caught.value.exit_code == 4
    with store.read() as conn:
        cursor = read_cursor(conn)
    assert cursor is not None
    assert cursor.block_hash == good.tip.header.hash
