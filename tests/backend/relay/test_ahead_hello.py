"""A lock that has been quiet is asked for a nonce while the block is still to come; nobody else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from berth.relay import ahead as ahead_module
from berth.relay.run import Relay
from berth.store.kept import lock_states
from sqlalchemy import update

from tests.backend.relay.advance import Advance, block_hash
from tests.backend.relay.street import Street
from tests.backend.relay.wire import Wire

pytestmark = pytest.mark.usefixtures("patient")


def quiet(street: Street, seconds: int) -> None:
    """The lock said its last hello so long ago."""
    with street.store.write() as conn:
        conn.execute(update(lock_states).values(nonce_at=lock_states.c.nonce_at - seconds))


def used(street: Street) -> None:
    """A ticket was made with the lock's last nonce."""
    with street.store.write() as conn:
        conn.execute(update(lock_states).values(nonce=None))


async def test_a_quiet_lock_is_asked_and_its_answer_is_signed_ahead(
    street: Street, wire: Wire, near: str
) -> None:
    quiet(street, 61)
    one = Advance(street, wire)
    assert one.look() == 0
    assert one.asked == [street.home.lock_id]
    street.hello()
    assert one.look() == 1
    await one.signed()
    street.world.at_block(101)
    assert await one.leave() == 1


async def test_a_lock_whose_nonce_was_used_is_asked(street: Street, wire: Wire, near: str) -> None:
    used(street)
    one = Advance(street, wire)
    assert one.look() == 0
    assert one.asked == [street.home.lock_id]


async def test_a_nonce_that_grows_too_old_for_the_next_block_is_renewed_in_time(
    street: Street, wire: Wire, near: str
) -> None:
    quiet(street, 45)
    one = Advance(street, wire)
    assert one.look() == 1  # it will do should the block come now
    assert one.asked == [street.home.lock_id]


async def test_a_lock_with_a_fresh_nonce_is_left_alone(
    street: Street, wire: Wire, near: str
) -> None:
    one = Advance(street, wire)
    assert one.look() == 1
    assert one.asked == []


async def test_a_lock_that_does_not_answer_is_not_asked_at_every_look(
    street: Street, wire: Wire, near: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet(street, 61)
    one = Advance(street, wire)
    for _ in range(20):
        one.look()
    assert one.asked == [street.home.lock_id]
    monkeypatch.setattr(ahead_module, "ASK_SECONDS", 0.0)
    one.look()
    assert len(one.asked) == 2


async def test_what_is_only_said_asks_nobody(street: Street, wire: Wire, near: str) -> None:
    quiet(street, 61)
    one = Advance(street, wire)
    for number in range(90, 110):  # announcements: hearsay
        assert not one.ahead.announced(number, block_hash(number))
    assert one.asked == []


async def test_without_its_driver_at_the_bar_no_lock_is_asked(street: Street, wire: Wire) -> None:
    lease = street.book(booked_block=100)
    street.hello()
    street.state()
    quiet(street, 61)
    one = Advance(street, wire)
    one.look()
    street.tell(lease)  # it is there, but has not signed
    one.look()
    assert one.asked == []


async def test_for_a_lease_that_lacks_more_than_a_block_no_lock_is_asked(
    street: Street, wire: Wire, near: str
) -> None:
    quiet(street, 61)
    street.set_lease(near, booked_block=101)
    one = Advance(street, wire)
    one.look()
    assert one.asked == []


class Announcing:
    """A node that announces blocks."""

    def __init__(self, *announced: Any) -> None:
        self._announced = announced
        self.newest: Any = None

    async def run(self, nudge: Any) -> None:
        for head in self._announced:
            self.newest = head
            nudge()
            await asyncio.sleep(0)


class Header:
    def __init__(self, number: int) -> None:
        self.number, self.hash = number, block_hash(number)


async def test_a_relay_without_an_index_hears_of_blocks_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard: list[tuple[int, str]] = []
    relay = Relay.__new__(Relay)
    monkeypatch.setattr(relay, "announced", lambda number, digest: heard.append((number, digest)))
    heads: Any = Announcing(None, Header(101), Header(102), None)
    await relay.hear(heads)
    assert heard == [(101, block_hash(101)), (102, block_hash(102))]
