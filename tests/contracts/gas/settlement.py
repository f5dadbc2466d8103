"""Evidence, and every way in which a lease ends."""

from berth.core import messages
from berth.core.ids import space_id
from support.clock import HOUR, SLOT, at, now, reach
from support.forms import Edition, Seen
from support.keys import key
from support.world import CITY, title

from gas.day import FOUR, SECOND, T1, T2, TWO, booked, claimed, operation, parked, tomorrow, used


@operation("market", "arrive")
def arrive(world, space):
    booking = booked(world, space)
    at(TWO + 400)
    return world.arrive(booking, TWO + 301)


@operation("market", "depart and settle, without release of slots")
def settle(world, space):
    stay = parked(world, space)
    at(FOUR + 60)
    return world.leave(stay, TWO + 301, FOUR, 7_345)


@operation("market", "depart and settle, with release of slots")
def settle_releasing(world, space):
    stay = parked(world, space)
    at(TWO + HOUR + 60)
    return world.leave(stay, TWO + 301, TWO + HOUR, 7_345)


@operation("market", "depart and settle, arrival in the same record")
def settle_offline(world, space):
    stay = booked(world, space)
    at(FOUR + 60)
    return world.leave(stay, TWO + 301, FOUR, 7_345)


@operation("market", "depart and settle, a driver's first refund")
def settle_first(world, space):
    used(world, space)
    plate = b"\x52" * 32
    world.market.registerVehicle(world.vehicle(world.stranger, plate), {"from": world.stranger})
    stay = world.lease(space, SECOND, sender=world.stranger, plate=plate, kwh=20)
    reach(TWO + 301)
    world.arrive(stay, TWO + 301, sender=world.guardian)
    at(FOUR + 60)
    return world.leave(stay, TWO + 301, FOUR, 7_345, sender=world.guardian)


@operation("market", "depart with overstay, claimed")
def claim(world, space):
    stay = parked(world, space)
    at(FOUR + HOUR)
    return world.leave(stay, TWO + 301, FOUR + 1800, 7_345)


@operation("market", "close a claim, accepted by the driver")
def accept(world, space):
    stay = claimed(world, space)
    at(FOUR + 2 * HOUR)
    return world.market.close(stay, {"from": world.driver})


@operation("market", "close a claim that matured")
def mature(world, space):
    stay = claimed(world, space)
    at(T2)
    return world.market.close(stay, {"from": world.stranger})


@operation("market", "close after arrival and silence")
def presume(world, space):
    stay = parked(world, space)
    at(T1)
    return world.market.close(stay, {"from": world.stranger})


@operation("market", "close a lease nobody used")
def unused(world, space):
    stay = booked(world, space)
    at(T1)
    return world.market.close(stay, {"from": world.stranger})


@operation("market", "depart and settle, by the word of the lock before the last")
def settle_former_lock(world, space):
    stay = parked(world, space)
    reach(TWO + HOUR)
    lock = world.lock_proof(space, key("another lock"))
    world.market.rotateLock(space, lock, {"from": world.owner})
    at(FOUR + 60)
    return world.leave(stay, TWO + 301, TWO + HOUR - 60, 7_345)


@operation("market", "blocked by somebody else's car")
def blocked(world, space):
    stay = booked(world, space)
    at(TWO + 400)
    return world.record(Seen(stay, messages.BLOCKED, TWO, TWO + 300))


@operation("market", "no-show")
def no_show(world, space):
    stay = booked(world, space)
    at(FOUR + 60)
    return world.record(Seen(stay, messages.NOSHOW, TWO, FOUR))


@operation("market", "cancelled by the owner, free")
def owner_cancel_free(world, space):
    stay = tomorrow(world, space)
    at(TWO)
    return world.market.ownerCancel(stay, {"from": world.owner})


@operation("market", "cancelled by the owner, who compensates")
def owner_cancel_late(world, space):
    stay = booked(world, space)
    world.market.depositFor(world.owner, 10**9, {"from": world.stranger})
    at(TWO + 60)
    return world.market.ownerCancel(stay, {"from": world.owner})


# ---- batches of ten
def ten_stays(world, people):
    """Ten stays that have ended and wait for their record, one after the other or side by side."""
    stays = []
    for number, (spot, driver, plate, lock) in enumerate(people):
        start = SECOND + 8 * number if len({each[0] for each in people}) == 1 else SECOND
        stay = world.lease(spot, start, slots=8, sender=driver, plate=plate, kwh=20)
        stays.append((stay, start * SLOT, lock))
    batch = []
    for stay, begins, lock in stays:
        if now() < begins + 301:
            reach(begins + 301)
        world.arrive(stay, begins + 301, by=lock)
    for stay, begins, lock in stays:
        seen = Seen(stay, messages.LEFT, begins + 301, begins + 2 * HOUR, 7_345)
        batch.append((seen.form(), world.signed(seen, lock)))
    at(stays[-1][1] + 2 * HOUR + 60)
    seen, signatures = zip(*batch, strict=True)
    return world.market.recordBatch(seen, signatures, {"from": world.stranger})


@operation("market", "depart and settle ten in one transaction, same parties")
def settle_ten(world, space):
    used(world, space, credit=True)
    return ten_stays(world, [(space, world.driver, world.plate, world.lock)] * 10)


@operation("market", "depart and settle ten in one transaction, all parties distinct")
def settle_ten_distinct(world, space):
    used(world, space, credit=True)
    edition = Edition.of(*(title(index) for index in range(1, 12)))
    world.publish(edition)
    people = []
    for index in range(1, 11):
        owner, driver = world.account(f"owner {index}"), world.account(f"driver {index}")
        lock, plate = key(f"lock {index}"), bytes([index]) * 32
        made = world.registration(
            owner=owner.address, lock=lock, title=title(index), edition=edition
        )
        world.market.registerSpace(made.form(), {"from": owner})
        spot = space_id(CITY, index)
        world.offer(spot, sender=owner)
        world.market.registerVehicle(world.vehicle(driver, plate), {"from": driver})
        for person in (owner, driver):
            world.market.deposit(10**9, {"from": person})
        people.append((spot, driver, plate, lock))
    return ten_stays(world, people)


@operation("market", "close ten that nobody used")
def close_ten(world, space):
    used(world, space, credit=True)
    stays = [world.lease(space, SECOND + 8 * number) for number in range(10)]
    at((SECOND + 80) * SLOT + 3600 + 24 * HOUR)
    return world.market.closeBatch(stays, {"from": world.stranger})
