"""Derived tables without their secondary indexes, while a whole history is written into them.

Keeping fourteen indexes right costs more than writing the rows, and the more the longer the
tables are; made at the end in one go they cost little. Queries are slower meanwhile, never wrong:
keys stay. Which indexes there are is looked up in the database, so that a process that dies in
between leaves nothing to be remembered.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, Index, inspect
from sqlalchemy.schema import CreateIndex, DropIndex

from berth.store.derived import metadata


def lacks_indexes(conn: Connection) -> bool:
    """Whether a secondary index of a derived table is missing."""
    return next(_missing(conn), None) is not None


def drop_indexes(conn: Connection) -> None:
    """Drops the secondary indexes of the derived tables. On PostgreSQL readers wait for the end of
    the transaction."""
    for index in _declared():
        conn.execute(DropIndex(index, if_exists=True))


def restore_indexes(conn: Connection) -> None:
    """Makes those that are missing."""
    for index in list(_missing(conn)):
        conn.execute(CreateIndex(index))


def _declared() -> Iterator[Index]:
    for table in metadata.sorted_tables:
        yield from sorted(table.indexes, key=lambda index: str(index.name))


def _missing(conn: Connection) -> Iterator[Index]:
    inspector = inspect(conn)
    for table in metadata.sorted_tables:
        if table.indexes and inspector.has_table(table.name):
            there = {found["name"] for found in inspector.get_indexes(table.name)}
            yield from (index for index in table.indexes if index.name not in there)
