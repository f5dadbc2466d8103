"""The record of transactions that our own keys sent: what makes sending them twice impossible.

It also counts what they may cost: reserved at the most when they are signed, corrected by their
receipts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, insert, or_, select, text, update

from berth.core.errors import BerthError
from berth.core.money import parse_minor
from berth.store.engine import Store
from berth.store.kept import sent_transactions as sent

#: What is spent counts against the cap for so long, seconds.
DAY = 86_400
_OPEN = ("signed", "sent")
#: Never to be mined under the nonce on record: the purpose may get another one.
_GONE = ("dropped", "replaced")


@dataclass(frozen=True, slots=True)
class SentTransaction:
    """One row. States: signed, sent, mined, reverted, dropped (the node refused its only copy),
    replaced (another transaction of the key has its nonce)."""

    purpose: str
    account: str
    nonce: int
    tx_hash: str
    former_hashes: tuple[str, ...]
    raw: bytes
    state: str
    block_number: int | None
    gas_used: int | None
    reserved: int
    cost: int | None
    reason: str | None
    submitted_at: int
    bumped_at: int | None


class TransactionJournal:
    """`sent_transactions` as the sender needs it. Every change is one write transaction, and those
    of one account come one after the other, whichever process makes them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def anything_out(self) -> bool:
        """Whether any account's transaction is signed and still to be mined."""
        with self._store.read() as conn:
            query = select(sent.c.purpose).where(sent.c.state.in_(_OPEN)).limit(1)
            return conn.execute(query).first() is not None

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
        *,
        reserve: int = 0,
        cap: int | None = None,
        nonce: int | None = None,
        unless: Callable[[Connection], BerthError | None] | None = None,
    ) -> SentTransaction:
        """Gives the purpose a nonce and records what `sign` makes of it.

        It is the lowest free one from `first_nonce` (the node's count) on, or `nonce` where that is
        free. A purpose on record is returned as it is, unless it can never be mined as it is.
        Raises BerthError chain.spend_cap when `reserve` wei would be more than `cap` leaves today,
        chain.nonce when `nonce` is not free, and what `unless` objects: it is asked when nobody
        else can give out a nonce of the account, so what it counts stays as it is.
        """
        with self._store.write() as conn:
            _alone(conn, account)
            known = _find(conn, purpose)
            if known is not None and known.state not in _GONE:
                return known
            objection = None if unless is None else unless(conn)
            if objection is not None:
                raise objection
            _check_cap(conn, account, purpose, reserve, cap)
            free = _free_nonce(conn, account, first_nonce, known) if nonce is None else nonce
            if nonce is not None and nonce in _taken(conn, account, nonce):
                raise BerthError("chain.nonce", f"nonce {nonce} of {account} is taken", status=409)
            raw, tx_hash = sign(free)
            now = int(time.time())
            former = () if known is None else (*known.former_hashes, known.tx_hash)
            values: dict[str, Any] = {
                "account": account,
                "nonce": free,
                "tx_hash": tx_hash,
                "former_hashes": " ".join(former),
                "raw": "0x" + raw.hex(),
                "state": "signed",
                "block_number": None,
                "gas_used": None,
                "reserved": str(reserve),
                "cost": None,
                "reason": None,
                "bumped_at": None,
                "submitted_at": now,
                "updated_at": now,
            }
            if known is None:
                conn.execute(insert(sent).values(purpose=purpose, **values))
            else:
                conn.execute(update(sent).where(sent.c.purpose == purpose).values(**values))
            return _required(conn, purpose)

    def resign(
        self,
        purpose: str,
        former: str,
        raw: bytes,
        tx_hash: str,
        *,
        reserve: int = 0,
        cap: int | None = None,
    ) -> SentTransaction:
        """Puts another signature in the place of the one with the hash `former`, which stays known.

        What is there, when that is another one by now. Raises BerthError chain.spend_cap.
        """
        with self._store.write() as conn:
            known = _required(conn, purpose)
            _alone(conn, known.account)
            known = _required(conn, purpose)
            if known.tx_hash != former or known.state not in _OPEN:
                return known
            _check_cap(conn, known.account, purpose, reserve, cap)
            now = int(time.time())
            conn.execute(
                update(sent)
                .where(sent.c.purpose == purpose)
                .values(
                    raw="0x" + raw.hex(),
                    tx_hash=tx_hash,
                    former_hashes=" ".join((*known.former_hashes, known.tx_hash)),
                    state="signed",
                    reserved=str(reserve),
                    bumped_at=now,
                    updated_at=now,
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
        cost: int | None = None,
        reason: str | None = None,
    ) -> None:
        """Records how far it got; `cost` in wei, once it is known."""
        with self._store.write() as conn:
            conn.execute(
                update(sent)
                .where(sent.c.purpose == purpose)
                .values(
                    state=state,
                    block_number=block_number,
                    gas_used=gas_used,
                    cost=None if cost is None else str(cost),
                    reason=reason,
                    updated_at=int(time.time()),
                )
            )

    def spent(self, account: str) -> int:
        """Wei of the last 24 hours: what was paid, and what is out may cost at most."""
        with self._store.read() as conn:
            return _spent(conn, account, None)

    def open_records(self, account: str, mined_after: int) -> list[SentTransaction]:
        """Signed or sent ones, and those mined in blocks above `mined_after`, by nonce."""
        mined = and_(sent.c.state.in_(("mined", "reverted")), sent.c.block_number > mined_after)
        query = (
            select(sent)
            .where(sent.c.account == account, or_(sent.c.state.in_(_OPEN), mined))
            .order_by(sent.c.nonce)
        )
        with self._store.read() as conn:
            return [_row(row) for row in conn.execute(query).mappings()]

    def from_nonce(self, account: str, nonce: int) -> list[SentTransaction]:
        """Those that have a nonce from this one on, by nonce."""
        query = (
            select(sent)
            .where(sent.c.account == account, sent.c.nonce >= nonce, sent.c.state.not_in(_GONE))
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
        reserved=parse_minor(row["reserved"]),
        cost=None if row["cost"] is None else parse_minor(row["cost"]),
        reason=row["reason"],
        submitted_at=row["submitted_at"],
        bumped_at=row["bumped_at"],
    )


def _alone(conn: Connection, account: str) -> None:
    """Whoever else wants a nonce of the account waits until this transaction ends; on SQLite there
    is one writer anyhow."""
    if conn.dialect.name == "postgresql":
        key = {"key": f"berth.nonces:{account}"}
        conn.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), key)


def _taken(conn: Connection, account: str, first: int) -> set[int]:
    """Nonces from `first` on that a transaction has; also one that was mined: a reorg, or a node
    that is behind, makes it open again."""
    query = select(sent.c.nonce).where(
        sent.c.account == account, sent.c.nonce >= first, sent.c.state.not_in(_GONE)
    )
    return set(conn.execute(query).scalars())


def _free_nonce(conn: Connection, account: str, first: int, known: SentTransaction | None) -> int:
    taken = _taken(conn, account, first)
    if (
        known is not None
        and known.account == account
        and known.nonce >= first
        and known.nonce not in taken
    ):
        return known.nonce  # its own: whatever may be out of it, one of both can be mined
    nonce = first
    while nonce in taken:
        nonce += 1
    return nonce


def _check_cap(conn: Connection, account: str, purpose: str, reserve: int, cap: int | None) -> None:
    if cap is None:
        return
    spent = _spent(conn, account, purpose)
    if spent + reserve > cap:
        message = (
            f"{purpose} may cost {reserve} wei; {spent} of the {cap} that may be spent in 24 hours"
            " are spent or set aside"
        )
        raise BerthError("chain.spend_cap", message, field="BERTH_SPEND_CAP", status=503)


def _spent(conn: Connection, account: str, but: str | None) -> int:
    """Of what is out, and of what was signed, or mined, in the last 24 hours: one that was stuck
    for days is paid for today. Sums are made here: wei fit no column type."""
    since = int(time.time()) - DAY
    query = select(sent.c.purpose, sent.c.reserved, sent.c.cost).where(
        sent.c.account == account,
        sent.c.state.not_in(_GONE),
        or_(sent.c.submitted_at > since, sent.c.updated_at > since, sent.c.state.in_(_OPEN)),
    )
    return sum(
        parse_minor(row.reserved if row.cost is None else row.cost)
        for row in conn.execute(query)
        if row.purpose != but
    )
