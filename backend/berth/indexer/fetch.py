"""Reads ranges of blocks from the node: ahead of the writer, in order, checked for one chain.

Blocks that are final come as logs and the few headers around them. Of every block that is not
final the header comes too, so that each is held against its parent and a reorg finds its ancestor.

What is noticed: every log's block hash is held against the header of its block; a block whose
bloom filter promises logs of ours that a range left out is asked for by hash. Of final blocks
without logs only the first, the last and a few between are looked at that way: a node that hides
logs of such a block is not found out here, but by the projections' own sums or by `berth doctor`.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Sequence
from dataclasses import dataclass

from berth.chain.refusals import Refusal, suggested_width
from berth.chain.rpc import Rpc, RpcError
from berth.chain.wire import Block, Log
from berth.indexer.answers import Blooms, ChainMovedError, read_logs
from berth.indexer.project import RawLog
from berth.indexer.ranges import RangeSize

#: Blocks of a range that is not final.
UNFINAL_RANGE = 64
#: Ranges under way or waiting at once, and logs that they may hold together (about 1 kB each).
READ_AHEAD = 8
MOST_LOGS = 40_000
#: Logs of ranges that are there already and are handed over as one: fewer, larger commits.
JOINED_LOGS = 20_000
#: Headers looked at of a final range beside those of its logs.
SAMPLES = 6
#: A multi-block answer of a multiple of this many logs may be a silent cut.
ROUND_LOGS = 500


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


@dataclass
class _Planned:
    """A range under way: `logs` is how many it will hold, a guess until it is there."""

    task: asyncio.Task[Batch]
    guess: float

    @property
    def ready(self) -> bool:
        done = self.task.done() and not self.task.cancelled()
        return done and self.task.exception() is None

    @property
    def logs(self) -> float:
        return len(self.task.result().logs) if self.ready else self.guess


class Fetcher:
    """Ranges of one node's logs of some contracts."""

    def __init__(self, rpc: Rpc, addresses: Sequence[str]) -> None:
        self._rpc = rpc
        self._addresses = [address.lower() for address in addresses]
        self._wanted = frozenset(self._addresses)
        self._blooms = Blooms(self._addresses)
        self._ranges = RangeSize()
        self._newest: Block | None = None
        self._hearsay = False

    def knows(self, newest: Block, *, hearsay: bool = False) -> None:
        """The newest block, which need not be asked for again. `hearsay`: somebody announced it;
        the node has yet to show that it has that very block."""
        self._newest, self._hearsay = newest, hearsay

    async def batches(self, first: int, head: Header, finality: int) -> AsyncGenerator[Batch, None]:
        """Batches from `first` to the head, in order, fetched ahead.

        Raises ChainMovedError, NodeUnreachableError, RpcError.
        """
        final = max(head.number - finality, -1)
        planned: deque[_Planned] = deque()
        following, held = first, 0
        try:
            while following <= head.number or planned:
                while following <= head.number and self._room(planned, held):
                    is_final = following <= final
                    size = self._ranges.size if is_final else UNFINAL_RANGE
                    last = min(following + size - 1, final if is_final else head.number)
                    guess = self._ranges.density * (last - following + 1)
                    reading = asyncio.create_task(self._range(following, last, head, final))
                    planned.append(_Planned(reading, guess))
                    following = last + 1
                await planned[0].task
                batch = _joined(planned, final)
                held = len(batch.logs)
                yield batch
                held = 0
        finally:
            for other in planned:
                other.task.cancel()
            await asyncio.gather(*(other.task for other in planned), return_exceptions=True)

    @staticmethod
    def _room(planned: deque[_Planned], held: int) -> bool:
        if len(planned) >= READ_AHEAD:
            return False
        return not planned or held + sum(other.logs for other in planned) < MOST_LOGS

    async def _range(self, first: int, last: int, head: Header, final: int) -> Batch:
        if last <= final:
            logs, blocks = await self._final_range(first, last)
        else:
            numbers = range(first, last + 1)
            announced = self._hearsay and first == last and self._is_newest(head)
            reading = self._newest_logs(head) if announced else self._logs(first, last)
            found, blocks = await _both(reading, self._blocks(numbers, head))
            logs = read_logs(found, first, last, self._wanted)
        headers = {number: header_of(block) for number, block in blocks.items()}
        _check_links(headers)
        logs = await self._complete(logs, blocks, first, last)
        for log in logs:
            if log.block_hash != headers[log.block_number].hash:
                raise ChainMovedError(f"a log of block {log.block_number} is of another block")
        return Batch(first, last, headers, logs, head, final)

    async def _final_range(self, first: int, last: int) -> tuple[list[RawLog], dict[int, Block]]:
        began = time.monotonic()
        found = await self._logs(first, last)
        self._ranges.answered(last - first + 1, len(found), time.monotonic() - began)
        logs = read_logs(found, first, last, self._wanted)
        numbers = {first, last, *(log.block_number for log in logs)}
        if len(numbers) < SAMPLES:
            step = max(1, (last - first) // SAMPLES)
            numbers.update(range(first, last, step))
        return logs, await self._blocks(sorted(numbers), None)

    async def _blocks(self, numbers: Sequence[int], head: Header | None) -> dict[int, Block]:
        """Headers by number; of the head the one that is at hand."""
        found: dict[int, Block] = {}
        newest = self._newest
        if head is not None and newest is not None and self._is_newest(head):
            found[head.number] = newest
        asked = [number for number in numbers if number not in found]
        for number, block in zip(
            asked, await self._rpc.blocks(asked) if asked else [], strict=True
        ):
            if block is None:
                raise ChainMovedError(f"block {number} is gone")
            found[number] = block
        return {number: found[number] for number in numbers}

    async def _logs(self, first: int, last: int) -> list[Log]:
        """Logs of a range; one that the node finds too large is asked for in parts."""
        left = [(first, last)]
        found: list[Log] = []
        while left:
            low, high = left.pop()
            if low < high and not self._ranges.fits(high - low + 1):
                cut = min(low + self._ranges.size, high)
                left += [(cut, high), (low, cut - 1)]
                continue
            try:
                part = await self._rpc.logs(low, high, self._addresses)
                if part and low < high and len(part) % ROUND_LOGS == 0:
                    part = await self._uncut(part, low, high)
            except RpcError as error:
                if error.refusal is not Refusal.RANGE or low == high:
                    raise self._told(error, high) from error
                width = self._ranges.refused(high - low + 1, suggested_width(error.text))
                left += [(low + width, high), (low, low + width - 1)]
                continue
            found += part
        return found

    def _is_newest(self, head: Header) -> bool:
        return self._newest is not None and self._newest.hash.lower() == head.hash

    async def _newest_logs(self, head: Header) -> list[Log]:
        """By hash: the node answers for that very block or not at all."""
        try:
            return await self._rpc.block_logs(head.hash, self._addresses)
        except RpcError as error:
            if error.refusal is Refusal.HISTORY:
                raise
            raise ChainMovedError(f"block {head.number}: {error.text}") from error

    async def _uncut(self, part: list[Log], low: int, high: int) -> list[Log]:
        """The same logs asked for in halves: more of them, when the node had cut its answer."""
        middle = (low + high) // 2
        halves = await self._logs(low, middle) + await self._logs(middle + 1, high)
        if len(halves) > len(part):
            self._ranges.refused(high - low + 1, None)
        return halves

    def _told(self, error: RpcError, high: int) -> Exception:
        """A block that the node does not know is a head that moved: look again where it is."""
        if error.refusal is Refusal.ABSENT:
            return ChainMovedError(f"blocks up to {high}: {error.text}")
        return error

    async def _complete(
        self, logs: list[RawLog], blocks: dict[int, Block], first: int, last: int
    ) -> list[RawLog]:
        """Logs that a block's bloom filter promises and the range left out are asked for by hash.

        Nodes behind a load balancer answer eth_getLogs with nothing for blocks they lack.
        """
        present = {log.block_number for log in logs}
        missing = [
            block
            for number, block in blocks.items()
            if number not in present and self._blooms.may_hold(block)
        ]
        if not missing:
            return logs
        if self._hearsay:
            raise ChainMovedError("a block that was announced came without its logs")
        found: list[Log] = []
        for block in missing:
            try:
                found += await self._rpc.block_logs(block.hash, self._addresses)
            except RpcError as error:
                if error.refusal is Refusal.HISTORY:
                    raise
                raise ChainMovedError(f"block {block.number}: {error.text}") from error
        more = read_logs(found, first, last, self._wanted)
        return sorted(logs + more, key=lambda log: log[:2])


def _joined(planned: deque[_Planned], final: int) -> Batch:
    """Takes the first batch out, and those after it that are there too, as far as all are final."""
    batches = [planned.popleft().task.result()]
    logs = len(batches[0].logs)
    while planned and planned[0].ready and batches[0].last <= final:
        following = planned[0].task.result()
        logs += len(following.logs)
        if logs > JOINED_LOGS or following.last > final or not _follows(batches[-1], following):
            break
        batches.append(following)
        planned.popleft()
    first, last = batches[0], batches[-1]
    if first is last:
        return first
    return Batch(
        first.first,
        last.last,
        {number: header for batch in batches for number, header in batch.headers.items()},
        [log for batch in batches for log in batch.logs],
        first.head,
        first.final_number,
    )


def _follows(batch: Batch, following: Batch) -> bool:
    return following.headers[following.first].parent_hash == batch.headers[batch.last].hash


async def _both(
    logs: Awaitable[list[Log]], blocks: Awaitable[dict[int, Block]]
) -> tuple[list[Log], dict[int, Block]]:
    """Two answers at the time of one; none is left under way when the other fails."""
    first, second = asyncio.ensure_future(logs), asyncio.ensure_future(blocks)
    try:
        return await first, await second
    finally:
        first.cancel()
        second.cancel()
        await asyncio.gather(first, second, return_exceptions=True)


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
