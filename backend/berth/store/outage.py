"""What a database raises while it is away: to be waited out, unlike what says that we are wrong."""

from __future__ import annotations

import sqlite3

import psycopg
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

#: Server gone, connection lost, locked for too long, disk full; raw ones come from bulk copies.
OUTAGE: tuple[type[Exception], ...] = (
    OperationalError,
    InterfaceError,
    PoolTimeoutError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
    sqlite3.OperationalError,
)


def reason_of(error: Exception) -> str:
    """Its first line, without the statement."""
    cause = getattr(error, "orig", None) or error
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0]
