"""A backup taken while everything runs, the database lost, the backup restored: a lease in the
middle of its stay goes on, and no bar moves twice."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from berth.cli.demo import driving
from berth.cli.demo.driving import STAY_MINUTES
from berth.core.slots import slot_start

from tests.e2e.conftest import Seed
from tests.e2e.installation import BERTH, Installation, lowerings
from tests.e2e.test_platform import booked, granted, leave, park

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]


def berth(installation: Installation, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*BERTH, *words],
        env=installation.environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def refused(installation: Installation, *words: str) -> str:
    """The one line that says why, and nothing else."""
    done = berth(installation, *words)
    assert done.returncode != 0, done.stdout
    assert done.stderr.startswith("error: "), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


async def test_a_lease_lives_through_the_loss_of_the_database(seed: Seed, tmp_path: Path) -> None:
    installation = seed.copy(tmp_path)
    file = tmp_path / "berth.backup"
    up = installation.start()
    try:
        async with up.stage() as stage:
            listing = await seed.listing_on(stage)
            trip = await booked(stage, politely=True)
            made = berth(installation, "db", "backup", "--out", str(file), "--json")
            assert made.returncode == 0, made.stderr
            assert json.loads(made.stdout)["rows"] > 100  # a city's titles among them
            # all of this is in no backup: the chain has it, and the lock
            await park(stage, installation, trip, listing)
        assert "in use" in refused(installation, "db", "restore", str(file), "--force")
        assert up.stop() == 0

        assert "not empty" in refused(installation, "db", "restore", str(file))
        for path in installation.home.glob("berth.sqlite*"):
            path.unlink()
        (tmp_path / "half").write_bytes(file.read_bytes()[: file.stat().st_size // 2])
        assert "too early" in refused(installation, "db", "restore", str(tmp_path / "half"))
        done = berth(installation, "db", "restore", str(file))
        assert done.returncode == 0, done.stderr

        up = installation.start()
        async with up.stage() as stage:
            await trip.driver.sign_in()  # sign-ins are in no backup
            listing = await seed.listing_on(stage)
            seen = await granted(stage, trip)
            assert seen["state"] == "parked"
            assert installation.rows("SELECT * FROM commands") == []
            await stage.travel_to(slot_start(trip.start_slot) + (STAY_MINUTES - 1) * 60)
            await leave(stage, installation, trip, listing)
            receipt = await trip.driver.api.get(f"/v1/leases/{trip.lease_id}/receipt")
            assert receipt["billedMinutes"] == STAY_MINUTES
            assert (await driving.detail(trip))["state"] == "settled"
        assert up.stop() == 0
    finally:
        up.destroy()
    journal = installation.journal(listing.lock.lock_id)
    assert len(lowerings(journal)) == 1
    assert [one["action"] for one in journal if one["k"] == "intent"].count("raise") == 1
    assert len(installation.rows("SELECT * FROM settlements")) == 1
    assert {row["state"] for row in installation.rows("SELECT state FROM outbox")} == {"done"}
