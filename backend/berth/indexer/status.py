"""How far a running index is, for whoever shares its process."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """How far the index is. `error` is why it stands still, None when it does not.

    `node_behind`: the node has not got as far as the index had; it is waited for. `reorgs` and
    `logs` count since the start. Times are Unix seconds UTC.
    """

    block_number: int = -1
    block_hash: str = ""
    block_timestamp: int = 0
    head_number: int = -1
    final_number: int = -1
    caught_up: bool = False
    node_behind: bool = False
    reorgs: int = 0
    logs: int = 0
    error: str | None = None

    @property
    def lag(self) -> int:
        """Blocks not read yet."""
        return max(0, self.head_number - self.block_number)
