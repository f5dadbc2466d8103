"""Sums over the ledger: the same as before, without beginning anew each time."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from typing import Any

import pytest
from berth.audit import totals
from berth.audit.marks import WHOLE_SECONDS
from berth.audit.totals import Sums, Totals
from berth.core.slots import slot_at
from berth.store.derived import settlements
from sqlalchemy import event

from tests.backend.audit.test_ledger import Hand
from tests.backend.worlds import DINO, EVE, NOW, World

ALL: tuple[Any, ...] = ()
OF_DINO = (settlements.c.driver == DINO.address,)


class Added:
    """How many settlements were added up, by watching what is read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.times: list[int] = []
        real = totals._add_up

        def watched(conn: Any, conditions: Any, sums: Sums, after: Any) -> Sums:
            found = real(conn, conditions, sums, after)
            self.times.append(found.count - sums.count)
            return found

        monkeypatch.setattr(totals, "_add_up", watched)

    def take(self) -> list[int]:
        found = list(self.times)
        self.times.clear()
        return found


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> Added:
    return Added(monkeypatch)


@pytest.fixture
def ledger(world: World) -> World:
    """Four settlements of two drivers."""
    for number in range(4):
        settle(world, number)
    return world


def settle(world: World, number: int) -> None:
    space = world.add_space(50 + number)
    world.add_offer(space)
    driver = DINO if number % 2 == 0 else EVE
    lease = world.add_lease(space, slot_at(NOW) - 100 + 10 * number, 8, driver=driver)
    world.settle(lease, minutes=30 + number)


def sums_of(
    world: World, kept: Totals, conditions: tuple[Any, ...] = ALL, key: Hashable = None
) -> Sums:
    with world.store.read() as conn:
        found = kept.at_once(conn, conditions if key is None else key, conditions)
    assert found is not None
    return found


def truly(world: World, conditions: tuple[Any, ...] = ALL) -> Sums:
    return sums_of(world, Totals(), conditions)


def test_equal_questions_are_added_up_once_and_then_gone_on_with(
    ledger: World, added: Added
) -> None:
    kept = Totals()
    for conditions, count in ((ALL, 4), (OF_DINO, 2)):
        first = sums_of(ledger, kept, conditions)
        assert (first.count, added.take()) == (count, [count])
        assert sums_of(ledger, kept, conditions) == first
        assert added.take() == []
    settle(ledger, 4)
    for conditions, count in ((ALL, 5), (OF_DINO, 3)):
        later = sums_of(ledger, kept, conditions)
        assert (later.count, added.take()) == (count, [1])
        assert later == truly(ledger, conditions)
        added.take()


def test_where_a_reorg_has_replaced_a_settlement_everything_is_added_up_again(
    ledger: World, added: Added
) -> None:
    kept = Totals()
    before = sums_of(ledger, kept)
    with ledger.store.write() as conn:
        conn.exec_driver_sql("DELETE FROM settlements WHERE number = 4")
        ledger.count, ledger.head = (
            3,
            bytes.fromhex(
                conn.exec_driver_sql("SELECT head FROM settlements WHERE number = 3").scalar_one()[
                    2:
                ]
            ),
        )
    added.take()
    assert (sums_of(ledger, kept).count, added.take()) == (3, [3])
    settle(ledger, 6)
    sums_of(ledger, kept)
    settle(ledger, 7)
    after = sums_of(ledger, kept)
    assert after.count == 5
    assert after.rent != before.rent
    assert after == truly(ledger)


def test_everything_is_added_up_again_once_in_an_hour(ledger: World, added: Added) -> None:
    clock = Hand()
    kept = Totals(clock)
    sums_of(ledger, kept)
    clock.now += WHOLE_SECONDS - 1
    sums_of(ledger, kept)
    clock.now += 1
    sums_of(ledger, kept)
    assert added.take() == [4, 4]


def test_no_more_filters_are_kept_than_there_is_room_for(
    ledger: World, added: Added, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(totals, "FILTERS", 2)
    kept = Totals()
    for number in (0, 1, 0, 2, 0, 1):
        sums_of(ledger, kept, (settlements.c.number > number,), f"> {number}")
    # 0 was asked for all the time and stays; 1 had to go for 2
    assert added.take() == [4, 3, 2, 3]


def test_long_work_is_left_to_whose_turn_it_is(
    ledger: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(totals, "AT_ONCE", 3)
    kept = Totals()
    with ledger.store.read() as conn:
        assert kept.at_once(conn, "all", ALL) is None
        added_up = kept.add_up(conn, "all", ALL)
        assert kept.at_once(conn, "all", ALL) == added_up
    settle(ledger, 4)
    with ledger.store.read() as conn:
        # what has come since is little
        later = kept.at_once(conn, "all", ALL)
    assert later is not None
    assert later.count == 5


async def test_turns_come_one_after_the_other_and_few_wait() -> None:
    kept, go_on, at_work, most = Totals(), asyncio.Event(), 0, 0

    async def one() -> None:
        nonlocal at_work, most
        async with kept.turn():
            at_work += 1
            most = max(most, at_work)
            await go_on.wait()
            at_work -= 1

    running = [asyncio.create_task(one()) for _ in range(1 + totals.WAITING)]
    assert not kept.crowded
    await asyncio.sleep(0)
    assert kept.crowded
    running[-1].cancel()
    await asyncio.sleep(0)
    assert not kept.crowded
    go_on.set()
    await asyncio.gather(*running, return_exceptions=True)
    assert (most, at_work) == (1, 0)
    assert not kept.crowded


def test_what_is_added_up_is_streamed(ledger: World) -> None:
    """A database driver may bring all of an answer into memory otherwise."""
    seen: list[Any] = []

    def look(_c: Any, _cursor: Any, statement: str, _p: Any, context: Any, _m: Any) -> None:
        if "overstay" in statement:
            seen.append(context.execution_options.get("yield_per"))

    event.listen(ledger.store.engine, "before_cursor_execute", look)
    try:
        truly(ledger)
    finally:
        event.remove(ledger.store.engine, "before_cursor_execute", look)
    assert len(seen) == 1
    assert 0 < seen[0] <= 1000
