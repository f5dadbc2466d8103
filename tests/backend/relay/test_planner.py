"""From what a driver tells to what a lock is told: every step, and every way it ends."""

from __future__ import annotations

import pytest
from berth.relay import commands
from berth.relay.answers import answered
from berth.store.kept import commands as command_rows
from sqlalchemy import update

from tests.backend.relay.street import Street
from tests.backend.worlds import DINO, NOW


@pytest.fixture
def lease(street: Street) -> str:
    """A lease deep in the chain, its lock online and up, its driver not there yet."""
    booked = street.book()
    street.hello()
    street.state()
    return booked


def test_nothing_happens_before_the_driver_is_there(street: Street, lease: str) -> None:
    street.plan()
    assert street.rows(command_rows) == []
    with street.store.read() as conn:
        assert not street.planner.agenda(conn)


def test_entering_the_geofence_switches_the_camera_on_and_nothing_else(
    street: Street, lease: str
) -> None:
    street.tell(lease)
    street.plan()
    assert [row["action"] for row in street.rows(command_rows)] == ["camera_on"]
    assert street.command("camera_on")["state"] == "eligible"


def test_a_wrong_plate_waits_and_says_why_and_the_right_one_goes_on(
    street: Street, lease: str
) -> None:
    street.tell(lease)
    street.plate(lease, match=False)
    street.confirm(lease)
    street.plan()
    lower = street.command("lower")
    assert (lower["state"], lower["reason"]) == ("confirmed", "plate.mismatch")
    told = street.events("lock.command")[-1]
    assert told["reason"] == "plate.mismatch"
    assert "车牌" in told["decision"]["reasons"][0]["zh"]
    street.clock.at += 5
    street.plate(lease)
    street.plan()
    lower = street.command("lower")
    assert (lower["state"], lower["reason"]) == ("eligible", None)


def test_a_plate_alone_and_a_position_alone_open_nothing(street: Street, lease: str) -> None:
    street.plate(lease)
    street.plan()
    assert street.command("lower") is None
    street.tell(lease)
    street.plan()
    assert street.command("lower") is None  # the driver has not confirmed


def test_an_offer_that_asks_for_no_confirmation_opens_by_plate_and_nearness(
    street: Street,
) -> None:
    street.world.add_offer(street.space, 2, flags=1 | 4)
    lease = street.book(offer=2)
    street.hello()
    street.state()
    street.tell(lease)
    street.plan()
    assert street.command("lower")["reason"] == "plate.missing"
    street.plate(lease)
    street.plan()
    assert street.command("lower")["state"] == "eligible"


def test_a_shallow_lease_is_observed_until_it_is_deep(street: Street) -> None:
    lease = street.book(booked_block=100)
    street.hello()
    street.state()
    street.tell(lease)
    street.plate(lease)
    street.confirm(lease)
    street.plan()
    lower = street.command("lower")
    assert (lower["state"], lower["reason"]) == ("observed", "lease.shallow")
    street.world.at_block(101)
    street.plan()
    assert street.command("lower")["state"] == "eligible"


def test_an_old_confirmation_expires_and_a_new_one_starts_anew(street: Street, lease: str) -> None:
    street.tell(lease)
    street.confirm(lease)
    street.plan()
    first = street.command("lower")
    street.clock.at += 121
    street.world.at_block(102)
    street.plan()
    assert street.command("lower")["state"] == "expired"
    street.plan()
    assert street.command("lower")["id"] == first["id"]
    street.clock.at += 5
    street.confirm(lease)
    street.plan()
    second = street.command("lower")
    assert second["id"] != first["id"]
    assert second["state"] == "confirmed"


def test_a_command_under_way_is_not_made_twice(street: Street, lease: str) -> None:
    street.tell(lease)
    street.plate(lease)
    street.confirm(lease)
    street.plan()
    row = street.command("lower")
    for state in ("claimed", "published", "acknowledged"):
        with street.store.write() as conn:
            conn.execute(
                update(command_rows)
                .where(command_rows.c.id == row["id"])
                .values(state=state, claimed_until=1 << 40)
            )
        street.clock.at += 1
        street.confirm(lease)
        street.plan()
        assert street.command("lower")["id"] == row["id"]
        assert street.command("lower")["state"] == state


@pytest.mark.parametrize(
    ("outcome", "reason", "state"),
    [
        ("accepted", None, "acknowledged"),
        ("done", None, "done"),
        ("refused", "ticket.expired", "eligible"),
        ("refused", "ticket.boot", "eligible"),
        ("refused", "grant.missing", "eligible"),
        ("refused", "grant.early", "eligible"),
        ("refused", "plate.mismatch", "dead"),
        ("refused", "grant.over", "dead"),
        ("interrupted", "restart", "dead"),
        ("failed", "motor.stuck", "dead"),
    ],
)
def test_what_the_lock_answers_decides_what_becomes_of_the_command(
    street: Street, lease: str, outcome: str, reason: str | None, state: str
) -> None:
    street.tell(lease)
    street.plate(lease)
    street.confirm(lease)
    street.plan()
    street.ack(outcome, command=street.sent("lower"), reason=reason)
    lower = street.command("lower")
    assert lower["state"] == state
    assert lower["reason"] == reason
    assert street.events("lock.command")[-1]["state"] == state


def test_a_late_or_second_answer_changes_nothing(street: Street, lease: str) -> None:
    street.tell(lease)
    street.plan()
    command = street.sent("camera_on")
    street.ack("done", command=command)
    street.ack("accepted", command=command)  # overtaken by the outcome
    street.ack("refused", command=command, reason="ticket.nonce")
    street.ack("interrupted", command=command)
    assert street.command("camera_on")["state"] == "done"


def test_a_lock_that_never_answers_is_asked_again_and_then_given_up(
    street: Street, lease: str
) -> None:
    street.tell(lease)
    street.plate(lease)
    street.confirm(lease)
    street.plan()
    row = street.command("lower")
    for attempt in range(1, commands.MAX_ATTEMPTS + 1):
        with street.store.write() as conn:
            conn.execute(
                update(command_rows)
                .where(command_rows.c.id == row["id"])
                .values(state="published", claimed_until=1)
            )
        street.plan()
        lower = street.command("lower")
        assert lower["attempts"] == attempt
        expected = "dead" if attempt == commands.MAX_ATTEMPTS else "eligible"
        assert (lower["state"], lower["reason"]) == (expected, "lock.no_answer")


def test_a_lock_that_accepts_and_falls_silent_ends_in_an_incident_not_in_a_second_ticket(
    street: Street, lease: str
) -> None:
    street.tell(lease)
    street.plan()
    command = street.sent("camera_on")
    with street.store.write() as conn:
        answered(conn, street.home.lock_id, command, "accepted", None, NOW)
        conn.execute(update(command_rows).values(claimed_until=1))
    street.plan()
    assert street.command("camera_on")["reason"] == "lock.no_outcome"
    assert street.command("camera_on")["state"] == "dead"


def test_the_camera_is_switched_on_again_when_the_driver_asks_again(
    street: Street, lease: str
) -> None:
    street.tell(lease)
    street.plan()
    first = street.sent("camera_on")
    street.ack("done", command=first)
    street.state(camera=True)
    street.clock.at += 10
    street.tell(lease, "here")
    street.plan()
    assert street.command("camera_on")["id"] == first  # it is on
    street.state(camera=False)
    street.plan()
    assert street.command("camera_on")["id"] != first


def test_a_bar_that_is_down_is_not_lowered(street: Street, lease: str) -> None:
    street.state(position="UNLOCKED", lease_id=lease)
    street.tell(lease)
    street.confirm(lease)
    street.plan()
    assert street.rows(command_rows) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"position": "JAMMED"}, "lock.jammed"),
        ({"occupied": True}, "bay.occupied"),
        ({"faults": ["coil"]}, "lock.fault"),
        ({"faults": ["low_battery", "shell_opened"]}, "lock.fault"),
    ],
)
def test_a_lock_in_trouble_keeps_the_command_waiting_with_its_reason(
    street: Street, lease: str, change: dict[str, object], code: str
) -> None:
    street.state(**change)
    street.tell(lease)
    street.plate(lease)
    street.confirm(lease)
    street.plan()
    assert street.command("lower")["reason"] == code


def test_an_interrupted_bar_is_raised_by_a_fresh_command(street: Street, lease: str) -> None:
    street.state(position="JAMMED", interrupted="dead0001", lease_id=lease)
    street.plan()
    assert street.command("raise")["state"] == "eligible"
    street.ack("failed", command=street.sent("raise"), reason="motor.stuck")
    street.state(position="JAMMED", interrupted="dead0001", lease_id=lease)
    street.plan()
    assert street.command("raise")["state"] == "dead"  # not again and again


def test_a_bar_left_half_way_is_raised_though_the_next_driver_is_due(
    street: Street, lease: str
) -> None:
    street.set_lease(lease, state=4, closed_at=NOW - 100)
    street.state(position="JAMMED", interrupted="dead0001", lease_id=lease)
    following = street.world.add_lease(street.space, slots=4, epoch=2)
    street.tell(following)
    street.plan()
    row = street.command("raise")
    assert (row["state"], row["lease_id"]) == ("eligible", lease)
    street.plan()
    assert street.command("raise")["state"] == "eligible"  # and does not give way to them


def test_a_bar_left_down_after_the_lease_is_raised_but_not_under_a_vehicle(
    street: Street, lease: str
) -> None:
    street.set_lease(lease, state=4, closed_at=NOW)
    street.state(position="UNLOCKED", occupied=True, lease_id=lease)
    street.clock.at += 61
    street.plan()
    assert street.command("raise") is None
    street.state(position="UNLOCKED", occupied=False, lease_id=lease)
    street.plan()
    assert street.command("raise")["state"] == "eligible"


@pytest.mark.parametrize("fault", ["released", "shell_opened"])
def test_a_bar_that_somebody_has_in_his_hands_is_not_raised(
    street: Street, lease: str, fault: str
) -> None:
    street.set_lease(lease, state=4, closed_at=NOW)
    street.clock.at += 61
    street.state(position="UNLOCKED", lease_id=lease, faults=["low_battery", fault])
    street.plan()
    assert street.command("raise") is None
    street.state(position="UNLOCKED", lease_id=lease)
    street.plan()
    assert street.command("raise")["state"] == "eligible"
    street.state(position="UNLOCKED", lease_id=lease, faults=[fault])  # before it left
    street.plan()
    row = street.command("raise")
    assert (row["state"], row["reason"]) == ("cancelled", "lock.fault")
    street.clock.at += 601
    street.state(position="UNLOCKED", lease_id=lease)
    street.plan()
    assert street.command("raise")["state"] == "eligible"


def test_a_bar_that_is_down_for_an_open_lease_stays_down(street: Street, lease: str) -> None:
    street.state(position="UNLOCKED", lease_id=lease)
    street.clock.at += 3600
    street.plan()
    assert street.command("raise") is None


def test_a_stranger_sees_no_more_than_that_the_lease_is_not_his(street: Street, lease: str) -> None:
    with street.store.read() as conn:
        decision = street.world.relay.preview(conn, lease, "0x" + "ee" * 20)
        own = street.world.relay.preview(conn, lease, DINO.address)
    assert [code.value for code in decision.codes] == ["request.not_lessee"]
    assert [code.value for code in own.codes] == [
        "near.missing",
        "confirm.missing",
        "plate.missing",
    ]
