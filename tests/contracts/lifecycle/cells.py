"""The cells of the matrix: every verb, in every state, on both sides of every instant at which
something begins or ends; and what the state table says of each.

Nothing here asks the model or the chain: `judge` reads the rows of the table alone.
"""

from dataclasses import dataclass
from itertools import product

from berth.core.model.table import ALIASES, BLOCKED, NONE, OPEN, Transition, Who, rows_of
from berth.core.slots import MAX_AHEAD_SLOTS, SLOT_SECONDS
from berth.core.states import LeaseState, Outcome, RecordKind, Times
from support.clock import DAY, HOUR, MONDAY, slot
from support.forms import TERMS

START_SLOT = slot(MONDAY + 100 * DAY + 10 * HOUR)
SLOTS, KWH = 8, 20
TIMES = Times.of(START_SLOT, SLOTS, TERMS.reserve_minutes)

AHEAD = TIMES.start - MAX_AHEAD_SLOTS * SLOT_SECONDS  # the first second in which it can be leased
FREE = TIMES.start - 3600 * TERMS.free_cancel_hours  # the last second of free cancelling
TAKEN = TIMES.start + SLOT_SECONDS  # its first slot is past
OVER = TIMES.end + 6 * 60  # the first minute of overstay that is billed is over


@dataclass(frozen=True)
class Situation:
    """A state with the bits that the table knows. `begun`: it ended in its first slot, which
    therefore stayed taken."""

    name: str
    state: LeaseState
    disputed: bool = False
    no_show: bool = False
    begun: bool = False


SITUATIONS = (
    Situation("None", LeaseState.NONE),
    Situation("Booked", LeaseState.BOOKED),
    Situation("Booked disputed", LeaseState.BOOKED, disputed=True),
    Situation("Booked disputed no-show", LeaseState.BOOKED, disputed=True, no_show=True),
    Situation("Parked", LeaseState.PARKED),
    Situation("Parked disputed", LeaseState.PARKED, disputed=True),
    Situation("Claimed", LeaseState.CLAIMED),
    Situation("Claimed disputed", LeaseState.CLAIMED, disputed=True),
    Situation("Settled", LeaseState.SETTLED),
    Situation("Settled by the arbiter", LeaseState.SETTLED, disputed=True, begun=True),
    Situation("Cancelled", LeaseState.CANCELLED),
    Situation("Blocked", LeaseState.BLOCKED),
)


@dataclass(frozen=True)
class Verb:
    """A verb by its Solidity name. `overstay`: the record bills some. `by_driver`: the sender is
    the driver where anybody would do."""

    name: str
    function: str
    kind: RecordKind | None = None
    overstay: bool = False
    by_driver: bool = False

    @property
    def row(self) -> str:
        """The name of its rows in the table."""
        return ALIASES.get(self.function, self.function)

    @property
    def batch(self) -> bool:
        return self.function.endswith("Batch")

    @property
    def takes_slots(self) -> bool:
        return self.row in ("lease", "blockSlots")


VERBS = (
    Verb("lease", "lease"),
    Verb("leaseWithVehicle", "leaseWithVehicle"),
    Verb("leaseWithPermit", "leaseWithPermit"),
    Verb("blockSlots", "blockSlots"),
    Verb("unblock", "unblock"),
    Verb("changeVehicle", "changeVehicle"),
    Verb("extend", "extend"),
    Verb("cancel", "cancel"),
    Verb("ownerCancel", "ownerCancel"),
    Verb("ARRIVED", "record", RecordKind.ARRIVED),
    Verb("LEFT in time", "record", RecordKind.LEFT),
    Verb("LEFT in time by the driver", "record", RecordKind.LEFT, by_driver=True),
    Verb("LEFT late", "record", RecordKind.LEFT, overstay=True),
    Verb("LEFT late by the driver", "record", RecordKind.LEFT, overstay=True, by_driver=True),
    Verb("BLOCKED", "record", RecordKind.BLOCKED),
    Verb("NOSHOW", "record", RecordKind.NOSHOW),
    *(Verb(f"recordBatch of {kind.name}", "recordBatch", kind) for kind in RecordKind),
    Verb("dispute", "dispute"),
    Verb("resolve", "resolve"),
    Verb("agree", "agree"),
    Verb("close", "close"),
    Verb("close by the driver", "close", by_driver=True),
    Verb("closeBatch", "closeBatch"),
)


@dataclass(frozen=True)
class Instant:
    name: str
    at: int


#: Names of `Times` as the table's windows use them, and the other ends of what is legal.
BOUNDARIES = {
    "ninety days ahead": AHEAD,
    "the free limit": FREE,
    "a quarter before the start": TIMES.early,
    "the start": TIMES.start,
    "the end of its first slot": TAKEN,
    "the end": TIMES.end,
    "the first overstay": OVER,
    "T1": TIMES.t1,
    "T2": TIMES.t2,
    "T3": TIMES.t3,
}
INSTANTS = (
    *(
        Instant(f"{how} {name}", at + seconds)
        for name, at in BOUNDARIES.items()
        for how, seconds in (("one second before", -1), ("at", 0))
    ),
    # the one limit that is inclusive
    Instant("one second after the free limit", FREE + 1),
)


@dataclass(frozen=True)
class Cell:
    situation: Situation
    instant: Instant
    verb: Verb

    def __str__(self) -> str:
        return f"{self.verb.name} in {self.situation.name} {self.instant.name}"


CELLS = tuple(Cell(*each) for each in product(SITUATIONS, INSTANTS, VERBS))


@dataclass(frozen=True)
class Verdict:
    """Refused with `error`; or accepted by `row`, to what `state` and bits, with what `outcome`.
    No row and no error: a batch passes it over."""

    error: str | None = None
    row: Transition | None = None
    state: LeaseState | None = None
    disputed: bool = False
    no_show: bool = False
    outcome: Outcome | None = None


def judge(cell: Cell) -> Verdict:
    """What the table says of a cell, with the right caller and the right amounts."""
    verb, now, at = cell.verb, cell.situation, cell.instant.at
    if verb.takes_slots:
        row = rows_of(verb.row)[0]
        return _refused_start(at, now) or Verdict(row=row, state=row.to)
    if now.state is NONE:
        return Verdict("LeaseUnknown")
    if verb.batch and _passes_over(verb, now):
        return Verdict(state=now.state, disputed=now.disputed, no_show=now.no_show)
    if now.state not in (OPEN if verb.row != "unblock" else (BLOCKED,)):
        return Verdict("WrongState")
    return _judge_record(verb, now, at) if verb.kind else _judge_verb(verb, now, at)


def _passes_over(verb: Verb, now: Situation) -> bool:
    """A batch leaves out what can change nothing any more: of a record no row begins here or
    further on; nor does one that would say again what is on record."""
    froms = {state for row in rows_of(verb.row, verb.kind) for state in row.from_states}
    return now.state > max(froms) or (verb.kind is RecordKind.NOSHOW and now.no_show)


def _refused_start(at: int, now: Situation) -> Verdict | None:
    if at >= TAKEN:
        return Verdict("StartInPast")
    if at < AHEAD:
        return Verdict("StartTooFar")
    free = now.state in rows_of("lease")[0].from_states and not now.begun
    return None if free else Verdict("CalendarTaken")


def _judge_verb(verb: Verb, now: Situation, at: int) -> Verdict:
    """Dispute, then state, then time."""
    rows = [row for row in rows_of(verb.row) if row.disputed in (None, now.disputed)]
    if not rows:
        return Verdict("Disputed" if now.disputed else "NotDisputed")
    rows = [
        row for row in rows if row.matches(now.state, disputed=now.disputed, no_show=now.no_show)
    ]
    if not rows:
        return Verdict("WrongState")
    row = next(
        row for row in rows if verb.row != "close" or row.who is Who.ANYBODY or verb.by_driver
    )
    return _within(row, now, at)


def _judge_record(verb: Verb, now: Situation, at: int) -> Verdict:
    """Time, then what the evidence speaks of, then the state."""
    rows = rows_of("record", verb.kind)
    if at >= TIMES.t1:
        return Verdict("OutOfTime")
    opens = OVER if verb.overstay else rows[0].window(TIMES)[0]
    if at < opens:
        return Verdict("EvidenceTime")
    rows = [
        row for row in rows if row.matches(now.state, disputed=now.disputed, no_show=now.no_show)
    ]
    if len(rows) == 2:  # a departure: settled, or claimed
        settles = not verb.overstay or verb.by_driver
        rows = [row for row in rows if (row.outcome is Outcome.DEPARTED) == settles]
    return _within(rows[0], now, at) if rows else Verdict("WrongState")


def _within(row: Transition, now: Situation, at: int) -> Verdict:
    opens, closes = row.window(TIMES)
    if not opens <= at < closes:
        return Verdict("OutOfTime")
    return Verdict(
        row=row,
        state=now.state if row.to is None else row.to,
        disputed=now.disputed or row.sets == "disputed",
        no_show=now.no_show or row.sets == "no_show",
        outcome=row.outcome,
    )
