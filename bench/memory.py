"""Memory of `berth up` with a real city in it and people searching.

    python bench/memory.py                      20 s of searches by 4 people at once
    python bench/memory.py --seconds 60 --threads 8 --spaces 40

Starts `berth up` in a folder of its own, imports and anchors Melbourne as `berth titles` does, in a
process beside it (from BERTH_DATA or ../shared/data; where that is absent a generated city of 120
bays, and then says so), lists spaces of twenty owners the way owners do, through the API, and has
several threads search at random places and windows.

Reports the resident memory of the Python process of `berth up`: VmRSS, sampled five times a second,
and VmHWM, the kernel's own high-water mark. Ganache and the simulated locks are processes of their
own and are shown beside it. Ends with one JSON line.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from berth.chain.local import free_port
from berth.cli.demo import owners
from berth.cli.demo.narrate import Narrator
from berth.cli.demo.owners import Wish
from berth.cli.demo.play import open_stage
from berth.cli.demo.stage import Stage
from berth.cli.platform.running import Running
from berth.core.clock import WallClock
from berth.core.ids import city_number
from berth.core.settings import load_settings
from berth.core.slots import SLOT_SECONDS, ceil_slot
from berth.market.titles.importer import Import, import_titles
from berth.market.titles.publish import publish_titles
from rich.console import Console

GOAL_MB = 300
SAMPLE_SECONDS = 0.2


def main() -> int:
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory(prefix="berth-bench-") as folder:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("BERTH_")},
            "BERTH_HOME": folder,
            "BERTH_DATA": str(load_settings().data),
            "BERTH_HTTP_PORT": str(free_port()),
            "BERTH_LOG_LEVEL": "warning",
        }
        with platform(environment, Path(folder)) as running:
            figures = asyncio.run(measure(environment, running, arguments))
    figures |= {"goal_mb": GOAL_MB}
    print(json.dumps({"bench": "memory", **figures}))
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Memory of `berth up` under searches.")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long to search")
    parser.add_argument("--threads", type=int, default=4, help="people who search at once")
    parser.add_argument("--spaces", type=int, default=20, help="spaces that are listed")
    return parser.parse_args()


@contextmanager
def platform(environment: dict[str, str], folder: Path) -> Iterator[Running]:
    """A running `berth up`, ended with SIGTERM."""
    command = [sys.executable, "-m", "berth.cli.main", "up", "--json"]
    command += ["--chain-port", "0", "--mqtt-port", "0"]
    log = folder / "up.log"
    print("starting berth up; the first time it deploys the contracts", flush=True)
    with log.open("wb") as errors:
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            sys.exit(f"bench/memory.py: berth up did not start: {log.read_text()[-1000:]}")
        yield Running(**json.loads(line))
    finally:
        process.terminate()
        process.wait(30)


async def measure(
    environment: dict[str, str], running: Running, arguments: argparse.Namespace
) -> dict[str, Any]:
    tell("fresh", running.pid)
    unheard = Narrator(Console(file=io.StringIO()))
    async with open_stage(load_settings(environment), running, unheard) as stage:
        titles = await anchor(stage)
        tell(f"{titles:,} titles of {stage.city.name} loaded", running.pid)
        await list_spaces(stage, arguments.spaces)
        tell(f"{arguments.spaces} spaces listed, each with a lock", running.pid)
        moment, place = await stage.now(), stage.city.destination
        city = "generated" if stage.city.generated else stage.city.code
    samples, answers = search(running, arguments, moment, place)
    rss, peak = statistics.median(samples), field_mb(running.pid, "VmHWM")
    tell("after the searches", running.pid)
    found = sum(count for _, count in answers)
    times = sorted(took * 1000 for took, _ in answers)
    print(
        f"{len(answers):,} searches in {arguments.seconds:.0f} s by {arguments.threads} threads, "
        f"{found / len(answers):.1f} candidates each, median {times[len(times) // 2]:.0f} ms"
    )
    print(
        f"resident: median {rss:.0f} MB, highest sample {max(samples):.0f} MB, "
        f"peak {peak:.0f} MB of {GOAL_MB} MB: {'held' if peak < GOAL_MB else 'MISSED'}"
    )
    for name, megabytes in beside(running.pid):
        print(f"  beside it: {name} {megabytes:.0f} MB")
    return {
        "city": city,
        "titles": titles,
        "spaces": arguments.spaces,
        "rss_mb": round(rss, 1),
        "peak_mb": round(peak, 1),
        "searches": len(answers),
    }


async def anchor(stage: Stage) -> int:
    """Imports and anchors the city; the number of titles."""
    city = stage.city
    if city.generated:
        print("no Melbourne file: this is a small generated city")
    source = Import(city.file, city.format, city=city.code, name=city.name)
    imported = import_titles(stage.store, stage.settings.home, source, WallClock())
    await publish_titles(
        stage.store,
        stage.rpc,
        stage.deployment,
        stage.parties.key("registry"),
        city_number(city.code),
    )
    return int(imported.edition.count)


async def list_spaces(stage: Stage, count: int) -> None:
    """Owners one after another, each with a title of their own around the centre."""
    chance = random.Random(23864)
    lat, lon = stage.city.destination
    spread = 0.0004 if stage.city.generated else 0.01
    for number in range(count):
        near = lat + chance.uniform(-spread, spread), lon + chance.uniform(-spread, spread)
        charger = number % 3 != 0
        price = chance.randrange(300_000, 2_000_000, 50_000)
        wish = Wish(
            f"Owner {number + 1}",
            near,
            price,
            500_000 if charger else 0,
            ("type2",) if charger else (),
            11_000 if charger else 0,
        )
        papers = await owners.gather_papers(stage, wish)
        await owners.publish(stage, papers, await owners.register(stage, papers))


def search(
    running: Running, arguments: argparse.Namespace, moment: int, place: tuple[float, float]
) -> tuple[list[float], list[tuple[float, int]]]:
    """(resident memory in MB, sampled meanwhile; seconds and candidates of every search)."""
    end = time.monotonic() + arguments.seconds
    answers: list[tuple[float, int]] = []
    problems: list[str] = []

    def person(number: int) -> None:
        chance = random.Random(number)
        with httpx.Client(base_url=running.http, trust_env=False, timeout=30) as http:
            while time.monotonic() < end:
                began = time.monotonic()
                answer = http.post("/v1/search", json=wanted(chance, moment, place))
                if answer.status_code == 429:
                    time.sleep(0.1)
                elif answer.status_code != 200:
                    problems.append(answer.text[:300])
                    return
                else:
                    answers.append((time.monotonic() - began, len(answer.json()["items"])))

    threads = [threading.Thread(target=person, args=(n,)) for n in range(arguments.threads)]
    for thread in threads:
        thread.start()
    samples = [field_mb(running.pid, "VmRSS")]
    while time.monotonic() < end:
        time.sleep(SAMPLE_SECONDS)
        samples.append(field_mb(running.pid, "VmRSS"))
    for thread in threads:
        thread.join()
    if problems or not answers:
        sys.exit(f"bench/memory.py: searches failed: {problems[:1]}")
    return samples, answers


def wanted(chance: random.Random, moment: int, place: tuple[float, float]) -> dict[str, Any]:
    """A search that somebody could make: a place near the centre, a window in the coming days."""
    lat, lon = place
    start = (ceil_slot(moment) + chance.randrange(1, 400)) * SLOT_SECONDS
    end = start + chance.randrange(1, 32) * SLOT_SECONDS
    point = [lon + chance.uniform(-0.01, 0.01), lat + chance.uniform(-0.01, 0.01)]
    body: dict[str, Any] = {
        "place": {"point": {"type": "Point", "coordinates": point}, "radiusM": 2000},
        "window": {"start": rfc3339(start), "end": rfc3339(end)},
        "vehicle": {"heightCm": 156, "widthCm": 185, "lengthCm": 430},
    }
    if chance.random() < 0.5:
        body["charger"] = {"connector": "type2", "minPowerW": 7000, "energyKwh": 10}
    return body


def rfc3339(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def tell(when: str, pid: int) -> None:
    print(f"{when}: {field_mb(pid, 'VmRSS'):.0f} MB resident", flush=True)


def field_mb(pid: int, name: str) -> float:
    """A size out of /proc/PID/status, MB of 10^6 bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024 / 1e6
    sys.exit(f"bench/memory.py: no {name} in /proc/{pid}/status (Linux only)")


def beside(parent: int) -> list[tuple[str, float]]:
    """The chain and the locks' programs, which are processes of their own: name, the largest."""
    sizes: dict[str, list[float]] = {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            if f"\nPPid:\t{parent}\n" not in status.read_text():
                continue
            command = (status.parent / "cmdline").read_bytes()
        except OSError:
            continue
        name = "program of simulated locks" if b"simulate" in command else "Ganache"
        sizes.setdefault(name, []).append(field_mb(int(status.parent.name), "VmRSS"))
    return [(f"{len(all_)} x {name}, at most", max(all_)) for name, all_ in sorted(sizes.items())]


if __name__ == "__main__":
    sys.exit(main())
