"""Chains on which a sequence can be played. Each offers what `Engine` names."""

from dataclasses import dataclass, field
from typing import Protocol

#: A log: emitting address (lower case), topics, data.
Log = tuple[str, list[bytes], bytes]


@dataclass(frozen=True)
class Receipt:
    """What became of a transaction. `output`: what it returned (None where the chain does not
    tell), or the data of its revert."""

    ok: bool
    output: bytes | None
    logs: list[Log] = field(default_factory=list)


class Engine(Protocol):
    """A chain that runs a transaction at a time, each in a block of its own with a given time."""

    chain_id: int

    def deploy(self, sender: str, code: bytes) -> str:
        """The new contract's address, lower case."""

    def send(self, sender: str, to: str, data: bytes, at: int) -> Receipt:
        """A transaction in a block of exactly this time, later than the block before."""

    def calls(self, wanted: list[tuple[str, bytes]]) -> list[bytes | None]:
        """What views answer after the last block; None where one reverts."""

    def refusal(self, sender: str, to: str, data: bytes) -> Receipt:
        """What a transaction in the last block would have said that it had to refuse; `sender` may
        be a contract."""
