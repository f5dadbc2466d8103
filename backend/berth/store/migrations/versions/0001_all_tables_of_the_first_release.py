"""All tables of the first release."""

# ruff: noqa: E501

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from berth.store.migrations import into

revision = "0001"
down_revision = None


def upgrade() -> None:
    into("derived")
    op.create_table(
        "accounts",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("credit", sa.Text(), nullable=False),
        sa.Column("auto_payout", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_accounts")),
    )
    op.create_table(
        "attestation_revocations",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", "nonce", name=op.f("pk_attestation_revocations")),
    )
    op.create_table(
        "attesters",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("roles", sa.BigInteger(), nullable=False),
        sa.Column("revoked", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attesters")),
    )
    op.create_table(
        "authorities",
        sa.Column("city", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("authority", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("city", name=op.f("pk_authorities")),
    )
    op.create_table(
        "blockings",
        sa.Column("lease_id", sa.Text(), nullable=False),
        sa.Column("space_id", sa.Text(), nullable=False),
        sa.Column("start_slot", sa.BigInteger(), nullable=False),
        sa.Column("slots", sa.BigInteger(), nullable=False),
        sa.Column("end_slot", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("blocked_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("lease_id", name=op.f("pk_blockings")),
    )
    with op.batch_alter_table("blockings", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_blockings_space_id_start_slot_end_slot"),
            ["space_id", "start_slot", "end_slot"],
            unique=False,
        )

    op.create_table(
        "blocks",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("parent_hash", sa.Text(), nullable=False),
        sa.Column("timestamp", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_blocks")),
    )
    op.create_table(
        "cursor",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("block_hash", sa.Text(), nullable=False),
        sa.Column("block_timestamp", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("head_number", sa.BigInteger(), nullable=False),
        sa.Column("final_number", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_cursor")),
    )
    op.create_table(
        "editions",
        sa.Column("city", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("edition", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("city", "edition", name=op.f("pk_editions")),
    )
    op.create_table(
        "leases",
        sa.Column("lease_id", sa.Text(), nullable=False),
        sa.Column("space_id", sa.Text(), nullable=False),
        sa.Column("start_slot", sa.BigInteger(), nullable=False),
        sa.Column("slots", sa.BigInteger(), nullable=False),
        sa.Column("end_slot", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("driver", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("cell", sa.BigInteger(), nullable=False),
        sa.Column("offer", sa.BigInteger(), nullable=False),
        sa.Column("kwh_cap", sa.BigInteger(), nullable=False),
        sa.Column("deposit", sa.Text(), nullable=False),
        sa.Column("pulled", sa.Text(), nullable=False),
        sa.Column("plate_commitment", sa.Text(), nullable=False),
        sa.Column("plate_block", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.BigInteger(), nullable=False),
        sa.Column("disputed", sa.BigInteger(), nullable=False),
        sa.Column("disputed_by", sa.Text(), nullable=True),
        sa.Column("disputed_at", sa.BigInteger(), nullable=True),
        sa.Column("no_show", sa.BigInteger(), nullable=False),
        sa.Column("compensation", sa.Text(), nullable=True),
        sa.Column("arrived", sa.BigInteger(), nullable=False),
        sa.Column("arrived_at", sa.BigInteger(), nullable=True),
        sa.Column("until_minute", sa.BigInteger(), nullable=False),
        sa.Column("energy_used", sa.BigInteger(), nullable=False),
        sa.Column("overstay", sa.Text(), nullable=True),
        sa.Column("booked_block", sa.BigInteger(), nullable=False),
        sa.Column("booked_tx", sa.Text(), nullable=False),
        sa.Column("booked_at", sa.BigInteger(), nullable=False),
        sa.Column("arrived_tx", sa.Text(), nullable=True),
        sa.Column("claimed_tx", sa.Text(), nullable=True),
        sa.Column("closed_tx", sa.Text(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("changed_block", sa.BigInteger(), nullable=False),
        sa.Column("updated_block", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("lease_id", name=op.f("pk_leases")),
    )
    with op.batch_alter_table("leases", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_leases_driver_start_slot"), ["driver", "start_slot"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_leases_owner_start_slot"), ["owner", "start_slot"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_leases_space_id_start_slot_end_slot"),
            ["space_id", "start_slot", "end_slot"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_leases_state_end_slot"), ["state", "end_slot"], unique=False
        )

    op.create_table(
        "market_state",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("fees", sa.Text(), nullable=False),
        sa.Column("ledger_count", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.Text(), nullable=False),
        sa.Column("fee_bps", sa.BigInteger(), nullable=False),
        sa.Column("paused_until", sa.BigInteger(), nullable=False),
        sa.Column("deposited", sa.Text(), nullable=False),
        sa.Column("withdrawn", sa.Text(), nullable=False),
        sa.Column("fees_withdrawn", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_market_state")),
    )
    op.create_table(
        "offers",
        sa.Column("space_id", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("cell", sa.BigInteger(), nullable=False),
        sa.Column("word_a", sa.Text(), nullable=False),
        sa.Column("word_b", sa.Text(), nullable=False),
        sa.Column("price_per_slot", sa.Text(), nullable=False),
        sa.Column("price_per_kwh", sa.Text(), nullable=False),
        sa.Column("fee_bps", sa.BigInteger(), nullable=False),
        sa.Column("overstay_pct", sa.BigInteger(), nullable=False),
        sa.Column("reserve_minutes", sa.BigInteger(), nullable=False),
        sa.Column("minimum_pct", sa.BigInteger(), nullable=False),
        sa.Column("free_cancel_hours", sa.BigInteger(), nullable=False),
        sa.Column("no_show_pct", sa.BigInteger(), nullable=False),
        sa.Column("cancel_pct", sa.BigInteger(), nullable=False),
        sa.Column("hours_of_week", sa.Text(), nullable=False),
        sa.Column("utc_offset", sa.BigInteger(), nullable=False),
        sa.Column("first_day", sa.BigInteger(), nullable=False),
        sa.Column("last_day", sa.BigInteger(), nullable=False),
        sa.Column("min_slots", sa.BigInteger(), nullable=False),
        sa.Column("max_slots", sa.BigInteger(), nullable=False),
        sa.Column("flags", sa.BigInteger(), nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("space_id", "number", name=op.f("pk_offers")),
    )
    with op.batch_alter_table("offers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_offers_owner"), ["owner"], unique=False)

    op.create_table(
        "raw_logs",
        sa.Column("block_number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("log_index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("block_hash", sa.Text(), nullable=False),
        sa.Column("tx_hash", sa.Text(), nullable=False),
        sa.Column("tx_index", sa.BigInteger(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("topic0", sa.Text(), nullable=True),
        sa.Column("topic1", sa.Text(), nullable=True),
        sa.Column("topic2", sa.Text(), nullable=True),
        sa.Column("topic3", sa.Text(), nullable=True),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("block_number", "log_index", name=op.f("pk_raw_logs")),
    )
    op.create_table(
        "revocations",
        sa.Column("city", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("word", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("bits", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("city", "word", name=op.f("pk_revocations")),
    )
    op.create_table(
        "settlements",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("lease_id", sa.Text(), nullable=False),
        sa.Column("outcome", sa.BigInteger(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("driver", sa.Text(), nullable=False),
        sa.Column("offer", sa.BigInteger(), nullable=False),
        sa.Column("rent", sa.Text(), nullable=False),
        sa.Column("overstay", sa.Text(), nullable=False),
        sa.Column("energy", sa.Text(), nullable=False),
        sa.Column("fee", sa.Text(), nullable=False),
        sa.Column("refund", sa.Text(), nullable=False),
        sa.Column("arrived", sa.BigInteger(), nullable=False),
        sa.Column("until_minute", sa.BigInteger(), nullable=False),
        sa.Column("energy_wh", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=False),
        sa.Column("record_hash", sa.Text(), nullable=False),
        sa.Column("head", sa.Text(), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_settlements")),
    )
    with op.batch_alter_table("settlements", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_settlements_driver"), ["driver"], unique=False)
        batch_op.create_index(batch_op.f("ix_settlements_lease_id"), ["lease_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_settlements_owner"), ["owner"], unique=False)

    op.create_table(
        "spaces",
        sa.Column("space_id", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("lock_key", sa.Text(), nullable=False),
        sa.Column("cell", sa.BigInteger(), nullable=False),
        sa.Column("address_hash", sa.Text(), nullable=False),
        sa.Column("attributes", sa.Text(), nullable=False),
        sa.Column("kind", sa.BigInteger(), nullable=False),
        sa.Column("sharing", sa.BigInteger(), nullable=False),
        sa.Column("height_cm", sa.BigInteger(), nullable=False),
        sa.Column("width_cm", sa.BigInteger(), nullable=False),
        sa.Column("length_cm", sa.BigInteger(), nullable=False),
        sa.Column("connectors", sa.BigInteger(), nullable=False),
        sa.Column("power", sa.BigInteger(), nullable=False),
        sa.Column("maker", sa.BigInteger(), nullable=False),
        sa.Column("valid_day", sa.BigInteger(), nullable=False),
        sa.Column("first_live", sa.BigInteger(), nullable=False),
        sa.Column("last_offer", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("manager", sa.Text(), nullable=True),
        sa.Column("previous_key", sa.Text(), nullable=True),
        sa.Column("rotated_at", sa.BigInteger(), nullable=True),
        sa.Column("delisted_day", sa.BigInteger(), nullable=False),
        sa.Column("released", sa.BigInteger(), nullable=False),
        sa.Column("registered_at", sa.BigInteger(), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("space_id", name=op.f("pk_spaces")),
    )
    with op.batch_alter_table("spaces", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_spaces_cell"), ["cell"], unique=False)
        batch_op.create_index(batch_op.f("ix_spaces_lock_key"), ["lock_key"], unique=False)
        batch_op.create_index(batch_op.f("ix_spaces_manager"), ["manager"], unique=False)
        batch_op.create_index(batch_op.f("ix_spaces_owner"), ["owner"], unique=False)

    op.create_table(
        "undo",
        sa.Column("block_number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("row_key", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("block_number", "seq", name=op.f("pk_undo")),
    )
    op.create_table(
        "vehicles",
        sa.Column("plate_commitment", sa.Text(), nullable=False),
        sa.Column("driver", sa.Text(), nullable=False),
        sa.Column("until_slot", sa.BigInteger(), nullable=False),
        sa.Column("verifier", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("plate_commitment", name=op.f("pk_vehicles")),
    )
    with op.batch_alter_table("vehicles", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_vehicles_driver"), ["driver"], unique=False)

    into("kept")
    op.create_table(
        "commands",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("lock_id", sa.Text(), nullable=False),
        sa.Column("lease_id", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("cycle", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("facts_json", sa.Text(), nullable=True),
        sa.Column("claimed_by", sa.Text(), nullable=True),
        sa.Column("claimed_until", sa.BigInteger(), nullable=True),
        sa.Column("term", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("next_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "action IN ('camera_on', 'lower', 'raise', 'camera_off')",
            name=op.f("ck_commands_action"),
        ),
        sa.CheckConstraint(
            "state IN ('observed', 'confirmed', 'eligible', 'claimed', 'published', 'acknowledged', 'done', 'expired', 'cancelled', 'dead')",
            name=op.f("ck_commands_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commands")),
        sa.UniqueConstraint(
            "lease_id", "cycle", "action", name=op.f("uq_commands_lease_id_cycle_action")
        ),
    )
    with op.batch_alter_table("commands", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_commands_lock_id_state"), ["lock_id", "state"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_commands_state_expires_at"), ["state", "expires_at"], unique=False
        )

    op.create_table(
        "confirmations",
        sa.Column("lease_id", sa.Text(), nullable=False),
        sa.Column("cycle", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("lease_id", "cycle", name=op.f("pk_confirmations")),
    )
    with op.batch_alter_table("confirmations", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_confirmations_at"), ["at"], unique=False)

    op.create_table(
        "deployment",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("chain_id", sa.BigInteger(), nullable=False),
        sa.Column("genesis_hash", sa.Text(), nullable=False),
        sa.Column("market", sa.Text(), nullable=False),
        sa.Column("titles", sa.Text(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("bound_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_deployment_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deployment")),
    )
    op.create_table(
        "events",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=True),
        sa.Column("lease_id", sa.Text(), nullable=True),
        sa.Column("space_id", sa.Text(), nullable=True),
        sa.Column("payload_json", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_events")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_events_audience_seq"), ["audience", "seq"], unique=False
        )

    op.create_table(
        "evidence",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("lease_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.BigInteger(), nullable=False),
        sa.Column("from_", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("energy_wh", sa.BigInteger(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("lock_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("tx_hash", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("next_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('received', 'submitted', 'mined', 'refused')", name=op.f("ck_evidence_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence")),
        sa.UniqueConstraint("lease_id", "kind", name=op.f("uq_evidence_lease_id_kind")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("evidence", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_evidence_state"), ["state"], unique=False)

    op.create_table(
        "grants",
        sa.Column("lease_id", sa.Text(), nullable=False),
        sa.Column("lock_id", sa.Text(), nullable=False),
        sa.Column("cycle", sa.BigInteger(), nullable=False),
        sa.Column("window_start", sa.BigInteger(), nullable=False),
        sa.Column("window_end", sa.BigInteger(), nullable=False),
        sa.Column("plate_commitment", sa.Text(), nullable=False),
        sa.Column("plate_since", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("acked_version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("next_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('pending', 'published', 'acknowledged', 'revoked')",
            name=op.f("ck_grants_state"),
        ),
        sa.PrimaryKeyConstraint("lease_id", "lock_id", name=op.f("pk_grants")),
    )
    with op.batch_alter_table("grants", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_grants_lock_id_state"), ["lock_id", "state"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_grants_next_at"), ["next_at"], unique=False)

    op.create_table(
        "lock_states",
        sa.Column("lock_id", sa.Text(), nullable=False),
        sa.Column("space_id", sa.Text(), nullable=True),
        sa.Column("boot_id", sa.Text(), nullable=True),
        sa.Column("seq", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("connection", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("nonce", sa.Text(), nullable=True),
        sa.Column("nonce_at", sa.BigInteger(), nullable=True),
        sa.Column("cycle", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("cycle_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lowered_for", sa.Text(), nullable=True),
        sa.Column("interrupted", sa.Text(), nullable=True),
        sa.Column("position", sa.Text(), nullable=True),
        sa.Column("online", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("occupied", sa.BigInteger(), nullable=True),
        sa.Column("fault", sa.Text(), nullable=True),
        sa.Column("camera", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "position IN ('LOCKED', 'UNLOCKED', 'LOCKING', 'UNLOCKING', 'JAMMED')",
            name=op.f("ck_lock_states_position"),
        ),
        sa.PrimaryKeyConstraint("lock_id", name=op.f("pk_lock_states")),
    )
    with op.batch_alter_table("lock_states", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_lock_states_position"), ["position"], unique=False)

    op.create_table(
        "nonces",
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("nonce", name=op.f("pk_nonces")),
    )
    op.create_table(
        "outbox",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("lease_id", sa.Text(), nullable=True),
        sa.Column("payload_json", sa.Text(), nullable=False),
        sa.Column("created_block", sa.BigInteger(), nullable=False),
        sa.Column("block_hash", sa.Text(), nullable=False),
        sa.Column("block_timestamp", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default="new", nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("next_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("claimed_by", sa.Text(), nullable=True),
        sa.Column("term", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("claimed_until", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "state IN ('new', 'claimed', 'done', 'cancelled', 'dead')", name=op.f("ck_outbox_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("key", name=op.f("uq_outbox_key")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_outbox_created_block"), ["created_block"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_outbox_lease_id"), ["lease_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_outbox_state_next_at"), ["state", "next_at"], unique=False
        )

    op.create_table(
        "plate_readings",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("lock_id", sa.Text(), nullable=False),
        sa.Column("lease_id", sa.Text(), nullable=True),
        sa.Column("match", sa.BigInteger(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("evidence_hash", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plate_readings")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("plate_readings", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_plate_readings_lease_id_at"), ["lease_id", "at"], unique=False
        )

    op.create_table(
        "presence",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("lease_id", sa.Text(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_presence")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("presence", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_presence_at"), ["at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_presence_lease_id_at"), ["lease_id", "at"], unique=False
        )

    op.create_table(
        "sent_transactions",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("nonce", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.Text(), nullable=False),
        sa.Column("former_hashes", sa.Text(), server_default="", nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=True),
        sa.Column("gas_used", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("submitted_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('signed', 'sent', 'mined', 'reverted', 'dropped')",
            name=op.f("ck_sent_transactions_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sent_transactions")),
        sa.UniqueConstraint("purpose", name=op.f("uq_sent_transactions_purpose")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("sent_transactions", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_sent_transactions_account_nonce"), ["account", "nonce"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_sent_transactions_state"), ["state"], unique=False)

    op.create_table(
        "sessions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
    )
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sessions_address"), ["address"], unique=False)

    op.create_table(
        "space_private",
        sa.Column("space_id", sa.Text(), nullable=False),
        sa.Column("public_lat", sa.Float(), nullable=False),
        sa.Column("public_lon", sa.Float(), nullable=False),
        sa.Column("public_area", sa.Text(), nullable=True),
        sa.Column("public_words", sa.Text(), nullable=True),
        sa.Column("access_json", sa.Text(), nullable=True),
        sa.Column("sealed", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("by_owner", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("space_id", name=op.f("pk_space_private")),
    )
    with op.batch_alter_table("space_private", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_space_private_public_lat_public_lon"),
            ["public_lat", "public_lon"],
            unique=False,
        )

    op.create_table(
        "title_editions",
        sa.Column("city", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("edition", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("city_code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("root", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("index_bound", sa.BigInteger(), nullable=False),
        sa.Column("source_sha256", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("attribution", sa.Text(), nullable=False),
        sa.Column("imported_at", sa.BigInteger(), nullable=False),
        sa.Column("published_tx", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("city", "edition", name=op.f("pk_title_editions")),
    )
    op.create_table(
        "title_revocations",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("city", sa.BigInteger(), nullable=False),
        sa.Column("index", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("tx_hash", sa.Text(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_title_revocations")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("title_revocations", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_title_revocations_city_index"), ["city", "index"], unique=False
        )

    op.create_table(
        "title_takings",
        sa.Column("city", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("wallet", sa.Text(), nullable=False),
        sa.Column("taken_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("city", "holder", name=op.f("pk_title_takings")),
    )
    with op.batch_alter_table("title_takings", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_title_takings_wallet"), ["wallet"], unique=False)

    op.create_table(
        "vehicles_private",
        sa.Column("plate_commitment", sa.Text(), nullable=False),
        sa.Column("driver", sa.Text(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("plate_commitment", name=op.f("pk_vehicles_private")),
    )
    with op.batch_alter_table("vehicles_private", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_vehicles_private_driver"), ["driver"], unique=False)

    op.create_table(
        "titles",
        sa.Column("city", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("edition", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("holder_generated", sa.BigInteger(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("lat", sa.Float(), nullable=False),
        sa.Column("lon", sa.Float(), nullable=False),
        sa.Column("kind", sa.BigInteger(), nullable=False),
        sa.Column("height", sa.BigInteger(), nullable=False),
        sa.Column("width", sa.BigInteger(), nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("sharing", sa.BigInteger(), nullable=False),
        sa.Column("valid_day", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("hints_json", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["city", "edition"],
            ["title_editions.city", "title_editions.edition"],
            name=op.f("fk_titles_city_edition"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("city", "edition", "index", name=op.f("pk_titles")),
    )
    with op.batch_alter_table("titles", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_titles_city_edition_holder"), ["city", "edition", "holder"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_titles_city_edition_lat"), ["city", "edition", "lat"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_titles_city_edition_reference"),
            ["city", "edition", "reference"],
            unique=False,
        )

    into("derived")


def downgrade() -> None:
    into("kept")
    with op.batch_alter_table("titles", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_titles_city_edition_reference"))
        batch_op.drop_index(batch_op.f("ix_titles_city_edition_lat"))
        batch_op.drop_index(batch_op.f("ix_titles_city_edition_holder"))

    op.drop_table("titles")
    with op.batch_alter_table("vehicles_private", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_vehicles_private_driver"))

    op.drop_table("vehicles_private")
    with op.batch_alter_table("title_takings", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_title_takings_wallet"))

    op.drop_table("title_takings")
    with op.batch_alter_table("title_revocations", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_title_revocations_city_index"))

    op.drop_table("title_revocations")
    op.drop_table("title_editions")
    with op.batch_alter_table("space_private", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_space_private_public_lat_public_lon"))

    op.drop_table("space_private")
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sessions_address"))

    op.drop_table("sessions")
    with op.batch_alter_table("sent_transactions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sent_transactions_state"))
        batch_op.drop_index(batch_op.f("ix_sent_transactions_account_nonce"))

    op.drop_table("sent_transactions")
    with op.batch_alter_table("presence", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_presence_lease_id_at"))
        batch_op.drop_index(batch_op.f("ix_presence_at"))

    op.drop_table("presence")
    with op.batch_alter_table("plate_readings", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_plate_readings_lease_id_at"))

    op.drop_table("plate_readings")
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_outbox_state_next_at"))
        batch_op.drop_index(batch_op.f("ix_outbox_lease_id"))
        batch_op.drop_index(batch_op.f("ix_outbox_created_block"))

    op.drop_table("outbox")
    op.drop_table("nonces")
    with op.batch_alter_table("lock_states", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_lock_states_position"))

    op.drop_table("lock_states")
    with op.batch_alter_table("grants", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_grants_next_at"))
        batch_op.drop_index(batch_op.f("ix_grants_lock_id_state"))

    op.drop_table("grants")
    with op.batch_alter_table("evidence", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_evidence_state"))

    op.drop_table("evidence")
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_events_audience_seq"))

    op.drop_table("events")
    op.drop_table("deployment")
    with op.batch_alter_table("confirmations", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_confirmations_at"))

    op.drop_table("confirmations")
    with op.batch_alter_table("commands", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_commands_state_expires_at"))
        batch_op.drop_index(batch_op.f("ix_commands_lock_id_state"))

    op.drop_table("commands")

    into("derived")
    with op.batch_alter_table("vehicles", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_vehicles_driver"))

    op.drop_table("vehicles")
    op.drop_table("undo")
    with op.batch_alter_table("spaces", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_spaces_owner"))
        batch_op.drop_index(batch_op.f("ix_spaces_manager"))
        batch_op.drop_index(batch_op.f("ix_spaces_lock_key"))
        batch_op.drop_index(batch_op.f("ix_spaces_cell"))

    op.drop_table("spaces")
    with op.batch_alter_table("settlements", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_settlements_owner"))
        batch_op.drop_index(batch_op.f("ix_settlements_lease_id"))
        batch_op.drop_index(batch_op.f("ix_settlements_driver"))

    op.drop_table("settlements")
    op.drop_table("revocations")
    op.drop_table("raw_logs")
    with op.batch_alter_table("offers", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_offers_owner"))

    op.drop_table("offers")
    op.drop_table("market_state")
    with op.batch_alter_table("leases", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_leases_state_end_slot"))
        batch_op.drop_index(batch_op.f("ix_leases_space_id_start_slot_end_slot"))
        batch_op.drop_index(batch_op.f("ix_leases_owner_start_slot"))
        batch_op.drop_index(batch_op.f("ix_leases_driver_start_slot"))

    op.drop_table("leases")
    op.drop_table("editions")
    op.drop_table("cursor")
    op.drop_table("blocks")
    with op.batch_alter_table("blockings", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_blockings_space_id_start_slot_end_slot"))

    op.drop_table("blockings")
    op.drop_table("authorities")
    op.drop_table("attesters")
    op.drop_table("attestation_revocations")
    op.drop_table("accounts")

    into("derived")
