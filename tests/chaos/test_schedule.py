"""The order of the kills: each program, each pair, as many as were asked for, by the seed alone."""

from __future__ import annotations

import random

import pytest

from tests.chaos.schedule import PAIRS, schedule

NAMES = ("node", "postgres", "mosquitto", "signer", "indexer", "relay", "relay-2", "keeper", "api")
HERE = {pair for pair in PAIRS if set(pair) <= set(NAMES)}


@pytest.mark.parametrize("kills", [1, 2, 6, 12, 100])
def test_as_many_programs_are_killed_as_were_asked_for(kills: int) -> None:
    blows = schedule(NAMES, kills, random.Random(3))
    assert sum(len(blow) for blow in blows) == kills


def test_in_a_hundred_kills_every_program_and_every_pair_that_is_there_is_hit() -> None:
    blows = schedule(NAMES, 100, random.Random(3))
    assert {blow[0] for blow in blows if len(blow) == 1} == set(NAMES)
    doubles = [blow for blow in blows if len(blow) == 2]
    assert set(doubles) == HERE
    assert len(doubles) == 12
    assert all(one != other for one, other in doubles)


def test_a_seed_says_it_all() -> None:
    assert schedule(NAMES, 50, random.Random(3)) == schedule(set(NAMES), 50, random.Random(3))
    assert schedule(NAMES, 50, random.Random(3)) != schedule(NAMES, 50, random.Random(4))
