"""Owners: registering, publishing, and the life of a space."""

from berth.core import messages
from berth.core.hashing import keccak
from berth.core.ids import space_id
from berth.core.title import leaf
from support.clock import DAY, MONDAY, at
from support.forms import Edition, Registration, terms_form
from support.keys import key
from support.world import CITY, MAKER, VALID_DAY, VERIFIER, title

from gas.day import FRESH, SECOND, operation, used

LOCK = key("another lock")


@operation("market", "register, depth-18 proof")
def register(world, space):
    mine = title(9)
    node, proof = leaf(mine), [keccak(bytes([level])) for level in range(18)]
    for sibling in proof:
        node = keccak(node + sibling if node < sibling else sibling + node)
    world.titles.publishEdition(CITY, 2, node, b"\xcc" * 32, 200_000, [], {"from": world.authority})
    owner, lock, spot = world.owner.address, world.lock, space_id(CITY, 9)
    possession = messages.sign(
        messages.lock_possession(world.domain, lock.address, spot, owner), lock.private
    )
    made = Registration(
        mine,
        proof,
        [VERIFIER, VALID_DAY, 1, world.holder_word(owner, mine.salted_holder, VALID_DAY, 1)],
        [lock.address, MAKER, VALID_DAY, world.maker_word(lock.address, VALID_DAY), possession],
        0b11,
        110,
    )
    return world.market.registerSpace(made.form(), {"from": world.owner})


@operation("market", "publish offer")
def publish_offer(world, space):
    return world.market.publishOffer(space, terms_form(), {"from": world.owner})


@operation("market", "withdraw offers")
def withdraw_offers(world, space):
    world.offer(space)
    return world.market.withdrawOffers(space, 2, {"from": world.owner})


@operation("market", "block slots, dirty calendar word")
def block_dirty(world, space):
    used(world, space)
    return world.market.blockSlots(space, SECOND, 8, {"from": world.owner})


@operation("market", "block slots by the manager, fresh calendar word")
def block_fresh(world, space):
    world.market.setManager(space, world.stranger, {"from": world.owner})
    return world.market.blockSlots(space, FRESH, 8, {"from": world.stranger})


@operation("market", "unblock")
def unblock(world, space):
    used(world, space)
    block = world.market.blockSlots(space, SECOND, 8, {"from": world.owner}).return_value
    return world.market.unblock(block, {"from": world.owner})


@operation("market", "name a manager")
def set_manager(world, space):
    return world.market.setManager(space, world.stranger, {"from": world.owner})


@operation("market", "rotate the lock")
def rotate(world, space):
    return world.market.rotateLock(space, world.lock_proof(space, LOCK), {"from": world.owner})


@operation("market", "take over, by the owner (renewal)")
def renew(world, space):
    return world.market.takeOver(world.registration(0).form(), {"from": world.owner})


@operation("market", "take over, by a new owner with a new lock")
def take_over(world, space):
    world.market.setManager(space, world.guardian, {"from": world.owner})
    edition = Edition.of(title(0, salted_holder=b"\x77" * 32))
    world.publish(edition)
    made = world.registration(0, owner=world.stranger.address, lock=LOCK, edition=edition)
    return world.market.takeOver(made.form(), {"from": world.stranger})


@operation("market", "delist, by the owner")
def delist(world, space):
    return world.market.delist(space, {"from": world.owner})


@operation("market", "delist, by anybody after the title was revoked")
def delist_revoked(world, space):
    world.titles.revoke(CITY, [(0, 1)], {"from": world.authority})
    return world.market.delist(space, {"from": world.stranger})


@operation("market", "release")
def release(world, space):
    world.market.delist(space, {"from": world.owner})
    at(MONDAY + 99 * DAY)
    return world.market.release(space, {"from": world.stranger})
