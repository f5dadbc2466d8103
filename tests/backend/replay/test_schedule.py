"""The plan of a replay: windows, folding, foreseen refusals, and the order of events."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from berth.cli.replay.command import DEFAULT_LIMIT, DEFAULT_SPACES
from berth.cli.replay.schedule import (
    CALENDAR_TAKEN,
    TOO_LONG,
    TOO_MUCH_ENERGY,
    Ask,
    Kind,
    Timeline,
    fold,
    foresee,
    plan,
)
from berth.cli.replay.sessions import Stay, read_sessions
from hypothesis import given
from hypothesis import strategies as st

NOON = 1_550_000_000 // 86_400 * 86_400 + 43_200


def stay(
    plugged_in: int = NOON, seconds: int = 3600, *, user: str = "a", energy_wh: int = 5000
) -> Stay:
    return Stay(2, f"{user}-{plugged_in}", user, plugged_in, plugged_in + seconds, energy_wh)


def overlaps_counted_slot_by_slot(asks: list[Ask]) -> set[int]:
    """Brute force: a set of taken slots a space."""
    taken: dict[int, set[int]] = {}
    refused = set()
    for ask in asks:
        wanted = set(range(ask.start_slot, ask.end_slot))
        if wanted & taken.setdefault(ask.space, set()):
            refused.add(ask.number)
        else:
            taken[ask.space] |= wanted
    return refused


def test_a_window_is_the_stay_rounded_out_to_quarter_hours() -> None:
    (ask,) = plan([stay(NOON + 899, 2)], 1, 1)
    assert (ask.start_slot, ask.slots) == (NOON // 900, 2)
    (ask,) = plan([stay(NOON, 900)], 1, 1)
    assert (ask.start_slot, ask.slots) == (NOON // 900, 1)


def test_the_energy_cap_is_the_recorded_energy_rounded_up_to_whole_kwh() -> None:
    caps = [plan([stay(energy_wh=wh)], 1, 1)[0].kwh_cap for wh in (0, 1, 1000, 19_960)]
    assert caps == [0, 1, 1, 20]


def test_stalls_are_dealt_out_evenly_and_the_same_way_whatever_their_order() -> None:
    users = [f"stall-{n}" for n in range(22)]
    folded = fold(users, 8)
    assert folded == fold(reversed(users + users), 8)
    assert sorted(Counter(folded.values()).values()) == [2, 2, 3, 3, 3, 3, 3, 3]


def test_stalls_are_folded_by_hash_not_by_name() -> None:
    # SHA-256 of d starts with 18, of c with 2e, of b with 3e, of a with ca
    assert fold(["a", "b", "c", "d"], 2) == {"d": 0, "c": 1, "b": 0, "a": 1}


def test_only_the_earliest_stays_are_asked_for() -> None:
    asks = plan([stay(NOON + n * 3600) for n in range(5)], 1, 3)
    assert [ask.number for ask in asks] == [0, 1, 2]


def test_a_stay_of_more_than_seven_days_or_255_kwh_is_refused_and_takes_no_slot() -> None:
    long, hungry = stay(seconds=672 * 900 + 1), stay(NOON + 1, energy_wh=255_001)
    good = stay(NOON + 2)
    assert foresee(plan([long, hungry, good], 1, 9)) == {0: TOO_LONG, 1: TOO_MUCH_ENERGY}
    assert foresee(plan([stay(seconds=672 * 900, energy_wh=255_000)], 1, 9)) == {}


def test_stays_that_share_one_slot_overlap_and_neighbours_do_not() -> None:
    first, touching = stay(NOON, 1000), stay(NOON + 1500, 900)
    neighbour = stay(NOON + 1800, 900)
    assert foresee(plan([first, touching, neighbour], 1, 9)) == {1: CALENDAR_TAKEN}


@given(
    st.lists(
        st.tuples(st.integers(0, 20_000), st.integers(1, 9000), st.sampled_from("abcde")),
        min_size=1,
        max_size=60,
    ),
    st.integers(1, 4),
)
def test_foreseen_refusals_are_the_overlaps_counted_slot_by_slot(
    rows: list[tuple[int, int, str]], spaces: int
) -> None:
    stays = [stay(NOON + at, seconds, user=user) for at, seconds, user in sorted(rows)]
    asks = plan(stays, spaces, len(stays))
    assert set(foresee(asks)) == overlaps_counted_slot_by_slot(asks)


def test_events_come_in_time_order_and_records_before_leases_of_one_second() -> None:
    first, second = stay(NOON, 1800, user="a"), stay(NOON + 1800, 900, user="a")
    asks = plan([first, second], 1, 2)
    timeline = Timeline(asks)
    seen = []
    while wave := timeline.next_wave():
        for event in wave:
            seen.append((event.at - NOON, event.kind, event.number))
            if event.kind is Kind.LEASE:
                timeline.granted(asks[event.number])
    assert seen == [
        (0, Kind.LEASE, 0),
        (1, Kind.ARRIVED, 0),
        (1800, Kind.LEFT, 0),
        (1800, Kind.LEASE, 1),
        (1801, Kind.ARRIVED, 1),
        (2700, Kind.LEFT, 1),
    ]


def test_two_leases_of_one_space_and_second_are_mined_apart_in_the_files_order() -> None:
    asks = plan([stay(NOON, user="a"), stay(NOON, user="a"), stay(NOON, user="b")], 2, 3)
    assert asks[0].space != asks[2].space
    timeline = Timeline(asks)
    waves = [[event.number for event in timeline.next_wave()] for _ in range(3)]
    assert waves == [[0, 2], [1], []]


def test_the_defaults_ask_for_2000_real_stays_and_refuse_a_tenth(norway: Path) -> None:
    asks = plan(read_sessions(norway).stays, DEFAULT_SPACES, DEFAULT_LIMIT)
    refused = foresee(asks)
    assert set(refused) == overlaps_counted_slot_by_slot(asks)
    assert len(asks) - len(refused) >= 2000
    assert len(refused) >= len(asks) / 10
    assert {ask.space for ask in asks} == set(range(DEFAULT_SPACES))
