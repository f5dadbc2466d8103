"""How far the index has read: one row, changed by compare-and-set."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from berth.core.errors import BerthError
from berth.indexer.batch import Header
from berth.store import derived

NAME = "market"


class CursorMovedError(BerthError):
    """Somebody else advanced, rolled back or rebuilt the index meanwhile: read the cursor again."""

    def __init__(self) -> None:
        super().__init__("index.cursor_moved", "the index was changed by another process")


@dataclass(frozen=True, slots=True)
class Cursor:
    """`block_number` is the last block read; up to `final_number` nothing can be undone."""

    block_number: int
    block_hash: str
    block_timestamp: int
    version: int
    head_number: int
    final_number: int

    @property
    def caught_up(self) -> bool:
        """It had read all there was when it was written."""
        return self.block_number >= self.head_number


def read_cursor(conn: Connection) -> Cursor | None:
    """The cursor; None before the first block."""
    return _first(conn, locked=False)


def lock_cursor(conn: Connection, read: Cursor) -> None:
    """Makes the cursor the transaction's own, before anything is written.

    Raises CursorMovedError when it is no longer the one that was read: who came first wins. SQLite
    has one writer anyhow; on PostgreSQL the row's lock makes a second one wait here.
    """
    if _first(conn, locked=True) != read:
        raise CursorMovedError


def create_cursor(conn: Connection, before_first: Header, head_number: int) -> Cursor:
    """The cursor of an empty index, at the block before the first that matters.

    Raises CursorMovedError when another process made one meanwhile.
    """
    created = Cursor(
        before_first.number,
        before_first.hash,
        before_first.timestamp,
        0,
        head_number,
        before_first.number,
    )
    insert = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    row = insert(derived.cursor).values(name=NAME, **_values(created))
    row = row.on_conflict_do_nothing(index_elements=["name"])
    if conn.execute(row.returning(derived.cursor.c.name)).first() is None:
        raise CursorMovedError  # another process came first
    # a young chain may be rolled back as far as this block
    conn.execute(
        insert(derived.blocks).values(
            number=before_first.number,
            hash=before_first.hash,
            parent_hash=before_first.parent_hash,
            timestamp=before_first.timestamp,
        )
    )
    return created


def move_cursor(
    conn: Connection, read: Cursor, to: Header, head_number: int, final_number: int
) -> Cursor:
    """Sets the cursor if it still is the one that was read. Raises CursorMovedError."""
    moved = Cursor(to.number, to.hash, to.timestamp, read.version + 1, head_number, final_number)
    table = derived.cursor
    changed = conn.execute(
        update(table)
        .where(table.c.name == NAME, table.c.version == read.version)
        .values(**_values(moved))
    )
    if changed.rowcount != 1:
        raise CursorMovedError
    return moved


def note_head(conn: Connection, read: Cursor, head_number: int) -> Cursor:
    """Records what the node's newest block is, so that other processes know that the index lives
    and whether it has caught up. Raises CursorMovedError."""
    noted = replace(read, head_number=head_number)
    table = derived.cursor
    changed = conn.execute(
        update(table)
        .where(table.c.name == NAME, table.c.version == read.version)
        .values(head_number=head_number, updated_at=int(time.time()))
    )
    if changed.rowcount != 1:
        raise CursorMovedError
    return noted


def _first(conn: Connection, *, locked: bool) -> Cursor | None:
    table = derived.cursor
    query = select(table).where(table.c.name == NAME)
    row = conn.execute(query.with_for_update() if locked else query).mappings().first()
    if row is None:
        return None
    return Cursor(
        row["block_number"],
        row["block_hash"],
        row["block_timestamp"],
        row["version"],
        row["head_number"],
        row["final_number"],
    )


def _values(cursor: Cursor) -> dict[str, object]:
    return {
        "block_number": cursor.block_number,
        "block_hash": cursor.block_hash,
        "block_timestamp": cursor.block_timestamp,
        "version": cursor.version,
        "head_number": cursor.head_number,
        "final_number": cursor.final_number,
        "updated_at": int(time.time()),
    }
