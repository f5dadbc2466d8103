"""Who hears live what a lock senses, and from when until when."""

from __future__ import annotations

import pytest
from berth.core.states import LeaseState
from berth.relay.audience import current_lease

from tests.backend.relay.street import Street
from tests.backend.worlds import DINO, EVE, NOW, OLGA

HOUR, DAY = 3600, 86400
END = NOW + 2 * HOUR
BOTH = {DINO.address, OLGA.address}


def told(street: Street, at: int) -> set[str]:
    """Who hears of a bar that has come up by this moment."""
    street.clock.at = at - 1
    street.hello(position="UNLOCKED")
    before = len(list(street.world.events()))
    street.clock.at = at
    street.state()
    news = list(street.world.events())[before:]
    assert {event["topic"] for event in news} == {"lock.state"}
    return {event["audience"] for event in news}


@pytest.mark.parametrize(
    ("state", "at", "whom"),
    [
        (LeaseState.BOOKED, NOW - 901, {OLGA.address}),
        (LeaseState.BOOKED, NOW - 900, BOTH),
        (LeaseState.BOOKED, END - 1, BOTH),
        (LeaseState.BOOKED, END, {OLGA.address}),
        (LeaseState.PARKED, END - 1, BOTH),
        (LeaseState.PARKED, END + DAY - 1, BOTH),
        (LeaseState.PARKED, END + DAY, {OLGA.address}),
        (LeaseState.CLAIMED, END + HOUR, {OLGA.address}),
        (LeaseState.SETTLED, NOW + HOUR, {OLGA.address}),
        (LeaseState.CANCELLED, NOW, {OLGA.address}),
    ],
)
def test_a_driver_hears_the_lock_while_there_is_something_to_do_there(
    street: Street, state: LeaseState, at: int, whom: set[str]
) -> None:
    """Not for as long as nobody has leased the space since."""
    street.set_lease(street.book(), state=state.value)
    assert told(street, at) == whom


def test_who_stays_on_is_heard_of_until_the_next_one_is_due(street: Street) -> None:
    """And again where the next one did not come."""
    slot = NOW // 900
    first = street.book()
    street.set_lease(first, state=LeaseState.PARKED.value)
    then = street.world.add_lease(street.space, slot + 10, 1, driver=EVE)
    start = (slot + 10) * 900
    expected = {END: first, start - 901: first, start - 900: then, start + 899: then}
    for at, lease in (expected | {start + 900: first}).items():
        with street.store.read() as conn:
            found = current_lease(conn, street.space, at)
        assert found is not None
        assert found["lease_id"] == lease, at - start
