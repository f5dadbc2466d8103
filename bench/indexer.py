"""The index made from a market's whole history, beside Ponder and beside fetching alone.

    python bench/indexer.py                              100,000 events, three rounds
    python bench/indexer.py --events 1000000 --rounds 1  how the rate holds while the tables grow
    python bench/indexer.py --without-ponder             ours and the ceiling only
    python bench/indexer.py --history FOLDER             a history that is served

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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from backfill.ponder import PonderRun, backfill
from backfill.postgres import Postgres, postgres
from berth.store import open_store
from equality import Digests, differences, digests
from history.make import History, play, start_chain

HERE = Path(__file__).resolve().parent
#: Factor over Ponder with an empty cache and with a full one, share of the ceiling, and the most
#: that the rate may fall from 10,000 events on.
GOALS = {"ratio_cold": 10.0, "ratio_cached": 1.5, "share_of_ceiling": 0.5, "fall": 0.2}
#: A history shorter than this says nothing of how the rate holds.
EARLY = 10_000
CEILING = "fetch and decode only"
OURS = {"SQLite": "Berth, SQLite", "PostgreSQL": "Berth, PostgreSQL"}


@dataclass(frozen=True)
class Pace:
    """Events a second of one run: of its first 10,000, of the last tenth before the secondary
    indexes are made, and of all, which making these belongs to; and the seconds of that."""

    first_10k: float
    last_tenth: float
    whole: float
    index_seconds: float
    #: Of the first 10,000, 100,000 and so on: events a second, and the peak of memory, MB.
    reached: dict[int, tuple[float, float]]


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
    paces: dict[str, list[Pace]] = field(default_factory=lambda: defaultdict(list))
    truth: Digests | None = None
    #: Logs that were asked for, of each that there is.
    asked: float = 0.0

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
            if pace := pace_of(found["marks"], found["indexes"]):
                self.paces[name].append(pace)

    def ponder(self, name: str, run: PonderRun) -> None:
        self.agree(name, run.digests)
        self.took(name, run.seconds, run.cpu_seconds, run.peak_rss_mb)

    def ceiling(self, requests: Path) -> None:
        found = child([str(HERE / "backfill" / "ceiling.py"), self.history.url, str(requests)])
        if found["logs"] < self.history.events:
            sys.exit(f"bench: the ceiling read {found['logs']} of {self.history.events} events")
        self.asked = round(found["logs"] / self.history.events, 4)
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
        with history_of(arguments, folder) as (history, deployment):
            print(
                f"{history.events:,} events in {history.transactions:,} transactions and"
                f" {history.last_block:,} blocks, played in {history.seconds:.0f} s",
                flush=True,
            )
            bench = Bench(history, deployment, folder, server)
            requests = folder / "requests"
            bench.ours("recording", sqlite(folder, "recording"), record=requests)
            for number in range(arguments.rounds):
                print(f"round {number + 1} of {arguments.rounds}", flush=True)
                play_round(bench, number, requests, arguments.with_ponder)
    return report(bench)


@contextmanager
def history_of(arguments: argparse.Namespace, folder: Path) -> Iterator[tuple[History, Path]]:
    """The history and the file of its deployment, as long as its node runs."""
    if arguments.history is not None:
        yield played(arguments.history), arguments.history / "deployment.json"
        return
    print(f"playing {arguments.events:,} events on anvil", flush=True)
    node, deployment = start_chain(folder / "chain")
    with node:
        history = play(node, deployment, arguments.events, tell_now_and_then())
        yield history, folder / "chain" / "deployment.json"


def played(folder: Path) -> History:
    """What bench/history/make.py left in the folder. Ends the program when its node is gone."""
    try:
        history = History(**json.loads((folder / "history.json").read_text()))
        call = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}
        answer = httpx.post(history.url, json=call, timeout=60, trust_env=False).json()
        head = int(answer["result"], 16)
    except FileNotFoundError:
        sys.exit(f"bench: {folder} holds no history.json: bench/history/make.py is not done there")
    except (httpx.HTTPError, ValueError, TypeError, KeyError) as error:
        sys.exit(f"bench: the history of {folder} is not served any more: {error}")
    if head != history.last_block:
        sys.exit(f"bench: the node is at block {head}, the history ends at {history.last_block}")
    return history


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Backfill, side by side.")
    parser.add_argument("--events", type=int, default=100_000, help="length of the history")
    parser.add_argument(
        "--history", type=Path, help="folder of a history played by bench/history/make.py"
    )
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


def pace_of(marks: list[tuple[int, float, float]], indexes: list[float]) -> Pace | None:
    """The rates of a run; None of one too short to tell."""
    began, ended = indexes or (marks[-1][1], marks[-1][1])
    events, seconds, _ = marks[-1]
    growing = [mark for mark in marks if mark[1] <= began]
    if not growing or growing[-1][0] < 2 * EARLY:
        return None
    first = next(mark for mark in growing if mark[0] >= EARLY)
    last = growing[-1]
    tenth = max((mark for mark in growing[:-1] if mark[0] <= last[0] * 0.9), default=first)
    if last[1] <= tenth[1]:
        return None
    return Pace(
        first[0] / first[1],
        (last[0] - tenth[0]) / (last[1] - tenth[1]),
        events / seconds,
        ended - began,
        dict(reached(growing)),
    )


def reached(marks: list[tuple[int, float, float]]) -> Iterator[tuple[int, tuple[float, float]]]:
    number = EARLY
    for events, seconds, peak in marks:
        while events >= number:
            yield number, (events / seconds, peak)
            number *= 10


def holding(paces: list[Pace]) -> dict[str, Any]:
    """How the rate holds, medians of the runs. `fall` is the larger of the two falls from the best
    rate until 10,000, 100,000 and so on, for the first 10,000 include a slow start: to the whole
    run, and to the last tenth before the indexes are made."""
    if not paces:
        return {}
    first, last, whole, indexes = (
        statistics.median(getattr(pace, name) for pace in paces)
        for name in ("first_10k", "last_tenth", "whole", "index_seconds")
    )
    milestones = {
        number: {
            "events_per_second": round(statistics.median(p.reached[number][0] for p in paces)),
            "peak_mb": max(pace.reached[number][1] for pace in paces),
        }
        for number in sorted(set.intersection(*(set(pace.reached) for pace in paces)))
    }
    best = max(first, *(figures["events_per_second"] for figures in milestones.values()))
    to_whole, to_last = (round(max(0.0, 1 - later / best), 3) for later in (whole, last))
    return {
        "first_10k": round(first),
        "last_tenth": round(last),
        "whole": round(whole),
        "index_seconds": round(indexes, 2),
        "fall_to_last_tenth": to_last,
        "fall_to_whole": to_whole,
        "fall": max(to_whole, to_last),
        "reached": milestones,
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
    held = {ours.lower(): holding(bench.paces[name]) for ours, name in OURS.items()}
    print()
    missed = {}
    for database, found in ratios.items():
        for goal, value in found.items():
            met = value >= GOALS[goal]
            verdict = "met" if met else "MISSED"
            print(f"{database:<12}{goal:<18}{value:>8} of {GOALS[goal]}: {verdict}")
            if not met:
                missed[f"{database}.{goal}"] = value
    for database, pace in held.items():
        if not pace:
            continue
        met = pace["fall"] <= GOALS["fall"]
        print(
            f"{database:<18}{'fall':<18}{pace['fall']:>8} of at most {GOALS['fall']}:"
            f" {'met' if met else 'MISSED'}\n"
            f"    events/s: {pace['first_10k']:,} of the first 10,000;"
            f" {pace['last_tenth']:,} of the last tenth before the indexes"
            f" (fall {pace['fall_to_last_tenth']});"
            f" {pace['whole']:,} of all with the indexes, which took {pace['index_seconds']} s"
            f" (fall {pace['fall_to_whole']})"
        )
        for number, figures in pace["reached"].items():
            print(
                f"    {number:,} events: {figures['events_per_second']:,} a second until then,"
                f" at most {figures['peak_mb']:,.0f} MB"
            )
        if not met:
            missed[f"{database}.fall"] = pace["fall"]
    print(f"logs asked for, of each that there is: {bench.asked}")
    rates = {name: bench.rate(name) for name in bench.seconds}
    line = {
        "bench": "indexer",
        "events": bench.history.events,
        "rounds": len(bench.seconds[OURS["SQLite"]]),
        "events_per_second": rates,
        "asked_per_log": bench.asked,
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
