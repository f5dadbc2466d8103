"""What locks answer: counted once, of the right lock, for what was sent; else an incident."""

from __future__ import annotations

from typing import Any

import pytest
from berth.devices.protocol import LastCommand
from berth.devices.simulator.home import LockHome
from berth.relay.answers import answered
from berth.relay.commands import make
from berth.relay.misfortunes import refused_evidence
from berth.store.incidents import resolve_incident
from berth.store.kept import commands, incidents
from sqlalchemy import update

from tests.backend.relay.street import Street
from tests.backend.relay.wire import Wire
from tests.backend.relay.wire import relay as delivery_of
from tests.backend.worlds import NOW


def reasons(street: Street) -> list[str]:
    return [one.reason for one in street.incidents()]


def test_another_locks_answer_moves_nothing_and_is_an_incident_of_that_lock(
    street: Street, lease: str, tmp_path: Any
) -> None:
    other: LockHome = street.new_lock(tmp_path / "other", index=43)
    command = street.sent("lower")
    with street.store.write() as conn:
        for outcome in ("accepted", "done", "failed"):
            assert answered(conn, other.lock_id, command, outcome, None, NOW) == "ack.other_lock"
    row = street.command("lower")
    assert (row["state"], row["outcome"]) == ("published", None)
    (incident,) = street.incidents()
    assert (incident.kind, incident.reason) == ("device.ack", "ack.other_lock")
    assert (incident.lock_id, incident.lease_id) == (other.lock_id, None)
    assert incident.facts["ofLock"] == street.home.lock_id


@pytest.mark.parametrize(
    "said", ["\x1b[2J", "no reason", "lock.no\nanswer", "", "A" * 200, "x" * 61]
)
def test_what_a_lock_gives_as_reason_is_a_code_or_is_not_passed_on(
    street: Street, lease: str, said: str
) -> None:
    """It comes to screens and terminals of people who did not ask for it."""
    command = street.sent("lower")
    street.ack("refused", command=command, reason=said)
    street.ack("refused", grant=lease, version=1, reason=said)
    row = street.command("lower")
    assert (row["state"], row["reason"]) == ("dead", "refused")
    assert street.grant()["reason"] == "refused"


def test_a_lock_that_babbles_fills_no_table(street: Street, lease: str) -> None:
    for number in range(50):
        street.ack("done", command=f"{number:08x}-0000-4000-8000-000000000000")
    assert reasons(street) == ["ack.unknown"]


def test_an_unknown_last_command_in_a_hello_is_found_out_too(street: Street, lease: str) -> None:
    street.hello(last=LastCommand(command="deadbeef-0000", outcome="done"))
    assert reasons(street) == ["ack.unknown"]
    assert street.command("lower")["state"] == "eligible"


def test_the_same_answer_twice_counts_once(street: Street, lease: str) -> None:
    command = street.sent("lower")
    for _ in range(3):
        street.ack("accepted", command=command)
        assert street.command("lower")["state"] == "acknowledged"
    for _ in range(3):
        street.ack("done", command=command)
        street.hello(last=LastCommand(command=command, outcome="done"))
    assert street.command("lower")["state"] == "done"
    told = [event["state"] for event in street.events("lock.command") if event["action"] == "lower"]
    assert told.count("acknowledged") == told.count("done") == 2  # driver and owner, once each
    assert reasons(street) == []


def test_an_outcome_that_overtakes_the_acceptance_stands(street: Street, lease: str) -> None:
    command = street.sent("lower")
    street.ack("done", command=command)
    street.ack("accepted", command=command)
    assert street.command("lower")["state"] == "done"


async def test_the_answer_to_a_former_ticket_counts_while_the_next_one_is_made(
    street: Street, lease: str
) -> None:
    """The lock took its time; the relay had begun to send again."""
    command = street.sent("lower")
    with street.store.write() as conn:
        conn.execute(update(commands).values(claimed_until=1))
    street.plan()
    assert street.command("lower")["state"] == "eligible"
    street.hello()
    wire = Wire()
    delivery = delivery_of(street, wire)
    original = street.signer.ticket

    async def slow(order: Any) -> str:
        street.ack("done", command=command)
        return await original(order)

    street.signer.ticket = slow  # type: ignore[method-assign]
    assert await delivery.send_commands() == 0
    assert wire.tickets(street) == []  # nothing leaves for what is done
    assert street.command("lower")["state"] == "done"


def test_a_refusal_of_a_former_ticket_does_not_end_the_next(street: Street, lease: str) -> None:
    command = street.sent("lower")
    with street.store.write() as conn:
        conn.execute(update(commands).values(claimed_until=1))
    street.plan()
    street.ack("refused", command=command, reason="ticket.nonce")
    row = street.command("lower")
    assert (row["state"], row["attempts"]) == ("eligible", 1)


def set_back(street: Street, command: str, state: str) -> None:
    """Its ticket had left; the answer was lost, and the planner has thought better of it."""
    with street.store.write() as conn:
        news = {"state": state, "claimed_until": None}
        conn.execute(update(commands).where(commands.c.id == command).values(news))


@pytest.mark.parametrize("state", ["observed", "confirmed", "eligible"])
@pytest.mark.parametrize(
    ("outcome", "then"),
    [("accepted", "acknowledged"), ("done", "done"), ("refused", None), ("failed", None)],
)
def test_a_late_answer_counts_wherever_the_command_was_set_back_to(
    street: Street, lease: str, state: str, outcome: str, then: str | None
) -> None:
    command = street.sent("lower")
    set_back(street, command, state)
    street.ack(outcome, command=command)
    assert street.command("lower")["state"] == (then or state)


def test_a_hello_that_names_a_command_that_was_set_back_counts_as_a_whole(
    street: Street, lease: str
) -> None:
    """Its nonce and its boot are in it: without them the lock would be deaf until it says
    another."""
    command = street.sent("lower")
    with street.store.write() as conn:
        conn.execute(update(commands).values(claimed_until=1))
    street.available(False)
    street.plan()
    street.plan()
    assert street.command("lower")["state"] == "confirmed"
    street.boot = "00000002" + "ab" * 8  # it was started again meanwhile
    nonce = "77" * 16
    last = LastCommand(command=command, outcome="done")
    street.hello(position="UNLOCKED", nonce=nonce, last=last)
    assert (street.lock()["boot_id"], street.lock()["nonce"]) == (street.boot, nonce)
    assert street.command("lower")["state"] == "done"
    street.clock.at += 121
    street.world.at_block(102)
    street.plan()
    assert street.incidents() == []


def test_a_late_acceptance_while_another_command_is_under_way_is_passed_over(
    street: Street, lease: str
) -> None:
    """A lock has one under way; that it has begun with the former one its next word will tell."""
    command = street.sent("lower")
    set_back(street, command, "confirmed")
    with street.store.write() as conn:
        make(conn, lease, street.home.lock_id, 0, "raise", now=NOW)
    other = street.sent("raise")
    nonce = "77" * 16
    last = LastCommand(command=command, outcome="accepted")
    street.hello(nonce=nonce, last=last)
    assert street.lock()["nonce"] == nonce
    assert street.command("lower")["state"] == "confirmed"
    street.ack("done", command=command)
    assert street.command("lower")["state"] == "done"
    street.ack("done", command=other)
    assert street.command("raise")["state"] == "done"


def test_a_bar_that_went_down_after_all_settles_the_incident_of_its_expiry(
    street: Street, lease: str
) -> None:
    command = street.sent("lower")
    street.clock.at += 121
    street.world.at_block(102)
    with street.store.write() as conn:
        conn.execute(update(commands).values(claimed_until=1))
    street.plan()
    row = street.command("lower")
    assert (row["state"], row["reason"]) == ("expired", "lock.no_answer")
    (incident,) = street.incidents()
    assert (incident.kind, incident.lease_id, incident.command_id) == (
        "lease.unserved",
        lease,
        command,
    )
    street.ack("done", command=command)
    row = street.command("lower")
    assert (row["state"], row["outcome"]) == ("expired", "done")  # what is over stays over
    assert street.incidents() == []


@pytest.mark.parametrize("outcome", ["accepted", "refused", "interrupted", "failed"])
def test_any_other_answer_after_the_expiry_leaves_the_incident_open(
    street: Street, lease: str, outcome: str
) -> None:
    command = street.sent("lower")
    street.clock.at += 121
    street.world.at_block(102)
    with street.store.write() as conn:
        conn.execute(update(commands).values(claimed_until=1))
    street.plan()
    street.ack(outcome, command=command)
    assert street.command("lower")["state"] == "expired"
    assert reasons(street) == ["lock.no_answer"]


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [("failed", "motor.stuck"), ("interrupted", "restart"), ("refused", "grant.over")],
)
def test_a_driver_who_did_not_get_in_has_an_incident_that_says_why(
    street: Street, lease: str, outcome: str, reason: str
) -> None:
    street.ack(outcome, command=street.sent("lower"), reason=reason)
    (incident,) = street.incidents()
    assert (incident.kind, incident.lease_id, incident.reason) == ("lease.unserved", lease, reason)


def test_the_incident_is_settled_by_a_later_command_that_works(street: Street, lease: str) -> None:
    street.ack("failed", command=street.sent("lower"), reason="motor.stuck")
    street.clock.at += 10
    street.confirm(lease)
    street.plate(lease)
    street.plan()
    second = street.sent("lower")
    street.ack("done", command=second)
    assert street.incidents() == []
    assert len({row["id"] for row in street.rows(commands) if row["action"] == "lower"}) == 2


def test_a_bar_that_jams_while_a_lease_is_on_is_an_incident_until_it_moves(
    street: Street, lease: str
) -> None:
    street.state(position="JAMMED", lease_id=lease)
    street.state(position="JAMMED", lease_id=lease)
    assert [(one.kind, one.lease_id) for one in street.incidents()] == [("lock.jammed", lease)]
    street.state(position="UNLOCKING", lease_id=lease)
    assert reasons(street) == ["lock.jammed"]
    street.state(position="UNLOCKED", lease_id=lease)
    assert street.incidents() == []


def test_a_bar_that_jams_again_and_again_during_a_lease_is_one_incident_counted(
    street: Street, lease: str
) -> None:
    for _ in range(5):
        street.state(position="JAMMED", lease_id=lease)
        street.state(position="UNLOCKED", lease_id=lease)
    assert street.incidents() == []
    street.state(position="JAMMED", lease_id=lease)
    (open_now,) = street.incidents()
    assert open_now.facts["times"] == 6
    assert (open_now.resolution, open_now.by) == (None, None)
    assert len(street.rows(incidents)) == 1


def test_a_jam_after_an_operators_word_or_in_another_lease_is_another_incident(
    street: Street, lease: str
) -> None:
    street.state(position="JAMMED", lease_id=lease)
    (first,) = street.incidents()
    with street.store.write() as conn:
        resolve_incident(conn, first.id, "the motor was replaced", "Ann", street.clock.now())
    street.state(position="LOCKED")
    street.state(position="JAMMED", lease_id=lease)
    (second,) = street.incidents()
    assert (second.id != first.id, second.facts["times"]) == (True, 1)
    street.state(position="LOCKED")
    street.set_lease(lease, state=5, closed_at=street.clock.now())
    following = street.book(epoch=2)
    street.state(position="JAMMED", lease_id=following)
    (third,) = street.incidents()
    assert third.lease_id == following
    assert len(street.rows(incidents)) == 3


def test_records_of_leases_that_never_were_are_one_incident_of_their_lock(
    street: Street, lease: str
) -> None:
    invented = [lease[:-4] + f"{number:04x}" for number in range(900, 903)]
    for lease_id in (*invented, lease):
        record = {"lease_id": lease_id, "kind": 1, "lock_id": street.home.lock_id}
        with street.store.write() as conn:
            refused_evidence(conn, record, "Berth_LeaseUnknown", street.clock.now())
    keys = {one.key for one in street.incidents()}
    assert keys == {
        f"evidence.refused:unknown:{street.home.lock_id}",
        f"evidence.refused:{lease}:1",
    }
