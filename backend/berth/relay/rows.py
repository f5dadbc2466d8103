"""Rows as plain dictionaries.

Statements that are asked often are made once, with `bindparam` for what changes: to make one and to
find out that it is the same as before costs several times what the database takes to answer it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Executable

Row = Mapping[str, Any]


def first(conn: Connection, query: Executable, **values: Any) -> Row | None:
    """The first row of a query, None when there is none; `values` of its parameters."""
    row = conn.execute(query, values).mappings().first()
    return None if row is None else dict(row)


def every(conn: Connection, query: Executable, **values: Any) -> list[Row]:
    """All rows of a query, read before anything is done with the first."""
    return [dict(row) for row in conn.execute(query, values).mappings().all()]
