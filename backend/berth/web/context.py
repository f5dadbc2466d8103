"""What a request brings along: the services, who asks, in which language."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Request
from fastapi.security import APIKeyCookie, HTTPBearer

from berth.core.errors import BerthError
from berth.core.ids import lease_hex, parse_lease, parse_space, space_hex
from berth.market.accounts import Session, session_of
from berth.web.schemas.common import LEASE_PATTERN, SPACE_PATTERN
from berth.web.services import Services

COOKIE = "berth_session"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

# Only so that the OpenAPI document says how to authenticate; the token is read below.
cookie_scheme = APIKeyCookie(name=COOKIE, auto_error=False, description="set by POST /v1/session")
bearer_scheme = HTTPBearer(auto_error=False, description="the token of POST /v1/session")


def services_of(request: Request) -> Services:
    """The application's services."""
    services: Services = request.app.state.services
    return services


ServicesDep = Annotated[Services, Depends(services_of)]


def token_of(request: Request) -> tuple[str | None, bool]:
    """(session token, came as cookie). A bearer token wins: it was sent on purpose."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip(), False
    return request.cookies.get(COOKIE), True


def session_or_none(request: Request, services: ServicesDep) -> Session | None:
    """The session of the request, if it has a good one."""
    token, by_cookie = token_of(request)
    if not token:
        return None
    if by_cookie and request.method not in _SAFE:
        _check_origin(request, services)
    with services.store.read() as conn:
        return session_of(conn, token, services.wall.now())


def session_required(
    session: Annotated[Session | None, Depends(session_or_none)],
    _cookie: Annotated[str | None, Depends(cookie_scheme)],
    _bearer: Annotated[object, Depends(bearer_scheme)],
) -> Session:
    """The session of the request; without one 401."""
    if session is None:
        raise BerthError("session.required", "sign in first", status=401)
    return session


SessionDep = Annotated[Session, Depends(session_required)]
MaybeSession = Annotated[Session | None, Depends(session_or_none)]


def language_of(request: Request) -> str:
    """ "zh" when the client asks for Chinese before English, else "en"."""
    wanted: list[tuple[float, int, str]] = []
    for place, part in enumerate(request.headers.get("accept-language", "").split(",")[:20]):
        tag, _, weight = part.strip().partition(";q=")
        try:
            quality = float(weight) if weight else 1.0
        except ValueError:
            quality = 0.0
        wanted.append((-quality, place, tag.lower()[:2]))
    known = (tag for _, _, tag in sorted(wanted) if tag in ("en", "zh"))
    return next(known, "en")


Language = Annotated[str, Depends(language_of)]


def space_param(
    space_id: Annotated[str, Path(alias="spaceId", pattern=SPACE_PATTERN, description="the space")],
) -> str:
    """A space's id in its one spelling."""
    return space_hex(parse_space(space_id))


def lease_param(
    lease_id: Annotated[str, Path(alias="leaseId", pattern=LEASE_PATTERN, description="the lease")],
) -> str:
    """A lease's id in its one spelling."""
    return lease_hex(parse_lease(lease_id))


SpaceParam = Annotated[str, Depends(space_param)]
LeaseParam = Annotated[str, Depends(lease_param)]


def _check_origin(request: Request, services: Services) -> None:
    """A cookie rides along with any page's request; only our own pages may change things by it."""
    origin = request.headers.get("origin")
    if origin is not None and origin not in services.origins:
        raise BerthError(
            "session.origin", "requests from {origin} are refused", status=403, origin=origin
        )
