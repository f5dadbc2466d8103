"""Nodes: JSON-RPC of the simulated chain beneath the production client, with views and moods."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
from berth.core.hashing import keccak
from berth.core.model import Refused
from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes

from tests.sim.chain import GAS_USED, Block, Chain, Receipt, Transaction
from tests.sim.contract import Codec, RevertError, clone, revert_of
from tests.sim.faults import Faults
from tests.sim.loop import check_alive
from tests.sim.wire import Answer

TIMEOUT = 10.0


class NodeError(Exception):
    """An answer of JSON-RPC's kind."""

    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.fault = {"code": code, "message": message, **({"data": data} if data else {})}


class Node:
    """One node. `behind` blocks, or its own `branch`; `pruned` keeps the state of few blocks."""

    def __init__(
        self,
        name: str,
        chain: Chain,
        codec: Codec,
        faults: Faults,
        chain_id: int,
        shown: Callable[[Block], None] = lambda _block: None,
    ) -> None:
        """`shown` hears of every newest block that somebody asked this node on."""
        self._shown = shown
        self.name = name
        self.chain = chain
        self._codec = codec
        self._faults = faults
        self._chain_id = chain_id
        self.behind = 0
        self.branch: list[Block] | None = None
        self.frozen: int | None = None  # silent: answers, but its head stands still
        self.other_chain = False
        self.pruned = False
        self.down = False

    # ---- its view

    @property
    def line(self) -> list[Block]:
        """The chain as this node has it."""
        if self.branch is not None:
            return self.branch
        line = self.chain.line
        last = len(line) - self.behind
        if self.frozen is not None:
            last = min(last, self.frozen + 1)
        return line if last >= len(line) else line[: max(last, 4)]

    # ---- the transport

    async def carry(self, _url: str, body: bytes) -> Answer:
        check_alive()
        calls = msgspec.json.decode(body)
        faults = self._faults
        await asyncio.sleep(faults.rng("rpc.latency").uniform(0.001, 0.03))
        if faults.strike("rpc.latency", node=self.name):
            await asyncio.sleep(faults.rng("rpc.latency").uniform(0.2, 8.0))
        if self.down:
            raise httpx.ConnectError("connection refused")
        if faults.strike("rpc.timeout", node=self.name):
            await asyncio.sleep(TIMEOUT)
            if faults.rng("rpc.timeout").random() < 0.5:
                self._answers(calls)  # the node did it; only the answer is lost
            raise httpx.ReadTimeout("no answer")
        if faults.strike("rpc.rate_limit", node=self.name):
            return Answer(429, b"too many requests", {})
        check_alive()
        answer = self._answers(calls)
        await asyncio.sleep(faults.rng("rpc.latency").uniform(0.001, 0.02))
        return Answer(200, msgspec.json.encode(answer), {})

    def _answers(self, calls: Any) -> Any:
        self._shown(self.line[-1])
        if isinstance(calls, list):
            return [self.answer(one) for one in calls]
        return self.answer(calls)

    def answer(self, call: dict[str, Any]) -> dict[str, Any]:
        base = {"jsonrpc": "2.0", "id": call["id"]}
        method = call["method"]
        try:
            if self._faults.strike("rpc.error", node=self.name, method=method):
                raise NodeError(-32000, "internal error")
            handler: Callable[..., Any] | None = getattr(self, f"_{method}", None)
            if handler is None:
                raise NodeError(-32601, f"the method {method} does not exist")
            return {**base, "result": handler(*call["params"])}
        except NodeError as error:
            return {**base, "error": error.fault}
        except RevertError as error:
            data = "0x" + error.data.hex()
            return {**base, "error": {"code": 3, "message": str(error), "data": data}}

    # ---- methods

    def _eth_chainId(self) -> str:
        return hex(self._chain_id + 1 if self.other_chain else self._chain_id)

    def _eth_blockNumber(self) -> str:
        return hex(self.line[-1].number)

    def _eth_getCode(self, _address: str, _block: str) -> str:
        return "0x60" if len(self.line) > 2 and not self.other_chain else "0x"

    def _eth_getBlockByNumber(self, which: str, _full: bool) -> Any:
        if which == "finalized":
            number = max(0, self.line[-1].number - 64)
            return self._told(self.line[number])
        block = self._at(which)
        return None if block is None else self._told(block)

    def _eth_getBlockByHash(self, which: str, _full: bool) -> Any:
        return next((self._told(b) for b in reversed(self.line) if b.hash == which), None)

    def header(self, block: Block) -> dict[str, Any]:
        if self.other_chain:
            return {**block.header, "hash": "0x" + keccak(block.hash.encode()).hex()}
        return block.header

    def _told(self, block: Block) -> Any:
        return self.header(block) if self.other_chain else block.told

    def _at(self, which: str) -> Block | None:
        line = self.line
        if which in ("latest", "pending", "safe"):
            return line[-1]
        if which == "earliest":
            return line[0]
        number = int(which, 16)
        return line[number] if number < len(line) else None

    def _eth_getLogs(self, query: dict[str, Any]) -> list[dict[str, Any]]:
        line = self.line
        by_hash = "blockHash" in query
        if by_hash:
            wanted = [b for b in line if b.hash == query["blockHash"]]
            if not wanted:
                raise NodeError(-32000, "unknown block")
        else:
            first, last = int(query["fromBlock"], 16), self._number(query["toBlock"])
            if last - first > 3000:
                raise NodeError(-32005, "query returned more than 10000 results")
            wanted = line[first : last + 1]
            # a lagging backend answers for blocks it lacks with nothing
            if self._faults.strike("logs.missing", node=self.name) and wanted:
                wanted = wanted[: self._faults.rng("logs.missing").randrange(len(wanted))]
        addresses = query.get("address", [])
        addresses = [addresses] if isinstance(addresses, str) else addresses
        found = [
            self._log(block, receipt, index, log)
            for block in wanted
            for receipt in block.receipts
            for index, log in receipt.logs
            if log[0] in [a.lower() for a in addresses] and _matches(log[1], query.get("topics"))
        ]
        if found and not by_hash:
            if self._faults.strike("logs.duplicated", node=self.name):
                again = self._faults.rng("logs.duplicated").choice(found)
                found.append(again)
            if self._faults.strike("logs.stale", node=self.name):
                stale = self._faults.rng("logs.stale").choice(found)
                stale["blockHash"] = "0x" + keccak(stale["blockHash"].encode()).hex()
        return found

    def _number(self, which: str) -> int:
        return self.line[-1].number if which == "latest" else int(which, 16)

    def _log(self, block: Block, receipt: Receipt, index: int, log: Any) -> dict[str, Any]:
        address, topics, data = log
        return {
            "address": address,
            "topics": topics,
            "data": "0x" + data.hex(),
            "blockNumber": hex(block.number),
            "blockHash": block.hash,
            "transactionHash": receipt.transaction.hash,
            "transactionIndex": hex(receipt.index),
            "logIndex": hex(index),
            "removed": False,
        }

    def _eth_call(self, call: dict[str, Any], which: Any = "latest") -> str:
        if isinstance(which, dict):
            block = next((b for b in self.line if b.hash == which["blockHash"]), None)
        else:
            block = self._at(which)
        if block is None:
            raise NodeError(-32000, "header not found")
        if self.pruned and block.number < self.line[-1].number - 2:
            raise NodeError(-32000, "missing trie node: state is pruned")
        data = bytes.fromhex(call["data"][2:])
        if self._codec.is_verb(data):
            self._dry_run(call, block)
            return "0x"
        return "0x" + self._codec.view(block.market, call["to"].lower(), data).hex()

    def _eth_estimateGas(self, call: dict[str, Any], *_: Any) -> str:
        self._dry_run(call, self.line[-1])
        return hex(GAS_USED)

    def _dry_run(self, call: dict[str, Any], block: Block) -> None:
        """Raises RevertError when the verb would be refused on top of a block."""
        deed = self._codec.deed(
            call["from"].lower(), call["to"].lower(), bytes.fromhex(call["data"][2:])
        )
        market = clone(block.market)
        market.now = block.timestamp
        try:
            deed(market)
        except Refused as refused:
            raise revert_of(refused) from refused

    def _eth_maxPriorityFeePerGas(self) -> str:
        return hex(1_000_000_000)

    def _eth_gasPrice(self) -> str:
        return hex(self.line[-1].base_fee + 1_000_000_000)

    def _eth_getBalance(self, _account: str, _block: str = "latest") -> str:
        return hex(10**21)

    def _eth_getTransactionCount(self, account: str, which: str) -> str:
        account = account.lower()
        nonce = self.line[-1].nonces.get(account, 0)
        if which == "pending":
            waiting = {tx.nonce for tx in self.chain.pool.values() if tx.sender == account}
            while nonce in waiting:
                nonce += 1
        return hex(nonce)

    def _eth_sendRawTransaction(self, raw: str) -> str:
        known = self.chain.known.get("0x" + keccak(bytes(HexBytes(raw))).hex())
        if known is not None and known.nonce is None:
            if known.hash in self.chain.mined or known.hash in self.chain.pool:
                raise NodeError(-32000, "already known")
            self.chain.send(known)
            return known.hash
        tx = self._decoded(raw)
        if self.line[-1].nonces.get(tx.sender, 0) > (tx.nonce or 0):
            raise NodeError(-32000, "nonce too low")
        if tx.hash in self.chain.pool:
            raise NodeError(-32000, "already known")
        for other in list(self.chain.pool.values()):
            if other.sender == tx.sender and other.nonce == tx.nonce:
                if tx.max_fee * 10 < other.max_fee * 11:
                    raise NodeError(-32000, "replacement transaction underpriced")
                del self.chain.pool[other.hash]
        if self._faults.strike("tx.lost", tx=tx.hash):
            return tx.hash  # taken, and forgotten
        self.chain.send(tx)
        return tx.hash

    def _decoded(self, raw: str) -> Transaction:
        fields = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
        sender = str(Account.recover_transaction(raw)).lower()
        to = "0x" + bytes(fields["to"]).hex()
        data = bytes(fields["data"])
        name = data[:4].hex()
        return Transaction(
            "0x" + keccak(bytes(HexBytes(raw))).hex(),
            sender,
            self._codec.deed(sender, to, data),
            f"{sender[:8]} {name} nonce {fields['nonce']}",
            int(fields["nonce"]),
            int(fields["maxFeePerGas"]),
            raw,
            data,
        )

    def _eth_getTransactionByHash(self, tx_hash: str) -> Any:
        if tx_hash in self.chain.pool or self._find(tx_hash) is not None:
            return {"hash": tx_hash}
        return None

    def _eth_getRawTransactionByHash(self, tx_hash: str) -> Any:
        known = self._eth_getTransactionByHash(tx_hash)
        return None if known is None else self.chain.known[tx_hash].raw

    def _find(self, tx_hash: str) -> tuple[Block, Receipt] | None:
        for block in self.chain.holders(tx_hash):
            line = self.line
            if block.number < len(line) and line[block.number] is block:
                receipt = next(r for r in block.receipts if r.transaction.hash == tx_hash)
                return block, receipt
        return None

    def _eth_getTransactionReceipt(self, tx_hash: str) -> Any:
        found = self._find(tx_hash)
        if found is None:
            return None
        block, receipt = found
        return {
            "transactionHash": tx_hash,
            "transactionIndex": hex(receipt.index),
            "blockNumber": hex(block.number),
            "blockHash": block.hash,
            "gasUsed": hex(GAS_USED),
            "effectiveGasPrice": hex(block.base_fee),
            "status": hex(0 if receipt.error else 1),
            "from": receipt.transaction.sender,
            "logs": [self._log(block, receipt, index, log) for index, log in receipt.logs],
        }


class Route:
    """Brings a request to the node that its URL names."""

    def __init__(self, nodes: dict[str, Node]) -> None:
        self._nodes = nodes

    async def carry(self, url: str, body: bytes) -> Answer:
        return await self._nodes[urlsplit(url).netloc].carry(url, body)


def _matches(topics: list[str], wanted: Any) -> bool:
    for place, one in enumerate(wanted or []):
        if one is None:
            continue
        allowed = [one] if isinstance(one, str) else one
        if place >= len(topics) or topics[place] not in allowed:
            return False
    return True
