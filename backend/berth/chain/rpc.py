"""An async JSON-RPC client: batches, timeouts, retries, typed errors; JSON decoded by msgspec.

It gives way to its node: fewer requests at once after "too many requests", smaller batches after
one was refused. web3.py is left out on purpose: its codec costs a millisecond a log.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec

from berth.chain.refusals import Refusal, read_refusal
from berth.chain.rpc_errors import (
    CutError,
    NodeTimeoutError,
    NodeUnreachableError,
    RateLimitedError,
    RpcError,
    revert_data,
)
from berth.chain.throttle import WIDEST, PausedError, Throttle
from berth.chain.wire import Block, FoundLog, Log, Receipt
from berth.core import telemetry
from berth.core.errors import BerthError

__all__ = [
    "CutError",
    "NodeTimeoutError",
    "NodeUnreachableError",
    "RateLimitedError",
    "Rpc",
    "RpcError",
    "call_once",
]

T = TypeVar("T")

#: Calls in one HTTP request to begin with; public nodes refuse much larger batches.
BATCH = 100
#: Bytes of one answer that are held in memory; one that is longer is asked for in parts.
LONGEST_ANSWER = 8 * 2**20
#: An answer as a whole may take so many times the timeout, which is that of its next bytes.
WHOLE_ANSWER = 6
#: Timeouts one after another after which a node is called silent rather than overtaxed.
SILENT_AFTER = 3
#: Longest pause, in seconds, that a node is granted for a wish of its own.
LONGEST_PAUSE = 60.0
_BUSY = frozenset({408, 502, 503, 504})
_TOO_LARGE = 413
_LIMITED = 429
#: Sent again after an unclear end they might act twice.
ONCE_ONLY = ("eth_sendTransaction", "evm_", "miner_", "anvil_", "hardhat_")


class _Fault(msgspec.Struct):
    code: int = 0
    message: str = ""
    data: Any = None


class _Answer(msgspec.Struct):
    id: int | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: _Fault | None = None


class _Logs(msgspec.Struct):
    result: list[FoundLog]


class _Again(Exception):  # noqa: N818 - not an error yet
    """A try failed in a way that may pass. `error` is raised when there are no more tries."""

    def __init__(self, error: NodeUnreachableError, pause: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.pause = pause  # seconds, of a node that wants fewer requests


_ONE = msgspec.json.Decoder(_Answer)
_MANY = msgspec.json.Decoder(list[_Answer])
_LOGS = msgspec.json.Decoder(_Logs)
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
        self._timeout = timeout
        self._retries = retries
        self._backoff = backoff
        self._next_id = 0
        self._batch = BATCH
        self._timeouts = 0
        self._timed_out_at = 0.0
        self.throttle = Throttle()
        self._http = httpx.AsyncClient(
            timeout=timeout,
            headers={"Content-Type": "application/json"},
            trust_env=parts.hostname not in ("127.0.0.1", "localhost", "::1"),
            limits=httpx.Limits(max_connections=WIDEST, max_keepalive_connections=WIDEST),
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
        while len(results) < len(calls):
            part = calls[len(results) : len(results) + self._batch]
            if len(part) == 1:
                results.append(self._decode(kind, await self._result(*part[0])))
                continue
            try:
                results += await self._part(part, kind)
            except RpcError as error:
                if error.refusal not in (Refusal.BATCH, Refusal.RANGE):
                    raise
                self._batch = max(1, len(part) // 2)
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
        """Logs of blocks first to last, both included, as the node orders them; hex in lower case.

        A node that is given too much says so by an RpcError with refusal RANGE; one that takes too
        long over several blocks is understood to say so too. Of an answer that is too long to be
        held CutError has the logs that came.
        """
        query = {"fromBlock": hex(first), "toBlock": hex(last), "address": list(addresses)}
        try:
            return await self._found(query, repeat_timeout=first == last)
        except NodeTimeoutError as error:
            if first == last or self._timeouts >= SILENT_AFTER:
                raise
            text = "no answer in time for so many blocks"
            raise RpcError("eth_getLogs", 0, text, None, Refusal.RANGE) from error

    async def block_logs(self, block_hash: str, addresses: Sequence[str]) -> list[Log]:
        """Logs of one block, named by hash: the node must know that very block."""
        return await self._found({"blockHash": block_hash, "address": list(addresses)})

    async def code(self, address: str, block: int | str = "latest") -> bytes:
        tag = hex(block) if isinstance(block, int) else block
        return bytes.fromhex((await self.typed(str, "eth_getCode", address, tag))[2:])

    async def receipt(self, tx_hash: str) -> Receipt | None:
        return await self.typed(_MaybeReceipt, "eth_getTransactionReceipt", tx_hash)

    async def eth_call(
        self,
        to: str,
        data: bytes,
        *,
        sender: str | None = None,
        block: int | str = "latest",
        gas: int | None = None,
    ) -> bytes:
        """Returned bytes of a read, for `gas` at most. A revert is an RpcError with data."""
        call = {"to": to, "data": "0x" + data.hex()}
        if gas is not None:
            call["gas"] = hex(gas)
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
        def read(content: bytes) -> msgspec.Raw:
            answer = self._answer(content)
            self._raise_for(method, answer)
            return answer.result

        return await self._exchange(method, self._one(method, params), read)

    async def _found(self, query: dict[str, Any], *, repeat_timeout: bool = True) -> list[Log]:
        method = "eth_getLogs"

        def read(content: bytes) -> list[Log]:
            try:
                return _LOGS.decode(content.lower()).result  # type: ignore[return-value]
            except msgspec.DecodeError as error:
                self._raise_for(method, self._answer(content))
                raise self._strange(error) from error

        body = self._one(method, (query,))
        try:
            return await self._exchange(method, body, read, repeat_timeout=repeat_timeout)
        except CutError as error:
            error.logs = _begun(error.begun)
            raise

    async def _part(self, part: Sequence[tuple[str, Sequence[Any]]], kind: Any) -> list[Any]:
        """One batch, or RpcError with refusal BATCH when the node does not take it.

        Calls of it that the node puts off for their number are sent again without the others.
        """
        base = self._take_ids(len(part))
        results: dict[int, Any] = {}

        def body() -> bytes:
            return _ENCODE(
                [
                    {"jsonrpc": "2.0", "id": base + n, "method": method, "params": list(params)}
                    for n, (method, params) in enumerate(part)
                    if n not in results
                ]
            )

        def read(content: bytes) -> list[Any]:
            answers = self._answers(part[0][0], content)
            put_off: RpcError | None = None
            for n, (method, _params) in enumerate(part):
                if n in results:
                    continue
                answer = answers.get(base + n)
                if answer is None:
                    raise RpcError(method, 0, "no answer in its batch", None, Refusal.BATCH)
                try:
                    self._raise_for(method, answer)
                except RpcError as error:
                    if error.refusal is not Refusal.RATE:
                        raise
                    put_off = error
                else:
                    results[n] = self._decode(kind, answer.result)
            if put_off is not None:
                raise put_off
            return [results[n] for n in range(len(part))]

        return await self._exchange(part[0][0], body, read)

    def _answers(self, first: str, content: bytes) -> dict[int | None, _Answer]:
        """The answers of a batch whose first call is `first`, by id."""
        try:
            return {answer.id: answer for answer in _MANY.decode(content)}
        except msgspec.ValidationError:
            answer = self._answer(content)  # one for the whole batch
        except msgspec.DecodeError as error:
            raise NodeUnreachableError(self.where, f"answered with no JSON: {error}") from error
        fault = answer.error
        if fault is not None and read_refusal("", fault.code, fault.message) in _FOR_LATER:
            self._raise_for(first, answer)
        text = fault.message if fault is not None else "answered with one result"
        raise RpcError(first, 0, f"batch: {text}", None, Refusal.BATCH)

    def _one(self, method: str, params: Sequence[Any]) -> bytes:
        number = self._take_ids(1)
        return _ENCODE({"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)})

    async def _exchange(
        self,
        method: str,
        body: bytes | Callable[[], bytes],
        read: Callable[[bytes], T],
        *,
        repeat_timeout: bool = True,
    ) -> T:
        """Sends, and sends again while that may help. `method` is a batch's first one."""
        tries = 1 if method.startswith(ONCE_ONLY) else self._retries + 1
        number = 0
        while True:
            number += 1
            try:
                return await self._try(method, body() if callable(body) else body, read)
            except _Again as again:
                # for others, who come later or go to another node
                if again.pause is not None:
                    self.throttle.complained(min(again.pause, LONGEST_PAUSE))
                hopeless = isinstance(again.error, NodeTimeoutError) and not repeat_timeout
                if number >= tries or hopeless:
                    raise again.error from again.__cause__
            except PausedError as paused:
                raise RateLimitedError(self.where, str(paused), paused.seconds) from None
            await asyncio.sleep(self._backoff * 2 ** (number - 1))

    async def _try(self, method: str, body: bytes, read: Callable[[bytes], T]) -> T:
        async with self.throttle.turn(self._timeout):
            began = time.perf_counter()
            try:
                async with asyncio.timeout(self._timeout * WHOLE_ANSWER):
                    content = await self._post(method, body)
            except (httpx.TimeoutException, TimeoutError) as error:
                if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
                    failed = NodeUnreachableError(self.where, "no connection in time")
                else:
                    if began >= self._timed_out_at:  # those under way together count as one
                        self._timeouts += 1
                        self._timed_out_at = time.perf_counter()
                    failed = NodeTimeoutError(self.where, "no answer in time")
                telemetry.rpc(self.where, method, 0.0, "timeout")
                raise _Again(failed) from error
            except httpx.HTTPError as error:
                telemetry.rpc(self.where, method, 0.0, "transport")
                reason = str(error) or type(error).__name__
                raise _Again(NodeUnreachableError(self.where, reason)) from error
            self._timeouts = 0
            telemetry.rpc(self.where, method, time.perf_counter() - began)
        try:
            found = read(content)
        except RpcError as error:
            if error.refusal is Refusal.RATE:
                raise _Again(RateLimitedError(self.where, error.text, 0.0), 0.0) from error
            if error.refusal is Refusal.DOWN and not method.startswith("eth_send"):
                raise _Again(NodeUnreachableError(self.where, error.text)) from error
            self.throttle.answered()
            raise
        self.throttle.answered()
        return found

    async def _post(self, method: str, body: bytes) -> bytes:
        async with self._http.stream("POST", self.url, content=body) as response:
            status = response.status_code
            if status == _LIMITED:
                pause = _retry_after(response.headers.get("Retry-After"))
                telemetry.rpc(self.where, method, 0.0, "status")
                raise _Again(RateLimitedError(self.where, "HTTP status 429", pause), pause)
            if status in _BUSY:
                telemetry.rpc(self.where, method, 0.0, "status")
                raise _Again(NodeUnreachableError(self.where, f"HTTP status {status}"))
            if status == _TOO_LARGE:
                raise RpcError(method, 0, "HTTP status 413", None, Refusal.RANGE)
            parts, held = [], 0
            async for part in response.aiter_bytes():
                parts.append(part)
                held += len(part)
                if held > LONGEST_ANSWER:
                    raise CutError(method, b"".join(parts))
        content = b"".join(parts)
        # Some nodes give errors with status 400 or 500 and a proper JSON-RPC body.
        if status >= 400 and not content.lstrip().startswith((b"{", b"[")):
            raise NodeUnreachableError(self.where, f"HTTP status {status}")
        return content

    def _strange(self, error: Exception) -> NodeUnreachableError:
        telemetry.RPC_ERRORS.labels(self.where, "", "answer").inc()
        return NodeUnreachableError(self.where, f"gave an unexpected answer: {error}")

    def _answer(self, content: bytes) -> _Answer:
        try:
            return _ONE.decode(content)
        except msgspec.DecodeError as error:
            raise NodeUnreachableError(self.where, f"does not speak JSON-RPC: {error}") from error

    def _decode(self, kind: Any, raw: msgspec.Raw) -> Any:
        try:
            return msgspec.json.decode(raw, type=kind)
        except msgspec.DecodeError as error:
            raise self._strange(error) from error

    def _raise_for(self, method: str, answer: _Answer) -> None:
        fault = answer.error
        if fault is not None:
            telemetry.RPC_ERRORS.labels(self.where, method, "error").inc()
            raise RpcError(method, fault.code, fault.message, revert_data(fault.data))


def _begun(content: bytes) -> list[Log]:
    """The logs that are whole in an answer that broke off; none where it cannot be read."""
    end = content.rfind(b"},") + 1
    try:
        return _LOGS.decode(content[:end].lower() + b"]}").result  # type: ignore[return-value]
    except msgspec.DecodeError:
        return []


def call_once(url: str, method: str, *params: Any) -> Any:
    """One call without an event loop, for commands and scripts."""

    async def once() -> Any:
        async with Rpc(url) as rpc:
            return await rpc.call(method, *params)

    return asyncio.run(once())


def _retry_after(header: str | None) -> float:
    """Seconds of a Retry-After header; 0 where there is none, or a date."""
    try:
        return max(0.0, float(header or 0))
    except ValueError:
        return 0.0


#: A whole batch refused for these is not too large.
_FOR_LATER = frozenset({Refusal.RATE, Refusal.DOWN})
_MaybeBlock: Any = Block | None
_MaybeReceipt: Any = Receipt | None
