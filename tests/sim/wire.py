"""The line between the RPC client and the nodes: the face of httpx's client, as it is used there.

httpx itself takes longer over a request than the node over the answer; what it does with a status,
a timeout or a broken line is told by its own exceptions here, too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Answer:
    """An HTTP response, whole; for `async with`."""

    status_code: int
    content: bytes
    headers: Mapping[str, str]

    async def aiter_bytes(self) -> AsyncIterator[bytes]:
        yield self.content


class Carrier(Protocol):
    """Takes a request's body to where it belongs. Raises httpx's errors of transport."""

    async def carry(self, url: str, body: bytes) -> Answer: ...


class Http:
    """Stands in for `httpx.AsyncClient`."""

    def __init__(self, *, transport: Carrier, **_options: Any) -> None:
        self._transport = transport

    def stream(self, _method: str, url: str, *, content: bytes) -> _Request:
        return _Request(self._transport, url, content)

    async def aclose(self) -> None:
        """There is nothing to close."""


class _Request:
    def __init__(self, transport: Carrier, url: str, body: bytes) -> None:
        self._transport = transport
        self._url = url
        self._body = body

    async def __aenter__(self) -> Answer:
        return await self._transport.carry(self._url, self._body)

    async def __aexit__(self, *_: object) -> None:
        pass
