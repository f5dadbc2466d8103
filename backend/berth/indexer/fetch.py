"""Reads ranges of blocks from the node: ahead of the writer, in order, checked for one chain.

Blocks that are final come as logs and the few headers around them. Of every block that is not
final the header comes too, so that each is held against its parent and a reorg finds its ancestor.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from berth.chain.rpc import NodeUnreachableError, Rpc, RpcError
from berth.chain.wire import Block, Log
from berth.core.errors import BerthError
from berth.core.hashing import keccak
from berth.indexer.project import RawLog

#: Blocks of a final range: to begin with, at most, and of one that is not final.
FIRST_RANGE = 500
LARGEST_RANGE = 10_000
UNFINAL_RANGE = 64
#: Ranges under way at once.
READ_AHEAD = 3
#: A range is widened while it takes less than this and brings fewer logs.
QUICK_SECONDS = 1.0
FEW_LOGS = 2_000


class ChainMovedError(BerthError):
    """The node's answers do not fit one chain: it changed its mind in between. Ask again."""

    def __init__(self, what: str) -> None:
        super().__init__("index.chain_moved", f"the chain moved while it was read: {what}")


@dataclass(frozen=True, slots=True)
class Header:
    """What is kept of a block. `timestamp` is Unix seconds UTC."""

    number: int
    hash: str
    parent_hash: str
    timestamp: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Blocks first to last: their logs in chain order, the headers known of them by number.

    The headers of the first, the last and all blocks with logs are always there; of a batch above
    `final_number` all are. `head` is the node's newest block when the range was planned.
    """

    first: int
    last: int
    headers: dict[int, Header]
    logs: list[RawLog]
    head: Header
    final_number: int


class Fetcher:
    """Ranges of one node's logs of some contracts."""

    def __init__(self, rpc: Rpc, addresses: Sequence[str]) -> None:
        self._rpc = rpc
        self._addresses = [address.lower() for address in addresses]
        self._blooms = [_bloom_bits(address) for address in self._addresses]
        self._size = FIRST_RANGE

    async def batches(self, first: int, head: Header, finality: int) -> AsyncGenerator[Batch, None]:
        """Batches from `first` to the head, in order, fetched ahead.

        Raises ChainMovedError, NodeUnreachableError, RpcError.
        """
        final = max(head.number - finality, -1)
        planned: deque[asyncio.Task[Batch]] = deque()
        following = first
        try:
            while following <= head.number or planned:
                while following <= head.number and len(planned) < READ_AHEAD:
                    size = self._size if following <= final else UNFINAL_RANGE
                    limit = final if following <= final else head.number
                    last = min(following + size - 1, limit)
                    planned.append(asyncio.create_task(self._range(following, last, head, final)))
                    following = last + 1
                yield await planned.popleft()
        finally:
            for task in planned:
                task.cancel()
            await asyncio.gather(*planned, return_exceptions=True)

    async def _range(self, first: int, last: int, head: Header, final: int) -> Batch:
        began = time.monotonic()
        logs = await self._logs(first, last)
        if last <= final:
            numbers = sorted({first, last, *(log.block_number for log in logs)})
        else:
            numbers = list(range(first, last + 1))
        blocks = await self._rpc.blocks(numbers)
        headers: dict[int, Header] = {}
        for number, block in zip(numbers, blocks, strict=True):
            if block is None:
                raise ChainMovedError(f"block {number} is gone")
            headers[number] = header_of(block)
        _check_links(headers)
        if last > final:
            logs = await self._complete(logs, [b for b in blocks if b is not None])
        raw = [_raw(log) for log in logs]
        for log in raw:
            if log.block_hash != headers[log.block_number].hash:
                raise ChainMovedError(f"a log of block {log.block_number} is of another block")
        if len(raw) > 2 * FEW_LOGS:
            self._size = max(1, self._size // 2)
        elif last <= final and len(raw) < FEW_LOGS and time.monotonic() - began < QUICK_SECONDS:
            self._size = min(self._size * 2, LARGEST_RANGE)
        return Batch(first, last, headers, raw, head, final)

    async def _logs(self, first: int, last: int) -> list[Log]:
        """Logs of a range; one that the node finds too large is asked in halves."""
        try:
            return await self._rpc.logs(first, last, self._addresses)
        except (RpcError, NodeUnreachableError):
            if first == last:
                raise
        self._size = max(1, (last - first + 1) // 2)
        middle = (first + last) // 2
        return await self._logs(first, middle) + await self._logs(middle + 1, last)

    async def _complete(self, logs: list[Log], blocks: list[Block]) -> list[Log]:
        """Logs that a block's bloom filter promises and the range left out are asked for by hash.

        Nodes behind a load balancer answer eth_getLogs with nothing for blocks they lack.
        """
        present = {log.block_number for log in logs}
        missing = [
            block
            for block in blocks
            if block.number not in present and self._may_hold(block.logs_bloom)
        ]
        for block in missing:
            try:
                logs = logs + await self._rpc.block_logs(block.hash, self._addresses)
            except RpcError as error:
                raise ChainMovedError(f"block {block.number}: {error.text}") from error
        return sorted(logs, key=lambda log: (log.block_number, log.log_index))

    def _may_hold(self, bloom: str) -> bool:
        if len(bloom) != 514:
            return False
        bits = int(bloom, 16)
        return any(bits & mask == mask for mask in self._blooms)


def header_of(block: Block) -> Header:
    """A node's block as it is kept."""
    return Header(block.number, block.hash.lower(), block.parent_hash.lower(), block.timestamp)


def _check_links(headers: dict[int, Header]) -> None:
    for number, header in headers.items():
        if header.number != number:
            raise ChainMovedError(f"asked for block {number}, given {header.number}")
        parent = headers.get(number - 1)
        if parent is not None and parent.hash != header.parent_hash:
            raise ChainMovedError(f"block {number} does not follow block {number - 1}")


def _raw(log: Log) -> RawLog:
    if log.removed:
        raise ChainMovedError(f"a log of block {log.block_number} was removed")
    return RawLog(
        log.block_number,
        log.log_index,
        log.block_hash.lower(),
        log.transaction_hash.lower(),
        log.transaction_index,
        log.address.lower(),
        tuple(topic.lower() for topic in log.topics),
        log.data,
    )


def _bloom_bits(address: str) -> int:
    """The three bits that an address sets in a block's 2048-bit filter."""
    digest = keccak(bytes.fromhex(address[2:]))
    mask = 0
    for place in (0, 2, 4):
        mask |= 1 << (int.from_bytes(digest[place : place + 2]) & 0x7FF)
    return mask
