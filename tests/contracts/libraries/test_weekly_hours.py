"""WeeklyHours against a loop over every slot."""

import random
from datetime import UTC, datetime

import pytest
from berth.core.weekly import touched_hours
from brownie import HoursHarness


@pytest.fixture(scope="module")
def harness(deployed):
    return HoursHarness.deploy({"from": deployed.stranger})


def by_looking_at_a_calendar(start: int, slots: int, offset: int) -> int:
    """The hours that a person with a wall calendar would cross out."""
    mask = 0
    for slot in range(start, start + slots):
        local = datetime.fromtimestamp((slot + offset) * 900, UTC)
        mask |= 1 << (24 * local.weekday() + local.hour)
    return mask


def touched(harness, stays: list[tuple[int, int, int]]) -> list[int]:
    """Stays as start, slots, offset in quarter hours."""
    return list(
        harness.touched([((offset & 0xFF) << 168, start, slots) for start, slots, offset in stays])
    )


@pytest.mark.parametrize("seed", range(4))
def test_touches_the_hours_that_a_calendar_shows(harness, seed):
    lot = random.Random(seed)
    stays = [
        (
            lot.randint(1_900_000, 2_100_000),
            lot.choice([1, 2, 4, 5, 40, 300, 672]),
            lot.randint(-48, 56),
        )
        for _ in range(120)
    ]
    expected = [by_looking_at_a_calendar(*stay) for stay in stays]
    assert touched(harness, stays) == expected
    assert [touched_hours(start + offset, slots) for start, slots, offset in stays] == expected


@pytest.mark.parametrize("offset", [-48, -1, 0, 1, 23, 56])
def test_a_week_touches_every_hour_and_a_quarter_less_does_too(harness, offset):
    masks = touched(
        harness, [(1_995_552, 672, offset), (1_995_553, 672, offset), (1_995_552, 671, offset)]
    )
    assert masks == [2**168 - 1] * 3


def test_wraps_from_sunday_night_to_monday_morning(harness):
    sunday_23h = 1_795_996_800 // 900 - 4
    assert touched(harness, [(sunday_23h, 8, 0)]) == [1 << 167 | 1]


def test_one_slot_touches_one_hour(harness):
    monday = 1_795_996_800 // 900
    assert touched(harness, [(monday + slot, 1, 0) for slot in range(672)]) == [
        1 << slot // 4 for slot in range(672)
    ]
