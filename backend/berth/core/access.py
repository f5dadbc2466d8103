"""May the bar go down? One pure function of facts to a decision with reasons.

The rule, in two parts:

1. Nothing may stand against it: the asker is the lessee, the lease is open and deep enough in the
   chain, its window is open (15 minutes before the start until the end), the index has caught up,
   the clocks agree, the lock is online, up, sound and its bay is empty.
2. Three factors speak for it: the leased vehicle's plate, read at this lock within 120 s (PLATE);
   the driver's signed confirmation, within 120 s (CONFIRM); the driver's terminal at the entrance,
   or the driver's own "I'm here" (NEAR). The offer's flags say which are required; an offer that
   says nothing else requires all three. Whatever the flags ask, *two* factors must hold. So
   nearness alone never opens and a plate alone never opens, and since there is only one nearness,
   at least a plate or a signed confirmation is always there. With flags of nothing at all,
   nearness and either of the others will do, or a plate and a confirmation: a plate read by the
   lock's own camera is nearness of the vehicle.

Everything that stands against it is listed, not only the first thing; a stranger learns nothing
but that the lease is not theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from berth.core.access_reasons import Decision, Need, ReasonCode, Refusal, need_sentence
from berth.core.checks import unsigned
from berth.core.states import LeaseState
from berth.core.tariff import DEFAULT_FLAGS, EARLY_SECONDS, FLAG_CONFIRM, FLAG_NEAR, FLAG_PLATE

__all__ = [
    "HARMLESS_FAULTS",
    "Decision",
    "Facts",
    "Need",
    "PlateReading",
    "Policy",
    "Position",
    "ReasonCode",
    "Refusal",
    "decide_camera",
    "decide_unlock",
    "need_sentence",
    "required_confirmations",
]

# Faults that leave the bar able to move safely.
HARMLESS_FAULTS = frozenset({"low_battery"})


class Position(StrEnum):
    """What a lock says of its bar."""

    LOCKED = "LOCKED"
    UNLOCKED = "UNLOCKED"
    LOCKING = "LOCKING"
    UNLOCKING = "UNLOCKING"
    JAMMED = "JAMMED"


@dataclass(frozen=True)
class PlateReading:
    """What a lock's camera read; `at` Unix seconds, `confidence` 0 to 1, `lease_id` the lease whose
    commitment it was compared with."""

    lease_id: int
    match: bool
    confidence: float
    at: int


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything the decision rests on. Times in Unix seconds, by the one Clock.

    `clock_skew` is chain time minus wall time in seconds; `entered` and `here` are the presence
    events of this lease and cycle; `confirmed_at` the moment that the driver's signature for this
    lease and cycle names, once verified; `block_seconds` is used for estimates only;
    `down_for_another`: the bar is down, and not for this lease.
    """

    now: int
    lease_id: int
    state: LeaseState
    start: int
    end: int
    requester_is_lessee: bool
    confirmations: int
    required: int
    index_caught_up: bool
    clock_skew: int
    lock_online: bool
    position: Position | None
    fault: str | None
    bay_occupied: bool
    entered: bool
    here: bool
    plate: PlateReading | None
    confirmed_at: int | None
    flags: int = DEFAULT_FLAGS
    block_seconds: float = 12.0
    down_for_another: bool = False


@dataclass(frozen=True)
class Policy:
    """The limits of the decision; seconds, and a confidence from 0 to 1."""

    early_seconds: int = EARLY_SECONDS
    fresh_seconds: int = 120
    max_skew: int = 30
    min_confidence: float = 0.8


def decide_unlock(facts: Facts, policy: Policy = Policy()) -> Decision:
    """May the bar go down now? See the module's docstring."""
    if not facts.requester_is_lessee:
        return Decision((Refusal(ReasonCode.NOT_LESSEE),))
    return Decision(
        (
            *_lease_refusals(facts, policy),
            *_depth_refusals(facts, facts.required),
            *_system_refusals(facts, policy),
            *_lock_refusals(facts),
            *_factor_refusals(facts, policy),
        )
    )


def decide_camera(facts: Facts, policy: Policy = Policy()) -> Decision:
    """May the camera be switched on, so that the plate can be read?

    Needs the lessee at the entrance, an open lease in its window, one confirmation (the full depth
    may come while the camera looks), an index and clocks in order, and the lock online.
    """
    if not facts.requester_is_lessee:
        return Decision((Refusal(ReasonCode.NOT_LESSEE),))
    refusals = [
        *_lease_refusals(facts, policy),
        *_depth_refusals(facts, 1),
        *_system_refusals(facts, policy),
    ]
    if not facts.lock_online:
        refusals.append(Refusal(ReasonCode.LOCK_OFFLINE))
    if not _near(facts):
        refusals.append(Refusal(ReasonCode.NEAR_MISSING))
    return Decision(tuple(refusals))


def required_confirmations(deposit: int, *, decimals: int, local: bool) -> int:
    """How many blocks deep a lease must be before its lock obeys, the including block counted.

    It grows with what a reverted lease could cost: up to 20 whole units 3, up to 100 6, up to 500
    12, above 32. A local chain never reorganises by accident: 2.
    """
    unsigned(deposit, "deposit", 128)
    if local:
        return 2
    unit = 10**decimals
    for limit, depth in ((20, 3), (100, 6), (500, 12)):
        if deposit <= limit * unit:
            return depth
    return 32


def _lease_refusals(facts: Facts, policy: Policy) -> list[Refusal]:
    if facts.state not in (LeaseState.BOOKED, LeaseState.PARKED):
        return [Refusal(ReasonCode.LEASE_NOT_OPEN, (("state", facts.state.name.lower()),))]
    opens = facts.start - policy.early_seconds
    if facts.now < opens:
        wait = opens - facts.now
        return [Refusal(ReasonCode.WINDOW_EARLY, (("minutes", -(-wait // 60)),), wait)]
    if facts.now >= facts.end:
        return [Refusal(ReasonCode.WINDOW_OVER)]
    return []


def _depth_refusals(facts: Facts, required: int) -> list[Refusal]:
    missing = required - facts.confirmations
    if missing <= 0:
        return []
    seconds = max(1, round(missing * facts.block_seconds))
    figures = (("have", facts.confirmations), ("need", required), ("seconds", seconds))
    return [Refusal(ReasonCode.LEASE_SHALLOW, figures, seconds)]


def _system_refusals(facts: Facts, policy: Policy) -> list[Refusal]:
    refusals = []
    if not facts.index_caught_up:
        refusals.append(Refusal(ReasonCode.INDEX_BEHIND))
    if abs(facts.clock_skew) > policy.max_skew:
        refusals.append(Refusal(ReasonCode.CLOCK_SKEW, (("seconds", abs(facts.clock_skew)),)))
    return refusals


def _lock_refusals(facts: Facts) -> list[Refusal]:
    refusals = []
    if not facts.lock_online:
        refusals.append(Refusal(ReasonCode.LOCK_OFFLINE))
    if facts.position is Position.UNLOCKED and facts.down_for_another:
        # whoever drove in now would park for that one: it has to come up first
        refusals.append(Refusal(ReasonCode.LOCK_OPEN, mended_by=Need.WAIT_LOCK))
    elif facts.position in _POSITIONS:
        refusals.append(Refusal(_POSITIONS[facts.position]))
    # that a stranger's car stands there is said once, and is nothing to be serviced
    stranger = facts.fault == "car_detected" and facts.bay_occupied
    if facts.fault is not None and facts.fault not in HARMLESS_FAULTS and not stranger:
        refusals.append(Refusal(ReasonCode.LOCK_FAULT, (("fault", facts.fault),)))
    if facts.bay_occupied:
        refusals.append(Refusal(ReasonCode.BAY_OCCUPIED))
    return refusals


def _factor_refusals(facts: Facts, policy: Policy) -> list[Refusal]:
    # In the order in which a driver can most easily supply them.
    factors: list[tuple[int, Callable[[], Refusal | None]]] = [
        (FLAG_NEAR, lambda: None if _near(facts) else Refusal(ReasonCode.NEAR_MISSING)),
        (FLAG_CONFIRM, lambda: _confirm_refusal(facts, policy)),
        (FLAG_PLATE, lambda: _plate_refusal(facts, policy)),
    ]
    refusals: list[Refusal] = []
    optional: list[Refusal] = []
    certain = 0
    for flag, judge in factors:
        refusal = judge()
        if refusal is None:
            certain += 1
        elif facts.flags & flag:
            refusals.append(refusal)
        else:
            optional.append(refusal)
    # Two factors at the least, whatever the flags ask.
    lacking = 2 - certain - len(refusals)
    return refusals + optional[: max(0, lacking)]


def _near(facts: Facts) -> bool:
    return facts.entered or facts.here


def _confirm_refusal(facts: Facts, policy: Policy) -> Refusal | None:
    if facts.confirmed_at is None:
        return Refusal(ReasonCode.CONFIRM_MISSING)
    if not _fresh(facts.confirmed_at, facts.now, policy):
        return Refusal(ReasonCode.CONFIRM_STALE, (("seconds", policy.fresh_seconds),))
    return None


def _plate_refusal(facts: Facts, policy: Policy) -> Refusal | None:
    plate = facts.plate
    if plate is None or plate.lease_id != facts.lease_id:
        return Refusal(ReasonCode.PLATE_MISSING)
    if not _fresh(plate.at, facts.now, policy):
        return Refusal(ReasonCode.PLATE_STALE, (("seconds", policy.fresh_seconds),))
    # Written so that a confidence that is no number counts as none.
    if not plate.confidence >= policy.min_confidence:
        return Refusal(ReasonCode.PLATE_UNSURE)
    if not plate.match:
        return Refusal(ReasonCode.PLATE_MISMATCH)
    return None


def _fresh(at: int, now: int, policy: Policy) -> bool:
    # Clocks may differ by the tolerated skew, so a moment that far ahead is still "now".
    return -policy.max_skew <= now - at <= policy.fresh_seconds


_POSITIONS = {
    None: ReasonCode.LOCK_UNKNOWN,
    Position.UNLOCKED: ReasonCode.LOCK_OPEN,
    Position.LOCKING: ReasonCode.LOCK_MOVING,
    Position.UNLOCKING: ReasonCode.LOCK_MOVING,
    Position.JAMMED: ReasonCode.LOCK_JAMMED,
}
