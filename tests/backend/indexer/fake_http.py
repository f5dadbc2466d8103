"""Fake nodes behind HTTP: the real client, with hosts that lie, limit, lag and fall silent."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec
from berth.chain.rpc import RpcError
from berth.core.deployment import Deployment
from fake_node import FakeNode

#: Sees a method and its parameters; a result or an error object instead of the honest answer.
Lie = Callable[[str, list[Any]], dict[str, Any] | None]


@dataclass
class Host:
    """One address. `lag`: blocks at the top that it does not know yet."""

    node: FakeNode
    lag: int = 0
    down: bool = False
    hung: bool = False
    limited: float | None = None
    chain_id: int | None = None
    lie: Lie | None = None
    calls: Counter[str] = field(default_factory=Counter)

    async def answer(self, method: str, params: list[Any]) -> dict[str, Any]:
        self.calls[method] += 1
        lie = self.lie(method, params) if self.lie is not None else None
        if lie is not None:
            return lie
        try:
            return {"result": await self._result(method, params)}
        except RpcError as error:
            return {"error": {"code": error.rpc_code, "message": error.text}}

    async def _result(self, method: str, params: list[Any]) -> Any:
        node, height = self.node, self.node.height - self.lag
        if method == "eth_chainId":
            return hex(self.chain_id or await node.chain_id())
        if method == "eth_blockNumber":
            return hex(height)
        if method == "eth_getCode":
            code = await node.code(params[0])
            return "0x" + (code if height >= 2 else b"").hex()
        if method == "eth_getBlockByNumber":
            tag = params[0]
            if not tag.startswith("0x"):
                block = await node.block(tag) if tag != "latest" else node.chain[height].header
                return msgspec.to_builtins(block)
            number = int(tag, 16)
            return msgspec.to_builtins(await node.block(number)) if number <= height else None
        if method == "eth_getLogs":
            query = params[0]
            if "blockHash" in query:
                if query["blockHash"] in [b.header.hash for b in node.chain[height + 1 :]]:
                    raise RpcError(method, -32000, "unknown block", None)
                found = await node.block_logs(query["blockHash"], query["address"])
            else:
                last = min(int(query["toBlock"], 16), height)
                found = await node.logs(int(query["fromBlock"], 16), last, query["address"])
            return msgspec.to_builtins(found)
        raise RpcError(method, -32601, "no such method", None)


class Net(httpx.AsyncBaseTransport):
    """Hosts by name; give it to a client as its transport."""

    def __init__(self, **hosts: Host) -> None:
        self.hosts = hosts

    @property
    def urls(self) -> list[str]:
        return [f"http://{name}:8545/key" for name in self.hosts]

    @property
    def deployment(self) -> Deployment:
        return next(iter(self.hosts.values())).node.deployment

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = self.hosts[request.url.host]
        body = json.loads(await request.aread())
        if host.down:
            raise httpx.ConnectError("refused")
        if host.hung:
            host.calls["hung"] += 1
            raise httpx.ReadTimeout("")
        if host.limited is not None:
            host.calls["limited"] += 1
            return httpx.Response(429, headers={"Retry-After": str(host.limited)})
        calls = body if isinstance(body, list) else [body]
        answers = [
            {"id": call["id"], **await host.answer(call["method"], call["params"])}
            for call in calls
        ]
        return httpx.Response(200, json=answers if isinstance(body, list) else answers[0])
