"""Is everything there that requests need? Each check is bounded in time and none waits for another:
a node or a database that hangs is told of as quickly as one that is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import anyio.to_thread
from anyio import CapacityLimiter
from sqlalchemy.exc import SQLAlchemyError

from berth.chain.identity import verify_chain
from berth.core.errors import BerthError
from berth.devices.probe import knock
from berth.market.index_state import IndexState, index_state
from berth.store.migrations import HEAD
from berth.store.revision import revision
from berth.web.checkwords import sentence

if TYPE_CHECKING:
    from berth.web.services import Services

T = TypeVar("T")

#: All checks together take no longer, seconds.
WITHIN = 1.8
#: An index writes its cursor every five seconds, whatever happens on the chain: after so many
#: seconds without, it is not at work.
SILENT_SECONDS = 15
#: Threads for looking at a database that may hang. They are not those of the requests.
THREADS = 3


@dataclass(frozen=True, slots=True)
class Check:
    """What one look found. `code` is None when all is well; `figure` belongs into its sentence."""

    name: str
    code: str | None = None
    figure: int = 0

    @property
    def ok(self) -> bool:
        return self.code is None

    def sentence(self, language: str = "en") -> str:
        """In English ("en") or Chinese ("zh"); it names no host and no file."""
        return sentence(self.name, self.code, self.figure, language)


@dataclass(frozen=True)
class Found:
    """All checks, in the order in which they matter."""

    checks: tuple[Check, ...]
    index: IndexState | None = None
    lag_seconds: int = 0

    @property
    def ready(self) -> bool:
        return all(check.ok for check in self.checks)

    @property
    def wrong(self) -> list[Check]:
        return [check for check in self.checks if not check.ok]


@dataclass
class Watch:
    """Looks at the parts of one application."""

    services: Services
    within: float = WITHIN
    silent_seconds: int = SILENT_SECONDS
    _limiter: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(THREADS))

    @cached_property
    def bounds(self) -> tuple[int, int]:
        """How far behind the index may be: blocks, and seconds since its newest block (0 = any)."""
        settings = self.services.settings
        return settings.ready_blocks, settings.ready_seconds

    async def all(self) -> Found:
        """Every check, at once."""
        database, node, broker = await asyncio.gather(self.database(), self.node(), self.broker())
        index: IndexState | None = None
        looked = database[0].ok
        index = database[1]
        checks = [database[0]]
        lag = 0
        if looked:
            lag = 0 if index is None else self._age(index)
            checks.append(self.index(index))
        checks.append(node)
        if broker is not None:
            checks.append(broker)
        return Found(tuple(checks), index, lag)

    async def database(self) -> tuple[Check, IndexState | None]:
        """Does it answer, at the migration that this program knows? And how far is the index?"""

        def look() -> tuple[str | None, IndexState | None]:
            with self.services.store.read() as conn:
                found = revision(conn)
                return found, index_state(conn) if found == HEAD else None

        try:
            found, index = await self.on_thread(look)
        except TimeoutError:
            return Check("database", "store.silent"), None
        except (SQLAlchemyError, BerthError):
            return Check("database", "store.unavailable"), None
        if found != HEAD:
            return Check("database", "store.migration"), None
        return Check("database"), index

    def index(self, index: IndexState | None) -> Check:
        """Does it live, and is it near enough to the head?"""
        blocks, seconds = self.bounds
        if index is None:
            return Check("index", "index.empty")
        idle = self.services.wall.now() - index.updated_at
        if idle > self.silent_seconds:
            return Check("index", "index.silent", idle)
        if index.lag > blocks:
            return Check("index", "index.behind", index.lag)
        age = self._age(index)
        if seconds and age > seconds:
            return Check("index", "index.old", age)
        return Check("index")

    async def node(self) -> Check:
        """Does it answer, and is its chain the deployment's?"""
        code = await self._code(
            lambda: verify_chain(self.services.rpc, self.services.deployment), "chain.silent"
        )
        return Check("node", code)

    async def broker(self) -> Check | None:
        """Does it answer, and take our password? None where there is none to ask."""
        login = self.services.broker
        if login is None:
            return None
        return Check(
            "broker", await self._code(lambda: knock(login, self.within), "broker.unreachable")
        )

    async def on_thread(self, work: Callable[[], T]) -> T:
        """Work at the database, given up after a while: its thread then ends when it ends."""
        async with asyncio.timeout(self.within):
            return await anyio.to_thread.run_sync(
                work, abandon_on_cancel=True, limiter=self._limiter
            )

    async def _code(self, work: Callable[[], Awaitable[object]], silent: str) -> str | None:
        try:
            async with asyncio.timeout(self.within):
                await work()
        except TimeoutError:
            return silent
        except BerthError as error:
            return error.code
        return None

    def _age(self, index: IndexState) -> int:
        """Seconds since the newest indexed block, by the clock that leases go by."""
        return max(0, self.services.clock.now() - index.block_at)
