"""Sending: by one relay at a time, with a nonce used once, again when nobody answers."""

from __future__ import annotations

import asyncio

import pytest
from berth.relay import grants, rebooking
from berth.relay.claims import write_claimed
from berth.relay.delivery import hold
from berth.relay.outbox import GRACE_SECONDS, Outbox
from berth.store import open_store
from berth.store.clock import database_now
from berth.store.kept import commands, lock_states, outbox, vehicles_private
from sqlalchemy import delete, update

from tests.backend.relay.street import Street
from tests.backend.relay.wire import Wire, put, relay
from tests.backend.worlds import OLGA


def set_command(street: Street, **values: object) -> None:
    with street.store.write() as conn:
        conn.execute(update(commands).values(**values))


# ---- commands


async def test_a_ticket_quotes_the_newest_hello_and_is_sent_once(
    street: Street, wire: Wire, lease: str
) -> None:
    delivery = relay(street, wire)
    nonce = street.lock()["nonce"]
    assert await delivery.send_commands() == 1
    assert await delivery.send_commands() == 0
    (ticket,) = wire.tickets(street)
    assert (ticket.boot, ticket.nonce, ticket.action) == (street.boot, nonce, "lower")
    assert ticket.id == street.command("lower")["id"]
    assert street.command("lower")["state"] == "published"
    assert street.lock()["nonce"] is None


async def test_two_relays_on_one_database_publish_a_command_once(
    street: Street, wire: Wire, lease: str
) -> None:
    second = open_store(str(street.store.engine.url))
    relays = [relay(street, wire, "one"), relay(street, wire, "two", second)]
    for _ in range(5):
        await asyncio.gather(*(each.send_commands() for each in relays * 3))
    assert len(wire.tickets(street)) == 1
    second.close()


async def test_a_relay_that_slept_past_its_claim_publishes_nothing(
    street: Street, wire: Wire, lease: str
) -> None:
    sleeper, other = relay(street, wire, "sleeper"), relay(street, wire, "other")
    original = street.signer.ticket

    async def slow(order: object) -> str:
        """While the sleeper signs, its claim runs out and the other relay does the work."""
        street.signer.ticket = original  # type: ignore[method-assign]
        set_command(street, claimed_until=1)
        street.hello()
        assert await other.send_commands() == 1
        return await original(order)  # type: ignore[arg-type]

    street.signer.ticket = slow  # type: ignore[method-assign]
    assert await sleeper.send_commands() == 0
    assert len(wire.tickets(street)) == 1
    assert street.command("lower")["claimed_by"] == "other"
    assert street.command("lower")["state"] == "published"


async def test_a_relay_that_died_with_a_claim_is_followed_by_another(
    street: Street, wire: Wire, lease: str
) -> None:
    with street.store.write() as conn:
        locks = hold(conn, [street.home.lock_id])
        (dead,) = relay(street, wire, "dead").claim(conn, locks)
        assert relay(street, wire, "other").claim(conn, locks) == []
        conn.execute(update(commands).values(claimed_until=database_now(conn) - 1))
        (taken,) = relay(street, wire, "other").claim(conn, locks)
        assert taken.claim.term == dead.claim.term + 1
        assert not write_claimed(conn, commands, dead.claim, state="published")
        assert write_claimed(conn, commands, taken.claim, state="published")


async def test_without_a_fresh_nonce_the_lock_is_asked_and_the_command_waits(
    street: Street, wire: Wire, lease: str
) -> None:
    with street.store.write() as conn:
        conn.execute(update(lock_states).values(nonce_at=database_now(conn) - 61))
    delivery = relay(street, wire)
    assert await delivery.send_commands() == 0
    assert (wire.asked, wire.tickets(street)) == (1, [])
    assert street.command("lower")["state"] == "eligible"
    assert street.command("lower")["attempts"] == 0
    street.hello()
    set_command(street, next_at=0)
    assert await delivery.send_commands() == 1


async def test_two_commands_never_share_a_nonce(street: Street, wire: Wire, lease: str) -> None:
    street.clock.at += 100  # the plate was read long ago: the camera is wanted again
    street.world.at_block(110)
    street.confirm(lease)
    street.tell(lease)
    street.plan()
    set_command(street, state="eligible")
    await relay(street, wire).send_commands()
    (first,) = wire.tickets(street)
    street.ack("done", command=first.id)
    await relay(street, wire).send_commands()
    assert len(wire.tickets(street)) == 1
    assert wire.asked == 1


async def test_without_a_broker_the_command_waits_and_goes_later(
    street: Street, wire: Wire, lease: str
) -> None:
    wire.down = True
    delivery = relay(street, wire)
    assert await delivery.send_commands() == 0
    lower = street.command("lower")
    assert (lower["state"], lower["reason"]) == ("eligible", "relay.offline")
    wire.down = False
    street.hello()
    set_command(street, next_at=0)
    assert await delivery.send_commands() == 1


async def test_a_signer_that_refuses_stops_the_command_with_its_reason(
    street: Street, wire: Wire, lease: str
) -> None:
    street.node.state = 5
    assert await relay(street, wire).send_commands() == 0
    assert wire.tickets(street) == []
    assert street.command("lower")["reason"] == "signer.lease"


# ---- grants


async def test_a_grant_goes_out_once_deep_and_again_until_acknowledged(
    street: Street, wire: Wire
) -> None:
    lease = street.book(booked_block=100)
    street.hello()
    delivery = relay(street, wire)
    assert await delivery.send_grants() == 0
    street.world.at_block(101)
    street.node.height = 101
    assert await delivery.send_grants() == 1
    assert street.grant()["state"] == "published"
    assert await delivery.send_grants() == 0  # not again at once
    with street.store.write() as conn:
        conn.execute(update(grants.grants).values(next_at=0))
    assert await delivery.send_grants() == 1
    street.ack("done", grant=lease, version=1)
    with street.store.write() as conn:
        conn.execute(update(grants.grants).values(next_at=0))
    assert await delivery.send_grants() == 0
    assert [grant.version for grant in wire.grants(street)] == [1, 1]


async def test_a_lock_that_is_offline_gets_its_grant_when_it_says_hello(
    street: Street, wire: Wire
) -> None:
    street.book()
    delivery = relay(street, wire)
    assert await delivery.send_grants() == 0
    street.hello()
    assert await delivery.send_grants() == 1


async def test_a_grant_without_the_plates_salt_waits_and_says_so(
    street: Street, wire: Wire
) -> None:
    with street.store.write() as conn:
        conn.execute(delete(vehicles_private))
    street.book()
    street.hello()
    assert await relay(street, wire).send_grants() == 0
    assert street.grant()["reason"] == "plate.unknown"
    assert street.events("lock.grant")[-1] == {"state": "pending", "reason": "plate.unknown"}


async def test_the_salt_of_another_drivers_vehicle_is_not_used(street: Street, wire: Wire) -> None:
    with street.store.write() as conn:
        conn.execute(update(vehicles_private).values(driver=OLGA.address))
    street.book()
    street.hello()
    assert await relay(street, wire).send_grants() == 0


async def test_plate_and_salt_are_nowhere_in_the_grants_table(street: Street, wire: Wire) -> None:
    street.book()
    street.hello()
    await relay(street, wire).send_grants()
    assert wire.grants(street)[0].salt not in str(street.grant())


# ---- the outbox: bookings, ends, reorgs


def work(street: Street) -> int:
    return Outbox(street.store, street.clock).work()


async def test_a_settled_lease_is_taken_back_from_its_lock(street: Street, wire: Wire) -> None:
    lease = street.book()
    street.hello()
    delivery = relay(street, wire)
    await delivery.send_grants()
    street.ack("done", grant=lease, version=1)
    street.set_lease(lease, state=4)
    put(street, "lease.settled", lease)
    assert work(street) == 1
    assert work(street) == 0
    assert await delivery.send_grants() == 1
    assert [(g.version, g.state) for g in wire.grants(street)] == [(1, "granted"), (2, "revoked")]
    street.ack("done", grant=lease, version=2)
    assert street.grant()["state"] == "revoked"


async def test_a_reorg_before_anything_was_sent_leaves_no_trace_at_the_lock(
    street: Street, wire: Wire
) -> None:
    lease = street.world.add_lease(street.space)
    put(street, "lease.booked", lease)
    assert work(street) == 1
    street.hello()
    street.remove(lease)
    put(street, "undone.lease.booked", lease)
    work(street)
    assert await relay(street, wire).send_grants() == 0
    assert street.grant()["state"] == "revoked"


async def test_a_reorg_after_the_grant_was_sent_takes_it_back_and_cancels_commands(
    street: Street, wire: Wire, lease: str
) -> None:
    delivery = relay(street, wire)
    await delivery.send_grants()
    street.remove(lease)
    put(street, "undone.lease.booked", lease)
    work(street)
    assert street.command("lower")["state"] == "cancelled"
    assert await delivery.send_commands() == 0
    await delivery.send_grants()
    assert wire.grants(street)[-1].state == "revoked"
    assert street.events("incident.lease_gone") == []


async def test_a_reorg_while_a_relay_holds_the_command_stops_it(
    street: Street, wire: Wire, lease: str
) -> None:
    original = street.signer.ticket

    async def slow(order: object) -> str:
        text = await original(order)  # type: ignore[arg-type]
        street.remove(lease)
        put(street, "undone.lease.booked", lease)
        work(street)
        return text

    street.signer.ticket = slow  # type: ignore[method-assign]
    assert await relay(street, wire).send_commands() == 0
    assert wire.tickets(street) == []
    assert street.command("lower")["state"] == "cancelled"


@pytest.mark.parametrize("mined_again", [False, True])
async def test_a_reorg_after_the_bar_went_down_is_an_incident_unless_mined_again(
    street: Street, wire: Wire, lease: str, mined_again: bool
) -> None:
    await relay(street, wire).send_commands()
    street.ack("done", command=street.command("lower")["id"])
    street.remove(lease)
    put(street, "undone.lease.booked", lease)
    work(street)
    assert street.events("incident.lease_gone") == []  # it has a minute
    (row,) = street.rows(outbox)
    with street.store.read() as conn:
        assert row["next_at"] - database_now(conn) > GRACE_SECONDS - 5
    if mined_again:
        street.world.add_lease(street.space)
    with street.store.write() as conn:
        conn.execute(update(outbox).values(next_at=0))
    work(street)
    assert len(street.events("incident.lease_gone")) == (0 if mined_again else 2)
    assert street.rows(outbox)[0]["state"] == "done"


async def test_a_lease_mined_again_is_granted_again_with_a_higher_version(
    street: Street, wire: Wire
) -> None:
    lease = street.book()
    street.hello()
    delivery = relay(street, wire)
    await delivery.send_grants()
    street.ack("done", grant=lease, version=1)
    street.remove(lease)
    put(street, "undone.lease.booked", lease)
    work(street)
    await delivery.send_grants()
    street.ack("done", grant=lease, version=2)
    assert street.world.add_lease(street.space) == lease
    put(street, "lease.booked", lease, "again")
    work(street)
    assert await delivery.send_grants() == 1
    last = wire.grants(street)[-1]
    assert (last.version, last.state) == (3, "granted")


async def test_a_vanished_lease_is_taken_back_at_the_second_try_where_the_first_one_failed(
    street: Street, wire: Wire, lease: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deadlock, say: nothing of the first try was kept, so that nothing of it may be left out."""
    await relay(street, wire).send_grants()
    street.remove(lease)
    put(street, "undone.lease.booked", lease)
    with monkeypatch.context() as broken:
        broken.setattr(rebooking, "want", lambda *_: 1 / 0)
        work(street)
    assert street.grant()["state"] == "published"
    with street.store.write() as conn:
        conn.execute(update(outbox).values(next_at=0))
    work(street)
    assert street.grant()["state"] == "revoked"
    assert street.command("lower")["state"] == "cancelled"
    assert street.events("incident.lease_gone") == []


async def test_one_bad_row_does_not_hold_up_the_others(street: Street, wire: Wire) -> None:
    lease = street.world.add_lease(street.space)
    put(street, "lease.booked", "0x" + "0" * 28)
    with street.store.write() as conn:
        conn.execute(update(outbox).values(payload_json="{", attempts=5))
    put(street, "lease.booked", lease)
    assert work(street) == 2
    assert street.grant()["lease_id"] == lease
    with street.store.write() as conn:
        conn.execute(update(outbox).where(outbox.c.state == "new").values(attempts=9, next_at=0))
    work(street)
    assert sorted(row["state"] for row in street.rows(outbox)) == ["dead", "done"]
