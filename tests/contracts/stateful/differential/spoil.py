"""Steps made wrong in one place: the caller, the time, a number, a signature, the lease."""

from dataclasses import fields, is_dataclass, replace

from berth.core.addresses import ZERO
from berth.core.model.facts import Permit

from differential.cast import CITY, LOCKS, OFFICES, PEOPLE, address
from differential.steps import ASIDE, Step
from differential.teller import Teller

_EDGES = (0, 1, 255, 256, 65_535, 65_536, (1 << 32) - 1, (1 << 128) - 1, 1 << 128, (1 << 256) - 1)

#: Verbs whose first argument is a lease.
OF_A_LEASE = frozenset(
    ["cancel", "owner_cancel", "change_vehicle", "dispute", "resolve", "close", "unblock"]
)
#: Verbs about an account that need not be able to sign: it may be a contract.
TO_ANYBODY = frozenset(
    [
        "deposit_for",
        "withdraw",
        "withdraw_fees",
        "payout",
        "payout_batch",
        "set_manager",
        "set_attester",
        "grant_role",
        "revoke_role",
    ]
)


def spoil(t: Teller, step: Step) -> Step:
    """The step with one thing changed; it may happen to be legal still."""
    if step.verb in ASIDE:
        return step
    what = t.lot.random()
    if what < 0.25:
        return replace(step, sender=_somebody(t))
    if what < 0.40:
        return replace(step, at=max(t.now + 1, step.at + t.lot.choice((-1, 1, 900, 86_400))))
    if what < 0.45:
        return replace(step, relayed=not step.relayed)
    if what < 0.60:
        return _of_another_lease(t, step)
    lists = [place for place, each in enumerate(step.args) if isinstance(each, list)]
    if lists and what < 0.75:
        return replace(step, args=_stretched(t, step.args, t.lot.choice(lists)))
    places = list(_leaves(step.args))
    if not places:
        return step
    path = t.lot.choice(places)
    contracts = (t.model.address, t.model.forwarder) if step.verb in TO_ANYBODY else ()
    return replace(step, args=_changed(t, step.args, path, contracts))


def _somebody(t: Teller) -> str:
    return address(t.lot.choice((*PEOPLE, *OFFICES)))


def _of_another_lease(t: Teller, step: Step) -> Step:
    """The same for any other lease, by somebody who may speak for that one: it fails, if it does,
    at what the lease has become."""
    leases = [each for each in t.leases(*range(1, 6)) if t.lease(each).offer]
    first = step.args[0] if step.args else None
    if not leases or not (hasattr(first, "lease_id") or step.verb in OF_A_LEASE):
        return step
    other = t.lot.choice(leases)
    named = replace(first, lease_id=other) if hasattr(first, "lease_id") else other
    payee = t.model.payee_of(other >> 48, t.lease(other).offer)
    senders = (t.lease(other).driver, payee, step.sender)
    return replace(step, sender=t.lot.choice(senders), args=(named, *step.args[1:]))


def _stretched(t: Teller, args: tuple, place: int) -> tuple:
    """One list of a batch shorter, empty, or longer than a batch may be."""
    items = args[place]
    shorter, longer = items[:-1], (items * 101)[:101]
    changed = t.lot.choice((shorter, shorter, [], longer))
    return (*args[:place], changed, *args[place + 1 :])


def _leaves(value: object, path: tuple = ()) -> list[tuple]:
    """Where the numbers and addresses are."""
    if isinstance(value, (tuple, list)):
        return [leaf for place, each in enumerate(value) for leaf in _leaves(each, (*path, place))]
    if is_dataclass(value):
        found = []
        for field in fields(value):
            # a permit's v is part of its signature here; a title is the city's
            if not (isinstance(value, Permit) and field.name == "v") and field.name != "title":
                found += _leaves(getattr(value, field.name), (*path, field.name))
        return found
    return [path] if isinstance(value, (int, str, bytes)) else []


def _changed(t: Teller, value: object, path: tuple, contracts: tuple[str, ...]) -> object:
    if path == ("utc_offset",):
        # the one signed number
        return replace(value, utc_offset=t.lot.choice((-49, -48, -1, 56, 57, 1 << 254, -1 << 255)))
    if not path:
        return _other(t, value, contracts)
    first, rest = path[0], path[1:]
    if isinstance(value, (tuple, list)):
        items = list(value)
        items[first] = _changed(t, items[first], rest, contracts)
        return type(value)(items)
    return replace(value, **{first: _changed(t, getattr(value, first), rest, contracts)})


def _other(t: Teller, value: object, contracts: tuple[str, ...]) -> object:
    lot = t.lot
    if isinstance(value, bool):
        return not value
    if isinstance(value, bytes):
        return bytes([value[0] ^ lot.choice((1, 3)), *value[1:]])
    if isinstance(value, str):
        return lot.choice((_somebody(t), address(lot.choice(LOCKS)), ZERO, *contracts))
    if value >> 80 == CITY and lot.random() < 0.7:
        known = [*t.leases(*range(1, 7)), value + 1, value - 1, value ^ 1 << 16]
        return lot.choice(known)
    if value >> 32 == CITY and lot.random() < 0.7:
        return lot.choice([*t.space_ids(), value + (1 << 32)])
    return lot.choice((*_EDGES, value + 1, value + 1, value - 1, value + 96)) % (1 << 256)
