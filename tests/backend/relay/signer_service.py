"""The signer's service for tests: listening on a socket, and what callers send it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from berth.cli.platform.signing import SignerServer, listening
from berth.core.errors import BerthError
from berth.relay.orders import GrantOrder, TicketOrder
from berth.relay.signer_client import RemoteSigner
from berth.relay.signer_wire import SignerAddress

from tests.backend.relay.street import Street
from tests.backend.worlds import COMMITMENT, SALT

SECRET = "s3cret-" * 6


@asynccontextmanager
async def serving(
    street: Street, url: str, secret: str | None = None, signer: Any = None
) -> AsyncIterator[str]:
    """The signer's service; yields where it is."""
    with listening(SignerAddress.parse(url), None, None) as (listener, where):
        server = SignerServer(signer or street.signer, secret)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        try:
            yield where
        finally:
            server.should_exit = True
            await task


def asking(url: str, secret: str | None = None, **options: Any) -> RemoteSigner:
    return RemoteSigner(SignerAddress.parse(url), secret, **options)


def ticket(street: Street, lease: str, **changes: object) -> TicketOrder:
    plain = TicketOrder("c0ffee00", street.home.lock_id, lease, 0, "lower", street.boot, "ab" * 16)
    return replace(plain, **changes)  # type: ignore[arg-type]


def grant(street: Street, lease: str, **changes: object) -> GrantOrder:
    plain = GrantOrder(
        lease, street.home.lock_id, 1, False, street.clock.at + 7200, COMMITMENT, SALT, 90
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


async def code_of(attempt: Any) -> str:
    with pytest.raises(BerthError) as refused:
        await attempt
    return refused.value.code


async def raw(path: Path, request: bytes) -> tuple[int, bytes]:
    """(status, body) of what is sent byte by byte; 0 when the line was closed without an answer."""
    reader, writer = await asyncio.open_unix_connection(str(path))
    with contextlib.suppress(ConnectionError):
        writer.write(request)
        await writer.drain()
    async with asyncio.timeout(60):
        answer = await reader.read(100_000)
    writer.close()
    if not answer:
        return 0, b""
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def post(path: str, body: bytes, *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: signer", "Connection: close", *headers]
    if not any(line.lower().startswith(("content-length", "transfer")) for line in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def wire(order: TicketOrder, **changes: Any) -> bytes:
    names = {"command_id": "commandId", "lock_id": "lockId", "lease_id": "leaseId"}
    body = {names.get(name, name): value for name, value in asdict(order).items()} | changes
    return json.dumps(body).encode()
