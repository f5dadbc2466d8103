"""Rows as plain dictionaries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Executable

Row = Mapping[str, Any]


def first(conn: Connection, query: Executable) -> Row | None:
    """The first row of a query, None when there is none."""
    row = conn.execute(query).mappings().first()
    return None if row is None else dict(row)


def every(conn: Connection, query: Executable) -> list[Row]:
    """All rows of a query, read before anything is done with the first."""
    return [dict(row) for row in conn.execute(query).mappings().all()]
