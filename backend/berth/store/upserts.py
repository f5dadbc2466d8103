"""A row for each key, whoever writes it first: of two equal requests at once both come through."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def put(
    conn: Connection, table: Table, *, where: ColumnElement[bool] | None = None, **values: Any
) -> None:
    """Writes the row with this primary key, over the one that is there (only `where` that one is
    so). Both databases look and write in one step: on PostgreSQL a row of another transaction that
    is not committed yet is waited for, where a look before an INSERT would not have seen it."""
    insert = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    keys = [column.name for column in table.primary_key]
    row = insert(table).values(values)
    told = {name: row.excluded[name] for name in values if name not in keys}
    conn.execute(row.on_conflict_do_update(index_elements=keys, set_=told, where=where))
