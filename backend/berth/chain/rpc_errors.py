"""What may go wrong when a node is asked, each kind by its name."""

from __future__ import annotations

from typing import Any

from berth.chain.refusals import Refusal, read_refusal
from berth.chain.wire import Log
from berth.core.errors import BerthError


class NodeUnreachableError(BerthError):
    """The node did not answer, or not as a node does."""

    def __init__(self, where: str, reason: str) -> None:
        message = f"node unreachable at {where}: {reason}"
        super().__init__("chain.unreachable", message, field="BERTH_RPC_URL", status=503)
        self.reason = reason


class NodeTimeoutError(NodeUnreachableError):
    """The node took the request and did not answer in time."""


class RateLimitedError(NodeUnreachableError):
    """The node refuses more requests for `seconds`, after waiting and asking less had no effect."""

    def __init__(self, where: str, reason: str, seconds: float) -> None:
        super().__init__(where, reason)
        self.seconds = seconds


class RpcError(BerthError):
    """The node answered with an error. `data` is a revert's data where there is some, `refusal`
    what the error means."""

    def __init__(
        self,
        method: str,
        rpc_code: int,
        text: str,
        data: bytes | None,
        refusal: Refusal | None = None,
    ) -> None:
        super().__init__("chain.rpc", f"{method}: {text} (code {rpc_code})", status=502)
        self.method = method
        self.rpc_code = rpc_code
        self.text = text
        self.data = data
        self.refusal = refusal or read_refusal(method, rpc_code, text)


class CutError(RpcError):
    """The answer was longer than is held in memory. `begun` is what came until then, and `logs`
    are those in it, where logs were asked for."""

    def __init__(self, method: str, begun: bytes) -> None:
        text = f"an answer of {len(begun)} bytes and more"
        super().__init__(method, 0, text, None, Refusal.RANGE)
        self.begun = begun
        self.logs: list[Log] = []


def revert_data(data: Any) -> bytes | None:
    """A revert's bytes in an error's `data`: hex text, or Ganache's object with `result`."""
    if isinstance(data, dict):
        data = data.get("result", data.get("data"))
    if isinstance(data, str) and data.startswith("0x"):
        try:
            return bytes.fromhex(data[2:])
        except ValueError:
            return None
    return None
