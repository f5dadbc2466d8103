"""A bar that is down for one lease serves no other: it comes up, and then the next is let in."""

from __future__ import annotations

import pytest
from berth.core.slots import SLOT_SECONDS, slot_start
from berth.store.derived import leases
from berth.store.kept import commands

from tests.backend.relay.street import Street
from tests.backend.worlds import DINO, NOW

SLOT = NOW // SLOT_SECONDS


@pytest.mark.parametrize("said", ["for the former", "for nobody"])
@pytest.mark.parametrize("open_yet", [True, False])
def test_a_bar_left_down_for_a_former_lease_comes_up_for_the_next_driver(
    street: Street, lease: str, said: str, open_yet: bool
) -> None:
    """After a power cut it does not rise by itself, and the lock lets nobody else in over it."""
    street.ack("done", command=street.sent("lower"))
    if not open_yet:
        street.set_lease(lease, state=4, closed_at=NOW - 100)
    following = street.world.add_lease(street.space, SLOT + 1, slots=4, epoch=2)
    street.tell(following)
    street.confirm(following)
    street.plate(following)
    down_for = lease if said == "for the former" else None
    street.state(position="UNLOCKED", interrupted="dead0001", lease_id=down_for)
    for _ in range(3):  # and does not give way to them
        street.plan()
        row = street.command("raise")
        assert (row["state"], row["lease_id"]) == ("eligible", lease)
    assert {row["lease_id"] for row in street.rows(commands) if row["action"] == "lower"} == {lease}
    # it came up: the next driver's word, given again, lets them in
    street.ack("done", command=street.sent("raise"))
    street.clock.at += 5
    street.world.at_block(102)
    street.state(cycle=1)
    street.tell(following)
    street.confirm(following, cycle=1)
    street.plate(following)
    street.plan()
    row = street.command("lower")
    assert (row["state"], row["lease_id"]) == ("eligible", following)


def test_a_bar_that_waits_for_a_driver_whose_time_is_over_comes_up_for_the_next(
    street: Street, lease: str
) -> None:
    """The lock would wait for ten minutes, and whoever drove in meanwhile would park for them."""
    street.ack("done", command=street.sent("lower"))
    street.state(position="UNLOCKED", lease_id=lease)
    row = street.rows(leases)[0]
    following = street.world.add_lease(street.space, row["end_slot"], slots=4, epoch=2)
    street.tell(following)
    street.clock.at = slot_start(row["end_slot"]) - 1
    street.plan()
    assert street.command("raise") is None  # until its end it is theirs
    street.clock.at += 1
    street.plan()
    row = street.command("raise")
    assert (row["state"], row["lease_id"]) == ("eligible", lease)


@pytest.mark.parametrize("who", ["nobody is due", "they are there", "they came, as the chain has"])
def test_a_bar_whose_lease_has_ended_is_else_left_to_its_lock(
    street: Street, lease: str, who: str
) -> None:
    street.ack("done", command=street.sent("lower"))
    row = street.rows(leases)[0]
    if who != "nobody is due":
        street.world.add_lease(street.space, row["end_slot"], slots=4, epoch=2)
    if who == "they are there":
        street.occupancy(lease)
    elif who == "they came, as the chain has":
        street.set_lease(lease, arrived=1)
    street.clock.at = slot_start(row["end_slot"]) + 1
    street.state(position="UNLOCKED", lease_id=lease)
    street.plan()
    assert street.command("raise") is None


@pytest.mark.parametrize("down_for", ["theirs", "another's", "nobody's"])
def test_only_who_the_bar_is_down_for_is_asked_to_drive_in(
    street: Street, lease: str, down_for: str
) -> None:
    following = street.world.add_lease(street.space, SLOT + 1, slots=4, epoch=2)
    held = {"theirs": following, "another's": lease, "nobody's": None}[down_for]
    street.state(position="UNLOCKED", lease_id=held)
    with street.store.read() as conn:
        decision = street.world.relay.preview(conn, following, DINO.address)
    needs = [need.value for need in decision.needs]
    assert ("drive_in" in needs, "wait_lock" in needs) == (
        down_for == "theirs",
        down_for != "theirs",
    )


@pytest.mark.parametrize(("since", "raised"), [(3599, False), (3600, True)])
def test_a_word_that_was_lost_does_not_keep_a_bar_down_for_ever(
    street: Street, lease: str, since: int, raised: bool
) -> None:
    """The lock's last word was that a vehicle stands there; under one it does not rise anyway."""
    street.ack("done", command=street.sent("lower"))
    street.set_lease(lease, state=4, closed_at=NOW)
    street.clock.at = NOW + since
    street.world.at_block(102)
    street.state(position="UNLOCKED", occupied=True, lease_id=lease)
    street.plan()
    assert (street.command("raise") is not None) == raised
