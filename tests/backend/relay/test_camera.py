"""A lock has one camera: for whom it looks, and for whom what it reads counts."""

from __future__ import annotations

import pytest
from berth.core.slots import slot_at, slot_start
from berth.relay.answers import answered
from berth.store.clock import database_now
from berth.store.kept import commands
from sqlalchemy import update

from tests.backend.relay.street import Street
from tests.backend.worlds import NOW


@pytest.fixture
def former(street: Street) -> str:
    """A lease whose driver had the camera switched on, and then gave up; it looks for them yet."""
    booked = street.book(slots=1)
    street.hello()
    street.state()
    ask(street, booked)
    looks(street)
    return booked


@pytest.fixture
def following(street: Street, former: str) -> str:
    """The next lease of the same space, whose driver may come already."""
    return street.book(start_slot=slot_at(NOW) + 1)


def ask(street: Street, lease: str) -> str | None:
    """The lease's driver is at the entrance; the id of the camera's command that waits for it."""
    street.clock.at += 10
    street.world.at_block(102)
    street.tell(lease)
    street.plan()
    return waiting(street, lease)


def waiting(street: Street, lease: str) -> str | None:
    for row in street.rows(commands):
        of_it = (row["lease_id"], row["action"]) == (lease, "camera_on")
        if of_it and row["state"] in ("observed", "eligible"):
            return str(row["id"])
    return None


def leaves(street: Street, lease: str) -> str:
    """The ticket of the lease's camera leaves."""
    command = waiting(street, lease)
    assert command is not None
    with street.store.write() as conn:
        # the database's clock is the machine's here: what left before left a second before
        earlier = update(commands).where(commands.c.published_at.is_not(None))
        conn.execute(earlier.values(published_at=commands.c.published_at - 1))
        at = database_now(conn)
        news = {"state": "published", "published_at": at, "claimed_until": at + 15}
        conn.execute(update(commands).where(commands.c.id == command).values(news))
    return command


def looks(street: Street, lease: str | None = None) -> str:
    """The command leaves, and the camera is on by it; for the only one that waits when no lease is
    named."""
    waits = [row["lease_id"] for row in street.rows(commands) if row["state"] == "eligible"]
    command = leaves(street, lease or waits[0])
    street.ack("done", command=command)
    street.state(camera=True)
    return command


def test_the_next_driver_has_the_camera_though_it_still_looks_for_the_former(
    street: Street, following: str
) -> None:
    command = ask(street, following)
    assert command is not None
    looks(street, following)
    street.plate(following)
    street.confirm(following)
    street.plan()
    lower = street.command("lower")
    assert (lower["lease_id"], lower["state"]) == (following, "eligible")


def test_a_camera_that_looks_for_a_lease_is_not_switched_on_for_it_again(
    street: Street, following: str
) -> None:
    ask(street, following)
    looks(street, following)
    assert ask(street, following) is None


def test_of_two_drivers_at_one_bar_the_camera_looks_for_the_one_who_asked_last(
    street: Street, former: str, following: str
) -> None:
    ask(street, following)
    looks(street, following)
    street.plan()
    assert waiting(street, former) is None  # by itself it does not go to and fro
    assert ask(street, former) is not None
    looks(street, former)
    street.plan()
    assert waiting(street, following) is None
    assert ask(street, following) is not None


def test_a_lock_that_never_said_whether_it_looks_for_somebody_is_told_again_when_they_ask(
    street: Street, former: str, following: str
) -> None:
    ask(street, following)
    command = leaves(street, following)
    with street.store.write() as conn:  # accepted, and then not a word
        answered(conn, street.home.lock_id, command, "accepted", None, street.clock.at)
        conn.execute(update(commands).values(claimed_until=1))
    street.plan()
    assert waiting(street, following) is None
    assert ask(street, following) not in (None, command)
    with street.store.write() as conn:  # nor does anybody know that it looks for the former
        conn.execute(update(commands).where(commands.c.state == "eligible").values(state="dead"))
    assert ask(street, former) is not None


def test_a_late_word_on_the_former_ones_camera_takes_nothing_from_the_next(
    street: Street, former: str, following: str
) -> None:
    ask(street, following)
    looks(street, following)
    first = next(row["id"] for row in street.rows(commands) if row["lease_id"] == former)
    street.ack("done", command=first)  # said twice
    assert ask(street, following) is None  # it looks for them


def test_what_the_camera_read_for_the_former_lease_counts_for_nobody_else(
    street: Street, former: str, following: str
) -> None:
    street.plate(former)
    ask(street, following)
    street.confirm(following)
    street.plan()
    lower = street.command("lower")
    assert (lower["lease_id"], lower["reason"]) == (following, "plate.missing")


def test_a_reading_for_the_next_lease_does_not_open_for_the_former(
    street: Street, former: str, following: str
) -> None:
    ask(street, following)
    looks(street, following)
    street.plate(following)
    street.tell(former)
    street.confirm(former)
    street.plan()
    lower = street.command("lower")
    assert (lower["lease_id"], lower["reason"]) == (former, "plate.missing")


def test_who_comes_after_the_end_takes_the_camera_from_nobody(
    street: Street, former: str, following: str
) -> None:
    street.clock.at = slot_start(slot_at(NOW) + 1)  # the former's time is over
    ask(street, following)
    looks(street, following)
    assert ask(street, former) is None


def test_a_lock_whose_clock_is_behind_is_asked_again_for_half_a_minute(street: Street) -> None:
    lease = street.book()
    street.hello()
    street.state()
    street.tell(lease)
    street.plan()
    pauses = []
    for _ in range(6):
        street.ack("refused", command=street.sent("camera_on"), reason="grant.early")
        row = street.command("camera_on")
        if row["state"] == "dead":
            break
        with street.store.write() as conn:
            pauses.append(row["next_at"] - database_now(conn))
    assert pauses == pytest.approx([1, 2, 4, 8, 16], abs=1)
    assert (row["state"], row["reason"]) == ("dead", "grant.early")
    # the driver's next word is another wish
    street.clock.at += 1
    assert ask(street, lease) is not None
