"""Metrics of a process that has no HTTP API: Prometheus' own little server beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import start_http_server

from berth.core import telemetry
from berth.core.errors import BerthError


@contextmanager
def metrics_server(port: int | None, host: str = "127.0.0.1") -> Iterator[int | None]:
    """Serves `/metrics` while the block runs; yields the port, for 0 the one that was found.

    None serves nothing. Raises BerthError metrics.port when the port is taken.
    """
    if port is None:
        yield None
        return
    try:
        server, thread = start_http_server(port, addr=host, registry=telemetry.REGISTRY)
    except (OSError, OverflowError) as error:
        message = f"cannot listen on {host}:{port} for metrics: {error}"
        raise BerthError("metrics.port", message, field="--metrics-port", exit_code=2) from error
    try:
        yield int(server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
