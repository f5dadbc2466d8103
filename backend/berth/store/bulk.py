"""Many rows of one table at once, in few statements and without a compiler in between.

SQLite is given tuples by `executemany`. PostgreSQL is sent new rows by COPY, and changes, keys to
read and keys to delete as one JSON parameter each: a statement's cost does not depend on its rows.
Everything but COPY itself goes through SQLAlchemy's connection, so that its events see it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from operator import itemgetter
from typing import Any

import msgspec
import psycopg
from sqlalchemy import Connection, LargeBinary, Table, Text
from sqlalchemy.exc import DBAPIError

Row = dict[str, Any]
#: The key column's value, or a tuple of them where the key has several columns.
Key = Any

#: Rows from which on PostgreSQL takes a COPY faster than an INSERT.
_COPY_FROM = 8
#: Keys in one statement.
_KEYS = 5_000
_json = msgspec.json.Encoder().encode


class Shape:
    """A table as it is written in bulk: its columns in order, and what they make of a row."""

    def __init__(self, table: Table, without: tuple[str, ...] = ()) -> None:
        """`without` are columns that the database fills in by itself."""
        self.name = table.name
        self.columns = tuple(one.name for one in table.columns if one.name not in without)
        self.keys = tuple(column.name for column in table.primary_key.columns)
        self.types = {column.name: _pg_type(column.type) for column in table.columns}
        #: The row as a tuple, in the order of the columns.
        self.values: Callable[[Row], tuple[Any, ...]] = itemgetter(*self.columns)
        self.key: Callable[[Row], Key] = itemgetter(*self.keys)
        self.whole_key: Callable[[Key], tuple[Any, ...]] = (
            tuple if len(self.keys) > 1 else lambda key: (key,)
        )

    def insert_statement(self, mark: str) -> str:
        marks = ", ".join([mark] * len(self.columns))
        return f"INSERT INTO {self.name} ({_names(self.columns)}) VALUES ({marks})"

    def copy_statement(self) -> str:
        return f"COPY {self.name} ({_names(self.columns)}) FROM STDIN (FORMAT BINARY)"


@cache
def shape_of(table: Table) -> Shape:
    """The table's shape; made once."""
    return Shape(table)


class Bulk:
    """Reads and writes of many rows in the transaction of one connection.

    What a database refuses comes as SQLAlchemy's DBAPIError, as from any other statement.
    """

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._sqlite = conn.dialect.name == "sqlite"

    def read(self, shape: Shape, keys: Iterable[Key]) -> list[Row]:
        """The rows with these keys that exist, in any order."""
        wanted = list(keys)
        statement = _read(shape, self._sqlite)
        found: list[Row] = []
        for first in range(0, len(wanted), _KEYS):
            part = [shape.whole_key(key) for key in wanted[first : first + _KEYS]]
            found += self._rows(shape, statement, (self._keys(shape, part),))
        return found

    def insert(self, shape: Shape, rows: Sequence[tuple[Any, ...]]) -> None:
        """New rows, with all columns in order. A key that exists is an IntegrityError."""
        if not rows:
            return
        if self._sqlite:
            self._conn.exec_driver_sql(shape.insert_statement("?"), list(rows))
        elif len(rows) < _COPY_FROM:
            self._conn.exec_driver_sql(shape.insert_statement("%s"), list(rows))
        else:
            self._copy(shape, rows)

    def update(self, shape: Shape, columns: tuple[str, ...], rows: list[Row]) -> None:
        """Sets these columns of existing rows, which may hold more than these and their keys."""
        if not rows:
            return
        statement = _update(shape, columns, self._sqlite)
        if self._sqlite:
            values = itemgetter(*columns, *shape.keys)
            self._conn.exec_driver_sql(statement, [values(row) for row in rows])
            return
        named = (*columns, *shape.keys)
        body = [{name: row[name] for name in named} for row in rows]
        self._conn.exec_driver_sql(statement, (_json(body).decode(),))

    def delete(self, shape: Shape, keys: Iterable[Key]) -> None:
        """Deletes rows by key."""
        wanted = [shape.whole_key(key) for key in keys]
        if wanted:
            self._conn.exec_driver_sql(_delete(shape, self._sqlite), (self._keys(shape, wanted),))

    def _rows(self, shape: Shape, statement: str, parameters: tuple[Any, ...]) -> list[Row]:
        columns = shape.columns
        # the driver's own tuples: SQLAlchemy's rows cost more than reading them
        result = self._conn.exec_driver_sql(statement, parameters)
        found = [dict(zip(columns, row, strict=True)) for row in result.cursor.fetchall()]
        result.close()
        return found

    def _keys(self, shape: Shape, keys: list[tuple[Any, ...]]) -> str:
        if self._sqlite:
            return _json(keys).decode()
        return _json([dict(zip(shape.keys, key, strict=True)) for key in keys]).decode()

    def _copy(self, shape: Shape, rows: Sequence[tuple[Any, ...]]) -> None:
        """In binary: half the work of text, an eighth where there are bytes."""
        driver: Any = self._conn.connection.driver_connection
        statement = shape.copy_statement()
        try:
            with driver.cursor() as cursor, cursor.copy(statement) as copy:
                copy.set_types([shape.types[name] for name in shape.columns])
                write = copy.write_row
                for row in rows:
                    write(row)
        except psycopg.Error as error:
            raise DBAPIError.instance(
                statement, None, error, psycopg.Error, dialect=self._conn.dialect
            ) from error


def _names(columns: Iterable[str], prefix: str = "") -> str:
    return ", ".join(f'{prefix}"{name}"' for name in columns)


def _typed(shape: Shape, columns: Iterable[str]) -> str:
    return ", ".join(f'"{name}" {shape.types[name]}' for name in columns)


def _pg_type(kind: Any) -> str:
    if isinstance(kind, LargeBinary):
        return "bytea"
    return "text" if isinstance(kind, Text) else "bigint"


# ruff: noqa: S608 - names of our own tables and columns only


@cache
def _read(shape: Shape, sqlite: bool) -> str:
    if sqlite:
        places = ", ".join(f"json_extract(value, '$[{n}]')" for n in range(len(shape.keys)))
        wanted = f"({_names(shape.keys)}) IN (SELECT {places} FROM json_each(?))"
        return f"SELECT {_names(shape.columns)} FROM {shape.name} WHERE {wanted}"
    return (
        f"SELECT {_names(shape.columns, 't.')}"
        f" FROM json_to_recordset(%s) AS w({_typed(shape, shape.keys)})"
        f" JOIN {shape.name} AS t USING ({_names(shape.keys)})"
    )


@cache
def _update(shape: Shape, columns: tuple[str, ...], sqlite: bool) -> str:
    if sqlite:
        changes = ", ".join(f'"{name}" = ?' for name in columns)
        same = " AND ".join(f'"{name}" = ?' for name in shape.keys)
        return f"UPDATE {shape.name} SET {changes} WHERE {same}"
    changes = ", ".join(f'"{name}" = w."{name}"' for name in columns)
    same = " AND ".join(f't."{name}" = w."{name}"' for name in shape.keys)
    typed = _typed(shape, (*columns, *shape.keys))
    return (
        f"UPDATE {shape.name} AS t SET {changes}"
        f" FROM json_to_recordset(%s) AS w({typed}) WHERE {same}"
    )


@cache
def _delete(shape: Shape, sqlite: bool) -> str:
    if sqlite:
        places = ", ".join(f"json_extract(value, '$[{n}]')" for n in range(len(shape.keys)))
        wanted = f"({_names(shape.keys)}) IN (SELECT {places} FROM json_each(?))"
        return f"DELETE FROM {shape.name} WHERE {wanted}"
    same = " AND ".join(f't."{name}" = w."{name}"' for name in shape.keys)
    typed = _typed(shape, shape.keys)
    return f"DELETE FROM {shape.name} AS t USING json_to_recordset(%s) AS w({typed}) WHERE {same}"
