"""What a lock signs for the contract, journaled before it is said."""

from __future__ import annotations

from dataclasses import dataclass

from berth.core.ids import parse_lease
from berth.core.messages import Domain, occupancy, sign
from berth.devices.simulator.journal import Journal
from berth.devices.simulator.memory import Memory


@dataclass(frozen=True)
class Witness:
    """The lock's key and its memory of what it has signed."""

    memory: Memory
    journal: Journal
    domain: Domain
    private_key: bytes

    def sign(self, kind: int, lease: str, from_: int, until: int) -> None:
        """Signs a record (Unix seconds). No charger meter is built in: energy is zero."""
        message = occupancy(self.domain, parse_lease(lease), kind, from_, until, 0)
        record = self.journal.append(
            "evidence",
            lease=lease,
            kind=kind,
            until=until,
            energy=0,
            digest="0x" + message.digest.hex(),
            signature="0x" + sign(message, self.private_key).hex(),
            **{"from": from_},
        )
        self.memory.apply(record)
