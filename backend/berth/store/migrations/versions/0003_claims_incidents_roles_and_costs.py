"""Claims on grants and evidence, incidents, roles, keeper tasks, raw bookings, costs; a command stays
on record when another takes its place, and a lock has one under way."""

# ruff: noqa: E501

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from berth.store.migrations import into

revision = "0003"
down_revision = "0002"

#: What SQLite forgets when a table is made anew without a column: its ids are never used twice.
_COUNTED = {"sqlite_autoincrement": True}
_STATES_BEFORE = "state IN ('signed', 'sent', 'mined', 'reverted', 'dropped')"
_STATES_NOW = "state IN ('signed', 'sent', 'mined', 'reverted', 'dropped', 'replaced')"


def upgrade() -> None:
    into("kept")
    op.create_table(
        "incidents",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("lease_id", sa.Text(), nullable=True),
        sa.Column("space_id", sa.Text(), nullable=True),
        sa.Column("lock_id", sa.Text(), nullable=True),
        sa.Column("command_id", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("facts_json", sa.Text(), nullable=True),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("resolved_at", sa.BigInteger(), nullable=True),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.Column("by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("incidents", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_incidents_lease_id"), ["lease_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_incidents_resolved_at_id"), ["resolved_at", "id"], unique=False
        )
        batch_op.create_index(
            "uq_incidents_open",
            ["key"],
            unique=True,
            sqlite_where=sa.text("resolved_at IS NULL"),
            postgresql_where=sa.text("resolved_at IS NULL"),
        )

    op.create_table(
        "keeper_tasks",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("batch", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("tx_hash", sa.Text(), nullable=True),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("next_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("claimed_by", sa.Text(), nullable=True),
        sa.Column("claimed_until", sa.BigInteger(), nullable=True),
        sa.Column("term", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('close', 'delist', 'payout')", name=op.f("ck_keeper_tasks_kind")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_keeper_tasks")),
    )
    with op.batch_alter_table("keeper_tasks", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_keeper_tasks_kind_done_at"), ["kind", "done_at"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_keeper_tasks_batch"), ["batch"], unique=False)

    op.create_table(
        "lease_transactions",
        sa.Column("tx_hash", sa.Text(), nullable=False),
        sa.Column("lease_id", sa.Text(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=True),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("wanted_at", sa.BigInteger(), nullable=True),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("next_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("kept_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tx_hash", name=op.f("pk_lease_transactions")),
    )
    with op.batch_alter_table("lease_transactions", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_lease_transactions_lease_id"), ["lease_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_lease_transactions_wanted_at"), ["wanted_at"], unique=False
        )

    op.create_table(
        "roles",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("beat_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_roles")),
    )
    with op.batch_alter_table("roles", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_roles_role"), ["role"], unique=False)

    _one_under_way()
    with op.batch_alter_table("commands", schema=None) as batch_op:
        batch_op.add_column(sa.Column("published_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("outcome", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("outcome_at", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("retry_of", sa.Text(), nullable=True))
        batch_op.drop_constraint(batch_op.f("uq_commands_lease_id_cycle_action"), type_="unique")
        batch_op.create_index(
            batch_op.f("ix_commands_lease_id_cycle_action"),
            ["lease_id", "cycle", "action"],
            unique=False,
        )
        batch_op.create_index(
            "uq_commands_not_over",
            ["lease_id", "cycle", "action"],
            unique=True,
            sqlite_where=sa.text("state NOT IN ('done', 'expired', 'cancelled', 'dead')"),
            postgresql_where=sa.text("state NOT IN ('done', 'expired', 'cancelled', 'dead')"),
        )
        batch_op.create_index(
            "uq_commands_under_way",
            ["lock_id"],
            unique=True,
            sqlite_where=sa.text("state IN ('claimed', 'published', 'acknowledged')"),
            postgresql_where=sa.text("state IN ('claimed', 'published', 'acknowledged')"),
        )

    # the same moment in the lives of those that had left already
    op.execute(
        "UPDATE commands SET published_at = updated_at"
        " WHERE attempts > 0 OR state IN ('published', 'acknowledged', 'done')"
    )

    with op.batch_alter_table("evidence", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False)
        )
        batch_op.add_column(sa.Column("claimed_by", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("claimed_until", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("term", sa.BigInteger(), server_default="0", nullable=False))

    with op.batch_alter_table("grants", schema=None) as batch_op:
        batch_op.add_column(sa.Column("claimed_by", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("claimed_until", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("term", sa.BigInteger(), server_default="0", nullable=False))

    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.add_column(sa.Column("reason", sa.Text(), nullable=True))

    _hold_transactions_to(_STATES_NOW)
    with op.batch_alter_table("sent_transactions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("reserved", sa.Text(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("cost", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("bumped_at", sa.BigInteger(), nullable=True))
        batch_op.create_index(
            batch_op.f("ix_sent_transactions_account_submitted_at"),
            ["account", "submitted_at"],
            unique=False,
        )

    op.create_index(op.f("ix_events_topic_seq"), "events", ["topic", "seq"])
    into("derived")


def downgrade() -> None:
    into("kept")
    op.drop_index(op.f("ix_events_topic_seq"), "events")
    op.execute("UPDATE sent_transactions SET state = 'dropped' WHERE state = 'replaced'")
    _hold_transactions_to(_STATES_BEFORE)
    with op.batch_alter_table("sent_transactions", table_kwargs=_COUNTED) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sent_transactions_account_submitted_at"))
        batch_op.drop_column("bumped_at")
        batch_op.drop_column("cost")
        batch_op.drop_column("reserved")

    with op.batch_alter_table("outbox", table_kwargs=_COUNTED) as batch_op:
        batch_op.drop_column("reason")

    with op.batch_alter_table("grants", schema=None) as batch_op:
        batch_op.drop_column("term")
        batch_op.drop_column("claimed_until")
        batch_op.drop_column("claimed_by")

    with op.batch_alter_table("evidence", table_kwargs=_COUNTED) as batch_op:
        batch_op.drop_column("term")
        batch_op.drop_column("claimed_until")
        batch_op.drop_column("claimed_by")
        batch_op.drop_column("attempts")

    _newest_commands_only()
    with op.batch_alter_table("commands", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_commands_under_way",
            sqlite_where=sa.text("state IN ('claimed', 'published', 'acknowledged')"),
            postgresql_where=sa.text("state IN ('claimed', 'published', 'acknowledged')"),
        )
        batch_op.drop_index(
            "uq_commands_not_over",
            sqlite_where=sa.text("state NOT IN ('done', 'expired', 'cancelled', 'dead')"),
            postgresql_where=sa.text("state NOT IN ('done', 'expired', 'cancelled', 'dead')"),
        )
        batch_op.drop_index(batch_op.f("ix_commands_lease_id_cycle_action"))
        batch_op.create_unique_constraint(
            batch_op.f("uq_commands_lease_id_cycle_action"), ["lease_id", "cycle", "action"]
        )
        batch_op.drop_column("retry_of")
        batch_op.drop_column("outcome_at")
        batch_op.drop_column("outcome")
        batch_op.drop_column("published_at")

    with op.batch_alter_table("roles", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_roles_role"))

    op.drop_table("roles")
    with op.batch_alter_table("lease_transactions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_lease_transactions_wanted_at"))
        batch_op.drop_index(batch_op.f("ix_lease_transactions_lease_id"))

    op.drop_table("lease_transactions")
    with op.batch_alter_table("keeper_tasks", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_keeper_tasks_batch"))
        batch_op.drop_index(batch_op.f("ix_keeper_tasks_kind_done_at"))

    op.drop_table("keeper_tasks")
    with op.batch_alter_table("incidents", schema=None) as batch_op:
        batch_op.drop_index("uq_incidents_open")
        batch_op.drop_index(batch_op.f("ix_incidents_resolved_at_id"))
        batch_op.drop_index(batch_op.f("ix_incidents_lease_id"))

    op.drop_table("incidents")

    into("derived")


def _hold_transactions_to(states: str) -> None:
    """Another set of states for `sent_transactions`."""
    name = op.f("ck_sent_transactions_state")
    with op.batch_alter_table("sent_transactions", table_kwargs=_COUNTED) as batch_op:
        batch_op.drop_constraint(name, type_="check")
        batch_op.create_check_constraint(name, states)


def _one_under_way() -> None:
    """Of several commands of one lock that are under way the newest stays so; the others wait, and
    keep their ids, which the lock obeys once."""
    op.execute(
        "UPDATE commands SET state = 'eligible', claimed_until = NULL"
        " WHERE state IN ('claimed', 'published', 'acknowledged') AND EXISTS ("
        "SELECT 1 FROM commands newer WHERE newer.lock_id = commands.lock_id"
        " AND newer.state IN ('claimed', 'published', 'acknowledged')"
        " AND (newer.updated_at > commands.updated_at"
        " OR (newer.updated_at = commands.updated_at AND newer.id > commands.id)))"
    )


def _newest_commands_only() -> None:
    """There used to be one row for a lease, cycle and action: the one that is not over, else the
    newest."""
    op.execute(
        "DELETE FROM commands WHERE id IN (SELECT id FROM ("
        "SELECT id, ROW_NUMBER() OVER (PARTITION BY lease_id, cycle, action"
        " ORDER BY CASE WHEN state IN ('done', 'expired', 'cancelled', 'dead') THEN 1 ELSE 0 END,"
        " created_at DESC, updated_at DESC, id DESC)"
        " AS place FROM commands) AS ranked WHERE place > 1)"
    )
