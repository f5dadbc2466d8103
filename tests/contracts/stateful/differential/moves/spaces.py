"""Owners: registering, offers, managers, locks, change of owner, the end of sharing."""

from dataclasses import replace

from berth.core.addresses import ZERO
from berth.core.model import (
    MAKES_LOCKS,
    VERIFIES_HOLDERS,
    HolderProof,
    LockProof,
    OfferTerms,
    Registration,
)
from berth.core.title import Title
from berth.core.weekly import ALL_HOURS
from support.forms import BAY

from differential.cast import CITY, INDICES, LOCKS, address
from differential.steps import Step
from differential.teller import DAY, OPEN, Teller


def register_space(t: Teller) -> Step | None:
    registry = t.model.registry
    free = [
        title
        for index, title in registry.editions[CITY].titles.items()
        if registry.market_of(CITY << 32 | index) is None
    ]
    # the last title may not be shared
    fit = [title for title in free if title.index != INDICES[-1]] or free
    if not fit:
        return None
    title = t.lot.choice(fit if t.lot.random() < 0.95 else free)
    registration = _registration(t, title)
    return registration and Step(t.soon(), t.person(), "register_space", (registration,))


def take_over(t: Teller) -> Step | None:
    """A renewal, or a change of owner; that needs a new edition."""
    registry, titles = t.model.registry, t.model.registry.editions[CITY].titles
    held = [
        space_id
        for space_id in t.model.spaces
        if registry.market_of(space_id) == t.model.address and space_id & 0xFFFFFFFF in titles
    ]
    if not held:
        return None
    space_id = t.lot.choice(held)
    space, title = t.model.spaces[space_id], titles[space_id & 0xFFFFFFFF]
    owner = space.owner if t.lot.random() < 0.35 else t.person()
    old = registry.edition_of(CITY) <= space.edition
    if owner != space.owner and old and t.lot.random() < 0.85:
        return publish_edition(t)
    registration = _registration(t, title)
    return registration and Step(t.soon(), owner, "take_over", (registration,))


def publish_edition(t: Teller) -> Step:
    """Some titles change hands or shape, now and then one is gone."""
    titles = dict(t.model.registry.editions[CITY].titles)
    changed = t.lot.choice(list(titles))
    titles[changed] = replace(
        titles[changed],
        salted_holder=bytes([t.lot.randrange(1, 256)]) * 32,
        cell=t.lot.randrange(1 << 30),
    )
    dropped = []
    if len(titles) > 4 and t.lot.random() < 0.08:
        dropped = [t.lot.choice(list(titles))]
        del titles[dropped[0]]
    elif len(titles) < len(INDICES):
        index = next(each for each in INDICES if each not in titles)
        titles[index] = replace(next(iter(titles.values())), index=index, attributes=BAY)
    arguments = CITY, tuple(titles.values()), tuple(dropped)
    return Step(t.soon(), address("authority"), "titles.publish", arguments)


def rotate_lock(t: Teller) -> Step | None:
    """A new key, while the old one may still have something to say."""
    spaces = t.listed()
    if not spaces:
        return None
    watched = [each >> 48 for each in t.leases(*OPEN) if 900 * (each >> 16 & 0xFFFFFFFF) < t.now]
    busy = [each for each in spaces if each in watched]
    space_id = t.lot.choice(busy or spaces)
    space = t.model.spaces[space_id]
    keys = [key for key in map(address, LOCKS) if key != space.lock_key]
    lock = _lock(t, t.lot.choice(keys))
    return lock and Step(t.soon(), space.owner, "rotate_lock", (space_id, lock))


def publish_offer(t: Teller) -> Step | None:
    spaces = t.listed()
    if not spaces:
        return None
    # few offers first where there are none
    space_id = min(spaces, key=_live(t)) if t.lot.random() < 0.5 else t.lot.choice(spaces)
    arguments = space_id, _terms(t)
    return Step(t.soon(), t.steward(space_id), "publish_offer", arguments)


def withdraw_offers(t: Teller) -> Step | None:
    spaces = [space_id for space_id in t.model.spaces if _live(t)(space_id) > 1]
    if not spaces:
        return publish_offer(t)
    space_id = t.lot.choice(spaces)
    space = t.model.spaces[space_id]
    first = t.lot.randint(space.first_live + 1, space.last_offer + (t.lot.random() < 0.2))
    return Step(t.soon(), t.steward(space_id), "withdraw_offers", (space_id, first))


def set_manager(t: Teller) -> Step | None:
    if not t.model.spaces:
        return None
    space_id = t.lot.choice(list(t.model.spaces))
    manager = ZERO if t.lot.random() < 0.15 else t.person()
    return Step(t.soon(), t.model.spaces[space_id].owner, "set_manager", (space_id, manager))


def delist(t: Teller) -> Step | None:
    listed = [each for each in t.model.spaces if not t.model.rotation_of(each).delisted_day]
    if not listed:
        return None
    space_id = t.lot.choice(listed if t.lot.random() < 0.95 else list(t.model.spaces))
    space = t.model.spaces[space_id]
    revoked = t.model.registry.is_revoked(CITY, space_id & 0xFFFFFFFF)
    revoked = revoked or space.maker in t.model.revoked_attesters
    by = t.person() if revoked else space.owner
    return Step(t.soon(), by, "delist", (space_id,))


def release(t: Teller) -> Step | None:
    registry, market = t.model.registry, t.model.address
    delisted = [
        space_id
        for space_id in t.model.spaces
        if t.model.rotation_of(space_id).delisted_day and registry.market_of(space_id) == market
    ]
    if not delisted:
        return None
    space_id = t.lot.choice(delisted)
    free_from = (t.model.rotation_of(space_id).delisted_day + 99) * DAY
    return Step(t.within(free_from, free_from + 9 * DAY), t.person(), "release", (space_id,))


def _live(t: Teller):
    def count(space_id: int) -> int:
        space = t.model.spaces[space_id]
        return space.last_offer + 1 - space.first_live

    return count


def _registration(t: Teller, title: Title) -> Registration | None:
    verifier = t.attester(VERIFIES_HOLDERS)
    lock = _lock(t, address(t.lot.choice(LOCKS)))
    if verifier is None or lock is None:
        return None
    nonces = [each for each in range(1, 20) if not t.model.attestation_revoked(verifier, each)]
    holder = HolderProof(
        verifier=verifier,
        valid_day=_valid_day(t),
        nonce=t.lot.choice(nonces),
        signed_by=t.model.attesters[verifier].account,
    )
    connectors = t.lot.choice((0, 0, 1, 3, 255))
    power = t.lot.choice((37, 110, 10_000)) if connectors else 0
    return Registration(title, holder, lock, connectors, power, proven=t.lot.random() < 0.97)


def _lock(t: Teller, key: str) -> LockProof | None:
    maker = t.attester(MAKES_LOCKS)
    if maker is None:
        return None
    account = t.model.attesters[maker].account
    return LockProof(key, maker, _valid_day(t), account, key)


def _valid_day(t: Teller) -> int:
    """Mostly long, now and then too short for what comes next."""
    return t.day + t.lot.choice((900, 900, 900, 900, 900, 900, 900, 900, 400, 120, 9, 1))


def _terms(t: Teller) -> OfferTerms:
    """Prices that divide by nothing."""
    lot = t.lot
    price = lot.choice((1, 7, 700_001, lot.randrange(1, 3_000_000), lot.randrange(1, 3_000_000)))
    if lot.random() < 0.02:
        price = (1 << 80) - 1
    no_show = lot.choice((0, 33, 80, 100))
    hours = ALL_HOURS if lot.random() < 0.8 else lot.getrandbits(168) | lot.getrandbits(168) | 1
    first = t.day - lot.choice((0, 1, 30))
    low = lot.choice((1, 1, 1, 2, 3))
    return OfferTerms(
        price_per_slot=price,
        price_per_kwh=lot.choice((0, 1, 350_003, lot.randrange(1_000_000))),
        overstay_pct=lot.choice((100, 101, 250, 333, 999, 1000)),
        reserve_minutes=lot.choice((0, 1, 7, 60, 60, 61, 240, 1440)),
        minimum_pct=lot.choice((0, 1, 20, 33, 100)),
        free_cancel_hours=lot.choice((0, 0, 1, 2, 24, 65_535)),
        no_show_pct=no_show,
        cancel_pct=lot.randint(0, no_show),
        hours_of_week=hours,
        utc_offset=lot.choice((0, 0, 40, 33, -20, 56, -48)),
        first_day=first,
        last_day=t.day + lot.choice((2, 30, 400, 2000, 2000, 2000)),
        min_slots=low,
        max_slots=lot.choice((low + 3, 12, 96, 672)),
        flags=lot.choice((0, 7, 65_535)),
    )


SPACES = {
    "register_space": register_space,
    "take_over": take_over,
    "rotate_lock": rotate_lock,
    "publish_offer": publish_offer,
    "withdraw_offers": withdraw_offers,
    "set_manager": set_manager,
    "delist": delist,
    "release": release,
}
