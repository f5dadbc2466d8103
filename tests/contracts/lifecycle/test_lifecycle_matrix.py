"""Every verb in every state on both sides of every instant: exactly what the state table says, by
the contract and by its model, to the last argument, event and unit."""

import pytest
from berth.core.model.table import ALIASES, OPEN, TRANSITIONS
from berth.core.states import LeaseState, Times
from lifecycle.cells import (
    BOUNDARIES,
    CELLS,
    INSTANTS,
    SITUATIONS,
    TIMES,
    VERBS,
    Cell,
    judge,
)
from lifecycle.ends import check_end
from support.conservation import assert_conserved

NAMED = {instant.name: instant for instant in INSTANTS}
#: Of every state and row the last accepted cell: the latest and the least usual.
ACCEPTED = tuple(
    {(cell.situation, row): cell for cell in CELLS if (row := judge(cell).row) is not None}.values()
)


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda each: each.name)
def test_a_state_is_reached_by_verbs(stage, situation):
    stage.go(situation, TIMES.t3)
    lease = stage.twin.books().lease
    if situation.state is LeaseState.NONE:
        assert lease is None
        return
    found = LeaseState(lease["state"]), lease["disputed"], lease["noShow"]
    assert found == (situation.state, situation.disputed, situation.no_show)


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_a_verb_does_what_the_table_says(stage, cell):
    verdict, observed = judge(cell), stage.observe(cell)
    foretold = observed.foretold
    assert foretold.says == verdict.error
    assert observed.seen == foretold
    if verdict.error:
        return
    after = foretold.books
    found = after.lease["state"], after.lease["disputed"], after.lease["noShow"]
    assert found == (verdict.state, verdict.disputed, verdict.no_show)
    assert after.market_tokens == stage.owed(after)
    if verdict.outcome:
        check_end(cell, verdict.outcome, observed)
    else:
        assert "Settled" not in dict(foretold.events)
        assert (after.head, after.count) == (observed.before.head, observed.before.count)


@pytest.mark.parametrize("cell", ACCEPTED, ids=str)
def test_nothing_appears_and_nothing_is_lost(stage, world, cell):
    """Once for every state and row, over all that the market ever said in events."""
    stage.observe(cell, then=lambda: assert_conserved(world))


class TestNothingIsMissing:
    def test_every_verb_in_every_state_at_every_instant_is_a_test(self, request):
        tried = {
            item.callspec.params["cell"]
            for item in request.session.items
            if getattr(item, "originalname", "") == test_a_verb_does_what_the_table_says.__name__
        }
        wanted = {
            Cell(situation, instant, verb)
            for situation in SITUATIONS
            for instant in INSTANTS
            for verb in VERBS
        }
        assert tried == wanted

    def test_every_row_of_the_table_is_reached(self):
        assert {judge(cell).row for cell in CELLS} - {None} == set(TRANSITIONS)

    def test_every_verb_of_the_table_is_tried_with_every_kind_of_record(self):
        tried = {(verb.function, verb.kind) for verb in VERBS}
        table = {(row.verb, row.kind) for row in TRANSITIONS}
        aliases = {
            (alias, kind)
            for alias, verb in ALIASES.items()
            for row_verb, kind in table
            if row_verb == verb
        }
        assert tried == table | aliases

    def test_every_verb_of_the_contract_that_names_or_makes_a_lease_is_tried(self, world):
        verbs = {
            entry["name"]
            for entry in world.market.abi
            if entry["type"] == "function"
            and entry["stateMutability"] not in ("view", "pure")
            and any(name.startswith("leaseId") for name in _names(entry))
        }
        assert verbs == {verb.function for verb in VERBS}

    def test_every_state_with_every_bit_that_it_can_have_is_tried(self):
        tried = {(each.state, each.disputed, each.no_show) for each in SITUATIONS}
        plain = {(state, False, False) for state in LeaseState}
        disputed = {(state, True, False) for state in OPEN}
        assert tried >= plain | disputed | {(LeaseState.BOOKED, True, True)}

    def test_both_sides_of_every_window_of_the_table_are_tried(self):
        edges = {
            getattr(TIMES, name) for row in TRANSITIONS for name in (row.opens, row.closes) if name
        }
        assert edges <= set(BOUNDARIES.values())
        assert set(vars(TIMES).values()) <= set(BOUNDARIES.values())
        assert {instant.at for instant in INSTANTS} >= {
            at + side for at in BOUNDARIES.values() for side in (-1, 0)
        }
        assert Times.__dataclass_fields__.keys() == vars(TIMES).keys()


@pytest.mark.parametrize(
    ("state", "instant", "earlier", "later"),
    [
        ("Booked", "T1", "LEFT in time", "close"),
        ("Booked", "T1", "ownerCancel", "close"),
        ("Booked", "T1", "dispute", "close"),
        ("Parked", "T1", "LEFT late", "close"),
        ("Parked", "T1", "dispute", "close"),
        ("Claimed", "T2", "dispute", "close"),
        ("Booked disputed", "T3", "resolve", "close"),
        ("Booked disputed no-show", "T3", "resolve", "close"),
        ("Parked disputed", "T3", "resolve", "close"),
        ("Claimed disputed", "T3", "resolve", "close"),
        ("Booked", "the start", "cancel", "dispute"),
    ],
)
def test_in_any_second_exactly_one_of_two_verbs_is_legal(stage, state, instant, earlier, later):
    situation = next(each for each in SITUATIONS if each.name == state)
    legal = {
        when: [
            verb.name
            for verb in VERBS
            if verb.name in (earlier, later)
            and stage.observe(Cell(situation, NAMED[f"{when} {instant}"], verb)).seen.error is None
        ]
        for when in ("one second before", "at")
    }
    assert legal == {"one second before": [earlier], "at": [later]}


def _names(entry: dict) -> list[str]:
    """The names of a function's inputs and outputs, and of what they are made of."""
    names, open_ = [], [*entry["inputs"], *entry["outputs"]]
    while open_:
        each = open_.pop()
        names.append(each["name"])
        open_ += each.get("components", ())
    return names
