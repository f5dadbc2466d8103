"""One hash over every projected row: two indexes of the same chain agree on it, or one is wrong."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from sqlalchemy import Connection, Table, Text, collate, select

from berth.store.derived import PROJECTIONS


@dataclass(frozen=True, slots=True)
class TableDigest:
    """Rows of one table and the SHA-256 of them, in the order of their keys."""

    name: str
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Digest:
    """`sha256` is of the tables' names and digests, in their order."""

    sha256: str
    tables: tuple[TableDigest, ...]


def digest(conn: Connection) -> Digest:
    """Hashes all projections; reads row by row, in little memory."""
    tables = tuple(_table(conn, table) for table in PROJECTIONS)
    whole = hashlib.sha256()
    for part in tables:
        whole.update(f"{part.name}:{part.sha256}\n".encode())
    return Digest(whole.hexdigest(), tables)


def _table(conn: Connection, table: Table) -> TableDigest:
    keys = [
        # by bytes on every database: PostgreSQL's own order depends on its locale
        collate(column, "C")
        if isinstance(column.type, Text) and conn.dialect.name == "postgresql"
        else column
        for column in table.primary_key.columns
    ]
    hashed = hashlib.sha256()
    rows = 0
    with conn.execution_options(stream_results=True).execute(
        select(table).order_by(*keys)
    ) as result:
        for row in result.yield_per(1000):
            hashed.update(json.dumps(list(row), separators=(",", ":")).encode() + b"\n")
            rows += 1
    return TableDigest(table.name, rows, hashed.hexdigest())
