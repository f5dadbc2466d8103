"""Signing in and out."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool

from berth.core.addresses import checksum
from berth.core.zones import rfc3339
from berth.market import accounts
from berth.market.nonces import NONCE_SECONDS
from berth.market.signin import check_message, check_signature
from berth.web.context import COOKIE, ServicesDep, session_or_none, token_of
from berth.web.schemas.account import NonceOut, SessionOut, SignInBody
from berth.web.services import Services

router = APIRouter(prefix="/v1/session", tags=["session"])


@router.post("/nonce", status_code=201)
def new_nonce(services: ServicesDep, request: Request) -> NonceOut:
    """A nonce for one sign-in message (EIP-4361), good once and for ten minutes."""
    now = services.wall.now()
    origin = _origin(services, request)
    return NonceOut(
        nonce=services.nonces.issue(now),
        domain=urlsplit(origin).netloc,
        uri=origin,
        chain_id=services.deployment.chain_id,
        issued_at=rfc3339(now),
        expires_at=rfc3339(now + NONCE_SECONDS),
    )


@router.post("", status_code=201)
async def sign_in(body: SignInBody, services: ServicesDep, response: Response) -> SessionOut:
    """Opens a session of 12 hours for the account that signed the message.

    Domain, URI, chain, nonce and times are checked on the parsed message; the nonce is used up once
    the signature has been verified. Accounts with code are asked by ERC-1271.
    """
    now = services.wall.now()
    statement = check_message(
        body.message, origins=services.origins, chain_id=services.deployment.chain_id, now=now
    )
    await run_in_threadpool(_check_nonce, services, statement.nonce, now)
    signature = bytes.fromhex(body.signature[2:])
    await check_signature(services.rpc, statement.address, body.message, signature, services.asking)
    token = await run_in_threadpool(_open, services, statement.nonce, statement.address, now)
    if body.transport == "cookie":
        response.set_cookie(
            COOKIE,
            token,
            max_age=accounts.SESSION_SECONDS,
            path="/",
            httponly=True,
            samesite="strict",
            secure=services.secure,
        )
    return SessionOut(
        address=checksum(statement.address),
        expires_at=rfc3339(now + accounts.SESSION_SECONDS),
        token=token if body.transport == "bearer" else None,
    )


@router.delete("", status_code=204)
def sign_out(
    services: ServicesDep,
    request: Request,
    response: Response,
    _: Annotated[object, Depends(session_or_none)],
) -> None:
    """Ends the session. Nothing happens when there is none."""
    token, _by_cookie = token_of(request)
    if token:
        with services.store.write() as conn:
            accounts.close_session(conn, token)
    response.delete_cookie(
        COOKIE, path="/", httponly=True, samesite="strict", secure=services.secure
    )


def _origin(services: Services, request: Request) -> str:
    """Of our origins the one that the client came by, so that localhost works as 127.0.0.1 does."""
    host = request.headers.get("host", "")
    known = (origin for origin in services.origins if urlsplit(origin).netloc == host)
    return next(known, services.origins[0])


def _check_nonce(services: Services, nonce: str, now: int) -> None:
    with services.store.read() as conn:
        services.nonces.check(conn, nonce, now)


def _open(services: Services, nonce: str, address: str, now: int) -> str:
    with services.store.write() as conn:
        services.nonces.use(conn, nonce, now)
        return accounts.open_session(conn, address, now)
