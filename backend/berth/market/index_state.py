"""How far the index is, and what the market as a whole holds."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from berth.core.money import parse_minor
from berth.market.vocabulary import OPEN_STATES
from berth.store.derived import (
    cursor,
    editions,
    leases,
    market_state,
    offers,
    settlements,
    spaces,
)


@dataclass(frozen=True, slots=True)
class IndexState:
    """The index's cursor. `head` is the node's newest block when it was written; up to `final`
    nothing can be undone; times are Unix seconds UTC: `block_at` of the chain, `updated_at` of this
    machine."""

    block: int
    block_hash: str
    block_at: int
    head: int
    final: int
    updated_at: int

    @property
    def lag(self) -> int:
        """Blocks not read yet."""
        return max(0, self.head - self.block)


@dataclass(frozen=True, slots=True)
class Totals:
    """What the platform holds. Amounts in minor units: `escrow` of open leases,
    `fees` not withdrawn yet; `head` of the ledger."""

    spaces: int
    offers: int
    open_leases: int
    settlements: int
    titles: int
    cities: int
    escrow: int
    fees: int
    paused_until: int
    head: str


def index_state(conn: Connection) -> IndexState | None:
    """The cursor; None before the first block was read."""
    row = conn.execute(select(cursor).order_by(cursor.c.name).limit(1)).mappings().first()
    if row is None:
        return None
    return IndexState(
        block=row["block_number"],
        block_hash=row["block_hash"],
        block_at=row["block_timestamp"],
        head=row["head_number"],
        final=row["final_number"],
        updated_at=row["updated_at"],
    )


def final_block(conn: Connection) -> int:
    """The highest block of which nothing can be undone; -1 while there is none."""
    state = index_state(conn)
    return -1 if state is None else state.final


def totals(conn: Connection) -> Totals:
    """Counts and sums over the index; amounts are summed here, for they fit no column type."""
    state = conn.execute(select(market_state)).mappings().first()
    open_now = leases.c.state.in_(OPEN_STATES)
    escrow = sum(
        parse_minor(deposit)
        for deposit in conn.execute(select(leases.c.deposit).where(open_now)).scalars()
    )
    newest = (
        select(editions.c.city, func.max(editions.c.edition).label("edition"))
        .group_by(editions.c.city)
        .subquery()
    )
    cities, titles = conn.execute(
        select(func.count(), func.coalesce(func.sum(editions.c.count), 0)).select_from(
            editions.join(
                newest,
                (newest.c.city == editions.c.city) & (newest.c.edition == editions.c.edition),
            )
        )
    ).one()
    return Totals(
        spaces=_count(conn, spaces.c.space_id),
        offers=_count(conn, offers.c.space_id),
        open_leases=conn.execute(
            select(func.count()).select_from(leases).where(open_now)
        ).scalar_one(),
        settlements=_count(conn, settlements.c.number),
        titles=int(titles),
        cities=int(cities),
        escrow=escrow,
        fees=parse_minor(state["fees"]) if state else 0,
        paused_until=state["paused_until"] if state else 0,
        head=state["head"] if state else "0x" + "0" * 64,
    )


def _count(conn: Connection, column: object) -> int:
    return conn.execute(select(func.count(column))).scalar_one()  # type: ignore[arg-type]
