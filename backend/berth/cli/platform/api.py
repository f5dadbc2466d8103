"""The HTTP server, inside the platform's own event loop."""

from __future__ import annotations

import asyncio
import socket

from fastapi import FastAPI

from berth.core.errors import BerthError
from berth.web.server import Server


class ApiServer(Server):
    """The server, and a way to wait until it answers."""

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
        listener.listen()  # now: of two that start together one is refused here
    except OSError as error:
        listener.close()
        message = (
            f"port {port} of the HTTP API is in use: end what listens there, "
            "or name another one in BERTH_HTTP_PORT"
        )
        raise BerthError("up.port_taken", message, field="BERTH_HTTP_PORT", exit_code=2) from error
    return listener


def require_free(port: int, option: str, what: str) -> None:
    """Refuses a loopback port that something listens on; 0 always passes.

    Asked before anything has begun: the part that takes the port starts only after the contracts
    have been deployed, which is late to hear of it.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            message = (
                f"port {port} of the {what} is in use: end what listens there, "
                f"or name another one with {option} (0 = any free one)"
            )
            raise BerthError("up.port_taken", message, field=option, exit_code=2) from error


def api_server(app: FastAPI) -> ApiServer:
    """Serve with `await server.serve(sockets=[listener])`; end with `server.should_exit`."""
    return ApiServer(app)
