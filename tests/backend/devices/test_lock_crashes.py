"""Power cuts: what a lock does after one, and what it does not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from berth.core.errors import BerthError
from berth.devices.protocol import Ack, Hello, State
from berth.devices.simulator.hardware import Hardware
from berth.devices.simulator.journal import Journal
from berth.devices.simulator.memory import remember

from tests.backend.devices.locks import LEASE, PLATE, START, Bench

TESTS = Path(__file__).parent


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


_KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from berth.devices.simulator.hardware import Hardware
from berth.devices.simulator.home import open_home
from berth.devices.simulator.lock import Lock
from locks import TIMING, Time

class Killed(Hardware):
    async def move(self, target, blocked):
        if sys.argv[3] == "midway":
            self._set("between")
        os.kill(os.getpid(), signal.SIGKILL)

async def main():
    home = open_home(Path(sys.argv[1]))
    time = Time()
    lock = Lock(home, time, TIMING, monotonic=time.monotonic,
                hardware=Killed(home.folder / "hardware.json", 0.01))
    lock.greet(lambda leaf, data, kept: print(leaf, data.decode(), flush=True))
    for line in sys.stdin:
        lock.hear_command(line.strip().encode())
        await lock.settled()

asyncio.run(main())
"""


def kill_while_lowering(bench: Bench, when: str) -> str:
    """A process of its own obeys a ticket and is killed as its motor is about to start, or midway.
    Returns the command's id."""
    bench.give(bench.grant())
    bench.world(plate=PLATE)
    program = subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(bench.home.folder), str(TESTS), when],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
    )
    assert program.stdin is not None
    assert program.stdout is not None
    leaf, said = program.stdout.readline().split(" ", 1)
    assert leaf == "hello"
    hello = json.loads(said)["payload"]
    ticket = bench.ticket("lower", id="dead0001", boot=hello["boot"], nonce=hello["nonce"])
    program.stdin.write(ticket + "\n")
    program.stdin.flush()
    rest = program.stdout.read()
    assert program.wait(20) == -signal.SIGKILL
    assert '"outcome":"accepted"' in rest
    assert '"outcome":"done"' not in rest
    return "dead0001"


async def test_killed_between_journal_and_motor_it_reports_and_does_not_move(
    bench: Bench,
) -> None:
    command = kill_while_lowering(bench, "before")
    bench.said.clear()
    bench.start()
    hello = bench.last(Hello)
    assert hello.interrupted == command
    assert (hello.last.command, hello.last.outcome) == (command, "interrupted")
    assert hello.position == "LOCKED"
    for _ in range(5):
        bench.time.pass_(1000)
        bench.lock.tick()
    await bench.lock.settled()
    assert bench.lock.reports.position == "LOCKED"
    assert bench.lock.hardware.sense() == "up"


async def test_killed_midway_it_senses_the_bar_and_waits_for_a_fresh_ticket(
    bench: Bench,
) -> None:
    command = kill_while_lowering(bench, "midway")
    bench.start()
    assert bench.last(Hello).position == "JAMMED"
    assert bench.last(State).faults == ["bar_position"]
    bench.time.at = START
    bench.lock.tick()
    bench.tell(bench.ticket("lower", id=command))  # the same command again: answered, not obeyed
    await bench.lock.settled()
    assert bench.last(Ack).outcome == "interrupted"
    assert bench.lock.reports.position == "JAMMED"
    bench.tell(bench.ticket("lower"))
    await bench.lock.settled()
    assert bench.lock.reports.position == "UNLOCKED"
    assert bench.last(Hello).interrupted is None


def test_a_line_cut_short_by_a_crash_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.append("boot", boot=1)
    journal.close()
    with path.open("ab") as file:
        file.write(b'{"k":"intent","comm')
    journal = Journal(path)
    assert journal.records == [{"k": "boot", "boot": 1}]
    journal.append("boot", boot=2)
    journal.close()
    assert remember(Journal(path)).boot == 2


def test_damage_in_the_middle_of_the_journal_stops_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b'{"k":"boot","boot":1}\n{"k":"outc\n{"k":"boot","boot":2}\n')
    with pytest.raises(BerthError, match="line 2"):
        Journal(path)


async def test_a_compacted_journal_folds_to_the_same_memory(bench: Bench) -> None:
    await bench.lower()
    bench.world(vehicle=True)
    bench.lock.lost()
    for _ in range(600):
        bench.time.pass_(60)
        bench.lock.tick()
    before = bench.lock.memory
    bench.start()
    lines = (bench.home.folder / "journal.jsonl").read_text().count("\n")
    assert lines < 20
    bench.start()
    after = bench.lock.memory
    for name in ("cycle", "lowered_for", "arrived_at", "seen_at", "left", "grants", "ended"):
        assert getattr(after, name) == getattr(before, name)
    assert after.unacknowledged.keys() == {(LEASE, 1)}
    assert after.boot > before.boot


async def test_the_intent_is_on_disk_before_the_motor_starts(tmp_path: Path) -> None:
    seen: list[str] = []

    class Watching(Hardware):
        async def move(self, target: Any, blocked: Any) -> Any:
            seen.append((tmp_path / "journal.jsonl").read_text().splitlines()[-1])
            return await super().move(target, blocked)

    bench = Bench(tmp_path)
    bench.start(Watching(tmp_path / "hardware.json", 0.01))
    await bench.lower()
    assert json.loads(seen[0])["k"] == "intent"
