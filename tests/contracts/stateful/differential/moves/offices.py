"""Admin, guardian, attesters, the authority of the city."""

from berth.core.model import ARBITER_ROLE, GUARDIAN_ROLE

from differential.cast import ATTESTERS, CITY, INDICES, OTHER_MARKET, address
from differential.moves.spaces import publish_edition
from differential.steps import Step
from differential.teller import DAY, Teller

PAUSE = 7 * DAY


def set_fee(t: Teller) -> Step:
    return Step(t.soon(), address("admin"), "set_fee", (t.lot.choice((0, 1, 250, 333, 1000)),))


def set_attester(t: Teller) -> Step | None:
    free = [id_ for id_ in (*range(7, 20), 127) if id_ not in t.model.attesters]
    if not free:
        return None
    # an id is given once
    id_ = t.lot.choice(free if t.lot.random() < 0.93 else list(t.model.attesters))
    arguments = id_, address(t.lot.choice(ATTESTERS)), t.lot.randint(1, 7)
    return Step(t.soon(), address("admin"), "set_attester", arguments)


def revoke_attester(t: Teller) -> Step | None:
    """One that can be spared."""
    model = t.model
    force = {i: a.roles for i, a in model.attesters.items() if i not in model.revoked_attesters}

    def spared(id_: int) -> bool:
        others = [roles for other, roles in force.items() if other != id_]
        return all(sum(1 for roles in others if roles & bit) for bit in (1, 2, 4))

    found = [id_ for id_ in force if spared(id_)]
    if not found:
        return set_attester(t)
    by = address(t.lot.choice(("admin", "guardian")))
    return Step(t.soon(), by, "revoke_attester", (t.lot.choice(found),))


def revoke_attestation(t: Teller) -> Step:
    id_ = t.lot.choice(list(t.model.attesters))
    arguments = id_, t.lot.randint(1, 12)
    return Step(t.soon(), t.model.attesters[id_].account, "revoke_attestation", arguments)


def pause(t: Teller) -> Step:
    last = t.model.paused_until
    if t.now < last:
        return unpause(t)
    at = t.within(last + PAUSE, last + 2 * PAUSE) if last + PAUSE > t.now else t.soon()
    return Step(at, _holder(t, GUARDIAN_ROLE), "pause", ())


def unpause(t: Teller) -> Step:
    if t.now + 1 >= t.model.paused_until and t.lot.random() < 0.9:
        return pause(t) if t.now >= t.model.paused_until else set_fee(t)
    by = address("admin") if t.lot.random() < 0.5 else _holder(t, GUARDIAN_ROLE)
    at = t.within(t.now + 1, min(t.model.paused_until, t.now + 5000))
    return Step(at, by, "unpause", ())


def grant_role(t: Teller) -> Step:
    role = t.lot.choice((ARBITER_ROLE, GUARDIAN_ROLE, ARBITER_ROLE, bytes(31) + b"\1"))
    return Step(t.soon(), address("admin"), "grant_role", (role, t.person()))


def revoke_role(t: Teller) -> Step:
    role = t.lot.choice((ARBITER_ROLE, GUARDIAN_ROLE))
    named = sorted(t.model.roles.get(role, ()))
    keep = {address("arbiter"), address("guardian")}
    spare = [each for each in named if each not in keep] or [t.person()]
    return Step(t.soon(), address("admin"), "revoke_role", (role, t.lot.choice(spare)))


def titles(t: Teller) -> Step:
    """The registry beside the market."""
    revoked = [index for city, index in t.model.registry.revoked if city == CITY]
    what, authority = t.lot.random(), address("authority")
    if t.model.address not in t.model.registry.markets:
        return Step(t.soon(), address("admin"), "titles.set_market", (t.model.address, True))
    if revoked and what < 0.5:
        return Step(t.soon(), authority, "titles.reinstate", (CITY, min(revoked)))
    if what < 0.6:
        return Step(t.soon(), authority, "titles.revoke", (CITY, t.lot.choice(INDICES)))
    if what < 0.65:
        return Step(t.soon(), address("admin"), "titles.set_market", (t.model.address, False))
    if what < 0.85:
        return _other_market(t)
    return publish_edition(t)


def _other_market(t: Teller) -> Step:
    """Another market takes a space that nobody holds, or lets go of one."""
    registry, other, at = t.model.registry, address(OTHER_MARKET), t.soon()
    held = [space_id for space_id, market in registry.holders.items() if market == other]
    if held and t.lot.random() < 0.7:
        space_id = t.lot.choice((*held, *held, *held, *t.space_ids()))
        return Step(at, other, "titles.release", (other, space_id))
    titles_ = list(registry.editions[CITY].titles.values())
    free = [each for each in titles_ if registry.market_of(CITY << 32 | each.index) is None]
    title = t.lot.choice(free or titles_)
    return Step(at, other, "titles.claim", (other, title, True, at // DAY))


def _holder(t: Teller, role: bytes) -> str:
    named = sorted(t.model.roles.get(role, ()))
    return t.lot.choice(named) if named else address("guardian")


OFFICES = {
    "set_fee": set_fee,
    "set_attester": set_attester,
    "revoke_attester": revoke_attester,
    "revoke_attestation": revoke_attestation,
    "pause": pause,
    "unpause": unpause,
    "grant_role": grant_role,
    "revoke_role": revoke_role,
    "titles": titles,
}
