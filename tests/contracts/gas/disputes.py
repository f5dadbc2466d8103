"""Disputes, awards and agreements."""

from berth.core import messages
from support.clock import at, reach
from support.forms import Seen
from support.keys import key

from gas.day import FOUR, SECOND, T3, TWO, booked, claimed, operation, parked, used


def disputed(world, stay):
    world.market.dispute(stay, {"from": world.driver})
    return stay


@operation("market", "dispute, by the driver")
def dispute(world, space):
    stay = parked(world, space)
    return world.market.dispute(stay, {"from": world.driver})


@operation("market", "no-show on record of a disputed lease")
def no_show_recorded(world, space):
    stay = booked(world, space)
    reach(TWO + 60)
    disputed(world, stay)
    at(FOUR + 60)
    return world.record(Seen(stay, messages.NOSHOW, TWO, FOUR))


@operation("market", "resolve")
def resolve(world, space):
    world.market.grantRole(world.market.ARBITER_ROLE(), world.stranger, {"from": world.admin})
    stay = disputed(world, claimed(world, space))
    return world.market.resolve(stay, 7_000_000, {"from": world.stranger})


def agreeing(world):
    """A booked lease between two people who sign for themselves; the lease and the people."""
    owner, driver = key("an owner who signs"), key("a driver who signs")
    accounts = [world.account(f"{role} who signs") for role in ("an owner", "a driver")]
    spot = world.register(1, owner=accounts[0])
    world.offer(spot, sender=accounts[0])
    used(world, spot)
    plate = b"\x53" * 32
    world.market.registerVehicle(world.vehicle(accounts[1], plate), {"from": accounts[1]})
    for account in accounts:
        world.market.deposit(10**9, {"from": account})
    stay = world.lease(spot, SECOND, sender=accounts[1], plate=plate, kwh=20)
    return stay, driver, owner, accounts[1]


@operation("market", "agree, brought by the driver")
def agree_by_driver(world, space):
    stay, _, owner, account = agreeing(world)
    agreement, signature = world.agreement(stay, 7_000_000, owner)
    return world.market.agree(agreement, b"", signature, {"from": account})


@operation("market", "agree, brought by a stranger")
def agree_by_stranger(world, space):
    stay, driver, owner, _ = agreeing(world)
    return world.market.agree(
        *world.agreement(stay, 7_000_000, driver, owner), {"from": world.stranger}
    )


@operation("market", "close a disputed claim that nobody decided")
def lapse(world, space):
    stay = disputed(world, claimed(world, space))
    at(T3)
    return world.market.close(stay, {"from": world.stranger})
