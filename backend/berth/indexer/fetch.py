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
from collections.abc import AsyncGenerator, Awaitable, Sequence
from dataclasses import dataclass

from berth.chain.refusals import Refusal, suggested_width
from berth.chain.rpc import CutError, Rpc, RpcError
from berth.chain.wire import Block, Log
from berth.indexer.answers import Blooms, ChainMovedError, read_logs
from berth.indexer.batch import Batch, Header, header_of
from berth.indexer.ranges import RangeSize
from berth.indexer.raw_logs import RawLog
from berth.indexer.read_ahead import ReadAhead

#: Headers looked at of a final range beside those of its logs.
SAMPLES = 6
#: A multi-block answer of a multiple of this many logs may be a silent cut.
ROUND_LOGS = 500


@dataclass(frozen=True, slots=True)
class _Answer:
    """Logs up to a block: the end of what was asked for, or where the answer was cut. `density`:
    logs a block to reckon with from there on."""

    logs: list[Log]
    last: int
    density: float


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

        async def read(low: int, high: int) -> Batch | None:
            return await self._range(low, high, head, final)

        ahead = ReadAhead(read, self._ranges, first, head.number, final)
        try:
            while (batch := await ahead.next()) is not None:
                yield batch
        finally:
            await ahead.close()

    async def _range(self, first: int, last: int, head: Header, final: int) -> Batch | None:
        """The blocks from `first` on, to `last` or to where the answer was cut. None: it was too
        much for the node."""
        began = time.monotonic()
        if last <= final:
            found = await self._logs(first, last)
            blocks = None
        else:
            announced = self._hearsay and first == last and self._is_newest(head)
            reading = self._newest_logs(head) if announced else self._logs(first, last)
            found, blocks = await _both(reading, self._blocks(range(first, last + 1), head))
        if found is None:
            return None
        last = found.last
        seconds = time.monotonic() - began
        self._ranges.answered(last - first + 1, len(found.logs), seconds, found.density)
        logs = read_logs(found.logs, first, last, self._wanted)
        if blocks is None:
            blocks = await self._blocks(_worth_a_look(first, last, logs), None)
        blocks = {number: block for number, block in blocks.items() if number <= last}
        headers = {number: header_of(block) for number, block in blocks.items()}
        _check_links(headers)
        logs = await self._complete(logs, blocks, first, last)
        for log in logs:
            if log.block_hash != headers[log.block_number].hash:
                raise ChainMovedError(f"a log of block {log.block_number} is of another block")
        return Batch(first, last, headers, logs, head, final)

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

    async def _logs(self, first: int, last: int) -> _Answer | None:
        """Logs of a range, or of the blocks that an answer held before it was cut. None: the node
        finds it too large; narrower ones are to be asked for."""
        try:
            found = await self._rpc.logs(first, last, self._addresses)
        except RpcError as error:
            if isinstance(error, CutError) and (begun := _whole_blocks(error.logs, first, last)):
                return begun
            if error.refusal is not Refusal.RANGE or first == last:
                raise self._told(error, last) from error
            self._ranges.refused(last - first + 1, suggested_width(error.text))
            return None
        if found and first < last and len(found) % ROUND_LOGS == 0:
            return await self._uncut(found, first, last)
        return _Answer(found, last, len(found) / (last - first + 1))

    def _is_newest(self, head: Header) -> bool:
        return self._newest is not None and self._newest.hash.lower() == head.hash

    async def _newest_logs(self, head: Header) -> _Answer:
        """By hash: the node answers for that very block or not at all."""
        try:
            found = await self._rpc.block_logs(head.hash, self._addresses)
        except RpcError as error:
            if error.refusal is Refusal.HISTORY:
                raise
            raise ChainMovedError(f"block {head.number}: {error.text}") from error
        return _Answer(found, head.number, len(found))

    async def _uncut(self, whole: list[Log], first: int, last: int) -> _Answer | None:
        """The same logs asked for in halves: more of them, when the node had cut its answer."""
        middle = (first + last) // 2
        lower = await self._logs(first, middle)
        if lower is None or lower.last < middle:
            return lower
        upper = await self._logs(middle + 1, last)
        if upper is None:
            return lower
        if len(lower.logs) + len(upper.logs) > len(whole):
            self._ranges.refused(last - first + 1, None)
        return _Answer(lower.logs + upper.logs, upper.last, upper.density)

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


def _worth_a_look(first: int, last: int, logs: list[RawLog]) -> list[int]:
    """Blocks of a final range whose headers are looked at."""
    numbers = {first, last, *(log.block_number for log in logs)}
    if len(numbers) < SAMPLES:
        numbers.update(range(first, last, max(1, (last - first) // SAMPLES)))
    return sorted(numbers)


def _whole_blocks(begun: list[Log], first: int, last: int) -> _Answer | None:
    """Of an answer that was cut what can be used: all but its last block, when that block is not
    its first, and the node gives logs in the chain's order."""
    try:
        numbers = [log.block_number for log in begun]
    except ValueError:
        return None
    if not numbers or numbers != sorted(numbers) or numbers[0] < first or numbers[-1] > last:
        return None
    broken = numbers[-1]
    if broken == first:
        return None
    # of the later half, for it was cut because they got denser
    half = len(numbers) // 2
    density = (len(numbers) - half) / (broken - numbers[half] + 1)
    return _Answer(begun[: numbers.index(broken)], broken - 1, density)


async def _both(
    logs: Awaitable[_Answer | None], blocks: Awaitable[dict[int, Block]]
) -> tuple[_Answer | None, dict[int, Block]]:
    """Two answers at the time of one; none is left under way when the other fails."""
    first, second = asyncio.ensure_future(logs), asyncio.ensure_future(blocks)
    try:
        return await first, await second
    finally:
        first.cancel()
        second.cancel()
        await asyncio.gather(first, second, return_exceptions=True)


def _check_links(headers: dict[int, Header]) -> None:
    for number, header in headers.items():
        if header.number != number:
            raise ChainMovedError(f"asked for block {number}, given {header.number}")
        parent = headers.get(number - 1)
        if parent is not None and parent.hash != header.parent_hash:
            raise ChainMovedError(f"block {number} does not follow block {number - 1}")
