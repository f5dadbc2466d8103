"""The page of the states: fresh, whole, and that no state is without an end."""

from __future__ import annotations

from itertools import product
from types import ModuleType

import pytest
from berth.core.model.table import ALIASES, OPEN, TRANSITIONS, Who
from berth.core.states import LeaseState, Outcome, Times

from tests.backend.docs.generators import generator_of

LEASE = Times.of(start_slot=2_000_000, slots=8, reserve_minutes=60)


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    return generator_of("lifecycle")


def test_the_pages_are_those_of_the_table(generator: ModuleType) -> None:
    assert generator.PAGE.read_text("utf-8") == generator.document()
    market = generator.MARKET.read_text("utf-8")
    assert market == generator.market_page(market)


def test_every_verb_of_the_table_is_in_both_pages(generator: ModuleType) -> None:
    for page in (generator.document(), generator.verbs_table()):
        for row in TRANSITIONS:
            assert f"| `{row.verb}`{'' if row.kind is None else f' {row.kind.name}'} |" in page
    assert all(f"`{alias}`" in generator.document() for alias in ALIASES)


def test_every_outcome_has_its_line(generator: ModuleType) -> None:
    lines = generator.outcomes_table().splitlines()[2:]
    numbers = [int(line.split(" | ")[0].removeprefix("| ")) for line in lines]
    assert numbers == [one.value for one in Outcome if one is not Outcome.NONE]


def test_the_diagrams_draw_an_arrow_for_every_change_of_state(generator: ModuleType) -> None:
    for disputed in (False, True):
        drawn = generator.diagram(disputed=disputed)
        for row in TRANSITIONS:
            if row.to is None or row.disputed not in (None, disputed):
                continue
            for state in set(row.from_states) & set(OPEN):
                begins, ends = state.name.capitalize(), row.to.name.capitalize()
                lines = [
                    line
                    for line in drawn.splitlines()
                    if line.strip().startswith(f"{begins} ") and line.endswith(f" {ends}")
                ]
                assert any(generator.verb(row) in line for line in lines), (row, disputed)


@pytest.mark.parametrize(
    ("state", "disputed", "no_show"),
    # the mark that nobody came is made while disputed only
    [*product(OPEN, (False, True), (False,)), *product(OPEN, (True,), (True,))],
)
def test_from_every_open_state_anybody_can_end_the_lease_at_last(
    state: LeaseState, disputed: bool, no_show: bool
) -> None:
    ends = [
        row
        for row in TRANSITIONS
        if row.verb == "close"
        and row.who is Who.ANYBODY
        and row.matches(state, disputed=disputed, no_show=no_show)
        and row.closes is None
    ]
    assert len(ends) == 1
    assert ends[0].window(LEASE)[0] <= LEASE.t3
    assert ends[0].to in (LeaseState.SETTLED, LeaseState.CANCELLED)


def test_a_market_page_without_a_place_for_the_table_is_refused(generator: ModuleType) -> None:
    with pytest.raises(ValueError, match="one place for the table"):
        generator.market_page("# The market\n")
