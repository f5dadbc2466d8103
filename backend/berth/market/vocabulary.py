"""Names of the numbers that the contracts use: kinds of spaces, connectors, states, outcomes."""

from __future__ import annotations

from berth.core.errors import BerthError
from berth.core.states import LeaseState, Outcome

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
}
STATE_WORDS = {
    "booked": "Booked: the space is kept and the maximum cost is in escrow.",
    "parked": "Parked: the lock has recorded the arrival.",
    "claimed": "Left with overstay: waiting for the driver's word, or for time.",
    "settled": "Settled: everybody has been credited.",
    "cancelled": "Ended unused: the deposit went back to the driver.",
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
