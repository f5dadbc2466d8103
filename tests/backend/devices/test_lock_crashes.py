"""Power cuts: what a lock does after one, and what it does not."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import pytest
from berth.core.errors import BerthError
from berth.devices.protocol import Ack, Hello, State
from berth.devices.simulator.hardware import Hardware
from berth.devices.simulator.journal import Journal
from berth.devices.simulator.memory import remember

from tests.backend.devices.locks import LEASE, PLATE, START, TIMING, Bench, until

#: The next driver's lease of the same space.
NEXT = LEASE[:-1] + "2"

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


def test_a_line_that_does_not_fit_on_the_disk_is_an_error_and_takes_no_other_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, write = tmp_path / "journal.jsonl", os.write
    journal = Journal(path)
    journal.append("boot", boot=1)
    with monkeypatch.context() as full:
        full.setattr(os, "write", lambda file, data: write(file, data[:9]))
        with pytest.raises(OSError, match="No space"):  # so nothing moves
            journal.append("intent", command="a")
    journal.append("boot", boot=2)
    journal.close()
    assert [record["boot"] for record in Journal(path).records] == [1, 2]


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


# ---- the power goes as the bar has arrived, before the journal knows


class Arriving(Hardware):
    """The power goes at the end of its way to `at`."""

    at: Literal["up", "down"] = "up"

    async def move(self, target: Literal["up", "down"], blocked: Any) -> Any:
        if target != self.at:
            return await super().move(target, blocked)
        self._set(target)
        return await asyncio.Event().wait()


async def cut_at_the_end(bench: Bench, way: Literal["up", "down"]) -> None:
    """The bar is there; the command's end is not in the journal."""
    there = Arriving(bench.home.folder / "hardware.json", 0.01)
    there.at = way
    bench.start(there)
    if way == "up":
        await bench.lower()
        bench.world(vehicle=True)
        bench.world()
        bench.time.pass_(TIMING.debounce + 1)
        bench.tell(bench.ticket("raise"))
    else:
        bench.give(bench.grant())
        bench.world(plate=PLATE)
        bench.tell(bench.ticket("lower"))
    lock = bench.lock
    await until(lambda: there.sense() == way)
    assert lock._motion is not None
    lock._motion.cancel()
    await asyncio.gather(lock._motion, return_exceptions=True)
    bench.start()


async def test_a_bar_that_came_up_as_the_power_went_is_down_for_nobody(bench: Bench) -> None:
    await cut_at_the_end(bench, "up")
    hello = bench.last(Hello)
    assert (hello.position, hello.last.outcome, hello.cycle) == ("LOCKED", "interrupted", 1)
    assert bench.last(State).lease_id is None
    assert {kind for _, kind in bench.lock.memory.unacknowledged} == {1, 2}  # came, and left
    # the next driver gets in
    bench.give(bench.grant(lease=NEXT))
    bench.world(plate=PLATE)
    bench.tell(bench.ticket("lower", lease=NEXT))
    await bench.lock.settled()
    assert bench.last(Ack).reason is None
    assert (bench.lock.reports.position, bench.last(State).lease_id) == ("UNLOCKED", NEXT)
    bench.start()  # and it is remembered once: the cycle is the same
    assert bench.last(Hello).cycle == 1
    assert bench.last(State).lease_id == NEXT


@pytest.mark.parametrize(
    ("world", "why"),
    [
        ({"plate": "THIEF1"}, "plate.mismatch"),
        ({}, "plate.missing"),
        ({"vehicle": True, "plate": PLATE}, "bay.occupied"),
    ],
)
async def test_a_bar_that_is_down_for_nobody_yet_is_given_to_nobody_unseen(
    bench: Bench, world: dict[str, Any], why: str
) -> None:
    await cut_at_the_end(bench, "down")
    assert bench.last(Hello).position == "UNLOCKED"
    assert bench.last(State).lease_id is None
    bench.world(**world)
    bench.tell(bench.ticket("lower"))
    await bench.lock.settled()
    assert bench.last(Ack).reason == why
    assert bench.last(State).lease_id is None
    assert bench.lock.memory.unacknowledged == {}  # nobody has arrived on the lease's account
    bench.world(plate=PLATE)
    bench.tell(bench.ticket("lower"))
    await bench.lock.settled()
    assert bench.last(State).lease_id == LEASE


class Dead(BaseException):
    """The power is gone."""


@pytest.mark.parametrize("written", [1, 2, 3])
@pytest.mark.parametrize("kind", [1, 2])
async def test_a_power_cut_between_two_lines_of_the_journal_loses_no_evidence(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, kind: int, written: int
) -> None:
    await bench.lower()
    if kind == 2:
        bench.world(vehicle=True)
        bench.world()
        bench.time.pass_(TIMING.debounce + 1)
    append, lines = Journal.append, iter(range(1, 99))

    def dying(journal: Journal, kind: str, /, **fields: Any) -> Any:
        record = append(journal, kind, **fields)
        if next(lines) == written:
            raise Dead
        return record

    monkeypatch.setattr(Journal, "append", dying)
    with contextlib.suppress(Dead):
        if kind == 1:
            bench.world(vehicle=True)
        else:
            bench.lock.tick()
    monkeypatch.undo()
    bench.start()
    bench.time.pass_(TIMING.debounce + 1)
    bench.lock.tick()
    await bench.lock.settled()
    assert {one for _, one in bench.lock.memory.unacknowledged} == set(range(1, kind + 1))
