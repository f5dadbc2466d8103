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
from sqlalchemy import text as sql

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


def _claim() -> tuple[Column[str], Column[int], Column[int]]:
    """A row that is somebody's until a moment of the database's clock; see `relay/claims.py`."""
    return (
        text("claimed_by", null=True),
        number("claimed_until", null=True),
        number("term", default=0, server_default="0"),
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
    *_claim(),
    number("created_at"),
    number("updated_at"),
    CheckConstraint("state IN ('pending', 'published', 'acknowledged', 'revoked')", name="state"),
    Index(None, "lock_id", "state"),
    Index(None, "next_at"),
)

#: In the order of their lives. A lock has at most one command under way, a lease and cycle at most
#: one of an action that is not over: the database holds to both, whoever writes.
COMMANDS_OVER = "'done', 'expired', 'cancelled', 'dead'"
COMMANDS_UNDER_WAY = "'claimed', 'published', 'acknowledged'"
_NOT_OVER = sql(f"state NOT IN ({COMMANDS_OVER})")
_UNRESOLVED = sql("resolved_at IS NULL")
_UNDER_WAY = sql(f"state IN ({COMMANDS_UNDER_WAY})")

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
    number("published_at", null=True),  # when a ticket first left, by the database's clock
    text("outcome", null=True),  # the lock's last word, also one that came too late
    number("outcome_at", null=True),
    text("retry_of", null=True),  # the command that is tried again by this one
    number("created_at"),
    number("expires_at"),
    number("updated_at"),
    CheckConstraint("action IN ('camera_on', 'lower', 'raise', 'camera_off')", name="action"),
    CheckConstraint(
        "state IN ('observed', 'confirmed', 'eligible', 'claimed', 'published', 'acknowledged',"
        " 'done', 'expired', 'cancelled', 'dead')",
        name="state",
    ),
    Index(None, "state", "expires_at"),
    Index(None, "lock_id", "state"),
    Index(None, "lease_id", "cycle", "action"),
    Index(
        "uq_commands_not_over",
        "lease_id",
        "cycle",
        "action",
        unique=True,
        sqlite_where=_NOT_OVER,
        postgresql_where=_NOT_OVER,
    ),
    Index(
        "uq_commands_under_way",
        "lock_id",
        unique=True,
        sqlite_where=_UNDER_WAY,
        postgresql_where=_UNDER_WAY,
    ),
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
    text("reason", null=True),  # why it failed last
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
    number("attempts", default=0, server_default="0"),
    number("next_at", default=0, server_default="0"),
    *_claim(),
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
    Index(None, "topic", "seq"),
    sqlite_autoincrement=True,
)

# ---- operations

#: What went wrong for somebody who had a right to have it go well. Every lease that was paid for
#: and not served has one. `key` names the cause: while it is open it opens no second one.
incidents = Table(
    "incidents",
    metadata,
    serial("id"),
    text("key"),
    text("kind"),
    text("lease_id", null=True),
    text("space_id", null=True),
    text("lock_id", null=True),
    text("command_id", null=True),
    text("reason"),
    text("facts_json", null=True),
    number("opened_at"),
    number("resolved_at", null=True),
    text("resolution", null=True),
    text("by", null=True),
    Index(None, "resolved_at", "id"),
    Index(None, "lease_id"),
    Index(
        "uq_incidents_open",
        "key",
        unique=True,
        sqlite_where=_UNRESOLVED,
        postgresql_where=_UNRESOLVED,
    ),
    sqlite_autoincrement=True,
)

#: The processes of this installation, each with its last sign of life (database's clock).
roles = Table(
    "roles",
    metadata,
    text("name", key=True),
    text("role"),
    text("host"),
    number("pid"),
    number("started_at"),
    number("beat_at"),
    text("state"),
    text("detail", null=True),
    Index(None, "role"),
)

#: What keepers do besides evidence: one row a deed, claimed, so that two keepers pay for it once.
keeper_tasks = Table(
    "keeper_tasks",
    metadata,
    text("key", key=True),  # kind:subject:occasion
    text("kind"),
    text("subject"),
    text("batch", null=True),  # purpose of the transaction that carries it
    text("reason", null=True),
    text("tx_hash", null=True),
    number("attempts", default=0, server_default="0"),
    number("next_at", default=0, server_default="0"),
    *_claim(),
    number("done_at", null=True),
    number("created_at"),
    number("updated_at"),
    CheckConstraint("kind IN ('close', 'delist', 'payout')", name="kind"),
    Index(None, "kind", "done_at"),
    Index(None, "batch"),
)

# ---- transactions

#: The signed transaction of each booking that a reorg may still take out: to be sent again then.
lease_transactions = Table(
    "lease_transactions",
    metadata,
    text("tx_hash", key=True),
    text("lease_id"),
    text("raw", null=True),  # NULL: no node gave it
    number("block_number"),
    number("wanted_at", null=True),  # since when it is to be sent again
    number("sent_at", null=True),
    number("attempts", default=0, server_default="0"),
    number("next_at", default=0, server_default="0"),
    text("reason", null=True),
    number("kept_at"),
    Index(None, "lease_id"),
    Index(None, "wanted_at"),
)

#: Of our own keys.
sent_transactions = Table(
    "sent_transactions",
    metadata,
    serial("id"),
    text("account"),
    number("nonce"),
    text("tx_hash"),
    text("former_hashes", default="", server_default=""),  # of earlier copies, space-separated
    text("purpose", unique=True),
    text("raw"),
    text("state"),
    number("block_number", null=True),
    number("gas_used", null=True),
    text("reserved", default="0", server_default="0"),  # wei that it may cost at most
    text("cost", null=True),  # wei that it did cost
    text("reason", null=True),
    number("bumped_at", null=True),
    number("submitted_at"),
    number("updated_at"),
    CheckConstraint(
        "state IN ('signed', 'sent', 'mined', 'reverted', 'dropped', 'replaced')", name="state"
    ),
    Index(None, "account", "nonce"),
    Index(None, "account", "submitted_at"),
    Index(None, "state"),
    sqlite_autoincrement=True,
)
