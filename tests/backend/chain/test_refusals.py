"""What nodes say when they refuse, and what is made of it."""

from __future__ import annotations

import pytest
from berth.chain.refusals import Refusal, read_refusal, suggested_width

LOGS = "eth_getLogs"


@pytest.mark.parametrize(
    ("code", "text", "width"),
    [
        (-32005, "query returned more than 10000 results", None),
        (
            -32005,
            "query returned more than 10000 results. Try with this range [0x64, 0xC7].",
            100,
        ),
        (
            -32602,
            (
                "Log response size exceeded. You can make eth_getLogs requests with up to a 2K"
                " block range and no limit on the response size. Based on your parameters and the"
                " response size limit, this block range should work: [0x0, 0x9]"
            ),
            10,
        ),
        (-32000, "Query timeout exceeded. Consider reducing your block range.", None),
        (-32602, "query exceeds max results 20000, retry with the range 6000000-6000509", 510),
        (-32614, "eth_getLogs is limited to a 10,000 range", 10_000),
        (-32000, "eth_getLogs is limited to 0 - 10000 blocks range", 10_000),
        (-32600, "block range is too wide", None),
        (-32000, "exceed maximum block range: 5000", 5000),
        (-32000, "block range too large (2000), maximum allowed is 1000 blocks", 1000),
        (-32000, "query exceeds max block range 100000", 100_000),
        (-32000, "range is too large, max is 1k blocks", 1000),
        (-32701, "Please limit the query to at most 500 blocks", 500),
        (-32000, "requested too many blocks from 0 to 5000000, maximum is set to 1024", 1024),
        (-32012, "requested range too large", None),
        (-32005, "Requested range exceeds maximum RPC range limit", None),
        (-32008, "Response is too big", None),
        (-32005, "logs matched by query exceeds limit of 10000", None),
        (-32002, "request timed out", None),
        (-32000, "context deadline exceeded", None),
        (-32005, "limit exceeded", None),
    ],
)
def test_too_much_asked_is_told_with_the_width_the_node_names(
    code: int, text: str, width: int | None
) -> None:
    assert read_refusal(LOGS, code, text) is Refusal.RANGE
    assert suggested_width(text) == width


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (-32005, "daily request count exceeded, request rate limited"),
        (429, "Your app has exceeded its compute units per second capacity."),
        (-32007, "50/second request limit reached - reduce calls per second or upgrade"),
        (-32029, "Too Many Requests"),
        (-32016, "over rate limit"),
        (-32097, "blocked"),
        (-32005, "rate limit exceeded"),
        (-32000, "quota exceeded"),
    ],
)
@pytest.mark.parametrize("method", [LOGS, "eth_call"])
def test_too_often_asked_is_not_taken_for_too_much(method: str, code: int, text: str) -> None:
    assert read_refusal(method, code, text) is Refusal.RATE


@pytest.mark.parametrize(
    ("code", "text", "meant"),
    [
        (4444, "Pruned history unavailable", Refusal.HISTORY),
        (-32000, "missing trie node 1a2b (path ) state 0x1a is not available", Refusal.HISTORY),
        (-32000, "history has been pruned for this block", Refusal.HISTORY),
        (-32602, "Receipts for block 7 (0x1) are neither stored nor reproducible", Refusal.HISTORY),
        (-32000, "header not found", Refusal.ABSENT),
        (-32000, "unknown block", Refusal.ABSENT),
        (-32000, "One of the blocks specified in filter cannot be found.", Refusal.ABSENT),
        (-32602, "block range extends beyond current head block", Refusal.ABSENT),
        (-32600, "batch limit exceeded", Refusal.BATCH),
        (-32011, "no backend is currently healthy to serve traffic", Refusal.DOWN),
        (3, "execution reverted: too many results", Refusal.OTHER),
        (-32000, "nonce too low", Refusal.OTHER),
        (-32601, "the method does not exist", Refusal.OTHER),
    ],
)
def test_other_refusals_keep_apart(code: int, text: str, meant: Refusal) -> None:
    assert read_refusal(LOGS, code, text) is meant


def test_a_transaction_that_is_refused_is_never_taken_for_a_range() -> None:
    assert read_refusal("eth_sendRawTransaction", -32000, "tx size too large") is Refusal.OTHER
    assert read_refusal("eth_call", -32000, "execution timeout") is Refusal.OTHER


def test_only_the_head_of_a_text_is_read() -> None:
    assert suggested_width("x" * 10_000 + "[0x1, 0x2]") is None
    assert suggested_width("try [0x9, 0x2]") is None
    assert suggested_width("max range 0") is None
