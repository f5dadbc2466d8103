"""A process that does the least an index can do: fetch what Berth fetches, decode the JSON.

    python bench/backfill/ceiling.py NODE_URL REQUESTS

repeats the recorded requests, as many at once as Berth has under way, into typed structs, and keeps
nothing; an answer that Berth cut short is read to its end. Prints one JSON line: logs, requests,
bytes, seconds, seconds of CPU.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections import deque
from pathlib import Path
from typing import Any

import httpx
import msgspec
from berth.chain.wire import Block, Log
from berth.indexer.read_ahead import READ_AHEAD


class Logs(msgspec.Struct):
    result: list[Log]


class Header(msgspec.Struct):
    result: Block | None


_LOGS = msgspec.json.Decoder(Logs)
_HEADERS = msgspec.json.Decoder(list[Header])
_ANY = msgspec.json.Decoder()


async def replay(url: str, requests: deque[bytes]) -> dict[str, Any]:
    count, size, logs = len(requests), 0, 0
    headers = {"Content-Type": "application/json"}

    async def worker(client: httpx.AsyncClient) -> None:
        nonlocal size, logs
        while requests:
            body = requests.popleft()
            content = (await client.post(url, content=body, headers=headers)).content
            size += len(content)
            if b'"eth_getLogs"' in body:
                logs += len(_LOGS.decode(content).result)
            elif body.startswith(b"["):
                _HEADERS.decode(content)
            else:
                _ANY.decode(content)

    async with httpx.AsyncClient(timeout=60, trust_env=False) as client:
        began, busy = time.perf_counter(), time.process_time()
        await asyncio.gather(*(worker(client) for _ in range(READ_AHEAD)))
        seconds, cpu = time.perf_counter() - began, time.process_time() - busy
    return {
        "logs": logs,
        "requests": count,
        "bytes": size,
        "seconds": round(seconds, 3),
        "cpu_seconds": round(cpu, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("node")
    parser.add_argument("requests", type=Path)
    arguments = parser.parse_args()
    requests = deque(arguments.requests.read_bytes().splitlines())
    print(json.dumps(asyncio.run(replay(arguments.node, requests))))


if __name__ == "__main__":
    main()
