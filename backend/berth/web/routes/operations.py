"""Configuration for clients; health, readiness, status and metrics for operators."""

from __future__ import annotations

from typing import Literal, cast

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from sqlalchemy import select

from berth import __version__
from berth.core.access import Policy
from berth.core.addresses import checksum
from berth.core.ids import city_code
from berth.core.slots import MAX_AHEAD_SLOTS, MAX_LEASE_SLOTS, SLOT_SECONDS
from berth.core.tariff import GRACE_MINUTES
from berth.core.zones import offset_text, rfc3339
from berth.market.accounts import SESSION_SECONDS
from berth.market.forwarding import FORWARDED, forwarder_domain
from berth.market.places import shared_places
from berth.market.titles.taking import LOCAL_CHAINS
from berth.market.vocabulary import CONNECTORS, chain_name
from berth.store.derived import attesters, market_state
from berth.web import problems, problemwords
from berth.web.context import ServicesDep, language_of
from berth.web.metrics import Metrics
from berth.web.routes.leases import FENCE_METRES
from berth.web.schemas.common import CurrencyOut, Point, amount
from berth.web.schemas.operations import (
    AttesterOut,
    ChainOut,
    ConfigOut,
    ContractsOut,
    DomainOut,
    HealthOut,
    LocalOut,
    NotReadyOut,
    PlaceOut,
    PolicyOut,
    ReadyOut,
    SponsorOut,
    StatusOut,
)
from berth.web.services import Services
from berth.web.status import status_of
from berth.web.statusview import part_out, status_out
from berth.web.visitors import VisitorsDesk

router = APIRouter(tags=["operations"])
#: Cities told to clients.
PLACES = 12
#: Its own schema: every other problem has no checks.
_NOT_READY = {
    "schema": {
        name: part
        for name, part in NotReadyOut.model_json_schema(
            ref_template="#/components/schemas/{model}", mode="serialization"
        ).items()
        if name != "$defs"  # they are among the components
    }
}


def services_at_once(request: Request) -> Services:
    """The application's services, without a thread: those may all be waiting for the database."""
    services: Services = request.app.state.services
    return services


_ROLES = ((1, "holders"), (2, "vehicles"), (4, "locks"))


@router.get("/v1/config")
def config(services: ServicesDep) -> ConfigOut:
    """Chain, contracts, currency, limits: what a client needs to know of this installation."""
    deployment, policy = services.deployment, Policy()
    with services.store.read() as conn:
        state = conn.execute(select(market_state)).mappings().first()
        known = conn.execute(select(attesters).order_by(attesters.c.id)).mappings().all()
        places = shared_places(conn, PLACES)
    now = services.clock.now()
    paused = state["paused_until"] if state is not None else 0
    domain = deployment.domain
    return ConfigOut(
        version=__version__,
        now=rfc3339(now),
        chain=ChainOut(
            id=deployment.chain_id,
            name=chain_name(deployment.chain_id),
            genesis_hash=deployment.genesis_hash,
            rpc_urls=list(services.settings.public_rpc_urls),
            local=deployment.chain_id in LOCAL_CHAINS,
        ),
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
        tiles_attribution=services.settings.tiles_attribution,
        places=[
            PlaceOut(
                city=city_code(place.city),
                name=place.name,
                point=Point.of(place.lat, place.lon),
                utc_offset=None if place.utc_offset is None else offset_text(place.utc_offset),
                spaces=place.spaces,
            )
            for place in places
        ],
        sponsor=_sponsor(services),
        local=_local(services.visitors),
    )


def _sponsor(services: Services) -> SponsorOut | None:
    if services.sponsor is None:
        return None
    domain = forwarder_domain(services.deployment)
    forwarder = checksum(services.deployment.forwarder)
    return SponsorOut(
        forwarder=forwarder,
        domain=DomainOut(
            name=domain.name,
            version=domain.version,
            chain_id=domain.chain_id,
            verifying_contract=forwarder,
        ),
        verbs=list(FORWARDED),
    )


def _local(desk: VisitorsDesk | None) -> LocalOut | None:
    if desk is None:
        return None
    return LocalOut(
        guest=True,
        funds=True,
        credit=amount(desk.credit),
        titles=desk.titles,
        vehicles=True,
        cars=True,
        time=True,
    )


@router.get("/health")
async def health() -> HealthOut:
    """The process answers; nothing else is looked at."""
    return HealthOut()


@router.get(
    "/ready",
    response_model=ReadyOut,
    responses={503: {"description": "not ready", "content": {problems.MEDIA_TYPE: _NOT_READY}}},
)
async def ready(request: Request) -> Response:
    """Ready when the database answers at the right migration, the index lives and is near the head,
    the node answers and is of the deployment's chain, and the locks' broker answers; otherwise 503.
    One entry for each check with its reason, within two seconds whatever hangs."""
    services, language = services_at_once(request), language_of(request)
    found = await services.readiness.get(services.watch.all)
    checks = [part_out(check, language) for check in found.checks]
    if found.ready:
        lag = 0 if found.index is None else found.index.lag
        body = ReadyOut(lag_blocks=lag, lag_seconds=found.lag_seconds, checks=checks)
        return JSONResponse(body.model_dump(by_alias=True))
    first = found.wrong[0]
    problem = NotReadyOut(
        type=f"urn:berth:problem:{first.code}",
        title=problemwords.title(503, language),
        status=503,
        code=str(first.code),
        detail=" ".join(check.sentence(language) for check in found.wrong),
        instance=request.url.path,
        checks=checks,
    )
    return JSONResponse(
        problem.model_dump(by_alias=True, exclude_none=True),
        503,
        headers={"Retry-After": "2"},
        media_type=problems.MEDIA_TYPE,
    )


@router.get(
    "/status",
    response_model=StatusOut,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def status(request: Request) -> Response:
    """What the platform holds and how it is, in words; as JSON when that is asked for."""
    services, language = services_at_once(request), language_of(request)
    found = await services.platform_status.get(lambda: status_of(services))
    if "application/json" in request.headers.get("accept", "*/*"):
        return JSONResponse(status_out(found, language).model_dump(by_alias=True))
    return PlainTextResponse(found.text(language))


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(request: Request) -> Response:
    """Prometheus metrics, text format."""
    services = services_at_once(request)
    counters: Metrics = request.app.state.metrics
    found = await services.platform_status.get(lambda: status_of(services))
    counters.observe(found, request.app.state.hub.listeners)
    return Response(counters.text(), media_type=counters.content_type)
