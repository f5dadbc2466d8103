"""Locks: what they saw, early and late, alone and in batches."""

from berth.core.model import Occupancy
from berth.core.states import LeaseState, RecordKind
from berth.core.words import LeaseWord

from differential.cast import PEOPLE, address
from differential.moves.leasing import lease
from differential.steps import Step
from differential.teller import Teller

BOOKED, PARKED = LeaseState.BOOKED, LeaseState.PARKED
KINDS = (RecordKind.ARRIVED, RecordKind.LEFT, RecordKind.BLOCKED, RecordKind.NOSHOW)


def record(t: Teller) -> Step | None:
    lease_id = t.pick(_unfinished(t))
    if lease_id is None:
        return lease(t)
    word = t.lease(lease_id)
    weights = (5, 4, 1, 2) if word.state is BOOKED else (0, 1, 0, 0)
    kind = t.lot.choices(KINDS, weights)[0]
    return _alone(t, lease_id, word, kind)


def record_batch(t: Teller) -> Step | None:
    """Several at one moment, and some whose lease has ended."""
    first = record(t)
    if first is None or first.verb != "record":
        return first
    (seen, signer), at = first.args, first.at
    items, signers = [seen], [signer]
    for lease_id in t.lot.sample(_unfinished(t), min(3, len(_unfinished(t)))):
        if lease_id == seen.lease_id and t.lot.random() < 0.8:
            continue
        word = t.lease(lease_id)
        kind = RecordKind.ARRIVED if word.state is BOOKED else RecordKind.LEFT
        if at >= t.model.times_of(lease_id).t1:
            continue
        other = _occupancy(t, lease_id, word, kind, at)
        if other is not None:
            items.append(other)
            signers.append(_lock(t, other))
    for lease_id in t.ended()[-2:]:
        if t.lot.random() < 0.6:
            items.append(Occupancy(lease_id, 2, at, at))
            signers.append(t.person())
    order = t.lot.sample(range(len(items)), len(items))
    arguments = [items[each] for each in order], [signers[each] for each in order]
    return Step(at, first.sender, "record_batch", arguments)


def record_blocked(t: Teller) -> Step | None:
    return _of(t, RecordKind.BLOCKED)


def record_noshow(t: Teller) -> Step | None:
    return _of(t, RecordKind.NOSHOW)


def record_overstay(t: Teller) -> Step | None:
    """Too late, and brought by somebody else: a claim."""
    found = [each for each in _unfinished(t) if t.model.terms_of(each).reserve_minutes > 1]
    lease_id = t.pick(found)
    if lease_id is None:
        return lease(t)
    word, times = t.lease(lease_id), t.model.times_of(lease_id)
    over = times.end + 360 + t.lot.randrange(60 * t.model.terms_of(lease_id).reserve_minutes)
    at = t.within(over, times.t1)
    from_ = t.lot.choice((times.early, times.start, times.end - 1))
    energy = t.lot.choice((0, 99, 7_777))
    seen = Occupancy(lease_id, RecordKind.LEFT, from_, max(at, from_), energy)
    sender = t.lot.choice([each for each in map(address, PEOPLE) if each != word.driver])
    return Step(at, sender, "record", (seen, _lock(t, seen)))


def _of(t: Teller, kind: RecordKind) -> Step | None:
    lease_id = t.pick([each for each in _unfinished(t) if t.lease(each).state is BOOKED])
    return lease(t) if lease_id is None else _alone(t, lease_id, t.lease(lease_id), kind)


def _alone(t: Teller, lease_id: int, word: LeaseWord, kind: RecordKind) -> Step | None:
    times = t.model.times_of(lease_id)
    opens = {
        RecordKind.ARRIVED: times.early,
        RecordKind.LEFT: times.start + t.lot.choice((-900, 0, 450)),
        RecordKind.BLOCKED: times.start,
        RecordKind.NOSHOW: times.end,
    }[kind]
    if kind is RecordKind.LEFT:
        grace, reserve = 300, 60 * t.model.terms_of(lease_id).reserve_minutes
        late = t.lot.choice((0, 299, 300, 359, 360, 361, grace + reserve, grace + reserve + 61))
        over = times.end + late + t.lot.randrange(max(1, reserve))
        opens = t.lot.choice((opens, times.end, times.end + late, over))
    at = t.within(opens, times.t1)
    seen = _occupancy(t, lease_id, word, kind, at)
    if seen is None:
        return None
    sender = word.driver if t.lot.random() < 0.3 else t.person()
    return Step(at, sender, "record", (seen, _lock(t, seen)))


def _unfinished(t: Teller) -> list[int]:
    """Leases whose lock may still speak."""
    return [each for each in t.leases(BOOKED, PARKED) if t.model.times_of(each).t1 > t.now + 1]


def _occupancy(
    t: Teller, lease_id: int, word: LeaseWord, kind: RecordKind, at: int
) -> Occupancy | None:
    """What a lock may say at `at`; None: nothing yet."""
    lot, times = t.lot, t.model.times_of(lease_id)
    if kind is RecordKind.NOSHOW:
        from_ = lot.choice((times.start, times.early, 0, times.start - 1))
        return Occupancy(lease_id, kind, from_, max(times.end, at - lot.choice((0, 0, 5, 500))))
    first = times.start if kind is RecordKind.BLOCKED else times.early
    last = min(times.end - 1, at)
    if last < first:
        return None
    from_ = lot.choice((first, last, min(last, max(first, times.start)), lot.randint(first, last)))
    if kind is RecordKind.ARRIVED:
        return Occupancy(lease_id, kind, from_, from_)
    until = max(from_, at - lot.choice((0, 0, 0, 1, 30, 900)))
    changed = t.model.rotation_of(lease_id >> 48).rotated_at
    if from_ <= changed < until and lot.random() < 0.5:
        # no later than the lock of then could see
        until = changed + lot.choice((0, 0, 0, -1, 1))
    if kind is RecordKind.BLOCKED:
        return Occupancy(lease_id, kind, from_, until)
    if word.arrived > 1:
        until = max(until, times.start + 60 * (word.arrived - 2))
    energy = lot.choice((0, 99, 100, 7_777, 254_999, (1 << 32) - 1))
    return Occupancy(lease_id, kind, from_, until, energy)


def _lock(t: Teller, o: Occupancy) -> str:
    """The lock of now, or the one before: where its word still counts, or just not."""
    space_id = o.lease_id >> 48
    past = t.model.rotation_of(space_id)
    if past.rotated_at and t.lot.random() < (0.7 if o.until <= past.rotated_at else 0.1):
        return past.previous_key
    return t.model.spaces[space_id].lock_key


LOCKS = {
    "record": record,
    "record_batch": record_batch,
    "record_blocked": record_blocked,
    "record_noshow": record_noshow,
    "record_overstay": record_overstay,
}
