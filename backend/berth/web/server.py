"""Running the application: uvicorn, with event streams that end when it does."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

#: Open requests get this long to finish once the server is told to stop, seconds.
GRACE_SECONDS = 3


class Server(uvicorn.Server):
    """A server inside somebody else's event loop and with somebody else's signals.

    `await server.serve()` runs it; `server.should_exit = True` stops it.
    """

    def __init__(self, app: FastAPI, *, log_level: str = "warning") -> None:
        config = uvicorn.Config(
            app,
            log_level=log_level,
            access_log=False,
            server_header=False,
            lifespan="on",
            timeout_graceful_shutdown=GRACE_SECONDS,
            ws="none",
        )
        super().__init__(config)
        self._app = app

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the caller's: a platform of many parts stops them in its own order."""
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends the event streams first: uvicorn waits for open answers, and theirs have no end."""
        await self._app.state.hub.stop()
        await super().shutdown(sockets)
