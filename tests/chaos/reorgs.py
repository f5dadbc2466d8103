"""Reorgs of a real node under load: the last blocks go, others with the same transactions come.

Ganache goes back to a snapshot and mines again; what was in the blocks that went is sent again as
nodes do it from their pool: at once, a block later, or, for the backend's own last transactions,
not at all, so that it is the backend that has to notice. Drivers' transactions always come back.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from berth.chain.contracts import Contracts
from berth.chain.rawtx import raw_transaction
from berth.chain.rpc import NodeUnreachableError, Rpc, RpcError
from berth.core.deployment import Deployment
from berth.core.ids import lease_hex

from tests.chaos.programs import Node

#: Blocks that a reorg takes out: far fewer than the 64 of finality, most deeper than the two
#: confirmations that a bar waits for.
DEPTHS = (1, 1, 2, 2, 3, 4, 6, 8, 12)
#: Seconds between one and the preparations of the next.
_PAUSE = (1.0, 6.0)


@dataclass
class Reorgs:
    """What was done. `confirmed` holds, of leases whose booking was taken out, when it had been
    deep enough: lease -> Unix seconds. `dropped` counts transactions that did not come back."""

    depths: list[int] = field(default_factory=list)
    replayed: int = 0
    dropped: int = 0
    confirmed: dict[str, list[int]] = field(default_factory=dict)


class Reorganiser:
    """Rewrites the end of a node's chain, by a seed, until told to stop. `base` is the block that
    the next reorg leaves, None while none is prepared."""

    def __init__(
        self,
        node: Node,
        deployment: Deployment,
        drivers: Iterable[str],
        confirmations: int,
        chance: random.Random,
    ) -> None:
        self.reorgs = Reorgs()
        self._node = node
        self._drivers = frozenset(drivers)
        self._market = deployment.market
        self._leased = "0x" + Contracts.of(deployment).market.abi.events["Leased"].topic.hex()
        self._confirmations = confirmations
        self._chance = chance
        self._guarded = 0
        self.base: int | None = None

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await asyncio.sleep(self._chance.uniform(*_PAUSE))
            await self.once(
                self._chance.choice(DEPTHS),
                late=self._chance.random() < 0.3,
                drop=self._chance.random() < 0.5,
            )

    async def once(self, depth: int, *, late: bool = False, drop: bool = False) -> bool:
        """Takes `depth` blocks out once that many have come; False when the node died meanwhile,
        and the snapshot with it. `late`: an empty block comes before the transactions do. `drop`:
        those of the backend that nothing of a driver comes after do not come back."""
        life = self._node.life
        async with Rpc(self._node.url, retries=0, timeout=20.0) as rpc:
            try:
                if self._guarded != life:
                    await self._guard(rpc)
                    self._guarded = life
                snapshot, base = await self._snapshot(rpc)
                self.base = base
                while await rpc.block_number() < base + depth:
                    await asyncio.sleep(0.1)
            except NodeUnreachableError:
                # killed, and nothing asks it before it is there again
                await asyncio.sleep(0.5)
                return False
            finally:
                self.base = None
            async with self._node.whole:
                if self._node.life != life or not self._node.lives:
                    return False
                await self._switch(rpc, snapshot, base, late=late, drop=drop)
        return True

    async def _guard(self, rpc: Rpc) -> None:
        """Has Ganache list all further blocks. Without a snapshot that stays it lists them from one
        to the next, misses the block under a snapshot or keeps it in the list, and going back from
        a later one then takes that old block out of its database."""
        await rpc.call("evm_snapshot")
        first = await rpc.block_number()
        while await rpc.block_number() < first + 2:
            await asyncio.sleep(0.1)

    async def _snapshot(self, rpc: Rpc) -> tuple[str, int]:
        await rpc.call("miner_stop")
        try:
            return str(await rpc.call("evm_snapshot")), await rpc.block_number()
        finally:
            await rpc.call("miner_start")

    async def _switch(self, rpc: Rpc, snapshot: str, base: int, *, late: bool, drop: bool) -> None:
        await rpc.call("miner_stop")
        # a block that was being made under the snapshot counts for `base`, yet goes as well
        old = await _blocks(rpc, base)
        # the first of the new blocks has another timestamp, and with it all another hash
        await asyncio.sleep(max(0.0, _seconds(old[1]) + 1 - time.time()))
        await self._remember(rpc, old)
        bundles = await self._bundles(rpc, old, drop=drop)
        assert await rpc.call("evm_revert", snapshot) is True
        kept = await rpc.block_number() - base + 1
        assert kept in (0, 1), f"the snapshot at {base} went back to {base + kept - 1}"
        base, old, bundles = base + kept - 1, old[kept:], bundles[kept:]
        replayed = sum(len(bundle) for bundle in bundles)
        self.reorgs.replayed += replayed
        self.reorgs.dropped += sum(len(block["transactions"]) for block in old) - replayed
        moment = _seconds(old[0]) + 1
        for bundle in [[], *bundles] if late else [*bundles, []]:
            for raw in bundle:
                await _send(rpc, raw)
            await rpc.call("evm_mine", {"timestamp": min(moment, int(time.time())), "blocks": 1})
            moment += 1
        new = await _blocks(rpc, base + 1)
        assert len(new) > len(old), "what is not longer nobody would follow"
        await rpc.call("evm_setTime", int(time.time() * 1000))
        await rpc.call("miner_start")
        assert all(a["hash"] != b["hash"] for a, b in zip(old, new, strict=False))
        self.reorgs.depths.append(len(old))

    async def _bundles(
        self, rpc: Rpc, old: Sequence[dict[str, Any]], *, drop: bool
    ) -> list[list[bytes]]:
        """The transactions of each block that went, as they were signed."""
        every = [(number, one) for number, block in enumerate(old) for one in block["transactions"]]
        while drop and every and every[-1][1]["from"].lower() not in self._drivers:
            every.pop()
        bundles: list[list[bytes]] = [[] for _ in old]
        for number, one in every:
            raw = await raw_transaction(rpc, one["hash"])
            assert raw is not None, one
            bundles[number].append(raw)
        return bundles

    async def _remember(self, rpc: Rpc, old: Sequence[dict[str, Any]]) -> None:
        """Bookings that were deep enough for a bar to go down before they were taken out."""
        deep = len(old) - self._confirmations + 1
        for number, block in enumerate(old[: max(deep, 0)]):
            for one in block["transactions"]:
                receipt = await rpc.receipt(one["hash"])
                assert receipt is not None
                for log in receipt.logs:
                    if log.address.lower() == self._market and log.topics[:1] == [self._leased]:
                        lease = lease_hex(int(log.topics[1], 16))
                        when = _seconds(old[number + self._confirmations - 1])
                        self.reorgs.confirmed.setdefault(lease, []).append(when)


async def _send(rpc: Rpc, raw: bytes) -> None:
    """Back into the pool, where its sender may have been quicker: it is there already, or a dearer
    one in its place, or it has been mined again with the block before."""
    try:
        await rpc.call("eth_sendRawTransaction", "0x" + raw.hex())
    except RpcError as error:
        if not any(words in error.text for words in ("underpriced", "correct nonce")):
            raise


async def _blocks(rpc: Rpc, first: int) -> list[dict[str, Any]]:
    head = await rpc.block_number()
    return [
        await rpc.call("eth_getBlockByNumber", hex(number), True)
        for number in range(first, head + 1)
    ]


def _seconds(block: dict[str, Any]) -> int:
    return int(block["timestamp"], 16)
