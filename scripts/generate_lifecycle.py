#!/usr/bin/env python3
"""Write docs/lifecycle.md, and the table of verbs in docs/market.md; --check only compares.

.venv/bin/python scripts/generate_lifecycle.py [--check]

Both are made from the state table of the Python model, berth.core.model.table, which the contract's
tests hold against the chain.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from berth.core.model.table import ALIASES, FREE, OPEN, TRANSITIONS, Transition
from berth.core.states import (
    CLAIM_SECONDS,
    DISPUTE_SECONDS,
    EARLY_SECONDS,
    EVIDENCE_SECONDS,
    LeaseState,
    Outcome,
)

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "lifecycle.md"
MARKET = ROOT / "docs" / "market.md"
BEGIN = "<!-- Table written by scripts/generate_lifecycle.py; do not edit. -->\n"
END = "<!-- End of the table. -->\n"

INSTANTS = {
    "early": "start − 15 min",
    "start": "start",
    "end": "end",
    "t1": "T1",
    "t2": "T2",
    "t3": "T3",
}

INTRODUCTION = """\
# The life of a lease

<!-- Written by scripts/generate_lifecycle.py; do not edit. `make abi` writes it anew. -->

Made from the state table of the reference model (`backend/berth/core/model/table.py`). The same
table by verb, and the formulas of the charges: [market.md](market.md#states-and-verbs).

A dashed arrow waits for an instant: it says what ends a lease when nobody says anything more. Verbs
that leave the state as it is are in the tables only.
"""

DISPUTED = """\
## Disputed

`dispute` sets one bit beside the state. From then on nothing ends the lease early but a decision,
an agreement, or the lock's word that somebody else's car was there; the lock's other records go on
file.
"""

TIMES = """\
## Instants

Half-open everywhere: at an instant the earlier verb is illegal already, the later one legal.
"""

STATES = """\
## What can be done, state by state

The payee is the owner at the time when the lease's offer was published; the owner and the manager
are those of now. Records are signed by the lock; who brings them does not matter, but where the
table says so.
"""

OUTCOMES = """\
## How leases end

Each end appends one record to the [ledger](market.md#the-ledger). A block is no lease: its end
leaves no record.
"""


@dataclass(frozen=True)
class Arrow:
    """What leads from one state to another: its words, and whether it needs no one's decision."""

    source: str
    target: str
    words: str
    waits: bool


def name(state: LeaseState) -> str:
    return state.name.capitalize()


def outcome_name(outcome: Outcome) -> str:
    """As the contract's enumeration spells it: CancelledByOwner."""
    return "".join(part.capitalize() for part in outcome.name.split("_"))


def verb(row: Transition) -> str:
    return row.verb if row.kind is None else f"record {row.kind.name}"


def code(row: Transition) -> str:
    return f"`{row.verb}`" + ("" if row.kind is None else f" {row.kind.name}")


def names(states: Iterable[LeaseState]) -> str:
    return ", ".join(name(state) for state in states)


def no_show(row: Transition) -> str:
    """What a row asks of the mark that the lock saw nobody come."""
    if row.no_show is None:
        return ""
    return "no-show on record" if row.no_show else "no-show not on record"


def source(row: Transition) -> str:
    """States, and what a lease must have beside them."""
    disputed = {True: "disputed", False: "", None: "disputed or not"}[row.disputed]
    if not set(row.from_states) & set(OPEN):  # only what is open can be disputed
        disputed = ""
    marks = ", ".join(filter(None, [disputed, no_show(row)]))
    return names(row.from_states) + (f"; {marks}" if marks else "")


def target(row: Transition) -> str:
    states = "as before" if row.to is None else name(row.to)
    if row.sets:
        states += f" + {row.sets.replace('_', '-')}"
    return states + (f" (*{outcome_name(row.outcome)}*)" if row.outcome else "")


def window(row: Transition) -> str:
    """When a row is legal, in block time."""
    opens = INSTANTS[row.opens] if row.opens else ""
    closes = INSTANTS[row.closes] if row.closes else ""
    if opens and closes:
        return f"{opens} ≤ now < {closes}"
    if opens:
        return f"≥ {opens}"
    return f"< {closes}" if closes else ""


def when(row: Transition) -> str:
    return "; ".join(filter(None, [window(row), row.when])) or "any time"


def duration(seconds: int) -> str:
    if seconds % 86_400 == 0 and seconds > 2 * 86_400:
        return f"{seconds // 86_400} d"
    return f"{seconds // 3600} h" if seconds % 3600 == 0 else f"{seconds // 60} min"


def table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [" | ".join(columns), "|".join("---" for _ in columns)]
    lines += [" | ".join(cell.replace("|", "\\|") for cell in row) for row in rows]
    return "\n".join(f"|{line}|" if "---" in line else f"| {line} |" for line in lines) + "\n"


def verbs_table() -> str:
    """All rows, by verb."""
    return table(
        ("verb", "from", "to", "who", "when", "charge"),
        (
            (code(row), source(row), target(row), row.who.value, when(row), row.charge)
            for row in TRANSITIONS
        ),
    )


def arrows(*, disputed: bool) -> Iterator[Arrow]:
    """One arrow for each pair of states, with the words of all rows between them."""
    found: dict[tuple[str, str, bool], list[str]] = {}
    for row in TRANSITIONS:
        if row.to is None or row.disputed not in (None, disputed):
            continue
        for state in row.from_states:
            if disputed and state not in OPEN:
                continue
            begins = "free" if state in FREE else name(state)
            waits = row.verb == "close" and row.opens is not None
            words = f"{verb(row)}, from {INSTANTS[row.opens]}" if row.opens and waits else verb(row)
            if row.verb == "close" and not waits:
                words += f", {row.who.value}"
            if row.no_show is not None:
                words += f", {no_show(row)}"
            said = found.setdefault((begins, name(row.to), waits), [])
            if words not in said:
                said.append(words)
    for (begins, ends, waits), said in found.items():
        yield Arrow(begins, ends, "<br>".join(said), waits)


def diagram(*, disputed: bool) -> str:
    """A Mermaid flowchart; GitHub draws it."""
    drawn = list(arrows(disputed=disputed))
    nodes = dict.fromkeys(one for arrow in drawn for one in (arrow.source, arrow.target))
    lines = ["```mermaid", "flowchart TD"]
    for node in nodes:
        if node == "free":
            lines.append(f'    free(["free: {names(FREE)}"])')
        elif node in (name(LeaseState.SETTLED), name(LeaseState.CANCELLED)):
            lines.append(f'    {node}(["{node}"])')
        else:
            lines.append(f'    {node}["{node}{", disputed" if disputed else ""}"]')
    for arrow in drawn:
        line = "-.->" if arrow.waits else "-->"
        lines.append(f'    {arrow.source} {line}|"{arrow.words}"| {arrow.target}')
    return "\n".join([*lines, "```"]) + "\n"


def instants_table() -> str:
    return table(
        ("instant", "is", "from here on"),
        (
            (
                INSTANTS["early"],
                f"{duration(EARLY_SECONDS)} before the start",
                "the lock may have seen the vehicle come",
            ),
            (
                "start",
                "start of the first slot",
                "no `cancel`; `dispute`; the owner's dearer charge",
            ),
            ("end", "end of the last slot", "no `extend`, no `changeVehicle`; NOSHOW"),
            (
                "T1",
                f"end + reserve + {duration(EVIDENCE_SECONDS)}",
                "no record; `close` of Booked and Parked",
            ),
            ("T2", f"T1 + {duration(CLAIM_SECONDS)}", "`close` of Claimed"),
            ("T3", f"T2 + {duration(DISPUTE_SECONDS)}", "no `resolve`; `close` of disputed leases"),
        ),
    )


def state_sections() -> Iterator[str]:
    """For each state its rows."""
    begins = [row for row in TRANSITIONS if set(row.from_states) & set(FREE)]
    yield f"### {names(FREE)}\n"
    yield state_table(begins)
    for state in OPEN:
        for disputed in (False, True):
            rows = [
                row
                for row in TRANSITIONS
                if state in row.from_states and row.disputed in (None, disputed)
            ]
            yield f"### {name(state)}{', disputed' if disputed else ''}\n"
            yield state_table(rows)
    yield f"### {name(LeaseState.BLOCKED)}\n"
    yield state_table([row for row in TRANSITIONS if LeaseState.BLOCKED in row.from_states])


def state_table(rows: list[Transition]) -> str:
    return table(
        ("verb", "who", "when", "to", "charge"),
        (
            (
                code(row),
                row.who.value,
                "; ".join(filter(None, [when(row), no_show(row)])),
                target(row),
                row.charge,
            )
            for row in rows
        ),
    )


def outcomes_table() -> str:
    rows = []
    for outcome in Outcome:
        by = [row for row in TRANSITIONS if row.outcome is outcome]
        if outcome is Outcome.NONE:
            continue
        if not by:
            raise ValueError(f"no verb ends a lease as {outcome.name}")
        verbs = dict.fromkeys(code(row) for row in by)
        charges = dict.fromkeys(row.charge for row in by)
        rows.append(
            (
                str(outcome.value),
                outcome_name(outcome),
                name(outcome.terminal_state),
                ", ".join(verbs),
                "; ".join(charges),
            )
        )
    return table(("number", "outcome", "state", "by", "charge"), rows)


def document() -> str:
    same = [f"`{one}` is as `{other}`" for one, other in ALIASES.items()]
    parts = [
        INTRODUCTION,
        "## Undisputed\n",
        diagram(disputed=False),
        DISPUTED,
        diagram(disputed=True),
        TIMES,
        instants_table(),
        STATES,
        f"{', '.join(same)}.\n",
        *state_sections(),
        OUTCOMES,
        outcomes_table(),
    ]
    return "\n".join(parts)


def market_page(text: str) -> str:
    """docs/market.md with the table of today. Raises ValueError when it has no place for one."""
    place = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
    if len(place.findall(text)) != 1:
        raise ValueError(f"{MARKET.name} must have one place for the table, between its comments")
    return place.sub(lambda _: f"{BEGIN}\n{verbs_table()}\n{END}", text)


def main() -> int:
    stale = 0
    for path, text in (
        (PAGE, document()),
        (MARKET, market_page(MARKET.read_text("utf-8"))),
    ):
        if path.is_file() and path.read_text("utf-8") == text:
            continue
        if "--check" in sys.argv[1:]:
            message = (
                f"docs/{path.name} does not fit the state table: run scripts/{Path(__file__).name}"
            )
            print(message, file=sys.stderr)
            stale = 1
            continue
        path.write_text(text, "utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
    return stale


if __name__ == "__main__":
    sys.exit(main())
