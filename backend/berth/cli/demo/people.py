"""People of the demo: a key each, transactions of their own, and a session with the API.

They use what anybody could use: signed transactions to the node, HTTP to the backend. Nothing here
reaches into the backend.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from siwe import SiweMessage

from berth.chain.contracts import Contract
from berth.chain.rpc import Rpc
from berth.chain.sender import Sender
from berth.chain.wire import Receipt
from berth.cli.demo.narrate import Narrator
from berth.core.addresses import checksum
from berth.core.errors import BerthError
from berth.core.messages import TypedMessage, sign
from berth.core.signing import address_of, new_private_key, sign_digest, text_digest
from berth.store.engine import Store
from berth.store.transactions import TransactionJournal


class Api:
    """The backend's HTTP API; problems come as BerthError."""

    def __init__(self, base: str) -> None:
        self.base = base
        # shorter than the server's 5 s: a connection must not be used while it is being closed
        limits = httpx.Limits(keepalive_expiry=2.0)
        self.http = httpx.AsyncClient(base_url=base, timeout=30.0, trust_env=False, limits=limits)

    async def close(self) -> None:
        await self.http.aclose()

    async def get(self, path: str, **params: Any) -> Any:
        return self._answer(await self.http.get(path, params=params))

    async def post(self, path: str, body: Any = None) -> Any:
        return self._answer(await self.http.post(path, json=body))

    async def put(self, path: str, body: Any) -> Any:
        return self._answer(await self.http.put(path, json=body))

    @staticmethod
    def _answer(response: httpx.Response) -> Any:
        if response.is_success:
            return response.json() if response.content else None
        try:
            problem = response.json()
        except ValueError:
            problem = {}
        errors = "; ".join(f"{e['field']}: {e['detail']}" for e in problem.get("errors", []))
        detail = problem.get("detail") or response.text[:200]
        raise BerthError(
            problem.get("code", "http.status"),
            f"{response.request.method} {response.request.url.path} answered "
            f"{response.status_code}: {detail} {errors}".strip(),
            status=response.status_code,
        )


@dataclass
class Person:
    """Somebody with a wallet."""

    name: str
    key: bytes
    sender: Sender
    api: Api
    narrator: Narrator
    chain_id: int

    @classmethod
    def make(
        cls, name: str, *, rpc: Rpc, wallets: Store, base: str, chain_id: int, narrator: Narrator
    ) -> Person:
        """A person with a fresh key. `wallets` keeps what their wallets have sent."""
        key = new_private_key()
        sender = Sender(rpc, TransactionJournal(wallets), key, chain_id)
        return cls(name, key, sender, Api(base), narrator, chain_id)

    @property
    def address(self) -> str:
        """Lower-case text."""
        return address_of(self.key)

    async def transact(self, what: str, contract: Contract, verb: str, *args: Any) -> Receipt:
        """Sign and send a call, wait for it, and tell about it. Raises ChainRevertError."""
        receipt = await self.sender.transact(
            f"{self.name}: {what}", contract.address, contract.calldata(verb, *args)
        )
        self.narrator.sent(self.name, what, receipt)
        return receipt

    async def send(self, what: str, transaction: dict[str, Any]) -> Receipt:
        """Sign and send a transaction that the API prepared: to, data."""
        receipt = await self.sender.transact(
            f"{self.name}: {what}",
            transaction["to"].lower(),
            bytes.fromhex(transaction["data"].removeprefix("0x")),
        )
        self.narrator.sent(self.name, what, receipt)
        return receipt

    def sign(self, message: TypedMessage) -> bytes:
        return sign(message, self.key)

    async def sign_in(self) -> None:
        """Sign-in with Ethereum; the session's cookie stays with this person's client."""
        nonce = (await self.api.post("/v1/session/nonce"))["nonce"]
        host = httpx.URL(self.api.base)
        message = SiweMessage(
            domain=f"{host.host}:{host.port}",
            address=checksum(self.address),
            statement="Sign in to Berth.",
            uri=self.api.base,
            version="1",
            chain_id=self.chain_id,
            nonce=nonce,
            issued_at=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        ).prepare_message()
        signature = sign_digest(text_digest(message.encode("utf-8")), self.key)
        await self.api.post(
            "/v1/session", {"message": message, "signature": "0x" + signature.hex()}
        )
