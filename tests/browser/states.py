"""Every state that the app can show, as (part of the app, state): from its sources. And those of
them that no test can look at, each with its reason."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from berth.core.access import ReasonCode

State = tuple[str, str]

_DAPP = Path(__file__).resolve().parents[2] / "dapp"
#: Where the app shows a code of the service's as it comes: all that may come.
OPEN: dict[str, list[str]] = {"unlock": [one.value for one in ReasonCode]}

#: Too short for a look; seen where it was on the page at all.
PASSING: dict[State, str] = {}
#: What cannot be had in a test's town.
NOT_HERE: dict[State, str] = {}


def marks() -> list[tuple[str, str | None, str]]:
    """(part, state, file and line) as the app's sources have them; no state: any code."""
    done = subprocess.run(
        ["node", "scripts/states.mjs"], cwd=_DAPP, check=True, capture_output=True, text=True
    )
    return [
        (one["where"], one["state"], f"{one['file']}:{one['line']}")
        for one in json.loads(done.stdout)
    ]


def all_states() -> set[State]:
    """The states that the app's sources mark, and the service's codes where these are shown."""
    found: set[State] = set()
    for where, state, place in marks():
        if state is None and where not in OPEN:
            raise AssertionError(f"{place}: what {where} can be is not said by its type")
        found |= {(where, one) for one in (OPEN[where] if state is None else [state])}
    return found
