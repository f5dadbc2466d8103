"""Column types and naming shared by both groups of tables.

Portable by choice: flags are INTEGER 0/1 (one SQL for SQLite and PostgreSQL), amounts are decimal
TEXT of minor units (a uint128 fits no integer column), ids and words are lower-case hex TEXT of
fixed width, times are INTEGER Unix seconds UTC, JSON is TEXT.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, Text

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

#: SQLite gives numbers by itself only to a column that is exactly INTEGER.
SERIAL = BigInteger().with_variant(Integer(), "sqlite")


def new_metadata(group: str) -> MetaData:
    """Metadata of one group of tables ("derived" or "kept")."""
    return MetaData(naming_convention=NAMING, info={"group": group})


def text(name: str, *, null: bool = False, key: bool = False, **extra: Any) -> Column[str]:
    """Words, hex ids, amounts, JSON."""
    return Column(name, Text, nullable=null, primary_key=key, **extra)


def number(name: str, *, null: bool = False, key: bool = False, **extra: Any) -> Column[int]:
    """A 63-bit whole number: counts, Unix seconds, block numbers, flags 0/1."""
    if key:
        extra.setdefault("autoincrement", False)
    return Column(name, BigInteger, nullable=null, primary_key=key, **extra)


def serial(name: str) -> Column[int]:
    """A number the database gives, never used twice."""
    return Column(name, SERIAL, primary_key=True, autoincrement=True)


def blob(name: str, *, null: bool = False) -> Column[bytes]:
    """Bytes."""
    return Column(name, LargeBinary, nullable=null)
