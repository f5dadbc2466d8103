"""The reorgs of the kill tests are reorgs: other blocks, the same transactions, or fewer."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from berth.chain.local import free_port
from berth.chain.rpc import Rpc
from berth.core.deployment import load_deployment

from tests.chaos.programs import Node
from tests.chaos.reorgs import Reorganiser
from tests.chaos.town import Town

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
DEPTH = 4


@asynccontextmanager
async def chain(town: Town, folder: Path) -> AsyncIterator[tuple[Node, Rpc, Reorganiser]]:
    """The town's node; the first of its accounts is a driver's."""
    home = town.copy(folder)
    node = Node(home / "chain", free_port())
    await node.start()
    try:
        async with Rpc(node.url, timeout=20.0) as rpc:
            driver = (await rpc.call("eth_accounts"))[0].lower()
            deployment = load_deployment(home / "deployment.json")
            yield node, rpc, Reorganiser(node, deployment, [driver], 2, random.Random(1))
    finally:
        await node.kill()


async def undone(rpc: Rpc, reorganiser: Reorganiser, **how: bool) -> tuple[list[Any], list[Any]]:
    """Receipts of a driver's and of the backend's transaction, before and after the reorg that
    takes both out."""
    accounts = await rpc.call("eth_accounts")
    reorg = asyncio.ensure_future(reorganiser.once(DEPTH, **how))
    while reorganiser.base is None:
        await asyncio.sleep(0.02)
    hashes = []
    for account in accounts[:2]:
        call = {"from": account, "to": accounts[2], "value": "0x1"}
        hashes.append(await rpc.call("eth_sendTransaction", call))
        while await rpc.receipt(hashes[-1]) is None:
            await asyncio.sleep(0.05)
    before = [await rpc.receipt(one) for one in hashes]
    assert await reorg
    return before, [await rpc.receipt(one) for one in hashes]


@pytest.mark.parametrize("late", [False, True])
def test_transactions_come_back_in_other_blocks(town: Town, tmp_path: Path, late: bool) -> None:
    async def play() -> None:
        async with chain(town, tmp_path) as (_, rpc, reorganiser):
            before, after = await undone(rpc, reorganiser, late=late)
            for old, new in zip(before, after, strict=True):
                assert new.succeeded
                assert new.block_hash != old.block_hash
                assert new.block_number == old.block_number + late
            assert reorganiser.reorgs.depths[0] >= DEPTH
            assert (reorganiser.reorgs.replayed, reorganiser.reorgs.dropped) == (2, 0)
            head = await rpc.block("latest")
            assert head is not None
            while (later := await rpc.block("latest")) is None or later.number == head.number:
                await asyncio.sleep(0.1)
            assert later.timestamp >= head.timestamp  # it mines on, and time does not go back

    asyncio.run(play())


def test_what_is_dropped_is_the_backends_and_not_a_drivers(town: Town, tmp_path: Path) -> None:
    async def play() -> None:
        async with chain(town, tmp_path) as (_, rpc, reorganiser):
            _, (drivers, backends) = await undone(rpc, reorganiser, drop=True)
            assert drivers.succeeded
            assert backends is None
            assert (reorganiser.reorgs.replayed, reorganiser.reorgs.dropped) == (1, 1)

    asyncio.run(play())


def test_a_node_that_is_killed_before_its_reorg_has_none(town: Town, tmp_path: Path) -> None:
    async def play() -> None:
        async with chain(town, tmp_path) as (node, _, reorganiser):
            reorg = asyncio.ensure_future(reorganiser.once(30))
            while reorganiser.base is None:
                await asyncio.sleep(0.02)
            async with node.whole:
                await node.kill()
            assert not await reorg
            assert reorganiser.reorgs.depths == []

    asyncio.run(play())
