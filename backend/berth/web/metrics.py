"""Prometheus metrics, and the outermost layer that counts requests and sets headers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from berth.core import telemetry
from berth.web.figures import PlatformFigures

if TYPE_CHECKING:
    from berth.web.status import PlatformStatus

#: Bytes of a request. The largest proper one, a registration, has 20 kB.
MAX_BODY = 128 * 1024

#: Methods that are counted by name; h11 lets any word through, and each would make a series.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class Metrics:
    """The counters of one application; a registry of its own, so that tests can have many. What the
    process's parts count (`berth.core.telemetry`) is told with them."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self.requests = Counter(
            "berth_http_requests", "Requests answered", labels, registry=self.registry
        )
        self.seconds = Histogram(
            "berth_http_seconds",
            "Time to the end of an answer, event streams left out",
            ("route",),
            buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
            registry=self.registry,
        )
        self._listeners = Gauge(
            "berth_event_listeners", "Open event streams", registry=self.registry
        )
        self._figures = PlatformFigures()
        self.registry.register(self._figures)

    def observe(self, status: PlatformStatus, listeners: int) -> None:
        """Takes the platform's figures over."""
        self._figures.status = status
        self._listeners.set(listeners)

    def text(self) -> bytes:
        """The exposition."""
        return generate_latest(self.registry) + generate_latest(telemetry.REGISTRY)


class Outermost:
    """ASGI layer: counts and times requests by route, limits bodies, adds headers that every answer
    needs."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 500
        stream = False

        async def counted(message: Message) -> None:
            nonlocal status, stream
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = list(message["headers"])
                known = {name.lower() for name, _ in headers}
                headers += [pair for pair in _HEADERS if pair[0] not in known]
                if b"cache-control" not in known:
                    headers.append((b"cache-control", b"no-store"))
                stream = any(
                    name == b"content-type" and value.startswith(b"text/event-stream")
                    for name, value in headers
                )
                message = {**message, "headers": headers}
            await send(message)

        taken = 0

        async def limited() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > MAX_BODY:
                raise HTTPException(413, f"the body is larger than {MAX_BODY} bytes")
            return message

        try:
            await self._app(scope, limited, counted)
        finally:
            # the template, never the path: ids would make a series each
            route = getattr(scope.get("route"), "path", None) or "unmatched"
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._metrics.requests.labels(method, route, str(status)).inc()
            if not stream:
                self._metrics.seconds.labels(route).observe(time.perf_counter() - began)
