"""A node that answers a contract's reads as the test says, function by function."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from berth.chain.abi import load_abi
from berth.chain.rpc import RpcError
from berth.core.deployment import Deployment
from eth_abi.abi import encode


class AnsweringNode:
    """Answers `eth_call` by function: `answers["quote"] = lambda arguments: 123`."""

    where = "fake node"

    def __init__(self, deployment: Deployment) -> None:
        self.answers: dict[str, Callable[[dict[str, Any]], Any]] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.senders: list[str | None] = []
        self.codes: dict[str, bytes] = {}
        self.transactions: dict[str, dict[str, str]] = {}
        self.chain = deployment.chain_id
        self._genesis = deployment.genesis_hash
        self._functions = {
            entry.selector: entry
            for name in ("ParkingMarket", "TestToken", "TitleRegistry")
            for entry in load_abi(name).functions.values()
        }

    async def chain_id(self) -> int:
        return self.chain

    async def block(self, _which: int | str) -> SimpleNamespace:
        return SimpleNamespace(hash=self._genesis)

    async def code(self, address: str) -> bytes:
        return self.codes.get(address, b"\x60")

    async def call(self, method: str, *params: Any) -> Any:
        if method == "eth_getTransactionByHash":
            return self.transactions.get(params[0])
        assert method == "eth_call"
        return "0x00"  # of code that was never mined: no

    async def typed(self, _kind: type, method: str, *_params: Any) -> str:
        assert method == "eth_estimateGas"
        return "0x5208"

    async def receipt(self, _tx_hash: str) -> None:
        return None  # what is known is never mined

    async def eth_call(
        self,
        to: str,
        data: bytes,
        *,
        sender: str | None = None,
        block: int | str = "latest",
        gas: int | None = None,
    ) -> bytes:
        entry = self._functions.get(data[:4])
        if entry is None:
            raw = self.answers.get(data[:4].hex())
            return raw({"to": to, "data": data[4:]}) if raw else b""
        arguments = entry.decode_inputs(data[4:])
        self.calls.append((entry.name, arguments | {"block": block}))
        self.senders.append(sender)
        handler = self.answers.get(entry.name)
        if handler is None:
            raise RpcError("eth_call", 3, f"execution reverted: no answer for {entry.name}", b"")
        result = handler(arguments)
        values = list(result) if isinstance(result, tuple) else [result]
        return encode([p.canonical for p in entry.outputs], values)
