"""What a story is told in: transactions, and the blocks that take them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class Transaction(NamedTuple):
    sender: str
    to: str
    data: str
    gas: int


@dataclass
class Block:
    """Transactions to be mined together at `timestamp`; `logs` is what they must leave."""

    timestamp: int
    transactions: list[Transaction] = field(default_factory=list)
    logs: int = 0
