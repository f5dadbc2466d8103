"""Names of the numbers that the contracts use: kinds of spaces, connectors, states, outcomes."""

from __future__ import annotations

from berth.core.errors import BerthError
from berth.core.states import LeaseState, Outcome, RecordKind

#: Bit i of a space's connectors.
CONNECTORS = ("type2", "ccs2", "chademo", "type1", "nacs", "gbt_ac", "gbt_dc", "domestic")

#: Kind of space; 0 is none.
KINDS = {1: "on_street_bay", 2: "open_lot", 3: "garage", 4: "mechanical", 5: "driveway"}

#: Vehicle sizes of an attestation.
SIZES = {1: "small", 2: "medium", 3: "large", 4: "van"}

#: States in which money is in escrow.
OPEN_STATES = (LeaseState.BOOKED, LeaseState.PARKED, LeaseState.CLAIMED)

#: What each outcome means, for people.
OUTCOME_WORDS = {
    "departed": "The vehicle left and the lock's record was billed at once.",
    "accepted": "The driver accepted the overstay that the lock recorded.",
    "matured": "The overstay claim stood undisputed for its whole period.",
    "presumed": "The vehicle arrived and no departure was ever reported: the booked rent was due.",
    "unused": "Nobody ever arrived and nobody spoke: everything was refunded.",
    "cancelled": "The driver cancelled before the start.",
    "cancelled_by_owner": "The owner cancelled: everything was refunded.",
    "obstructed": "The lock saw somebody else's car in the space: everything was refunded.",
    "no_show": "The lock saw that nobody came: the offer's charge for a no-show was due.",
    "resolved": "It was disputed, and the arbiter decided what was due.",
    "agreed": "Driver and owner agreed on what was due.",
    "lapsed": "It was disputed and nobody decided: the lock's record counts, half the overstay.",
}

#: What a lock saw, by the number of its record.
KIND_NAMES = {
    RecordKind.ARRIVED: "arrived",
    RecordKind.LEFT: "left",
    RecordKind.BLOCKED: "blocked",
    RecordKind.NOSHOW: "no_show",
}
#: Said instead while a lease is open and disputed.
DISPUTED_WORDS = (
    "Disputed: it ends by the arbiter's decision, by an agreement of driver and owner, or by time."
)
STATE_WORDS = {
    "booked": "Booked: the space is kept and the maximum cost is in escrow.",
    "parked": "Parked: the lock has recorded the arrival.",
    "claimed": "Left with overstay: waiting for the driver's word, or for time.",
    "settled": "Settled: everybody has been credited.",
    "cancelled": "Ended before it was used: what was not charged went back to the driver.",
    "blocked": "Blocked by the owner.",
}


def connector_names(mask: int) -> list[str]:
    """The connectors of a bit mask."""
    return [name for bit, name in enumerate(CONNECTORS) if mask >> bit & 1]


def connector_mask(names: list[str], field: str = "connectors") -> int:
    """The bit mask of some connectors; refuses a name nobody knows."""
    mask = 0
    for name in names:
        if name not in CONNECTORS:
            raise BerthError(
                "connector.unknown",
                f"{name!r} is none of {', '.join(CONNECTORS)}",
                field=field,
                status=422,
            )
        mask |= 1 << CONNECTORS.index(name)
    return mask


def state_name(state: int) -> str:
    """Lower-case name of a lease's state."""
    return LeaseState(state).name.lower()


def outcome_name(outcome: int) -> str:
    """Lower-case name of how a lease ended."""
    return Outcome(outcome).name.lower()
