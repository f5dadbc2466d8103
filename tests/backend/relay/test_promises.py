"""A ticket leaves only while it is wanted, in order, once; a lock's trouble is its own."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from berth.relay import commands as command_rows
from berth.relay.inbox import Inbox
from berth.relay.letters import retry_command
from berth.relay.outbox import Outbox
from berth.store.clock import database_now
from berth.store.kept import commands, grants, lock_states, outbox, plate_readings
from sqlalchemy import delete, insert, update

from tests.backend.databases import Databases
from tests.backend.relay.street import Street
from tests.backend.relay.wire import Wire, put, relay
from tests.backend.worlds import DEPLOYMENT, NOW

MINE, OTHER = "00000001", "00000002"


def while_signing(street: Street, happens: Any) -> None:
    """Something happens between the claim of a command and its publication."""
    original = street.signer.ticket

    async def slow(order: Any) -> str:
        text = await original(order)
        happens()
        return text

    street.signer.ticket = slow  # type: ignore[method-assign]


# ---- expiry and the lease, looked at until the last moment


async def test_a_command_that_expires_while_it_is_signed_does_not_leave(
    street: Street, wire: Wire, lease: str
) -> None:
    def late() -> None:
        street.clock.at += 121

    while_signing(street, late)
    assert await relay(street, wire).send_commands() == 0
    assert wire.tickets(street) == []
    row = street.command("lower")
    assert (row["state"], row["published_at"]) == ("expired", None)
    assert [one.kind for one in street.incidents()] == ["lease.unserved"]


async def test_a_command_that_expired_before_it_was_claimed_is_not_even_signed(
    street: Street, wire: Wire, lease: str
) -> None:
    street.clock.at += 120
    assert await relay(street, wire).send_commands() == 0
    assert wire.sent == []
    with street.store.write() as conn:  # a relay died over it, long ago
        conn.execute(update(commands).values(state="claimed", claimed_until=1))
    assert await relay(street, wire).send_commands() == 0
    street.plan()
    assert street.command("lower")["state"] == "expired"


@pytest.mark.parametrize("state", [4, 5])
async def test_a_command_of_a_lease_that_ends_while_it_is_signed_does_not_leave(
    street: Street, wire: Wire, lease: str, state: int
) -> None:
    while_signing(street, lambda: street.set_lease(lease, state=state))
    assert await relay(street, wire).send_commands() == 0
    assert wire.tickets(street) == []
    assert street.command("lower")["state"] == "cancelled"


async def test_a_command_of_a_lease_that_a_reorg_takes_out_while_it_is_signed_does_not_leave(
    street: Street, wire: Wire, lease: str
) -> None:
    while_signing(street, lambda: street.remove(lease))
    assert await relay(street, wire).send_commands() == 0
    assert wire.tickets(street) == []
    row = street.command("lower")
    assert (row["state"], row["reason"]) == ("cancelled", "lease.over")


async def test_a_grant_of_a_lease_that_ends_while_it_is_signed_does_not_leave(
    street: Street, wire: Wire, lease: str
) -> None:
    from berth.relay.grants import take_back

    original = street.signer.grant

    async def slow(order: Any) -> str:
        text = await original(order)
        with street.store.write() as conn:
            take_back(conn, lease, NOW)
        return text

    street.signer.grant = slow  # type: ignore[method-assign]
    await relay(street, wire).send_grants()
    assert wire.grants(street) == []
    assert street.grant()["state"] == "revoked"


# ---- one lock: in order, one at a time


def queue(street: Street, *ids: str, lock: str | None = None) -> None:
    with street.store.write() as conn:
        conn.execute(delete(commands))
        for number, identity in enumerate(ids):
            values = {
                "id": identity,
                "lock_id": lock or street.home.lock_id,
                "lease_id": street.rows(grants)[0]["lease_id"],
                "epoch": 1,
                "cycle": number,
                "action": "camera_on",
                "state": "eligible",
                "created_at": NOW + number,
                "expires_at": NOW + 600,
                "updated_at": NOW,
            }
            conn.execute(insert(commands).values(values))


async def test_commands_of_one_lock_leave_in_their_order_one_after_the_others_end(
    street: Street, wire: Wire, lease: str
) -> None:
    with street.store.write() as conn:
        conn.execute(delete(commands))
    queue(street, "0000000c", "0000000a", "0000000b")
    delivery = relay(street, wire)
    for expected in ("0000000c", "0000000a", "0000000b"):
        street.hello()
        assert await delivery.send_commands() == 1
        street.hello()
        assert await delivery.send_commands() == 0  # one is under way
        assert wire.tickets(street)[-1].id == expected
        street.ack("accepted", command=expected)
        street.hello()
        assert await delivery.send_commands() == 0
        street.ack("done", command=expected)


async def test_a_younger_command_does_not_overtake_one_that_has_to_wait(
    street: Street, wire: Wire, lease: str
) -> None:
    queue(street, "0000000f", "0000000a")
    with street.store.write() as conn:
        later = database_now(conn) + 60
        conn.execute(update(commands).where(commands.c.id == "0000000f").values(next_at=later))
    assert await relay(street, wire).send_commands() == 0
    with street.store.write() as conn:
        conn.execute(update(commands).where(commands.c.id == "0000000f").values(next_at=0))
    assert await relay(street, wire).send_commands() == 1
    assert wire.tickets(street)[0].id == "0000000f"


async def test_relays_side_by_side_keep_the_order_of_every_lock(
    street: Street, lease: str, databases: Databases
) -> None:
    wire = Wire()
    url = street.store.engine.url.render_as_string(hide_password=False)
    stores = [databases.again(url) for _ in range(3)]
    relays = [relay(street, wire, f"relay {n}", store) for n, store in enumerate(stores)]
    queue(street, *(f"{number:08x}" for number in range(5)))
    for number in range(5):
        street.hello()
        sent = await asyncio.gather(*(each.send_commands() for each in relays * 3))
        assert sum(sent) == 1
        assert [ticket.id for ticket in wire.tickets(street)] == [
            f"{each:08x}" for each in range(number + 1)
        ]
        street.ack("done", command=f"{number:08x}")


async def test_relays_side_by_side_send_a_grant_once(
    street: Street, lease: str, databases: Databases
) -> None:
    wire = Wire()
    url = street.store.engine.url.render_as_string(hide_password=False)
    stores = [databases.again(url) for _ in range(3)]
    relays = [relay(street, wire, f"relay {n}", store) for n, store in enumerate(stores)]
    for _ in range(3):
        await asyncio.gather(*(each.send_grants() for each in relays * 3))
    assert len(wire.grants(street)) == 1


async def test_a_grant_of_a_relay_that_died_over_it_is_sent_by_another(
    street: Street, wire: Wire, lease: str
) -> None:
    dead = relay(street, wire, "dead")
    with street.store.write() as conn:
        (held,) = dead.claim_grants(conn, dead.grants_ready(conn))
    other = relay(street, wire, "other")
    assert await other.send_grants() == 0
    with street.store.write() as conn:
        conn.execute(update(grants).values(claimed_until=1))
    assert await other.send_grants() == 1
    await dead._send_grant(held)  # it wakes, and finds that it slept too long
    assert len(wire.grants(street)) == 1


def test_rows_of_one_lease_are_taken_in_their_order_and_by_one_relay_at_a_time(
    street: Street, databases: Databases
) -> None:
    url = street.store.engine.url.render_as_string(hide_password=False)
    other = Outbox(databases.again(url), street.clock, "other")
    lease = street.world.add_lease(street.space)
    put(street, "lease.booked", lease)
    put(street, "lease.settled", lease)
    seen: list[str] = []
    mine = Outbox(street.store, street.clock, "mine")
    original = mine._handlers["lease.booked"]

    def booked(conn: Any, row: Any) -> None:
        seen.append("booked")
        if not street.store.sqlite:  # there the other waits for the whole transaction
            assert other.work() == 0
        original(conn, row)

    mine._handlers["lease.booked"] = booked
    assert mine.work() == 2
    assert seen == ["booked"]
    assert other.work() == 0
    assert {row["state"] for row in street.rows(outbox)} == {"done"}


# ---- retries by hand


def test_a_retry_by_hand_cannot_open_without_the_driver(street: Street, lease: str) -> None:
    street.ack("failed", command=street.sent("lower"), reason="motor.stuck")
    street.clock.at += 1000
    street.world.at_block(200)
    dead = street.command("lower")
    with street.store.write() as conn:
        made = retry_command(conn, dead["id"], street.clock.now())
    street.plan()
    row = street.command("lower")
    assert (row["id"], row["retry_of"]) == (made.id, dead["id"])
    assert row["state"] == "observed"  # the driver's word is old
    street.clock.at += 120
    street.world.at_block(210)
    street.plan()
    assert street.command("lower")["state"] == "expired"
    street.clock.at += 1
    street.confirm(lease)
    street.plate(lease)
    street.tell(lease)
    street.plan()
    assert street.command("lower")["state"] == "eligible"


# ---- one lock's trouble


async def test_an_error_over_one_command_stops_no_other(
    street: Street, wire: Wire, lease: str
) -> None:
    other = "0x" + "77" * 20
    queue(street, MINE)
    with street.store.write() as conn:
        values = dict(street.rows(commands)[0]) | {"id": OTHER, "lock_id": other, "cycle": 9}
        conn.execute(insert(commands).values(values))
        state = dict(street.lock()) | {"lock_id": other, "nonce": "ff" * 16}
        conn.execute(insert(lock_states).values(state))
    original = street.signer.ticket

    async def broken(order: Any) -> str:
        if order.lock_id == other:
            raise ZeroDivisionError("a bug")
        return await original(order)

    street.signer.ticket = broken  # type: ignore[method-assign]
    assert await relay(street, wire).send_commands() == 1
    assert [ticket.id for ticket in wire.tickets(street)] == [MINE]
    after = {row["id"]: row for row in street.rows(commands)}
    assert (after[OTHER]["state"], after[OTHER]["reason"]) == ("eligible", "relay.error")


def test_an_error_over_one_lease_stops_no_other(
    street: Street, lease: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = street.world.add_lease(street.space, start_slot=NOW // 900 + 8)
    street.tell(second)
    original = street.policy.situation_of
    asked = []

    def broken(conn: Any, lease: Any, account: str, *rest: Any) -> Any:
        asked.append(lease["lease_id"])
        if lease["lease_id"] == second:
            raise ZeroDivisionError("a bug")
        return original(conn, lease, account, *rest)

    monkeypatch.setattr(street.policy, "situation_of", broken)
    street.clock.at += 1
    street.state(faults=["coil"])
    street.plan()
    assert set(asked) == {lease, second}
    assert street.command("lower")["reason"] == "lock.fault"


def test_leases_that_are_served_are_not_looked_at_again(
    street: Street, lease: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    street.ack("done", command=street.sent("lower"))
    street.state(position="UNLOCKED", lease_id=lease)
    with street.store.write() as conn:
        command_rows.cancel_waiting(conn, lease, NOW, "lease.over", "camera_on")
    monkeypatch.setattr(street.policy, "situation_of", lambda *_: 1 / 0)
    with street.store.read() as conn:
        assert not street.planner.agenda(conn)


# ---- every relay hears every message


def test_what_several_relays_hear_at_once_is_written_down_once(
    street: Street, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = street.book()
    url = street.store.engine.url.render_as_string(hide_password=False)
    inboxes = [Inbox(databases.again(url), DEPLOYMENT, street.clock) for _ in range(4)]
    messages: list[tuple[str, bytes]] = []
    monkeypatch.setattr(street.inbox, "take", lambda name, data: messages.append((name, data)))
    street.hello()
    street.state()
    street.plate(lease)
    street.occupancy(lease)
    for cycle in (1, 2, 3):
        street.state(cycle=cycle)
    failed: list[BaseException] = []

    def hear(inbox: Inbox) -> None:
        try:
            for name, data in messages:
                inbox.take(name, data)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=hear, args=(inbox,)) for inbox in inboxes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(street.rows(plate_readings)) == 1
    assert len(street.evidence()) == 1
    # nobody who was slow has put an old state in the place of a newer one
    assert street.lock()["cycle"] == 3
