"""The ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio.to_thread
from fastapi import FastAPI
from fastapi.routing import APIRoute

from berth import __version__
from berth.web import problems
from berth.web.metrics import Metrics, Outermost
from berth.web.routes import (
    account,
    audit,
    dapp,
    events,
    intents,
    leases,
    local,
    operations,
    ops,
    orders,
    pages,
    search,
    session,
    spaces,
    titles,
)
from berth.web.schemas.common import Problem
from berth.web.services import Services
from berth.web.stream import Hub

#: Requests at the database at once: each thread costs memory, SQLite gains nothing by more.
THREADS = 8

_DESCRIPTION = """Private parking spaces, shared by contracts that nobody has to trust.

Amounts are whole minor units as decimal text, with the currency's symbol and decimals beside them.
Times are RFC 3339 in UTC. Places are GeoJSON points, longitude first. Ids and hashes are
hexadecimal text. Errors are RFC 9457 problems with a stable `code` and, for fields, a JSON pointer.
Lists are paged by opaque cursors. Sentences come in English or Chinese by `Accept-Language`.

Sign in with EIP-4361 at `/v1/session`: browsers get an http-only cookie, others ask for a bearer
token. Who may do what follows from the chain: owner of a space, driver or owner of a lease.

PUT and the POSTs that keep something (vehicles, presence, unlock) may be repeated without harm:
they are keyed by what they are about.
"""
_TAGS = [
    {"name": "session", "description": "signing in and out"},
    {"name": "account", "description": "the signed-in account"},
    {"name": "titles", "description": "cities' parking titles and proofs"},
    {"name": "spaces", "description": "compliance, public facts, exact places"},
    {"name": "search", "description": "finding a space, pricing a stay"},
    {"name": "leases", "description": "a lease for its parties"},
    {"name": "intents", "description": "changing leases, spaces, the account: what to sign"},
    {"name": "events", "description": "live events"},
    {"name": "audit", "description": "the public ledger of settlements"},
    {"name": "local", "description": "trying out: local chains only, 404 elsewhere"},
    {"name": "operations", "description": "configuration, health, metrics"},
    {"name": "ops", "description": "commands given up and incidents, for the operator"},
]
_PROBLEM: dict[int | str, dict[str, Any]] = {
    "4XX": {
        "description": "refused, with the reason",
        "content": {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    },
    "5XX": {
        "description": "failed here, or at the node",
        "content": {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    },
}


def create_app(services: Services) -> FastAPI:
    """The application over some services. Its lifespan starts and stops the event stream only:
    store, node and relay belong to whoever made them."""
    metrics = Metrics()
    hub = Hub(services)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
        await hub.start()
        try:
            yield
        finally:
            await hub.stop()
            services.titles.close()

    app = FastAPI(
        title="Berth",
        version=__version__,
        summary="Private parking sharing by smart contracts",
        description=_DESCRIPTION,
        openapi_tags=_TAGS,
        license_info={"name": "MIT", "identifier": "MIT"},
        responses=_PROBLEM,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        generate_unique_id_function=_operation_id,
    )
    app.state.services = services
    app.state.metrics = metrics
    app.state.hub = hub
    problems.install(app)
    dapp.install(app)
    for module in (
        session,
        account,
        titles,
        spaces,
        search,
        leases,
        intents,
        orders,
        events,
        audit,
        local,
        operations,
        ops,
        pages,
        dapp,  # last: one of its addresses is any file name
    ):
        app.include_router(module.router)
    _describe_problems(app)
    app.add_middleware(Outermost, metrics=metrics)
    return app


def _operation_id(route: APIRoute) -> str:
    """Stable names for generated clients: `leases_unlock`."""
    tag = str(route.tags[0]) if route.tags else "page"
    return f"{tag}_{route.name}"


def _describe_problems(app: FastAPI) -> None:
    """The problem's schema into the OpenAPI document; FastAPI's own error shapes out of it."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        document = make()
        components = document["components"]["schemas"]
        if "Problem" not in components:
            schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            components.update(schema.pop("$defs", {}))
            components["Problem"] = schema
            for path in document["paths"].values():
                for operation in path.values():
                    operation["responses"].pop("422", None)
            components.pop("HTTPValidationError", None)
            components.pop("ValidationError", None)
        return document

    app.openapi = openapi  # type: ignore[method-assign]
