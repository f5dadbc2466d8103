"""Nudges between processes: on PostgreSQL at once and after a commit only, on SQLite none."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from berth.store import Store
from berth.store.wake import announce, listen
from sqlalchemy import text

from tests.backend.databases import Databases


@pytest.fixture
def store(databases: Databases) -> Store:
    return databases.open()


async def heard(seen: asyncio.Event, seconds: float = 60.0) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await seen.wait()
    except TimeoutError:
        return False
    seen.clear()
    return True


async def test_who_listens_is_nudged_by_a_commit_and_by_nothing_else(store: Store) -> None:
    seen = asyncio.Event()
    listening = asyncio.create_task(listen(store, seen.set))
    if store.sqlite:
        await listening  # there is nothing to listen to
        with store.write() as conn:
            announce(conn)
        assert not seen.is_set()
        return
    try:
        assert await heard(seen)  # what was announced before is looked for
        with store.write() as conn:
            announce(conn)
            assert not await heard(seen, 0.3)
        assert await heard(seen)
        with contextlib.suppress(ZeroDivisionError), store.write() as conn:
            announce(conn)
            raise ZeroDivisionError
        assert not await heard(seen, 0.3)
    finally:
        listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await listening


async def test_a_listener_that_the_server_threw_out_comes_back(store: Store) -> None:
    if store.sqlite:
        pytest.skip("SQLite has no server")
    seen = asyncio.Event()
    listening = asyncio.create_task(listen(store, seen.set))
    try:
        assert await heard(seen)
        with store.write() as conn:
            conn.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE query LIKE 'LISTEN%' AND datname = current_database()"
                )
            )
        assert await heard(seen)  # connected again, it looks once
        with store.write() as conn:
            announce(conn)
        assert await heard(seen)
    finally:
        listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await listening
