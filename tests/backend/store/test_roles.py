"""Signs of life of an installation's processes."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest
from berth.cli.platform.beats import beating
from berth.store import Store, kept
from berth.store.clock import database_now
from berth.store.roles import beat, forget_silent, leave, present
from sqlalchemy import update

from tests.backend.databases import Databases


@pytest.fixture
def store(databases: Databases) -> Store:
    return databases.open()


def moved_back(store: Store, seconds: int) -> None:
    with store.write() as conn:
        conn.execute(update(kept.roles).values(beat_at=kept.roles.c.beat_at - seconds))


def test_a_beat_says_who_where_and_how(store: Store) -> None:
    with store.write() as conn:
        beat(conn, "relay-1", "relay", "asleep", '{"why": "index.behind"}')
        (role,) = present(conn)
        now = database_now(conn)
    assert (role.name, role.role, role.pid, role.state) == (
        "relay-1",
        "relay",
        os.getpid(),
        "asleep",
    )
    assert role.facts == {"why": "index.behind"}
    assert role.host
    assert not role.silent(now)


def test_a_detail_that_is_a_sentence_says_why(store: Store) -> None:
    with store.write() as conn:
        beat(conn, "relay-1", "relay", "asleep", "the index is behind")
        assert present(conn)[0].facts == {"why": "the index is behind"}


def test_a_later_beat_keeps_the_start_and_changes_the_rest(store: Store) -> None:
    with store.write() as conn:
        beat(conn, "relay-1", "relay", "asleep")
    moved_back(store, 100)
    with store.write() as conn:
        now = database_now(conn)
        before = present(conn)[0]
        assert before.silent(now)
        beat(conn, "relay-1", "relay", "running")
        (after,) = present(conn)
    assert (after.started_at, after.state) == (before.started_at, "running")
    assert not after.silent(now)


def test_who_leaves_in_order_is_not_missed_and_who_never_comes_back_is_forgotten(
    store: Store,
) -> None:
    with store.write() as conn:
        beat(conn, "relay-1", "relay", "running")
        beat(conn, "indexer-1", "indexer", "running")
        leave(conn, "indexer-1")
        assert [role.name for role in present(conn)] == ["relay-1"]
        assert forget_silent(conn, database_now(conn) - 60) == 0
    moved_back(store, 100)
    with store.write() as conn:
        assert forget_silent(conn, database_now(conn) - 60) == 1
        assert present(conn) == []


async def test_a_process_beats_while_it_runs_and_leaves_at_its_end(store: Store) -> None:
    said: dict[str, Any] = {"state": "catching_up", "n": 0}

    def facts() -> dict[str, Any]:
        said["n"] += 1
        return said

    def rows() -> list[Any]:
        with store.read() as conn:
            return present(conn)

    async with beating(store, "indexer", facts=facts, every=0.02) as name:
        async with asyncio.timeout(60):
            while not rows() or rows()[0].facts.get("n", 0) < 3:
                await asyncio.sleep(0.02)
        (role,) = rows()
        assert (role.name, role.role, role.state) == (name, "indexer", "catching_up")
    assert rows() == []


async def test_a_database_that_is_away_does_not_end_the_beats(store: Store) -> None:
    def rename(there: str, back: str) -> None:
        with store.write() as conn:
            conn.exec_driver_sql(f"ALTER TABLE {there} RENAME TO {back}")

    def living() -> int:
        with store.read() as conn:
            now = database_now(conn)
            return sum(not role.silent(now) for role in present(conn))

    async def until_it_lives() -> None:
        async with asyncio.timeout(60):
            while not living():
                await asyncio.sleep(0.02)

    async with beating(store, "relay", every=0.02):
        await until_it_lives()
        rename("roles", "away")
        await asyncio.sleep(0.2)
        rename("away", "roles")
        moved_back(store, 1000)
        await until_it_lives()
