"""What a lock does, and above all what it does not do."""

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
from berth.core.ids import parse_lease
from berth.core.messages import occupancy, recover
from berth.devices.protocol import Ack, Fault, Hello, OccupancyRecord, Plate, State
from berth.devices.simulator.hardware import Hardware
from berth.devices.simulator.journal import Journal
from berth.devices.simulator.memory import remember

from tests.backend.devices.locks import DOMAIN, END, LEASE, PLATE, START, TIMING, Bench, until

TESTS = Path(__file__).parent


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


# ---- plates and windows


async def test_the_wrong_plate_keeps_the_bar_up_and_says_why(bench: Bench) -> None:
    bench.give(bench.grant())
    bench.world(plate="XYZ999")
    bench.tell(bench.ticket("camera_on"))
    bench.tell(bench.ticket("lower"))
    await bench.lock.settled()
    assert bench.last(Ack).reason == "plate.mismatch"
    assert bench.lock.reports.position == "LOCKED"
    assert [(p.match, p.reason) for p in bench.all(Plate)] == [(False, "other_vehicle")] * 2
    assert "XYZ999" not in str(bench.said)  # the plate never leaves the lock


async def test_the_right_plate_is_read_however_it_is_written(bench: Bench) -> None:
    bench.give(bench.grant())
    bench.tell(bench.ticket("camera_on"))
    bench.world(plate="abc-123")
    reading = bench.last(Plate)
    assert (reading.match, reading.reason, reading.lease_id) == (True, None, LEASE)
    assert reading.confidence == 0.98


async def test_the_car_that_matched_and_was_replaced_does_not_open(bench: Bench) -> None:
    bench.give(bench.grant())
    bench.world(plate=PLATE)
    bench.tell(bench.ticket("camera_on"))
    assert bench.last(Plate).match
    bench.world(plate="THIEF1")
    bench.tell(bench.ticket("lower"))
    await bench.lock.settled()
    assert bench.last(Ack).reason == "plate.mismatch"
    bench.world(plate=None)
    bench.tell(bench.ticket("lower"))
    assert bench.last(Ack).reason == "plate.missing"


@pytest.mark.parametrize("world", [{"plate": PLATE, "confidence": 0.5}, {"plate": "?"}])
async def test_a_plate_that_cannot_be_read_is_said_to_be_unreadable(
    bench: Bench, world: dict[str, Any]
) -> None:
    bench.give(bench.grant())
    bench.world(**world)
    bench.tell(bench.ticket("lower"))
    assert bench.last(Plate).reason == "unreadable"
    assert bench.last(Ack).outcome == "refused"


async def test_a_lease_that_asks_for_no_plate_opens_without_one(bench: Bench) -> None:
    bench.give(bench.grant(requires=["confirm", "near"]))
    bench.tell(bench.ticket("lower"))
    await bench.lock.settled()
    assert bench.lock.reports.position == "UNLOCKED"


@pytest.mark.parametrize(
    ("at", "code"),
    [(START - 901, "grant.early"), (START - 900, None), (END - 1, None), (END, "grant.over")],
)
async def test_the_bar_comes_down_from_15_minutes_before_the_start_until_the_end(
    bench: Bench, at: int, code: str | None
) -> None:
    bench.give(bench.grant())
    bench.world(plate=PLATE)
    bench.time.at = at
    bench.tell(bench.ticket("lower", key=bench.new_day_key()))
    await bench.lock.settled()
    assert bench.lock.reports.position == ("UNLOCKED" if code is None else "LOCKED")
    assert bench.last(Ack).reason == code


async def test_the_camera_goes_on_and_off_by_ticket_and_off_by_itself(bench: Bench) -> None:
    bench.give(bench.grant())
    bench.tell(bench.ticket("camera_on"))
    assert bench.last(State).camera
    bench.tell(bench.ticket("camera_off"))
    assert not bench.last(State).camera
    bench.world(plate=PLATE)
    assert bench.all(Plate) == []  # off is off
    bench.tell(bench.ticket("camera_on"))
    bench.time.pass_(TIMING.camera)
    bench.lock.tick()
    assert not bench.last(State).camera


async def test_a_camera_that_is_on_looks_again_so_that_a_reading_stays_fresh(
    bench: Bench,
) -> None:
    bench.give(bench.grant())
    bench.tell(bench.ticket("camera_on"))
    bench.world(plate=PLATE)
    for _ in range(4):
        bench.time.pass_(TIMING.look)
        bench.lock.tick()
    assert len(bench.all(Plate)) == 5
    assert len({reading.evidence_hash for reading in bench.all(Plate)}) == 5
    assert bench.last(Plate).at == bench.time.now()


async def test_the_camera_goes_off_when_the_bar_is_down(bench: Bench) -> None:
    bench.give(bench.grant())
    bench.tell(bench.ticket("camera_on"))
    bench.world(plate=PLATE)
    bench.tell(bench.ticket("lower"))
    await bench.lock.settled()
    assert not bench.last(State).camera
    readings = len(bench.all(Plate))
    bench.world(plate="NEXT1")
    bench.time.pass_(TIMING.look)
    bench.lock.tick()
    assert len(bench.all(Plate)) == readings


# ---- a stay


async def test_a_whole_stay_signs_arrival_and_departure_and_raises_the_bar(bench: Bench) -> None:
    await bench.lower()
    bench.time.pass_(60)
    bench.world(vehicle=True, plate=PLATE)
    arrived_at = bench.time.now()
    bench.time.pass_(3600)
    bench.lock.tick()
    bench.world(vehicle=False)
    left_at = bench.time.now()
    bench.time.pass_(4)
    bench.lock.tick()
    assert bench.lock.reports.position == "UNLOCKED"  # still within the debounce
    assert {record.kind for record in bench.all(OccupancyRecord)} == {1}
    bench.time.pass_(2)
    bench.lock.tick()
    await bench.lock.settled()
    arrival = bench.all(OccupancyRecord)[0]
    departure = bench.last(OccupancyRecord)
    assert (arrival.kind, arrival.from_, arrival.until) == (1, arrived_at, arrived_at)
    assert (departure.kind, departure.from_, departure.until) == (2, arrived_at, left_at)
    for record in (arrival, departure):
        typed = occupancy(
            DOMAIN,
            parse_lease(record.lease_id),
            record.kind,
            record.from_,
            record.until,
            record.energy_wh,
        )
        assert recover(typed, record.signature) == bench.home.lock_id
    assert bench.lock.reports.position == "LOCKED"
    assert bench.lock.memory.cycle == 1


async def test_a_short_gap_in_the_sensor_is_no_departure(bench: Bench) -> None:
    await bench.lower()
    bench.world(vehicle=True)
    for _ in range(3):
        bench.world(vehicle=False)
        bench.time.pass_(4)
        bench.lock.tick()
        bench.world(vehicle=True)
        bench.time.pass_(4)
        bench.lock.tick()
    assert [r.kind for r in bench.all(OccupancyRecord)] == [1]


async def test_evidence_is_repeated_until_its_receipt_and_survives_a_restart(
    bench: Bench,
) -> None:
    await bench.lower()
    bench.world(vehicle=True)
    assert len(bench.all(OccupancyRecord)) == 1
    bench.time.pass_(31)
    bench.lock.tick()
    assert len(bench.all(OccupancyRecord)) == 2
    bench.start()
    assert len(bench.all(OccupancyRecord)) == 3
    record = bench.last(OccupancyRecord)
    digest = occupancy(DOMAIN, parse_lease(LEASE), 1, record.from_, record.until, 0).digest
    bench.tell(bench.receipt(1, "0x" + "00" * 32))  # of something else
    bench.time.pass_(31)
    bench.lock.tick()
    assert len(bench.all(OccupancyRecord)) == 4
    bench.tell(bench.receipt(1, "0x" + digest.hex()))
    bench.time.pass_(31)
    bench.lock.tick()
    bench.start()
    assert len(bench.all(OccupancyRecord)) == 4


async def test_the_lock_works_on_without_a_network_and_tells_later(bench: Bench) -> None:
    await bench.lower()
    bench.lock.lost()
    bench.said.clear()
    bench.world(vehicle=True)
    bench.time.pass_(1800)
    bench.world(vehicle=False)
    bench.time.pass_(6)
    bench.lock.tick()
    await bench.lock.settled()
    assert bench.said == []
    assert bench.lock.reports.position == "LOCKED"
    bench.lock.greet(bench._hear)
    assert [r.kind for r in bench.all(OccupancyRecord)] == [1, 2]
    assert bench.last(Hello).cycle == 1


async def test_a_vehicle_that_left_while_the_lock_was_off_is_billed_to_the_last_look(
    bench: Bench,
) -> None:
    await bench.lower()
    bench.world(vehicle=True)
    for _ in range(3):
        bench.time.pass_(60)
        bench.lock.tick()
    seen_at = bench.time.now()
    kept = json.loads((bench.home.folder / "hardware.json").read_text())
    kept["world"]["vehicle"] = False
    (bench.home.folder / "hardware.json").write_text(json.dumps(kept))
    bench.time.pass_(7200)
    bench.start()
    bench.time.pass_(6)
    bench.lock.tick()
    await bench.lock.settled()
    assert bench.last(OccupancyRecord).until == seen_at
    assert bench.lock.reports.position == "LOCKED"


async def test_a_driver_who_never_drives_in_does_not_leave_the_space_open(bench: Bench) -> None:
    await bench.lower()
    bench.time.pass_(TIMING.idle - 1)
    bench.lock.tick()
    assert bench.lock.reports.position == "UNLOCKED"
    bench.time.pass_(1)
    bench.lock.tick()
    await bench.lock.settled()
    assert bench.lock.reports.position == "LOCKED"
    assert bench.all(OccupancyRecord) == []
    assert bench.lock.memory.cycle == 1


async def test_no_arrival_is_signed_outside_the_leased_time(bench: Bench) -> None:
    await bench.lower()
    bench.time.at = END
    bench.world(vehicle=True)
    bench.time.pass_(60)
    bench.world(vehicle=False)
    bench.time.pass_(6)
    bench.lock.tick()
    await bench.lock.settled()
    assert bench.all(OccupancyRecord) == []
    assert bench.lock.reports.position == "LOCKED"


async def test_a_vehicle_without_a_lease_is_a_fault_and_signs_nothing(bench: Bench) -> None:
    bench.world(vehicle=True)
    assert (bench.last(Fault).fault, bench.last(Fault).active) == ("car_detected", True)
    assert bench.last(State).faults == ["car_detected"]
    bench.give(bench.grant())
    bench.tell(bench.ticket("lower"))
    assert bench.last(Ack).reason == "bay.occupied"
    bench.world(vehicle=False)
    assert not bench.last(Fault).active
    assert bench.all(OccupancyRecord) == []


# ---- the bar and vehicles


async def test_a_bar_never_rises_under_a_vehicle_whoever_asks(bench: Bench) -> None:
    await bench.lower()
    bench.world(vehicle=True)
    bench.tell(bench.ticket("raise"))
    await bench.lock.settled()
    assert bench.last(Ack).reason == "bay.occupied"
    bench.time.pass_(100_000)
    bench.lock.tick()
    await bench.lock.settled()
    assert bench.lock.reports.position == "UNLOCKED"


async def test_a_vehicle_that_comes_while_the_bar_rises_sends_it_down_again(
    bench: Bench,
) -> None:
    bench.lock.hardware._travel_seconds = 0.5
    await bench.lower()
    bench.tell(bench.ticket("raise"))
    await until(lambda: bench.lock.hardware.sense() == "between")
    assert bench.last(State).position == "LOCKING"
    bench.world(vehicle=True)
    await bench.lock.settled()
    assert bench.lock.reports.position == "UNLOCKED"
    assert (bench.last(Ack).outcome, bench.last(Ack).reason) == ("failed", "bay.occupied")
    assert bench.lock.memory.cycle == 0


async def test_a_command_while_the_bar_moves_is_refused(bench: Bench) -> None:
    bench.lock.hardware._travel_seconds = 0.3
    bench.give(bench.grant())
    bench.world(plate=PLATE)
    bench.tell(bench.ticket("lower"))
    bench.lock.reports.hello()
    bench.tell(bench.ticket("raise"))
    assert bench.last(Ack).reason == "bar.moving"
    await bench.lock.settled()
    assert bench.lock.reports.position == "UNLOCKED"


async def test_a_stuck_motor_is_a_jam_and_a_fresh_ticket_may_try_again(bench: Bench) -> None:
    bench.give(bench.grant())
    bench.world(plate=PLATE, jam=True)
    bench.tell(bench.ticket("lower"))
    await bench.lock.settled()
    assert (bench.last(Ack).outcome, bench.last(Ack).reason) == ("failed", "motor.stuck")
    assert bench.last(State).position == "JAMMED"
    assert set(bench.last(State).faults) == {"motor", "bar_position"}
    bench.world(plate=PLATE)
    bench.tell(bench.ticket("lower"))
    await bench.lock.settled()
    assert bench.last(State).position == "UNLOCKED"
    assert bench.last(State).faults == []


async def test_a_bar_that_is_down_for_one_lease_does_not_serve_another(bench: Bench) -> None:
    other = LEASE[:-1] + "9"
    await bench.lower()
    bench.give(bench.grant(lease=other))
    bench.tell(bench.ticket("lower", lease=other))
    assert bench.last(Ack).reason == "bar.open"


# ---- crashes

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
