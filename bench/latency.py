"""From a mined block to the command that lowers the bar, at the lock; beside the bare minimum.

    python bench/latency.py                 300 leases
    python bench/latency.py --leases 50

anvil, a broker (Mosquitto where it is installed), Berth's real index, relay and signer in a process
of their own, and a device that plays the locks. Each lease is booked; its driver has arrived and
has signed, its lock has said a signed hello: all that is missing is one more block. That block is
mined, and the time until the ticket arrives is taken. In turn with it, in the same run: a program
that on a new head asks for its logs once and publishes once, to the same device. Whoever is not
being measured is stopped, so that neither disturbs the other. Ends with one JSON line.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from anvil import Anvil
from arrival.broker import broker
from arrival.street import Locks, Place, Street
from berth.chain.child import dying_with_parent
from berth.core.deployment import load_deployment
from berth.core.sealed import Sealer
from berth.devices.mqtt import BrokerLogin
from berth.store import Store, open_store
from berth.store.derived import cursor
from berth.store.kept import commands
from cryptography.fernet import Fernet
from history.make import start_chain
from sqlalchemy import select

HERE = Path(__file__).resolve().parent / "arrival"
GOAL = 1.5
BARE_TOPIC = "bench/bare"
#: Longest wait for anything, seconds.
LIMIT = 20.0
READY_SECONDS = 60.0
#: Leases whose times are not counted.
WARM_UP = 10


class Program:
    """A process that can be stopped and let go on. What it says goes into a file, for a pipe that
    nobody reads would hold it up; its line `ready` is waited for."""

    def __init__(self, name: str, arguments: list[str], folder: Path) -> None:
        path = folder / f"{name}.log"
        with path.open("wb") as log:
            self._process = subprocess.Popen(
                dying_with_parent([sys.executable, str(HERE / f"{name}.py"), *arguments]),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + READY_SECONDS
        while "ready\n" not in path.read_text():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._process.kill()
                sys.exit(f"bench: {name} does not start:\n{path.read_text()[-2000:]}")
            time.sleep(0.05)
        self.pid = self._process.pid

    def halt(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def end(self) -> None:
        self.resume()
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def program(name: str, arguments: list[str], folder: Path) -> Iterator[Program]:
    running = Program(name, arguments, folder)
    try:
        yield running
    finally:
        running.end()


class Measuring:
    """One lease after the other."""

    def __init__(self, node: Anvil, store: Store, street: Street, locks: Locks) -> None:
        self._url = node.url
        self._store, self._street, self._locks = store, street, locks
        self._http = httpx.AsyncClient(trust_env=False, timeout=LIMIT)
        self._chance = random.Random(4)

    async def berth(self, number: int, place: Place) -> float:
        """Seconds from asking for the block to the ticket at the lock."""
        place = self._street.book(place)
        moment, block = await self._mine()
        self._locks.clock = moment
        await self._indexed(block)
        self._street.arrive(place, moment)
        await self._locks.hello(place, number + 1)
        await self._waiting(place)
        await self._rest()
        self._locks.take_waiting()
        began = time.perf_counter()
        mining = asyncio.create_task(self._mine())
        arrived, grants = await self._locks.until_lowered(place, LIMIT)
        _, block = await mining
        await self._indexed(block)
        await self._rest()
        for _, name, payload in self._locks.take_waiting():
            if name.endswith("/grant"):
                grants.append(payload)
        await self._locks.settle(place, self._command(place)["id"], grants)
        return arrived - began

    async def bare(self) -> float:
        """Seconds from asking for the block to the message at the same device."""
        await self._rest()
        block = await self._head() + 1
        self._locks.take_waiting()
        began = time.perf_counter()
        mining = asyncio.create_task(self._mine())
        arrived = await self._locks.until_told(block, LIMIT)
        await mining
        return arrived - began

    async def caught_up(self) -> None:
        """Waits until whoever was stopped has seen all blocks."""
        await self._indexed(await self._head())

    async def drained(self) -> None:
        """The same of the bare program."""
        await self._locks.until_told(await self._head(), LIMIT)

    async def close(self) -> None:
        await self._http.aclose()

    async def _mine(self) -> tuple[int, int]:
        """(timestamp, number) of a new block."""
        await self._call("evm_mine")
        head = await self._call("eth_getBlockByNumber", "latest", False)
        return int(head["timestamp"], 16), int(head["number"], 16)

    async def _head(self) -> int:
        return int(await self._call("eth_blockNumber"), 16)

    async def _call(self, method: str, *params: Any) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        return (await self._http.post(self._url, json=body)).json()["result"]

    async def _indexed(self, block: int) -> None:
        async with asyncio.timeout(LIMIT):
            while True:
                with self._store.read() as conn:
                    read = conn.execute(select(cursor.c.block_number)).scalar()
                if read is not None and read >= block:
                    return
                await asyncio.sleep(0.01)

    async def _waiting(self, place: Place) -> None:
        """Waits until the command is there, and nothing but the depth is missing."""
        deadline = time.monotonic() + LIMIT
        while True:
            row = self._command(place)
            if row is not None and row["reason"] == "lease.shallow":
                return
            if time.monotonic() > deadline:
                found = "no command" if row is None else f"{row['state']}, {row['reason']}"
                sys.exit(f"bench: nothing waits for the block of {place.lease_hex}: {found}")
            await asyncio.sleep(0.01)

    def _command(self, place: Place) -> Any:
        with self._store.read() as conn:
            query = select(commands).where(
                commands.c.lease_id == place.lease_hex, commands.c.action == "lower"
            )
            return conn.execute(query).mappings().first()

    async def _rest(self) -> None:
        """Everybody comes to rest; not in step with anybody's timer."""
        await asyncio.sleep(self._chance.uniform(0.1, 0.2))


async def measure(folder: Path, node: Anvil, url: str, leases: int) -> dict[str, list[float]]:
    deployment = load_deployment(folder / "deployment.json")
    key = Fernet.generate_key()
    (folder / "field.key").write_bytes(key)
    store = open_store(f"sqlite:///{folder / 'berth.sqlite'}")
    street = Street(node, deployment, store, Sealer([key]))
    print(f"registering {leases + WARM_UP} spaces with a lock each", flush=True)
    places = street.open(leases + WARM_UP)
    times: dict[str, list[float]] = {"berth": [], "bare": []}
    ours = program("ours", [str(folder), node.url, node.ws, url], folder)
    least = program("bare", [node.url, node.ws, url, deployment.market, BARE_TOPIC], folder)
    with ours as berth, least as bare:
        async with BrokerLogin.at(url, "locks", "bench").client() as line:
            locks = Locks(line, deployment, BARE_TOPIC)
            listening = asyncio.create_task(locks.listen())
            measuring = Measuring(node, store, street, locks)
            bare.halt()
            for number, place in enumerate(places):
                times["berth"].append(await measuring.berth(number, place))
                berth.halt()
                bare.resume()
                await measuring.drained()
                times["bare"].append(await measuring.bare())
                bare.halt()
                berth.resume()
                await measuring.caught_up()
                if number % 50 == 49:
                    tell(number + 1, times)
            await measuring.close()
            listening.cancel()
    store.close()
    return {name: found[WARM_UP:] for name, found in times.items()}


def tell(done: int, times: dict[str, list[float]]) -> None:
    shown = ", ".join(
        f"{name} p50 {percentile(found, 0.5):.1f} ms" for name, found in times.items()
    )
    print(f"  {done}: {shown}", flush=True)


def percentile(seconds: list[float], share: float) -> float:
    """Milliseconds that this share of the measurements does not exceed."""
    ordered = sorted(seconds)
    return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def main() -> int:
    parser = argparse.ArgumentParser(description="Latency of the unlock, side by side.")
    parser.add_argument("--leases", type=int, default=300)
    parser.add_argument("--keep", type=Path, help="a folder for the logs, kept afterwards")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="berth-bench-") as name:
        folder = arguments.keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        node, _ = start_chain(folder, began=None)
        with node, broker(folder) as line:
            print(f"broker: {line.name}", flush=True)
            times = asyncio.run(measure(folder, node, line.url, arguments.leases))
    return report(line.name, times)


def report(broker_name: str, times: dict[str, list[float]]) -> int:
    shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
    found = {
        name: {key: round(percentile(seconds, share), 2) for key, share in shares.items()}
        for name, seconds in times.items()
    }
    print(f"\n{'ms':<10}{'p50':>8}{'p90':>8}{'p99':>8}")
    for name, figures in found.items():
        print(f"{name:<10}" + "".join(f"{value:>8.1f}" for value in figures.values()))
    ratio = round(found["berth"]["p99"] / found["bare"]["p99"], 2)
    met = ratio <= GOAL
    print(
        f"\np99 is {ratio} times the bare minimum's, {GOAL} at most: {'met' if met else 'MISSED'}"
    )
    line = {
        "bench": "latency",
        "leases": len(times["berth"]),
        "broker": broker_name,
        "ms": found,
        "ratio_p99": ratio,
        "ratio_p50": round(found["berth"]["p50"] / found["bare"]["p50"], 2),
        "goal": GOAL,
        "missed": [] if met else ["ratio_p99"],
    }
    print(json.dumps(line))
    return 0


if __name__ == "__main__":
    sys.exit(main())
