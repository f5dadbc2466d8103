"""The websocket side of a node, for tests: announces what it is told to, and misbehaves."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from websockets.asyncio.server import ServerConnection, serve


class Station:
    """A node's websocket side."""

    def __init__(self) -> None:
        self.url = ""
        self.chain_id = 1337
        self.listeners: list[ServerConnection] = []
        self.connections = 0
        self.refuses = False
        self.mute = False
        self.babble: str | None = None

    async def serve(self, connection: ServerConnection) -> None:
        self.connections += 1
        async for text in connection:
            if self.mute:
                continue
            if self.babble is not None:
                await connection.send(self.babble)
                continue
            call = json.loads(text)
            answer: dict[str, Any] = {"id": call["id"], "result": hex(self.chain_id)}
            if call["method"] == "eth_subscribe":
                if self.refuses:
                    error = {"code": -32601, "message": "notifications not supported"}
                    answer = {"id": call["id"], "error": error}
                else:
                    self.listeners.append(connection)
            await connection.send(json.dumps(answer))

    async def announce(self, number: int, header: Any = None) -> None:
        """A bare number, or a whole header."""
        head = header or {"number": hex(number), "hash": "0x"}
        params = {"subscription": "0x1", "result": head}
        message = {"jsonrpc": "2.0", "method": "eth_subscription", "params": params}
        for listener in self.listeners:
            with suppress(Exception):
                await listener.send(json.dumps(message))

    async def hang_up(self) -> None:
        for listener in self.listeners:
            await listener.close()
        self.listeners.clear()


@asynccontextmanager
async def station() -> AsyncIterator[Station]:
    made = Station()
    async with serve(made.serve, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        made.url = f"ws://127.0.0.1:{port}/key"
        yield made
