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

#: What each screen is to say, by the design of the app, and how the app marks it.
SCREENS: dict[str, dict[str, State]] = {
    "start": {
        "no wallet": ("connect", "no-wallet"),
        "guest": ("account", "guest"),
        "wrong chain": ("asking", "chain"),
        "no credit": ("reserve", "short"),
    },
    "find": {
        "no location": ("unlocated", "denied"),
        "none free": ("find", "none"),
        "offline": ("network", "offline"),
        "list without tiles": ("map", "plain"),
    },
    "space": {
        "price changed": ("reserve", "dearer"),
        "just taken": ("reserve", "taken"),
        "vehicle unverified": ("vehicle", "unverified"),
    },
    "paying": {
        "rejected": ("reserve", "failed"),
        "pending": ("paying", "pending"),
        "n of m": ("paying", "mined"),
        "failed": ("paying", "failed"),
        "reorged": ("paying", "gone"),
    },
    "arrive": {
        "early": ("lease", "early"),
        "too far": ("unlock", "near.missing"),
        "reading": ("unlock", "plate.missing"),
        "mismatch": ("unlock", "plate.mismatch"),
        "offline": ("lease", "offline"),
        "jammed": ("lock", "bar-jammed"),
        "occupied": ("unlock", "bay.occupied"),
    },
    "stay": {"time left": ("lease", "left"), "overstay": ("lease", "overstay")},
    "receipt": {
        "provisional": ("receipt", "provisional"),
        "settled": ("outcome", "departed"),
        "refunded": ("outcome", "obstructed"),
        "disputed": ("lease", "disputed-mine"),
    },
    "spaces": {
        "free": ("own", "free"),
        "leased": ("own", "booked"),
        "occupied": ("own", "occupied"),
        "fault": ("trouble", "fault"),
    },
    "register": {
        "reasons": ("register", "refused"),
        "ready": ("register", "ready"),
        "pending": ("work", "pending"),
        "registered": ("register", "registered"),
    },
    "hours and price": {
        "zone, DST": ("own-space", "form"),
        "preview": ("own-space", "preview"),
        "blocks": ("own-space", "block"),
        "open leases": ("own-space", "calendar"),
    },
    "earnings": {
        "open, available": ("earnings", "in"),
        "pending": ("work", "mined"),
        "failed": ("work", "ended-failed"),
    },
    "ledger": {
        "syncing": ("node", "reading"),
        "complete": ("ledger", "verdict-complete"),
        "gap": ("ledger", "verdict-gap"),
        "mismatch": ("ledger", "verdict-mismatch"),
    },
    "settlement": {
        "final": ("settlement", "departed"),
        "unconfirmed": ("settlement", "unconfirmed"),
    },
    "export": {
        "range": ("export", "choosing"),
        "progress": ("export", "reading"),
        "digest": ("export", "ready"),
    },
}

#: Too short for a look; seen where it was on the page at all.
PASSING: dict[State, str] = {
    ("paying", "confirmed"): "the page goes on to the lease itself at once",
    ("paying", "queued"): "the operator hands a request in within a moment",
    ("register", "registered"): "the page goes on to the new space once its place is kept",
    ("reserve", "done"): "the page goes on to the lease at once",
    ("reserve", "quoting"): "one question to the service, between two steps of the wallet's",
}
#: What cannot be had in a test's town.
NOT_HERE: dict[State, str] = {
    ("leases", "blocked"): "what an owner keeps for themselves is kept apart from leases; the"
    " calendar of the space shows it",
    ("unlock", "index.behind"): "an index that does not read knows of no newer block either, and"
    " one that reads has caught up with a local chain within a moment",
    ("unlock", "lease.not_open"): "the page shows `lease over` or `lease claimed` instead",
    ("unlock", "lease.shallow"): "the page shows `lease paying` until the booking is deep enough",
    ("unlock", "request.not_lessee"): "a lease is told to its driver and its owner only, and the"
    " owner has no button for the bar",
    ("unlock", "window.early"): "the page shows `lease early` until then",
    ("unlock", "window.over"): "the page shows `lease missed` from then on",
    (
        "work",
        "queued",
    ): "the operator hands a request in before it answers, unless its node is away",
}


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
