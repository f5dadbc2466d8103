"""What the database says of the index, without a node: for commands and health checks."""

from __future__ import annotations

import time
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from berth.indexer.cursor import NAME
from berth.indexer.raw_logs import count_logs
from berth.store import derived

_COUNTED = ("editions", "spaces", "offers", "vehicles", "accounts", "leases", "settlements")


@dataclass(frozen=True, slots=True)
class IndexReport:
    """The cursor and the sizes of the index. Times are Unix seconds UTC."""

    block_number: int
    block_hash: str
    block_timestamp: int
    head_number: int
    final_number: int
    version: int
    updated_at: int
    raw_logs: int
    rows: dict[str, int]
    ledger_head: str
    ledger_count: int

    @property
    def lag(self) -> int:
        """Blocks that the node had and the index had not, when the cursor was written."""
        return max(0, self.head_number - self.block_number)

    @property
    def age(self) -> int:
        """Seconds since the index moved last."""
        return max(0, int(time.time()) - self.updated_at)


def report(conn: Connection) -> IndexReport | None:
    """The report; None of an empty index."""
    table = derived.cursor
    row = conn.execute(select(table).where(table.c.name == NAME)).mappings().first()
    if row is None:
        return None
    market = conn.execute(select(derived.market_state)).mappings().first()
    return IndexReport(
        block_number=row["block_number"],
        block_hash=row["block_hash"],
        block_timestamp=row["block_timestamp"],
        head_number=row["head_number"],
        final_number=row["final_number"],
        version=row["version"],
        updated_at=row["updated_at"],
        raw_logs=count_logs(conn),
        rows={name: _count(conn, name) for name in _COUNTED},
        ledger_head=market["head"] if market else "",
        ledger_count=market["ledger_count"] if market else 0,
    )


def _count(conn: Connection, name: str) -> int:
    table = derived.metadata.tables[name]
    return int(conn.execute(select(func.count()).select_from(table)).scalar_one())
