"""`python -m berth.devices.simulator HOME… --broker URL`: locks, and nothing else."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
from pathlib import Path

from berth.core.clock import WallClock
from berth.devices.simulator.runner import run_locks


async def _main() -> None:
    parser = argparse.ArgumentParser(prog="berth.devices.simulator")
    parser.add_argument("home", nargs="+", type=Path)
    parser.add_argument("--broker", required=True)
    given = parser.parse_args()
    running = asyncio.ensure_future(run_locks(given.home, given.broker, WallClock()))
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, running.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await running


asyncio.run(_main())
