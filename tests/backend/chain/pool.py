"""A node's mempool in memory, and a sender before it as a freshly started process has it."""

from __future__ import annotations

from typing import Any, cast

from berth.chain.rpc import NodeUnreachableError, Rpc, RpcError
from berth.chain.sender import Limits, Sender
from berth.chain.wire import Block, Receipt
from berth.core.hashing import keccak
from berth.store import Store
from berth.store.transactions import TransactionJournal
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes

KEY = b"\x01" * 32
TO = "0x" + "22" * 20


class Pool:
    """A node with a mempool; what it mined is in `mined`, by nonce."""

    where = "memory"

    def __init__(self) -> None:
        self.height = 10
        self.base_fee = 7
        self.pool: dict[int, tuple[str, dict[str, Any]]] = {}
        self.mined: list[tuple[str, dict[str, Any]]] = []
        self.blocks: dict[str, int] = {}
        self.failing: bytes | None = None
        self.reverts_when_mined = False
        self.lose_answer = False
        self.refuse: str | None = None
        self.min_fee = 0  # what miners want beside the base fee
        self.heights: list[int] = []  # of what was mined, by nonce

    def mine(self) -> None:
        self.height += 1
        while (entry := self.pool.get(len(self.mined))) is not None:
            if entry[1]["maxFeePerGas"] < max(self.base_fee, self.min_fee):
                return
            del self.pool[len(self.mined)]
            self.blocks[entry[0]] = self.height
            self.mined.append(entry)
            self.heights.append(self.height)

    def foreign(self) -> None:
        """Another program with the same key mines a transaction."""
        self.height += 1
        self.pool.pop(len(self.mined), None)
        self.mined.append((f"0xf0{len(self.mined)}", {}))
        self.heights.append(self.height)

    def deeds(self) -> list[bytes]:
        """Calldata of all that was mined and did something."""
        return [bytes(entry["data"]) for _, entry in self.mined if entry and entry["data"]]

    async def block_number(self) -> int:
        return self.height

    async def block(self, _which: object) -> Block:
        return Block("0x1", "0x0", hex(self.height), "0x1", base_fee_hex=hex(self.base_fee))

    async def typed(self, _kind: type, method: str, *params: Any) -> str:
        if method == "eth_estimateGas":
            if self.failing is not None:
                raise RpcError(method, 3, "execution reverted", self.failing)
            return "0x5208"
        if method == "eth_getTransactionCount":
            count = len(self.mined)
            if params[1].startswith("0x"):
                count = sum(height <= int(params[1], 16) for height in self.heights)
            while params[1] == "pending" and count in self.pool:
                count += 1
            return hex(count)
        assert method == "eth_maxPriorityFeePerGas"
        return "0x1"

    async def call(self, method: str, *params: Any) -> Any:
        if method == "eth_getTransactionByHash":
            known = {h for h, _ in self.pool.values()} | {h for h, _ in self.mined}
            return {} if params[0] in known else None
        assert method == "eth_sendRawTransaction"
        raw = bytes.fromhex(params[0][2:])
        fields = dict(TypedTransaction.from_bytes(HexBytes(raw)).as_dict())
        tx_hash = "0x" + keccak(raw).hex()
        if self.refuse is not None:
            raise RpcError(method, -32003, self.refuse, None)
        if fields["nonce"] < len(self.mined):
            raise RpcError(method, -32000, "the tx doesn't have the correct nonce", None)
        present = self.pool.get(fields["nonce"])
        if present is not None and fields["maxFeePerGas"] <= present[1]["maxFeePerGas"]:
            raise RpcError(method, -32003, "transaction underpriced", None)
        self.pool[fields["nonce"]] = (tx_hash, fields)
        if self.lose_answer:
            raise NodeUnreachableError(self.where, "cut off")
        return tx_hash

    async def receipt(self, tx_hash: str) -> Receipt | None:
        if tx_hash not in self.blocks:
            return None
        status = "0x0" if self.reverts_when_mined else "0x1"
        return Receipt(
            tx_hash,
            hex(self.blocks[tx_hash]),
            "0x",
            "0x5208",
            status,
            effective_gas_price_hex=hex(self.base_fee + 1),
        )

    async def eth_call(self, *_: Any, **__: Any) -> bytes:
        raise RpcError("eth_call", 3, "execution reverted", self.failing)


def sender(pool: Pool, store: Store, **limits: int) -> Sender:
    """As a freshly started process has it: nothing in memory."""
    journal = TransactionJournal(store)
    return Sender(cast("Rpc", pool), journal, KEY, 1337, poll=0.001, limits=Limits(**limits))


def state(store: Store, purpose: str) -> str:
    record = TransactionJournal(store).find(purpose)
    assert record is not None
    return record.state
