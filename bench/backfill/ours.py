"""A process that makes Berth's index of a history, as `berth indexer` does, and says how it went.

    python bench/backfill/ours.py DEPLOYMENT NODE_URL DATABASE_URL [--record FILE]

prints one JSON line: events, seconds from the first look at the node to the head, seconds of CPU
meanwhile, peak resident memory in MB, for numbers of events the seconds and the peak at which they
were reached, and the seconds at which making the secondary indexes began and ended. With --record
every request goes into the file, for the ceiling to repeat; such a run's time counts for nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import time
from pathlib import Path

import httpx
from berth.chain.rpc import Rpc
from berth.core.deployment import load_deployment
from berth.indexer import pace
from berth.indexer.run import Indexer
from berth.store import open_store
from sqlalchemy import Connection

#: How often the progress is looked at, seconds.
LOOK_SECONDS = 0.01


class Recording(httpx.AsyncBaseTransport):
    """Sends as always and keeps what was sent."""

    def __init__(self, file: Path) -> None:
        self._inner = httpx.AsyncHTTPTransport()
        self._file = file.open("wb")

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._file.write(await request.aread() + b"\n")
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        self._file.close()
        await self._inner.aclose()


async def index(arguments: argparse.Namespace) -> dict[str, object]:
    deployment = load_deployment(arguments.deployment)
    store = open_store(arguments.database)
    transport = Recording(arguments.record) if arguments.record else None
    marks: list[tuple[int, float, float]] = []
    indexes: list[float] = []
    restore = pace.restore_indexes

    def restore_by_the_clock(conn: Connection) -> None:
        indexes.append(round(time.perf_counter() - began, 3))
        restore(conn)
        indexes.append(round(time.perf_counter() - began, 3))

    pace.restore_indexes = restore_by_the_clock
    async with Rpc(arguments.node, timeout=60, transport=transport) as rpc:
        indexer = Indexer(store, rpc, deployment)
        began, busy = time.perf_counter(), time.process_time()

        async def watch() -> None:
            while True:
                logs = indexer.status.logs
                if logs and (not marks or marks[-1][0] != logs):
                    marks.append((logs, round(time.perf_counter() - began, 3), peak_mb()))
                await asyncio.sleep(LOOK_SECONDS)

        watching = asyncio.create_task(watch())
        status = await indexer.sync_once()
        seconds, cpu = time.perf_counter() - began, time.process_time() - busy
        watching.cancel()
    store.close()
    if not status.caught_up:
        raise SystemExit(f"bench: the index stopped at block {status.block_number}")
    return {
        "events": status.logs,
        "seconds": round(seconds, 3),
        "cpu_seconds": round(cpu, 3),
        "peak_rss_mb": peak_mb(),
        "marks": [*marks, (status.logs, round(seconds, 3), peak_mb())],
        "indexes": indexes,
    }


def peak_mb() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6, 1)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("deployment", type=Path)
    parser.add_argument("node")
    parser.add_argument("database")
    parser.add_argument("--record", type=Path)
    print(json.dumps(asyncio.run(index(parser.parse_args()))))


if __name__ == "__main__":
    main()
