"""The register of measured operations, and the ordinary day before each of them: accounts have been
used before, the ledger is not empty, the token is known."""

from support.clock import HOUR, MONDAY, reach
from support.forms import TERMS
from support.world import START

TEN = MONDAY + 10 * HOUR  # a lease of the past
TWO = TEN + 4 * HOUR  # the lease that is measured
FOUR = TWO + 2 * HOUR
T1 = FOUR + 60 * TERMS.reserve_minutes + 24 * HOUR
T2 = T1 + 48 * HOUR
T3 = T2 + 7 * 24 * HOUR
SECOND = START + 16  # slot of TWO
FRESH = START + 256  # a calendar word that nobody has touched

OPERATIONS = {}


def operation(group: str, name: str):
    """Registers a measured operation: a function that ends in its one transaction."""

    def register(function):
        OPERATIONS[f"{group}/{name}"] = function
        return function

    return register


def used(world, space: int, credit: bool = False) -> None:
    """One lease has come and gone: credits, fees and ledger are not zero, the calendar word is not
    fresh."""
    lease = world.lease(space)
    reach(TEN + 2 * HOUR)
    world.leave(lease, TEN, TEN + 2 * HOUR)
    if not credit:
        world.market.withdraw(
            world.driver, world.market.creditOf(world.driver), {"from": world.driver}
        )
    else:
        world.market.deposit(10**9, {"from": world.driver})


def booked(world, space: int, kwh: int = 20) -> int:
    used(world, space, credit=True)
    return world.lease(space, SECOND, kwh=kwh)


def tomorrow(world, space: int) -> int:
    """A lease of the next day, in a calendar word that others use too."""
    used(world, space, credit=True)
    world.lease(space, SECOND + 88)
    return world.lease(space, SECOND + 96, kwh=20)


def parked(world, space: int) -> int:
    lease = booked(world, space)
    reach(TWO + 301)
    world.arrive(lease, TWO + 301)
    return lease


def claimed(world, space: int) -> int:
    lease = parked(world, space)
    reach(FOUR + HOUR)
    world.leave(lease, TWO + 301, FOUR + 1800, 7_345)
    return lease
