"""What moved on an account in the market, and why: from the index, newest first, with its lease.

Amounts are minor units, signed as the account sees them: what raised its credit or came back to it
is positive.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Select, and_, or_, select

from berth.core.slots import slot_at
from berth.core.states import LeaseState
from berth.market.offers import offer_terms
from berth.market.vocabulary import OPEN_STATES
from berth.store.derived import accounts, leases, movements, settlements

Kind = Literal[
    "deposit",
    "withdrawal",
    "escrow",
    "refund",
    "earning",
    "compensation_received",
    "compensation_paid",
]
KINDS: tuple[Kind, ...] = (
    "deposit",
    "withdrawal",
    "escrow",
    "refund",
    "earning",
    "compensation_received",
    "compensation_paid",
)
#: Where a page begins: block, number of the source, key within it.
Cursor = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """One movement. `amount` is signed; `from_tokens` is the part of an escrow that came from the
    account's tokens and not its credit; `fee` is what the market kept of an earning; `other` is the
    account on the other side."""

    place: Cursor
    kind: Kind
    at: int
    amount: int
    tx_hash: str
    lease_id: str | None
    other: str | None
    fee: int = 0
    from_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Waiting:
    """Leases of the account's spaces that are not settled: money in escrow, and what the account
    would get of it by the booked time alone, the market's fee taken off."""

    leases: int = 0
    escrow: int = 0
    expected: int = 0


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over all time by kind (unsigned), the fee within the earnings' gross, and what is not
    settled: `booked` leases whose time goes on, `pending` ones whose time is over or that are
    disputed; `held` is in escrow for the account's own leases as a driver."""

    credit: int
    sums: dict[Kind, int]
    fees: int
    booked: Waiting
    pending: Waiting
    held: int


def entries(conn: Connection, account: str, *, after: Cursor | None, limit: int) -> list[Entry]:
    """The newest movements of an account, those older than `after`."""
    found = [
        entry
        for number, source in enumerate(_sources(account))
        for entry in source.read(conn, number, after, limit)
    ]
    found.sort(key=lambda one: one.place, reverse=True)
    return found[:limit]


def totals(conn: Connection, account: str, now: int) -> Totals:
    """All that ever moved, and what is still to come, at `now` (Unix seconds)."""
    sums: Counter[Kind] = Counter()
    fees = 0
    for number, source in enumerate(_sources(account)):
        for entry in source.read(conn, number, None, None):
            sums[entry.kind] += abs(entry.amount)
            fees += entry.fee
    credit = conn.execute(
        select(accounts.c.credit).where(accounts.c.account == account)
    ).scalar_one_or_none()
    booked, pending = _waiting(conn, account, now)
    held = conn.execute(
        select(leases.c.deposit).where(leases.c.driver == account, leases.c.state.in_(OPEN_STATES))
    ).scalars()
    return Totals(
        credit=int(credit or 0),
        sums={kind: sums[kind] for kind in KINDS},
        fees=fees,
        booked=booked,
        pending=pending,
        held=sum(map(int, held)),
    )


def _waiting(conn: Connection, owner: str, now: int) -> tuple[Waiting, Waiting]:
    query = select(
        leases.c.space_id,
        leases.c.offer,
        leases.c.slots,
        leases.c.end_slot,
        leases.c.deposit,
        leases.c.state,
        leases.c.disputed,
    ).where(leases.c.owner == owner, leases.c.state.in_(OPEN_STATES))
    made: list[list[tuple[int, int]]] = [[], []]
    for row in conn.execute(query).all():
        terms = offer_terms(conn, row.space_id, row.offer)
        rent = min(int(row.deposit), terms.price_per_slot * row.slots)
        over = row.end_slot <= slot_at(now) or row.state == LeaseState.CLAIMED or row.disputed
        made[int(bool(over))].append((int(row.deposit), rent - rent * terms.fee_bps // 10_000))
    booked, pending = (
        Waiting(len(one), sum(escrow for escrow, _ in one), sum(net for _, net in one))
        for one in made
    )
    return booked, pending


@dataclass(frozen=True)
class _Source:
    """Rows of one table that are movements of the account."""

    query: Select[Any]
    block: ColumnElement[int]
    key: ColumnElement[Any]
    entry: Any

    def read(
        self, conn: Connection, number: int, after: Cursor | None, limit: int | None
    ) -> Iterator[Entry]:
        query = self.query.order_by(self.block.desc(), self.key.desc())
        if limit is not None:
            query = query.limit(limit)
        if after is not None:
            block, source, text = after
            older = self.block < block
            if number < source:
                query = query.where(self.block <= block)
            elif number > source:
                query = query.where(older)
            else:
                key = text if number else int(text)
                query = query.where(or_(older, and_(self.block == block, self.key < key)))
        for row in conn.execute(query):
            yield self.entry(number, row)


def _sources(account: str) -> tuple[_Source, ...]:
    """Every table's part, in the order in which those of one block are told, the last one first."""
    settled = settlements.c.lease_id == leases.c.lease_id
    paid = select(settlements, leases.c.compensation).join(leases, settled)

    def moved(number: int, row: Any) -> Entry:
        came = row.kind == "in"
        amount = int(row.amount)
        return Entry(
            (row.block_number, number, f"{row.log_index:018d}"),
            "deposit" if came else "withdrawal",
            row.at,
            amount if came else -amount,
            row.tx_hash,
            None,
            row.other,
        )

    def escrowed(number: int, row: Any) -> Entry:
        return Entry(
            (row.booked_block, number, row.lease_id),
            "escrow",
            row.booked_at,
            -int(row.deposit),
            row.booked_tx,
            row.lease_id,
            row.owner,
            from_tokens=int(row.pulled),
        )

    def settlement(kind: Kind) -> Any:
        def entry(number: int, row: Any) -> Entry:
            amount, fee, other = int(row.refund), 0, row.owner
            if kind == "earning":
                gross = int(row.rent) + int(row.overstay) + int(row.energy)
                fee, other = int(row.fee), row.driver
                amount = gross - fee
            elif kind == "compensation_received":
                amount = int(row.compensation)
            elif kind == "compensation_paid":
                amount, other = -int(row.compensation), row.driver
            return Entry(
                (row.block_number, number, row.lease_id),
                kind,
                row.closed_at,
                amount,
                row.tx_hash,
                row.lease_id,
                other,
                fee=fee,
            )

        return entry

    by, mine = settlements.c.driver == account, settlements.c.owner == account
    block, key = settlements.c.block_number, settlements.c.lease_id
    compensated = leases.c.compensation.is_not(None)
    parts = (settlements.c.rent, settlements.c.overstay, settlements.c.energy)
    earned = or_(*(part != "0" for part in parts))
    return (
        _Source(
            select(movements).where(movements.c.account == account),
            movements.c.block_number,
            movements.c.log_index,
            moved,
        ),
        _Source(
            select(leases).where(leases.c.driver == account),
            leases.c.booked_block,
            leases.c.lease_id,
            escrowed,
        ),
        _Source(paid.where(by, settlements.c.refund != "0"), block, key, settlement("refund")),
        _Source(paid.where(mine, earned), block, key, settlement("earning")),
        _Source(paid.where(by, compensated), block, key, settlement("compensation_received")),
        _Source(paid.where(mine, compensated), block, key, settlement("compensation_paid")),
    )
