"""The state table as data: what every verb does to a lease, who may, when, and what it costs.

Documentation and test matrices are made from it, and the model asks it. A window is half-open:
legal from the instant `opens` on, before the instant `closes`; both are names of `Times`. For a
record the window opens because its evidence cannot speak of the future.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from berth.core.states import LeaseState, Outcome, RecordKind, Times

NEVER = (1 << 256) - 1

NONE, BOOKED, PARKED, CLAIMED, SETTLED, CANCELLED, BLOCKED = LeaseState
FREE = (NONE, SETTLED, CANCELLED)
OPEN = (BOOKED, PARKED, CLAIMED)


class Who(StrEnum):
    """Whose verb it is. The payee is the owner when the lease's offer was published; the owner and
    the manager are those of now; a record is signed by the lock, whoever brings it."""

    ANYBODY = "anybody"
    DRIVER = "driver"
    PAYEE = "payee"
    PARTY = "driver or payee"
    BOTH = "driver and payee, by call or signature"
    STEWARD = "owner or manager"
    ARBITER = "arbiter"
    LOCK = "anybody, signed by the lock"


@dataclass(frozen=True)
class Transition:
    """One row: `verb` by its Solidity name, for a record with its `kind`.

    `disputed`, `no_show`: the bits that the lease must have; None either. `when`: what else tells
    this row from others of the verb. `to` None: the state stays. `sets`: the bit set.
    `outcome`: of the record in the ledger; None: the lease goes on, or it is a block.
    """

    verb: str
    from_states: tuple[LeaseState, ...]
    to: LeaseState | None
    who: Who
    kind: RecordKind | None = None
    disputed: bool | None = False
    no_show: bool | None = None
    when: str = ""
    opens: str | None = None
    closes: str | None = None
    charge: str = "–"
    outcome: Outcome | None = None
    sets: str | None = None

    def window(self, times: Times) -> tuple[int, int]:
        """[from, until) in Unix seconds; 0 and NEVER where there is no bound."""
        return (
            getattr(times, self.opens) if self.opens else 0,
            getattr(times, self.closes) if self.closes else NEVER,
        )

    def matches(self, state: LeaseState, *, disputed: bool, no_show: bool) -> bool:
        """Is this row one for such a lease?"""
        return (
            state in self.from_states
            and self.disputed in (None, disputed)
            and self.no_show in (None, no_show)
        )


#: Verbs that do what another one does, and bring something with them.
ALIASES = {
    "leaseWithVehicle": "lease",
    "leaseWithPermit": "lease",
    "recordBatch": "record",
    "closeBatch": "close",
}

_CANCEL = "nothing in the offer's free time, then its cancel % of the booked rent"
_NO_SHOW = "the offer's no-show % of the booked rent"
_STAY = "rent of the minutes stayed, overstay, energy"
_BOOKED = "the booked rent"

_record = partial(Transition, "record", who=Who.LOCK, closes="t1")
_close = partial(Transition, "close", who=Who.ANYBODY)

TRANSITIONS: tuple[Transition, ...] = (
    Transition(
        "lease",
        FREE,
        BOOKED,
        Who.DRIVER,
        disputed=None,
        when="slots free, from the current slot to 90 days ahead, not paused",
        charge="deposit into escrow",
    ),
    Transition(
        "blockSlots",
        FREE,
        BLOCKED,
        Who.STEWARD,
        disputed=None,
        when="slots free, from the current slot to 90 days ahead",
    ),
    Transition("unblock", (BLOCKED,), CANCELLED, Who.STEWARD, disputed=None, closes="end"),
    Transition(
        "extend",
        (BOOKED, PARKED),
        None,
        Who.DRIVER,
        closes="end",
        when="offer live, new slots free",
        charge="difference of the deposits into escrow",
    ),
    Transition(
        "changeVehicle",
        (BOOKED, PARKED),
        None,
        Who.DRIVER,
        closes="end",
        when="vehicle attested until the end",
    ),
    Transition(
        "cancel",
        (BOOKED,),
        CANCELLED,
        Who.DRIVER,
        closes="start",
        charge=_CANCEL,
        outcome=Outcome.CANCELLED,
    ),
    Transition(
        "ownerCancel",
        (BOOKED,),
        CANCELLED,
        Who.PAYEE,
        closes="t1",
        when="the payee's credit covers the compensation",
        charge=(
            "nothing; the payee pays the driver, before the start the cancel charge, "
            "from then on the no-show charge"
        ),
        outcome=Outcome.CANCELLED_BY_OWNER,
    ),
    _record((BOOKED,), PARKED, kind=RecordKind.ARRIVED, disputed=None, opens="early"),
    _record(
        (BOOKED, PARKED),
        SETTLED,
        kind=RecordKind.LEFT,
        opens="early",
        when="no overstay billed, or the sender is the driver",
        charge=_STAY,
        outcome=Outcome.DEPARTED,
    ),
    _record(
        (BOOKED, PARKED),
        CLAIMED,
        kind=RecordKind.LEFT,
        opens="early",
        when="overstay billed, and the sender is not the driver",
        charge="held",
    ),
    _record(
        (BOOKED, PARKED), CLAIMED, kind=RecordKind.LEFT, disputed=True, opens="early", charge="held"
    ),
    _record(
        (BOOKED,),
        CANCELLED,
        kind=RecordKind.BLOCKED,
        disputed=None,
        opens="start",
        charge="nothing, full refund",
        outcome=Outcome.OBSTRUCTED,
    ),
    _record(
        (BOOKED,),
        SETTLED,
        kind=RecordKind.NOSHOW,
        opens="end",
        charge=_NO_SHOW,
        outcome=Outcome.NO_SHOW,
    ),
    _record(
        (BOOKED,),
        None,
        kind=RecordKind.NOSHOW,
        disputed=True,
        no_show=False,
        opens="end",
        charge="held",
        sets="no_show",
    ),
    Transition(
        "dispute", (BOOKED, PARKED), None, Who.PARTY, opens="start", closes="t1", sets="disputed"
    ),
    Transition("dispute", (CLAIMED,), None, Who.PARTY, opens="start", closes="t2", sets="disputed"),
    Transition(
        "resolve",
        OPEN,
        SETTLED,
        Who.ARBITER,
        disputed=True,
        closes="t3",
        charge="the award, at most the deposit",
        outcome=Outcome.RESOLVED,
    ),
    Transition(
        "agree",
        OPEN,
        SETTLED,
        Who.BOTH,
        disputed=None,
        when="the agreement names the deposit as it is, and has not expired",
        charge="the agreed sum, at most the deposit",
        outcome=Outcome.AGREED,
    ),
    _close((BOOKED,), CANCELLED, opens="t1", charge="nothing, full refund", outcome=Outcome.UNUSED),
    _close((PARKED,), SETTLED, opens="t1", charge=_BOOKED, outcome=Outcome.PRESUMED),
    _close((CLAIMED,), SETTLED, who=Who.DRIVER, charge=_STAY, outcome=Outcome.ACCEPTED),
    _close((CLAIMED,), SETTLED, opens="t2", charge=_STAY, outcome=Outcome.MATURED),
    _close(
        (BOOKED,),
        CANCELLED,
        disputed=True,
        no_show=False,
        opens="t3",
        charge="nothing, full refund",
        outcome=Outcome.UNUSED,
    ),
    _close(
        (BOOKED,),
        SETTLED,
        disputed=True,
        no_show=True,
        opens="t3",
        charge=_NO_SHOW,
        outcome=Outcome.NO_SHOW,
    ),
    _close((PARKED,), SETTLED, disputed=True, opens="t3", charge=_BOOKED, outcome=Outcome.PRESUMED),
    _close(
        (CLAIMED,),
        SETTLED,
        disputed=True,
        opens="t3",
        charge="rent of the minutes stayed, half the overstay, energy",
        outcome=Outcome.LAPSED,
    ),
)


def rows_of(verb: str, kind: RecordKind | None = None) -> tuple[Transition, ...]:
    """The rows of a verb, in the table's order."""
    return tuple(row for row in TRANSITIONS if row.verb == verb and row.kind == kind)


def closing_time(state: LeaseState, *, disputed: bool, times: Times) -> int | None:
    """When anybody may close a lease if nothing more happens (Unix seconds); None: it is over."""
    for row in rows_of("close"):
        if row.who is Who.ANYBODY and row.disputed is disputed and state in row.from_states:
            return row.window(times)[0]
    return None
