"""Tables made from the chain alone: rolled back on a reorg, rebuilt from raw logs, digested.

Nothing outside the indexer writes here. Units: see `berth.store.columns`; a slot is 15 minutes
since the Unix epoch, `until_minute` counts minutes from a lease's start.

Whoever changes a table writes its migration: scripts/new_migration.py (with --first until the
first release is out).
"""

from __future__ import annotations

from sqlalchemy import Index, Table

from berth.store.columns import blob, new_metadata, number, text

metadata = new_metadata("derived")

# ---- the chain as it was read

#: Blocks that hold our logs, and every block of the window that is not final yet.
blocks = Table(
    "blocks",
    metadata,
    number("number", key=True),
    text("hash"),
    text("parent_hash"),
    number("timestamp"),
)

#: The logs of a block, `count` of them, as `berth.indexer.raw_logs` packs them.
raw_logs = Table(
    "raw_logs",
    metadata,
    number("block_number", key=True),
    number("count"),
    blob("packed"),
)

#: How far the index has read. `version` is the compare-and-set word: a writer must have read it.
cursor = Table(
    "cursor",
    metadata,
    text("name", key=True),
    number("block_number"),
    text("block_hash"),
    number("block_timestamp"),
    number("version"),
    number("head_number"),  # the node's head when this was written: caught up when equal
    number("final_number"),  # blocks up to this one are final: nothing of them can be undone
    number("updated_at"),  # Unix seconds of this machine
)

#: Before-images of rows changed by blocks that are not final: `before` is the row as JSON,
#: NULL = there was no row.
undo = Table(
    "undo",
    metadata,
    number("block_number", key=True),
    number("seq", key=True),
    text("table_name"),
    text("row_key"),
    text("before", null=True),
)

# ---- titles

editions = Table(
    "editions",
    metadata,
    number("city", key=True),
    number("edition", key=True),
    text("root"),
    text("content_hash"),
    number("count"),
    number("published_at"),
    number("block_number"),
    text("tx_hash"),
)

#: 256 titles a row: bit i of word w is title index 256 w + i, set = revoked. No row = none revoked.
revocations = Table(
    "revocations",
    metadata,
    number("city", key=True),
    number("word", key=True),
    text("bits"),
)

authorities = Table(
    "authorities",
    metadata,
    number("city", key=True),
    text("authority"),
)

# ---- spaces, offers, vehicles

spaces = Table(
    "spaces",
    metadata,
    text("space_id", key=True),
    text("owner"),
    text("lock_key"),
    number("cell"),
    text("address_hash"),
    text("attributes"),  # hex of the uint64: it need not fit a signed column
    number("kind"),
    number("sharing"),
    number("height_cm"),
    number("width_cm"),
    number("length_cm"),
    number("connectors"),
    number("power"),  # units of 100 W
    number("maker"),
    number("valid_day"),  # days since 1970-01-01 UTC; 0 = delisted
    number("first_live"),  # offers first_live to last_offer can be leased
    number("last_offer"),
    number("since"),  # the first offer of the present owner
    text("manager", null=True),
    text("previous_key", null=True),  # of the lock before: it speaks of leases that began before
    number("rotated_at", null=True),
    number("delisted_day"),  # days since 1970-01-01 UTC, 0 = listed
    number("released"),  # 1: the registry holds it for nobody, or for another market
    number("registered_at"),  # the latest registration: first, renewal or change of owner
    number("block_number"),
    text("tx_hash"),
    Index(None, "owner"),
    Index(None, "manager"),
    Index(None, "lock_key"),
    Index(None, "cell"),
)

offers = Table(
    "offers",
    metadata,
    text("space_id", key=True),
    number("number", key=True),
    text("owner"),
    number("cell"),
    text("word_a"),
    text("word_b"),
    text("price_per_slot"),
    text("price_per_kwh"),
    number("fee_bps"),
    number("overstay_pct"),
    number("reserve_minutes"),
    number("minimum_pct"),
    number("free_cancel_hours"),
    number("no_show_pct"),
    number("cancel_pct"),
    text("hours_of_week"),
    number("utc_offset"),  # quarter hours
    number("first_day"),
    number("last_day"),
    number("min_slots"),
    number("max_slots"),
    number("flags"),
    number("published_at"),
    number("block_number"),
    text("tx_hash"),
    Index(None, "owner"),
)

vehicles = Table(
    "vehicles",
    metadata,
    text("plate_commitment", key=True),
    text("driver"),
    number("until_slot"),
    number("verifier"),
    number("size"),
    number("block_number"),
    text("tx_hash"),
    Index(None, "driver"),
)

# ---- money, leases, settlements

accounts = Table(
    "accounts",
    metadata,
    text("account", key=True),
    text("credit"),
    number("auto_payout"),  # 1: anybody may have the credit paid out, to the account itself
)

#: Money that came into the market for an account, or left it.
movements = Table(
    "movements",
    metadata,
    number("block_number", key=True),
    number("log_index", key=True),
    text("account"),
    text("kind"),  # in, out
    text("amount"),
    text("other"),  # who paid it in, or to whom it went
    number("at"),
    text("tx_hash"),
    Index(None, "account", "block_number", "log_index"),
)

leases = Table(
    "leases",
    metadata,
    text("lease_id", key=True),
    text("space_id"),
    number("start_slot"),
    number("slots"),
    number("end_slot"),
    number("epoch"),
    text("driver"),
    text("owner"),  # whom it pays: the owner of the space when its offer was published
    number("cell"),
    number("offer"),
    number("kwh_cap"),
    text("deposit"),  # slots, kwh_cap, deposit, pulled: totals, extensions included
    text("pulled"),
    text("plate_commitment"),  # of the latest event that names one
    number("plate_block"),
    number("state"),  # 1 Booked, 2 Parked, 3 Claimed, 4 Settled, 5 Cancelled
    number("disputed"),  # 1 from the dispute on, for good
    text("disputed_by", null=True),
    number("disputed_at", null=True),
    number("no_show"),  # 1: while disputed its lock saw nobody come
    text("compensation", null=True),  # from owner to driver, beside the record
    number("arrived"),  # as on-chain: minute from the start plus 1, 0 = nothing on record
    number("arrived_at", null=True),  # Unix seconds, when an ARRIVED record told
    number("until_minute"),
    number("energy_used"),  # units of 100 Wh
    text("overstay", null=True),  # claimed, not yet charged
    number("booked_block"),
    text("booked_tx"),
    number("booked_at"),
    text("arrived_tx", null=True),
    text("claimed_tx", null=True),
    text("closed_tx", null=True),
    number("closed_at", null=True),
    number("changed_block"),  # of the booking, or of the latest extension or change of vehicle
    number("updated_block"),
    Index(None, "space_id", "start_slot", "end_slot"),
    Index(None, "driver", "start_slot"),
    Index(None, "owner", "start_slot"),
    Index(None, "state", "end_slot"),
)

#: Slots that an owner or manager took out of sharing: like leases in the calendar, but no leases.
blockings = Table(
    "blockings",
    metadata,
    text("lease_id", key=True),
    text("space_id"),
    number("start_slot"),
    number("slots"),
    number("end_slot"),
    text("by"),
    number("blocked_at"),
    number("ended_at", null=True),  # unblocked: slots that had not begun were given back
    number("block_number"),
    text("tx_hash"),
    Index(None, "space_id", "start_slot", "end_slot"),
)

settlements = Table(
    "settlements",
    metadata,
    number("number", key=True),
    text("lease_id"),
    number("outcome"),
    text("owner"),
    text("driver"),
    number("offer"),
    text("rent"),
    text("overstay"),
    text("energy"),
    text("fee"),
    text("refund"),
    number("arrived"),  # as in the record: minute from the start plus 1, 0 = nothing on record
    number("until_minute"),
    number("energy_wh"),
    number("closed_at"),
    text("record_hash"),
    text("head"),  # running head after this record
    number("block_number"),
    text("tx_hash"),
    Index(None, "lease_id"),
    Index(None, "owner"),
    Index(None, "driver"),
)

# ---- the market itself

attesters = Table(
    "attesters",
    metadata,
    number("id", key=True),
    text("account"),
    number("roles"),  # 1 verifies holders, 2 verifies vehicles, 4 makes locks
    number("revoked"),
)

attestation_revocations = Table(
    "attestation_revocations",
    metadata,
    number("id", key=True),
    text("nonce", key=True),
)

market_state = Table(
    "market_state",
    metadata,
    number("id", key=True),  # always 1
    text("fees"),
    number("ledger_count"),
    text("head"),
    number("fee_bps"),
    number("paused_until"),
    text("deposited"),  # sums over all accounts, ever
    text("withdrawn"),
    text("fees_withdrawn"),
)

#: What `digest` hashes and `rebuild` empties, in this order.
PROJECTIONS: tuple[Table, ...] = (
    editions,
    revocations,
    authorities,
    spaces,
    offers,
    vehicles,
    accounts,
    movements,
    leases,
    blockings,
    settlements,
    attesters,
    attestation_revocations,
    market_state,
)
