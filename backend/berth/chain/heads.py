"""New heads by websocket: a nudge to look at the chain now, never more than hearsay.

The connection is watched: one that says nothing while the chain goes on is closed and made anew, at
the next address if there is one. Whoever is nudged keeps polling, slowly while nudges come and at
the usual rate when they do not.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidURI, WebSocketException

from berth.chain.wire import Block
from berth.core.errors import BerthError

log = logging.getLogger(__name__)

#: Seconds without a head after which the connection is made anew.
SILENCE_SECONDS = 60.0
#: Seconds that a head which polling found may lack its nudge.
MISSED_SECONDS = 5.0
#: Seconds between two looks at the watchdog.
STEP_SECONDS = 1.0
FIRST_WAIT, LONGEST_WAIT = 0.25, 30.0
#: Bytes of a message: a head is one or two thousand.
LONGEST_MESSAGE = 2**20


class _Head(msgspec.Struct, rename="camel"):
    number: str
    hash: str = ""
    parent_hash: str = ""
    timestamp: str = ""
    logs_bloom: str = ""

    def block(self) -> Block | None:
        """The header, where the announcement was a whole one."""
        whole = len(self.hash) == len(self.parent_hash) == 66 and len(self.logs_bloom) == 514
        if not whole or not self.timestamp:
            return None
        return Block(self.hash, self.parent_hash, self.number, self.timestamp, self.logs_bloom)


class _Params(msgspec.Struct):
    result: _Head | None = None


class _Fault(msgspec.Struct):
    message: str = ""


class _Message(msgspec.Struct):
    id: int | None = None
    result: Any = None
    error: _Fault | None = None
    method: str = ""
    params: _Params | None = None


_DECODE = msgspec.json.Decoder(_Message).decode


@dataclass(frozen=True, slots=True)
class HeadsReport:
    """`why` the connection does not nudge, None when it does. `where`: scheme, host and port."""

    where: str
    live: bool
    why: str | None
    announced: int | None


class Heads:
    """A subscription to new heads at the first of some addresses that gives them."""

    def __init__(
        self, urls: Sequence[str], *, chain_id: int | None = None, silence: float = SILENCE_SECONDS
    ) -> None:
        """Addresses as ws:// or wss://; `silence` in seconds. Raises BerthError chain.url."""
        for url in urls:
            parts = urlsplit(url)
            if parts.scheme not in ("ws", "wss") or not parts.hostname:
                message = f"give the node's websocket address, ws://HOST:PORT, not {parts.scheme!r}"
                raise BerthError("chain.url", message, field="BERTH_WS_URL", exit_code=2)
        self._urls = list(urls)
        self._chain_id = chain_id
        self._silence = silence
        self._where = _where(self._urls[0]) if self._urls else ""
        self._why: str | None = "not connected yet"
        self._announced: int | None = None
        #: The newest header announced: hearsay, until its logs have been read by its hash.
        self.newest: Block | None = None
        self._known: int | None = None
        self._missed_at: float | None = None

    @property
    def live(self) -> bool:
        """Nudges come, as far as is known."""
        return self._why is None and self._missed_at is None

    @property
    def announced(self) -> int:
        """Number of the newest block announced; -1 when none was."""
        return -1 if self._announced is None else self._announced

    def report(self) -> HeadsReport:
        return HeadsReport(self._where, self.live, self._why, self._announced)

    def found(self, number: int) -> None:
        """Polling read this head: the watchdog wants a nudge for it."""
        if self._why is not None:
            return
        if self._known is None:
            self._known = number  # what there was before the connection needs no nudge
        if number <= max(self.announced, self._known):
            self._missed_at = None
        elif self._missed_at is None:
            self._missed_at = time.monotonic()

    async def run(self, nudge: Callable[[], None]) -> None:
        """Calls `nudge` at every new head until cancelled; connects again for ever."""
        wait = FIRST_WAIT
        turn = 0
        while self._urls:
            url = self._urls[turn % len(self._urls)]
            self._where = _where(url)
            began = time.monotonic()
            try:
                await self._follow(url, nudge)
            except (OSError, WebSocketException, InvalidURI, InvalidHandshake) as error:
                self._lost(str(error) or type(error).__name__)
            except TimeoutError:
                self._lost("no answer in time")
            except (msgspec.DecodeError, ValueError) as error:
                self._lost(f"does not speak JSON-RPC: {error}")
            except BerthError as error:
                self._lost(error.message)
            turn += 1
            wait = FIRST_WAIT if time.monotonic() - began > LONGEST_WAIT else wait
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT)

    async def _follow(self, url: str, nudge: Callable[[], None]) -> None:
        local = urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")
        async with connect(
            url, max_size=LONGEST_MESSAGE, open_timeout=10, proxy=None if local else True
        ) as connection:
            if self._chain_id is not None:
                found = int(str((await _ask(connection, 1, "eth_chainId")).result), 16)
                if found != self._chain_id:
                    message = f"it is of chain {found}, not {self._chain_id}"
                    raise BerthError("chain.id", message, field="BERTH_WS_URL")
            await _ask(connection, 2, "eth_subscribe", "newHeads")
            log.info("heads: %s announces new blocks", self._where)
            self._why = self._missed_at = self._known = None
            nudge()  # what came before
            heard = time.monotonic()
            while True:
                try:
                    async with asyncio.timeout(STEP_SECONDS):
                        said = _DECODE(await connection.recv())
                except TimeoutError:
                    self._watch(heard)
                    continue
                head = said.params.result if said.params is not None else None
                if said.method == "eth_subscription" and head is not None:
                    heard = time.monotonic()
                    self._announced = int(head.number, 16)
                    self.newest = head.block()
                    self._missed_at = None
                    nudge()

    def _watch(self, heard: float) -> None:
        """Raises BerthError when the connection should speak and does not."""
        moment = time.monotonic()
        if self._missed_at is not None and moment - self._missed_at > MISSED_SECONDS:
            raise BerthError("chain.silent", "it did not announce blocks that there are")
        if moment - heard > self._silence:
            raise BerthError("chain.silent", f"no new block announced for {moment - heard:.0f} s")

    def _lost(self, why: str) -> None:
        if self._why is None or self._why == "not connected yet":
            log.warning("heads: %s: %s; polling goes on", self._where, why)
        self._why = why
        self._missed_at = self.newest = None


async def _ask(connection: ClientConnection, number: int, method: str, *params: str) -> _Message:
    call = {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}
    await connection.send(msgspec.json.encode(call).decode())
    async with asyncio.timeout(10):
        while True:
            message = _DECODE(await connection.recv())
            if message.id == number:
                if message.error is not None:
                    raise BerthError("chain.rpc", f"{method}: {message.error.message}")
                return message


def _where(url: str) -> str:
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}"
