"""What a local chain's parties give to visitors who try the app out: play money and papers.

There is no such desk where money is worth something: `Services.visitors` is None there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from berth.market.attest import AttestedLock, AttestedVehicle
from berth.market.titles.taking import Taken

#: What a visitor may have the simulated car at a lock do, or a stranger's.
CarEvent = Literal["arrives", "stranger", "leaves"]


@dataclass(frozen=True, slots=True)
class Purse:
    """What an account has: `gas` in wei, `credit` in the market and `tokens` beside it in minor
    units."""

    gas: int
    credit: int
    tokens: int


@dataclass(frozen=True, slots=True)
class SpacePapers:
    """All that a registration needs: a title of the visitor's own, and an enrolled simulated lock
    with the maker's word and its own (`possession`)."""

    taken: Taken
    lock: AttestedLock
    possession: bytes


@dataclass(frozen=True, slots=True)
class Bay:
    """A leased space as the simulated world needs it: its lock, the plate that is expected, and
    what the lock last said. `open` says whether the lease is."""

    lease_id: str
    lock_id: str
    plate: str
    open: bool
    occupied: bool
    unlocked: bool


class VisitorsDesk(Protocol):
    """The local parties' desk. Each raises BerthError `local.enough` (429) when an account, or all
    of them, had as much as there is for a day, or for good."""

    @property
    def titles(self) -> bool:
        """Are there titles to be taken?"""
        ...

    @property
    def credit(self) -> int:
        """The credit that a new account gets, minor units."""
        ...

    async def fund(self, account: str) -> Purse:
        """Fills up what has become low, and tells what the account has then."""
        ...

    def vehicle(self, account: str, plate: str, size: int) -> AttestedVehicle:
        """The local verifier's word for a vehicle of the account's."""
        ...

    def papers(self, account: str, near: tuple[float, float] | None) -> SpacePapers:
        """Papers of a space that the account may register; the same ones until it has."""
        ...

    async def car(self, account: str, event: CarEvent, bay: Bay) -> None:
        """Moves the simulated car. One that arrives drives on when the bar goes down."""
        ...

    async def travel(self, account: str, seconds: int) -> int:
        """Moves the chain's clock ahead; its time then, Unix seconds UTC."""
        ...
