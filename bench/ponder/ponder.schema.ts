// The projections of backend/berth/store/derived.py: same tables, same columns, same keys and indexes.
import { index, onchainTable, primaryKey } from "ponder";

export const editions = onchainTable(
  "editions",
  (t) => ({
    city: t.bigint().notNull(),
    edition: t.integer().notNull(),
    root: t.hex().notNull(),
    content_hash: t.hex().notNull(),
    count: t.integer().notNull(),
    published_at: t.bigint().notNull(),
    block_number: t.bigint().notNull(),
    tx_hash: t.hex().notNull(),
  }),
  (table) => ({ pk: primaryKey({ columns: [table.city, table.edition] }) }),
);

export const revocations = onchainTable(
  "revocations",
  (t) => ({
    city: t.bigint().notNull(),
    word: t.bigint().notNull(),
    bits: t.hex().notNull(),
  }),
  (table) => ({ pk: primaryKey({ columns: [table.city, table.word] }) }),
);

export const authorities = onchainTable("authorities", (t) => ({
  city: t.bigint().primaryKey(),
  authority: t.hex().notNull(),
}));

export const spaces = onchainTable(
  "spaces",
  (t) => ({
    space_id: t.hex().primaryKey(),
    owner: t.hex().notNull(),
    lock_key: t.hex().notNull(),
    cell: t.bigint().notNull(),
    address_hash: t.hex().notNull(),
    attributes: t.hex().notNull(),
    kind: t.integer().notNull(),
    sharing: t.integer().notNull(),
    height_cm: t.integer().notNull(),
    width_cm: t.integer().notNull(),
    length_cm: t.integer().notNull(),
    connectors: t.integer().notNull(),
    power: t.integer().notNull(),
    maker: t.integer().notNull(),
    valid_day: t.integer().notNull(),
    first_live: t.integer().notNull(),
    last_offer: t.integer().notNull(),
    since: t.integer().notNull(),
    manager: t.hex(),
    previous_key: t.hex(),
    rotated_at: t.bigint(),
    delisted_day: t.integer().notNull(),
    released: t.integer().notNull(),
    registered_at: t.bigint().notNull(),
    block_number: t.bigint().notNull(),
    tx_hash: t.hex().notNull(),
  }),
  (table) => ({
    owner: index().on(table.owner),
    manager: index().on(table.manager),
    lock: index().on(table.lock_key),
    cell: index().on(table.cell),
  }),
);

export const offers = onchainTable(
  "offers",
  (t) => ({
    space_id: t.hex().notNull(),
    number: t.integer().notNull(),
    owner: t.hex().notNull(),
    cell: t.bigint().notNull(),
    word_a: t.hex().notNull(),
    word_b: t.hex().notNull(),
    price_per_slot: t.bigint().notNull(),
    price_per_kwh: t.bigint().notNull(),
    fee_bps: t.integer().notNull(),
    overstay_pct: t.integer().notNull(),
    reserve_minutes: t.integer().notNull(),
    minimum_pct: t.integer().notNull(),
    free_cancel_hours: t.integer().notNull(),
    no_show_pct: t.integer().notNull(),
    cancel_pct: t.integer().notNull(),
    hours_of_week: t.hex().notNull(),
    utc_offset: t.integer().notNull(),
    first_day: t.integer().notNull(),
    last_day: t.integer().notNull(),
    min_slots: t.integer().notNull(),
    max_slots: t.integer().notNull(),
    flags: t.integer().notNull(),
    published_at: t.bigint().notNull(),
    block_number: t.bigint().notNull(),
    tx_hash: t.hex().notNull(),
  }),
  (table) => ({
    pk: primaryKey({ columns: [table.space_id, table.number] }),
    owner: index().on(table.owner),
  }),
);

export const vehicles = onchainTable(
  "vehicles",
  (t) => ({
    plate_commitment: t.hex().primaryKey(),
    driver: t.hex().notNull(),
    until_slot: t.bigint().notNull(),
    verifier: t.integer().notNull(),
    size: t.integer().notNull(),
    block_number: t.bigint().notNull(),
    tx_hash: t.hex().notNull(),
  }),
  (table) => ({ driver: index().on(table.driver) }),
);

export const accounts = onchainTable("accounts", (t) => ({
  account: t.hex().primaryKey(),
  credit: t.bigint().notNull(),
  auto_payout: t.integer().notNull(),
}));

export const movements = onchainTable(
  "movements",
  (t) => ({
    block_number: t.bigint().notNull(),
    log_index: t.integer().notNull(),
    account: t.hex().notNull(),
    kind: t.text().notNull(),
    amount: t.bigint().notNull(),
    other: t.hex().notNull(),
    at: t.bigint().notNull(),
    tx_hash: t.hex().notNull(),
  }),
  (table) => ({
    pk: primaryKey({ columns: [table.block_number, table.log_index] }),
    account: index().on(table.account, table.block_number, table.log_index),
  }),
);

export const leases = onchainTable(
  "leases",
  (t) => ({
    lease_id: t.hex().primaryKey(),
    space_id: t.hex().notNull(),
    start_slot: t.bigint().notNull(),
    slots: t.integer().notNull(),
    end_slot: t.bigint().notNull(),
    epoch: t.integer().notNull(),
    driver: t.hex().notNull(),
    owner: t.hex().notNull(),
    cell: t.bigint().notNull(),
    offer: t.integer().notNull(),
    kwh_cap: t.integer().notNull(),
    deposit: t.bigint().notNull(),
    pulled: t.bigint().notNull(),
    plate_commitment: t.hex().notNull(),
    plate_block: t.bigint().notNull(),
    state: t.integer().notNull(),
    disputed: t.integer().notNull(),
    disputed_by: t.hex(),
    disputed_at: t.bigint(),
    no_show: t.integer().notNull(),
    compensation: t.bigint(),
    arrived: t.integer().notNull(),
    arrived_at: t.bigint(),
    until_minute: t.integer().notNull(),
    energy_used: t.integer().notNull(),
    overstay: t.bigint(),
    booked_block: t.bigint().notNull(),
    booked_tx: t.hex().notNull(),
    booked_at: t.bigint().notNull(),
    arrived_tx: t.hex(),
    claimed_tx: t.hex(),
    closed_tx: t.hex(),
    closed_at: t.bigint(),
    changed_block: t.bigint().notNull(),
    updated_block: t.bigint().notNull(),
  }),
  (table) => ({
    space: index().on(table.space_id, table.start_slot, table.end_slot),
    driver: index().on(table.driver, table.start_slot),
    owner: index().on(table.owner, table.start_slot),
    state: index().on(table.state, table.end_slot),
  }),
);

export const blockings = onchainTable(
  "blockings",
  (t) => ({
    lease_id: t.hex().primaryKey(),
    space_id: t.hex().notNull(),
    start_slot: t.bigint().notNull(),
    slots: t.integer().notNull(),
    end_slot: t.bigint().notNull(),
    by: t.hex().notNull(),
    blocked_at: t.bigint().notNull(),
    ended_at: t.bigint(),
    block_number: t.bigint().notNull(),
    tx_hash: t.hex().notNull(),
  }),
  (table) => ({ space: index().on(table.space_id, table.start_slot, table.end_slot) }),
);

export const settlements = onchainTable(
  "settlements",
  (t) => ({
    number: t.bigint().primaryKey(),
    lease_id: t.hex().notNull(),
    outcome: t.integer().notNull(),
    owner: t.hex().notNull(),
    driver: t.hex().notNull(),
    offer: t.integer().notNull(),
    rent: t.bigint().notNull(),
    overstay: t.bigint().notNull(),
    energy: t.bigint().notNull(),
    fee: t.bigint().notNull(),
    refund: t.bigint().notNull(),
    arrived: t.integer().notNull(),
    until_minute: t.integer().notNull(),
    energy_wh: t.integer().notNull(),
    closed_at: t.bigint().notNull(),
    record_hash: t.hex().notNull(),
    head: t.hex().notNull(),
    block_number: t.bigint().notNull(),
    tx_hash: t.hex().notNull(),
  }),
  (table) => ({
    lease: index().on(table.lease_id),
    owner: index().on(table.owner),
    driver: index().on(table.driver),
  }),
);

export const attesters = onchainTable("attesters", (t) => ({
  id: t.integer().primaryKey(),
  account: t.hex().notNull(),
  roles: t.integer().notNull(),
  revoked: t.integer().notNull(),
}));

export const attestation_revocations = onchainTable(
  "attestation_revocations",
  (t) => ({
    id: t.integer().notNull(),
    nonce: t.hex().notNull(),
  }),
  (table) => ({ pk: primaryKey({ columns: [table.id, table.nonce] }) }),
);

export const market_state = onchainTable("market_state", (t) => ({
  id: t.integer().primaryKey(),
  fees: t.bigint().notNull(),
  ledger_count: t.bigint().notNull(),
  head: t.hex().notNull(),
  fee_bps: t.integer().notNull(),
  paused_until: t.bigint().notNull(),
  deposited: t.bigint().notNull(),
  withdrawn: t.bigint().notNull(),
  fees_withdrawn: t.bigint().notNull(),
}));
