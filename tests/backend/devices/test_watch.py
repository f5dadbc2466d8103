"""Leases whose vehicle never came: what the lock signs of them, and what it does not say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from berth.core.ids import lease_hex, lease_id, parse_lease
from berth.core.messages import occupancy, recover
from berth.core.plate import commitment
from berth.devices.protocol import OccupancyRecord

from tests.backend.devices.locks import (
    DOMAIN,
    END,
    LEASE,
    PLATE,
    SALT,
    SPACE,
    START,
    START_SLOT,
    TIMING,
    Bench,
)

NEXT_LEASE = lease_hex(lease_id(SPACE, START_SLOT + 8, 1))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A lock that has watched an empty bay since a minute before the lease's start."""
    made = Bench(tmp_path)
    made.time.at = START - 60
    made.start()
    made.lock.tick()
    made.give(made.grant())
    return made


def records(bench: Bench) -> dict[tuple[str, int], Any]:
    """The evidence said so far, each once; every one is signed by the lock."""
    found = {(r.lease_id, r.kind): r for r in bench.all(OccupancyRecord)}
    for (lease, kind), record in found.items():
        typed = occupancy(DOMAIN, parse_lease(lease), kind, record.from_, record.until, 0)
        assert recover(typed, record.signature) == bench.home.lock_id
    return found


def move_to(bench: Bench, moment: int) -> None:
    bench.time.pass_(moment - bench.time.now())
    bench.lock.tick()


def test_nobody_came_is_said_once_after_the_end(bench: Bench) -> None:
    move_to(bench, END + TIMING.no_show - 1)
    assert records(bench) == {}
    move_to(bench, END + TIMING.no_show)
    ((key, record),) = records(bench).items()
    assert key == (LEASE, 4)
    assert record.from_ <= START
    assert END <= record.until == END + TIMING.no_show
    bench.tell(bench.receipt(4, bench.lock.memory.unacknowledged[key]["digest"]))
    count = len(bench.all(OccupancyRecord))
    move_to(bench, END + 3600)
    assert len(bench.all(OccupancyRecord)) == count


@pytest.mark.parametrize("what", ["restarted", "without a line", "with a fault", "too late"])
def test_a_lock_that_could_not_have_let_anybody_in_does_not_say_that_nobody_came(
    bench: Bench, what: str
) -> None:
    move_to(bench, START + 1)
    if what == "restarted":
        bench.start()
    elif what == "without a line":
        bench.lock.lost()
        move_to(bench, START + 2)
        bench.lock.greet(bench._hear)
    elif what == "with a fault":
        bench.lock.reports.faults.add("motor")
        move_to(bench, START + 2)
        bench.lock.reports.faults.clear()
    else:
        bench.time.pass_(END + TIMING.overdue - bench.time.now())
    bench.lock.tick()
    move_to(bench, max(bench.time.now(), END + TIMING.no_show))
    assert records(bench) == {}


def test_a_vehicle_that_stood_there_for_a_while_makes_it_no_no_show(bench: Bench) -> None:
    move_to(bench, START + 60)
    bench.world(vehicle=True, plate="XYZ 1")
    move_to(bench, START + 60 + TIMING.blocked - 1)
    bench.world(vehicle=False)
    move_to(bench, END + TIMING.no_show)
    assert records(bench) == {}


async def test_whoever_came_is_no_no_show_and_does_not_block_himself(bench: Bench) -> None:
    await bench.lower()
    bench.world(vehicle=True, plate=PLATE)
    move_to(bench, START + 2 * TIMING.blocked)
    bench.world(vehicle=False)
    move_to(bench, START + 2 * TIMING.blocked + 10)
    move_to(bench, END + TIMING.no_show)
    assert set(records(bench)) == {(LEASE, 1), (LEASE, 2)}


def test_a_lease_made_longer_is_judged_by_its_new_end(bench: Bench) -> None:
    move_to(bench, END + TIMING.no_show)
    first = records(bench)[LEASE, 4]
    bench.give(bench.grant(version=2, end=END + 3600))
    move_to(bench, END + 3600 + TIMING.no_show)
    last = bench.last(OccupancyRecord)
    assert (last.kind, last.until) == (4, END + 3600 + TIMING.no_show)
    assert first.until < END + 3600


def test_a_revoked_lease_is_not_spoken_of(bench: Bench) -> None:
    bench.give(bench.grant(version=2, state="revoked"))
    bench.world(vehicle=True, plate="XYZ 1")
    move_to(bench, START + TIMING.blocked + 60)
    bench.world(vehicle=False)
    move_to(bench, END + TIMING.no_show)
    assert records(bench) == {}


def test_somebody_elses_vehicle_is_put_on_record_after_a_while(bench: Bench) -> None:
    bench.world(vehicle=True, plate="XYZ 1")  # a minute before the start
    move_to(bench, START + TIMING.blocked - 1)
    assert records(bench) == {}
    move_to(bench, START + TIMING.blocked)
    ((key, record),) = records(bench).items()
    assert key == (LEASE, 3)
    assert (record.from_, record.until) == (START - 60, START + TIMING.blocked)
    move_to(bench, END + TIMING.no_show)
    assert set(records(bench)) == {(LEASE, 3)}


async def test_a_guest_who_stays_on_blocks_the_next_one_but_not_himself(bench: Bench) -> None:
    await bench.lower()
    bench.world(vehicle=True, plate=PLATE)
    following = {"lease": NEXT_LEASE, "opens": END - 900, "start": END, "end": END + 7200}
    bench.give(bench.grant(**following))  # his own next lease, of the same vehicle
    move_to(bench, END + TIMING.blocked)
    assert set(records(bench)) == {(LEASE, 1)}
    other = "0x" + commitment(SALT, "OTHER 1").hex()
    bench.give(bench.grant(**following, plate=other, version=2))
    bench.lock.tick()
    assert set(records(bench)) == {(LEASE, 1), (NEXT_LEASE, 3)}


def test_what_was_said_is_remembered_over_a_restart(bench: Bench) -> None:
    move_to(bench, END + TIMING.no_show)
    digest = bench.lock.memory.unacknowledged[LEASE, 4]["digest"]
    bench.tell(bench.receipt(4, digest))
    assert bench.lock.memory.unacknowledged == {}
    bench.lock._journal.rewrite(bench.lock.memory.snapshot(bench.time.now()))
    bench.start()
    assert bench.lock.memory.told == {LEASE: (4, END + TIMING.no_show)}
    json.dumps(bench.lock.memory.snapshot(bench.time.now()))
