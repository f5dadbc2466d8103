"""The ledger of settlements: one running hash over all records, as the market keeps it.

record hash = keccak256(abi.encode(record)); head' = keccak256(abi.encode(head, record hash)).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from operator import attrgetter
from typing import Any, Protocol

from berth.core.addresses import address_bytes
from berth.core.checks import octets, unsigned
from berth.core.hashing import keccak

EMPTY_HEAD = bytes(32)
_LARGEST = (1 << 256) - 1


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

    @classmethod
    def told(cls, settled: Mapping[str, Any]) -> Record:
        """The record that a Settled event tells, its values by the contract's names."""
        named = {"lease_id": "leaseId", "energy_wh": "energyWh", "closed_at": "closedAt"}
        return cls(**{own.name: settled[named.get(own.name, own.name)] for own in fields(cls)})

    @property
    def cost(self) -> int:
        return self.rent + self.overstay + self.energy

    @property
    def owner_share(self) -> int:
        return self.cost - self.fee

    @property
    def deposit(self) -> int:
        return self.cost + self.refund


class Recorded(Protocol):
    """A record, or the event that tells of one: they have these fields by the same names."""

    @property
    def lease_id(self) -> int: ...
    @property
    def outcome(self) -> int: ...
    @property
    def owner(self) -> str: ...
    @property
    def driver(self) -> str: ...
    @property
    def offer(self) -> int: ...
    @property
    def rent(self) -> int: ...
    @property
    def overstay(self) -> int: ...
    @property
    def energy(self) -> int: ...
    @property
    def fee(self) -> int: ...
    @property
    def refund(self) -> int: ...
    @property
    def arrived(self) -> int: ...
    @property
    def until(self) -> int: ...
    @property
    def energy_wh(self) -> int: ...
    @property
    def closed_at(self) -> int: ...


_NAMES = tuple(field.name for field in fields(Record))
_values: Callable[[Recorded], tuple[Any, ...]] = attrgetter(*_NAMES)


def record_hash(record: Recorded) -> bytes:
    """keccak256 of the record's ABI encoding: fourteen words, all static."""
    words = []
    for place, value in enumerate(_values(record)):
        if type(value) is int and 0 <= value <= _LARGEST:
            words.append(value.to_bytes(32, "big"))
        elif isinstance(value, str):
            words.append(_address_word(value, _NAMES[place]))
        else:
            words.append(unsigned(value, _NAMES[place], 256).to_bytes(32, "big"))
    return keccak(b"".join(words))


@lru_cache(maxsize=10_000)
def _address_word(address: str, name: str) -> bytes:
    return address_bytes(address, name).rjust(32, b"\0")


def next_head(head: bytes, record: bytes) -> bytes:
    """The head after one more record hash."""
    return keccak(octets(head, "head", 32) + octets(record, "record", 32))
