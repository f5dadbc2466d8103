"""The signer as an HTTP service: a plain ASGI application with four paths and nothing else."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import msgspec
import structlog

from berth.core.errors import BerthError
from berth.relay.orders import Signing
from berth.relay.signer_wire import (
    LARGEST,
    SIGNER_SECONDS,
    GrantRequest,
    ReceiptRequest,
    Signed,
    TicketRequest,
)

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
_log = structlog.get_logger("berth.signer")
_ENCODE = msgspec.json.Encoder().encode
#: Between two lines about callers who know no secret, or ask too much, seconds.
_QUIET = 10.0


class Service(Signing, Protocol):
    """A signer that also says how it is."""

    async def status(self) -> dict[str, Any]: ...


class SignerApp:
    """Answers whoever knows the secret; None where the socket's permissions keep others out."""

    def __init__(self, signer: Service, secret: str | None) -> None:
        self._signer = signer
        self._secret = None if secret is None else f"Bearer {secret}".encode("ascii")
        self._ticket = msgspec.json.Decoder(TicketRequest)
        self._grant = msgspec.json.Decoder(GrantRequest)
        self._receipt = msgspec.json.Decoder(ReceiptRequest)
        self._said: dict[str, float] = {}

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            async with asyncio.timeout(SIGNER_SECONDS):
                answer = await self._answer(scope, receive)
            status, body = 200, _ENCODE(answer)
        except TimeoutError:
            status, body = _told(_error("node", "the signer's node does not answer in time", 503))
        except BerthError as error:
            self._note(scope, error)
            status, body = _told(error)
        except Exception:
            _log.exception("signing failed", path=scope.get("path"))
            status, body = _told(_error("failed", "the signer failed: see its log", 500))
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
        ]
        if status == 413:
            headers.append((b"connection", b"close"))  # the rest of the body is not read
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Mapping[str, Any], receive: Receive) -> object:
        headers = dict(scope["headers"])
        # before anything of the request is looked at
        self._admit(headers.get(b"authorization", b""))
        path = scope["path"]
        if scope["method"] != "POST":
            raise _error("method", "only POST is answered", 405)
        body = await _read(headers.get(b"content-length"), receive)
        try:
            if path == "/v1/ticket":
                return Signed(await self._signer.ticket(self._ticket.decode(body).order()))
            if path == "/v1/grant":
                return Signed(await self._signer.grant(self._grant.decode(body).order()))
            if path == "/v1/receipt":
                return Signed(await self._signer.receipt(self._receipt.decode(body).order()))
        except msgspec.DecodeError as error:
            raise _error("malformed", str(error), 400) from error
        if path == "/v1/status":
            return await self._signer.status()
        raise _error("path", "there is no such path", 404)

    def _admit(self, given: bytes) -> None:
        if self._secret is not None and not hmac.compare_digest(given, self._secret):
            raise _error("secret", "the caller does not know the secret", 401)

    def _note(self, scope: Mapping[str, Any], error: BerthError) -> None:
        """One line for a refusal; of what a flood consists of, one now and then."""
        if error.status in (401, 429):
            now = asyncio.get_running_loop().time()
            if now - self._said.get(error.code, -_QUIET) < _QUIET:
                return
            self._said[error.code] = now
        _log.warning("not signed", path=scope.get("path"), code=error.code, reason=error.message)


async def _read(length: bytes | None, receive: Receive) -> bytes:
    if length is not None and (not length.isdigit() or int(length) > LARGEST):
        raise _error("too_large", f"a request may have {LARGEST} bytes", 413)
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise _error("gone", "the caller is gone", 400)
        body += bytes(message.get("body", b""))
        if len(body) > LARGEST:
            raise _error("too_large", f"a request may have {LARGEST} bytes", 413)
        if not message.get("more_body", False):
            return body


def _told(error: BerthError) -> tuple[int, bytes]:
    """Status and body."""
    return error.status, _ENCODE({"code": error.code, "message": error.message[:1000]})


def _error(code: str, why: str, status: int) -> BerthError:
    return BerthError(f"signer.{code}", why, status=status)
