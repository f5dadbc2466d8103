"""Announcements of new heads, as nodes say them by websocket: late, twice, of blocks that are no
more or never were, or not at all."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

from berth.core.hashing import keccak
from websockets.exceptions import ConnectionClosedError

from tests.sim.chain import Block
from tests.sim.faults import Faults
from tests.sim.loop import PROCESS, Process, check_alive
from tests.sim.node import Node


class Heralds:
    """The websocket ends of all nodes."""

    def __init__(self, nodes: dict[str, Node], faults: Faults) -> None:
        self.faults = faults
        self._nodes = nodes
        self._lines: list[Line] = []

    def connect(self, url: str, **_: Any) -> Line:
        """Stands in for `websockets.connect`."""
        return Line(self, self._nodes[str(urlsplit(url).hostname)])

    def opened(self, line: Line) -> None:
        self._lines.append(line)

    def closed(self, line: Line) -> None:
        if line in self._lines:
            self._lines.remove(line)

    def tell(self, _block: Block) -> None:
        """The chain has a new block: each node announces its own newest, if that is news."""
        for line in list(self._lines):
            line.tell()


class Line:
    """One connection, for `async with`."""

    def __init__(self, heralds: Heralds, node: Node) -> None:
        self._heralds = heralds
        self._node = node
        self._queue: asyncio.Queue[str | None] = asyncio.Queue()
        self._subscribed = False
        self._told = ""
        self._process: Process | None = None

    async def __aenter__(self) -> Line:
        check_alive()
        await asyncio.sleep(self._jitter())
        check_alive()
        self._process = PROCESS.get()
        if self._process is not None:
            self._process.on_kill.append(self._close)
        self._heralds.opened(self)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._close()
        if self._process is not None and self._close in self._process.on_kill:
            self._process.on_kill.remove(self._close)

    async def send(self, text: str) -> None:
        check_alive()
        call = json.loads(text)
        if call["method"] == "eth_subscribe":
            self._subscribed = True
            self._told = self._node.line[-1].hash
        answer = self._node.answer({**call, "method": "eth_chainId", "params": []})
        await asyncio.sleep(self._jitter())
        self._queue.put_nowait(json.dumps(answer))

    async def recv(self) -> str:
        said = await self._queue.get()
        if said is None:
            raise ConnectionClosedError(None, None)
        return said

    def tell(self) -> None:
        """Says what is the node's newest block."""
        block = self._node.line[-1]
        if not self._subscribed or block.hash == self._told:
            return
        self._told = block.hash
        faults = self._heralds.faults
        header, after = self._node.header(block), self._jitter()
        if faults.strike("heads.lost", node=self._node.name, block=block.number):
            return
        if faults.strike("heads.cut", node=self._node.name):
            self._queue.put_nowait(None)
            return
        if faults.strike("heads.late", node=self._node.name, block=block.number):
            after += faults.rng("heads.late").uniform(1.0, 40.0)
        if faults.strike("heads.orphan", node=self._node.name, block=block.number):
            # one that lost the race: its number, another hash
            gone = {**header, "hash": "0x" + keccak(block.hash.encode()).hex()}
            self._say_in(after + faults.rng("heads.orphan").uniform(-after, 3.0), gone)
        self._say_in(after, header)
        if faults.strike("heads.twice", node=self._node.name, block=block.number):
            self._say_in(after + faults.rng("heads.twice").uniform(0.0, 15.0), header)

    def _say_in(self, seconds: float, header: dict[str, Any]) -> None:
        params = {"subscription": "0x1", "result": header}
        message = {"jsonrpc": "2.0", "method": "eth_subscription", "params": params}
        asyncio.get_running_loop().call_later(
            max(0.0, seconds), self._queue.put_nowait, json.dumps(message)
        )

    def _close(self) -> None:
        self._subscribed = False
        self._heralds.closed(self)

    def _jitter(self) -> float:
        return self._heralds.faults.rng("heads.late").uniform(0.001, 0.2)
