"""A wallet for the browser whose key never enters the page: EIP-1193 and EIP-6963, signing here."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from berth.chain.rpc import Rpc, RpcError
from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data
from playwright.async_api import BrowserContext

REJECTED, UNKNOWN_CHAIN = 4001, 4902

_PROVIDER = """
(() => {
  const listeners = {};
  const provider = {
    async request({ method, params }) {
      const answer = await window.__wallet(method, params ?? []);
      if (answer.error) throw Object.assign(new Error(answer.error.message), answer.error);
      return answer.result;
    },
    on(event, listener) { (listeners[event] ??= new Set()).add(listener); },
    removeListener(event, listener) { listeners[event]?.delete(listener); },
  };
  window.__emit = (event, value) => listeners[event]?.forEach((listener) => listener(value));
  const info = { uuid: "c2b1f9a0-0000-4000-8000-000000000001", name: "Test Wallet",
                 icon: "data:image/svg+xml,<svg/>", rdns: "example.test.wallet" };
  const announce = () => window.dispatchEvent(new CustomEvent("eip6963:announceProvider",
    { detail: Object.freeze({ info, provider }) }));
  window.addEventListener("eip6963:requestProvider", announce);
  announce();
})();
"""


class _RefusedError(Exception):
    def __init__(self, code: int, message: str) -> None:
        self.code = code
        super().__init__(message)


@dataclass
class Wallet:
    """Answers what the page asks. `refuse` names methods that the person says no to, once each;
    `before` what happens while the person still thinks about one, once each. A `bold` one sends
    what its node says will fail."""

    key: bytes
    rpc: Rpc
    chain_id: int
    shown_chain: int | None = None
    connected: bool = False
    bold: bool = False
    refuse: set[str] = field(default_factory=set)
    before: dict[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    asked: list[tuple[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._account = Account.from_key(self.key)
        self._sending = asyncio.Lock()

    @property
    def address(self) -> str:
        return str(self._account.address)

    @property
    def signatures(self) -> list[str]:
        """What the person was asked to sign or send, in order."""
        wanted = ("personal_sign", "eth_signTypedData_v4", "eth_sendTransaction")
        return [method for method, _ in self.asked if method in wanted]

    async def enter(self, context: BrowserContext) -> None:
        """Announces itself to every page of the context."""
        await context.expose_function("__wallet", self.answer)
        await context.add_init_script(_PROVIDER)

    async def answer(self, method: str, params: list[Any]) -> dict[str, Any]:
        self.asked.append((method, params))
        meanwhile = self.before.pop(method, None)
        if meanwhile is not None:
            await meanwhile()
        try:
            if method in self.refuse:
                self.refuse.discard(method)
                raise _RefusedError(REJECTED, "User rejected the request.")
            return {"result": await self._do(method, params)}
        except _RefusedError as refused:
            return {"error": {"code": refused.code, "message": str(refused)}}
        except RpcError as error:
            return {"error": {"code": error.number, "message": error.message}}
        except httpx.HTTPError as error:
            return {"error": {"code": -32603, "message": str(error)}}

    async def _do(self, method: str, params: list[Any]) -> Any:
        if method == "eth_requestAccounts":
            self.connected = True
            return [self.address]
        if method == "eth_accounts":
            return [self.address] if self.connected else []
        if method == "eth_chainId":
            return hex(self.shown_chain or self.chain_id)
        if method == "wallet_switchEthereumChain":
            wanted = int(params[0]["chainId"], 16)
            if wanted != self.chain_id:
                raise _RefusedError(UNKNOWN_CHAIN, "Unrecognized chain ID.")
            self.shown_chain = None
            return None
        if method == "personal_sign":
            message = encode_defunct(hexstr=params[0])
            return "0x" + self._account.sign_message(message).signature.hex().removeprefix("0x")
        if method == "eth_signTypedData_v4":
            typed = encode_typed_data(full_message=_parsed(params[1]))
            return "0x" + self._account.sign_message(typed).signature.hex().removeprefix("0x")
        if method == "eth_sendTransaction":
            return await self._send(params[0])
        return await self.rpc.call(method, *params)

    async def _send(self, wanted: dict[str, Any]) -> Any:
        async with self._sending:
            call = {**wanted, "from": self.address}
            gas = wanted.get("gas") or (
                hex(2_000_000) if self.bold else await self.rpc.call("eth_estimateGas", call)
            )
            price = int(await self.rpc.call("eth_gasPrice"), 16) * 2
            signed = self._account.sign_transaction(
                {
                    "to": wanted["to"],
                    "data": wanted.get("data", "0x"),
                    "value": int(wanted.get("value", "0x0"), 16),
                    "gas": int(gas, 16) * 5 // 4,
                    "gasPrice": price,
                    "nonce": int(
                        await self.rpc.call("eth_getTransactionCount", self.address, "pending"), 16
                    ),
                    "chainId": self.chain_id,
                }
            )
            raw = signed.raw_transaction.hex().removeprefix("0x")
            return await self.rpc.call("eth_sendRawTransaction", "0x" + raw)


def _parsed(message: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(message) if isinstance(message, str) else message
    return found
