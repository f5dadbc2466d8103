"""What a lock knows: the fold of its journal."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import msgspec

from berth.devices.protocol import Outcome
from berth.devices.simulator.journal import Journal, Record
from berth.devices.tickets import Grant

#: Commands remembered for duplicates, and how long a grant is kept after its end, seconds: evidence
#: of its lease may be signed yet, and a former version of it is refused.
_MOVEMENTS = ("lower", "raise")
_COMMANDS_KEPT = 200
_GRANT_KEPT = 7 * 86400
#: A grant is named until so long after its end: the clocks of lock and backend may differ.
_GRANT_NAMED = 600
#: How long the secret that opens a reading's evidence hash is kept, seconds.
_READING_KEPT = 72 * 3600


@dataclass(frozen=True)
class Intent:
    """A movement or switch that was announced in the journal."""

    command: str
    action: str
    lease: str
    cycle: int


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    outcome: Outcome
    reason: str | None


@dataclass
class Memory:
    """Everything but the bar's position and the vehicle, which are sensed, never remembered.

    `cycle` counts how often the bar came up again after being down; `lowered_for` is the lease
    that it is down for, `arrived_at` and `seen_at` when its vehicle came and was last sensed,
    `left` whether its departure is signed; `unacknowledged` holds evidence by (lease, kind), `told`
    the newest of each lease that the lock keeps, as (kind, until).
    """

    boot: int = 0
    cycle: int = 0
    lowered_for: str | None = None
    arrived_at: int | None = None
    seen_at: int | None = None
    left: bool = False
    pending: Intent | None = None
    interrupted: str | None = None
    last_command: str | None = None
    grants: dict[str, Grant] = field(default_factory=dict)
    ended: OrderedDict[str, Ended] = field(default_factory=OrderedDict)
    unacknowledged: dict[tuple[str, int], Record] = field(default_factory=dict)
    told: dict[str, tuple[int, int]] = field(default_factory=dict)
    readings: list[Record] = field(default_factory=list)

    def apply(self, record: Record) -> None:
        """Take one record in."""
        getattr(self, f"_on_{record['k']}")(record)

    def held(self, now: int) -> list[Grant]:
        """Grants that are neither over nor taken back, the soonest first."""
        held = (
            grant
            for grant in self.grants.values()
            if grant.state == "granted" and grant.end + _GRANT_NAMED > now
        )
        return sorted(held, key=lambda grant: (grant.opens, grant.lease))

    def over(self, now: int) -> list[str]:
        """Leases whose grants nothing needs any more."""
        return [
            lease
            for lease, grant in self.grants.items()
            if grant.end + _GRANT_KEPT <= now and lease != self.lowered_for
        ]

    def snapshot(self, now: int) -> list[Record]:
        """Records that fold to this memory, without commands and grants long past."""
        self._on_forgotten({"leases": self.over(now)})
        state: dict[str, Any] = {
            "boot": self.boot,
            "cycle": self.cycle,
            "lowered_for": self.lowered_for,
            "arrived_at": self.arrived_at,
            "seen_at": self.seen_at,
            "left": self.left,
            "interrupted": self.interrupted,
            "last_command": self.last_command,
            "told": [[key, *said] for key, said in self.told.items()],
            "ended": [[key, end.outcome, end.reason] for key, end in self.ended.items()],
        }
        records: list[Record] = [{"k": "snapshot", **state}]
        records += [{"k": "grant", "grant": msgspec.to_builtins(g)} for g in self.grants.values()]
        records += list(self.unacknowledged.values())
        self.readings = [r for r in self.readings if r["at"] + _READING_KEPT > now]
        return records + self.readings

    def _on_snapshot(self, record: Record) -> None:
        for name, value in record.items():
            if name not in ("k", "ended", "told"):
                setattr(self, name, value)
        self.ended = OrderedDict(
            (key, Ended(outcome, why)) for key, outcome, why in record["ended"]
        )

        self.told = {key: (kind, until) for key, kind, until in record["told"]}

    def _on_boot(self, record: Record) -> None:
        self.boot = record["boot"]

    def _on_grant(self, record: Record) -> None:
        grant = msgspec.convert(record["grant"], Grant)
        self.grants[grant.lease] = grant

    def _on_forgotten(self, record: Record) -> None:
        for lease in record["leases"]:
            self.grants.pop(lease, None)
            self.told.pop(lease, None)

    def _on_intent(self, record: Record) -> None:
        self.pending = Intent(record["command"], record["action"], record["lease"], record["cycle"])
        if not record.get("own"):  # nobody sent what the lock does by itself: nobody is told
            self.last_command = record["command"]
        self.interrupted = None

    def _on_outcome(self, record: Record) -> None:
        command, outcome = record["command"], record["outcome"]
        self.ended[command] = Ended(outcome, record.get("reason"))
        while len(self.ended) > _COMMANDS_KEPT:
            self.ended.popitem(last=False)
        pending, self.pending = self.pending, None
        if outcome == "interrupted" and pending is not None and pending.action in _MOVEMENTS:
            self.interrupted = command
        if pending is None or pending.command != command or outcome != "done":
            return
        if pending.action == "lower":
            # one more for a vehicle that is there, or is not known to have left, begins nothing
            stays = self.arrived_at is not None and not self.left
            if pending.lease != self.lowered_for or not stays:
                self._begin_stay(pending.lease)
        elif pending.action == "raise" and record.get("moved"):
            self._on_risen(record)

    def _on_risen(self, _: Record) -> None:
        self.cycle += 1
        self._begin_stay(None)

    def _begin_stay(self, lease: str | None) -> None:
        self.lowered_for, self.arrived_at, self.seen_at, self.left = lease, None, None, False

    def _on_arrived(self, record: Record) -> None:
        self.arrived_at = self.seen_at = record["at"]

    def _on_present(self, record: Record) -> None:
        self.seen_at = record["at"]

    def _on_left(self, _: Record) -> None:
        self.left = True

    def _on_evidence(self, record: Record) -> None:
        self.unacknowledged[record["lease"], record["kind"]] = record
        self.told[record["lease"]] = (record["kind"], record["until"])

    def _on_acknowledged(self, record: Record) -> None:
        self.unacknowledged.pop((record["lease"], record["kind"]), None)

    def _on_reading(self, record: Record) -> None:
        self.readings.append(record)


def remember(journal: Journal) -> Memory:
    """The memory that a journal holds."""
    memory = Memory()
    for record in journal.records:
        memory.apply(record)
    journal.records = []
    return memory
