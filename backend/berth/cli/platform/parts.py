"""Parts of a process that live as long as it does, and the process's own end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar

from berth.core.errors import BerthError

T = TypeVar("T")
Say = Callable[[str], None]
Failed = asyncio.Future[BaseException]


class Parts:
    """Tasks that last as long as the process; the first one to end is why it ends."""

    def __init__(self) -> None:
        self.failed: Failed = asyncio.get_running_loop().create_future()
        self._tasks: dict[str, asyncio.Task[Any]] = {}

    def start(self, name: str, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks[name] = task
        task.add_done_callback(self._ended)

    async def unless_failed(self, work: Coroutine[Any, Any, T]) -> T:
        """Waits for `work`, but not longer than all parts live."""
        task = asyncio.create_task(work)
        both: set[asyncio.Future[Any]] = {task, self.failed}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not task.done():
                task.cancel()
        if self.failed.done():
            raise self.failed.result()
        return await task

    async def ended(self, name: str) -> None:
        """Waits until one part has ended by itself."""
        await asyncio.wait({self._tasks[name]})

    async def end(self) -> None:
        """Ends those that still run, the last one first."""
        for task in reversed(self._tasks.values()):
            task.remove_done_callback(self._ended)
            task.cancel()
            with contextlib.suppress(BaseException):
                await task
        self.failed.cancel()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        if task.cancelled() or self.failed.done():
            return
        error = task.exception()
        while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]  # a task group has one child that failed
        if not isinstance(error, BerthError):
            name = task.get_name()
            cause = error
            error = BerthError("up.ended", f"the {name} ended: {cause!r}" if cause else name)
            error.__cause__ = cause
        self.failed.set_result(error)


@asynccontextmanager
async def parts() -> AsyncIterator[Parts]:
    """Parts that are ended when the block is left."""
    made = Parts()
    try:
        yield made
    finally:
        await made.end()


def spare_the_collector() -> None:
    """What is there after the start stays to the end: the collector need not search it time and
    again, which would stop the whole process for a tenth of a second, a bar's command with it."""
    gc.collect()
    gc.freeze()


async def run_until_stopped(
    process: AbstractAsyncContextManager[tuple[T, Failed]], say: Say, ready: Callable[[T], None]
) -> None:
    """Runs what `process` sets up until SIGINT or SIGTERM, and ends it in order.

    `ready` is called with what was set up once it works. Raises BerthError when a part cannot
    start, or ends.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    main = asyncio.current_task()

    async def stopper() -> None:
        await stop.wait()
        say("stopping")
        if main is not None:
            main.cancel()

    watching = asyncio.create_task(stopper())
    try:
        async with process as (running, failed):
            ready(running)
            spare_the_collector()
            raise await failed
    except asyncio.CancelledError:
        if not stop.is_set():
            raise
    finally:
        watching.cancel()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
