"""Nudges by websocket: they come at once, and their absence is noticed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from berth.chain import heads as heads_module
from berth.chain.heads import Heads
from berth.core.errors import BerthError

from tests.backend.chain.station import station


@asynccontextmanager
async def following(heads: Heads) -> AsyncIterator[asyncio.Event]:
    nudged = asyncio.Event()
    running = asyncio.create_task(heads.run(nudged.set))
    try:
        yield nudged
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads_module, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(heads_module, "LONGEST_WAIT", 0.02)
    monkeypatch.setattr(heads_module, "STEP_SECONDS", 0.01)
    monkeypatch.setattr(heads_module, "MISSED_SECONDS", 0.05)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.002)


async def test_a_new_head_nudges_at_once() -> None:
    async with station() as node:
        heads = Heads([node.url], chain_id=1337)
        assert not heads.live
        async with following(heads) as nudged:
            await until(lambda: heads.live)
            for number in (7, 8):
                nudged.clear()
                await node.announce(number)
                await asyncio.wait_for(nudged.wait(), 5)
                assert heads.announced == number
            report = heads.report()
            assert (report.live, report.why, report.announced) == (True, None, 8)
            assert "key" not in report.where


async def test_a_lost_connection_is_made_again_and_nudges_for_what_was_missed() -> None:
    async with station() as node:
        heads = Heads([node.url])
        async with following(heads) as nudged:
            await until(lambda: heads.live)
            nudged.clear()
            await node.hang_up()
            await asyncio.wait_for(nudged.wait(), 5)
            await until(lambda: heads.live)
            assert node.connections == 2


async def test_a_connection_that_leaves_out_what_polling_finds_is_made_anew() -> None:
    async with station() as node:
        heads = Heads([node.url])
        async with following(heads):
            await until(lambda: heads.live)
            heads.found(4)
            assert heads.live  # it was there before
            await node.announce(5)
            await until(lambda: heads.announced == 5)
            heads.found(5)
            assert heads.live
            heads.found(6)
            assert not heads.live  # polling is quick again
            await until(lambda: node.connections == 2)
            await until(lambda: heads.live)


async def test_silence_is_noticed_even_where_polling_finds_nothing() -> None:
    async with station() as node:
        heads = Heads([node.url], silence=0.05)
        async with following(heads):
            await until(lambda: node.connections >= 2)


@pytest.mark.parametrize("fault", ["refuses", "chain_id", "babble"])
async def test_the_next_address_serves_where_the_first_does_not(fault: str) -> None:
    async with station() as bad, station() as good:
        setattr(bad, fault, {"refuses": True, "chain_id": 5, "babble": "hello"}[fault])
        heads = Heads([bad.url, good.url], chain_id=1337)
        async with following(heads):
            await until(lambda: heads.live)
            assert good.connections == 1
            assert str(heads.report().where) in good.url


async def test_why_there_are_no_nudges_is_told() -> None:
    async with station() as node:
        node.chain_id = 5
        heads = Heads([node.url], chain_id=1337)
        async with following(heads):
            await until(lambda: "of chain 5" in str(heads.report().why))
            assert not heads.live
    heads = Heads(["ws://127.0.0.1:9"])
    async with following(heads):
        await until(lambda: heads.report().why != "not connected yet")


@pytest.mark.parametrize("url", ["http://127.0.0.1:8545", "ws://", "127.0.0.1"])
def test_an_address_that_is_no_websocket_is_refused(url: str) -> None:
    with pytest.raises(BerthError) as caught:
        Heads([url])
    assert caught.value.field == "BERTH_WS_URL"
