"""The HTTP server, inside the platform's own event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from berth.core.errors import BerthError

#: Open event streams are given this long at the end, seconds.
_GRACE = 2


class ApiServer(uvicorn.Server):
    """uvicorn without its own signal handlers: the platform ends everything, in its order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def until_started(self) -> None:
        while not self.started:  # noqa: ASYNC110 - uvicorn has a flag, not an event
            await asyncio.sleep(0.02)


def listen(host: str, port: int) -> socket.socket:
    """The socket; taken early, so that a taken port ends the start before anything else began."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        message = (
            f"port {port} is in use: end what listens there, or name another one in BERTH_HTTP_PORT"
        )
        raise BerthError("up.port_taken", message, field="BERTH_HTTP_PORT", exit_code=2) from error
    return listener


def api_server(app: FastAPI) -> ApiServer:
    """Serve with `await server.serve(sockets=[listener])`; end with `server.should_exit`."""
    return ApiServer(
        uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=_GRACE,
            lifespan="on",
            server_header=False,
        )
    )
