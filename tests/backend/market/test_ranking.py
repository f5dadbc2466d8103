"""The score and the sentence that explains it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from berth.core.money import Currency
from berth.market.ranking import WEIGHTS, History, explain, order, reliability, score, walk_minutes
from hypothesis import given
from hypothesis import strategies as st

EURO = Currency("tEUR", 6)


@dataclass(frozen=True)
class Place:
    space_id: str = "0x1"
    expected_cost: int = 2_000_000
    walk_metres: float | None = 400.0
    spare_cm: int | None = 25


def test_the_weights_are_a_whole() -> None:
    assert sum(WEIGHTS.values()) == pytest.approx(1)


def test_each_mark_is_a_half_where_the_docstring_says() -> None:
    marks = {mark.name: mark.value for mark in score(Place(), 1_000_000, History(1, 5)).marks}
    assert marks == pytest.approx({"cost": 0.5, "walk": 0.5, "fit": 0.5, "reliability": 0.5})


def test_a_mark_without_meaning_shares_its_weight_among_the_others() -> None:
    found = score(Place(walk_metres=None, spare_cm=None), 2_000_000, History())
    assert [mark.name for mark in found.marks] == ["cost", "reliability"]
    assert sum(mark.weight for mark in found.marks) == pytest.approx(1)


places = st.builds(
    Place,
    expected_cost=st.integers(1, 10**12),
    walk_metres=st.none() | st.floats(0, 5000),
    spare_cm=st.none() | st.integers(0, 500),
)
histories = st.builds(
    lambda kept, silent, online: History(kept, kept + silent, online),
    st.integers(0, 20),
    st.integers(0, 20),
    st.booleans(),
)


@given(places, histories)
def test_a_score_lies_between_0_and_1(place: Place, history: History) -> None:
    assert 0 <= score(place, place.expected_cost, history).total <= 1


@given(places, histories, st.integers(1, 10**9))
def test_a_dearer_place_never_scores_more(place: Place, history: History, more: int) -> None:
    dearer = Place(place.space_id, place.expected_cost + more, place.walk_metres, place.spare_cm)
    cheapest = place.expected_cost
    assert score(dearer, cheapest, history).total <= score(place, cheapest, history).total


@given(histories)
def test_an_offline_lock_never_makes_a_space_more_reliable(history: History) -> None:
    offline = History(history.kept, history.stays, online=False)
    assert reliability(offline) <= reliability(history)


def test_equal_scores_are_ordered_by_cost_then_walk_then_id() -> None:
    one, cheaper, nearer = Place("0x2"), Place("0x9", 1), Place("0x8", walk_metres=1.0)
    placed = sorted([one, Place("0x1"), nearer, cheaper], key=lambda place: order(place, 0.5))
    assert placed == [cheaper, nearer, Place("0x1"), one]


def test_the_sentence_names_every_reason() -> None:
    found = score(Place(), 1_500_000, History(14, 15))
    text = explain(
        Place(), found.marks, History(14, 15), cheapest=1_500_000, maximum_cost=4_000_000,
        currency=EURO,
    )  # fmt: skip
    assert text == (
        "About 2.00 tEUR for your stay, 0.50 tEUR more than the cheapest; never above 4.00 tEUR;"
        " 7 min on foot (400 m); your vehicle fits with 25 cm to spare;"
        " 14 of its last 15 bookings were kept and recorded to the end by its lock."
    )


def test_the_sentence_is_there_in_chinese_too() -> None:
    found = score(Place(spare_cm=80), 2_000_000, History(online=False))
    text = explain(
        Place(spare_cm=80), found.marks, History(online=False), cheapest=2_000_000,
        maximum_cost=4_000_000, currency=EURO, language="zh",
    )  # fmt: skip
    assert text == (
        "最便宜：预计 2.00 tEUR；最多 4.00 tEUR；步行约 7 分钟（400 米）；车位宽敞；"
        "尚无停车记录；其地锁近期无信号。"
    )


@pytest.mark.parametrize(("metres", "minutes"), [(0, 1), (57, 1), (58, 2), (400, 7), (5000, 87)])
def test_walking_takes_minutes_rounded_up(metres: float, minutes: int) -> None:
    assert walk_minutes(metres) == minutes
