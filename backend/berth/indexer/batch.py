"""What is read of the chain at a time: blocks in a row, their logs and what is kept of headers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from berth.chain.wire import Block
from berth.indexer.raw_logs import RawLog


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


def header_of(block: Block) -> Header:
    """A node's block as it is kept."""
    return Header(block.number, block.hash.lower(), block.parent_hash.lower(), block.timestamp)


def joined(batches: Sequence[Batch]) -> Batch:
    """Batches that follow on each other, as one."""
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
