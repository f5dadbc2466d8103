"""Public points of spaces and their spatial index."""

from __future__ import annotations

from alembic import op
from berth.store import points

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    points.create(op.get_bind())


def downgrade() -> None:
    points.drop(op.get_bind())
