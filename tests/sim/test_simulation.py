"""Fifty seeds, each fault often enough, and the same run for the same seed."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.sim.faults import DEEDS, KINDS

SEEDS = 50
#: How often each kind of fault, and of deed, is in them, at the least.
LEAST = 20


def simulation(*arguments: str) -> tuple[int, str, dict[str, Any]]:
    """(exit status, output, closing line) of `python -m tests.sim`."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.sim", *arguments],
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.returncode, done.stdout, json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_fifty_seeds_find_nothing_and_meet_every_fault_often() -> None:
    status, output, closing = simulation("--first", "0", "--seeds", str(SEEDS))
    print(output)
    assert closing["seeds"] == SEEDS
    assert closing["violations"] == 0, output
    assert status == 0
    assert set(closing["faults"]) == set(KINDS)
    assert set(closing["deeds"]) == set(DEEDS)
    counts = {**closing["faults"], **closing["deeds"]}
    assert {kind: count for kind, count in counts.items() if count < LEAST} == {}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_seed_gives_the_same_run_every_time() -> None:
    _, trace, first = simulation("--first", "7", "--seeds", "1", "--trace")
    _, again, second = simulation("--first", "7", "--seeds", "1", "--trace")
    assert first == second
    assert trace == again
    assert trace.count("\n") > 100


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_seed_runs_among_others_as_it_does_alone() -> None:
    """Else one that failed in a batch could not be read."""
    alone = [simulation("--first", seed, "--seeds", "1", "--trace")[2]["trace"] for seed in "67"]
    for jobs in "12":
        _, _, both = simulation("--first", "6", "--seeds", "2", "--jobs", jobs)
        assert both["traces"] == hashlib.sha256("".join(alone).encode()).hexdigest()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_without_faults_every_driver_who_waits_is_served() -> None:
    status, output, closing = simulation("--first", "3", "--seeds", "1", "--calm")
    assert (status, closing["injected"]) == (0, 0), output
    assert closing["served"] >= 2
    assert closing["gaveUp"] == 0
