"""Follows the chain: fetch, commit, roll back, wait; and says how far it is."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import TypeVar

from sqlalchemy.exc import IntegrityError

from berth.chain.finality import Finality
from berth.chain.heads import Heads
from berth.chain.identity import verify_chain
from berth.chain.nodes import Nodes
from berth.chain.rpc import NodeUnreachableError, Rpc, RpcError
from berth.chain.wire import Block
from berth.core import telemetry
from berth.core.deployment import Deployment
from berth.core.errors import BerthError
from berth.indexer import outbox
from berth.indexer.answers import ChainMovedError
from berth.indexer.batch import Batch, Header, header_of
from berth.indexer.commit import ReorgError, Writer
from berth.indexer.cursor import (
    Cursor,
    CursorMovedError,
    create_cursor,
    note_head,
    read_cursor,
)
from berth.indexer.fetch import Fetcher
from berth.indexer.history import HistoryMissingError, require_history
from berth.indexer.project import Projector
from berth.indexer.rehash import replaced_blocks
from berth.indexer.rollback import (
    PastFinalityError,
    Rollback,
    find_ancestor,
    roll_back,
    unfinal_headers,
)
from berth.indexer.status import BACKFILL_BLOCKS, Board, IndexStatus
from berth.store import Store, bind_deployment
from berth.store.outage import OUTAGE, reason_of
from berth.store.wake import announce

T = TypeVar("T")
log = logging.getLogger(__name__)

#: Blocks behind the head that a reorg may still change.
FINALITY = 64
#: Between two looks at the node; less often while heads are announced, and soon for one that was.
POLL_SECONDS = 0.4
NUDGED_POLL_SECONDS = 5.0
ANNOUNCED_POLL_SECONDS = 0.02
#: Longest silence of a living index in its cursor's row.
HEARTBEAT_SECONDS = 5.0
#: Between two comparisons of all blocks that are not final with the node's.
REHASH_SECONDS = 10.0
#: Tries in a row on a chain that moves while it is read, before the node is called broken.
RESTLESS = 10
LONGEST_WAIT = 5.0
#: What the tables say of logs that cannot be, and how often in a row they are asked for again.
SENSELESS = frozenset({"index.gap", "index.logs", "chain.log"})
DOUBTS = 3
#: So many refusals of the same blocks by the database are told of as an error, each time anew.
REFUSALS = 10


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
        heads: Heads | None = None,
        on_head: Callable[[int, str], None] | None = None,
        on_block: Callable[[int, int], None] | None = None,
        on_commit: Callable[[], None] | None = None,
        on_progress: Callable[[IndexStatus], None] | None = None,
    ) -> None:
        """`finality` in blocks, `poll` in seconds. `on_head(number, hash)` is called for each new
        head before anything of it is read, `on_block(number, timestamp)` is called for each
        new head that was read, `on_commit` after each commit at the head and each rollback,
        `on_progress` whenever the status changes; all on the event loop, and they must be quick.
        """
        self._store = store
        self._rpc = rpc
        self._deployment = deployment
        self._finality = Finality(rpc, finality)
        self._poll = poll
        self._heads = heads
        self._on_head = on_head
        self._on_block = on_block
        self._on_commit = on_commit
        projector = Projector(deployment)
        self._writer = Writer(store, projector)
        self._fetcher = Fetcher(rpc, projector.addresses)
        self._board = Board(on_progress)
        self._verified = False
        self._doubts = 0
        self._refusals = 0
        #: The cursor as this process knows it: its compare-and-set tells when it is out of date.
        self._known: Cursor | None = None
        self._last_seen: Header | None = None
        self._next_beat = 0.0
        self._next_rehash = 0.0
        self._woken = asyncio.Event()
        self._stop: asyncio.Event | None = None

    @property
    def status(self) -> IndexStatus:
        return self._board.status

    @property
    def caught_up(self) -> bool:
        """The last look at the node found nothing that is not indexed."""
        return self._board.status.caught_up

    def wake(self) -> None:
        """Makes a running index look at the node now."""
        self._woken.set()

    async def run(self, stop: asyncio.Event | None = None) -> None:
        """Follows the chain until `stop` is set or the task is cancelled.

        Waits out a node or a database that cannot be reached, and what the database refuses because
        of somebody else's rows: it says so, and writes nothing until then. Raises BerthError when
        going on would be wrong: another chain, another deployment's database, a reorg past
        finality, a gap.
        """
        wait = self._poll
        async with self._company(stop):
            while not self._ended():
                self._woken.clear()
                try:
                    await self.sync_once()
                    self._doubts = self._refusals = 0
                    wait = self._pause()
                except (NodeUnreachableError, RpcError) as error:
                    self._verified = False  # whatever answers next may be another node
                    self._blame(error)
                    self._board.trouble(str(error))
                    wait = min(max(wait, self._poll) * 2, LONGEST_WAIT)
                except OUTAGE as error:
                    self._known = None  # what was under way may have been committed, or not
                    self._board.trouble(f"database unreachable: {reason_of(error)}")
                    wait = min(max(wait, self._poll) * 2, LONGEST_WAIT)
                except IntegrityError as error:
                    self._known = None
                    self._refused(error)
                    wait = min(max(wait, self._poll) * 2, LONGEST_WAIT)
                except BerthError as error:
                    if not self._doubted(error):
                        self._board.stopped(str(error))
                        raise
                    self._board.trouble(str(error))
                if self._ended():
                    return
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._woken.wait()

    async def sync_once(self) -> IndexStatus:
        """Reads up to the node's newest block of this moment, through reorgs if need be."""
        if not self._verified:
            await self._verify()
            await self._in_thread(bind_deployment, self._store, self._deployment)
            self._verified = True
        reason = ""
        for _ in range(RESTLESS):
            try:
                if await self._advance():
                    return self._board.status
            except (ChainMovedError, CursorMovedError) as error:
                self._known = None
                reason = error.message
                log.info("index: %s", error)
                await asyncio.sleep(self._poll)
        message = f"the node at {self._rpc.where} contradicts itself {RESTLESS} times in a row"
        if isinstance(self._rpc, Nodes):
            self._rpc.distrust(reason or message)
        raise RpcError("eth_getLogs", 0, f"{message}: {reason}" if reason else message, None)

    async def wait_for(self, block_number: int, seconds: float = 60.0) -> IndexStatus:
        """Waits until a block is indexed, by `run` in another task. Raises BerthError."""
        return await self._board.wait_for(block_number, seconds)

    # ---- one look at the node

    async def _advance(self) -> bool:
        """True when the index is where the node is; False when it has to look again."""
        newest = self._announced()
        hearsay = newest is not None
        if newest is None:
            newest = await self._rpc.block("latest")
        if newest is None:
            raise NodeUnreachableError(self._rpc.where, "has no block")
        head = header_of(newest)
        if self._heads is not None and not hearsay:
            self._heads.found(head.number)
        cursor = await self._heartbeat(await self._cursor(head), head)
        if head.number <= cursor.block_number:
            if not await self._at_head(head, cursor):
                return False
        else:
            if self._on_head is not None:
                self._on_head(head.number, head.hash)
            # what was announced is read at once, and the final block asked for after it
            final = self._finality.lately(head.number) if hearsay else None
            if final is None:
                final = await self._finality.number(head.number)
            self._fetcher.knows(newest, hearsay=hearsay)
            if head.number - cursor.block_number > BACKFILL_BLOCKS:
                self._board.rates.begin()
                self._board.report(cursor, head.number)
            try:
                async with aclosing(
                    self._fetcher.batches(cursor.block_number + 1, head, head.number - final)
                ) as batches:
                    async for batch in batches:
                        cursor = await self._write(batch, cursor)
                        if self._ended():
                            return True
            except ReorgError:
                await self._roll_back(cursor)
                return False
            except ChainMovedError:
                if not hearsay or self._heads is None:
                    raise
                self._heads.newest = None  # the node has another one, or has it not yet
                return False
        if not await self._rehashed(head, cursor):
            return False
        self._seen(head)
        if hearsay:
            await self._finality.number(head.number)  # for the next block
        return True

    def _announced(self) -> Block | None:
        """The header that was announced, when it follows on the last block read: its logs are then
        asked for by its hash, which spares the question for the newest block."""
        cursor = self._known
        newest = None if self._heads is None else self._heads.newest
        if cursor is None or newest is None or newest.number != cursor.block_number + 1:
            return None
        return newest if newest.parent_hash.lower() == cursor.block_hash else None

    async def _write(self, batch: Batch, cursor: Cursor) -> Cursor:
        if not batch.logs and cursor.block_number < self._deployment.block:
            await require_history(self._rpc, self._deployment, batch)
        cursor = await self._in_thread(self._writer.commit, batch, cursor)
        self._known = cursor
        self._refusals = 0
        blocks, events = batch.last - batch.first + 1, len(batch.logs)
        telemetry.INDEX_BLOCKS.inc(blocks)
        telemetry.INDEX_EVENTS.inc(events)
        self._board.rates.add(blocks, events)
        if batch.last == batch.head.number and self._on_commit is not None:
            self._on_commit()
        self._board.report(cursor, batch.head.number, logs=events)
        return cursor

    async def _cursor(self, head: Header) -> Cursor:
        cursor = self._known or await self._in_thread(self._read_cursor)
        if cursor is None:
            before = await self._rpc.block(max(self._deployment.block - 1, 0))
            if before is None:
                raise NodeUnreachableError(self._rpc.where, "lacks the blocks of the deployment")
            cursor = await self._in_thread(self._create_cursor, header_of(before), head.number)
        self._known = cursor
        return cursor

    async def _heartbeat(self, cursor: Cursor, head: Header) -> Cursor:
        """Notes the head before anything is read, and that the index lives while nothing happens.

        Others act only while the index has caught up: after a start they must not take the cursor
        of the last run for news.
        """
        moment = time.monotonic()
        first = self._next_beat == 0.0
        # with news the commit itself is the sign of life; what cannot be written is none
        news = head.number > cursor.block_number or self._refusals > 0
        if not first and (news or moment < self._next_beat):
            return cursor
        self._next_beat = moment + HEARTBEAT_SECONDS
        # a node that is behind does not say that what was known to be missing is not there
        behind = head.number < cursor.block_number
        newest = cursor.head_number if behind else head.number
        self._known = await self._in_thread(self._note_head, cursor, newest)
        return self._known

    def _note_head(self, cursor: Cursor, head_number: int) -> Cursor:
        with self._store.write() as conn:
            noted = note_head(conn, cursor, head_number)
            if noted.caught_up and not cursor.caught_up:
                # the chain ends where a catch-up was interrupted, or a rollback: what is open by
                # now nobody has handed over
                outbox.hand_over_open_leases(conn, cursor.block_timestamp, booked_after=-1)
                announce(conn)
            return noted

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
        if behind and not self._board.status.node_behind:
            log.warning(
                "index: the node is at block %d, the index at %d", head.number, cursor.block_number
            )
        self._board.report(cursor, head.number, behind=behind)
        return True

    async def _rehashed(self, head: Header, cursor: Cursor) -> bool:
        """Compares, now and then, every block that is not final with the node's; False after a
        rollback: the chain was replaced without a sign of it at the head."""
        moment = time.monotonic()
        if moment < self._next_rehash:
            return True
        self._next_rehash = moment + REHASH_SECONDS
        stored = await self._in_thread(self._unfinal, cursor)
        replaced = await replaced_blocks(self._rpc, stored, head.number)
        if not replaced:
            return True
        log.warning("index: block %d was replaced by another", replaced[0])
        self._next_rehash = 0.0
        await self._roll_back(cursor)
        return False

    async def _roll_back(self, cursor: Cursor) -> None:
        stored = await self._in_thread(self._unfinal, cursor)
        try:
            ancestor = await find_ancestor(self._rpc, stored, cursor.final_number)
        except PastFinalityError:
            await self._verify()  # says it better where it applies
            if await self._outvoted(stored, cursor.final_number):
                return
            raise
        if ancestor.number == cursor.block_number:
            raise ChainMovedError(f"block {ancestor.number} is gone and there at once")
        done: Rollback = await self._in_thread(roll_back, self._store, cursor, ancestor)
        self._known = done.cursor
        telemetry.INDEX_REORG_BLOCKS.observe(done.blocks)
        log.warning(
            "index: reorg: %d blocks above %d taken back, %d leases gone",
            done.blocks,
            ancestor.number,
            len(done.leases),
        )
        self._board.report(done.cursor, None, reorgs=1)
        if self._on_commit is not None:
            self._on_commit()

    async def _verify(self) -> None:
        """Is the node in use of our chain? One of several that no longer is gives way."""
        try:
            await verify_chain(self._rpc, self._deployment)
        except (NodeUnreachableError, RpcError):
            raise
        except BerthError as error:
            where = self._rpc.where
            if isinstance(self._rpc, Nodes) and self._rpc.disown(error.message):
                raise NodeUnreachableError(where, error.message) from error
            raise

    async def _outvoted(self, stored: list[Header], final_number: int) -> bool:
        """Another node still has the index's final block: then this node is the one that errs."""
        final = next((header for header in stored if header.number == final_number), None)
        if final is None or not isinstance(self._rpc, Nodes):
            return False
        return await self._rpc.outvote(final.number, final.hash)

    def _unfinal(self, cursor: Cursor) -> list[Header]:
        with self._store.read() as conn:
            return unfinal_headers(conn, cursor)

    def _blame(self, error: BerthError) -> None:
        """What is wrong beyond a single call: another node goes first for a while."""
        if isinstance(error, HistoryMissingError) and isinstance(self._rpc, Nodes):
            self._rpc.lacks_history(error.where, error.message)

    def _refused(self, error: IntegrityError) -> None:
        """Rows of somebody else came in between, as those of the API may: nothing of the batch was
        written, and the next try reads all rows anew. What is refused for good stays no secret: the
        cursor gives no sign of life, and the log gets louder."""
        self._refusals += 1
        reason = f"the database refuses the next blocks: {reason_of(error)}"
        self._board.trouble(reason)
        if self._refusals % REFUSALS == 0:
            log.error("index: %d times in a row %s", self._refusals, reason)

    def _doubted(self, error: BerthError) -> bool:
        """Logs that make no sense may be this node's, or this answer's: asked again, elsewhere
        where there is another node. False when that was done, or cannot help."""
        self._doubts += 1
        if error.code not in SENSELESS or self._doubts > DOUBTS:
            return False
        if isinstance(self._rpc, Nodes):
            self._rpc.distrust(error.message)
        self._known = None
        return True

    # ---- waiting

    def _ended(self) -> bool:
        return self._stop is not None and self._stop.is_set()

    def _pause(self) -> float:
        """Seconds until the next look at the node, when nobody wakes us."""
        heads = self._heads
        if heads is None or not heads.live:
            return self._poll
        if heads.announced > self._board.status.head_number:
            return min(self._poll, ANNOUNCED_POLL_SECONDS)  # its block is not there yet
        return max(self._poll, NUDGED_POLL_SECONDS)

    @asynccontextmanager
    async def _company(self, stop: asyncio.Event | None) -> AsyncIterator[None]:
        """What runs beside: the wait for the end, and the announcements of heads."""

        async def until_stopped(stop: asyncio.Event) -> None:
            await stop.wait()
            self.wake()

        tasks: list[asyncio.Task[None]] = []
        self._stop = stop
        if stop is not None:
            tasks.append(asyncio.create_task(until_stopped(stop)))
        if self._heads is not None:
            tasks.append(asyncio.create_task(self._heads.run(self.wake)))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _seen(self, head: Header) -> None:
        if self._on_block is not None and head != self._last_seen:
            self._last_seen = head
            self._on_block(head.number, head.timestamp)

    @staticmethod
    async def _in_thread(work: Callable[..., T], *args: object) -> T:
        """Database work off the event loop; a cancelled task still waits for its transaction."""
        running = asyncio.ensure_future(asyncio.to_thread(work, *args))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait([running])
            raise
