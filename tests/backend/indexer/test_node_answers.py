"""Logs from nodes that limit, cut, repeat, mix up and lie: none is lost, none is taken twice."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from itertools import pairwise
from typing import Any, cast

import msgspec
import pytest
from berth.chain.refusals import Refusal
from berth.chain.rpc import Rpc, RpcError
from berth.chain.wire import Log
from berth.indexer import fetch as fetch_module
from berth.indexer import read_ahead
from berth.indexer.answers import ChainMovedError, read_logs
from berth.indexer.batch import Batch, header_of
from berth.indexer.fetch import Fetcher
from berth.indexer.project import Projector
from berth.indexer.ranges import LARGEST_RANGE, REMEMBERED, USED_UP, WANTED_LOGS, RangeSize
from berth.indexer.raw_logs import RawLog
from fake_http import Host, Net
from fake_node import FakeNode
from market_history import DEPLOYMENT

FINALITY = 8
ADDRESSES = Projector(DEPLOYMENT).addresses


def chain(blocks: int = 200, seed: int = 1) -> FakeNode:
    node = FakeNode(seed)
    node.mine(blocks, actions=5)
    return node


def rpc_of(host: Host) -> Rpc:
    return Rpc("http://only:8545", transport=Net(only=host), backoff=0.0, retries=2)


async def read(rpc: Rpc, node: FakeNode, first: int = 0) -> list[Batch]:
    head = header_of(node.tip.header)
    fetcher = Fetcher(rpc, ADDRESSES)
    return [batch async for batch in fetcher.batches(first, head, FINALITY)]


def logs_of(batches: list[Batch]) -> list[tuple[int, int, str]]:
    return [(log.block_number, log.log_index, log.tx_hash) for b in batches for log in b.logs]


def truth(node: FakeNode, first: int = 0) -> list[tuple[int, int, str]]:
    return [
        (log.block_number, log.log_index, log.transaction_hash)
        for block in node.chain[first:]
        for log in block.logs
    ]


def whole(batches: list[Batch], node: FakeNode, first: int = 0) -> bool:
    """Each block once, in order, with each of its logs once."""
    ends = [(batch.first, batch.last) for batch in batches]
    follows = all(a[1] + 1 == b[0] for a, b in pairwise(ends))
    reaches = ends[0][0] == first and ends[-1][1] == node.height
    return follows and reaches and logs_of(batches) == truth(node, first)


def error(code: int, text: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": text}}


def asked_range(method: str, params: list[Any]) -> tuple[int, int] | None:
    if method != "eth_getLogs" or "blockHash" in params[0]:
        return None
    return int(params[0]["fromBlock"], 16), int(params[0]["toBlock"], 16)


# ---- limits


@pytest.mark.parametrize("widest", [1, 3, 17, 50])
@pytest.mark.parametrize("named", [True, False])
async def test_a_limit_of_blocks_is_kept_to_and_remembered(widest: int, named: bool) -> None:
    host = Host(chain())
    refusals = 0

    def limit(method: str, params: list[Any]) -> dict[str, Any] | None:
        nonlocal refusals
        asked = asked_range(method, params)
        if asked is None or asked[1] - asked[0] < widest:
            return None
        refusals += 1
        return error(-32000, f"exceed maximum block range: {widest}" if named else "too wide range")

    host.lie = limit
    batches = await read(rpc_of(host), host.node)
    assert whole(batches, host.node)
    # the ranges under way when it was learned, one try in fifty, and the last, unfinal range
    assert refusals <= (30 if not named else 20)


async def test_a_limit_of_results_is_found_by_narrowing() -> None:
    host = Host(chain())
    node = host.node

    def limit(method: str, params: list[Any]) -> dict[str, Any] | None:
        asked = asked_range(method, params)
        if asked is None:
            return None
        results = sum(len(block.logs) for block in node.chain[asked[0] : asked[1] + 1])
        return error(-32005, "query returned more than 12 results") if results > 12 else None

    host.lie = limit
    assert whole(await read(rpc_of(host), node), node)


async def test_one_block_that_is_too_much_is_the_nodes_error() -> None:
    host = Host(chain(30))
    refused = error(-32005, "query returned more than 1 results")
    host.lie = lambda method, _: refused if method == "eth_getLogs" else None
    with pytest.raises(RpcError, match="more than 1 results"):
        await read(rpc_of(host), host.node)


async def test_rate_limits_slow_down_without_narrowing() -> None:
    host = Host(chain())
    rng = random.Random(1)
    widths: list[int] = []

    def limit(method: str, params: list[Any]) -> dict[str, Any] | None:
        asked = asked_range(method, params)
        if asked is not None:
            widths.append(asked[1] - asked[0] + 1)
            if rng.random() < 0.5:
                return error(-32005, "too many requests per second")
        return None

    host.lie = limit
    rpc = Rpc("http://only:8545", transport=Net(only=host), backoff=0.0, retries=30)
    assert whole(await read(rpc, host.node), host.node)
    assert rpc.throttle.complaints > 3
    assert {width for width in widths if width > FINALITY} >= {100}
    assert min(widths) >= min(FINALITY, (host.node.height + 1) % 100)


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_the_node_refuses_nothing_is_lost_or_doubled(seed: int) -> None:
    rng = random.Random(seed)
    host = Host(chain(150, seed))
    rpc = Rpc("http://only:8545", transport=Net(only=host), backoff=0.0, retries=50)

    def faulty(method: str, params: list[Any]) -> dict[str, Any] | None:
        asked = asked_range(method, params)
        kind = rng.random()
        if asked is not None and asked[0] < asked[1] and kind < 0.4:
            low, high = asked[0], rng.randint(asked[0], asked[1])
            return rng.choice(
                [
                    error(-32005, "query returned more than 10000 results"),
                    error(-32602, f"this block range should work: [{hex(low)}, {hex(high)}]"),
                    error(-32000, "query timeout exceeded"),
                    error(-32000, f"max block range {rng.randint(1, 300)}"),
                ]
            )
        return error(429, "slow down") if kind > 0.95 else None

    host.lie = faulty
    first = rng.randint(0, 20)
    assert whole(await read(rpc, host.node, first), host.node, first)


def answer(size: RangeSize, width: int, logs: int, seconds: float) -> None:
    size.answered(width, logs, seconds, logs / width)


def test_ranges_widen_while_answers_are_short_and_quick_and_narrow_by_their_logs() -> None:
    size = RangeSize()
    for _ in range(10):
        answer(size, size.size, 0, 0.1)
    assert size.size == LARGEST_RANGE
    answer(size, 10_000, 50_000, 0.1)
    assert size.size == 1000  # five thousand logs
    answer(size, 1000, 5000, 0.1)
    assert size.size == 1000
    answer(size, 1000, 100, 5.0)
    assert size.size == 1000  # slow
    answer(size, 1000, 100, 0.1)
    assert size.size == 4000
    size.refused(4000, 2000)
    assert size.size == 2000
    answer(size, 2000, 10, 0.1)
    assert size.size == 2000
    for _ in range(60):
        answer(size, size.next(), 10, 0.1)
    assert size.size > 2000  # tried again
    size.refused(4, 9)
    assert size.size == 1  # what it names is no narrower
    size.refused(1, None)
    assert size.size == 1


def test_a_wider_range_than_was_refused_is_tried_by_one_range_alone() -> None:
    size = RangeSize()
    size.refused(100, 10)
    asked = []
    for _ in range(100):
        asked.append(size.next())
        if asked[-1] > 10:
            size.refused(asked[-1], None)
        else:
            answer(size, asked[-1], 1, 0.1)
    assert max(asked) > 10
    assert sum(width > 10 for width in asked) == 3
    assert size.size == 10


def test_ranges_that_were_refused_together_narrow_what_is_asked_for_once() -> None:
    size = RangeSize()
    for _ in range(8):
        size.refused(100, None)
    assert size.size == 25


def test_a_range_is_expected_to_bring_what_the_densest_lately_did() -> None:
    size = RangeSize()
    assert size.expected(1) == WANTED_LOGS  # nobody knows yet
    answer(size, 100, 1000, 0.1)
    answer(size, 100, 10, 0.1)
    assert size.expected(50) == 500
    assert size.expected(100_000) == 2 * WANTED_LOGS  # a longer answer is cut
    for _ in range(REMEMBERED):
        answer(size, 100, 10, 0.1)
    assert size.expected(50) == 5


def test_a_slow_node_is_asked_for_more_at_once_than_a_quick_one() -> None:
    size = RangeSize()
    answer(size, 100, WANTED_LOGS, 0.1)
    quick = size.at_once
    assert quick < 2 * WANTED_LOGS
    answer(size, 100, WANTED_LOGS, 1.5)
    assert size.at_once == 1.5 * USED_UP
    answer(size, 100, 100 * WANTED_LOGS, 1.5)  # slow because it was so much
    assert size.at_once == quick


# ---- reading ahead


async def test_ranges_are_read_ahead_while_a_batch_is_used_and_memory_is_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    node = chain(600)
    host = Host(node)
    monkeypatch.setattr("berth.indexer.ranges.FIRST_RANGE", 10)
    monkeypatch.setattr("berth.indexer.ranges.WANTED_LOGS", 40)
    monkeypatch.setattr(read_ahead, "MOST_LOGS", 120)
    monkeypatch.setattr(read_ahead, "JOINED_LOGS", 0)
    fetcher = Fetcher(rpc_of(host), ADDRESSES)
    seen: list[Batch] = []
    ahead: list[int] = []
    async for batch in fetcher.batches(0, header_of(node.tip.header), FINALITY):
        seen.append(batch)
        for _ in range(30):
            await asyncio.sleep(0)
        ahead.append(host.calls["eth_getLogs"] - len(seen))
    assert whole(seen, node)
    assert max(ahead) >= 2
    assert max(ahead) <= read_ahead.READ_AHEAD
    assert len(seen) > 20


async def test_ranges_that_wait_are_handed_over_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("berth.indexer.ranges.FIRST_RANGE", 10)
    monkeypatch.setattr("berth.indexer.ranges.LARGEST_RANGE", 10)
    monkeypatch.setattr(read_ahead, "JOINED_LOGS", 100)
    node = chain(300)
    fetcher = Fetcher(rpc_of(Host(node)), ADDRESSES)
    seen: list[Batch] = []
    async for batch in fetcher.batches(0, header_of(node.tip.header), FINALITY):
        seen.append(batch)
        await asyncio.sleep(0.02)  # the writer is slow
    assert whole(seen, node)
    joined = [batch for batch in seen if batch.last - batch.first >= 10]
    assert len(joined) > 5
    for batch in joined:
        assert len(batch.logs) <= 100
        assert batch.last <= node.height - FINALITY
        assert {batch.first, batch.last, *(log.block_number for log in batch.logs)} <= set(
            batch.headers
        )


async def test_an_abandoned_read_leaves_nothing_under_way() -> None:
    node = chain(400)
    fetcher = Fetcher(rpc_of(Host(node)), ADDRESSES)
    before = asyncio.all_tasks()
    batches = fetcher.batches(0, header_of(node.tip.header), FINALITY)
    await anext(batches)
    await batches.aclose()
    assert asyncio.all_tasks() == before


async def test_the_head_at_hand_is_not_asked_for_again() -> None:
    node = chain(20)
    host = Host(node)
    fetcher = Fetcher(rpc_of(host), ADDRESSES)
    fetcher.knows(node.tip.header)
    head = header_of(node.tip.header)
    found = [batch async for batch in fetcher.batches(node.height, head, FINALITY)]
    assert host.calls["eth_getBlockByNumber"] == 0
    assert host.calls["eth_getLogs"] == 1
    assert whole(found, node, node.height)


# ---- lies


def a_log(**changes: Any) -> Log:
    values: dict[str, Any] = {
        "address": "0xaa", "topics": ["0x" + "11" * 32], "data_hex": "0x01",
        "block_number_hex": "0x5", "block_hash": "0xbb", "transaction_hash": "0xcc",
        "transaction_index_hex": "0x0", "log_index_hex": "0x0",
    }  # fmt: skip
    return Log(**values | changes)


def taken(*logs: Log) -> list[RawLog]:
    return read_logs(logs, 3, 7, frozenset({"0xaa"}))


def test_the_same_log_twice_is_one() -> None:
    assert len(taken(a_log(), a_log(log_index_hex="0x1"), a_log())) == 2


def test_two_logs_at_one_place_are_a_contradiction() -> None:
    with pytest.raises(ChainMovedError, match="two different"):
        taken(a_log(), a_log(data_hex="0x02"))


def test_logs_that_were_not_asked_for_are_left_out() -> None:
    stray = [a_log(block_number_hex=hex(n)) for n in (2, 8)] + [a_log(address="0xab")]
    assert [log.block_number for log in taken(*stray, a_log())] == [5]


def test_logs_out_of_order_are_put_in_order() -> None:
    places = [(7, 1), (3, 4), (5, 0), (5, 11), (5, 2), (3, 0)]
    logs = [a_log(block_number_hex=hex(b), log_index_hex=hex(i)) for b, i in places]
    assert [log[:2] for log in taken(*logs)] == sorted(places)


@pytest.mark.parametrize(
    "changes",
    [
        {"removed": True},
        {"topics": ["0x" + "11" * 31]},
        {"topics": ["0x" + "1g" * 32]},
        {"data_hex": "0x123"},
        {"data_hex": "0xzz"},
        {"log_index_hex": "first"},
        {"block_number_hex": "0x"},
    ],
)
def test_a_removed_or_malformed_log_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ChainMovedError, match=r"removed|malformed"):
        taken(a_log(**changes))


Twist = Callable[[list[dict[str, Any]], random.Random], list[dict[str, Any]]]


def doubled(logs: list[dict[str, Any]], rng: random.Random) -> list[dict[str, Any]]:
    return logs + logs[: rng.randrange(len(logs) + 1)]


def mixed_up(logs: list[dict[str, Any]], rng: random.Random) -> list[dict[str, Any]]:
    return rng.sample(logs, len(logs))


def shouted(logs: list[dict[str, Any]], _rng: random.Random) -> list[dict[str, Any]]:
    return [{k: f"0x{v[2:].upper()}" if k == "address" else v for k, v in x.items()} for x in logs]


def foreign(logs: list[dict[str, Any]], _rng: random.Random) -> list[dict[str, Any]]:
    return logs + [{**log, "address": "0x" + "99" * 20} for log in logs]


def beyond(logs: list[dict[str, Any]], _rng: random.Random) -> list[dict[str, Any]]:
    return logs + [{**log, "blockNumber": "0x7fffffff"} for log in logs]


@pytest.mark.parametrize("twist", [doubled, mixed_up, shouted, foreign, beyond])
async def test_a_node_that_mixes_up_its_logs_does_no_harm(twist: Twist) -> None:
    host = Host(chain())
    rng = random.Random(3)

    def lie(method: str, params: list[Any]) -> dict[str, Any] | None:
        asked = asked_range(method, params)
        if asked is None:
            return None
        honest = [log for b in host.node.chain[asked[0] : asked[1] + 1] for log in b.logs]
        return {"result": twist(cast("list[Any]", msgspec.to_builtins(honest)), rng)}

    host.lie = lie
    assert whole(await read(rpc_of(host), host.node), host.node)


@pytest.mark.parametrize("depth", [0, FINALITY + 20])
async def test_a_log_of_a_block_that_is_not_the_chains_is_refused_final_or_not(depth: int) -> None:
    host = Host(chain(80))
    while not host.node.chain[host.node.height - depth].logs:
        depth += 1
    number = host.node.height - depth

    def lie(method: str, params: list[Any]) -> dict[str, Any] | None:
        asked = asked_range(method, params)
        if asked is None or not asked[0] <= number <= asked[1]:
            return None
        honest = [log for b in host.node.chain[asked[0] : asked[1] + 1] for log in b.logs]
        logs: list[Any] = msgspec.to_builtins(honest)
        stale = {"blockHash": "0x" + "55" * 32}
        return {"result": [x | stale if int(x["blockNumber"], 16) == number else x for x in logs]}

    host.lie = lie
    with pytest.raises(ChainMovedError, match=rf"block {number} is of another block"):
        await read(rpc_of(host), host.node)


async def test_logs_that_an_unfinal_range_leaves_out_are_found_by_hash() -> None:
    host = Host(chain(60))
    host.node.hidden_from_ranges = set(range(host.node.height - FINALITY + 1, host.node.height + 1))
    batches = await read(rpc_of(host), host.node)
    assert whole(batches, host.node)
    assert host.calls["eth_getLogs"] > len(batches)


async def test_an_answer_cut_at_a_round_number_is_asked_for_in_halves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fetch_module, "ROUND_LOGS", 20)
    host = Host(chain())

    def cut(method: str, params: list[Any]) -> dict[str, Any] | None:
        asked = asked_range(method, params)
        if asked is None:
            return None
        honest = [log for b in host.node.chain[asked[0] : asked[1] + 1] for log in b.logs]
        return {"result": msgspec.to_builtins(honest[:20])}

    host.lie = cut
    assert whole(await read(rpc_of(host), host.node), host.node)


async def test_a_block_that_the_node_lost_meanwhile_is_looked_at_again() -> None:
    host = Host(chain(40))
    unknown = error(-32000, "One of the blocks specified in filter cannot be found.")
    host.lie = lambda method, _: unknown if method == "eth_getLogs" else None
    with pytest.raises(ChainMovedError, match="cannot be found"):
        await read(rpc_of(host), host.node)
    host.lie, host.lag = None, 5
    with pytest.raises(ChainMovedError, match="is gone"):
        await read(rpc_of(host), host.node)


async def test_pruned_logs_are_the_nodes_error_and_named() -> None:
    host = Host(chain(60))
    pruned = error(4444, "pruned history unavailable")
    host.lie = lambda method, _: pruned if method == "eth_getLogs" else None
    with pytest.raises(RpcError) as caught:
        await read(rpc_of(host), host.node)
    assert caught.value.refusal is Refusal.HISTORY
