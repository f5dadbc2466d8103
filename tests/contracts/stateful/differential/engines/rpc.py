"""A chain behind JSON-RPC: Ganache as the contract tests start it."""

import http.client
import json
from collections.abc import Iterable
from urllib.parse import urlsplit

from differential.engines import Receipt

_GAS = hex(8_000_000)
_REVERTED = "VM Exception while processing transaction: revert"
_RICH = hex(10**24)


class NodeError(Exception):
    """The node said no to something that is no transaction's revert."""


class Ganache:
    """Needs `--chain.vmErrorsOnRPCResponse true`, as Brownie starts it, and a clock that stands
    still between blocks."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url).netloc
        self._line = http.client.HTTPConnection(self._address, timeout=120)
        self.chain_id = int(self.ask("eth_chainId"), 16)

    def unlock(self, accounts: Iterable[str]) -> None:
        """From now on these may send, and have gas."""
        for account in accounts:
            self.ask("evm_addAccount", account, "")
            self.ask("personal_unlockAccount", account, "", 0)
            self.ask("evm_setAccountBalance", account, _RICH)

    def snapshot(self) -> str:
        return self.ask("evm_snapshot")

    def revert(self, snapshot: str) -> None:
        if self.ask("evm_revert", snapshot) is not True:
            raise NodeError(f"snapshot {snapshot} is not there")

    def deploy(self, sender: str, code: bytes) -> str:
        sent = self.ask("eth_sendTransaction", {"from": sender, "data": _hex(code), "gas": _GAS})
        return self.ask("eth_getTransactionReceipt", sent)["contractAddress"].lower()

    def send(self, sender: str, to: str, data: bytes, at: int) -> Receipt:
        # each block adds one second
        self.ask("evm_setTime", (at - 1) * 1000)
        transaction = {"from": sender, "to": to, "data": _hex(data), "gas": _GAS}
        (answer,) = self._post([("eth_sendTransaction", [transaction])])
        if "error" in answer:
            if answer["error"].get("message") != _REVERTED:
                raise NodeError(str(answer["error"]))
            return self.refusal(sender, to, data)
        receipt = self.ask("eth_getTransactionReceipt", answer["result"])
        logs = [
            (
                log["address"].lower(),
                [bytes.fromhex(topic[2:]) for topic in log["topics"]],
                bytes.fromhex(log["data"][2:]),
            )
            for log in receipt["logs"]
        ]
        return Receipt(ok=True, output=None, logs=logs)

    def calls(self, wanted: list[tuple[str, bytes]]) -> list[bytes | None]:
        answers = self._post(
            [("eth_call", [{"to": to, "data": _hex(data)}, "latest"]) for to, data in wanted]
        )
        return [
            None if "error" in answer else bytes.fromhex(answer["result"][2:]) for answer in answers
        ]

    def refusal(self, sender: str, to: str, data: bytes) -> Receipt:
        # a transaction's error does not carry the revert's data; a call in the same block does
        call = {"from": sender, "to": to, "data": _hex(data), "gas": _GAS}
        (answer,) = self._post([("eth_call", [call, "latest"])])
        if "error" not in answer:
            return Receipt(ok=True, output=bytes.fromhex(answer["result"][2:]))
        return Receipt(ok=False, output=bytes.fromhex(answer["error"]["data"][2:]))

    def ask(self, method: str, *params: object) -> object:
        (answer,) = self._post([(method, list(params))])
        if "error" in answer:
            raise NodeError(f"{method}: {answer['error']}")
        return answer["result"]

    def _post(self, asked: list[tuple[str, list]]) -> list[dict]:
        if not asked:
            return []
        body = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            for number, (method, params) in enumerate(asked)
        ]
        self._line.request("POST", "/", json.dumps(body), {"Content-Type": "application/json"})
        answers = json.loads(self._line.getresponse().read())
        return sorted(answers, key=lambda answer: answer["id"])


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
