"""Tables that no chain can give back: private, operational, backed up, never touched by a rebuild.

Units: see `berth.store.columns`. Fields named `sealed` hold ciphertext of the data folder's key.

Whoever changes a table writes its migration: scripts/new_migration.py (with --first until the
first release is out).
"""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    Float,
    ForeignKeyConstraint,
    Index,
    Table,
    UniqueConstraint,
)

from berth.store.columns import new_metadata, number, serial, text

metadata = new_metadata("kept")


def _real(name: str, *, null: bool = False) -> Column[float]:
    return Column(name, Float, nullable=null)


#: The one deployment this database belongs to.
deployment = Table(
    "deployment",
    metadata,
    number("id", key=True),  # always 1
    number("chain_id"),
    text("genesis_hash"),
    text("market"),
    text("titles"),
    number("block"),
    number("bound_at"),
    CheckConstraint("id = 1", name="one"),
)

# ---- titles

title_editions = Table(
    "title_editions",
    metadata,
    number("city", key=True),
    number("edition", key=True),
    text("city_code"),
    text("name"),
    text("root"),
    text("content_hash"),
    number("count"),
    number("index_bound"),  # one more than the highest index ever given in the city
    text("source_sha256"),
    text("format"),
    text("attribution"),
    number("imported_at"),
    text("published_tx", null=True),
)

titles = Table(
    "titles",
    metadata,
    number("city", key=True),
    number("edition", key=True),
    number("index", key=True),
    text("holder"),
    number("holder_generated"),
    text("address"),
    _real("lat"),
    _real("lon"),
    number("kind"),
    number("height"),
    number("width"),
    number("length"),
    number("sharing"),
    number("valid_day"),
    text("reference"),
    text("hints_json", null=True),
    ForeignKeyConstraint(
        ["city", "edition"],
        ["title_editions.city", "title_editions.edition"],
        ondelete="CASCADE",
    ),
    Index(None, "city", "edition", "reference"),
    Index(None, "city", "edition", "holder"),
    Index(None, "city", "edition", "lat"),
)

#: Titles that the registry revoked one by one, and why; the chain has the bits only.
title_revocations = Table(
    "title_revocations",
    metadata,
    serial("id"),
    number("city"),
    number("index"),
    text("reason"),
    text("tx_hash"),
    number("revoked_at"),
    Index(None, "city", "index"),
    sqlite_autoincrement=True,
)

#: Generated holders whom a person stands for on a local chain: one wallet a holder.
title_takings = Table(
    "title_takings",
    metadata,
    number("city", key=True),
    text("holder", key=True),
    text("wallet"),
    number("taken_at"),
    Index(None, "wallet"),
)

# ---- private facts of spaces and vehicles

space_private = Table(
    "space_private",
    metadata,
    text("space_id", key=True),
    _real("public_lat"),
    _real("public_lon"),
    text("public_area", null=True),  # for everybody to search by: "Carlton, Melbourne"
    text("public_words", null=True),  # the same, folded for comparison
    text("access_json", null=True),  # kinds of access points in order, ["gate", "lock"]
    text("sealed", null=True),
    number("updated_at"),
    text("by_owner"),
    Index(None, "public_lat", "public_lon"),
)

vehicles_private = Table(
    "vehicles_private",
    metadata,
    text("plate_commitment", key=True),
    text("driver"),
    text("sealed"),
    number("created_at"),
    Index(None, "driver"),
)

# ---- locks: grants, commands, what locks said

grants = Table(
    "grants",
    metadata,
    text("lease_id", key=True),
    text("lock_id", key=True),
    number("cycle"),
    number("window_start"),
    number("window_end"),
    text("plate_commitment"),
    number("plate_since", default=0, server_default="0"),  # readings before are of another vehicle
    text("state"),
    number("version", default=1, server_default="1"),  # grows with every change for the lock
    number("acked_version", default=0, server_default="0"),
    number("next_at", default=0, server_default="0"),
    text("reason", null=True),
    number("created_at"),
    number("updated_at"),
    CheckConstraint("state IN ('pending', 'published', 'acknowledged', 'revoked')", name="state"),
    Index(None, "lock_id", "state"),
    Index(None, "next_at"),
)

commands = Table(
    "commands",
    metadata,
    text("id", key=True),
    text("lock_id"),
    text("lease_id"),
    number("epoch"),
    number("cycle"),
    text("action"),
    text("state"),
    text("reason", null=True),
    text("facts_json", null=True),
    text("claimed_by", null=True),
    number("claimed_until", null=True),
    number("term", default=0, server_default="0"),
    number("attempts", default=0, server_default="0"),
    number("next_at", default=0, server_default="0"),
    number("created_at"),
    number("expires_at"),
    number("updated_at"),
    UniqueConstraint("lease_id", "cycle", "action"),
    CheckConstraint("action IN ('camera_on', 'lower', 'raise', 'camera_off')", name="action"),
    CheckConstraint(
        "state IN ('observed', 'confirmed', 'eligible', 'claimed', 'published', 'acknowledged',"
        " 'done', 'expired', 'cancelled', 'dead')",
        name="state",
    ),
    Index(None, "state", "expires_at"),
    Index(None, "lock_id", "state"),
)

#: Written by the indexer in the cursor's transaction, consumed by the relay. `key` holds the
#: block's hash, so that a transaction mined again after a reorg is a new row.
outbox = Table(
    "outbox",
    metadata,
    serial("id"),
    text("kind"),
    text("key", unique=True),
    text("lease_id", null=True),
    text("payload_json"),
    number("created_block"),
    text("block_hash"),
    number("block_timestamp"),
    number("created_at"),
    text("state", default="new", server_default="new"),
    number("attempts", default=0, server_default="0"),
    number("next_at", default=0, server_default="0"),
    text("claimed_by", null=True),
    number("term", default=0, server_default="0"),
    number("claimed_until", null=True),
    CheckConstraint("state IN ('new', 'claimed', 'done', 'cancelled', 'dead')", name="state"),
    Index(None, "state", "next_at"),
    Index(None, "lease_id"),
    Index(None, "created_block"),
    sqlite_autoincrement=True,
)

lock_states = Table(
    "lock_states",
    metadata,
    text("lock_id", key=True),
    text("space_id", null=True),
    text("boot_id", null=True),
    number("seq", default=0, server_default="0"),  # of the newest message of this boot
    number("connection", default=0, server_default="0"),
    text("nonce", null=True),  # NULL once a ticket was made with it
    number("nonce_at", null=True),
    number("cycle", default=0, server_default="0"),
    number("cycle_at", default=0, server_default="0"),
    text("lowered_for", null=True),
    text("interrupted", null=True),
    text("position", null=True),
    number("online", default=0, server_default="0"),
    number("occupied", null=True),
    text("fault", null=True),
    number("camera", default=0, server_default="0"),
    number("seen_at"),
    CheckConstraint(
        "position IN ('LOCKED', 'UNLOCKED', 'LOCKING', 'UNLOCKING', 'JAMMED')", name="position"
    ),
    Index(None, "position"),
)

plate_readings = Table(
    "plate_readings",
    metadata,
    serial("id"),
    text("lock_id"),
    text("lease_id", null=True),
    number("match"),
    _real("confidence"),
    text("evidence_hash", null=True),
    text("reason", null=True),
    number("at"),
    number("received_at"),
    Index(None, "lease_id", "at"),
    sqlite_autoincrement=True,
)

evidence = Table(
    "evidence",
    metadata,
    serial("id"),
    text("lease_id"),
    number("kind"),  # 1 ARRIVED, 2 LEFT, 3 BLOCKED, 4 NOSHOW
    number("from_"),
    number("until"),
    number("energy_wh"),
    text("signature"),
    text("lock_id"),
    text("state"),
    text("tx_hash", null=True),
    text("reason", null=True),
    number("next_at", default=0, server_default="0"),
    number("received_at"),
    UniqueConstraint("lease_id", "kind"),
    CheckConstraint("state IN ('received', 'submitted', 'mined', 'refused')", name="state"),
    Index(None, "state"),
    sqlite_autoincrement=True,
)

presence = Table(
    "presence",
    metadata,
    serial("id"),
    text("lease_id"),
    text("party"),
    text("event"),
    number("at"),
    Index(None, "lease_id", "at"),
    Index(None, "at"),
    sqlite_autoincrement=True,
)

confirmations = Table(
    "confirmations",
    metadata,
    text("lease_id", key=True),
    number("cycle", key=True),
    number("at"),
    text("signature", null=True),
    Index(None, "at"),
)

# ---- people and streams

sessions = Table(
    "sessions",
    metadata,
    text("id", key=True),  # hash of the cookie
    text("address"),
    number("created_at"),
    number("expires_at"),
    Index(None, "address"),
)

nonces = Table(
    "nonces",
    metadata,
    text("nonce", key=True),
    number("created_at"),
    number("used_at", null=True),
)

#: One row a listener; `audience` NULL = everybody. `seq` is the stream's event id.
events = Table(
    "events",
    metadata,
    serial("seq"),
    number("at"),
    text("topic"),
    text("audience", null=True),
    text("lease_id", null=True),
    text("space_id", null=True),
    text("payload_json"),
    Index(None, "audience", "seq"),
    sqlite_autoincrement=True,
)

# ---- transactions of our own keys

sent_transactions = Table(
    "sent_transactions",
    metadata,
    serial("id"),
    text("account"),
    number("nonce"),
    text("tx_hash"),
    text("former_hashes", default="", server_default=""),  # of cheaper copies, space-separated
    text("purpose", unique=True),
    text("raw"),
    text("state"),
    number("block_number", null=True),
    number("gas_used", null=True),
    text("reason", null=True),
    number("submitted_at"),
    number("updated_at"),
    CheckConstraint("state IN ('signed', 'sent', 'mined', 'reverted', 'dropped')", name="state"),
    Index(None, "account", "nonce"),
    Index(None, "state"),
    sqlite_autoincrement=True,
)
