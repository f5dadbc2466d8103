"""What a sender asks of the place where its transactions are on record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from berth.core.errors import BerthError


class SentRecord(Protocol):
    """A transaction on record; see `sent_transactions`. Moments are Unix seconds."""

    @property
    def purpose(self) -> str: ...
    @property
    def account(self) -> str: ...
    @property
    def nonce(self) -> int: ...
    @property
    def tx_hash(self) -> str: ...
    @property
    def former_hashes(self) -> tuple[str, ...]: ...
    @property
    def raw(self) -> bytes: ...
    @property
    def state(self) -> str: ...
    @property
    def block_number(self) -> int | None: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def submitted_at(self) -> int: ...
    @property
    def bumped_at(self) -> int | None: ...


#: Makes (raw bytes, hash) of the transaction with a given nonce.
Sign = Callable[[int], tuple[bytes, str]]
#: Why not, if so; given what the journal reads from.
Unless = Callable[[Any], BerthError | None]


class Journal(Protocol):
    """Where sent transactions are on record; `berth.store.transactions` has one."""

    def find(self, purpose: str) -> SentRecord | None: ...

    def take(
        self,
        account: str,
        purpose: str,
        first_nonce: int,
        sign: Sign,
        *,
        reserve: int = 0,
        cap: int | None = None,
        nonce: int | None = None,
        unless: Unless | None = None,
    ) -> SentRecord:
        """Gives the purpose a nonce (the lowest free one, or `nonce`) and records what `sign`
        makes; or finds what is there. Raises BerthError chain.spend_cap, and what `unless` objects
        when nobody else can give out a nonce."""

    def resign(
        self,
        purpose: str,
        former: str,
        raw: bytes,
        tx_hash: str,
        *,
        reserve: int = 0,
        cap: int | None = None,
    ) -> SentRecord:
        """Puts another signature in the place of the one with the hash `former`, which stays known;
        what is there, when that is another one by now. Raises BerthError chain.spend_cap."""

    def mark(
        self,
        purpose: str,
        state: str,
        *,
        block_number: int | None = None,
        gas_used: int | None = None,
        cost: int | None = None,
        reason: str | None = None,
    ) -> None: ...

    def open_records(self, account: str, mined_after: int) -> Sequence[SentRecord]:
        """Signed or sent ones, and those mined in blocks above `mined_after`, by nonce."""

    def from_nonce(self, account: str, nonce: int) -> Sequence[SentRecord]:
        """Those that have a nonce from this one on."""
