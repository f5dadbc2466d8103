"""Which blocks are asked for when: in order, several ranges at once, no more than is used up.

A range that comes back short - the node found it too large, or its answer was cut - is asked for
from where it ended, in ranges of the size that is right by then, before what lies behind it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

from berth.indexer.batch import Batch, joined
from berth.indexer.ranges import RangeSize

#: Blocks of a range that is not final.
UNFINAL_RANGE = 64
#: Ranges under way or waiting at once, and logs that they may hold together (about 1 kB each).
READ_AHEAD = 8
MOST_LOGS = 40_000
#: Logs of ranges that are there already and are handed over as one: fewer, larger commits.
JOINED_LOGS = 20_000

#: Reads blocks first to last; what comes may end before, None: it was too much for the node.
Read = Callable[[int, int], Coroutine[None, None, Batch | None]]


@dataclass
class _Stretch:
    """Blocks in a row: not asked for yet, under way, or there."""

    first: int
    last: int
    task: asyncio.Task[Batch | None] | None = None

    @property
    def ended(self) -> bool:
        return self.task is not None and self.task.done() and not self.task.cancelled()

    @property
    def failed(self) -> bool:
        return self.ended and self.task is not None and self.task.exception() is not None

    @property
    def batch(self) -> Batch | None:
        """What came of it, if it came."""
        return self.task.result() if self.task and self.ended and not self.failed else None


class ReadAhead:
    """Blocks first to last of one chain, of which those up to `final` are final."""

    def __init__(self, read: Read, ranges: RangeSize, first: int, last: int, final: int) -> None:
        self._read = read
        self._ranges = ranges
        self._final = final
        parts = (first, min(last, final)), (max(first, final + 1), last)
        self._stretches = [_Stretch(low, high) for low, high in parts if low <= high]
        #: Logs that were handed over and are still in use.
        self._held = 0
        self._closed = False

    async def next(self) -> Batch | None:
        """The blocks that follow, None after the last. What was handed over before counts as used.

        Raises what reading them raised.
        """
        self._held = 0
        while self._stretches:
            self._go_on()
            front = self._stretches[0]
            task = front.task  # by the time it has ended another may be in its place
            if task is not None:
                await asyncio.wait({task})
                task.result()
            self._settle()
            if front.batch is not None:
                batch = self._take()
                self._held = len(batch.logs)
                return batch
        return None

    async def close(self) -> None:
        """Nothing is left under way."""
        self._closed = True
        tasks = [stretch.task for stretch in self._stretches if stretch.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # ---- asking

    def _go_on(self, _ended: object = None) -> None:
        """Asks for what there is room for. What is wanted next is asked for in any case."""
        if self._closed:
            return
        self._settle()
        place = 0
        while place < len(self._stretches):
            if self._stretches[place].task is None:
                if place > 0 and not self._room():
                    return
                self._ask(place)
            place += 1

    def _ask(self, place: int) -> None:
        stretch = self._stretches[place]
        size = self._ranges.next()
        if stretch.last > self._final:
            size = min(size, UNFINAL_RANGE)
        self._cut(place, stretch.first + size - 1)
        stretch.task = asyncio.create_task(self._read(stretch.first, stretch.last))
        stretch.task.add_done_callback(self._go_on)

    def _room(self) -> bool:
        asked = [stretch for stretch in self._stretches if stretch.task is not None]
        if len(asked) >= READ_AHEAD or any(stretch.failed for stretch in asked):
            return False
        waiting, coming = float(self._held), 0.0
        for stretch in asked:
            if stretch.batch is not None:
                waiting += len(stretch.batch.logs)
            else:
                coming += self._ranges.expected(stretch.last - stretch.first + 1)
        return coming < self._ranges.at_once and waiting + coming < MOST_LOGS

    def _settle(self) -> None:
        """What came back short is not asked for any more, from where it ended."""
        for place, stretch in reversed(list(enumerate(self._stretches))):
            if not stretch.ended or stretch.failed:
                continue
            if stretch.batch is None:
                stretch.task = None
            else:
                self._cut(place, stretch.batch.last)

    def _cut(self, place: int, last: int) -> None:
        """A stretch ends with `last`; what lies behind is one of its own."""
        stretch = self._stretches[place]
        if last < stretch.last:
            self._stretches.insert(place + 1, _Stretch(last + 1, stretch.last))
            stretch.last = last

    # ---- handing over

    def _take(self) -> Batch:
        """The first batch, and those after it that are there too, as far as all are final."""
        taken: list[Batch] = []
        logs = 0
        for stretch in self._stretches:
            batch = stretch.batch
            if batch is None:
                break
            logs += len(batch.logs)
            if taken and (
                logs > JOINED_LOGS or batch.last > self._final or not _follows(taken[-1], batch)
            ):
                break
            taken.append(batch)
        del self._stretches[: len(taken)]
        return joined(taken)


def _follows(batch: Batch, following: Batch) -> bool:
    return following.headers[following.first].parent_hash == batch.headers[batch.last].hash
