"""Rows for any table and the shape of any database, read from the database itself: for tests of
migrations and backups, which must hold for tables that do not exist yet."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec
from berth.store import derived, migrations
from sqlalchemy import Connection, column, insert, inspect, literal_column, select, table, text
from sqlalchemy.engine.interfaces import ReflectedColumn

#: Made by triggers and by SQLite's R*Tree from other tables' rows.
_MADE = ("space_points", "space_boxes")

Rows = dict[str, list[dict[str, Any]]]


def tables_of(conn: Connection) -> dict[str, str | None]:
    """Tables that hold data of ours -> their schema (None on SQLite), parents before children."""
    inspector = inspect(conn)
    schemas: list[str | None] = [None] if conn.dialect.name == "sqlite" else ["derived", "kept"]
    found = {}
    for schema in schemas:
        for name, _ in inspector.get_sorted_table_and_fkc_names(schema=schema):
            if name and name != migrations.VERSION_TABLE and not name.startswith(_MADE):
                found[name] = schema
    return found


def kept_tables(conn: Connection) -> list[str]:
    """Those that no chain can give back."""
    return [name for name in tables_of(conn) if name not in derived.metadata.tables]


def fill(conn: Connection, count: int = 3) -> None:
    """`count` rows in every table that is empty (one where only one may be)."""
    for name, schema in tables_of(conn).items():
        if conn.execute(select(literal_column("1")).select_from(table(name)).limit(1)).first():
            continue
        make = _maker(conn, name, schema)
        rows = [make(number) for number in range(count)]
        if any("id = 1" in str(c["sqltext"]) for c in _checks(conn, name, schema)):
            rows = rows[:1]
        conn.execute(insert(table(name, *(column(key) for key in rows[0]))), rows)


def rows_of(conn: Connection) -> Rows:
    """Everything in all tables, in an order that both databases have."""
    found: Rows = {}
    for name in tables_of(conn):
        result = conn.execute(select(text("*")).select_from(table(name)))
        rows = [dict(row) for row in result.mappings()]
        found[name] = sorted(rows, key=lambda row: repr(sorted(row.items())))
    return found


def shape_of(conn: Connection) -> dict[str, Any]:
    """Tables with columns, keys, checks and indexes; triggers, functions, sequences."""
    inspector = inspect(conn)
    shape: dict[str, Any] = {}
    for name, schema in tables_of(conn).items():
        shape[f"table {schema}.{name}"] = {
            "columns": sorted(
                (c["name"], str(c["type"]), c["nullable"], str(c["default"]))
                for c in inspector.get_columns(name, schema=schema)
            ),
            "key": inspector.get_pk_constraint(name, schema=schema)["constrained_columns"],
            "unique": sorted(
                sorted(u["column_names"])
                for u in inspector.get_unique_constraints(name, schema=schema)
            ),
            "checks": sorted(str(c["sqltext"]) for c in _checks(conn, name, schema)),
            "foreign": sorted(
                (f["constrained_columns"], f["referred_table"], f["referred_columns"])
                for f in inspector.get_foreign_keys(name, schema=schema)
            ),
        }
    for kind, name, definition in conn.execute(text(_OBJECTS[conn.dialect.name])):
        shape[f"{kind} {name}"] = " ".join(str(definition).replace('"', "").split())
    return shape


_OBJECTS = {
    "sqlite": """
        SELECT type, name, sql FROM sqlite_master WHERE type <> 'table' AND sql IS NOT NULL
        UNION ALL
        SELECT 'counter', name, 'counted' FROM sqlite_master WHERE sql LIKE '%AUTOINCREMENT%'
    """,
    "postgresql": """
        SELECT 'index', indexname, indexdef FROM pg_indexes
         WHERE schemaname IN ('derived', 'kept') AND tablename <> 'schema_version'
        UNION ALL
        SELECT 'trigger', tgrelid::regclass || ' ' || tgname, pg_get_triggerdef(oid)
          FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL
        SELECT 'function', proname, prosrc FROM pg_proc
         WHERE pronamespace::regnamespace::text IN ('derived', 'kept')
        UNION ALL
        SELECT 'sequence', schemaname || '.' || sequencename, data_type::text FROM pg_sequences
         WHERE schemaname IN ('derived', 'kept')
    """,
}


def _checks(conn: Connection, name: str, schema: str | None) -> list[Any]:
    return inspect(conn).get_check_constraints(name, schema=schema)


def _maker(conn: Connection, name: str, schema: str | None) -> Callable[[int], dict[str, Any]]:
    """A function of a row's number that gives a row which the table takes."""
    inspector = inspect(conn)
    columns = inspector.get_columns(name, schema=schema)
    key = set(inspector.get_pk_constraint(name, schema=schema)["constrained_columns"])
    allowed: dict[str, list[str]] = {}
    for check in _checks(conn, name, schema):
        words = re.findall(r"'([^']+)'", str(check["sqltext"]))
        if words:
            allowed[re.findall(r"\w+", str(check["sqltext"]))[0]] = words
    parents = {
        own: (foreign["referred_table"], theirs)
        for foreign in inspector.get_foreign_keys(name, schema=schema)
        for own, theirs in zip(
            foreign["constrained_columns"], foreign["referred_columns"], strict=True
        )
    }

    def value(one: ReflectedColumn, number: int) -> Any:
        column_name, kind = one["name"], str(one["type"])
        if number == 0 and one["nullable"] and column_name not in key:
            return None
        if name == "raw_logs" and kind == "TEXT":
            return "0x" + f"{number:02x}" * 32  # what is kept of a log is hex, or bytes
        if column_name == "packed":
            word = bytes([number]) * 32
            return msgspec.msgpack.encode([(number, 0, word, word, word * number, b"")])
        if column_name in allowed:
            return allowed[column_name][number % len(allowed[column_name])]
        if kind in ("BIGINT", "INTEGER"):
            return number + 1
        if kind in ("FLOAT", "DOUBLE PRECISION", "REAL"):
            return number * 1.25 + 0.1
        if kind in ("BLOB", "BYTEA"):
            return bytes([0, 255, number])
        if column_name.endswith("_json"):
            return f'{{"n": {number}}}'
        where, what = parents.get(column_name, (name, column_name))
        return f"{where}.{what} {number} – 車位"

    def counted(one: ReflectedColumn) -> bool:
        """Does the database number it?"""
        if conn.dialect.name == "sqlite":
            return key == {one["name"]} and str(one["type"]) == "INTEGER"
        return "nextval" in str(one["default"])

    return lambda number: {one["name"]: value(one, number) for one in columns if not counted(one)}
