"""A yes of the policy ends with what it rested on."""

from __future__ import annotations

from berth.market.presence import record_confirmation
from berth.store.kept import commands
from sqlalchemy import delete

from tests.backend.relay.street import Street


def test_a_command_is_eligible_no_longer_than_the_drivers_word_counts(street: Street) -> None:
    lease = street.book()
    street.hello()
    street.confirm(lease)  # the driver's word, and nothing else: no command yet can go
    street.clock.at += 110
    street.world.at_block(102)
    street.tell(lease)
    street.plate(lease)
    street.state()
    with street.store.write() as conn:  # made late: the relay slept until now
        conn.execute(delete(commands))
    street.plan()
    assert street.command("lower")["state"] == "eligible"
    street.clock.at += 20  # 130 s after the driver's word
    street.world.at_block(104)
    street.plan()
    assert street.command("lower")["state"] != "eligible"


def test_a_word_dated_ahead_is_given_at_its_moment_and_is_one_word(street: Street) -> None:
    lease = street.book()
    street.hello()
    street.state()
    signed_at = street.clock.at + 25
    street.tell(lease)
    street.plate(lease)
    with street.store.write() as conn:
        record_confirmation(conn, lease, 0, signed_at, b"\1" * 65)
    made = 0
    for _ in range(40):  # the lock refuses each at once, as it does with a plate that is wrong
        street.plan()
        waiting = [row for row in street.rows(commands) if row["state"] == "eligible"]
        if any(row["action"] == "lower" for row in waiting):
            made += 1
            street.ack("refused", command=street.sent("lower"), reason="plate.mismatch")
        street.clock.at += 1
        street.world.at_block(101)
        street.plate(lease)
    lowers = [row for row in street.rows(commands) if row["action"] == "lower"]
    assert made == 1
    assert [row["state"] for row in lowers] == ["dead"]
    assert lowers[0]["created_at"] >= signed_at


def test_a_word_dated_ahead_does_not_ask_the_camera_again_and_again(street: Street) -> None:
    lease = street.book()
    street.hello()
    street.state()
    street.tell(lease)
    with street.store.write() as conn:
        record_confirmation(conn, lease, 0, street.clock.at + 25, b"\1" * 65)
    asked = set()
    for _ in range(20):
        street.plan()
        command = street.command("camera_on")
        if command["state"] == "eligible":
            asked.add(command["id"])
            street.ack("refused", command=street.sent("camera_on"), reason="ticket.cycle")
        street.clock.at += 1
        street.world.at_block(101)
    assert len(asked) == 1
