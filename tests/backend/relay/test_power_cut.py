"""A lock whose power goes while it moves its bar: the driver's word still holds when it is back."""

from __future__ import annotations

from typing import Any

import pytest
from berth.devices.protocol import LastCommand
from berth.market.presence import record_confirmation
from berth.relay.letters import retry_command
from berth.store.kept import commands
from sqlalchemy import select, update

from tests.backend.relay.street import Street
from tests.backend.relay.wire import Wire, relay

HALF_WAY = ("JAMMED", ["bar_position"])
#: Where its bar may stand when a lock is back, and what it says of it.
STANDS = [("LOCKED", []), HALF_WAY, ("UNLOCKED", [])]


@pytest.fixture
def cut(street: Street, lease: str) -> str:
    """The lock has journaled the driver's command when its power goes; the command's id."""
    command = street.sent("lower")
    street.ack("accepted", command=command)
    street.state(position="UNLOCKING")
    street.available(False)
    return command


def back(
    street: Street, command: str, stands: tuple[str, list[str]] = HALF_WAY, **more: Any
) -> None:
    """The lock starts again and says what became of the command."""
    position, faults = stands
    street.boot = f"{int(street.boot[:8], 16) + 1:08x}" + "ab" * 8
    fields = {"position": position, "interrupted": command, **more}
    last = LastCommand(command=command, outcome="interrupted", reason="restart")
    street.hello(last=last, **fields)
    street.available(True)
    street.state(faults=faults, **fields)


def later(street: Street, seconds: int) -> None:
    street.clock.at += seconds
    street.world.at_block(102)


def lowers(street: Street) -> list[Any]:
    """All commands to lower, the oldest first: each but the first names the one before."""
    found = [row for row in street.rows(commands) if row["action"] == "lower"]
    return sorted(found, key=lambda row: row["retry_of"] is not None)


@pytest.mark.parametrize("stands", STANDS)
async def test_the_bar_is_lowered_by_another_command_without_another_press(
    street: Street, wire: Wire, cut: str, stands: tuple[str, list[str]]
) -> None:
    later(street, 20)
    back(street, cut, stands)
    street.plan()
    first, second = lowers(street)
    assert (first["id"], first["state"], first["reason"]) == (cut, "dead", "restart")
    assert (second["retry_of"], second["state"], second["reason"]) == (cut, "eligible", None)
    assert street.command("raise") is None
    delivery = relay(street, wire)
    await delivery.send_grants()
    assert await delivery.send_commands() == 1
    (ticket,) = wire.tickets(street)
    assert (ticket.id, ticket.action) == (second["id"], "lower")
    street.ack("done", command=second["id"])
    street.state(position="UNLOCKED", lease_id=second["lease_id"])
    assert street.incidents() == []  # the driver was served after all


def test_a_word_that_was_lost_with_the_power_is_made_up_for(street: Street, lease: str) -> None:
    command = street.sent("lower")  # nobody heard that it was accepted
    later(street, 20)
    back(street, command)
    street.plan()
    assert [row["retry_of"] for row in lowers(street)] == [None, command]


def test_a_power_cut_before_the_ticket_came_costs_nothing(street: Street, lease: str) -> None:
    command = street.sent("lower")
    street.boot = "00000002" + "ab" * 8
    street.hello()
    street.ack("refused", command=command, reason="ticket.boot")
    street.plan()
    assert [(row["id"], row["state"]) for row in lowers(street)] == [(command, "eligible")]


# ---- the same promises


@pytest.mark.parametrize("stands", STANDS)
def test_a_word_that_is_too_old_lowers_nothing(
    street: Street, cut: str, stands: tuple[str, list[str]]
) -> None:
    later(street, 121)
    back(street, cut, stands)
    street.plan()
    assert [row["id"] for row in lowers(street)] == [cut]
    half_way = street.command("raise")
    assert (half_way is None) == (stands[0] == "LOCKED")


def test_the_old_word_told_again_is_not_a_new_one(street: Street, lease: str, cut: str) -> None:
    signed_at = street.clock.at
    later(street, 121)
    back(street, cut, ("LOCKED", []))
    with street.store.write() as conn:
        record_confirmation(conn, lease, 0, signed_at, b"\1" * 65)
    street.plan()
    assert [row["id"] for row in lowers(street)] == [cut]


def test_one_word_has_one_more_go_and_not_a_third(street: Street, lease: str, cut: str) -> None:
    signed_at = street.clock.at
    later(street, 5)
    back(street, cut, ("LOCKED", []))
    street.plan()
    second = street.sent("lower")
    later(street, 5)
    back(street, second, ("LOCKED", []))
    with street.store.write() as conn:
        record_confirmation(conn, lease, 0, signed_at, b"\1" * 65)
    street.plan()
    assert [row["id"] for row in lowers(street)] == [cut, second]
    assert {row["state"] for row in lowers(street)} == {"dead"}
    later(street, 5)
    street.confirm(lease)  # a press of its own is another wish
    street.plan()
    assert street.command("lower")["state"] == "eligible"
    assert len(lowers(street)) == 3


def test_a_second_cut_half_way_brings_the_bar_up(street: Street, cut: str) -> None:
    back(street, cut)
    street.plan()
    back(street, street.sent("lower"))
    street.plan()
    assert len(lowers(street)) == 2
    assert street.command("raise")["state"] == "eligible"


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        (lambda street, lease: street.plate(lease, match=False), "plate.mismatch"),
        (lambda street, lease: street.state(position="LOCKED", occupied=True), "bay.occupied"),
        (lambda street, lease: street.state(position="LOCKED", faults=["motor"]), "lock.fault"),
        (lambda street, lease: street.world.at_block(102, head=103), "index.behind"),
    ],
)
def test_what_has_changed_meanwhile_stands_against_it_as_ever(
    street: Street, lease: str, cut: str, happens: Any, reason: str
) -> None:
    later(street, 20)
    back(street, cut, ("LOCKED", []))
    later(street, 1)
    happens(street, lease)
    street.plan()
    assert (street.command("lower")["state"], street.command("lower")["reason"]) == (
        "confirmed",
        reason,
    )


@pytest.mark.parametrize(
    "happens",
    [
        lambda street, lease: street.plate(lease, match=False),
        lambda street, lease: street.set_lease(lease, state=4, closed_at=street.clock.at - 100),
        lambda street, lease: street.remove(lease),
    ],
)
def test_a_bar_half_way_that_may_not_go_on_comes_up(
    street: Street, lease: str, cut: str, happens: Any
) -> None:
    later(street, 20)
    back(street, cut)
    later(street, 1)
    happens(street, lease)
    street.plan()
    assert [row["state"] for row in lowers(street)] in (["dead"], ["dead", "confirmed"])
    assert street.command("raise")["state"] == "eligible"


@pytest.mark.parametrize("faults", [["bar_position", "motor"], ["bar_position", "shell_opened"]])
def test_a_bar_that_is_stuck_besides_is_not_taken_for_one_that_only_stopped(
    street: Street, cut: str, faults: list[str]
) -> None:
    back(street, cut, ("JAMMED", faults))
    street.plan()
    assert street.command("lower")["reason"] == "lock.fault"


@pytest.mark.parametrize("state", ["failed", "refused"])
def test_only_a_power_cut_leaves_a_wish_open(street: Street, lease: str, state: str) -> None:
    command = street.sent("lower")
    street.ack(state, command=command, reason="motor.stuck")
    later(street, 5)
    street.plan()
    assert [row["id"] for row in lowers(street)] == [command]


# ---- bad input, attacks, crashes


def test_a_lock_that_names_another_command_as_cut_short_gains_nothing(
    street: Street, cut: str
) -> None:
    back(street, cut, interrupted="dead0001")
    street.plan()
    assert street.command("lower")["reason"] == "lock.jammed"
    assert street.command("raise")["state"] == "eligible"


def test_a_lock_that_is_in_another_cycle_has_to_be_asked_for_anew(street: Street, cut: str) -> None:
    back(street, cut, ("LOCKED", []), cycle=1)
    street.plan()
    assert [row["id"] for row in lowers(street)] == [cut]


def test_the_next_driver_does_not_inherit_a_bar_that_was_stopped_for_the_former(
    street: Street, lease: str, cut: str
) -> None:
    later(street, 130)  # the former's word is too old
    street.set_lease(lease, state=4, closed_at=street.clock.at - 100)
    following = street.book(epoch=2)
    street.tell(following)
    street.plate(following)
    street.confirm(following)
    back(street, cut)
    street.plan()
    of_next = next(row for row in lowers(street) if row["lease_id"] == following)
    assert (of_next["state"], of_next["reason"]) == ("confirmed", "lock.jammed")
    assert street.command("raise")["lease_id"] == lease


def test_who_presses_while_the_bar_comes_up_waits_for_that(
    street: Street, lease: str, cut: str
) -> None:
    later(street, 121)
    back(street, cut)
    street.plan()
    street.sent("raise")
    later(street, 1)
    street.plate(lease)
    street.confirm(lease)
    street.plan()
    assert street.command("lower")["reason"] == "lock.jammed"


def test_two_relays_with_the_same_agenda_make_one_command(street: Street, cut: str) -> None:
    back(street, cut)
    with street.store.read() as conn:
        first, second = street.planner.agenda(conn), street.planner.agenda(conn)
    for agenda in (first, second):
        with street.store.write() as conn:
            street.planner.carry_out(conn, agenda)
    assert len(lowers(street)) == 2
    with street.store.write() as conn:  # it has ended before the other relay came to it
        made = update(commands).where(commands.c.retry_of == cut)
        conn.execute(made.values(state="dead", outcome="refused"))
        street.planner.carry_out(conn, second)
    assert len(lowers(street)) == 2


def test_what_an_operator_has_tried_again_is_not_tried_again_beside_it(
    street: Street, cut: str
) -> None:
    back(street, cut, ("LOCKED", []))
    with street.store.write() as conn:
        retry_command(conn, cut, street.clock.at)
        conn.execute(update(commands).where(commands.c.retry_of == cut).values(state="dead"))
    street.plan()
    assert len(lowers(street)) == 2


def test_a_raising_that_a_power_cut_stopped_has_one_more_go_too(
    street: Street, lease: str, cut: str
) -> None:
    later(street, 121)
    back(street, cut)
    street.plan()
    for goes in (2, 2):
        back(street, street.sent("raise"))
        street.plan()
        with street.store.read() as conn:
            query = select(commands.c.id).where(commands.c.action == "raise")
            assert len(conn.execute(query).all()) == goes
