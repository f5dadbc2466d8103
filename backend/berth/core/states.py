"""The states of a lease, how leases end, and the two deadlines that matter after their end."""

from __future__ import annotations

from enum import IntEnum

EVIDENCE_SECONDS = 24 * 3600
CLAIM_SECONDS = 48 * 3600


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


class Outcome(IntEnum):
    """How a lease ended, as the ledger records it.

    DEPARTED: the lock's record, billed at once. ACCEPTED: overstay accepted by the driver.
    MATURED: overstay undisputed for its whole period. PRESUMED: arrived, then silence: booked
    rent. UNUSED: nobody came and nobody spoke: full refund.
    """

    NONE = 0
    DEPARTED = 1
    ACCEPTED = 2
    MATURED = 3
    PRESUMED = 4
    UNUSED = 5


def evidence_deadline(end: int, reserve_minutes: int) -> int:
    """T1, Unix seconds: evidence is legal before it, closing a silent lease from it on."""
    return end + 60 * reserve_minutes + EVIDENCE_SECONDS


def claim_deadline(end: int, reserve_minutes: int) -> int:
    """T2, Unix seconds: from it on anybody may close a lease with an overstay claim."""
    return evidence_deadline(end, reserve_minutes) + CLAIM_SECONDS
