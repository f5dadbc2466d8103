"""Running the application: uvicorn, with event streams that end when it does."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from berth.core.errors import BerthError

#: Open requests get this long to finish once the server is told to stop, seconds.
GRACE_SECONDS = 3
BACKLOG = 128


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


def listen(host: str, port: int) -> socket.socket:
    """A bound socket, so that a taken port is known before anything starts; port 0: a free one.

    Raises BerthError `http.port`.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
    except OSError as error:
        made.close()
        message = (
            f"cannot listen on {host}:{port}: {error.strerror}; give another port in"
            " BERTH_HTTP_PORT or stop what uses this one"
        )
        raise BerthError("http.port", message, field="BERTH_HTTP_PORT", exit_code=2) from error
    made.listen(BACKLOG)
    made.setblocking(False)
    return made
