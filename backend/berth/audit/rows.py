"""Settlements as rows, and as the records that the chain hashed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from berth.core.ids import parse_lease
from berth.core.ledger import Record
from berth.core.money import parse_minor
from berth.store.derived import leases, settlements

_CHUNK = 500


def record_from(row: RowMapping) -> Record:
    """The ledger record of a row of `settlements`."""
    return Record(
        lease_id=parse_lease(row["lease_id"]),
        outcome=row["outcome"],
        owner=row["owner"],
        driver=row["driver"],
        offer=row["offer"],
        rent=parse_minor(row["rent"]),
        overstay=parse_minor(row["overstay"]),
        energy=parse_minor(row["energy"]),
        fee=parse_minor(row["fee"]),
        refund=parse_minor(row["refund"]),
        arrived=row["arrived"],
        until=row["until_minute"],
        energy_wh=row["energy_wh"],
        closed_at=row["closed_at"],
    )


def rows(
    conn: Connection, after: int = 0, *conditions: Any, limit: int | None = None
) -> Iterator[RowMapping]:
    """Settlements with number > after in order, streamed; beside each what its owner paid the
    driver as `compensation`, NULL = nothing."""
    query = (
        select(settlements, leases.c.compensation)
        .outerjoin(leases, leases.c.lease_id == settlements.c.lease_id)
        .where(settlements.c.number > after, *conditions)
        .order_by(settlements.c.number)
    )
    if limit is not None:
        query = query.limit(limit)
    yield from conn.execution_options(yield_per=_CHUNK).execute(query).mappings()
