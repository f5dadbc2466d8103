"""Follows the chain: fetch, commit, roll back, wait; and says how far it is."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from typing import TypeVar

from berth.chain.identity import verify_chain
from berth.chain.rpc import NodeUnreachableError, Rpc, RpcError
from berth.core.deployment import Deployment
from berth.core.errors import BerthError
from berth.indexer.commit import ReorgError, commit_batch
from berth.indexer.cursor import (
    Cursor,
    CursorMovedError,
    create_cursor,
    note_head,
    read_cursor,
)
from berth.indexer.fetch import ChainMovedError, Fetcher, Header, header_of
from berth.indexer.project import Projector
from berth.indexer.rollback import (
    PastFinalityError,
    Rollback,
    find_ancestor,
    roll_back,
    unfinal_headers,
)
from berth.indexer.status import IndexStatus
from berth.store import Store, bind_deployment

T = TypeVar("T")
log = logging.getLogger(__name__)

#: Blocks behind the head that a reorg may still change.
FINALITY = 64
POLL_SECONDS = 0.4
#: Longest silence of a living index in its cursor's row.
HEARTBEAT_SECONDS = 5.0
#: Tries in a row on a chain that moves while it is read, before the node is called broken.
RESTLESS = 10
LONGEST_WAIT = 5.0


class Indexer:
    """Keeps the derived tables of one database equal to one deployment's chain."""

    def __init__(
        self,
        store: Store,
        rpc: Rpc,
        deployment: Deployment,
        *,
        finality: int = FINALITY,
        poll: float = POLL_SECONDS,
        on_block: Callable[[int, int], None] | None = None,
    ) -> None:
        """`on_block(number, timestamp)` is called for each new head that was read."""
        self._store = store
        self._rpc = rpc
        self._deployment = deployment
        self._finality = finality
        self._poll = poll
        self._on_block = on_block
        self._projector = Projector(deployment)
        self._fetcher = Fetcher(rpc, self._projector.addresses)
        self._verified = False
        self._last_seen: Header | None = None
        self._next_beat = 0.0
        self._status = IndexStatus()
        self._moved = asyncio.Event()

    @property
    def status(self) -> IndexStatus:
        return self._status

    @property
    def caught_up(self) -> bool:
        """The last look at the node found nothing that is not indexed."""
        return self._status.caught_up

    async def run(self, stop: asyncio.Event | None = None) -> None:
        """Follows the chain until `stop` is set or the task is cancelled.

        Waits out a node that cannot be reached. Raises BerthError when going on would be wrong:
        another chain, another deployment's database, a reorg past finality, a gap.
        """
        ended = stop or asyncio.Event()
        wait = self._poll
        while not ended.is_set():
            try:
                await self.sync_once()
                wait = self._poll
            except (NodeUnreachableError, RpcError) as error:
                if self._status.error is None:
                    log.warning("index: %s", error)
                self._verified = False  # whatever answers next may be another node
                self._set(replace(self._status, error=str(error), caught_up=False))
                wait = min(wait * 2, LONGEST_WAIT)
            except BerthError as error:
                self._set(replace(self._status, error=str(error), caught_up=False))
                raise
            try:
                await asyncio.wait_for(ended.wait(), wait)
            except TimeoutError:
                continue

    async def sync_once(self) -> IndexStatus:
        """Reads up to the node's newest block of this moment, through reorgs if need be."""
        if not self._verified:
            await verify_chain(self._rpc, self._deployment)
            await self._in_thread(bind_deployment, self._store, self._deployment)
            self._verified = True
        for _ in range(RESTLESS):
            try:
                if await self._advance():
                    return self._status
            except (ChainMovedError, CursorMovedError) as error:
                log.info("index: %s", error)
                await asyncio.sleep(self._poll)
        message = f"the node at {self._rpc.where} contradicts itself {RESTLESS} times in a row"
        raise RpcError("eth_getLogs", 0, message, None)

    async def wait_for(self, block_number: int, seconds: float = 60.0) -> IndexStatus:
        """Waits until a block is indexed, by `run` in another task. Raises BerthError."""
        try:
            async with asyncio.timeout(seconds):
                while self._status.block_number < block_number:
                    moved = self._moved
                    await moved.wait()
        except TimeoutError:
            message = f"block {block_number} was not indexed within {seconds:.0f} s"
            raise BerthError("index.behind", message, status=503) from None
        return self._status

    # ---- one look at the node

    async def _advance(self) -> bool:
        """True when the index is where the node is; False when it has to look again."""
        newest = await self._rpc.block("latest")
        if newest is None:
            raise NodeUnreachableError(self._rpc.where, "has no block")
        head = header_of(newest)
        cursor = await self._heartbeat(await self._cursor(head), head)
        if head.number <= cursor.block_number:
            return await self._at_head(head, cursor)
        try:
            async with aclosing(
                self._fetcher.batches(cursor.block_number + 1, head, self._finality)
            ) as batches:
                async for batch in batches:
                    cursor = await self._in_thread(
                        commit_batch, self._store, self._projector, batch, cursor
                    )
                    self._report(cursor, head, logs=len(batch.logs))
        except ReorgError:
            await self._roll_back(cursor)
            return False
        self._seen(head)
        return True

    async def _cursor(self, head: Header) -> Cursor:
        cursor = await self._in_thread(self._read_cursor)
        if cursor is not None:
            return cursor
        before = await self._rpc.block(max(self._deployment.block - 1, 0))
        if before is None:
            raise NodeUnreachableError(self._rpc.where, "lacks the blocks of the deployment")
        return await self._in_thread(self._create_cursor, header_of(before), head.number)

    async def _heartbeat(self, cursor: Cursor, head: Header) -> Cursor:
        """Notes the head before anything is read, and that the index lives while nothing happens.

        Others act only while the index has caught up: after a start they must not take the cursor
        of the last run for news.
        """
        moment = time.monotonic()
        first = self._next_beat == 0.0
        # with news the commit itself is the sign of life
        if not first and (moment < self._next_beat or head.number > cursor.block_number):
            return cursor
        self._next_beat = moment + HEARTBEAT_SECONDS
        return await self._in_thread(self._note_head, cursor, max(head.number, cursor.block_number))

    def _note_head(self, cursor: Cursor, head_number: int) -> Cursor:
        with self._store.write() as conn:
            return note_head(conn, cursor, head_number)

    def _read_cursor(self) -> Cursor | None:
        with self._store.read() as conn:
            return read_cursor(conn)

    def _create_cursor(self, before: Header, head_number: int) -> Cursor:
        with self._store.write() as conn:
            return read_cursor(conn) or create_cursor(conn, before, head_number)

    async def _at_head(self, head: Header, cursor: Cursor) -> bool:
        """The node has nothing new: the same block, a shorter chain, or another block instead."""
        same = head.hash == cursor.block_hash
        if head.number < cursor.block_number:
            stored = {h.number: h for h in await self._in_thread(self._unfinal, cursor)}
            known = stored.get(head.number)
            same = known is not None and known.hash == head.hash
            if head.number < cursor.final_number:
                same = True  # too far back to tell: a node that is still catching up
        if not same:
            await self._roll_back(cursor)
            return False
        behind = head.number < cursor.block_number
        if behind and not self._status.node_behind:
            log.warning(
                "index: the node is at block %d, the index at %d", head.number, cursor.block_number
            )
        self._report(cursor, head, behind=behind)
        self._seen(head)
        return True

    def _seen(self, head: Header) -> None:
        if self._on_block is not None and head != self._last_seen:
            self._last_seen = head
            self._on_block(head.number, head.timestamp)

    async def _roll_back(self, cursor: Cursor) -> None:
        stored = await self._in_thread(self._unfinal, cursor)
        try:
            ancestor = await find_ancestor(self._rpc, stored, cursor.final_number)
        except PastFinalityError:
            await verify_chain(self._rpc, self._deployment)  # says it better where it applies
            raise
        done: Rollback = await self._in_thread(roll_back, self._store, cursor, ancestor)
        log.warning(
            "index: reorg: %d blocks above %d taken back, %d leases gone",
            done.blocks,
            ancestor.number,
            len(done.leases),
        )
        self._report(done.cursor, None, reorgs=1)

    def _unfinal(self, cursor: Cursor) -> list[Header]:
        with self._store.read() as conn:
            return unfinal_headers(conn, cursor)

    # ---- status

    def _report(
        self,
        cursor: Cursor,
        head: Header | None,
        *,
        logs: int = 0,
        reorgs: int = 0,
        behind: bool = False,
    ) -> None:
        head_number = cursor.head_number if head is None else head.number
        self._set(
            IndexStatus(
                block_number=cursor.block_number,
                block_hash=cursor.block_hash,
                block_timestamp=cursor.block_timestamp,
                head_number=head_number,
                final_number=cursor.final_number,
                caught_up=head is not None and cursor.block_number >= head_number and not behind,
                node_behind=behind,
                reorgs=self._status.reorgs + reorgs,
                logs=self._status.logs + logs,
            )
        )

    def _set(self, status: IndexStatus) -> None:
        self._status = status
        self._moved.set()
        self._moved = asyncio.Event()

    @staticmethod
    async def _in_thread(work: Callable[..., T], *args: object) -> T:
        """Database work off the event loop; a cancelled task still waits for its transaction."""
        running = asyncio.ensure_future(asyncio.to_thread(work, *args))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait([running])
            raise
