"""Configuration for clients; health, readiness, status and metrics for operators."""

from __future__ import annotations

from typing import Annotated, Literal, cast

from fastapi import APIRouter, Header, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, PlainTextResponse
from sqlalchemy import select

from berth import __version__
from berth.chain.identity import verify_chain
from berth.core.access import Policy
from berth.core.addresses import checksum
from berth.core.errors import BerthError
from berth.core.slots import MAX_AHEAD_SLOTS, MAX_LEASE_SLOTS, SLOT_SECONDS
from berth.core.tariff import GRACE_MINUTES
from berth.core.zones import rfc3339
from berth.market.accounts import SESSION_SECONDS
from berth.market.index_state import index_state
from berth.market.vocabulary import CONNECTORS
from berth.store.derived import attesters, market_state
from berth.web.context import Language, ServicesDep
from berth.web.metrics import Metrics
from berth.web.routes.leases import FENCE_METRES
from berth.web.schemas.common import CurrencyOut
from berth.web.schemas.operations import (
    AttesterOut,
    ChainOut,
    ConfigOut,
    ContractsOut,
    DomainOut,
    HealthOut,
    PolicyOut,
    ReadyOut,
    StatusOut,
)
from berth.web.status import MAX_LAG, status_of

router = APIRouter(tags=["operations"])
_ROLES = ((1, "holders"), (2, "vehicles"), (4, "locks"))


@router.get("/v1/config")
def config(services: ServicesDep) -> ConfigOut:
    """Chain, contracts, currency, limits: what a client needs to know of this installation."""
    deployment, policy = services.deployment, Policy()
    with services.store.read() as conn:
        state = conn.execute(select(market_state)).mappings().first()
        known = conn.execute(select(attesters).order_by(attesters.c.id)).mappings().all()
    now = services.clock.now()
    paused = state["paused_until"] if state is not None else 0
    domain = deployment.domain
    return ConfigOut(
        version=__version__,
        now=rfc3339(now),
        chain=ChainOut(id=deployment.chain_id, genesis_hash=deployment.genesis_hash),
        contracts=ContractsOut(
            titles=checksum(deployment.titles),
            market=checksum(deployment.market),
            forwarder=checksum(deployment.forwarder),
            timelock=checksum(deployment.timelock),
            asset=checksum(deployment.asset),
        ),
        domain=DomainOut(
            name=domain.name,
            version=domain.version,
            chain_id=domain.chain_id,
            verifying_contract=checksum(domain.market),
        ),
        currency=CurrencyOut.of(deployment.currency),
        fee_basis_points=state["fee_bps"] if state is not None else deployment.fee_bps,
        paused_until=rfc3339(paused) if paused > now else None,
        policy=PolicyOut(
            slot_seconds=SLOT_SECONDS,
            max_stay_slots=MAX_LEASE_SLOTS,
            max_ahead_slots=MAX_AHEAD_SLOTS,
            grace_minutes=GRACE_MINUTES,
            early_seconds=policy.early_seconds,
            fresh_seconds=policy.fresh_seconds,
            min_confidence=policy.min_confidence,
            session_seconds=SESSION_SECONDS,
            fence_m=FENCE_METRES,
        ),
        attesters=[
            AttesterOut(
                id=row["id"],
                account=checksum(row["account"]),
                roles=cast(
                    "list[Literal['holders', 'vehicles', 'locks']]",
                    [name for bit, name in _ROLES if row["roles"] & bit],
                ),
                revoked=bool(row["revoked"]),
            )
            for row in known
        ],
        connectors=list(CONNECTORS),
        tiles_url=services.settings.tiles_url,
    )


@router.get("/health")
async def health() -> HealthOut:
    """The process answers; nothing else is looked at."""
    return HealthOut()


@router.get("/ready")
async def ready(services: ServicesDep) -> ReadyOut:
    """Ready when the database and the node answer, the chain is the deployment's, and the index
    has caught up; otherwise 503 with what is missing."""
    try:
        await verify_chain(services.rpc, services.deployment)
    except BerthError as error:
        error.status = 503
        raise

    def look() -> int | None:
        with services.store.read() as conn:
            state = index_state(conn)
        return None if state is None else state.lag

    lag = await run_in_threadpool(look)
    if lag is None:
        raise BerthError("index.empty", "the index has not read a block yet", status=503)
    if lag > MAX_LAG:
        raise BerthError("index.behind", f"the index is {lag} blocks behind", status=503)
    return ReadyOut(lag_blocks=lag)


@router.get(
    "/status",
    response_model=StatusOut,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def status(
    services: ServicesDep,
    language: Language,
    accept: Annotated[str, Header(include_in_schema=False)] = "*/*",
) -> Response:
    """What the platform holds and how it is, in words; as JSON when that is asked for."""
    found = await services.platform_status.get(lambda: run_in_threadpool(status_of, services))
    if "application/json" in accept:
        return JSONResponse(found.answer(language).model_dump(by_alias=True))
    return PlainTextResponse(found.text(language))


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(request: Request, services: ServicesDep) -> Response:
    """Prometheus metrics, text format."""
    counters: Metrics = request.app.state.metrics
    found = await services.platform_status.get(lambda: run_in_threadpool(status_of, services))
    counters.observe(found, request.app.state.hub.listeners)
    return Response(counters.text(), media_type=counters.content_type)
