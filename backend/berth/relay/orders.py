"""What may be asked of the signer: plain data, the same in its process and in the relay's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Guess:
    """What the signer's node will say, as the asker expects it: `at` its newest block, `deep` the
    newest one that counts as deep enough for the lease, `offer` the lease's. It saves trips to the
    node, and nothing of it is believed."""

    at: int
    deep: int
    offer: int


@dataclass(frozen=True)
class TicketOrder:
    """One action now, for the lock that said `boot` and `nonce`."""

    command_id: str
    lock_id: str
    lease_id: str
    cycle: int
    action: str
    boot: str
    nonce: str
    guess: Guess | None = None


@dataclass(frozen=True)
class GrantOrder:
    """What is to be signed for a lock. `salt` is None when the grant is taken back, `plate_block`
    (of the event that names the vehicle) too; `window_end` is Unix seconds."""

    lease_id: str
    lock_id: str
    version: int
    revoked: bool
    window_end: int
    plate_commitment: str
    salt: bytes | None = None
    plate_block: int | None = None
    guess: Guess | None = None


@dataclass(frozen=True)
class ReceiptOrder:
    """Evidence that is safely kept; `digest` is what the lock signed, 0x text."""

    lock_id: str
    lease_id: str
    kind: int
    digest: str


class Signing(Protocol):
    """Who signs for the relay: in its own process, or in another one.

    Each raises BerthError `signer.*` saying why not; `signer.unreachable` when nobody answered.
    """

    async def ticket(self, order: TicketOrder) -> str: ...

    async def grant(self, order: GrantOrder) -> str: ...

    async def receipt(self, order: ReceiptOrder) -> str: ...
