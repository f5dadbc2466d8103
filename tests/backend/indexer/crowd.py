"""A node whose blocks hold as many logs as a rule says, made as they are asked for, byte by byte:
what it makes and what of that is taken is counted."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable

import httpx

#: Bytes that go over the line at once.
_PIECE = 64 * 2**10


class Crowd(httpx.AsyncBaseTransport):
    """Blocks 0 to `height`; `density` tells the logs of a block. Give it to a client."""

    def __init__(self, height: int, density: Callable[[int], int], address: str) -> None:
        self.height = height
        self.density = density
        self._address = address
        #: Ranges asked for, logs made for them, and logs whose bytes were taken.
        self.asked: list[tuple[int, int]] = []
        self.made = 0
        self.taken = 0.0
        #: Logs of one answer that take it longer to make than its client waits.
        self.slow_from = 10**9
        #: It begins with the newest block.
        self.backwards = False

    @property
    def logs(self) -> int:
        return self.count(0, self.height)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(await request.aread())
        if isinstance(body, list):
            headers = (self._header(call["id"], int(call["params"][0], 16)) for call in body)
            return httpx.Response(200, content=f"[{','.join(headers)}]".encode())
        if body["method"] != "eth_getLogs":
            return httpx.Response(200, content=self._header(body["id"], self._named(body)).encode())
        query = body["params"][0]
        first, last = int(query["fromBlock"], 16), int(query["toBlock"], 16)
        count = self.count(first, last)
        self.asked.append((first, last))
        self.made += count
        if count >= self.slow_from:
            raise httpx.ReadTimeout("")
        numbers = range(last, first - 1, -1) if self.backwards else range(first, last + 1)
        logs = ",".join(filter(None, map(self._block, numbers)))
        content = f'{{"jsonrpc":"2.0","id":{body["id"]},"result":[{logs}]}}'.encode()
        return httpx.Response(200, stream=_Line(self, content, count))

    def header_of(self, number: int) -> str:
        return json.dumps(
            {
                "hash": _hash(number),
                "parentHash": _hash(number - 1),
                "number": hex(number),
                "timestamp": hex(1_800_000_000 + number),
            }
        )

    def _header(self, call: int, number: int) -> str:
        return f'{{"jsonrpc":"2.0","id":{call},"result":{self.header_of(number)}}}'

    def _named(self, body: dict[str, list[str]]) -> int:
        tag = body["params"][0]
        return self.height if tag == "latest" else int(tag, 16)

    def count(self, first: int, last: int) -> int:
        return sum(self.density(number) for number in range(first, last + 1))

    def _block(self, number: int) -> str:
        """Its logs, each as long as most of the market's are."""
        head = (
            f'{{"address":"{self._address}","topics":["0x{"11" * 32}","0x{"22" * 32}"],'
            f'"data":"0x{"33" * 96}","blockHash":"{_hash(number)}","blockNumber":"{hex(number)}",'
            f'"transactionHash":"0x{"44" * 32}","transactionIndex":"0x0","removed":false,'
            '"logIndex":"'
        )
        return ",".join(f'{head}{hex(index)}"}}' for index in range(self.density(number)))


class _Line(httpx.AsyncByteStream):
    """An answer on its way."""

    def __init__(self, crowd: Crowd, content: bytes, logs: int) -> None:
        self._crowd, self._content, self._logs = crowd, content, logs

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._content), _PIECE):
            piece = self._content[start : start + _PIECE]
            self._crowd.taken += self._logs * len(piece) / len(self._content)
            yield piece


def _hash(number: int) -> str:
    return f"0x{number % 2**256:064x}"
