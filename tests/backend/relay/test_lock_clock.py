"""A lock whose clock is off lets drivers in all the same, and somebody is told of its clock."""

from __future__ import annotations

from dataclasses import replace

import pytest
from berth.relay.inbox import Inbox
from berth.store.kept import plate_readings

from tests.backend.relay.street import Street
from tests.backend.worlds import DEPLOYMENT, DINO, NOW


def reasons(street: Street, lease: str) -> list[str]:
    with street.store.read() as conn:
        return [code.value for code in street.world.relay.preview(conn, lease, DINO.address).codes]


def there(street: Street, off: int) -> str:
    """A driver before the bar, whose lock's clock is `off` seconds ahead of ours."""
    lease = street.book()
    street.hello(at=NOW + off)
    street.state(at=NOW + off)
    street.tell(lease)
    street.confirm(lease)
    return lease


@pytest.mark.parametrize("off", [-300, -121, -60, 0, 31, 300])
def test_a_plate_that_was_just_read_is_fresh_whatever_the_locks_clock_says(
    street: Street, off: int
) -> None:
    lease = there(street, off)
    street.plate(lease, at=NOW + off)
    assert reasons(street, lease) == []
    street.plan()
    assert street.command("lower")["state"] == "eligible"
    assert street.rows(plate_readings)[0]["at"] == NOW


@pytest.mark.parametrize("off", [-300, -121, 0, 300])
def test_a_plate_that_came_late_is_as_old_as_it_is(street: Street, off: int) -> None:
    """Read, and said only two minutes later: that the lock's clock is off makes it no fresher."""
    lease = there(street, off)
    street.clock.at += 125
    street.world.at_block(102)
    street.confirm(lease)
    street.plate(lease, at=NOW + off)
    assert reasons(street, lease) == ["plate.stale"]


def test_a_hello_that_was_held_up_makes_what_follows_at_its_time_no_fresher(street: Street) -> None:
    """The quickest word tells the difference between the clocks."""
    lease = street.book()
    street.hello(at=NOW - 200)  # as if the clock were behind
    street.state(at=NOW)
    street.tell(lease)
    street.confirm(lease)
    street.plate(lease, at=NOW - 150)
    assert reasons(street, lease) == ["plate.stale"]


@pytest.mark.parametrize("off", [-301, 301])
def test_a_clock_that_is_quite_wrong_is_not_made_up_for(street: Street, off: int) -> None:
    lease = there(street, off)
    street.plate(lease, at=NOW + off)
    assert reasons(street, lease) == ["plate.stale"]


def test_what_was_read_before_the_vehicle_was_changed_does_not_count_for_it(
    street: Street,
) -> None:
    """Whose clock is ahead says of old readings that they are new."""
    lease = there(street, 200)
    street.plate(lease, at=NOW + 200)
    street.clock.at += 10
    street.state(at=NOW + 210, cycle=1)
    street.tell(lease)
    street.confirm(lease, cycle=1)
    assert reasons(street, lease) == ["plate.missing"]


def test_a_relay_that_has_just_begun_takes_a_lock_at_its_word_until_it_says_hello(
    street: Street,
) -> None:
    lease = there(street, -121)
    street.inbox = Inbox(street.store, DEPLOYMENT, street.clock)
    street.plate(lease, at=NOW - 121)
    assert reasons(street, lease) == ["plate.stale"]
    street.hello(at=NOW - 121)
    street.plate(lease, at=NOW - 121)
    assert reasons(street, lease) == []


# ---- named


@pytest.fixture
def steady(street: Street) -> Street:
    """On a chain that does not travel in time."""
    street.inbox = Inbox(street.store, replace(DEPLOYMENT, chain_id=1), street.clock)
    return street


@pytest.mark.parametrize("off", [-61, 61, -90_000])
def test_a_clock_that_is_off_is_an_incident_until_it_is_right(steady: Street, off: int) -> None:
    for _ in range(2):
        steady.hello(chain=1, at=NOW + off)
    (incident,) = steady.incidents()
    assert (incident.kind, incident.lock_id) == ("lock.clock", steady.home.lock_id)
    assert incident.facts == {"behind": -off}
    steady.hello(chain=1)
    assert steady.incidents() == []


def test_a_clock_that_is_off_by_a_minute_is_nobodys_news(steady: Street) -> None:
    for off in (-60, 60):
        steady.hello(chain=1, at=NOW + off)
    assert steady.incidents() == []


def test_on_a_chain_that_travels_in_time_no_clock_is_wrong(street: Street) -> None:
    street.hello(at=NOW - 90_000)
    assert street.incidents() == []
