"""A backup of the kept tables while everything runs: one snapshot, streamed into one file.

Left out is what must not come back: `sessions` and `nonces` (somebody who signed out would be
signed in again, and a spent nonce could be spent once more) and `roles`, the processes of that
moment. The index is not in it either: the chain has it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from berth.core.errors import BerthError
from berth.store import kept, migrations
from berth.store.backup_file import FORMAT, BackupWriter, BoundTo, Header, Totals
from berth.store.derived import cursor
from berth.store.engine import Store, revision_of

#: Kept tables that a backup does not carry.
NOT_CARRIED = frozenset({"sessions", "nonces", "roles"})
#: Rows that are in memory at once.
_CHUNK = 1000


@dataclass(frozen=True)
class Backup:
    """What was written."""

    header: Header
    totals: Totals
    bytes: int


def write_backup(store: Store, out: Path, key: bytes) -> Backup:
    """Writes the kept tables of one moment to a new file, mode 0600.

    Others go on reading and writing meanwhile. Raises BerthError backup.exists, backup.unwritable,
    backup.unbound; then there is no file.
    """
    writer = BackupWriter(out, key)
    try:
        with store.read() as conn:
            header = _header(conn)
            writer.header(header)
            for table in kept.metadata.sorted_tables:
                if table.name in NOT_CARRIED:
                    continue
                columns = [column.name for column in table.columns]
                query = select(*table.columns).order_by(*table.primary_key.columns)
                writer.table(table.name, columns, _rows(conn, query))
        totals = writer.finish()
    finally:
        writer.abandon()
    return Backup(header, totals, out.stat().st_size)


def _rows(conn: Connection, query: Any) -> Iterator[Sequence[Any]]:
    result = conn.execute(query, execution_options={"yield_per": _CHUNK})
    for part in result.partitions():
        yield from part


def _header(conn: Connection) -> Header:
    bound = conn.execute(select(kept.deployment)).mappings().first()
    if bound is None:
        message = "the database belongs to no deployment yet: there is nothing to back up"
        raise BerthError("backup.unbound", message)
    indexed = conn.execute(select(cursor.c.block_number).limit(1)).scalar_one_or_none()
    return Header(
        berth="backup",
        format=FORMAT,
        migration=revision_of(conn) or migrations.HEAD,
        made_at=int(time.time()),
        deployment=BoundTo(
            chain_id=bound["chain_id"],
            genesis_hash=bound["genesis_hash"],
            market=bound["market"],
            titles=bound["titles"],
            block=bound["block"],
        ),
        indexed=indexed or 0,
    )
