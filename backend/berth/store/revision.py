"""Which migration a database is at, whatever this program thinks of it."""

from __future__ import annotations

from sqlalchemy import Connection, Text, column, inspect, select, table

from berth.store.migrations import VERSION_TABLE


def revision(conn: Connection) -> str | None:
    """The migration's number; None of a database that has none of our tables."""
    schema = None if conn.dialect.name == "sqlite" else "kept"
    if not inspect(conn).has_table(VERSION_TABLE, schema=schema):
        return None
    found = conn.execute(
        select(column("version_num", Text)).select_from(table(VERSION_TABLE))
    ).scalar()
    return None if found is None else str(found)
