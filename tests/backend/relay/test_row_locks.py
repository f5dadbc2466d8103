"""Several relays at the very same rows, on PostgreSQL: each step is brought about, none is left to
chance. Whoever writes of a lock holds the lock's row first; that is the order for all."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from berth.relay import ahead as ahead_module
from berth.relay import grants as grants_module
from berth.relay import inbox as inbox_module
from berth.store import Store, open_store
from berth.store.kept import commands
from sqlalchemy import text, update

from tests.backend.relay.advance import Advance
from tests.backend.relay.street import Street
from tests.backend.relay.wire import Wire, relay

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize("databases", ["postgresql"], indirect=True),
]
#: Longer than PostgreSQL takes to find a deadlock.
LIMIT = 20.0


class Pause:
    """A step of one relay that stays where it is, in its transaction, until it is let go on."""

    def __init__(self) -> None:
        self.there = threading.Event()
        self._on = threading.Event()
        self._one = threading.Lock()

    def after(self, step: Callable[..., Any]) -> Callable[..., Any]:
        """The same step; whoever takes it first stays behind it."""

        def taken(*args: Any, **named: Any) -> Any:
            done = step(*args, **named)
            if self._one.acquire(blocking=False):
                self.there.set()
                assert self._on.wait(LIMIT)
            return done

        return taken

    async def reached(self) -> None:
        """Waits until somebody stays there."""
        assert await asyncio.to_thread(self.there.wait, LIMIT)

    def go_on(self) -> None:
        self._on.set()

    def __enter__(self) -> Pause:
        return self

    def __exit__(self, *_: object) -> None:
        self.go_on()


@contextmanager
def another(store: Store) -> Iterator[Store]:
    opened = open_store(store.engine.url.render_as_string(hide_password=False))
    try:
        yield opened
    finally:
        opened.close()


async def held_up(store: Store, task: asyncio.Task[Any]) -> None:
    """Waits until the task is done, or the database makes somebody wait."""
    until = time.monotonic() + LIMIT
    while not task.done():
        with store.read() as conn:
            waiting = conn.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted"))
            if waiting.scalar_one():
                return
        assert time.monotonic() < until
        await asyncio.sleep(0.01)


async def test_who_comes_second_with_what_was_signed_ahead_does_not_spoil_it_for_the_first(
    street: Street, wire: Wire, near: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with another(street.store) as second, Pause() as pause:
        both = [Advance(street, wire, "one"), Advance(street, wire, "two", second)]
        for each in both:
            assert each.look() == 1
            await each.signed()
        street.world.at_block(101)
        step = pause.after(grants_module.leaves_ahead)
        monkeypatch.setattr(grants_module, "leaves_ahead", step)
        winner = asyncio.create_task(both[0].leave())
        await pause.reached()  # the grant is taken, nothing is committed
        loser = asyncio.create_task(both[1].leave())
        await held_up(street.store, loser)
        pause.go_on()
        assert (await winner, await loser) == (1, 0)
    assert [leaf for leaf, _ in wire.sent] == ["grant", "command"]
    assert street.command("lower")["state"] == "published"
    assert street.lock()["nonce"] is None


async def test_who_publishes_ahead_and_who_claims_the_ordinary_way_do_not_lock_each_other_out(
    street: Street, wire: Wire, near: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    street.ack("done", grant=near, version=1)
    with another(street.store) as second, Pause() as pause:
        one, two = Advance(street, wire, "one"), relay(street, wire, "two", second)
        one.look()
        await one.signed()
        street.world.at_block(101)
        street.plan()  # the other relay has found it eligible
        monkeypatch.setattr(ahead_module, "take_nonce", pause.after(ahead_module.take_nonce))
        ahead = asyncio.create_task(one.leave())
        await pause.reached()
        ordinary = asyncio.create_task(two.send_commands())
        await held_up(street.store, ordinary)
        pause.go_on()
        assert await ahead + await ordinary == 1
    assert len(wire.tickets(street)) == 1
    assert street.command("lower")["state"] == "published"


async def test_a_lock_that_answers_while_its_command_is_claimed_anew_is_heard(
    street: Street, wire: Wire, lease: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = relay(street, wire)
    assert await one.send_commands() == 1
    command = street.command("lower")["id"]
    with street.store.write() as conn:  # no answer in time: eligible again, and a nonce for it
        conn.execute(update(commands).values(state="eligible"))
    street.hello()
    with another(street.store) as second, Pause() as pause:
        monkeypatch.setattr(inbox_module, "_locked", pause.after(inbox_module._locked))
        answer = asyncio.create_task(asyncio.to_thread(street.ack, "accepted", command=command))
        await pause.reached()  # the lock's row is the message's
        again = asyncio.create_task(relay(street, wire, "two", second).send_commands())
        await held_up(street.store, again)
        pause.go_on()
        await answer
        assert await again == 0
    assert street.command("lower")["state"] == "acknowledged"
    assert len(wire.tickets(street)) == 1
