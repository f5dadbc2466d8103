"""Ends of leases: time, disputes, agreements."""

from berth.core.addresses import ZERO
from berth.core.model import ARBITER_ROLE, Agreement
from berth.core.states import LeaseState

from differential.moves.leasing import lease
from differential.moves.locks import record_overstay
from differential.steps import Step
from differential.teller import OPEN, Teller

CLAIMED = LeaseState.CLAIMED


def close(t: Teller) -> Step | None:
    lease_id = _soonest(t)
    if lease_id is None:
        return lease(t)
    word = t.lease(lease_id)
    if word.state is CLAIMED and not word.disputed and t.lot.random() < 0.5:
        return Step(t.soon(), word.driver, "close", (lease_id,))
    due = _due(t, lease_id)
    return Step(t.within(due, due + 90_000), t.person(), "close", (lease_id,))


def accept_claim(t: Teller) -> Step | None:
    """The driver agrees that the stay was too long."""
    lease_id = t.pick(t.leases(CLAIMED, disputed=False))
    if lease_id is None:
        return record_overstay(t)
    return Step(t.soon(), t.lease(lease_id).driver, "close", (lease_id,))


def close_batch(t: Teller) -> Step | None:
    lease_id = _soonest(t)
    if lease_id is None:
        return lease(t)
    at = t.within(_due(t, lease_id), _due(t, lease_id) + 90_000)
    due = [each for each in t.leases(*OPEN) if _due(t, each) <= at]
    ids = list({lease_id, *due, *t.lot.sample(t.ended(), min(2, len(t.ended())))})
    t.lot.shuffle(ids)
    if t.lot.random() < 0.2:
        # the second time it has ended
        ids.append(ids[0])
    return Step(at, t.person(), "close_batch", (ids,))


def dispute(t: Teller) -> Step | None:
    found = [
        each for each in t.leases(*OPEN, disputed=False) if _disputable_until(t, each) > t.now + 1
    ]
    lease_id = t.pick(found)
    if lease_id is None:
        return lease(t)
    word = t.lease(lease_id)
    payee = t.model.payee_of(lease_id >> 48, word.offer)
    by = t.lot.choice((word.driver, payee))
    opens = t.model.times_of(lease_id).start
    return Step(t.within(opens, _disputable_until(t, lease_id)), by, "dispute", (lease_id,))


def resolve(t: Teller) -> Step | None:
    found = [
        each for each in t.leases(*OPEN, disputed=True) if t.model.times_of(each).t3 > t.now + 1
    ]
    lease_id, arbiters = t.pick(found), sorted(t.model.roles.get(ARBITER_ROLE, ()))
    if lease_id is None:
        return dispute(t)
    if not arbiters:
        return None
    at = t.within(t.now + 1, t.model.times_of(lease_id).t3)
    arguments = lease_id, _sum(t, lease_id)
    return Step(at, t.lot.choice(arbiters), "resolve", arguments)


def agree(t: Teller) -> Step | None:
    lease_id = t.pick(t.leases(*OPEN))
    if lease_id is None:
        return lease(t)
    word = t.lease(lease_id)
    payee = t.model.payee_of(lease_id >> 48, word.offer)
    by, at = t.lot.choice((word.driver, payee, t.person())), t.soon()
    driver_signs = word.driver if by != word.driver or t.lot.random() < 0.5 else ZERO
    payee_signs = payee if by != payee or t.lot.random() < 0.5 else ZERO
    until = t.lot.choice((at, at + 1000, at + 1000, (1 << 256) - 1))
    agreement = Agreement(
        lease_id=lease_id,
        deposit=t.model.deposit_of(lease_id),
        cost=_sum(t, lease_id),
        valid_until=until,
    )
    return Step(at, by, "agree", (agreement, driver_signs, payee_signs))


def _sum(t: Teller, lease_id: int) -> int:
    deposit = t.model.deposit_of(lease_id)
    return t.lot.choice((0, deposit, t.lot.randint(0, deposit), t.lot.randint(0, deposit)))


def _due(t: Teller, lease_id: int) -> int:
    """From when on anybody may close it."""
    word, times = t.lease(lease_id), t.model.times_of(lease_id)
    if word.disputed:
        return times.t3
    return times.t2 if word.state is CLAIMED else times.t1


def _soonest(t: Teller) -> int | None:
    """An open lease, rather one that is due soon."""
    found = sorted(t.leases(*OPEN), key=lambda each: _due(t, each))
    if not found:
        return None
    return found[0] if t.lot.random() < 0.7 else t.lot.choice(found)


def _disputable_until(t: Teller, lease_id: int) -> int:
    times = t.model.times_of(lease_id)
    return times.t2 if t.lease(lease_id).state is CLAIMED else times.t1


ENDING = {
    "close": close,
    "accept_claim": accept_claim,
    "close_batch": close_batch,
    "dispute": dispute,
    "resolve": resolve,
    "agree": agree,
}
