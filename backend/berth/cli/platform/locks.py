"""Runs the simulated locks of a data folder, each as a program of its own."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path

import structlog

from berth.chain.child import dying_with_parent

#: How often the folder is looked at for locks that were enrolled meanwhile, seconds.
_LOOK = 1.0
_STOP = 5.0
#: A lock that ends by itself is started again, not sooner than this, seconds.
_AGAIN = 2.0
_log = structlog.get_logger("berth.locks")


class LockPrograms:
    """One child process for each folder below `folder` that holds an enrolled lock."""

    def __init__(self, folder: Path, broker_url: str, rpc_url: str) -> None:
        self._folder = folder
        self._broker_url = broker_url
        self._rpc_url = rpc_url
        self._running: dict[Path, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Until cancelled; then ends all of them."""
        try:
            while True:
                for home in self._homes():
                    if home not in self._running:
                        self._running[home] = asyncio.create_task(self._keep(home))
                await asyncio.sleep(_LOOK)
        finally:
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    def _homes(self) -> list[Path]:
        # the file that enrolling writes last holds the broker's password
        return [path.parent for path in sorted(self._folder.glob("*/lock.json"))]

    async def _keep(self, home: Path) -> None:
        while True:
            process = await self._start(home)
            try:
                status = await process.wait()
                _log.warning("a lock ended", home=home.name, status=status)
            finally:
                await _end(process)
            await asyncio.sleep(_AGAIN)

    async def _start(self, home: Path) -> asyncio.subprocess.Process:
        command = [
            *(sys.executable, "-m", "berth.cli.main", "lock", "simulate"),
            *("--home", str(home), "--broker", self._broker_url, "--rpc", self._rpc_url),
        ]
        with (home / "lock.log").open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *dying_with_parent(command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the platform, which ends them in its order
            )


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _STOP)
    except TimeoutError:
        process.kill()
        await process.wait()
