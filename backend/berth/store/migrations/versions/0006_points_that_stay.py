"""Search points whose rows stay while they move: on PostgreSQL two may move one at once."""

from __future__ import annotations

from alembic import op
from berth.store import points
from berth.store.migrations import into

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    into("derived")
    points.keep_rows(op.get_bind())


def downgrade() -> None:
    into("derived")
    points.keep_rows(op.get_bind(), kept=False)
