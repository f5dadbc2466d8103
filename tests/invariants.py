"""What must hold after anything: checks over plain facts, wherever these were collected.

Each takes rows or tuples and yields a sentence for everything that is wrong; no sentence, no
violation. The simulation collects its facts from its own world, the kill tests from real processes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]
COMMANDS_OVER = frozenset({"done", "expired", "cancelled", "dead"})
OUTBOX_OVER = frozenset({"done", "cancelled", "dead"})
EVIDENCE_OVER = frozenset({"mined", "refused"})


@dataclass(frozen=True)
class Actuation:
    """A bar that began to move: `command` names what moved it, `lease` for whom; Unix seconds."""

    lock: str
    command: str
    action: str
    lease: str
    at: float


@dataclass(frozen=True)
class Booked:
    """A lease as the chain has it in the end. `paid` in minor units, deposits that came back too
    where the collector counts them; `wanted`: its driver was at
    the lock, in time, with the right vehicle, and signed for it; `served`: the bar went down."""

    lease: str
    paid: int
    wanted: bool
    served: bool


@dataclass(frozen=True)
class Mined:
    """A transaction of a key of ours, in the chain; `took_effect`: the contract did not refuse."""

    sender: str
    data: bytes
    tx_hash: str
    took_effect: bool


def moved_twice(actuations: Iterable[Actuation]) -> Iterator[str]:
    """At most one actuation a command."""
    counts = Counter((one.lock, one.command) for one in actuations)
    for (lock, command), count in sorted(counts.items()):
        if count > 1:
            yield f"command {command} moved the bar of {lock[:8]} {count} times"


def unordered(actuations: Iterable[Actuation], tickets: Iterable[tuple[str, str]]) -> Iterator[str]:
    """No bar goes down but by a ticket that was published for that lock: (lock, command)."""
    known = set(tickets)
    for one in actuations:
        if one.action == "lower" and (one.lock, one.command) not in known:
            yield f"the bar of {one.lock[:8]} went down for {one.lease} without any ticket"


def kept_commands(messages: Iterable[tuple[str, bool]]) -> Iterator[str]:
    """No message to a lock is retained: (topic, retain flag)."""
    for topic, retained in messages:
        if retained and topic.rsplit("/", 1)[-1] in ("command", "grant"):
            yield f"a message to a lock was retained: {topic}"


def unfinished(
    commands: Iterable[Row], outbox: Iterable[Row], evidence: Iterable[Row]
) -> Iterator[str]:
    """Nothing waits for anything any more."""
    for name, rows, over in (
        ("command", commands, COMMANDS_OVER),
        ("outbox row", outbox, OUTBOX_OVER),
        ("evidence", evidence, EVIDENCE_OVER),
    ):
        for row in rows:
            if row["state"] not in over:
                what = row.get("action") or row.get("kind")
                yield (
                    f"{name} {row['id']} ({what}) of {row['lease_id']} is {row['state']} in the"
                    f" end: {row.get('reason')}"
                )


def unexplained_rows(outbox: Iterable[Row], explained: set[str]) -> Iterator[str]:
    """A dead outbox row has an incident."""
    for row in outbox:
        if row["state"] == "dead" and row["lease_id"] not in explained:
            yield f"outbox row {row['id']} ({row['kind']}) of {row['lease_id']} died unexplained"


def unserved(leases: Iterable[Booked], explained: set[str]) -> Iterator[str]:
    """Nobody pays for nothing without an incident that says why."""
    for lease in leases:
        if lease.paid and lease.wanted and not lease.served and lease.lease not in explained:
            yield f"lease {lease.lease} took {lease.paid} and was not served, and nobody says why"


def differences(name: str, chain: Mapping[str, Any], index: Mapping[str, Any]) -> Iterator[str]:
    """The index says of each key what the contract says."""
    for key in sorted({*chain, *index}):
        if chain.get(key) != index.get(key):
            yield f"{name} {key}: the contract has {chain.get(key)}, the index {index.get(key)}"


def sent_twice(mined: Iterable[Mined], sent: Iterable[Row]) -> Iterator[str]:
    """No deed of a key of ours is in the chain twice, refused ones too. `sent` are the records of
    what was sent: another go at what the chain had refused has a name of its own there
    ("PURPOSE, 2"), two are enough, and one of them at most took effect."""
    names = {
        tx_hash: row["purpose"]
        for row in sent
        for tx_hash in (row["tx_hash"], *row["former_hashes"].split())
    }
    deeds = defaultdict(list)
    for one in mined:
        deeds[one.sender, one.data].append(one)
    for (sender, data), goes in sorted(deeds.items()):
        deed = f"{data[:4].hex()} {data[4:40].hex()}…"
        called = [names.get(one.tx_hash, "") for one in goes]
        several = len(goes) > 1 and len({name.partition(", ")[0] for name in called}) == 1
        named = several and "" not in called and len(set(called)) == len(goes) <= 3
        if len(goes) > 1 and not named:
            yield f"{sender[:8]} sent {deed} {len(goes)} times"
        effects = sum(one.took_effect for one in goes)
        if effects > 1:
            yield f"{sender[:8]} did {deed} {effects} times"
