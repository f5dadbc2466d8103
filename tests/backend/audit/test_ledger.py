"""Verifying again and again: beside everything else, and from where the last time ended."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from berth.audit import Report, Verdict, charges, records, verify
from berth.audit.marks import WHOLE_SECONDS
from berth.audit.records import Ledger
from berth.core.slots import slot_at

from tests.backend.worlds import NOW, World


class Looked:
    """The settlements that were hashed, and those that were billed anew."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.hashed: list[int] = []
        self.billed: list[int] = []
        for module, seen in ((records, self.hashed), (charges, self.billed)):
            real = getattr(module, "record_from")  # noqa: B009 - it is from elsewhere
            monkeypatch.setattr(module, "record_from", self._watched(seen, real))

    @staticmethod
    def _watched(seen: list[int], real: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def watched(row: Any) -> Any:
            seen.append(row["number"])
            return real(row)

        return watched

    def take(self) -> tuple[list[int], list[int]]:
        found = list(self.hashed), list(self.billed)
        self.hashed.clear()
        self.billed.clear()
        return found


class Hand:
    """A clock that is moved by hand."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> Looked:
    return Looked(monkeypatch)


@pytest.fixture
def ledger(world: World) -> World:
    """Three settlements, and a chain that has what the index has."""
    space = world.add_space()
    world.add_offer(space)
    for number in range(3):
        settle(world, space, number)
    world.node.answers["ledger"] = lambda call: (world.head, world.count, 0)
    return world


def settle(world: World, space: str, number: int) -> None:
    lease = world.add_lease(space, slot_at(NOW) - 100 + 10 * number, 8)
    world.settle(lease, minutes=30 + number)


def another(world: World, number: int) -> None:
    space = world.add_space(100 + number)
    world.add_offer(space)
    settle(world, space, number)


async def report_of(world: World, seen: Ledger) -> Report:
    return await verify(world.store, world.services.rpc, world.services.contracts, seen)


def sql(world: World, statement: str) -> None:
    with world.store.write() as conn:
        conn.exec_driver_sql(statement)


async def test_the_loop_goes_on_while_records_are_recomputed(
    ledger: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, go_on, real = threading.Event(), threading.Event(), records.recompute

    def slowly(*given: object) -> object:
        began.set()
        assert go_on.wait(30), "the event loop stood still"
        return real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(records, "recompute", slowly)
    verifying = asyncio.create_task(report_of(ledger, Ledger()))
    while not began.is_set():
        await asyncio.sleep(0.001)
    go_on.set()
    assert (await verifying).verdict is Verdict.COMPLETE


async def test_only_what_has_come_since_is_looked_at(ledger: World, looked: Looked) -> None:
    seen = Ledger()
    first = await report_of(ledger, seen)
    assert (first.verdict, first.checked) == (Verdict.COMPLETE, 3)
    assert looked.take() == ([1, 2, 3], [1, 2, 3])
    assert await report_of(ledger, seen) == first
    assert looked.take() == ([], [])
    another(ledger, 4)
    report = await report_of(ledger, seen)
    assert (report.verdict, report.checked) == (Verdict.COMPLETE, 4)
    assert report.head == report.chain_head == "0x" + ledger.head.hex()
    assert looked.take() == ([4], [4])
    # who keeps nothing looks at everything
    await verify(ledger.store, ledger.services.rpc, ledger.services.contracts)
    assert looked.take() == ([1, 2, 3, 4], [1, 2, 3, 4])


async def test_where_the_head_is_another_one_everything_is_looked_at_again(
    ledger: World, looked: Looked
) -> None:
    """A reorg replaced the last settlement, or took it away."""
    seen = Ledger()
    await report_of(ledger, seen)
    before, looked_at = ledger.head, looked.take()
    assert looked_at[0] == [1, 2, 3]
    sql(ledger, "DELETE FROM settlements WHERE number = 3")
    report = await report_of(ledger, seen)
    assert (report.verdict, report.at) == (Verdict.GAP, 3)
    assert looked.take()[0] == [1, 2]
    with ledger.store.read() as conn:
        ledger.count, ledger.head = 2, records.recompute(conn).head
    looked.take()
    another(ledger, 3)
    assert ledger.head != before
    report = await report_of(ledger, seen)
    assert (report.verdict, report.checked) == (Verdict.COMPLETE, 3)
    assert report.head == "0x" + ledger.head.hex()


async def test_what_was_altered_behind_the_mark_is_found_within_an_hour(ledger: World) -> None:
    clock = Hand()
    seen = Ledger(clock)
    await report_of(ledger, seen)
    sql(ledger, "UPDATE settlements SET fee = '1' WHERE number = 2")
    clock.now += WHOLE_SECONDS
    report = await report_of(ledger, seen)
    assert (report.verdict, report.at) == (Verdict.MISMATCH, 2)


@pytest.mark.parametrize(
    ("alter", "mend", "verdict"),
    [
        (
            "UPDATE settlements SET fee = '1' || fee WHERE number = 2",
            "UPDATE settlements SET fee = substr(fee, 2) WHERE number = 2",
            Verdict.MISMATCH,
        ),
        (
            "UPDATE leases SET deposit = '1' || deposit",
            "UPDATE leases SET deposit = substr(deposit, 2) WHERE length(deposit) = 8",
            Verdict.MISBILLED,
        ),
    ],
)
async def test_what_is_wrong_stays_wrong_until_it_is_mended(
    ledger: World, looked: Looked, alter: str, mend: str, verdict: Verdict
) -> None:
    seen = Ledger()
    sql(ledger, alter)
    for _ in range(3):
        assert (await report_of(ledger, seen)).verdict is verdict
    another(ledger, 4)
    assert (await report_of(ledger, seen)).verdict is verdict
    sql(ledger, mend)
    looked.take()
    assert (await report_of(ledger, seen)).verdict is Verdict.COMPLETE
    assert looked.take() == ([1, 2, 3, 4], [1, 2, 3, 4])


async def test_a_check_that_fails_leaves_nothing_out_of_the_next(
    ledger: World, looked: Looked, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = Ledger()
    await report_of(ledger, seen)

    def broken(*_given: object) -> None:
        raise RuntimeError("the database has gone")

    with monkeypatch.context() as context:
        context.setattr(records, "misbilled", broken)
        another(ledger, 4)
        with pytest.raises(RuntimeError):
            await report_of(ledger, seen)
    looked.take()
    assert (await report_of(ledger, seen)).verdict is Verdict.COMPLETE
    assert looked.take()[1] == [1, 2, 3, 4]


async def test_two_that_look_at_once_look_one_after_the_other(
    ledger: World, looked: Looked
) -> None:
    seen = Ledger()
    reports = await asyncio.gather(*(report_of(ledger, seen) for _ in range(3)))
    assert {one.verdict for one in reports} == {Verdict.COMPLETE}
    assert looked.take() == ([1, 2, 3], [1, 2, 3])
