"""Numbered migrations and what a start needs to know of them without loading Alembic.

Alembic is imported only when there is something to migrate: it would cost every start its time and
memory for nothing.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, text

from berth.store.indexes import restore_indexes

#: Every revision, oldest first; a test holds this against the files in `versions/`.
KNOWN: tuple[str, ...] = ("0001", "0002", "0003", "0004", "0005", "0006")
HEAD = KNOWN[-1]
VERSION_TABLE = "schema_version"
FOLDER = Path(__file__).parent


def upgrade(conn: Connection, current: str | None, target: str = HEAD) -> None:
    """Runs the missing migrations inside the caller's transaction: all of them or none."""
    from alembic.command import upgrade as run

    _prepare(conn, current)
    run(_config(conn), target)


def downgrade(conn: Connection, target: str) -> None:
    """Undoes migrations down to `target` ("base" = all), inside the caller's transaction."""
    from alembic.command import downgrade as run

    restore_indexes(conn)  # an index being made for the first time goes without some for a while
    run(_config(conn), target)


def into(group: str) -> None:
    """For migrations: what follows is of the "derived" or the "kept" tables.

    On PostgreSQL these are schemas; what exists is found in both, what is made goes into this one.
    """
    from alembic import op

    if op.get_bind().dialect.name == "postgresql":
        other = "kept" if group == "derived" else "derived"
        op.execute(f"SET LOCAL search_path TO {group}, {other}")


def _prepare(conn: Connection, current: str | None) -> None:
    if conn.dialect.name == "postgresql" and current is None:
        conn.execute(text("CREATE SCHEMA IF NOT EXISTS derived"))
        conn.execute(text("CREATE SCHEMA IF NOT EXISTS kept"))


def _config(conn: Connection):  # type: ignore[no-untyped-def]  # Alembic's type, not loaded here
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = conn
    return config
