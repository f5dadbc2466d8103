"""Alembic's entry: runs on the connection it is handed, inside that connection's transaction."""

from __future__ import annotations

from alembic import context

from berth.store import derived, kept
from berth.store.migrations import VERSION_TABLE

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=[derived.metadata, kept.metadata],
    version_table=VERSION_TABLE,
    version_table_schema=None if connection.dialect.name == "sqlite" else "kept",
    render_as_batch=connection.dialect.name == "sqlite",
    # SQLite's DDL is transactional too, once the driver's own BEGIN is out of the way.
    transactional_ddl=True,
)
# The caller owns the transaction: begin_transaction() would commit it.
context.run_migrations()
