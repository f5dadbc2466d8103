"""A market whose logs get denser all of a sudden, as when a city joins: nothing is read twice."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import msgspec
import pytest
from berth.chain.refusals import Refusal
from berth.chain.rpc import Rpc, RpcError
from berth.chain.wire import Block
from berth.indexer import ranges
from berth.indexer.batch import header_of
from berth.indexer.fetch import Fetcher
from berth.indexer.project import Projector
from berth.indexer.read_ahead import MOST_LOGS
from crowd import Crowd
from market_history import DEPLOYMENT

ADDRESSES = Projector(DEPLOYMENT).addresses
QUIET, BUSY = 32, 640
#: Blocks before the city joins, and after.
BEFORE, AFTER = 1500, 300


def growing_city() -> Crowd:
    return Crowd(BEFORE + AFTER, lambda n: QUIET if n < BEFORE else BUSY, ADDRESSES[0])


class Reading:
    """What came, and how much of it lay there at once."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self.ends: list[tuple[int, int]] = []
        self.logs = 0
        self.most_waiting = 0.0

    async def read(self, rpc: Rpc) -> None:
        newest = msgspec.json.decode(self._crowd.header_of(self._crowd.height), type=Block)
        fetcher = Fetcher(rpc, ADDRESSES)
        async for batch in fetcher.batches(0, header_of(newest), 64):
            self.ends.append((batch.first, batch.last))
            waiting = self._crowd.taken - self.logs
            self.logs += len(batch.logs)
            self.most_waiting = max(self.most_waiting, waiting)
            for _ in range(200):
                await asyncio.sleep(0)  # the writer's time

    @property
    def whole(self) -> bool:
        follows = all(a[1] + 1 == b[0] for a, b in pairwise(self.ends))
        ends = self.ends[0][0], self.ends[-1][1]
        return follows and ends == (0, self._crowd.height) and self.logs == self._crowd.logs


async def read(crowd: Crowd) -> Reading:
    reading = Reading(crowd)
    async with Rpc("http://only:8545", transport=crowd, backoff=0.0) as rpc:
        await reading.read(rpc)
    assert reading.whole
    return reading


async def test_a_jump_to_twenty_times_the_density_makes_no_log_come_twice() -> None:
    crowd = growing_city()
    reading = await read(crowd)
    assert crowd.taken < 1.02 * crowd.logs
    # the range that met the jump was made whole, and cut; those after it were of the new density
    assert crowd.made < 1.3 * crowd.logs
    assert reading.most_waiting < 1.2 * MOST_LOGS
    met = next(n for n, (_, last) in enumerate(crowd.asked) if last >= BEFORE)
    later = crowd.asked[met + ranges.REMEMBERED :]
    assert max(last - first + 1 for first, last in later) * BUSY < 2 * ranges.WANTED_LOGS


async def test_a_market_that_is_dense_from_its_first_block_is_read_once() -> None:
    crowd = Crowd(300, lambda _: BUSY, ADDRESSES[0])
    reading = await read(crowd)
    assert crowd.taken < 1.02 * crowd.logs
    assert crowd.made < 1.6 * crowd.logs  # of the first, blind ranges
    assert reading.most_waiting < 1.2 * MOST_LOGS


async def test_a_crowded_block_now_and_then_is_no_reason_to_ask_twice() -> None:
    crowd = Crowd(2500, lambda n: 2000 if n % 100 == 99 else 20, ADDRESSES[0])
    await read(crowd)
    assert crowd.made < 1.05 * crowd.logs


async def test_a_node_that_gets_slow_by_the_jump_is_not_taken_for_silent() -> None:
    crowd = growing_city()
    crowd.slow_from = 12_000
    await read(crowd)
    late = [asked for asked in crowd.asked if crowd.count(*asked) >= crowd.slow_from]
    assert 1 <= len(late) <= 3


async def test_a_cut_answer_out_of_order_is_not_used() -> None:
    crowd = Crowd(120, lambda _: 400, ADDRESSES[0])
    crowd.backwards = True
    await read(crowd)
    assert len({first for first, _ in crowd.asked}) < len(crowd.asked)  # some were asked for again


async def test_one_block_that_is_longer_than_an_answer_may_be_is_named() -> None:
    crowd = Crowd(90, lambda n: 20_000 if n == 10 else 1, ADDRESSES[0])
    with pytest.raises(RpcError, match=r"an answer of [0-9]+ bytes and more") as caught:
        await read(crowd)
    assert caught.value.refusal is Refusal.RANGE
