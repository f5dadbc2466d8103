"""The JSON-RPC client against a server that misbehaves."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from berth.chain.rpc import NodeUnreachableError, Rpc, RpcError, call_once
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
    found = await client(result(logs)).logs(1, 2, ["0x1"])
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
        answers[1] = {"id": body[1]["id"], "error": {"code": -32005, "message": "too many"}}
        return httpx.Response(200, json=answers)

    with pytest.raises(RpcError, match="too many"):
        await client(one_bad).batch([("a", ()), ("b", ())])


async def test_a_refused_batch_is_the_nodes_error_not_ours() -> None:
    def refused(body: Any) -> httpx.Response:
        error = {"code": -32600, "message": "batch limit exceeded"}
        return httpx.Response(200, json={"id": None, "error": error})

    with pytest.raises(RpcError, match="batch limit"):
        await client(refused).batch([("a", ())])


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
