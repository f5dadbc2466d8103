"""Tariff against the backend's readable model, to the unit."""

import random

import pytest
from berth.core import tariff
from berth.core.tariff import Terms, encode_words
from brownie import TariffHarness


@pytest.fixture(scope="module")
def harness(deployed):
    return TariffHarness.deploy({"from": deployed.stranger})


def draw(lot: random.Random) -> tuple[Terms, int, int, int, int, int]:
    """Terms and a stay within everything that the contract admits; edges are drawn often."""

    def pick(low: int, high: int) -> int:
        return lot.choice([low, high, lot.randint(low, high), lot.randint(low, high)])

    terms = Terms(
        price_per_slot=pick(1, 2 ** lot.choice([4, 24, 80]) - 1),
        price_per_kwh=pick(0, 2 ** lot.choice([4, 24, 80]) - 1),
        overstay_pct=pick(100, 1000),
        reserve_minutes=pick(0, 1440),
        minimum_pct=pick(0, 100),
        fee_bps=pick(0, 1000),
    )
    slots, kwh = pick(1, 672), pick(0, 255)
    arrived = pick(0, 15 * slots)
    until = pick(0, 15 * slots + 5 + terms.reserve_minutes)
    return terms, slots, kwh, arrived, until, pick(0, 10 * kwh)


@pytest.mark.parametrize("seed", range(8))
def test_bills_and_deposits_are_those_of_the_model(harness, seed):
    lot = random.Random(seed)
    stays = [draw(lot) for _ in range(400)]
    form = [(encode_words(terms)[0], *stay) for terms, *stay in stays]
    for answer, (terms, slots, kwh, arrived, until, energy) in zip(
        harness.bills(form), stays, strict=True
    ):
        deposit, bill, booked, billed_minutes, over_minutes = answer
        expected = tariff.bill_minutes(
            terms, slots, kwh, arrived_minute=arrived, until_minute=until, energy_used=energy
        )
        presumed = tariff.presumed_bill(terms, slots, kwh, arrived=1)
        assert deposit == tariff.deposit(terms, slots, kwh)
        assert bill == (expected.rent, expected.overstay, expected.energy, expected.fee)
        assert booked == (presumed.rent, 0, 0, presumed.fee)
        assert (billed_minutes, over_minutes) == (expected.billed_minutes, expected.over_minutes)


@pytest.mark.parametrize("seed", range(100, 104))
def test_every_term_is_at_most_its_term_of_the_deposit(harness, seed):
    """So cost <= deposit needs no clamp, and owner + fee + refund = deposit exactly."""
    lot = random.Random(seed)
    stays = [draw(lot) for _ in range(400)]
    form = [(encode_words(terms)[0], *stay) for terms, *stay in stays]
    for answer, (terms, slots, kwh, *_rest) in zip(harness.bills(form), stays, strict=True):
        deposit, (rent, overstay, energy, fee), booked, *_minutes = answer
        assert rent <= terms.price_per_slot * slots
        assert overstay <= terms.price_per_slot * terms.overstay_pct * terms.reserve_minutes // 1500
        assert energy <= terms.price_per_kwh * kwh
        assert rent + overstay + energy <= deposit < 2**91
        assert booked[0] <= deposit
        assert fee * 10_000 <= (rent + overstay + energy) * 1000


def test_a_long_overstay_never_becomes_cheaper(harness):
    terms = Terms(
        price_per_slot=700_001, overstay_pct=250, reserve_minutes=60, minimum_pct=20, fee_bps=250
    )
    word = encode_words(terms)[0]
    answers = harness.bills([(word, 8, 0, 3, until, 0) for until in range(120 + 5 + 60 + 1)])
    costs = [bill[0] + bill[1] for _, bill, *_ in answers]
    assert costs == sorted(costs)
