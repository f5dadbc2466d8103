"""The score and the sentence that explains it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from berth.core.money import Currency
from berth.market.ranking import (
    WEIGHTS,
    Among,
    History,
    explain,
    order,
    reliability,
    score,
    walk_minutes,
)
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


NEW = History()
THREE = Among(total=3, cheapest=1_500_000, nearest=100.0)


def told(
    place: Place,
    history: History = NEW,
    *,
    among: Among = THREE,
    open_slots: int = 12,
    language: str = "en",
) -> str:
    return explain(place, history, among, open_slots=open_slots, currency=EURO, language=language)


def test_the_sentence_names_every_reason() -> None:
    assert told(Place(spare_cm=80, walk_metres=100.0), History(14, 15, online=False)) == (
        "0.50 tEUR more than the cheapest; the shortest walk; plenty of room for your vehicle;"
        " free for another 3 h after your stay;"
        " 14 of its last 15 bookings were kept and recorded to the end by its lock;"
        " its lock has not been heard of lately."
    )


def test_the_sentence_is_there_in_chinese_too() -> None:
    place, history = Place("0x1", 1_500_000, 100.0, 80), History(online=False)
    assert told(place, history, language="zh") == (
        "价格最低；步行最近；车位宽敞；您的时段之后还空闲 3 小时；尚无停车记录；其地锁近期无信号。"
    )


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_sentence_repeats_none_of_the_figures_beside_it(language: str) -> None:
    """Price, walk, and room that is little enough to be told in centimetres."""
    text = told(Place(expected_cost=1_730_000, walk_metres=418.0, spare_cm=34), language=language)
    for figure in ("1.73", "418", "7", "34"):
        assert figure not in text
    assert "0.23" in text


@pytest.mark.parametrize(
    ("kept", "words"),
    [
        (1, "its latest booking was kept and recorded to the end by its lock."),
        (0, "its latest booking was not kept, or not recorded to the end by its lock."),
    ],
)
def test_a_single_booking_is_told_as_one(kept: int, words: str) -> None:
    assert told(Place(), History(kept, 1)).endswith(words)


def test_the_only_space_found_is_compared_with_no_other() -> None:
    alone = told(Place(), among=Among(1, 2_000_000, 400.0))
    assert alone == "Free for another 3 h after your stay; nobody has stayed here yet."


@pytest.mark.parametrize(
    ("slots", "words"),
    [
        (0, "Not free any longer than your stay;"),
        (1, "Free for another 15 min after your stay;"),
        (7, "Free for another 1 h 45 min after your stay;"),
        (95, "Free for another 23 h 45 min after your stay;"),
        (96, "Nobody has stayed here yet."),
    ],
)
def test_how_long_it_stays_free_is_said_up_to_a_day(slots: int, words: str) -> None:
    assert told(Place(), among=Among(1, 1, None), open_slots=slots).startswith(words)


@pytest.mark.parametrize(("metres", "minutes"), [(0, 1), (57, 1), (58, 2), (400, 7), (5000, 87)])
def test_walking_takes_minutes_rounded_up(metres: float, minutes: int) -> None:
    assert walk_minutes(metres) == minutes
