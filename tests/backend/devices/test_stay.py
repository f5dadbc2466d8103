"""A vehicle's stay: what the lock signs, keeps and does by itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from berth.core.ids import parse_lease
from berth.core.messages import occupancy, recover
from berth.devices.protocol import ASK_HELLO, Ack, Fault, Hello, OccupancyRecord, State

from tests.backend.devices.locks import DOMAIN, END, LEASE, PLATE, TIMING, Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


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


async def test_a_bar_that_is_ordered_up_within_the_debounce_ends_the_stay(bench: Bench) -> None:
    await bench.lower()
    bench.world(vehicle=True, plate=PLATE)
    arrived_at = bench.time.now()
    bench.time.pass_(600)
    bench.world(vehicle=False)
    left_at = bench.time.now()
    bench.time.pass_(1)
    # a reorg took the lease out for a moment, and it came back
    bench.lock.hear_grant(bench.grant(version=2, state="revoked").encode())
    bench.lock.hear_command(ASK_HELLO)
    bench.tell(bench.ticket("raise"))
    await bench.lock.settled()
    bench.lock.hear_grant(bench.grant(version=3).encode())
    departure = bench.last(OccupancyRecord)
    assert (departure.kind, departure.from_, departure.until) == (2, arrived_at, left_at)
    bench.time.pass_(60)
    bench.lock.tick()
    bench.start()
    assert {r.kind: r.until for r in bench.all(OccupancyRecord)} == {1: arrived_at, 2: left_at}


async def test_a_bar_that_is_lowered_once_more_forgets_no_arrival(bench: Bench) -> None:
    await bench.lower()
    bench.world(vehicle=True, plate=PLATE)
    arrived_at = bench.time.now()
    bench.time.pass_(600)
    bench.lock.hear_command(ASK_HELLO)
    bench.tell(bench.ticket("lower"))
    await bench.lock.settled()
    assert bench.last(Ack).outcome == "done"
    bench.time.pass_(600)
    bench.world(vehicle=False)
    left_at = bench.time.now()
    bench.time.pass_(6)
    bench.lock.tick()
    await bench.lock.settled()
    departure = bench.last(OccupancyRecord)
    assert (departure.kind, departure.from_, departure.until) == (2, arrived_at, left_at)
    assert {r.from_ for r in bench.all(OccupancyRecord) if r.kind == 1} == {arrived_at}


async def test_a_vehicle_that_never_leaves_is_on_record_before_the_time_for_evidence_is_over(
    bench: Bench,
) -> None:
    await bench.lower()
    bench.world(vehicle=True, plate=PLATE)
    bench.time.pass_(END + TIMING.overdue - 1 - bench.time.now())
    bench.lock.tick()
    assert {record.kind for record in bench.all(OccupancyRecord)} == {1}
    bench.time.pass_(1)
    bench.lock.tick()
    overdue = bench.last(OccupancyRecord)
    assert (overdue.kind, overdue.until) == (2, END + TIMING.overdue)
    bench.time.pass_(3600)
    bench.lock.tick()
    await bench.lock.settled()
    assert bench.lock.reports.position == "UNLOCKED"  # never under a vehicle
    assert len({record.until for record in bench.all(OccupancyRecord) if record.kind == 2}) == 1
    bench.world(vehicle=False)
    bench.time.pass_(6)
    bench.lock.tick()
    await bench.lock.settled()
    assert bench.lock.reports.position == "LOCKED"


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


async def test_a_rise_that_nobody_ordered_is_told_as_a_state_and_never_as_a_command(
    bench: Bench,
) -> None:
    await bench.lower()
    ordered = bench.last(Hello).last
    assert ordered is not None
    acks = len(bench.all(Ack))
    bench.time.pass_(TIMING.idle)
    bench.lock.tick()
    await bench.lock.settled()
    assert bench.last(State).position == "LOCKED"
    assert len(bench.all(Ack)) == acks
    assert bench.last(Hello).last == ordered


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
