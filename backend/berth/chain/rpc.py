"""An async JSON-RPC client: batches, timeouts, retries, typed errors; JSON decoded by msgspec.

web3.py is left out on purpose: its codec costs a millisecond a log.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec

from berth.chain.wire import Block, Log, Receipt
from berth.core import telemetry
from berth.core.errors import BerthError

T = TypeVar("T")

#: Calls in one HTTP request; public nodes refuse much larger batches.
BATCH = 100
_BUSY = frozenset({408, 429, 502, 503, 504})


class NodeUnreachableError(BerthError):
    """The node did not answer, or not as a node does."""

    def __init__(self, where: str, reason: str) -> None:
        message = f"node unreachable at {where}: {reason}"
        super().__init__("chain.unreachable", message, field="BERTH_RPC_URL", status=503)


class RpcError(BerthError):
    """The node answered with an error. `data` is a revert's data where there is some."""

    def __init__(self, method: str, rpc_code: int, text: str, data: bytes | None) -> None:
        super().__init__("chain.rpc", f"{method}: {text} (code {rpc_code})", status=502)
        self.method = method
        self.rpc_code = rpc_code
        self.text = text
        self.data = data


class _Fault(msgspec.Struct):
    code: int = 0
    message: str = ""
    data: Any = None


class _Answer(msgspec.Struct):
    id: int | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: _Fault | None = None


_ONE = msgspec.json.Decoder(_Answer)
_MANY = msgspec.json.Decoder(list[_Answer])
_ENCODE = msgspec.json.Encoder().encode


class Rpc:
    """One node. Close it when done; safe for many tasks of one event loop."""

    def __init__(
        self,
        url: str,
        *,
        timeout: float = 10.0,
        retries: int = 4,
        backoff: float = 0.1,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`timeout` and `backoff` in seconds; `transport` carries requests instead of sockets."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            message = f"give the node's HTTP address, http://HOST:PORT, not {parts.scheme!r}"
            raise BerthError("chain.url", message, field="BERTH_RPC_URL", exit_code=2)
        self.url = url
        # A provider's URL often holds an API key: errors and logs name scheme, host and port only.
        port = f":{parts.port}" if parts.port else ""
        self.where = f"{parts.scheme}://{parts.hostname}{port}"
        self._retries = retries
        self._backoff = backoff
        self._next_id = 0
        self._http = httpx.AsyncClient(
            timeout=timeout,
            headers={"Content-Type": "application/json"},
            trust_env=parts.hostname not in ("127.0.0.1", "localhost", "::1"),
            limits=httpx.Limits(max_connections=16, max_keepalive_connections=8),
            transport=transport,
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Rpc:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def call(self, method: str, *params: Any) -> Any:
        """The result as plain JSON values. Raises RpcError, NodeUnreachableError."""
        return msgspec.json.decode(await self._result(method, params))

    async def typed(self, kind: type[T], method: str, *params: Any) -> T:
        """The result decoded into `kind`."""
        result: T = self._decode(kind, await self._result(method, params))
        return result

    async def batch(
        self, calls: Sequence[tuple[str, Sequence[Any]]], kind: type[T] | Any = Any
    ) -> list[T]:
        """Many calls, few requests; results in the calls' order. Raises the first error."""
        results: list[T] = []
        for first in range(0, len(calls), BATCH):
            part = calls[first : first + BATCH]
            base = self._take_ids(len(part))
            body = _ENCODE(
                [
                    {"jsonrpc": "2.0", "id": base + n, "method": method, "params": list(params)}
                    for n, (method, params) in enumerate(part)
                ]
            )
            content = await self._post(body, part[0][0])
            try:
                answers = {a.id: a for a in _MANY.decode(content)}
            except msgspec.ValidationError:
                # a node refuses a whole batch with one error object
                self._raise_for(part[0][0], self._answer(content))
                raise NodeUnreachableError(self.where, "answered a batch with one result") from None
            except msgspec.DecodeError as error:
                raise NodeUnreachableError(self.where, f"answered with no JSON: {error}") from error
            for n, (method, _params) in enumerate(part):
                answer = answers.get(base + n)
                if answer is None:
                    raise NodeUnreachableError(self.where, f"left {method} of a batch unanswered")
                self._raise_for(method, answer)
                results.append(self._decode(kind, answer.result))
        return results

    # ---- the calls we make, typed

    async def chain_id(self) -> int:
        return int(await self.typed(str, "eth_chainId"), 16)

    async def block_number(self) -> int:
        return int(await self.typed(str, "eth_blockNumber"), 16)

    async def block(self, which: int | str) -> Block | None:
        """A header by number, "latest", "pending" or hash; None when the node has none."""
        if isinstance(which, str) and which.startswith("0x"):
            return await self.typed(_MaybeBlock, "eth_getBlockByHash", which, False)
        tag = hex(which) if isinstance(which, int) else which
        return await self.typed(_MaybeBlock, "eth_getBlockByNumber", tag, False)

    async def blocks(self, numbers: Sequence[int]) -> list[Block | None]:
        """Headers of many numbers, in their order."""
        calls = [("eth_getBlockByNumber", (hex(number), False)) for number in numbers]
        return await self.batch(calls, _MaybeBlock)

    async def logs(self, first: int, last: int, addresses: Sequence[str]) -> list[Log]:
        """Logs of blocks first to last, both included, in chain order."""
        query = {"fromBlock": hex(first), "toBlock": hex(last), "address": list(addresses)}
        return sorted(await self.typed(list[Log], "eth_getLogs", query), key=_place)

    async def block_logs(self, block_hash: str, addresses: Sequence[str]) -> list[Log]:
        """Logs of one block, named by hash: the node must know that very block."""
        query = {"blockHash": block_hash, "address": list(addresses)}
        return sorted(await self.typed(list[Log], "eth_getLogs", query), key=_place)

    async def code(self, address: str) -> bytes:
        return bytes.fromhex((await self.typed(str, "eth_getCode", address, "latest"))[2:])

    async def receipt(self, tx_hash: str) -> Receipt | None:
        return await self.typed(_MaybeReceipt, "eth_getTransactionReceipt", tx_hash)

    async def eth_call(
        self, to: str, data: bytes, *, sender: str | None = None, block: int | str = "latest"
    ) -> bytes:
        """Returned bytes of a read. A revert is an RpcError with data."""
        call = {"to": to, "data": "0x" + data.hex()}
        if sender is not None:
            call["from"] = sender
        tag = hex(block) if isinstance(block, int) else block
        return bytes.fromhex((await self.typed(str, "eth_call", call, tag))[2:])

    # ---- transport

    def _take_ids(self, count: int) -> int:
        first = self._next_id
        self._next_id += count
        return first

    async def _result(self, method: str, params: Sequence[Any]) -> msgspec.Raw:
        number = self._take_ids(1)
        body = {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}
        answer = self._answer(await self._post(_ENCODE(body), method))
        self._raise_for(method, answer)
        return answer.result

    async def _post(self, body: bytes, method: str) -> bytes:
        """The answer's bytes. `method` (of a batch the first one) is for the counters only."""
        attempt = 0
        while True:
            began = time.perf_counter()
            try:
                response = await self._http.post(self.url, content=body)
                if response.status_code not in _BUSY:
                    telemetry.rpc(self.where, method, time.perf_counter() - began)
                    return self._content(response)
                kind, reason = "status", f"HTTP status {response.status_code}"
            except httpx.TimeoutException:
                kind, reason = "timeout", "no answer in time"
            except httpx.TransportError as error:
                kind, reason = "transport", str(error) or type(error).__name__
            telemetry.rpc(self.where, method, 0.0, kind)
            if attempt >= self._retries:
                raise NodeUnreachableError(self.where, reason)
            await asyncio.sleep(self._backoff * 2**attempt)
            attempt += 1

    def _content(self, response: httpx.Response) -> bytes:
        # Some nodes give errors with status 400 or 500 and a proper JSON-RPC body.
        if response.status_code >= 400 and not response.content.lstrip().startswith((b"{", b"[")):
            raise NodeUnreachableError(self.where, f"HTTP status {response.status_code}")
        return response.content

    def _answer(self, content: bytes) -> _Answer:
        try:
            return _ONE.decode(content)
        except msgspec.DecodeError as error:
            raise NodeUnreachableError(self.where, f"does not speak JSON-RPC: {error}") from error

    def _decode(self, kind: Any, raw: msgspec.Raw) -> Any:
        try:
            return msgspec.json.decode(raw, type=kind)
        except msgspec.DecodeError as error:
            raise NodeUnreachableError(self.where, f"gave an unexpected answer: {error}") from error

    def _raise_for(self, method: str, answer: _Answer) -> None:
        fault = answer.error
        if fault is not None:
            telemetry.RPC_ERRORS.labels(self.where, method, "error").inc()
            raise RpcError(method, fault.code, fault.message, revert_data(fault.data))


def revert_data(data: Any) -> bytes | None:
    """A revert's bytes in an error's `data`: hex text, or Ganache's object with `result`."""
    if isinstance(data, dict):
        data = data.get("result", data.get("data"))
    if isinstance(data, str) and data.startswith("0x"):
        try:
            return bytes.fromhex(data[2:])
        except ValueError:
            return None
    return None


def call_once(url: str, method: str, *params: Any) -> Any:
    """One call without an event loop, for commands and scripts."""

    async def once() -> Any:
        async with Rpc(url) as rpc:
            return await rpc.call(method, *params)

    return asyncio.run(once())


def _place(log: Log) -> tuple[int, int]:
    return log.block_number, log.log_index


_MaybeBlock: Any = Block | None
_MaybeReceipt: Any = Receipt | None
