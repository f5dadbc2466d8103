"""Two pages for people, rendered here, with nothing fetched from elsewhere: live state, API."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, select_autoescape
from markupsafe import Markup, escape
from sqlalchemy import select

from berth.core.zones import rfc3339
from berth.market.leases import settlement_from
from berth.market.vocabulary import outcome_name
from berth.store.derived import settlements
from berth.store.kept import events
from berth.web.apidoc import operations
from berth.web.context import ServicesDep, language_of
from berth.web.pagewords import event_words, words
from berth.web.services import Services
from berth.web.status import PlatformStatus, status_of
from berth.web.statuswords import span

router = APIRouter(include_in_schema=False)

_ROWS = 10
_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent.parent / "templates"),
    autoescape=select_autoescape(default=True),
    trim_blocks=True,
    lstrip_blocks=True,
)


def _code(text: str) -> Markup:
    """Text with what stands between backticks as code."""
    parts = text.split("`")
    shown = [
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part)
        for place, part in enumerate(parts)
    ]
    return Markup("").join(shown)


_TEMPLATES.filters["code"] = _code
_TEMPLATES.filters["time"] = lambda text: text.replace("T", " ").removesuffix("Z")


@router.get("/live", response_class=HTMLResponse)
async def live(
    request: Request,
    services: ServicesDep,
    lang: Annotated[str | None, Query(pattern="^(en|zh)$")] = None,
    part: Annotated[bool, Query(description="the changing part only")] = False,
) -> HTMLResponse:
    """What the platform holds now."""
    language = lang or language_of(request)
    status = await services.platform_status.get(lambda: status_of(services))
    facts = await run_in_threadpool(_facts, services, status, language)
    return page("state.html" if part else "live.html", language, **facts)


@router.get("/docs", response_class=HTMLResponse)
async def docs(
    request: Request, lang: Annotated[str | None, Query(pattern="^(en|zh)$")] = None
) -> HTMLResponse:
    """The API, from its own OpenAPI document."""
    document = request.app.openapi()
    return page(
        "docs.html",
        lang or language_of(request),
        info=document["info"],
        operations=operations(document),
    )


def page(template: str, language: str, **facts: Any) -> HTMLResponse:
    nonce = secrets.token_urlsafe(16)
    html = _TEMPLATES.get_template(template).render(
        lang=language, nonce=nonce, w=words(language), **facts
    )
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}';"
        " connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    )
    return HTMLResponse(
        html, headers={"Content-Security-Policy": policy, "Content-Language": language}
    )


def _facts(services: Services, status: PlatformStatus, language: str) -> dict[str, Any]:
    """Everything public: counts, the ledger's newest records, the newest events for everybody."""
    said: dict[str, Any] = {
        "status": status,
        "sentence": status.sentence(language),
        "lag": span(status.found.lag_seconds, language),
        "block_at": rfc3339(status.index.block_at) if status.index else None,
    }
    if status.held is None:
        return said  # the database is away: what is told is that
    currency = services.deployment.currency
    with services.store.read() as conn:
        found = [
            settlement_from(row)
            for row in conn.execute(
                select(settlements).order_by(settlements.c.number.desc()).limit(_ROWS)
            )
        ]
        news = conn.execute(
            select(events.c.at, events.c.topic, events.c.space_id)
            .where(events.c.audience.is_(None))
            .order_by(events.c.seq.desc())
            .limit(_ROWS)
        ).all()
    return said | {
        "escrow": currency.label(status.held.totals.escrow),
        "fees": currency.label(status.held.totals.fees),
        "symbol": currency.symbol,
        "settlements": [
            {
                "number": record.number,
                "at": rfc3339(record.closed_at),
                "outcome": outcome_name(record.outcome),
                "cost": currency.format(record.cost),
                "owner": currency.format(record.owner_share),
                "fee": currency.format(record.fee),
                "refund": currency.format(record.refund),
            }
            for record in found
        ],
        "news": [
            {
                "at": rfc3339(row.at),
                "text": event_words(row.topic, language),
                "space": row.space_id,
            }
            for row in news
        ],
    }
