"""Signing ahead: asked at the announcement, sent only for the block that the index has."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from berth.core.errors import BerthError
from berth.relay import ahead as ahead_module
from berth.relay.delivery import hold
from berth.relay.orders import Guess
from berth.relay.signer_wire import TicketRequest, grant_request, ticket_request
from berth.store import open_store
from berth.store.kept import commands, grants, lock_states
from sqlalchemy import update

from tests.backend.relay.advance import Advance, block_hash
from tests.backend.relay.street import Street
from tests.backend.relay.wire import Wire, put

pytestmark = pytest.mark.usefixtures("patient")


async def untouched(street: Street, one: Advance, wire: Wire) -> None:
    """Nothing left, nothing is held, and the tables say so."""
    assert await one.leave() == 0
    assert wire.sent == []
    assert not one.ahead.locks
    row = street.command("lower")
    assert row["published_at"] is None
    assert row["claimed_by"] is None
    assert street.grant()["state"] != "published"


async def test_grant_and_ticket_leave_in_this_order_once_the_index_has_the_block(
    street: Street, wire: Wire, near: str
) -> None:
    one = Advance(street, wire)
    nonce = street.lock()["nonce"]
    assert one.look() == 1
    street.node.trips = 0
    await one.signed()
    assert await one.leave() == 0
    assert wire.sent == []  # signed, and the index has not got the block
    assert street.command("lower")["state"] == "observed"
    street.world.at_block(101)
    assert await one.leave() == 1
    assert [leaf for leaf, _ in wire.sent] == ["grant", "command"]
    (ticket,), (grant,) = wire.tickets(street), wire.grants(street)
    assert (ticket.id, ticket.nonce) == (street.command("lower")["id"], nonce)
    assert (grant.lease, grant.version, grant.state) == (near, 1, "granted")
    assert street.command("lower")["state"] == "published"
    assert street.command("lower")["claimed_by"] == "one"
    assert street.grant()["state"] == "published"
    assert street.lock()["nonce"] is None
    assert await one.leave() == 0
    assert await one.delivery.send_commands() == 0
    assert await one.delivery.send_grants() == 0
    assert len(wire.sent) == 2


async def test_what_a_lock_holds_already_is_not_granted_again(
    street: Street, wire: Wire, near: str
) -> None:
    street.ack("done", grant=near, version=1)
    one = Advance(street, wire)
    one.look()
    await one.signed()
    street.world.at_block(101)
    assert await one.leave() == 1
    assert [leaf for leaf, _ in wire.sent] == ["command"]


async def test_a_command_of_which_more_than_a_block_is_missing_is_not_armed(
    street: Street, wire: Wire, near: str
) -> None:
    one = Advance(street, wire)
    street.state(occupied=True)
    assert one.look() == 0
    street.state()
    assert one.look() == 1
    street.set_lease(near, booked_block=101)
    assert one.look() == 0
    assert not one.ahead.announced(101, block_hash(101)) or one.ahead.locks


async def test_another_block_than_the_one_that_is_waited_for_asks_for_nothing(
    street: Street, wire: Wire, near: str
) -> None:
    one = Advance(street, wire)
    one.look()
    assert not one.ahead.announced(100, block_hash(100))
    assert not one.ahead.announced(102, block_hash(102))
    assert street.signer.signatures == 0


async def test_a_block_that_was_announced_and_is_not_the_chains_opens_nothing(
    street: Street, wire: Wire, near: str
) -> None:
    one = Advance(street, wire)
    one.look()
    street.node.height = 101
    one.ahead.announced(101, "0x" + "ee" * 32)
    street.world.at_block(101)  # another one of the same number
    await untouched(street, one, wire)
    assert street.lock()["nonce"] is None  # it is in a ticket, if only in one that never left
    street.hello()
    street.plan()
    assert await one.delivery.send_grants() == 1
    assert await one.delivery.send_commands() == 1  # the ordinary way, by another nonce


def removed(street: Street, lease: str) -> None:
    street.remove(lease)


def cancelled(street: Street, lease: str) -> None:
    street.set_lease(lease, state=4, closed_at=street.clock.now())


def settled_and_handed_over(street: Street, lease: str) -> None:
    put(street, "lease.settled", lease)


def another_vehicle(street: Street, lease: str) -> None:
    street.set_lease(lease, plate_commitment="0x" + "77" * 32, changed_block=101, plate_block=101)


def longer(street: Street, lease: str) -> None:
    street.set_lease(lease, changed_block=101)


def taken_back(street: Street, lease: str) -> None:
    with street.store.write() as conn:
        conn.execute(update(grants).values(state="revoked", version=2))


def granted_anew(street: Street, lease: str) -> None:
    with street.store.write() as conn:
        conn.execute(update(grants).values(version=2))


def occupied(street: Street, lease: str) -> None:
    street.state(occupied=True)


def lock_restarted(street: Street, lease: str) -> None:
    street.boot = "00000002" + "ab" * 8
    street.hello()


def hello_anew(street: Street, lease: str) -> None:
    street.hello()


def word_grew_old(street: Street, lease: str) -> None:
    street.clock.at += 121


def operator_gave_up(street: Street, lease: str) -> None:
    with street.store.write() as conn:
        conn.execute(update(commands).values(state="cancelled", reason="lease.over"))


@pytest.mark.parametrize(
    "happened",
    [
        removed,
        cancelled,
        settled_and_handed_over,
        another_vehicle,
        longer,
        taken_back,
        granted_anew,
        occupied,
        lock_restarted,
        hello_anew,
        word_grew_old,
        operator_gave_up,
    ],
)
async def test_what_happened_in_that_very_block_keeps_the_bar_up(
    street: Street, wire: Wire, near: str, happened: Callable[[Street, str], None]
) -> None:
    one = Advance(street, wire)
    one.look()
    await one.signed()
    happened(street, near)
    street.world.at_block(101)
    before = street.lock()["nonce"]
    ordered = {data.armed.ticket.nonce for data in one.ahead._held.values()}
    await untouched(street, one, wire)
    # its nonce is thrown away with it, a newer one is not
    assert street.lock()["nonce"] == (None if before in ordered else before)


async def test_an_index_that_is_behind_or_another_time_sends_nothing(
    street: Street, wire: Wire, near: str
) -> None:
    one = Advance(street, wire)
    one.look()
    await one.signed()
    street.world.at_block(101, head=102)
    await untouched(street, one, wire)


async def test_an_index_that_went_further_leaves_it_to_the_ordinary_way(
    street: Street, wire: Wire, near: str
) -> None:
    one = Advance(street, wire)
    one.look()
    await one.signed()
    street.world.at_block(102)
    await untouched(street, one, wire)


async def test_a_block_that_never_comes_is_not_waited_for_for_ever(
    street: Street, wire: Wire, near: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead_module, "LONGEST", -1.0)
    one = Advance(street, wire)
    one.look()
    await one.signed()
    await untouched(street, one, wire)


async def test_a_signer_whose_node_is_behind_refuses_and_the_ordinary_way_is_taken(
    street: Street, wire: Wire, near: str
) -> None:
    one = Advance(street, wire)
    one.look()
    one.ahead.announced(101, block_hash(101))  # its node is at block 100
    nonce = street.lock()["nonce"]
    street.world.at_block(101)
    await asyncio.wait([held.task for held in one.ahead._held.values()])  # its refusal is there
    await untouched(street, one, wire)
    assert street.signer.signatures == 0
    assert street.lock()["nonce"] == nonce  # no ticket has it
    street.node.height = 101
    street.plan()
    assert await one.delivery.send_grants() == 1
    assert await one.delivery.send_commands() == 1
    assert [ticket.nonce for ticket in wire.tickets(street)] == [nonce]


async def test_a_slow_signer_holds_up_nobody_else(
    street: Street, wire: Wire, near: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead_module, "PATIENCE", 0.01)
    answered = asyncio.Event()
    ticket = street.signer.ticket

    async def slow(order: Any) -> str:
        await answered.wait()
        return await ticket(order)

    street.signer.ticket = slow  # type: ignore[method-assign]
    one = Advance(street, wire)
    one.look()
    street.node.height = 101
    one.ahead.announced(101, block_hash(101))
    street.world.at_block(101)
    assert await one.leave() == 0
    street.plan()
    assert street.command("lower")["state"] == "eligible"
    with street.store.write() as conn:  # nobody signs for this lock twice at once
        waiting = one.delivery.waiting(conn)
        assert waiting
        assert one.delivery.claim(conn, hold(conn, waiting, without=one.ahead.locks)) == []
    answered.set()
    await asyncio.wait([held.task for held in one.ahead._held.values()])
    await asyncio.sleep(0)
    assert one.woken == 1
    assert await one.leave() == 1
    assert [leaf for leaf, _ in wire.sent] == ["grant", "command"]


async def test_two_relays_that_both_sign_ahead_send_one_ticket(
    street: Street, wire: Wire, near: str
) -> None:
    second = open_store(street.store.engine.url.render_as_string(hide_password=False))
    both = [Advance(street, wire, "one"), Advance(street, wire, "two", second)]
    for each in both:
        assert each.look() == 1
        await each.signed()
    assert street.signer.signatures == 4
    street.world.at_block(101)
    assert sum(await asyncio.gather(*(each.leave() for each in both))) == 1
    assert [leaf for leaf, _ in wire.sent] == ["grant", "command"]
    for each in both:
        assert await each.delivery.send_commands() == 0
    assert len(wire.tickets(street)) == 1
    second.close()


async def test_a_relay_that_dies_after_signing_leaves_nothing_behind(
    street: Street, wire: Wire, near: str
) -> None:
    dead, other = Advance(street, wire, "dead"), Advance(street, wire, "other")
    dead.look()
    await dead.signed()
    await dead.ahead.close()
    street.world.at_block(101)
    await untouched(street, dead, wire)
    street.plan()
    assert await other.delivery.send_grants() == 1
    assert await other.delivery.send_commands() == 1
    assert len(wire.tickets(street)) == 1


@pytest.mark.parametrize("step", ["delivery.mark_published", "ahead._judge"])
async def test_a_transaction_that_breaks_off_leaves_nothing_behind(
    street: Street, wire: Wire, near: str, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Advance(street, wire)
    one.look()
    await one.signed()
    street.world.at_block(101)

    def fails(*_: object) -> bool:
        raise RuntimeError("out of memory")

    part, name = step.split(".")
    with monkeypatch.context() as broken:
        broken.setattr(getattr(one, part), name, fails)
        await untouched(street, one, wire)
    street.plan()
    street.hello()
    assert await one.delivery.send_grants() == 1
    assert await one.delivery.send_commands() == 1


async def test_a_nonce_that_grew_old_is_not_used(street: Street, wire: Wire, near: str) -> None:
    one = Advance(street, wire)
    one.look()
    await one.signed()
    with street.store.write() as conn:
        conn.execute(update(lock_states).values(nonce_at=lock_states.c.nonce_at - 61))
    street.world.at_block(101)
    await untouched(street, one, wire)


async def test_without_a_broker_it_is_on_record_and_sent_again(
    street: Street, wire: Wire, near: str
) -> None:
    one = Advance(street, wire)
    one.look()
    await one.signed()
    street.world.at_block(101)
    wire.down = True
    assert await one.leave() == 0
    row = street.command("lower")
    assert (row["state"], row["reason"], row["attempts"]) == ("eligible", "relay.offline", 1)
    assert row["published_at"] is not None  # it may have left
    assert street.grant()["reason"] == "relay.offline"
    wire.down = False
    street.hello()
    with street.store.write() as conn:
        conn.execute(update(commands).values(next_at=0))
        conn.execute(update(grants).values(next_at=0))
    assert await one.delivery.send_grants() == 1
    assert await one.delivery.send_commands() == 1
    assert len(wire.tickets(street)) == 1


async def test_a_command_is_signed_ahead_once_only(street: Street, wire: Wire, near: str) -> None:
    one = Advance(street, wire)
    one.look()
    await one.signed()
    street.world.at_block(100)
    one.ahead._held.clear()
    assert one.look() == 0
    assert not one.ahead.announced(101, block_hash(101))


# ---- the signer and a guess


async def test_the_signer_believes_no_guess(street: Street, wire: Wire, near: str) -> None:
    one = Advance(street, wire)
    one.look()
    (armed,) = one.ahead._armed
    assert armed.grant is not None
    assert armed.ticket.guess == Guess(101, 100, 1)
    for guess in (Guess(100, 100, 1), Guess(100, 99, 1), Guess(1 << 40, 100, 1)):
        street.node.height = 100  # not deep enough, whatever is guessed
        with pytest.raises(BerthError) as refused:
            await street.signer.ticket(replace(armed.ticket, guess=guess))
        assert refused.value.code == "signer.depth"
        with pytest.raises(BerthError) as refused:
            await street.signer.grant(replace(armed.grant, guess=guess))
        assert refused.value.code == "signer.depth"
    street.node.height = 101
    for guess in (Guess(101, 100, 1), Guess(101, 101, 1), Guess(101, 100, 9), Guess(0, 0, 0)):
        assert await street.signer.ticket(replace(armed.ticket, guess=guess))
        assert await street.signer.grant(replace(armed.grant, guess=guess))


async def test_a_right_guess_costs_one_trip(street: Street, wire: Wire, near: str) -> None:
    one = Advance(street, wire)
    one.look()
    (armed,) = one.ahead._armed
    assert armed.grant is not None
    street.node.height = 101
    for ask in (street.signer.ticket(armed.ticket), street.signer.grant(armed.grant)):
        street.node.trips = 0
        assert await ask  # type: ignore[misc]
        assert street.node.trips == 1


async def test_a_guess_goes_over_the_wire_and_only_a_sensible_one(
    street: Street, wire: Wire, near: str
) -> None:
    one = Advance(street, wire)
    one.look()
    (armed,) = one.ahead._armed
    assert armed.grant is not None
    ticket, grant = ticket_request(armed.ticket), grant_request(armed.grant)
    assert (ticket.order(), grant.order()) == (armed.ticket, armed.grant)
    assert msgspec.json.decode(msgspec.json.encode(ticket), type=TicketRequest) == ticket
    for guess in (Guess(-1, 0, 1), Guess(1, -1, 1), Guess(1, 1, 1 << 16), Guess(1 << 53, 1, 1)):
        with pytest.raises(BerthError) as refused:
            ticket_request(replace(armed.ticket, guess=guess))
        assert refused.value.code == "signer.malformed"
