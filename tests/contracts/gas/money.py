"""Money in and out."""

from support.keys import key

from gas.day import operation, used


@operation("market", "deposit, first")
def deposit_first(world, space):
    used(world, space)
    return world.market.deposit(5_000_000, {"from": world.stranger})


@operation("market", "deposit, again")
def deposit_again(world, space):
    used(world, space, credit=True)
    return world.market.deposit(5_000_000, {"from": world.driver})


@operation("market", "deposit for somebody new")
def deposit_for(world, space):
    used(world, space)
    return world.market.depositFor(key("a new driver").address, 5_000_000, {"from": world.stranger})


@operation("market", "withdraw a part")
def withdraw(world, space):
    used(world, space, credit=True)
    return world.market.withdraw(world.driver, 5_000_000, {"from": world.driver})


@operation("market", "withdraw everything")
def withdraw_all(world, space):
    used(world, space, credit=True)
    return world.market.withdraw(
        world.driver, world.market.creditOf(world.driver), {"from": world.driver}
    )


@operation("market", "deposit with permit, again")
def deposit_permitted(world, space):
    used(world, space)
    account = world.account("a driver who signs")
    world.market.deposit(5_000_000, {"from": account})
    permit = world.permit(key("a driver who signs"))
    return world.market.depositWithPermit(5_000_000, permit, {"from": account})


@operation("market", "want payouts, a new account")
def auto_payout_new(world, space):
    return world.market.setAutoPayout(True, {"from": world.stranger})


@operation("market", "want payouts, a used account")
def auto_payout_used(world, space):
    used(world, space)
    return world.market.setAutoPayout(True, {"from": world.owner})


@operation("market", "pay out to one who wants it")
def payout(world, space):
    used(world, space)
    world.market.setAutoPayout(True, {"from": world.owner})
    return world.market.payout(world.owner, {"from": world.stranger})


@operation("market", "pay out to ten, one of whom does not want it")
def payout_batch(world, space):
    used(world, space)
    people = [world.account(f"person {number}") for number in range(10)]
    for person in people:
        world.market.deposit(5_000_000, {"from": person})
    for person in people[1:]:
        world.market.setAutoPayout(True, {"from": person})
    return world.market.payoutBatch(people, {"from": world.stranger})
