"""The node asked directly: a matrix asks it thousands of times, and Brownie's way of sending costs
ten times as much as what it sends.

The clock is wound to and fro: a view sees the time of the latest block, and the chain of the tests
takes blocks older than their parents. So every state can be tried at every instant, also at those
that no story reaches.
"""

import json
from dataclasses import dataclass
from http.client import HTTPConnection
from time import monotonic
from urllib.parse import urlsplit

from berth.core.hashing import keccak
from brownie import web3
from eth_abi import decode

GAS = hex(3_000_000)
IDLE = 2  # seconds; the node hangs up on those who are silent for five
_ids = iter(range(1, 1 << 62))


@dataclass(frozen=True)
class Refusal:
    """An error by its name, with its arguments."""

    name: str
    arguments: tuple = ()


class Node:
    """The chain of the tests, and the errors and events of one contract on it."""

    def __init__(self, contract) -> None:
        self._http = HTTPConnection(urlsplit(web3.provider.endpoint_uri).netloc, timeout=60)
        self._asked, self._address = monotonic(), contract.address
        self._errors, self._events = {}, {}
        for entry in contract.abi:
            if entry["type"] in ("error", "event"):
                types = [each["type"] for each in entry["inputs"]]
                digest = keccak(f"{entry['name']}({','.join(types)})".encode())
                if entry["type"] == "error":
                    self._errors[digest[:4]] = (entry["name"], types)
                else:
                    self._events["0x" + digest.hex()] = entry

    def rpc(self, method: str, *params):
        """One answer of the node; an error of the node is an error here."""
        answer = self._ask([(method, params)])[0]
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def snapshot(self) -> str:
        return self.rpc("evm_snapshot")

    def revert(self, snapshot: str) -> None:
        assert self.rpc("evm_revert", snapshot) is True

    def aim(self, timestamp: int) -> None:
        """The next block has exactly this time, be it before the latest."""
        self.rpc("evm_setTime", (timestamp - 1) * 1000)

    def wind(self, timestamp: int) -> None:
        """The latest block has exactly this time, and so have views."""
        self.aim(timestamp)
        self.rpc("evm_mine")
        assert int(self.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16) == timestamp

    def call(self, sender: str, data: str) -> bytes | Refusal:
        """What a verb would answer in the time of the latest block."""
        return self.calls([(sender, self._address, data)])[0]

    def calls(self, asked: list[tuple[str, str, str]]) -> list[bytes | Refusal]:
        """Several calls in one request: (sender, contract, data)."""
        answers = self._ask(
            [
                ("eth_call", ({"from": sender, "to": to, "data": data, "gas": GAS}, "latest"))
                for sender, to, data in asked
            ]
        )
        return [
            self._refusal(answer["error"])
            if "error" in answer
            else bytes.fromhex(answer["result"][2:])
            for answer in answers
        ]

    def send(self, sender: str, data: str, timestamp: int) -> list[tuple[str, dict]] | Refusal:
        """A transaction in a block of exactly this time; the contract's events, or why not."""
        self.aim(timestamp)
        transaction = {"from": sender, "to": self._address, "data": data, "gas": GAS}
        sent = self._ask([("eth_sendTransaction", (transaction,))])[0]
        if "error" in sent:
            return self._refusal(sent["error"])
        receipt = self.rpc("eth_getTransactionReceipt", sent["result"])
        block = self.rpc("eth_getBlockByNumber", receipt["blockNumber"], False)
        assert int(block["timestamp"], 16) == timestamp
        assert int(receipt["status"], 16) == 1
        return self.events(receipt["logs"])

    def events(self, logs: list[dict]) -> list[tuple[str, dict]]:
        """The contract's own among these logs, named."""
        return [self._event(log) for log in logs if log["address"].lower() == self._address.lower()]

    def _event(self, log: dict) -> tuple[str, dict]:
        entry = self._events[log["topics"][0]]
        topics = iter(log["topics"][1:])
        plain = [each for each in entry["inputs"] if not each["indexed"]]
        data = iter(decode([each["type"] for each in plain], bytes.fromhex(log["data"][2:])))
        return entry["name"], {
            each["name"]: decode([each["type"]], bytes.fromhex(next(topics)[2:]))[0]
            if each["indexed"]
            else next(data)
            for each in entry["inputs"]
        }

    def _refusal(self, error: dict) -> Refusal:
        data = error.get("data", "0x")
        if isinstance(data, dict):  # of a transaction; of a call it is the answer itself
            data = data["result"]
        raw = bytes.fromhex(data[2:])
        if raw[:4] not in self._errors:
            return Refusal(f"{error['message']} {raw.hex()}")
        name, types = self._errors[raw[:4]]
        return Refusal(name, decode(types, raw[4:]))

    def _ask(self, questions: list[tuple[str, tuple]]) -> list[dict]:
        body = [
            {"jsonrpc": "2.0", "id": next(_ids), "method": method, "params": params}
            for method, params in questions
        ]
        if monotonic() - self._asked > IDLE:
            self._http.close()  # and opened again by the request
        self._asked = monotonic()
        self._http.request("POST", "/", json.dumps(body), {"Content-Type": "application/json"})
        answers = json.loads(self._http.getresponse().read())
        by_id = {answer["id"]: answer for answer in answers}
        return [by_id[each["id"]] for each in body]
