"""What a node tells, decoded straight from JSON into structs.

Hashes and addresses stay hex text, quantities become numbers on access: a log costs two
microseconds to decode.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec


class Block(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """A block's header."""

    hash: str
    parent_hash: str
    number_hex: str = msgspec.field(name="number")
    timestamp_hex: str = msgspec.field(name="timestamp")
    logs_bloom: str = "0x"
    base_fee_hex: str | None = msgspec.field(name="baseFeePerGas", default=None)
    gas_limit_hex: str = msgspec.field(name="gasLimit", default="0x0")

    @property
    def number(self) -> int:
        return int(self.number_hex, 16)

    @property
    def timestamp(self) -> int:
        """Unix seconds UTC."""
        return int(self.timestamp_hex, 16)

    @property
    def base_fee(self) -> int | None:
        """Wei a unit of gas; None before EIP-1559."""
        return None if self.base_fee_hex is None else int(self.base_fee_hex, 16)

    @property
    def gas_limit(self) -> int:
        return int(self.gas_limit_hex, 16)


class Log(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """A log of a receipt; eth_getLogs gives `FoundLog`."""

    address: str
    topics: list[str]
    data_hex: str = msgspec.field(name="data")
    block_number_hex: str = msgspec.field(name="blockNumber")
    block_hash: str
    transaction_hash: str
    transaction_index_hex: str = msgspec.field(name="transactionIndex")
    log_index_hex: str = msgspec.field(name="logIndex")
    removed: bool = False

    @property
    def data(self) -> bytes:
        return bytes.fromhex(self.data_hex[2:])

    @property
    def block_number(self) -> int:
        return int(self.block_number_hex, 16)

    @property
    def transaction_index(self) -> int:
        return int(self.transaction_index_hex, 16)

    @property
    def log_index(self) -> int:
        return int(self.log_index_hex, 16)


def _flat(name: str) -> str:
    return name.replace("_", "")


class FoundLog(Log, rename=_flat, frozen=True, gc=False):
    """A log as eth_getLogs gives it, of an answer put into lower case as a whole: keys and hex
    alike, which is far cheaper than log by log."""

    address: str
    topics: list[str]
    data_hex: str = msgspec.field(name="data")
    block_hash: str
    transaction_hash: str
    removed: bool = False
    block_number_hex: str = msgspec.field(name="blocknumber")
    transaction_index_hex: str = msgspec.field(name="transactionindex")
    log_index_hex: str = msgspec.field(name="logindex")


def in_chain_order(logs: Iterable[Log]) -> list[Log]:
    """As the chain made them, whatever order a node gave them in."""
    return sorted(logs, key=lambda log: (log.block_number, log.log_index))


class Receipt(msgspec.Struct, rename="camel", frozen=True):
    """A transaction's receipt."""

    transaction_hash: str
    block_number_hex: str = msgspec.field(name="blockNumber")
    block_hash: str
    gas_used_hex: str = msgspec.field(name="gasUsed")
    status_hex: str = msgspec.field(name="status")
    logs: list[Log] = []
    effective_gas_price_hex: str | None = msgspec.field(name="effectiveGasPrice", default=None)
    contract_address: str | None = None
    sender: str = msgspec.field(name="from", default="")

    @property
    def block_number(self) -> int:
        return int(self.block_number_hex, 16)

    @property
    def gas_used(self) -> int:
        return int(self.gas_used_hex, 16)

    @property
    def gas_price(self) -> int:
        """Wei a unit of gas, as paid; 0 where the node does not say."""
        return int(self.effective_gas_price_hex or "0x0", 16)

    @property
    def succeeded(self) -> bool:
        return int(self.status_hex, 16) == 1
