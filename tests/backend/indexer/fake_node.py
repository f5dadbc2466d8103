"""A node in memory: its chain can be cut back and grown anew, and it can misbehave."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from berth.chain.rpc import NodeUnreachableError, RpcError
from berth.chain.wire import Block, Log
from berth.core.deployment import Deployment
from berth.core.hashing import keccak
from market_history import DEPLOYMENT, LogEntry, World, deploy_logs, random_logs

GENESIS_TIME = 1_800_000_000


@dataclass
class FakeBlock:
    header: Block
    logs: list[Log]
    world: World


class FakeNode:
    """Has the calls of `berth.chain.rpc.Rpc` that the indexer makes."""

    where = "memory"

    def __init__(self, seed: int = 0) -> None:
        self.rng = random.Random(seed)
        self._salt = 0
        self.chain: list[FakeBlock] = []
        self.unreachable = False
        self.largest_range = 10**9
        self.hidden_from_ranges: set[int] = set()
        self.finalized: int | None = None
        self.calls = 0
        self._add([], World(GENESIS_TIME))
        self.mine_empty()
        self._add(deploy_logs(), self.tip.world.copy())

    @property
    def tip(self) -> FakeBlock:
        return self.chain[-1]

    @property
    def height(self) -> int:
        return len(self.chain) - 1

    @property
    def deployment(self) -> Deployment:
        return replace(DEPLOYMENT, genesis_hash=self.chain[0].header.hash)

    # ---- making blocks

    def mine(self, blocks: int = 1, actions: int = 4) -> None:
        """Blocks with random verbs."""
        for _ in range(blocks):
            world = self.tip.world.copy()
            world.timestamp += self.rng.randint(1, 400)
            self._add(random_logs(world, self.rng, self.rng.randrange(actions + 1)), world)

    def mine_empty(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            world = self.tip.world.copy()
            world.timestamp += 1
            self._add([], world)

    def cut(self, depth: int) -> list[FakeBlock]:
        """Takes the newest blocks off; they are returned, so that they can come back."""
        gone = self.chain[len(self.chain) - depth :]
        del self.chain[len(self.chain) - depth :]
        return gone

    def _add(self, entries: list[LogEntry], world: World) -> None:
        number = len(self.chain)
        self._salt += 1
        parent = self.chain[-1].header.hash if self.chain else "0x" + "00" * 32
        hashed = "0x" + keccak(f"{parent}{number}{self._salt}".encode()).hex()
        bloom = 0
        logs = []
        for index, (address, topics, data) in enumerate(entries):
            digest = keccak(bytes.fromhex(address[2:]))
            for place in (0, 2, 4):
                bloom |= 1 << (int.from_bytes(digest[place : place + 2]) & 0x7FF)
            tx = "0x" + keccak(f"tx{hashed}{index // 2}".encode()).hex()
            logs.append(
                Log(
                    address, topics, "0x" + data.hex(), hex(number), hashed, tx,
                    hex(index // 2), hex(index),
                )
            )  # fmt: skip
        header = Block(hashed, parent, hex(number), hex(world.timestamp), f"0x{bloom:0512x}", "0x7")
        self.chain.append(FakeBlock(header, logs, world))

    def _finalized(self) -> Block | None:
        if self.finalized is None:
            raise RpcError("eth_getBlockByNumber", -39001, "finalized block not found", None)
        return self.chain[self.finalized].header

    # ---- answering

    def _answer(self) -> None:
        self.calls += 1
        if self.unreachable:
            raise NodeUnreachableError(self.where, "it is off")

    async def chain_id(self) -> int:
        self._answer()
        return DEPLOYMENT.chain_id

    async def code(self, address: str, block: int | str = "latest") -> bytes:
        height = self.height if block == "latest" else int(block)
        return b"\x60" if height >= 2 else b""

    async def block(self, which: int | str) -> Block | None:
        self._answer()
        if which == "latest":
            return self.tip.header
        if which == "finalized":
            return self._finalized()
        assert isinstance(which, int)
        return self.chain[which].header if which < len(self.chain) else None

    async def blocks(self, numbers: Sequence[int]) -> list[Block | None]:
        return [await self.block(number) for number in numbers]

    async def logs(self, first: int, last: int, addresses: Sequence[str]) -> list[Log]:
        self._answer()
        if last - first + 1 > self.largest_range:
            raise RpcError("eth_getLogs", -32005, "query returned too many results", None)
        return [
            log
            for block in self.chain[first : last + 1]
            for log in block.logs
            if log.address in addresses and block.header.number not in self.hidden_from_ranges
        ]

    async def block_logs(self, block_hash: str, addresses: Sequence[str]) -> list[Log]:
        self._answer()
        for block in self.chain:
            if block.header.hash == block_hash:
                return [log for log in block.logs if log.address in addresses]
        raise RpcError("eth_getLogs", -32000, "unknown block", None)
