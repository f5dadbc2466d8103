"""LeaseWord: no field touches another, and the backend reads what the contract packs."""

import random

import pytest
from berth.core.states import LeaseState
from berth.core.words import LeaseWord
from brownie import LeaseWordHarness

MOST = {
    "slots": 672,
    "offer": 65_535,
    "epoch": 65_535,
    "kwh_cap": 255,
    "arrived": 15 * 672 + 1,
    "until": 15 * 672 + 5 + 1440,
    "energy_used": 2550,
    "state": 6,
}
NOBODY, EVERYBODY = "0x" + "00" * 20, "0x" + "ff" * 20


@pytest.fixture(scope="module")
def harness(deployed):
    return LeaseWordHarness.deploy({"from": deployed.stranger})


def cases() -> list[tuple]:
    lot = random.Random(1)
    extremes = [(NOBODY, *[0] * 8), (EVERYBODY, *MOST.values())]
    # each field alone at its most, the others empty
    for place, most in enumerate(MOST.values()):
        alone = [0] * 8
        alone[place] = most
        extremes.append((NOBODY, *alone))
    return extremes + [
        (f"0x{lot.getrandbits(160):040x}", *(lot.randint(0, most) for most in MOST.values()))
        for _ in range(200)
    ]


def test_packs_as_the_backend_does_and_unpacks_to_what_went_in(harness):
    given = cases()
    words, views = harness.round(given)
    for case, word, view in zip(given, words, views, strict=True):
        driver, slots, offer, epoch, kwh, arrived, until, energy, state = case
        expected = LeaseWord(
            driver, LeaseState(state), False, slots, offer, epoch, kwh, arrived, until, energy
        )
        assert word == expected.encode()
        assert (view[0].lower(), *view[1:]) == (
            driver, state, False, slots, offer, epoch, kwh, arrived, until, energy, False
        )  # fmt: skip
