"""What a party may do with a lease now, and what cancelling would cost."""

from __future__ import annotations

import pytest
from berth.core.slots import slot_at
from berth.core.states import Times
from berth.market.leases import deadline_of, lease_of, terms_for, times_of
from berth.market.verbs import cancelling_costs, verbs_of

from tests.backend.worlds import DINO, EVE, NOW, OLGA, Person, World

SLOT = slot_at(NOW)
RENT = 100_000 * 8


class Case:
    """One lease of eight slots from four hours ahead, in some state."""

    def __init__(self, world: World, **fields: int) -> None:
        space = world.add_space()
        world.add_offer(space, free_cancel_hours=2, cancel_pct=30, no_show_pct=60)
        lease_id = world.add_lease(space, SLOT + 16, **fields)
        with world.store.read() as conn:
            self.lease = lease_of(conn, lease_id)
            self.terms = terms_for(conn, self.lease)
        self.times: Times = times_of(self.lease, self.terms)

    def verbs(self, who: Person, now: int) -> set[str]:
        return set(verbs_of(self.lease, self.terms, who.address, now))

    def costs(self, who: Person, now: int) -> int | None:
        return cancelling_costs(self.lease, self.terms, who.address, now)


def test_a_booked_lease_over_time(world: World) -> None:
    case = Case(world)
    t = case.times
    assert case.verbs(DINO, t.start - 1) == {"extend", "changeVehicle", "cancel", "agree"}
    assert case.verbs(OLGA, t.start - 1) == {"ownerCancel", "agree"}
    assert case.verbs(DINO, t.start) == {"extend", "changeVehicle", "dispute", "agree"}
    assert case.verbs(OLGA, t.start) == {"ownerCancel", "dispute", "agree"}
    assert case.verbs(DINO, t.end) == {"dispute", "agree"}
    assert case.verbs(OLGA, t.t1 - 1) == {"ownerCancel", "dispute", "agree"}
    assert case.verbs(OLGA, t.t1) == {"agree", "close"}


def test_a_parked_lease_can_neither_be_cancelled_nor_end_early(world: World) -> None:
    case = Case(world, state=2)
    assert case.verbs(DINO, case.times.start) == {"extend", "changeVehicle", "dispute", "agree"}
    assert case.verbs(OLGA, case.times.start) == {"dispute", "agree"}


def test_a_claim_is_accepted_by_its_driver_and_disputed_until_t2(world: World) -> None:
    case = Case(world, state=3)
    t = case.times
    assert case.verbs(DINO, t.t2 - 1) == {"dispute", "agree", "close"}
    assert case.verbs(OLGA, t.t2 - 1) == {"dispute", "agree"}
    assert case.verbs(OLGA, t.t2) == {"agree", "close"}


@pytest.mark.parametrize("state", [1, 2, 3])
def test_a_disputed_lease_ends_by_agreement_or_at_t3(world: World, state: int) -> None:
    case = Case(world, state=state, disputed=1)
    for who in (DINO, OLGA):
        assert case.verbs(who, case.times.start) == {"agree"}
        assert case.verbs(who, case.times.t3 - 1) == {"agree"}
        assert case.verbs(who, case.times.t3) == {"agree", "close"}
    assert deadline_of(case.lease, case.terms) == case.times.t3


@pytest.mark.parametrize("state", [4, 5])
def test_nothing_can_be_done_with_a_lease_that_is_over(world: World, state: int) -> None:
    case = Case(world, state=state)
    assert case.verbs(DINO, NOW) == case.verbs(OLGA, NOW) == set()
    assert case.costs(DINO, NOW) is None


def test_what_cancelling_costs_grows_with_time(world: World) -> None:
    case = Case(world)
    t = case.times
    assert case.costs(DINO, t.start - 7200) == case.costs(OLGA, t.start - 7200) == 0
    assert case.costs(DINO, t.start - 7199) == case.costs(OLGA, t.start - 1) == RENT * 30 // 100
    assert case.costs(DINO, t.start) is None
    assert case.costs(OLGA, t.start) == RENT * 60 // 100
    assert case.costs(OLGA, t.t1) is None
    assert case.costs(EVE, NOW) is None
