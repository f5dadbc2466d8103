"""What a lock does, and above all what it does not do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from berth.core.ids import lease_hex, lease_id
from berth.core.slots import SLOT_SECONDS
from berth.devices.protocol import (
    ASK_HELLO,
    HELLO_GRANTS,
    MAX_MESSAGE,
    Ack,
    Hello,
    Plate,
    State,
    decode,
)

from tests.backend.devices.locks import (
    END,
    LEASE,
    PLATE,
    SPACE,
    START,
    START_SLOT,
    TIMING,
    Bench,
    until,
)

#: Another lease of the same space.
NEXT = LEASE[:-1] + "2"
#: The longest version that a grant may have.
NEWEST = (1 << 32) - 1


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


async def test_the_next_lease_takes_the_camera_over_and_the_former_cannot_switch_it_off(
    bench: Bench,
) -> None:
    bench.give(bench.grant())
    bench.give(bench.grant(lease=NEXT))
    bench.tell(bench.ticket("camera_on"))
    bench.time.pass_(TIMING.camera - 1)
    bench.lock.hear_command(ASK_HELLO)
    bench.tell(bench.ticket("camera_on", lease=NEXT))
    bench.time.pass_(2)
    bench.lock.tick()  # the former's time is over
    bench.tell(bench.ticket("camera_off"))
    assert bench.last(Ack).outcome == "done"
    assert bench.last(State).camera
    bench.world(plate=PLATE)
    assert [reading.lease_id for reading in bench.all(Plate)] == [NEXT]
    bench.tell(bench.ticket("camera_off", lease=NEXT))
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


# ---- what it holds


def number(count: int) -> str:
    """One of many leases of the space that follow each other, a slot each."""
    return lease_hex(lease_id(SPACE, START_SLOT + count, 1))


def many(bench: Bench, count: int, **changes: Any) -> None:
    for which in range(count):
        begins = START + which * SLOT_SECONDS
        times = {"opens": begins - 900, "start": begins, "end": begins + SLOT_SECONDS}
        bench.give(bench.grant(lease=number(which), **(times | changes)))


async def test_a_hello_names_what_is_neither_over_nor_taken_back_the_soonest_first(
    bench: Bench,
) -> None:
    many(bench, 4)
    bench.give(bench.grant(lease=number(2), version=2, state="revoked"))
    bench.give(bench.grant(lease=number(9), opens=START - 1800, start=START - 900))
    bench.tell(ASK_HELLO.decode())
    held = [one.lease for one in bench.last(Hello).grants]
    assert held == [number(9), number(0), number(1), number(3)]
    bench.time.pass_(SLOT_SECONDS + 601)  # clocks may differ: only then one is over beyond doubt
    bench.tell(ASK_HELLO.decode())
    assert [one.lease for one in bench.last(Hello).grants] == [number(9), number(1), number(3)]
    # an old copy of the grant cannot undo that it was taken back
    bench.give(bench.grant(lease=number(2)))
    assert bench.last(Ack).reason == "grant.version"


async def test_a_hello_has_room_for_all_that_it_names_however_many_are_held(bench: Bench) -> None:
    many(bench, 230, version=NEWEST)
    sent: list[bytes] = []
    bench.lock.reports.connect(lambda leaf, data, _: sent.append(data) if leaf == "hello" else None)
    hello = decode(bench.home.lock_id, "hello", sent[-1])
    assert isinstance(hello, Hello)
    assert [one.lease for one in hello.grants] == [number(which) for which in range(HELLO_GRANTS)]
    assert len(sent[-1]) <= MAX_MESSAGE - 500


async def test_what_is_long_over_makes_room_for_what_is_new(bench: Bench) -> None:
    many(bench, 3)
    bench.time.pass_(7 * 86400 + SLOT_SECONDS)
    bench.day_key = bench.new_day_key()
    bench.give(bench.grant(lease=number(700), start=bench.time.at, end=bench.time.at + 900))
    assert sorted(bench.lock.memory.grants) == sorted([number(1), number(2), number(700)])
    bench.start()  # and after a restart it is the same
    assert sorted(bench.lock.memory.grants) == sorted([number(1), number(2), number(700)])
