"""The title registry."""

from support.clock import DAY, MONDAY, at
from support.world import CITY

from gas.day import operation


@operation("titles", "publish a city's first edition")
def publish_first(world, space):
    world.titles.setAuthority(7, world.authority, {"from": world.admin})
    at(MONDAY + DAY)
    return world.titles.publishEdition(
        7, 1, b"\xaa" * 32, b"\xcc" * 32, 29_584, [], {"from": world.authority}
    )


@operation("titles", "publish the next edition")
def publish_next(world, space):
    at(MONDAY + DAY)
    return world.titles.publishEdition(
        CITY, 2, b"\xaa" * 32, b"\xcc" * 32, 29_584, [], {"from": world.authority}
    )


@operation("titles", "publish the next edition, 256 titles dropped")
def publish_dropping(world, space):
    at(MONDAY + DAY)
    dropped = [(5, 2**256 - 1)]
    return world.titles.publishEdition(
        CITY, 2, b"\xaa" * 32, b"\xcc" * 32, 29_584, dropped, {"from": world.authority}
    )


@operation("titles", "revoke one title")
def revoke(world, space):
    return world.titles.revoke(CITY, [(3, 1)], {"from": world.authority})
