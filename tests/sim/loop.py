"""Virtual time: an event loop that never sleeps, and processes that can be killed in it.

The loop jumps to its next timer. What production code hands to a thread runs inline, at a moment of
its own, so that other tasks come in between; everything that chooses a moment draws it from one
seeded generator. Tasks and futures hash by a running number: nothing depends on an address.
"""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import random
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

#: The process that the code which runs now belongs to; None: the world itself.
PROCESS: contextvars.ContextVar[Process | None] = contextvars.ContextVar("PROCESS", default=None)


class KilledError(BaseException):
    """The process that was running is no more: nothing it would still do happens."""


class StuckError(Exception):
    """Nothing is left that could ever happen."""


class Process:
    """A program of the simulation: its tasks, its clock's error, and whether it lives.

    Killed as by SIGKILL: its tasks are taken down, and whatever they try on the way (a query, a
    message, a farewell) has no effect.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        self.skew = 0.0  # seconds by which its clock is ahead
        self.tasks: list[asyncio.Task[Any]] = []
        self.on_kill: list[Callable[[], None]] = []

    def start(self, work: Coroutine[Any, Any, T], name: str | None = None) -> asyncio.Task[T]:
        """A task that belongs to this process, as do all that it starts."""
        context = contextvars.copy_context()
        context.run(PROCESS.set, self)
        loop = asyncio.get_running_loop()
        return loop.create_task(work, name=name or self.name, context=context)

    def run(self, work: Callable[..., T], *args: Any) -> T:
        """Calls something as this process."""
        context = contextvars.copy_context()
        context.run(PROCESS.set, self)
        return context.run(work, *args)

    def kill(self) -> None:
        """Ends it at once."""
        if not self.alive:
            return
        self.alive = False
        for hook in self.on_kill:
            hook()
        for task in self.tasks:
            task.cancel()
        self.tasks.clear()

    def check(self) -> None:
        """Raises KilledError in a process that is no more."""
        if not self.alive:
            raise KilledError(self.name)


def check_alive() -> None:
    """Before every effect on the world."""
    process = PROCESS.get()
    if process is not None:
        process.check()


def _is_death(error: BaseException | None) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(map(_is_death, error.exceptions))
    return isinstance(error, (KilledError, asyncio.CancelledError))


class _Task(asyncio.Task):  # type: ignore[type-arg]
    serial = 0

    def __hash__(self) -> int:
        return self.serial


class _Future(asyncio.Future):  # type: ignore[type-arg]
    serial = 0

    def __hash__(self) -> int:
        return self.serial


class _Jump(selectors.BaseSelector):
    """Waits by moving the clock."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise StuckError("no timer is left")
        if timeout > 0:
            self._loop.now += timeout
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> Any:
        raise NotImplementedError("no descriptors in virtual time")

    def unregister(self, fileobj: Any) -> Any:
        raise NotImplementedError("no descriptors in virtual time")

    def get_map(self) -> Any:
        return {}


class VirtualLoop(asyncio.BaseEventLoop):
    """`now` is seconds since the loop's beginning."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.now = 0.0
        self._random = random.Random(f"loop {seed}")
        self._serials = itertools.count(1)
        self._selector = _Jump(self)
        self._clock_resolution = 1e-6
        self.set_task_factory(self._make_task)
        self.set_exception_handler(self._on_exception)
        self.complaints: list[str] = []
        self.strike: Callable[[], bool] = lambda: False  # does a program die at this await?

    def time(self) -> float:
        return self.now

    def create_future(self) -> asyncio.Future[Any]:
        future = _Future(loop=self)
        future.serial = next(self._serials)
        return future

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """A thread: begins in a while, runs in one piece, and is heard of a little later."""
        future: asyncio.Future[T] = self.create_future()
        process = PROCESS.get()

        def report(result: T | None, error: BaseException | None) -> None:
            if future.cancelled():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)  # type: ignore[arg-type]

        def begin() -> None:
            if process is not None and process.alive and self.strike():
                process.kill()
            if process is not None and not process.alive:
                future.cancel()
                return
            result, failed = None, None
            try:
                result = func(*args)
            except KilledError:
                future.cancel()
                return
            except BaseException as error:
                failed = error
            self.call_later(self._random.uniform(0.0, 0.003), report, result, failed)

        self.call_later(self._random.uniform(0.0, 0.005), begin)
        return future

    def _make_task(self, loop: Any, coro: Any, context: Any = None) -> asyncio.Task[Any]:
        process = (context.get(PROCESS) if context is not None else None) or PROCESS.get()
        task = _Task(coro, loop=self, context=context)
        task.serial = next(self._serials)
        if process is not None:
            if process.alive:
                process.tasks.append(task)
                if len(process.tasks) > 200:
                    process.tasks[:] = [one for one in process.tasks if not one.done()]
            else:
                task.cancel()
        return task

    def _on_exception(self, _loop: Any, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if _is_death(error):
            return
        self.complaints.append(f"{context.get('message')}: {error!r}")

    # ---- what a loop of real descriptors would do

    def _process_events(self, event_list: list[Any]) -> None:
        pass

    def _write_to_self(self) -> None:
        pass
