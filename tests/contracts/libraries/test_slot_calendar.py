"""SlotCalendar against a plain set of slots."""

import random

import pytest
from brownie import CalendarHarness

FREE, BOOK, RELEASE = range(3)
LENGTHS = [0, 1, 2, 255, 256, 257, 511, 512, 513, 671, 672]


@pytest.fixture(scope="module")
def calendar(deployed):
    return CalendarHarness.deploy({"from": deployed.stranger})


def keys_of(spaces, slots) -> list[int]:
    """All words around the slots touched, the neighbours included."""
    words = range((min(slots) >> 8) - 1, (max(slots) >> 8) + 5)
    return [space << 24 | word for space in spaces for word in words]


def words_of(taken: set[tuple[int, int]], keys: list[int]) -> list[int]:
    words = dict.fromkeys(keys, 0)
    for space, slot in taken:
        words[space << 24 | slot >> 8] |= 1 << (slot & 255)
    return [words[key] for key in keys]


def run(calendar, steps, keys):
    answers, words = calendar.run.call(steps, keys)
    return list(answers), list(words)


class TestMasks:
    @pytest.mark.parametrize("offset", [0, 1, 127, 254, 255])
    def test_every_length_at_every_edge_sets_exactly_its_bits(self, calendar, offset):
        start = 1_995_520 + offset
        assert (start - offset) % 256 == 0
        keys = keys_of([7], [start])
        for slots in LENGTHS:
            taken = {(7, slot) for slot in range(start, start + slots)}
            answers, words = run(calendar, [(BOOK, 7, start, slots)], keys)
            assert answers == [False]
            assert words == words_of(taken, keys)

    @pytest.mark.parametrize("offset", [0, 1, 127, 254, 255])
    def test_releasing_what_was_booked_leaves_no_bit(self, calendar, offset):
        start = 1_995_520 + offset
        keys = keys_of([7], [start])
        for slots in LENGTHS:
            _, words = run(calendar, [(BOOK, 7, start, slots), (RELEASE, 7, start, slots)], keys)
            assert words == [0] * len(keys)

    def test_a_full_word_is_256_ones(self, calendar):
        _, words = run(calendar, [(BOOK, 7, 1_995_520, 256)], [7 << 24 | 1_995_520 >> 8])
        assert words == [2**256 - 1]

    def test_the_highest_space_and_slot_have_a_word_of_their_own(self, calendar):
        space, slot = 2**64 - 1, 2**32 - 1
        _, words = run(
            calendar, [(BOOK, space, slot, 1)], [space << 24 | slot >> 8, (space - 1) << 24]
        )
        assert words == [1 << 255, 0]


@pytest.mark.parametrize("seed", range(12))
def test_random_sequences_do_what_a_set_of_slots_does(calendar, seed):
    lot = random.Random(seed)
    spaces = [lot.getrandbits(64), lot.getrandbits(64)]
    base = lot.randint(1 << 20, 1 << 21)
    taken: set[tuple[int, int]] = set()
    steps, expected = [], []
    for _ in range(60):
        verb = lot.choice([FREE, BOOK, BOOK, RELEASE])
        space, start = lot.choice(spaces), base + lot.randint(0, 900)
        slots = lot.choice([1, 2, 5, 40, 255, 256, 257, 600, 672])
        wanted = {(space, slot) for slot in range(start, start + slots)}
        steps.append((verb, space, start, slots))
        if verb == FREE:
            expected.append(not wanted & taken)
        elif verb == BOOK:
            expected.append(bool(wanted & taken))
            if not wanted & taken:
                taken |= wanted
        else:
            expected.append(False)
            taken -= wanted
    keys = keys_of(spaces, [base, base + 1600])
    answers, words = run(calendar, steps, keys)
    assert answers == expected
    assert words == words_of(taken, keys)
