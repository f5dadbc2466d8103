"""`berth up` as a process: it ends cleanly, and goes on where it stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from berth.chain.rpc import Rpc
from berth.cli.demo import driving
from berth.cli.demo.driving import PLATE, STAY_MINUTES, Trip
from berth.cli.demo.owners import Listing
from berth.cli.demo.reconcile import reconcile
from berth.cli.demo.stage import Stage
from berth.core.slots import slot_start

from tests.e2e.conftest import Seed, again
from tests.e2e.installation import (
    BERTH,
    START,
    STOP,
    Installation,
    Up,
    lowerings,
    none_left_within,
    processes_of,
)

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]


def children(up: Up) -> dict[str, int]:
    """Its Ganache and its locks: what is run -> pid."""
    found = {}
    for pid, command in processes_of(up.installation.home).items():
        if pid == up.process.pid:
            continue
        found["lock" if "lock simulate" in command else "ganache"] = pid
    return found


def until(look: Callable[[], Any], seconds: float = 60.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (seen := look()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return seen


# ---- the end


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_status_0_and_leaves_no_process(
    installation: Installation, number: signal.Signals
) -> None:
    with installation.running() as up:
        assert until(lambda: set(children(up)) == {"ganache", "lock"})
        assert json.loads((installation.home / "running.json").read_text())["pid"] == up.process.pid
        # somebody watches the live events meanwhile, and would do so for ever
        with (
            httpx.Client(base_url=up.running.http, trust_env=False) as client,
            client.stream("GET", "/v1/events") as stream,
        ):
            assert stream.status_code == 200
            started = time.monotonic()
            if number == signal.SIGINT:  # Ctrl-C: the terminal tells everybody in the group
                os.killpg(up.process.pid, number)
            else:
                up.process.send_signal(number)
            assert up.process.wait(STOP) == 0
            assert time.monotonic() - started < STOP
        assert none_left_within(installation.home, 0) == {}
        assert not (installation.home / "running.json").exists()
        assert "Traceback" not in installation.log.read_text()


def test_killed_outright_it_takes_chain_and_locks_with_it(installation: Installation) -> None:
    with installation.running() as up:
        assert until(lambda: set(children(up)) == {"ganache", "lock"})
        assert up.stop(signal.SIGKILL) == -signal.SIGKILL
        assert none_left_within(installation.home, 5) == {}


def test_stopped_while_deploying_it_leaves_nothing_and_no_half_a_deployment(
    fresh: Callable[..., Installation],
) -> None:
    installation = fresh()
    process = installation.launch()
    try:
        assert until(lambda: "deploy.py" in str(processes_of(installation.home)), START)
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOP) == 0
        assert none_left_within(installation.home, 3) == {}
        assert not (installation.home / "deployment.json").exists()
        assert process.stdout is not None
        assert process.stdout.read() == ""
    finally:
        process.kill()
        process.wait()


def test_a_lock_that_dies_is_started_again_and_without_the_chain_nothing_goes_on(
    installation: Installation,
) -> None:
    with installation.running() as up:
        assert until(lambda: set(children(up)) == {"ganache", "lock"})
        first = until(lambda: children(up).get("lock"))
        os.kill(first, signal.SIGKILL)
        assert until(lambda: children(up).get("lock", first) != first)
        os.kill(children(up)["ganache"], signal.SIGKILL)
        assert up.process.wait(STOP) == 1
        assert "error: the chain ended with status -9" in installation.log.read_text()
        assert none_left_within(installation.home, 0) == {}


# ---- and going on


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_a_lease_lives_through_stops_between_booking_and_settlement(
    seed: Seed, tmp_path: Path, number: signal.Signals
) -> None:
    installation = seed.copy(tmp_path)
    deployment = (installation.home / "deployment.json").read_bytes()
    up = installation.start()
    try:
        async with up.stage() as stage:
            listing = await seed.listing_on(stage)
            trip = await booked(stage, politely=number == signal.SIGTERM)
            up = await restarted(up, number)
            await nothing_of_the_booking_is_lost(stage, installation, trip)
            await park(stage, installation, trip, listing)
            await stage.travel_to(slot_start(trip.start_slot) + (STAY_MINUTES - 1) * 60)
            up = await restarted(up, number)  # with the vehicle parked and the clock moved
            assert (await driving.detail(trip))["state"] == "parked"
            await leave(stage, installation, trip, listing)
            await reconcile(stage, trip, listing)
        nothing_is_off(installation)
        assert (installation.home / "deployment.json").read_bytes() == deployment
        assert up.stop(signal.SIGTERM) == 0
    finally:
        up.destroy()
    assert len(lowerings(installation.journal(listing.lock.lock_id))) == 1
    assert len(installation.rows("SELECT * FROM settlements")) == 1
    kinds = [row["kind"] for row in installation.rows("SELECT kind FROM outbox ORDER BY id")]
    assert kinds == ["lease.booked", "lease.arrived", "lease.settled"]
    assert {row["state"] for row in installation.rows("SELECT state FROM outbox")} == {"done"}


def nothing_is_off(installation: Installation) -> None:
    """The doctor holds chain, index and broker against each other, and makes the index anew."""
    done = subprocess.run(
        [*BERTH, "doctor", "--deep", "--json"],
        env=installation.environment(),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    findings = json.loads(done.stdout)["findings"]
    assert [one for one in findings if one["level"] == "trouble"] == [], done.stdout
    assert done.returncode == 0
    well = {one["check"] for one in findings if one["level"] == "ok"}
    assert {
        "contracts", "index.lease", "index.credit", "index.offer", "index.space", "index.vehicle",
        "index.edition", "index.money", "index.settlements", "index.rebuild", "broker.commands",
    } <= well  # fmt: skip


async def booked(stage: Stage, *, politely: bool) -> Trip:
    """A driver with a lease. Politely: the lock has its grant; otherwise perhaps not yet."""
    trip = await driving.set_out(stage, "Dana", 100_000_000)
    await stage.until(
        "the offer", lambda: driving.look_for(stage, trip), lambda answer: answer["items"]
    )
    await driving.register_vehicle(stage, trip)
    await driving.lease(stage, trip, trip.candidates[0])
    if politely:
        await granted(stage, trip)
    return trip


async def granted(stage: Stage, trip: Trip) -> Any:
    return await stage.until(
        "the lock to hold its grant",
        lambda: driving.detail(trip),
        lambda d: d["depth"]["confirmed"] and d["grant"] and d["grant"]["state"] == "acknowledged",
    )


async def restarted(up: Up, number: signal.Signals) -> Up:
    """Stopped by a signal and started again, on a chain that is the same one and not younger."""
    installation = up.installation
    async with Rpc(up.running.rpc) as rpc:
        before = await rpc.block("latest")
    assert before is not None
    status = up.stop(number)
    assert status == (0 if number == signal.SIGTERM else -number)
    assert none_left_within(installation.home, 5) == {}
    anew = installation.start()
    try:
        async with Rpc(anew.running.rpc) as rpc:
            after, same = await rpc.block("latest"), await rpc.block(before.number)
            assert after is not None
            assert after.number >= before.number
            assert after.timestamp >= before.timestamp
            assert same is not None
            assert same.hash == before.hash
            times = [(await rpc.block(n)).timestamp for n in range(before.number, after.number + 1)]  # type: ignore[union-attr]
            assert times == sorted(times)
    except BaseException:
        anew.destroy()
        raise
    return anew


async def nothing_of_the_booking_is_lost(
    stage: Stage, installation: Installation, trip: Trip
) -> None:
    """The session, the lease, its one grant and its one outbox row are there after the restart."""
    seen = await granted(stage, trip)  # asked with the session from before
    assert seen["state"] == "booked"
    (lease,) = installation.rows("SELECT * FROM leases")
    assert lease["lease_id"] == trip.lease_id
    assert lease["deposit"] == trip.quote["maximumCost"]
    (grant,) = installation.rows("SELECT * FROM grants")
    assert (grant["lease_id"], grant["state"]) == (trip.lease_id, "acknowledged")
    (row,) = installation.rows("SELECT * FROM outbox")
    assert (row["kind"], row["lease_id"], row["state"]) == ("lease.booked", trip.lease_id, "done")
    assert installation.rows("SELECT * FROM commands") == []


async def park(stage: Stage, installation: Installation, trip: Trip, listing: Listing) -> None:
    """Enters, shows the plate, confirms, drives in."""
    lock = listing.lock.lock_id
    await installation.show(stage, lock, vehicle=False, plate=PLATE)
    await trip.driver.api.post(f"/v1/leases/{trip.lease_id}/presence", {"event": "entered"})
    await stage.until(
        "the plate",
        lambda: driving.detail(trip),
        lambda d: d["plateReading"] and d["plateReading"]["match"],
    )
    await driving.confirm(stage, trip)
    await stage.until(
        "the bar to go down",
        lambda: driving.detail(trip),
        lambda d: d["lock"]["position"] == "UNLOCKED",
    )
    await installation.show(stage, lock, vehicle=True, plate=PLATE)
    await stage.until("the arrival", lambda: driving.detail(trip), lambda d: d["state"] == "parked")


async def leave(stage: Stage, installation: Installation, trip: Trip, listing: Listing) -> None:
    """Drives out in the minute that the bill is checked for."""
    await stage.until(
        "the lock to be back", lambda: driving.detail(trip), lambda d: d["lock"]["online"]
    )
    await stage.travel_to(slot_start(trip.start_slot) + STAY_MINUTES * 60)
    await installation.show(stage, listing.lock.lock_id, vehicle=False, plate=None)
    await stage.until(
        "the settlement", lambda: driving.detail(trip), lambda d: d["state"] == "settled"
    )
    # whose lease is over hears no more of the lock: its owner does
    owner = await again(stage, listing.owner)
    await stage.until(
        "the bar to rise",
        lambda: owner.api.get(f"/v1/leases/{trip.lease_id}"),
        lambda d: d["lock"]["position"] == "LOCKED",
    )
