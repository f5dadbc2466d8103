"""The index made from a market's whole history, beside Ponder and beside fetching alone.

    python bench/indexer.py                              100,000 events, three rounds
    python bench/indexer.py --events 1000000 --rounds 1  how the rate holds while the tables grow
    python bench/indexer.py --without-ponder             ours and the ceiling only

One anvil serves everybody. A round runs, one after another: Berth on SQLite, Ponder cold on its
PGlite, the ceiling, Berth on PostgreSQL, Ponder cold on PostgreSQL, Ponder again on what its sync
cache holds. Medians of the rounds are compared. Times begin with the first look at the chain, so
that nobody's start of the program counts. Every run's tables are held against Berth's, row by row;
where one differs the benchmark fails. Ends with one JSON line. See docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backfill.ponder import PonderRun, backfill
from backfill.postgres import Postgres, postgres
from berth.store import open_store
from equality import Digests, differences, digests
from history.make import History, play, start_chain

HERE = Path(__file__).resolve().parent
#: Factor over Ponder with an empty cache and with a full one, share of the ceiling, and the most
#: that the rate may fall from the first 10,000 events to the last.
GOALS = {"ratio_cold": 10.0, "ratio_cached": 1.5, "share_of_ceiling": 0.5, "fall": 0.2}
#: A history shorter than this says nothing of how the rate holds.
EARLY = 10_000
CEILING = "fetch and decode only"
OURS = {"SQLite": "Berth, SQLite", "PostgreSQL": "Berth, PostgreSQL"}


@dataclass
class Bench:
    """The runs so far: seconds by name, peaks in MB, and the tables that all must agree on."""

    history: History
    deployment: Path
    folder: Path
    server: Postgres
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    cpu: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    peaks: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    marks: dict[str, list[list[tuple[int, float]]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    truth: Digests | None = None

    def ours(self, name: str, database: str, *, record: Path | None = None) -> None:
        """A run of Berth; one that records is not timed."""
        command = [str(HERE / "backfill" / "ours.py"), str(self.deployment), self.history.url]
        command += [database, *(["--record", str(record)] if record else [])]
        found = child(command)
        if found["events"] != self.history.events:
            sys.exit(f"bench: {found['events']} of {self.history.events} events were indexed")
        store = open_store(database)
        self.agree(name, digests(store))
        store.close()
        if record is None:
            self.took(name, found["seconds"], found["cpu_seconds"], found["peak_rss_mb"])
            self.marks[name].append(found["marks"])

    def ponder(self, name: str, run: PonderRun) -> None:
        self.agree(name, run.digests)
        self.took(name, run.seconds, run.cpu_seconds, run.peak_rss_mb)

    def ceiling(self, requests: Path) -> None:
        found = child([str(HERE / "backfill" / "ceiling.py"), self.history.url, str(requests)])
        if found["logs"] != self.history.events:
            sys.exit(f"bench: the ceiling read {found['logs']} of {self.history.events} events")
        self.took(CEILING, found["seconds"], found["cpu_seconds"], 0.0)

    def agree(self, name: str, found: Digests) -> None:
        if self.truth is None:
            self.truth = found
        elif unlike := differences(self.truth, found):
            sys.exit(f"bench: {name} disagrees with the first run: {'; '.join(unlike)}")

    def took(self, name: str, seconds: float, cpu: float, peak: float) -> None:
        self.seconds[name].append(seconds)
        self.cpu[name].append(cpu)
        self.peaks[name] = max(self.peaks[name], peak)
        rate = self.history.events / seconds
        print(f"  {name:<28}{seconds:>9.2f} s{rate:>11,.0f} events/s", flush=True)

    def median(self, name: str) -> float | None:
        found = self.seconds.get(name)
        return statistics.median(found) if found else None

    def rate(self, name: str) -> int | None:
        median = self.median(name)
        return None if median is None else round(self.history.events / median)


def main() -> int:
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory(prefix="berth-bench-") as name, postgres() as server:
        folder = Path(name)
        print(f"playing {arguments.events:,} events on anvil", flush=True)
        node, deployment = start_chain(folder / "chain")
        with node:
            history = play(node, deployment, arguments.events, tell_now_and_then())
            print(
                f"{history.events:,} events in {history.transactions:,} transactions and"
                f" {history.last_block:,} blocks, played in {history.seconds:.0f} s",
                flush=True,
            )
            bench = Bench(history, folder / "chain" / "deployment.json", folder, server)
            requests = folder / "requests"
            bench.ours("recording", sqlite(folder, "recording"), record=requests)
            for number in range(arguments.rounds):
                print(f"round {number + 1} of {arguments.rounds}", flush=True)
                play_round(bench, number, requests, arguments.with_ponder)
    return report(bench)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Backfill, side by side.")
    parser.add_argument("--events", type=int, default=100_000, help="length of the history")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is run")
    parser.add_argument(
        "--without-ponder", dest="with_ponder", action="store_false", help="ours and the ceiling"
    )
    return parser.parse_args()


def play_round(bench: Bench, number: int, requests: Path, with_ponder: bool) -> None:
    folder = bench.folder / f"round-{number}"
    folder.mkdir()
    bench.ours(OURS["SQLite"], sqlite(folder, "berth"))
    if with_ponder:
        ponder_twice(bench, "PGlite", folder, None)
    bench.ceiling(requests)
    database = bench.server.create()
    bench.ours(OURS["PostgreSQL"], database)
    bench.server.drop(database)
    if with_ponder:
        database = bench.server.create()
        ponder_twice(bench, "PostgreSQL", folder, database)
        bench.server.drop(database)


def ponder_twice(bench: Bench, kind: str, folder: Path, database: str | None) -> None:
    """With an empty sync cache, then, into another schema, with a full one."""
    # the blocks that follow the last event are empty and not final
    end = bench.history.last_block - 66
    for state in ("cold", "cached"):
        run = backfill(
            bench.deployment,
            bench.history.url,
            end,
            state,
            pglite=folder / "pglite",
            postgres=database,
        )
        bench.ponder(f"Ponder {state}, {kind}", run)


def sqlite(folder: Path, name: str) -> str:
    return f"sqlite:///{folder / name}.sqlite"


def child(command: list[str]) -> dict[str, Any]:
    """A benchmark process's one line of JSON."""
    done = subprocess.run([sys.executable, *command], stdout=subprocess.PIPE, check=False)
    if done.returncode:
        sys.exit(f"bench: {Path(command[0]).name} ended with status {done.returncode}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def tell_now_and_then() -> Any:
    last = [time.monotonic()]

    def tell(events: int) -> None:
        if time.monotonic() - last[0] > 20:
            last[0] = time.monotonic()
            print(f"  {events:,} events", flush=True)

    return tell


def holding(bench: Bench) -> dict[str, Any]:
    """How the rate holds on SQLite, medians of the runs: of the first 10,000 events, of all, and of
    the last tenth, which makes the indexes that a backfill does without. `fall` is how much slower
    the whole is than its beginning."""
    early, late = [], []
    for marks in bench.marks[OURS["SQLite"]]:
        events, seconds = marks[-1]
        if events < 2 * EARLY:
            return {}
        at = next(mark for mark in marks if mark[0] >= EARLY)
        tenth = next(mark for mark in reversed(marks) if mark[0] <= events * 0.9)
        early.append(at[0] / at[1])
        late.append((events - tenth[0]) / (seconds - tenth[1]))
    first, whole = statistics.median(early), bench.rate(OURS["SQLite"]) or 0
    return {
        "first_10k": round(first),
        "whole": whole,
        "last_tenth": round(statistics.median(late)),
        "fall": round(max(0.0, 1 - whole / first), 3),
    }


def report(bench: Bench) -> int:
    """The table, the goals, the JSON line."""
    print(f"\n{'median of the rounds':<30}{'seconds':>9}{'CPU s':>8}{'events/s':>11}{'peak MB':>9}")
    for name, seconds in bench.seconds.items():
        peak = f"{bench.peaks[name]:>9,.0f}" if bench.peaks[name] else f"{'':>9}"
        median, cpu = statistics.median(seconds), statistics.median(bench.cpu[name])
        print(f"{name:<30}{median:>9.2f}{cpu:>8.2f}{bench.rate(name):>11,}{peak}")
    ratios: dict[str, dict[str, float]] = {}
    for ours, theirs in (("SQLite", "PGlite"), ("PostgreSQL", "PostgreSQL")):
        own = bench.median(OURS[ours])
        assert own is not None
        found = {}
        for state in ("cold", "cached"):
            peer = bench.median(f"Ponder {state}, {theirs}")
            if peer is not None:
                found[f"ratio_{state}"] = round(peer / own, 2)
        ceiling = bench.median(CEILING)
        assert ceiling is not None
        found["share_of_ceiling"] = round(ceiling / own, 3)
        ratios[ours.lower()] = found
    held = holding(bench)
    print()
    missed = {}
    for database, found in ratios.items():
        for goal, value in found.items():
            met = value >= GOALS[goal]
            verdict = "met" if met else "MISSED"
            print(f"{database:<12}{goal:<18}{value:>8} of {GOALS[goal]}: {verdict}")
            if not met:
                missed[f"{database}.{goal}"] = value
    if held:
        met = held["fall"] <= GOALS["fall"]
        print(
            f"{'sqlite':<12}{'fall':<18}{held['fall']:>8} of at most {GOALS['fall']}:"
            f" {'met' if met else 'MISSED'} (events/s: {held['first_10k']:,} at first,"
            f" {held['whole']:,} in all)"
        )
        if not met:
            missed["fall"] = held["fall"]
    rates = {name: bench.rate(name) for name in bench.seconds}
    line = {
        "bench": "indexer",
        "events": bench.history.events,
        "rounds": len(bench.seconds[OURS["SQLite"]]),
        "events_per_second": rates,
        "cpu_seconds": {n: round(statistics.median(cpu), 2) for n, cpu in bench.cpu.items()},
        **ratios,
        "holding": held,
        "peak_rss_mb": {name: peak for name, peak in bench.peaks.items() if peak},
        "missed": missed,
    }
    print(json.dumps(line))
    return 0


if __name__ == "__main__":
    sys.exit(main())
