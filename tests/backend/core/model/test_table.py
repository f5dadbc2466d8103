"""The state table says what the model does, and nothing that cannot be."""

from __future__ import annotations

from itertools import product

import pytest
from berth.core.model import ALIASES, TRANSITIONS, Market, Transition, Who, closing_time, rows_of
from berth.core.states import LeaseState, Outcome, RecordKind, Times

from tests.backend.core.model.scene import START, Scene
from tests.backend.core.model.stories import attempt, prepare, put

OPEN = (LeaseState.BOOKED, LeaseState.PARKED, LeaseState.CLAIMED)
TIMES = Times.of(START, 8, 60)


def snake(name: str) -> str:
    return "".join("_" + c.lower() if c.isupper() else c for c in name)


def test_every_verb_is_one_of_the_model():
    for name in {row.verb for row in TRANSITIONS} | set(ALIASES):
        assert callable(getattr(Market, snake(name)))
    assert set(ALIASES.values()) <= {row.verb for row in TRANSITIONS}


def test_every_outcome_is_reached_and_ends_in_its_state():
    assert {row.outcome for row in TRANSITIONS} == {*Outcome, None} - {Outcome.NONE}
    for row in TRANSITIONS:
        if row.outcome is not None:
            assert row.to is row.outcome.terminal_state
            assert set(row.from_states) <= set(OPEN)


def test_every_kind_of_record_has_its_rows_and_no_other_verb_has_a_kind():
    assert {row.kind for row in rows_of_records()} == set(RecordKind)
    assert all(row.kind is None for row in TRANSITIONS if row.verb != "record")
    assert all(row.who is Who.LOCK for row in rows_of_records())


def rows_of_records() -> list[Transition]:
    return [row for row in TRANSITIONS if row.verb == "record"]


def test_windows_open_before_they_close():
    for row in TRANSITIONS:
        opens, closes = row.window(TIMES)
        assert 0 <= opens < closes <= 2**256 - 1
        assert {row.opens, row.closes} <= {*vars(TIMES), None}


@pytest.mark.parametrize(
    ("state", "disputed", "no_show"), list(product(OPEN, (False, True), (False, True)))
)
def test_every_open_lease_can_be_closed_by_anybody_one_day(state, disputed, no_show):
    if no_show and not (disputed and state is LeaseState.BOOKED):
        return  # the bit is only ever looked at there
    rows = [
        row
        for row in rows_of("close")
        if row.matches(state, disputed=disputed, no_show=no_show) and row.who is Who.ANYBODY
    ]
    assert len(rows) == 1
    assert rows[0].opens == ("t3" if disputed else "t2" if state is LeaseState.CLAIMED else "t1")


def test_evidence_ends_where_closing_begins():
    for row in rows_of_records():
        assert row.closes == "t1"
    for row in rows_of("close"):
        assert row.opens in ("t1", "t2", "t3") or row.who is Who.DRIVER


@pytest.mark.parametrize(
    ("state", "disputed", "instant"),
    [
        (LeaseState.BOOKED, False, "t1"),
        (LeaseState.PARKED, False, "t1"),
        (LeaseState.CLAIMED, False, "t2"),
        *((state, True, "t3") for state in OPEN),
    ],
)
def test_the_closing_time_is_that_of_anybody(state, disputed, instant):
    assert closing_time(state, disputed=disputed, times=TIMES) == getattr(TIMES, instant)


@pytest.mark.parametrize("state", [s for s in LeaseState if not s.is_open])
def test_what_is_over_has_no_closing_time(state):
    assert closing_time(state, disputed=False, times=TIMES) is None


# ---- the model at the edges of every window

EDGES = [
    (row, edge, inside)
    for row in TRANSITIONS
    for edge, inside in (("opens", True), ("closes", False))
    if getattr(row, edge) is not None
    # overstay cannot be billed before there is some
    if not (edge == "opens" and row.to is LeaseState.CLAIMED and not row.disputed)
]


@pytest.mark.parametrize(
    ("row", "edge", "inside"),
    EDGES,
    ids=[f"{row.verb}-{row.kind}-{row.from_states[0].name}-{edge}" for row, edge, _ in EDGES],
)
def test_a_verb_is_legal_from_the_second_it_opens_and_illegal_from_the_second_it_closes(
    row: Transition, edge: str, inside: bool
):
    for seconds in (-1, 0):
        scene = Scene()
        lease = prepare(scene, row)
        scene.at(getattr(TIMES, getattr(row, edge)) + seconds)
        legal = inside is (seconds == 0)
        refusal = attempt(scene, row, lease)
        assert refusal in ((None,) if legal else ("OutOfTime", "EvidenceTime")), (seconds, row)
        if legal and row.to is not None:
            assert scene.market.lease_of(lease).state is row.to
        if legal and row.sets:
            assert getattr(scene.market.lease_of(lease), row.sets)
        if legal and row.outcome:
            assert scene.event("Settled")["outcome"] == row.outcome


# ---- the model in every state that the table does not name

VERBS = sorted(
    {(row.verb, row.kind or 0) for row in TRANSITIONS} - {("lease", 0), ("blockSlots", 0)}
)


@pytest.mark.parametrize(("verb", "kind"), VERBS)
@pytest.mark.parametrize("state", [*OPEN, LeaseState.SETTLED, LeaseState.CANCELLED])
@pytest.mark.parametrize("disputed", [False, True])
def test_a_verb_is_refused_in_every_state_that_no_row_of_it_names(verb, kind, state, disputed):
    rows = rows_of(verb, RecordKind(kind) if kind else None)
    scene = Scene()
    lease = prepare(scene, TRANSITIONS[3])
    put(scene, lease, state, disputed)
    opens, closes = rows[-1].window(TIMES)
    scene.at(max(opens, min(closes, TIMES.t3) - 1))
    fits = [row for row in rows if row.matches(state, disputed=disputed, no_show=False)]
    refusal = attempt(scene, (fits or rows)[-1], lease)
    if not state.is_open:
        assert refusal == "WrongState"
    elif not fits:
        assert refusal in ("WrongState", "Disputed", "NotDisputed")
    else:
        assert refusal in (None, "OutOfTime")
