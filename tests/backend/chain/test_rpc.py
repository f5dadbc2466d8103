"""The JSON-RPC client against a server that misbehaves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from berth.chain.refusals import Refusal
from berth.chain.rpc import (
    CutError,
    NodeTimeoutError,
    NodeUnreachableError,
    RateLimitedError,
    Rpc,
    RpcError,
    call_once,
)
from berth.chain.throttle import WIDEST, Throttle
from berth.chain.wire import in_chain_order
from berth.core import telemetry
from prometheus_client import generate_latest

Answer = Callable[[Any], httpx.Response]


def client(answer: Answer, **options: Any) -> Rpc:
    def handle(request: httpx.Request) -> httpx.Response:
        return answer(json.loads(request.content))

    url = "http://node.example:8545/key-that-must-not-leak"
    return Rpc(url, backoff=0.0, transport=httpx.MockTransport(handle), **options)


def result(value: Any) -> Answer:
    return lambda body: httpx.Response(200, json={"id": body["id"], "result": value})


async def test_numbers_blocks_and_logs_are_typed() -> None:
    assert await client(result("0x539")).chain_id() == 1337
    header = {"hash": "0xAA", "parentHash": "0xBB", "number": "0x10", "timestamp": "0x20", "x": 1}
    block = await client(result(header)).block(16)
    assert block is not None
    assert (block.number, block.timestamp, block.base_fee) == (16, 32, None)
    assert await client(result(None)).block(16) is None
    logs = [
        {
            "address": "0x1", "topics": [], "data": "0x0a", "blockNumber": "0x2", "blockHash": "0x",
            "transactionHash": "0x", "transactionIndex": "0x0", "logIndex": index,
        }
        for index in ("0x5", "0x1")
    ]  # fmt: skip
    found = in_chain_order(await client(result(logs)).logs(1, 2, ["0x1"]))
    assert [log.log_index for log in found] == [1, 5]
    assert found[0].data == b"\x0a"


async def test_a_batch_keeps_the_calls_order_whatever_the_answers_order() -> None:
    def reversed_answers(body: Any) -> httpx.Response:
        assert len(body) <= 100
        answers = [{"id": call["id"], "result": call["params"][0]} for call in body]
        return httpx.Response(200, json=answers[::-1])

    calls = [("echo", (f"0x{n:x}",)) for n in range(250)]
    assert await client(reversed_answers).batch(calls, str) == [f"0x{n:x}" for n in range(250)]


async def test_an_error_of_one_call_of_a_batch_is_raised() -> None:
    def one_bad(body: Any) -> httpx.Response:
        answers: list[Any] = [{"id": call["id"], "result": "0x1"} for call in body]
        answers[1] = {"id": body[1]["id"], "error": {"code": -32000, "message": "nonce too low"}}
        return httpx.Response(200, json=answers)

    with pytest.raises(RpcError, match="nonce too low"):
        await client(one_bad).batch([("a", ()), ("b", ())])


def one_by_one(body: Any) -> httpx.Response:
    if isinstance(body, list):
        error = {"code": -32600, "message": "batch limit exceeded"}
        return httpx.Response(200, json={"id": None, "error": error})
    return httpx.Response(200, json={"id": body["id"], "result": body["params"][0]})


def truncated(body: Any) -> httpx.Response:
    calls = body if isinstance(body, list) else [body]
    answers = [{"id": call["id"], "result": call["params"][0]} for call in calls[:7]]
    return httpx.Response(200, json=answers if isinstance(body, list) else answers[0])


def too_large(body: Any) -> httpx.Response:
    if isinstance(body, list) and len(body) > 30:
        return httpx.Response(413)
    answers = [{"id": call["id"], "result": call["params"][0]} for call in body]
    return httpx.Response(200, json=answers)


@pytest.mark.parametrize("node", [one_by_one, truncated, too_large])
async def test_batches_shrink_to_what_the_node_takes(node: Answer) -> None:
    asked: list[int] = []

    def counted(body: Any) -> httpx.Response:
        asked.append(len(body) if isinstance(body, list) else 1)
        return node(body)

    rpc = client(counted)
    calls = [("echo", (f"0x{n:x}",)) for n in range(64)]
    assert await rpc.batch(calls, str) == [call[1][0] for call in calls]
    learned = len(asked)
    assert await rpc.batch(calls, str) == [call[1][0] for call in calls]
    assert max(asked[learned:]) < 64  # it does not learn it anew


async def test_a_call_that_is_refused_alone_is_the_nodes_error() -> None:
    def refused(body: Any) -> httpx.Response:
        error = {"code": -32600, "message": "batch limit exceeded"}
        return httpx.Response(200, json={"id": None, "error": error})

    with pytest.raises(RpcError, match="batch limit"):
        await client(refused).batch([("a", ()), ("b", ())])


@pytest.mark.parametrize(
    "complaint",
    [
        lambda body: httpx.Response(429, headers={"Retry-After": "0.01"}),
        lambda body: httpx.Response(
            200,
            json={"id": body["id"], "error": {"code": -32005, "message": "rate limit exceeded"}},
        ),
    ],
)
async def test_a_node_that_wants_fewer_requests_gets_fewer(complaint: Answer) -> None:
    left = 3

    def complains(body: Any) -> httpx.Response:
        nonlocal left
        left -= 1
        return complaint(body) if left >= 0 else result("0x1")(body)

    rpc = client(complains)
    assert await rpc.chain_id() == 1
    assert rpc.throttle.complaints == 3
    narrow = rpc.throttle.width
    assert narrow < WIDEST
    for _ in range(WIDEST**2):
        await rpc.chain_id()
    assert rpc.throttle.width == WIDEST


async def test_a_limit_that_lasts_is_said_to_be_one() -> None:
    with pytest.raises(RateLimitedError, match="429") as caught:
        await client(lambda _body: httpx.Response(429), retries=2).chain_id()
    assert caught.value.code == "chain.unreachable"


async def test_a_long_pause_that_a_node_wants_is_kept_without_asking_it() -> None:
    asked = 0

    def later(body: Any) -> httpx.Response:
        nonlocal asked
        asked += 1
        return httpx.Response(429, headers={"Retry-After": "3600"})

    rpc = client(later)
    for _ in range(3):
        with pytest.raises(RateLimitedError) as caught:
            await rpc.chain_id()
        assert 0 < caught.value.seconds <= 60
    assert asked == 1


async def test_requests_at_once_are_held_to_what_the_node_bears() -> None:
    throttle = Throttle(widest=4)
    active = most = 0

    async def one() -> None:
        nonlocal active, most
        async with throttle.turn(1.0):
            active += 1
            most = max(most, active)
            await asyncio.sleep(0)
            active -= 1

    await asyncio.gather(*(one() for _ in range(30)))
    assert most == 4
    throttle.complained(0.0)
    throttle.complained(0.0)  # of the same moment: one complaint
    most = 0
    tasks = [asyncio.create_task(one()) for _ in range(30)]
    await asyncio.sleep(0)
    for task in tasks[2:10]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert most == 2


async def test_logs_come_in_lower_case_whatever_the_node_writes() -> None:
    log = {
        "address": "0xAbC", "topics": ["0xDD"], "data": "0x0A", "blockNumber": "0xA",
        "blockHash": "0xEF", "transactionHash": "0xFF", "transactionIndex": "0xB",
        "logIndex": "0xC", "removed": True, "blockTimestamp": "0x1",
    }  # fmt: skip
    found = (await client(result([log])).block_logs("0xEF", []))[0]
    assert (found.address, found.topics, found.block_hash) == ("0xabc", ["0xdd"], "0xef")
    assert (found.block_number, found.transaction_index, found.log_index) == (10, 11, 12)
    assert (found.data, found.transaction_hash, found.removed) == (b"\x0a", "0xff", True)


async def test_a_range_that_takes_too_long_is_too_wide_until_the_node_is_silent() -> None:
    def never(body: Any) -> httpx.Response:
        raise httpx.ReadTimeout("")

    rpc = client(never)
    for _ in range(2):
        with pytest.raises(RpcError) as caught:
            await rpc.logs(1, 9, [])
        assert caught.value.refusal is Refusal.RANGE
    with pytest.raises(NodeTimeoutError):
        await rpc.logs(1, 9, [])
    with pytest.raises(NodeTimeoutError):
        await client(never, retries=0).logs(9, 9, [])


async def test_ranges_that_time_out_together_count_as_one() -> None:
    waiting = asyncio.Event()

    class Stuck(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await waiting.wait()
            raise httpx.ReadTimeout("")

    rpc = Rpc("http://node:8545", transport=Stuck(), backoff=0.0)
    together = [asyncio.create_task(rpc.logs(n, n + 9, [])) for n in range(8)]
    await asyncio.sleep(0.01)
    waiting.set()
    errors = await asyncio.gather(*together, return_exceptions=True)
    assert all(isinstance(e, RpcError) and e.refusal is Refusal.RANGE for e in errors)
    with pytest.raises(RpcError):
        await rpc.logs(1, 9, [])
    with pytest.raises(NodeTimeoutError):
        await rpc.logs(1, 9, [])


async def test_of_an_answer_that_is_cut_the_whole_logs_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = {
        "address": "0xAb", "topics": ["0xDD"], "data": "0x0A", "blockNumber": "0xA",
        "blockHash": "0xEF", "transactionHash": "0xFF", "transactionIndex": "0x0",
    }  # fmt: skip
    logs = [log | {"logIndex": hex(n)} for n in range(1000)]
    whole = len(result(logs)({"id": 1}).content)

    class Pieces(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            content = result(logs)({"id": 1}).content
            for start in range(0, whole, 1000):
                yield content[start : start + 1000]

    monkeypatch.setattr("berth.chain.rpc.LONGEST_ANSWER", whole // 2)
    rpc = client(lambda _: httpx.Response(200, stream=Pieces()))
    with pytest.raises(CutError) as caught:
        await rpc.logs(1, 99, [])
    found = caught.value.logs
    assert 490 < len(found) < 510
    assert [log.log_index for log in found] == list(range(len(found)))
    assert caught.value.refusal is Refusal.RANGE


async def test_an_answer_longer_than_memory_allows_is_asked_for_in_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("berth.chain.rpc.LONGEST_ANSWER", 500)

    def long(body: Any) -> httpx.Response:
        calls = body if isinstance(body, list) else [body]
        answers = [{"id": call["id"], "result": "0x" + "7" * 90} for call in calls]
        return httpx.Response(200, json=answers if isinstance(body, list) else answers[0])

    assert len(await client(long).batch([("a", ())] * 40, str)) == 40
    with pytest.raises(RpcError) as caught:
        await client(lambda body: result("7" * 900)(body)).logs(1, 9, [])
    assert caught.value.refusal is Refusal.RANGE


async def test_what_might_act_twice_is_sent_once() -> None:
    sent = 0

    def lost(body: Any) -> httpx.Response:
        nonlocal sent
        sent += 1
        raise httpx.ReadError("gone")

    for method in ("eth_sendTransaction", "evm_mine"):
        with pytest.raises(NodeUnreachableError):
            await client(lost).call(method)
    assert sent == 2


async def test_a_busy_node_is_asked_again_and_then_given_up() -> None:
    tries = 0

    def busy_twice(body: Any) -> httpx.Response:
        nonlocal tries
        tries += 1
        if tries < 3:
            return httpx.Response(429)
        return httpx.Response(200, json={"id": body["id"], "result": "0x1"})

    assert await client(busy_twice).chain_id() == 1
    assert tries == 3
    with pytest.raises(NodeUnreachableError, match="HTTP status 503"):
        await client(lambda _body: httpx.Response(503), retries=1).chain_id()


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(404, text="not here"),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json={"id": 0, "result": {"no": "number"}}),
    ],
)
async def test_what_is_no_node_is_said_to_be_none(response: httpx.Response) -> None:
    with pytest.raises(NodeUnreachableError) as caught:
        await client(lambda _body: response, retries=0).chain_id()
    assert "node unreachable at http://node.example:8545:" in str(caught.value)
    assert "leak" not in str(caught.value)


async def test_an_error_with_http_status_400_is_still_the_nodes_error() -> None:
    def bad(body: Any) -> httpx.Response:
        error = {"code": 3, "message": "execution reverted", "data": "0x1234"}
        return httpx.Response(400, json={"id": body["id"], "error": error})

    with pytest.raises(RpcError) as caught:
        await client(bad).eth_call("0x1", b"")
    assert caught.value.data == b"\x12\x34"


def test_nothing_listens_there() -> None:
    with pytest.raises(NodeUnreachableError, match=r"127\.0\.0\.1:9"):
        call_once("http://127.0.0.1:9", "eth_chainId")


@pytest.mark.parametrize("url", ["ws://127.0.0.1:8545", "127.0.0.1:8545", "http://"])
def test_an_address_that_is_not_http_is_refused(url: str) -> None:
    with pytest.raises(Exception, match="HTTP address"):
        Rpc(url)


async def test_tries_and_failures_are_counted_by_node_and_method_and_keep_its_key_secret() -> None:
    def counted(name: str, **labels: str) -> float:
        labels = {"node": "http://node.example:8545", "method": "eth_counted", **labels}
        return telemetry.REGISTRY.get_sample_value(name, labels) or 0.0

    answers = [
        httpx.Response(503),
        httpx.Response(200, json={"id": 0, "error": {"code": 1, "message": "no"}}),
    ]
    with pytest.raises(RpcError):
        await client(lambda _body: answers.pop(0)).call("eth_counted")
    assert counted("berth_rpc_requests_total") == 2
    assert counted("berth_rpc_errors_total", kind="status") == 1
    assert counted("berth_rpc_errors_total", kind="error") == 1
    assert counted("berth_rpc_seconds_count") == 1
    assert b"key-that-must-not-leak" not in generate_latest(telemetry.REGISTRY)
