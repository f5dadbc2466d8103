"""Admin, guardian, attesters."""

from support.keys import key
from support.world import MAKER, VERIFIER

from gas.day import operation, used


@operation("market", "set the fee")
def set_fee(world, space):
    return world.market.setFee(300, {"from": world.admin})


@operation("market", "name an attester")
def set_attester(world, space):
    return world.market.setAttester(9, key("a new maker").address, 4, {"from": world.admin})


@operation("market", "revoke an attester")
def revoke_attester(world, space):
    return world.market.revokeAttester(MAKER, {"from": world.guardian})


@operation("market", "revoke one attestation")
def revoke_attestation(world, space):
    verifier = world.account("verifier of holders")
    return world.market.revokeAttestation(VERIFIER, 1, {"from": verifier})


@operation("market", "pause")
def pause(world, space):
    return world.market.pause({"from": world.guardian})


@operation("market", "unpause")
def unpause(world, space):
    world.market.pause({"from": world.guardian})
    return world.market.unpause({"from": world.guardian})


@operation("market", "withdraw fees")
def withdraw_fees(world, space):
    used(world, space)
    return world.market.withdrawFees(world.guardian, 1000, {"from": world.admin})
