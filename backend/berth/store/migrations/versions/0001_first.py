"""All tables of the first release."""

from __future__ import annotations

from alembic import op
from berth.store import derived, kept
from sqlalchemy import MetaData, text

revision = "0001"
down_revision = None


def _each(group: MetaData, name: str) -> None:
    conn = op.get_bind()
    if conn.dialect.name == "postgresql":
        conn.execute(text(f"SET LOCAL search_path TO {name}"))
    group.create_all(conn, checkfirst=False)
    if conn.dialect.name == "postgresql":
        conn.execute(text("SET LOCAL search_path TO derived, kept"))


def upgrade() -> None:
    _each(derived.metadata, "derived")
    _each(kept.metadata, "kept")


def downgrade() -> None:
    conn = op.get_bind()
    kept.metadata.drop_all(conn)
    derived.metadata.drop_all(conn)
