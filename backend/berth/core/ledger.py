"""The ledger of settlements: one running hash over all records, as the market keeps it.

record hash = keccak256(abi.encode(record)); head' = keccak256(abi.encode(head, record hash)).
"""

from __future__ import annotations

from dataclasses import dataclass

from berth.core.addresses import address_bytes
from berth.core.checks import octets, unsigned
from berth.core.hashing import keccak

EMPTY_HEAD = bytes(32)


@dataclass(frozen=True)
class Record:
    """One closed lease. Amounts in minor units; `arrived` minute + 1 from the start, `until` minute
    from the start, `closed_at` Unix seconds of the block."""

    lease_id: int
    outcome: int
    owner: str
    driver: str
    offer: int
    rent: int
    overstay: int
    energy: int
    fee: int
    refund: int
    arrived: int
    until: int
    energy_wh: int
    closed_at: int

    @property
    def cost(self) -> int:
        return self.rent + self.overstay + self.energy

    @property
    def owner_share(self) -> int:
        return self.cost - self.fee

    @property
    def deposit(self) -> int:
        return self.cost + self.refund


def record_hash(record: Record) -> bytes:
    """keccak256 of the record's ABI encoding: fourteen words, all static."""
    return keccak(
        b"".join(
            address_bytes(value, name).rjust(32, b"\0")
            if isinstance(value, str)
            else unsigned(value, name, 256).to_bytes(32, "big")
            for name, value in vars(record).items()
        )
    )


def next_head(head: bytes, record: bytes) -> bytes:
    """The head after one more record hash."""
    return keccak(octets(head, "head", 32) + octets(record, "record", 32))
