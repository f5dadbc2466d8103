"""The simulated chain: blocks on a snapshot of the model each, a pool, and reorgs.

There may be branches: a block knows its parent, `tip` is the chain's newest, and a node may look at
another one. A transaction is known by its hash on every branch.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import msgspec
from berth.core.hashing import keccak
from berth.core.model import Market, Refused
from berth.core.model.books import Event

from tests.sim.contract import Deed, RawLog, RevertError, clone, logs_of, revert_of

GAS_LIMIT = 30_000_000
GAS_USED = 100_000
BASE_FEE = 1_000_000_000


@dataclass(eq=False)
class Transaction:
    """`nonce` counts for keys that sign raw transactions; people's wallets number their own."""

    hash: str
    sender: str
    deed: Deed
    words: str
    nonce: int | None = None
    max_fee: int = 1 << 60
    raw: str = ""
    data: bytes = b""


@dataclass(eq=False)
class Receipt:
    transaction: Transaction
    index: int
    error: RevertError | None
    logs: list[tuple[int, RawLog]]
    events: list[Event] = field(default_factory=list)

    def commitments(self, lease: int) -> list[bytes]:
        """The plate commitments that it names for a lease."""
        return [
            values["plateCommitment"]
            for name, values in self.events
            if name in ("Leased", "Extended", "VehicleChanged") and values["leaseId"] == lease
        ]


@dataclass(eq=False)
class Block:
    number: int
    hash: str
    parent: Block | None
    timestamp: int
    market: Market
    bloom: int = 0
    base_fee: int = BASE_FEE
    receipts: list[Receipt] = field(default_factory=list)
    nonces: dict[str, int] = field(default_factory=dict)

    def line(self) -> list[Block]:
        """This block and all before it, genesis first."""
        blocks: list[Block] = []
        one: Block | None = self
        while one is not None:
            blocks.append(one)
            one = one.parent
        return blocks[::-1]

    @cached_property
    def header(self) -> dict[str, Any]:
        """What a node tells of it."""
        return {
            "number": hex(self.number),
            "hash": self.hash,
            "parentHash": self.parent.hash if self.parent else "0x" + "00" * 32,
            "timestamp": hex(self.timestamp),
            "logsBloom": f"0x{self.bloom:0512x}",
            "baseFeePerGas": hex(self.base_fee),
            "gasLimit": hex(GAS_LIMIT),
        }

    @cached_property
    def told(self) -> msgspec.Raw:
        """The same as JSON: an index asks for sixty at a time."""
        return msgspec.Raw(msgspec.json.encode(self.header))


class Chain:
    """`clock()` gives the Unix second of a new block; `say` gets what happens."""

    def __init__(
        self,
        market: Market,
        address: str,
        rng: random.Random,
        clock: Callable[[], int],
        say: Callable[..., None],
    ) -> None:
        self._address = address
        self._rng = rng
        self._clock = clock
        self._say = say
        self._salt = 0
        self.known: dict[str, Transaction] = {}  # all that were ever sent
        self.pool: dict[str, Transaction] = {}
        self.line: list[Block] = []  # the chain, by number
        self.by_hash: dict[str, Block] = {}
        self.base_fee = BASE_FEE
        self.ever: dict[str, list[Block]] = {}  # every block that ever held a transaction
        self.mined: dict[str, Block] = {}  # the chain's own, by hash
        self.goes: dict[tuple[str, bytes], dict[int, bool]] = {}  # of a deed: by nonce, refused yet
        self.hasty: list[Transaction] = []  # another go before the former ones had been refused
        self.on_block: Callable[[Block], None] = lambda _block: None
        self._append(market, [], [])

    @property
    def tip(self) -> Block:
        return self.line[-1]

    @property
    def market(self) -> Market:
        """The newest state."""
        return self.tip.market

    def send(self, transaction: Transaction) -> None:
        """Into the pool."""
        if transaction.nonce is not None and transaction.hash not in self.known:
            goes = self.goes.setdefault((transaction.sender, transaction.data), {})
            if transaction.nonce not in goes:
                if not all(goes.values()):
                    self.hasty.append(transaction)
                goes[transaction.nonce] = False
        self.known[transaction.hash] = transaction
        if transaction.hash not in self.mined:
            self.pool[transaction.hash] = transaction

    def holders(self, tx_hash: str) -> list[Block]:
        """Every block, of any branch, that holds a transaction, newest first."""
        return self.ever.get(tx_hash, [])[::-1]

    def mine(self, *, leave_out: float = 0.0, extra_logs: list[RawLog] | None = None) -> Block:
        """A block of what is in the pool; each transaction stays behind with some probability."""
        chosen = [tx for tx in self.pool.values() if self._rng.random() >= leave_out]
        chosen.sort(key=lambda tx: -1 if tx.nonce is None else tx.nonce)
        return self._append(self.tip.market, chosen, extra_logs or [])

    def reorganise(self, depth: int, length: int, *, lose: float, shuffle: bool) -> list[Block]:
        """Replaces the newest `depth` blocks by `length` others; the blocks that are gone.

        Of their transactions some are lost for good (the pool forgot them), some come in another
        order, some only later.
        """
        gone = self.line[len(self.line) - depth :]
        del self.line[len(self.line) - depth :]
        for receipt in (r for block in gone for r in block.receipts):
            del self.mined[receipt.transaction.hash]
        homeless = [r.transaction for block in gone for r in block.receipts if r.transaction.words]
        kept = [tx for tx in homeless if self._rng.random() >= lose]
        if shuffle:
            self._rng.shuffle(kept)
        waiting = {tx.hash: tx for tx in (*kept, *self.pool.values())}
        self.pool = waiting
        start, end = self.tip.timestamp, gone[-1].timestamp
        for step in range(1, length + 1):
            at = start + max(step, (end - start) * step // length)
            chosen = [tx for tx in self.pool.values() if self._rng.random() < 0.4]
            chosen.sort(key=lambda tx: -1 if tx.nonce is None else tx.nonce)
            self._append(self.tip.market, chosen, [], at=at)
        return gone

    # ---- a block

    def _append(
        self,
        market: Market,
        transactions: list[Transaction],
        extra_logs: list[RawLog],
        at: int | None = None,
    ) -> Block:
        parent = self.line[-1] if self.line else None
        number = len(self.line)
        moment = self._clock() if at is None else at
        if parent is not None:
            moment = max(moment, parent.timestamp + 1)
        self._salt += 1
        seed = f"{parent.hash if parent else ''}{number}{self._salt}{self._rng.random()}"
        hashed = "0x" + keccak(seed.encode()).hex()
        block = Block(
            number, hashed, parent, moment, market, base_fee=self.base_fee,
            nonces=dict(parent.nonces) if parent else {},
        )  # fmt: skip
        if transactions:
            block.market = clone(market)
        log_index = 0
        if extra_logs:
            made = Transaction(
                "0x" + keccak(seed.encode() + b"x").hex(), "0x" + "00" * 20, _nothing, ""
            )
            block.receipts.append(Receipt(made, 0, None, list(enumerate(extra_logs))))
            log_index = len(extra_logs)
        for tx in transactions:
            if tx.nonce is not None and tx.nonce != block.nonces.get(tx.sender, 0):
                if tx.nonce < block.nonces.get(tx.sender, 0):
                    self.pool.pop(tx.hash, None)  # its nonce went to another
                continue
            if tx.max_fee < block.base_fee:
                continue
            error, logs = self._apply(block, tx)
            placed = [(log_index + n, log) for n, log in enumerate(logs)]
            log_index += len(logs)
            happened = [] if error else list(block.market.events)
            block.receipts.append(Receipt(tx, len(block.receipts), error, placed, happened))
            if tx.nonce is not None:
                block.nonces[tx.sender] = tx.nonce + 1
                self.goes[tx.sender, tx.data][tx.nonce] |= error is not None
            self.pool.pop(tx.hash, None)
            self.ever.setdefault(tx.hash, []).append(block)
        for receipt in block.receipts:
            self.mined[receipt.transaction.hash] = block
        block.bloom = _bloom([log for r in block.receipts for _, log in r.logs])
        self.line.append(block)
        self.by_hash[block.hash] = block
        self.on_block(block)
        return block

    def _apply(self, block: Block, tx: Transaction) -> tuple[RevertError | None, list[RawLog]]:
        market = block.market
        market.now = block.timestamp
        market.events = []
        try:
            tx.deed(market)
        except Refused as refused:
            self._say("tx.refused", words=tx.words, why=str(refused), block=block.number)
            return revert_of(refused), []
        self._say("tx.mined", words=tx.words, block=block.number)
        return None, logs_of(market, self._address)


def _nothing(_market: Market) -> Any:
    return None


def _bloom(logs: list[RawLog]) -> int:
    bloom = 0
    for address, _topics, _data in logs:
        digest = keccak(bytes.fromhex(address[2:]))
        for place in (0, 2, 4):
            bloom |= 1 << (int.from_bytes(digest[place : place + 2]) & 0x7FF)
    return bloom
