"""The record of transactions that our own keys sent: what makes sending them twice impossible."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, func, insert, or_, select, update

from berth.core.errors import BerthError
from berth.store.engine import Store
from berth.store.kept import sent_transactions as sent


@dataclass(frozen=True, slots=True)
class SentTransaction:
    """One row. States: signed, sent, mined, reverted, dropped (the node refused it: never sent)."""

    purpose: str
    account: str
    nonce: int
    tx_hash: str
    former_hashes: tuple[str, ...]
    raw: bytes
    state: str
    block_number: int | None
    gas_used: int | None
    reason: str | None
    submitted_at: int


class TransactionJournal:
    """`sent_transactions` as the sender needs it. Every change is one write transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, purpose: str) -> SentTransaction | None:
        """The transaction of a purpose."""
        with self._store.read() as conn:
            return _find(conn, purpose)

    def take(
        self,
        account: str,
        purpose: str,
        first_nonce: int,
        sign: Callable[[int], tuple[bytes, str]],
    ) -> SentTransaction:
        """Gives the purpose the next nonce and records what `sign` makes of it.

        The nonce is at least `first_nonce` (the node's count) and above every one still open here.
        A purpose on record is returned as it is, unless the node had refused it.
        """
        with self._store.write() as conn:
            known = _find(conn, purpose)
            if known is not None and known.state != "dropped":
                return known
            highest = conn.execute(
                select(func.max(sent.c.nonce)).where(
                    sent.c.account == account, sent.c.state.in_(("signed", "sent"))
                )
            ).scalar()
            nonce = first_nonce if highest is None else max(first_nonce, highest + 1)
            raw, tx_hash = sign(nonce)
            now = int(time.time())
            values: dict[str, Any] = {
                "account": account,
                "nonce": nonce,
                "tx_hash": tx_hash,
                "former_hashes": "",
                "raw": "0x" + raw.hex(),
                "state": "signed",
                "block_number": None,
                "gas_used": None,
                "reason": None,
                "submitted_at": now,
                "updated_at": now,
            }
            if known is None:
                conn.execute(insert(sent).values(purpose=purpose, **values))
            else:
                conn.execute(update(sent).where(sent.c.purpose == purpose).values(**values))
            return _required(conn, purpose)

    def resign(self, purpose: str, raw: bytes, tx_hash: str, nonce: int) -> SentTransaction:
        """Puts another signature in the place of the recorded one; its hash stays known."""
        with self._store.write() as conn:
            known = _required(conn, purpose)
            former = " ".join((*known.former_hashes, known.tx_hash))
            conn.execute(
                update(sent)
                .where(sent.c.purpose == purpose)
                .values(
                    raw="0x" + raw.hex(),
                    tx_hash=tx_hash,
                    nonce=nonce,
                    former_hashes=former,
                    state="signed",
                    updated_at=int(time.time()),
                )
            )
            return _required(conn, purpose)

    def mark(
        self,
        purpose: str,
        state: str,
        *,
        block_number: int | None = None,
        gas_used: int | None = None,
        reason: str | None = None,
    ) -> None:
        """Records how far it got."""
        with self._store.write() as conn:
            conn.execute(
                update(sent)
                .where(sent.c.purpose == purpose)
                .values(
                    state=state,
                    block_number=block_number,
                    gas_used=gas_used,
                    reason=reason,
                    updated_at=int(time.time()),
                )
            )

    def open_records(self, account: str, mined_after: int) -> list[SentTransaction]:
        """Signed or sent ones, and those mined in blocks above `mined_after`, by nonce."""
        mined = and_(sent.c.state.in_(("mined", "reverted")), sent.c.block_number > mined_after)
        query = (
            select(sent)
            .where(sent.c.account == account, or_(sent.c.state.in_(("signed", "sent")), mined))
            .order_by(sent.c.nonce)
        )
        with self._store.read() as conn:
            return [_row(row) for row in conn.execute(query).mappings()]


def _find(conn: Connection, purpose: str) -> SentTransaction | None:
    row = conn.execute(select(sent).where(sent.c.purpose == purpose)).mappings().first()
    return None if row is None else _row(row)


def _required(conn: Connection, purpose: str) -> SentTransaction:
    found = _find(conn, purpose)
    if found is None:
        raise BerthError("store.transaction", f"no transaction is on record for {purpose}")
    return found


def _row(row: Any) -> SentTransaction:
    return SentTransaction(
        purpose=row["purpose"],
        account=row["account"],
        nonce=row["nonce"],
        tx_hash=row["tx_hash"],
        former_hashes=tuple(row["former_hashes"].split()),
        raw=bytes.fromhex(row["raw"][2:]),
        state=row["state"],
        block_number=row["block_number"],
        gas_used=row["gas_used"],
        reason=row["reason"],
        submitted_at=row["submitted_at"],
    )
