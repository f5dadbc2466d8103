"""Which block is final: what can no longer be undone, for the index.

The node's `finalized` tag where it is believed, else a fixed depth below the head. Decision 0022
says why: local chains answer the tag with their newest block, or with their first.
"""

from __future__ import annotations

import time

from berth.chain.refusals import Refusal
from berth.chain.rpc import Rpc, RpcError

#: Seconds for which a tag, or its absence, is taken as it was.
TAG_SECONDS = 4.0
NO_TAG_SECONDS = 60.0
#: A tag further below the head than this is broken: it would make the whole chain undoable.
DEEPEST_TAG = 10_000


class Finality:
    """The final block of one chain, never nearer to the head than `depth` blocks."""

    def __init__(self, rpc: Rpc, depth: int) -> None:
        self._rpc = rpc
        self._depth = depth
        self._tag: int | None = None
        self._ask_at = float("-inf")

    async def number(self, head: int) -> int:
        """The number of the final block under a head; -1 where there is none yet.

        Raises NodeUnreachableError.
        """
        moment = time.monotonic()
        if moment >= self._ask_at:
            self._tag = await self._asked()
            self._ask_at = moment + (NO_TAG_SECONDS if self._tag is None else TAG_SECONDS)
        return self._under(head)

    def lately(self, head: int) -> int | None:
        """The same by what the node said last, which may be too far back and never too near; None
        when it was not asked yet."""
        return None if self._ask_at == float("-inf") else self._under(head)

    def _under(self, head: int) -> int:
        by_depth = max(head - self._depth, -1)
        tag = self._tag
        if not tag or not head - DEEPEST_TAG <= tag <= by_depth:
            return by_depth
        return tag

    async def _asked(self) -> int | None:
        try:
            block = await self._rpc.block("finalized")
        except RpcError as error:
            if error.refusal in (Refusal.RATE, Refusal.DOWN):
                raise
            return None
        return None if block is None else block.number
