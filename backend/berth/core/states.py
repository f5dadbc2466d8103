"""The states of a lease, how leases end, and the instants between which its verbs are legal."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from berth.core.slots import SLOT_SECONDS, slot_start

EVIDENCE_SECONDS = 24 * 3600
CLAIM_SECONDS = 48 * 3600
DISPUTE_SECONDS = 7 * 24 * 3600
# A lock may have seen the vehicle this long before the start.
EARLY_SECONDS = 15 * 60


class LeaseState(IntEnum):
    """State of a lease as its word holds it. Open: BOOKED, PARKED, CLAIMED."""

    NONE = 0
    BOOKED = 1
    PARKED = 2
    CLAIMED = 3
    SETTLED = 4
    CANCELLED = 5
    BLOCKED = 6

    @property
    def is_open(self) -> bool:
        """Money is in escrow and the lease has not ended."""
        return LeaseState.BOOKED <= self <= LeaseState.CLAIMED


class RecordKind(IntEnum):
    """What a lock saw: the vehicle came, it left, somebody else's stands there, nobody came."""

    ARRIVED = 1
    LEFT = 2
    BLOCKED = 3
    NOSHOW = 4


class Outcome(IntEnum):
    """How a lease ended, as the ledger records it.

    DEPARTED: the lock's record, billed at once. ACCEPTED: overstay accepted by the driver.
    MATURED: overstay undisputed for its whole period. PRESUMED: arrived, then silence: booked
    rent. UNUSED: nobody came and nobody spoke: full refund. CANCELLED: by the driver before the
    start. CANCELLED_BY_OWNER: full refund, and the owner's compensation. OBSTRUCTED: the lock saw
    somebody else's vehicle: full refund. NO_SHOW: the lock saw nobody come. RESOLVED: the
    arbiter's award. AGREED: what driver and owner signed. LAPSED: disputed, and the arbiter was
    silent: the evidence, overstay halved.
    """

    NONE = 0
    DEPARTED = 1
    ACCEPTED = 2
    MATURED = 3
    PRESUMED = 4
    UNUSED = 5
    CANCELLED = 6
    CANCELLED_BY_OWNER = 7
    OBSTRUCTED = 8
    NO_SHOW = 9
    RESOLVED = 10
    AGREED = 11
    LAPSED = 12

    @property
    def terminal_state(self) -> LeaseState:
        """The state that a lease with this outcome is in."""
        if self is Outcome.NONE:
            return LeaseState.NONE
        ends_unused = Outcome.UNUSED <= self <= Outcome.OBSTRUCTED
        return LeaseState.CANCELLED if ends_unused else LeaseState.SETTLED


@dataclass(frozen=True)
class Times:
    """The instants of a lease, Unix seconds, in their order.

    `early`: the first moment a lock may speak of; `t1`: evidence is legal before it, closing a
    silent lease from it on; `t2`: an overstay claim matures; `t3`: a dispute lapses.
    """

    early: int
    start: int
    end: int
    t1: int
    t2: int
    t3: int

    @classmethod
    def of(cls, start_slot: int, slots: int, reserve_minutes: int) -> Times:
        start = slot_start(start_slot)
        end = start + SLOT_SECONDS * slots
        return cls(
            early=start - EARLY_SECONDS,
            start=start,
            end=end,
            t1=evidence_deadline(end, reserve_minutes),
            t2=claim_deadline(end, reserve_minutes),
            t3=dispute_deadline(end, reserve_minutes),
        )


def evidence_deadline(end: int, reserve_minutes: int) -> int:
    """T1, Unix seconds: evidence is legal before it, closing a silent lease from it on."""
    return end + 60 * reserve_minutes + EVIDENCE_SECONDS


def claim_deadline(end: int, reserve_minutes: int) -> int:
    """T2, Unix seconds: from it on anybody may close a lease with an overstay claim."""
    return evidence_deadline(end, reserve_minutes) + CLAIM_SECONDS


def dispute_deadline(end: int, reserve_minutes: int) -> int:
    """T3, Unix seconds: from it on anybody may close a disputed lease."""
    return claim_deadline(end, reserve_minutes) + DISPUTE_SECONDS
