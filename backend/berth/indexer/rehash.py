"""Holds the blocks that are not final against the node's, hash by hash."""

from __future__ import annotations

from berth.chain.rpc import Rpc
from berth.indexer.batch import Header

#: Headers compared in one request.
STEP = 64


async def replaced_blocks(rpc: Rpc, stored: list[Header], head_number: int) -> list[int]:
    """Numbers of stored blocks, up to the node's head, that are other blocks at the node now.

    A block that the node does not give is no sign of anything: it may be behind.
    """
    ascending = sorted(stored, key=lambda header: header.number)
    compared = [header for header in ascending if header.number <= head_number]
    replaced: list[int] = []
    for first in range(0, len(compared), STEP):
        part = compared[first : first + STEP]
        current = await rpc.blocks([header.number for header in part])
        replaced += [
            header.number
            for header, block in zip(part, current, strict=True)
            if block is not None and block.hash.lower() != header.hash
        ]
    return replaced
