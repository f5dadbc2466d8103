"""The list of the app's states is whole: the contract's, the policy's and those of every screen."""

from __future__ import annotations

import pytest
from berth.core.states import LeaseState, Outcome

from tests.browser import walked
from tests.browser.states import NOT_HERE, PASSING, SCREENS, State, all_states


@pytest.fixture(scope="module")
def states() -> set[State]:
    return all_states()


def of(states: set[State], where: str) -> set[str]:
    return {state for part, state in states if part == where}


def test_each_state_of_a_lease_and_each_way_to_end_has_a_mark(states: set[State]) -> None:
    leases = {one.name.lower() for one in LeaseState if one is not LeaseState.NONE}
    assert of(states, "leases") == {*leases, "empty"}
    outcomes = {one.name.lower() for one in Outcome if one is not Outcome.NONE}
    assert of(states, "outcome") == outcomes
    assert outcomes <= of(states, "settlement")


def test_what_each_screen_is_to_say_has_a_mark(states: set[State]) -> None:
    for screen, wanted in SCREENS.items():
        assert set(wanted.values()) <= states, screen


def test_an_exception_is_of_a_state_that_there_is_and_says_why(states: set[State]) -> None:
    assert not set(PASSING) & set(NOT_HERE)
    assert set(PASSING) | set(NOT_HERE) <= states
    assert all(len(reason) > 20 for reason in (*PASSING.values(), *NOT_HERE.values()))


def test_what_was_not_looked_at_is_named_and_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b, short, far = (("lease", name) for name in ("a", "b", "short", "far"))
    monkeypatch.setattr(walked, "PASSING", {short: "gone at once"})
    monkeypatch.setattr(walked, "NOT_HERE", {far: "needs a city"})
    states = {a, b, short, far}

    lines, well = walked.judge(states, {a}, {a, b})
    assert not well
    assert "not reached: lease b (only passed by)" in lines
    assert "not reached: lease short" in lines
    assert lines[-1] == ("4 states: 1 looked at, 0 passing by, 1 not reachable here, 2 NOT REACHED")

    lines, well = walked.judge(states, {a, b}, {short})
    assert well
    assert lines == [
        "not reachable here: lease far: needs a city",
        "passes by: lease short: gone at once",
        "4 states: 2 looked at, 1 passing by, 1 not reachable here",
    ]


def test_a_code_that_nobody_has_listed_is_named_and_fails() -> None:
    lines, well = walked.judge({("unlock", "bay.occupied")}, {("unlock", "new")}, set())
    assert not well
    assert "looked at, but in no list: unlock new" in lines


def test_an_exception_that_was_looked_at_all_the_same_is_none_any_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(walked, "NOT_HERE", {("lease", "far"): "needs a city"})
    lines, well = walked.judge({("lease", "far")}, {("lease", "far")}, set())
    assert not well
    assert "no exception, for it was looked at: lease far" in lines
