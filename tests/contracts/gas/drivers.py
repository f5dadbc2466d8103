"""Drivers: vehicles, leases, changes, cancelling."""

from support.clock import DAY, HOUR, at
from support.keys import key
from support.world import START

from gas.day import FRESH, SECOND, TWO, booked, operation, tomorrow, used


@operation("market", "register vehicle")
def register_vehicle(world, space):
    return world.market.registerVehicle(
        world.vehicle(world.driver, b"\x52" * 32), {"from": world.driver}
    )


def lease(world, space, start):
    return world.market.lease(world.request(space, start, kwh=20).form(), {"from": world.driver})


@operation("market", "lease, ERC-20 pulled, dirty calendar word")
def lease_pulled_dirty(world, space):
    used(world, space)
    return lease(world, space, SECOND)


@operation("market", "lease, ERC-20 pulled, fresh calendar word")
def lease_pulled_fresh(world, space):
    used(world, space)
    return lease(world, space, FRESH)


@operation("market", "lease from credit, dirty calendar word")
def lease_credit_dirty(world, space):
    used(world, space, credit=True)
    return lease(world, space, SECOND)


@operation("market", "lease from credit, fresh calendar word")
def lease_credit_fresh(world, space):
    used(world, space, credit=True)
    return lease(world, space, FRESH)


@operation("market", "lease from credit, a week across four calendar words")
def lease_week(world, space):
    used(world, space, credit=True)
    request = world.request(space, FRESH - START % 256 + 255, slots=672).form()
    return world.market.lease(request, {"from": world.driver})


@operation("market", "lease with a new vehicle, ERC-20 pulled, fresh calendar word")
def lease_with_vehicle(world, space):
    used(world, space)
    plate = b"\x52" * 32
    return world.market.leaseWithVehicle(
        world.request(space, FRESH, kwh=20, plate=plate).form(),
        world.vehicle(world.driver, plate),
        {"from": world.driver},
    )


@operation("market", "lease with permit, ERC-20 pulled, dirty calendar word")
def lease_with_permit(world, space):
    used(world, space)
    driver, plate = key("a driver who signs"), b"\x53" * 32
    account = world.account("a driver who signs")
    world.market.registerVehicle(world.vehicle(account, plate), {"from": account})
    return world.market.leaseWithPermit(
        world.request(space, SECOND, kwh=20, plate=plate).form(),
        (plate, 0, 0, 0, b""),
        world.permit(driver),
        {"from": account},
    )


def extend(world, stay, slots, kwh):
    request = (stay, slots, kwh, world.plate, 2**256 - 1)
    return world.market.extend(request, {"from": world.driver})


@operation("market", "extend from credit, the same calendar word")
def extend_dirty(world, space):
    return extend(world, booked(world, space), 4, 5)


@operation("market", "extend, ERC-20 pulled, into a fresh calendar word")
def extend_fresh(world, space):
    used(world, space)
    last = FRESH - START % 256 - 4
    stay = world.lease(space, last, slots=4)
    return extend(world, stay, 4, 5)


@operation("market", "extend by energy alone, from credit")
def extend_energy(world, space):
    return extend(world, booked(world, space), 0, 5)


@operation("market", "change the vehicle")
def change_vehicle(world, space):
    stay = booked(world, space)
    return world.market.changeVehicle(stay, world.plate, {"from": world.driver})


@operation("market", "cancel free, existing credits")
def cancel_free(world, space):
    stay = tomorrow(world, space)
    at(TWO)
    return world.market.cancel(stay, {"from": world.driver})


@operation("market", "cancel paid, existing credits")
def cancel_paid(world, space):
    stay = tomorrow(world, space)
    at(TWO + DAY - HOUR)
    return world.market.cancel(stay, {"from": world.driver})
