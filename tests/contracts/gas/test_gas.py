"""Gas, to the unit. A change of any figure fails here; `make gas-accept` takes new figures over.

Figures repeat exactly: keys, addresses, times and signatures are the same in every run.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.gas import floor

from gas import disputes, drivers, governance, money, owners, settlement, titles  # noqa: F401
from gas.day import OPERATIONS

HERE = Path(__file__).parent
SNAPSHOTS = HERE / "snapshots"
ROOT = HERE.parents[2]
ACCEPT = os.environ.get("BERTH_GAS_ACCEPT") == "1"


def stored(group: str) -> dict:
    path = SNAPSHOTS / f"{group}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def store(group: str, name: str, figures: dict) -> None:
    """Rewrites one figure, keeping the order of OPERATIONS and dropping what is measured no
    longer."""
    known = stored(group) | {name: figures}
    order = [each.split("/", 1)[1] for each in OPERATIONS if each.startswith(f"{group}/")]
    text = json.dumps({each: known[each] for each in order if each in known}, indent=2)
    (SNAPSHOTS / f"{group}.json").write_text(text + "\n")


@pytest.mark.parametrize("measured", OPERATIONS)
def test_gas_is_what_the_snapshot_says(world, space, measured):
    group, name = measured.split("/", 1)
    tx = OPERATIONS[measured](world, space)
    figures = {"gas": tx.gas_used, "floor": floor(tx, world.asset.address, world.extension)}
    if ACCEPT:
        store(group, name, figures)
    assert figures == stored(group).get(name), "run `make gas-accept` if this is meant"


def test_no_snapshot_is_left_of_an_operation_that_is_gone():
    kept = {
        f"{path.stem}/{name}" for path in SNAPSHOTS.glob("*.json") for name in stored(path.stem)
    }
    assert kept == set(OPERATIONS)


def test_the_gas_table_in_the_docs_is_the_one_of_these_snapshots():
    command = [sys.executable, str(ROOT / "bench" / "gas.py"), *([] if ACCEPT else ["--check"])]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
