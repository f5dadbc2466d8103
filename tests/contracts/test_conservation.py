"""Money through whole stories: what goes in comes out, to the unit, whatever happens in between."""

import random

import pytest
from berth.core import tariff
from support.clock import HOUR, MONDAY, now, reach
from support.conservation import assert_conserved
from support.forms import TERMS
from support.keys import key
from support.world import START

TEN = MONDAY + 10 * HOUR


@pytest.mark.parametrize("seed", range(4))
def test_random_stories_keep_every_unit(world, market, asset, seed):
    """Leases from wallet and credit, departures early, late and never, claims accepted and matured,
    withdrawals in between: the tokens are always credits + open deposits + fees, and at the end
    everything can be paid out."""
    lot = random.Random(seed)
    spaces = [0, 1, 2]
    spaces = [
        world.register(index, lock=key(f"lock {index}")) if index else market_space(world)
        for index in spaces
    ]
    for space in spaces[1:]:
        world.offer(space)
    keys = dict(zip(spaces, [world.lock, key("lock 1"), key("lock 2")], strict=True))
    market.registerVehicle(world.vehicle(world.stranger, b"\x71" * 32), {"from": world.stranger})
    drivers = {world.driver: world.plate, world.stranger: b"\x71" * 32}
    before = sum(asset.balanceOf(account) for account in (*drivers, world.owner))

    leases = []
    for space in spaces:
        start = START
        for _ in range(3):
            driver = lot.choice(list(drivers))
            slots, kwh = lot.randint(1, 10), lot.choice([0, 7, 255])
            if lot.random() < 0.5:
                market.deposit(lot.randint(1, 9_000_000), {"from": driver})
            lease = world.lease(
                space, start, sender=driver, plate=drivers[driver], slots=slots, kwh=kwh
            )
            leases.append((lease, start * 900, slots, driver, space))
            start += slots + lot.randint(0, 2)
    assert_conserved(world)

    claims = []
    for lease, begin, slots, driver, space in sorted(
        leases, key=lambda each: each[1] + 900 * each[2]
    ):
        end = begin + 900 * slots
        fate = lot.choice(
            ["early", "booked", "over", "over, by the driver", "arrived only", "silent"]
        )
        if end + 2 * HOUR > now():
            reach(end + 2 * HOUR)
        arrived = begin + lot.randint(-900, 900 * slots - 1)
        if fate != "silent" and lot.random() < 0.7:
            world.arrive(lease, arrived, by=keys[space])
        if fate == "early":
            world.leave(
                lease, arrived, lot.randint(max(arrived, begin), end), 3_333, by=keys[space]
            )
        elif fate == "booked":
            world.leave(lease, arrived, end + lot.randint(0, 300), 50_000, by=keys[space])
        elif fate.startswith("over"):
            sender = driver if fate.endswith("driver") else world.guardian
            world.leave(lease, arrived, end + lot.randint(400, 7_000), 1_250, sender, keys[space])
            if sender == world.guardian:
                claims.append((lease, driver))
        account = lot.choice(list(drivers))
        credit = market.creditOf(account)
        if credit > 1:
            market.withdraw(account, lot.randint(1, credit), {"from": account})
        assert_conserved(world)
    for lease, driver in claims[::2]:
        market.close(lease, {"from": driver})
    reach(now() + 80 * HOUR)
    for lease, *_ in leases:
        if market.leaseOf(lease)[1] in (1, 2, 3):
            market.close(lease, {"from": world.guardian})
        assert market.leaseOf(lease)[1] in (4, 5)
    assert_conserved(world)

    fees = market.ledger()[2]
    for account in (*drivers, world.owner):
        credit = market.creditOf(account)
        if credit:
            market.withdraw(account, credit, {"from": account})
    assert asset.balanceOf(market) == fees
    assert sum(asset.balanceOf(account) for account in (*drivers, world.owner)) == before - fees
    assert market.ledger()[1] == len(leases)
    if fees:
        market.withdrawFees(world.guardian, fees, {"from": world.admin})
    assert asset.balanceOf(market) == 0


def market_space(world) -> int:
    """The space that every test finds registered."""
    title = world.edition.titles[0]
    return title.city << 32 | title.index


def test_a_lease_of_the_smallest_price_loses_nothing_to_rounding(world, market, asset, space):
    terms = tariff.Terms(
        price_per_slot=1, price_per_kwh=1, overstay_pct=333, reserve_minutes=7, fee_bps=250
    )
    world.offer(space, terms)
    lease = world.lease(space, offer=2, slots=3, kwh=1)
    deposit = asset.balanceOf(market)
    assert deposit == tariff.deposit(terms, 3, 1) == 3 + 333 * 7 // 1500 + 1
    reach(TEN + 2 * HOUR)
    event = world.leave(lease, TEN, TEN + 45 * 60 + 720, 999, sender=world.driver).events["Settled"]
    assert event["rent"] + event["overstay"] + event["energy"] + event["refund"] == deposit
    assert_conserved(world)


def test_the_terms_of_the_world_round_in_every_formula():
    """The prices that the tests use divide by nothing, so an error of one unit shows."""
    assert TERMS.price_per_slot % 15
    assert TERMS.price_per_kwh % 10
    assert TERMS.price_per_slot * TERMS.overstay_pct % 1500
