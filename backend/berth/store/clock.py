"""The database's own clock: one clock for all processes that share it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class moment(FunctionElement[int]):  # noqa: N801 - it is a function of SQL
    """Unix seconds by the database's clock, as an expression: no round trip of its own."""

    inherit_cache = True
    type = BigInteger()


@compiles(moment, "sqlite")
def _sqlite(_element: ColumnElement[Any], _compiler: Any, **_: Any) -> str:
    return "unixepoch()"


@compiles(moment, "postgresql")
def _postgresql(_element: ColumnElement[Any], _compiler: Any, **_: Any) -> str:
    return "CAST(floor(extract(epoch FROM now())) AS BIGINT)"


def database_now(conn: Connection) -> int:
    """Unix seconds by the database's clock."""
    return int(conn.execute(_NOW).scalar_one())


_NOW = select(moment())
