"""Rows of derived tables while logs are projected: read once, changed in memory, written together,
with the journal that can undo them.

A before-image is kept for every row that a block not yet final changes for the first time. Undoing
the images of a block, newest block first, restores the tables exactly.

Rows stay in memory from one range of blocks to the next while nobody else writes (`forget` when
that is not sure), the ones used last first: most events are about rows of shortly before.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select
from sqlalchemy.exc import IntegrityError

from berth.core.errors import BerthError
from berth.store import derived
from berth.store.bulk import Bulk, Key, Row, Shape, shape_of

#: Rows of one table kept for the next range; up to twice as many are held.
KEPT_ROWS = 20_000


class _Held:
    """What is known of one table's rows: None is a row that does not exist."""

    __slots__ = ("asked", "before", "done", "imaged", "new", "old", "shape")

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.new: dict[Key, Row | None] = {}  # touched since the last shift
        self.old: dict[Key, Row | None] = {}  # not touched since
        #: Of the rows changed since the last flush: what the database holds.
        self.before: dict[Key, Row | None] = {}
        self.imaged: set[Key] = set()
        self.done: list[Key] = []
        self.asked = False  # somebody reads this table's rows

    def shift(self) -> None:
        """Lets go of what nobody will ask for, or did not for long. Only right after a flush."""
        if not self.asked:
            self.new.clear()
        for key in self.done:
            self.new.pop(key, None)
        self.done.clear()
        if len(self.new) > KEPT_ROWS:
            self.old, self.new = self.new, {}


class Rows:
    """One unit of work after another: `begin`, changes, `flush` before the transaction ends."""

    def __init__(self, conn: Connection | None = None) -> None:
        self._held: dict[Table, _Held] = {}
        self._images: list[Row] = []
        self._seq: dict[int, int] = {}
        self._block = -1
        self._journal = False
        if conn is not None:
            self.begin(conn)

    def begin(self, conn: Connection) -> None:
        """What follows happens in this connection's transaction."""
        self._bulk = Bulk(conn)
        self._conn = conn

    def forget(self) -> None:
        """Reads everything anew from now on: others may have written, or a write is in doubt."""
        self._held.clear()
        self._images = []
        self._seq = {}
        self._block = -1

    def begin_block(self, number: int, journal: bool) -> None:
        """The changes that follow are this block's; with `journal` they can be undone."""
        if number != self._block:
            self._block = number
            for held in self._held.values():
                held.imaged.clear()
        self._journal = journal

    def get(self, table: Table, key: Key) -> Row | None:
        """The row as it is now, with the changes not yet written. To read only: see `edit`."""
        held = self._held.get(table) or self._hold(table)
        try:
            return held.new[key]
        except KeyError:
            pass
        try:
            row = held.new[key] = held.old.pop(key)
        except KeyError:
            self.load(table, (key,))
            row = held.new[key]
        return row

    def load(self, table: Table, keys: Iterable[Key]) -> None:
        """Reads many rows at once, to spare single reads."""
        held = self._held.get(table) or self._hold(table)
        new, old = held.new, held.old
        held.asked = True
        wanted = []
        for key in keys:
            if key not in new:
                if key in old:
                    new[key] = old.pop(key)
                else:
                    new[key] = None
                    wanted.append(key)
        if wanted:
            key_of = held.shape.key
            for row in self._bulk.read(held.shape, wanted):
                new[key_of(row)] = row

    def edit(self, table: Table, key: Key) -> Row | None:
        """The row itself: what the caller sets in it is written at the flush."""
        row = self.get(table, key)
        if row is not None:
            self._change(self._held[table], key, row)
        return row

    def add(self, table: Table, row: Row) -> Row:
        """A row whose key there never was; the row, which the caller may set more in.

        That the key is new is the contracts' promise: it shows at the flush when it is not.
        """
        held = self._held.get(table) or self._hold(table)
        key = held.shape.key(row)
        if held.new.get(key) is not None or held.old.get(key) is not None:
            raise _twice(held.shape.name)
        self._change(held, key, None)
        held.new[key] = row
        return row

    def put(self, table: Table, row: Row) -> Row:
        """Inserts or replaces the row with this row's key."""
        held = self._held.get(table) or self._hold(table)
        key = held.shape.key(row)
        self._change(held, key, self.get(table, key))
        held.new[key] = row
        return row

    def drop(self, table: Table, key: Key) -> None:
        """Deletes a row."""
        before = self.get(table, key)
        held = self._held[table]
        self._change(held, key, before)
        held.new[key] = None

    def release(self, table: Table, key: Key) -> None:
        """Hardly anybody will ask for this row again."""
        self._held[table].done.append(key)

    def flush(self) -> None:
        """Writes all changes and the journal. Raises BerthError index.gap: a new row was old."""
        for held in self._held.values():
            if held.before:
                self._write(held)
            held.before = {}
            held.imaged.clear()
            held.shift()
        if self._images:
            self._conn.execute(insert(derived.undo), self._images)
        self._images = []
        self._seq = {}
        self._block = -1

    def _hold(self, table: Table) -> _Held:
        held = self._held[table] = _Held(shape_of(table))
        return held

    def _change(self, held: _Held, key: Key, now: Row | None) -> None:
        if key not in held.before:
            held.before[key] = None if now is None else now.copy()
        if self._journal and key not in held.imaged:
            held.imaged.add(key)
            seq = self._seq[self._block] = self._seq.get(self._block, -1) + 1
            self._images.append(
                {
                    "block_number": self._block,
                    "seq": seq,
                    "table_name": held.shape.name,
                    "row_key": json.dumps(held.shape.whole_key(key)),
                    "before": None if now is None else json.dumps(now),
                }
            )

    def _write(self, held: _Held) -> None:
        shape, new = held.shape, held.new
        added: list[tuple[Any, ...]] = []
        dropped: list[Key] = []
        changed: dict[tuple[str, ...], list[Row]] = {}
        values = shape.values
        for key, before in held.before.items():
            row = new[key]
            if row is None:
                if before is not None:
                    dropped.append(key)
            elif before is None:
                added.append(values(row))
            else:
                columns = tuple([name for name in row if row[name] != before[name]])
                if columns:
                    changed.setdefault(columns, []).append(row)
        self._bulk.delete(shape, dropped)
        try:
            self._bulk.insert(shape, added)
        except IntegrityError as error:
            raise _twice(shape.name) from error
        for columns, rows in changed.items():
            self._bulk.update(shape, columns, rows)


def _twice(table: str) -> BerthError:
    message = (
        f"the index has a gap: a log makes a row of {table} that is there already;"
        " index again from a complete node"
    )
    return BerthError("index.gap", message, status=503)


def undo_above(conn: Connection, number: int) -> int:
    """Restores the tables as they were after block `number`; how many images were applied."""
    undo = derived.undo
    images = conn.execute(
        select(undo)
        .where(undo.c.block_number > number)
        .order_by(undo.c.block_number.desc(), undo.c.seq.desc())
    ).mappings()
    # the oldest image of a row is what it goes back to: later ones are passed over
    restored: dict[str, dict[tuple[Any, ...], Row | None]] = {}
    count = 0
    for image in images:
        before = image["before"]
        rows = restored.setdefault(image["table_name"], {})
        rows[tuple(json.loads(image["row_key"]))] = None if before is None else json.loads(before)
        count += 1
    bulk = Bulk(conn)
    for name, rows in restored.items():
        shape = shape_of(derived.metadata.tables[name])
        single = len(shape.keys) == 1
        # gone and made again: simpler than telling apart which are there
        bulk.delete(shape, [key[0] if single else key for key in rows])
        bulk.insert(shape, [shape.values(row) for row in rows.values() if row is not None])
    conn.execute(delete(undo).where(undo.c.block_number > number))
    return count
