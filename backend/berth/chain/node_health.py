"""What is known of one node: whether it may be used, and why not."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from enum import Enum

from berth.chain.rpc import Rpc

log = logging.getLogger(__name__)

#: A node that fell is preferred again after it was well for so long; twice that after each fall.
RETURN_SECONDS = 15.0
LONGEST_RETURN = 300.0
#: After so long without a fall the first figure counts again.
FORGIVEN_SECONDS = 600.0
#: What a node cannot help soon is held against it for so long.
PRUNED_SECONDS = 600.0
DISTRUST_SECONDS = 60.0
#: A head that a node once had counts for so long; then its chain is taken to be shorter indeed.
FORMER_HEAD_SECONDS = 60.0


class NodeState(Enum):
    """In words for people. The lower the rank, the rather a node is used; WRONG never is."""

    UNKNOWN = "not asked yet"
    WELL = "well"
    SILENT = "silent"
    PRUNED = "lacks history"
    BEHIND = "behind"
    LIMITED = "limits requests"
    CONTRADICTS = "contradicts itself"
    UNREACHABLE = "unreachable"
    WRONG = "not ours"

    @property
    def rank(self) -> int:
        return _RANKS[self]


_RANKS = {
    NodeState.UNKNOWN: 0,
    NodeState.WELL: 0,
    NodeState.PRUNED: 1,
    NodeState.SILENT: 1,
    NodeState.BEHIND: 2,
    NodeState.LIMITED: 3,
    NodeState.CONTRADICTS: 4,
    NodeState.UNREACHABLE: 5,
    NodeState.WRONG: 6,
}


@dataclass(frozen=True, slots=True)
class NodeReport:
    """One node for /status, /metrics and doctor.

    `where` is scheme, host and port; `state` and `why` are words; `head` its newest block, if
    known; `since` when the state began, Unix seconds UTC; `used`: calls go there now.
    """

    where: str
    state: str
    why: str | None
    head: int | None
    since: int
    used: bool


class Node:
    """One node and its state. Times inside are of the monotonic clock, seconds."""

    def __init__(self, rpc: Rpc, position: int) -> None:
        self.rpc = rpc
        self.position = position
        self.state = NodeState.UNKNOWN
        self.why: str | None = None
        self.since = int(time.time())
        self.verified = False
        self.verified_at = 0.0
        self.lock = asyncio.Lock()
        self.late = 0
        self.head: int | None = None
        self.highest = -1
        self.highest_at = 0.0
        self.rose_at = time.monotonic()
        self.again_at = 0.0
        self._well_at = 0.0
        self._falls = 0
        self._fell_at: float | None = None

    @property
    def where(self) -> str:
        return self.rpc.where

    def report(self, used: bool) -> NodeReport:
        return NodeReport(self.where, self.state.value, self.why, self.head, self.since, used)

    def order(self, moment: float) -> tuple[int, bool, int]:
        """The smaller, the rather it is used: by state; where states are alike by how long it has
        been well again, then by the order in which the nodes were given."""
        return self.state.rank, not self.settled(moment), self.position

    def settled(self, moment: float) -> bool:
        """Well for long enough that going back to it is worth the change."""
        if not self._falls:
            return True
        wait: float = min(RETURN_SECONDS * 2 ** (self._falls - 1), LONGEST_RETURN)
        return moment - self._well_at >= wait

    # ---- what happens to it

    def set(self, state: NodeState, why: str | None = None, seconds: float = 0.0) -> None:
        """A new state, which lasts for at least so many seconds."""
        moment = time.monotonic()
        self.again_at = moment + seconds
        if state in (NodeState.UNREACHABLE, NodeState.WRONG):
            self.verified = False  # whatever answers next may be another node
        if state is self.state:
            self.why = why
            return
        if self.state.rank == 0 and state.rank > 0:
            if self._fell_at is not None and moment - self._fell_at > FORGIVEN_SECONDS:
                self._falls = 0
            self._falls += 1
            self._fell_at = moment
        if state is NodeState.WELL:
            self._well_at = moment
        before, self.state, self.why = self.state, state, why
        self.since = int(time.time())
        if state.rank > 0:
            log.warning("node %s: %s: %s", self.where, state.value, why)
        elif before.rank > 0:
            log.warning("node %s: well again (it was: %s)", self.where, before.value)

    def saw(self, head: int) -> None:
        """It named its newest block."""
        moment = time.monotonic()
        if self.head is None or head > self.head:
            self.rose_at = moment
        self.head = head
        if head >= self.highest or moment - self.highest_at > FORMER_HEAD_SECONDS:
            self.highest, self.highest_at = head, moment
