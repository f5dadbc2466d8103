"""Rows of derived tables while a range of blocks is projected: read once, changed in memory,
written together, with the journal that can undo them.

A before-image is kept for every row that a block not yet final changes for the first time. Undoing
the images of a block, newest block first, restores the tables exactly.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table, bindparam, delete, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql import Executable, Select

from berth.store import derived

Key = tuple[Any, ...]
Row = dict[str, Any]


class Rows:
    """One unit of work on one connection; call `flush` before the transaction ends."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._rows: dict[tuple[str, Key], Row | None] = {}
        self._dirty: dict[tuple[str, Key], Table] = {}
        self._images: list[Row] = []
        self._imaged: set[tuple[str, Key]] = set()
        self._block = -1
        self._journal = False

    def begin_block(self, number: int, journal: bool) -> None:
        """The changes that follow are this block's; with `journal` they can be undone."""
        if number != self._block:
            self._block = number
            self._imaged.clear()
        self._journal = journal

    def get(self, table: Table, *key: Any) -> Row | None:
        """A copy of the row as it is now, with the changes not yet written."""
        place = (table.name, key)
        if place not in self._rows:
            found = self._conn.execute(_select_one(table), _named(key)).mappings().first()
            self._rows[place] = None if found is None else dict(found)
        row = self._rows[place]
        return None if row is None else dict(row)

    def load(self, table: Table, keys: Iterable[Any]) -> None:
        """Reads many rows of a table with one key column at once, to spare single reads."""
        wanted = [key for key in dict.fromkeys(keys) if (table.name, (key,)) not in self._rows]
        column = _key_columns(table)[0]
        for first in range(0, len(wanted), 500):
            part = wanted[first : first + 500]
            for key in part:
                self._rows[table.name, (key,)] = None
            for found in self._conn.execute(select(table).where(column.in_(part))).mappings():
                self._rows[table.name, (found[column.name],)] = dict(found)

    def put(self, table: Table, row: Mapping[str, Any]) -> None:
        """Inserts or replaces the row with this row's key."""
        key = tuple(row[column.name] for column in _key_columns(table))
        self._change(table, key, dict(row))

    def drop(self, table: Table, *key: Any) -> None:
        """Deletes a row."""
        self._change(table, key, None)

    def flush(self) -> None:
        """Writes all changes and the journal."""
        puts: dict[str, list[Row]] = {}
        drops: dict[str, list[Key]] = {}
        tables: dict[str, Table] = {}
        for place, table in self._dirty.items():
            row = self._rows[place]
            tables[table.name] = table
            if row is None:
                drops.setdefault(table.name, []).append(place[1])
            else:
                puts.setdefault(table.name, []).append(row)
        for name, rows in puts.items():
            self._conn.execute(upsert(tables[name], self._conn.dialect.name), rows)
        for name, keys in drops.items():
            self._conn.execute(_delete_one(tables[name]), [_named(key) for key in keys])
        if self._images:
            self._conn.execute(insert(derived.undo), self._images)
        self._dirty.clear()
        self._images = []
        self._imaged.clear()
        self._block = -1

    def _change(self, table: Table, key: Key, row: Row | None) -> None:
        place = (table.name, key)
        if self._journal and place not in self._imaged:
            self._imaged.add(place)
            before = self.get(table, *key)
            self._images.append(
                {
                    "block_number": self._block,
                    "seq": len(self._images),
                    "table_name": table.name,
                    "row_key": json.dumps(key),
                    "before": None if before is None else json.dumps(before),
                }
            )
        self._rows[place] = row
        self._dirty[place] = table


def undo_above(conn: Connection, number: int) -> int:
    """Restores the tables as they were after block `number`; how many images were applied."""
    undo = derived.undo
    images = conn.execute(
        select(undo)
        .where(undo.c.block_number > number)
        .order_by(undo.c.block_number.desc(), undo.c.seq.desc())
    ).mappings()
    # the oldest image of a row is what it goes back to: later ones are passed over
    restored: dict[tuple[str, Key], Row | None] = {}
    count = 0
    for image in images:
        before = image["before"]
        place = (image["table_name"], tuple(json.loads(image["row_key"])))
        restored[place] = None if before is None else json.loads(before)
        count += 1
    for (name, key), row in restored.items():
        table = derived.metadata.tables[name]
        if row is None:
            conn.execute(_delete_one(table), _named(key))
        else:
            conn.execute(upsert(table, conn.dialect.name), row)
    conn.execute(delete(undo).where(undo.c.block_number > number))
    return count


@cache
def upsert(table: Table, dialect: str) -> Executable:
    """INSERT that replaces the row with the same key."""
    keys = [column.name for column in _key_columns(table)]
    others = [column.name for column in table.columns if column.name not in keys]
    statement: Any = (sqlite if dialect == "sqlite" else postgresql).insert(table)
    if not others:
        return statement.on_conflict_do_nothing(index_elements=keys)  # type: ignore[no-any-return]
    changes = {name: statement.excluded[name] for name in others}
    return statement.on_conflict_do_update(  # type: ignore[no-any-return]
        index_elements=keys, set_=changes
    )


@cache
def _key_columns(table: Table) -> tuple[Any, ...]:
    return tuple(table.primary_key.columns)


@cache
def _select_one(table: Table) -> Select[Any]:
    return select(table).where(
        *(column == bindparam(f"k{n}") for n, column in enumerate(_key_columns(table)))
    )


@cache
def _delete_one(table: Table) -> Executable:
    return delete(table).where(
        *(column == bindparam(f"k{n}") for n, column in enumerate(_key_columns(table)))
    )


def _named(key: Key) -> dict[str, Any]:
    return {f"k{n}": value for n, value in enumerate(key)}
