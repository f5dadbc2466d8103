"""The signer's face in the relay, where the signer is another process."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec

from berth.core.errors import BerthError
from berth.relay.orders import GrantOrder, ReceiptOrder, TicketOrder
from berth.relay.signer_wire import (
    LARGEST,
    RELAY_SECONDS,
    Refused,
    Signed,
    SignerAddress,
    grant_request,
    receipt_request,
    ticket_request,
)

_SIGNED = msgspec.json.Decoder(Signed)
_REFUSED = msgspec.json.Decoder(Refused)
_STATUS = msgspec.json.Decoder(dict[str, Any])
_ENCODE = msgspec.json.Encoder().encode
#: Codes that the signer may answer with: of its own, its day keys and its node.
_KNOWN = ("signer.", "keyring.", "chain.", "certificate.", "key.")
#: An open line that the signer, restarted, no longer knows: asked once more. What is signed twice
#: does no harm, a lock obeys a command once.
_STALE = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)


class RemoteSigner:
    """Asks a signer process. Close it when done.

    Raises BerthError signer.unreachable when there is no answer, else what the signer answered.
    """

    def __init__(
        self,
        address: SignerAddress,
        secret: str | None,
        *,
        timeout: float = RELAY_SECONDS,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._address = address
        headers = {"Content-Type": "application/json"}
        if secret is not None:
            headers["Authorization"] = f"Bearer {secret}"
        socket = None if address.path is None else str(address.path)
        self._http = httpx.AsyncClient(
            base_url=address.url,
            headers=headers,
            timeout=httpx.Timeout(timeout, connect=3.0),
            trust_env=False,
            transport=transport or httpx.AsyncHTTPTransport(uds=socket),
        )

    @property
    def where(self) -> str:
        return self._address.where

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> RemoteSigner:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def ticket(self, order: TicketOrder) -> str:
        return await self._signed("ticket", ticket_request(order))

    async def grant(self, order: GrantOrder) -> str:
        return await self._signed("grant", grant_request(order))

    async def receipt(self, order: ReceiptOrder) -> str:
        return await self._signed("receipt", receipt_request(order))

    async def status(self) -> dict[str, Any]:
        """Chain, market, node and head of the signer."""
        content = await self._ask("status", {})
        try:
            return _STATUS.decode(content)
        except msgspec.DecodeError as error:
            raise self._unreachable("answers what is no signer's word") from error

    async def _signed(self, what: str, request: object) -> str:
        content = await self._ask(what, request)
        try:
            return _SIGNED.decode(content).jws
        except msgspec.DecodeError as error:
            raise self._unreachable("answers what is no signer's word") from error

    async def _ask(self, what: str, request: object) -> bytes:
        body = _ENCODE(request)
        try:
            try:
                answer = await self._http.post(f"/v1/{what}", content=body)
            except _STALE:
                answer = await self._http.post(f"/v1/{what}", content=body)
        except httpx.TimeoutException as error:
            raise self._unreachable("gives no answer in time") from error
        except httpx.HTTPError as error:
            raise self._unreachable(str(error) or type(error).__name__) from error
        if len(answer.content) > LARGEST:
            raise self._unreachable("answers too much")
        if answer.status_code == 200:
            return answer.content
        raise self._refusal(answer)

    def _refusal(self, answer: httpx.Response) -> BerthError:
        try:
            refused = _REFUSED.decode(answer.content)
        except msgspec.DecodeError:
            return self._unreachable(f"answers with status {answer.status_code}")
        if not refused.code.startswith(_KNOWN):
            return BerthError("signer.failed", refused.message, status=503)
        return BerthError(refused.code, refused.message, status=answer.status_code)

    def _unreachable(self, why: str) -> BerthError:
        message = f"the signer at {self.where} {why}"
        return BerthError("signer.unreachable", message, field="BERTH_SIGNER_URL", status=503)
