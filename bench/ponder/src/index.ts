// What each event changes: the twin of backend/berth/indexer/projections, in Ponder's own idiom.
import { ponder } from "ponder:registry";
import {
  accounts,
  attestation_revocations,
  attesters,
  authorities,
  blockings,
  editions,
  leases,
  market_state,
  movements,
  offers,
  revocations,
  settlements,
  spaces,
  vehicles,
} from "ponder:schema";
import { type Hex, keccak256, zeroAddress, zeroHash } from "viem";

type Db = any;

const hex = (value: bigint, digits: number): Hex =>
  `0x${value.toString(16).padStart(digits, "0")}`;
const leaseHex = (lease: bigint): Hex => hex(lease, 28);
const spaceHex = (space: bigint): Hex => hex(space, 16);
const lower = (value: string): Hex => value.toLowerCase() as Hex;
const bits = (word: bigint, from: number, count: number): bigint =>
  (word >> BigInt(from)) & ((1n << BigInt(count)) - 1n);
const small = (word: bigint, from: number, count: number): number => Number(bits(word, from, count));

const BOOKED = 1;
const PARKED = 2;
const CLAIMED = 3;
// outcomes 5 to 8 end in Cancelled, all others in Settled
const terminal = (outcome: number): number => (outcome >= 5 && outcome <= 8 ? 5 : 4);

// ---- titles

ponder.on("Titles:EditionPublished", async ({ event, context }) => {
  const { city, edition, root, contentHash, count } = event.args;
  const values = {
    root,
    content_hash: contentHash,
    count,
    published_at: event.block.timestamp,
    block_number: event.block.number,
    tx_hash: event.transaction.hash,
  };
  await context.db
    .insert(editions)
    .values({ city: BigInt(city), edition, ...values })
    .onConflictDoUpdate(values);
});

const setBits = async (db: Db, city: bigint, word: bigint, change: (now: bigint) => bigint) => {
  const row = await db.find(revocations, { city, word });
  const now = change(row ? BigInt(row.bits) : 0n);
  if (now === 0n) {
    if (row) await db.delete(revocations, { city, word });
  } else if (row) {
    await db.update(revocations, { city, word }).set({ bits: hex(now, 64) });
  } else {
    await db.insert(revocations).values({ city, word, bits: hex(now, 64) });
  }
};

ponder.on("Titles:TitlesRevoked", async ({ event, context }) => {
  const { city, word, bits } = event.args;
  await setBits(context.db, BigInt(city), BigInt(word), (now) => now | bits);
});

ponder.on("Titles:TitlesReinstated", async ({ event, context }) => {
  const { city, word, bits } = event.args;
  await setBits(context.db, BigInt(city), BigInt(word), (now) => now & ~bits);
});

ponder.on("Titles:AuthoritySet", async ({ event, context }) => {
  const authority = lower(event.args.authority);
  await context.db
    .insert(authorities)
    .values({ city: BigInt(event.args.city), authority })
    .onConflictDoUpdate({ authority });
});

ponder.on("Titles:SpaceReleased", async ({ event, context }) => {
  const key = { space_id: spaceHex(event.args.spaceId) };
  if (await context.db.find(spaces, key)) await context.db.update(spaces, key).set({ released: 1 });
});

// ---- spaces, offers, vehicles

ponder.on("Market:SpaceRegistered", async ({ event, context }) => {
  const e = event.args;
  const attributes = BigInt(e.attributes);
  const values = {
    owner: lower(e.owner),
    lock_key: lower(e.lockKey),
    cell: BigInt(e.cell),
    address_hash: e.addressHash,
    attributes: hex(attributes, 16),
    kind: small(attributes, 0, 8),
    sharing: small(attributes, 8, 1),
    height_cm: small(attributes, 9, 16),
    width_cm: small(attributes, 25, 16),
    length_cm: small(attributes, 41, 16),
    connectors: e.connectors,
    power: e.power,
    maker: e.maker,
    valid_day: e.validDay,
    delisted_day: 0,
    released: 0,
    registered_at: event.block.timestamp,
    block_number: event.block.number,
    tx_hash: event.transaction.hash,
  };
  await context.db
    .insert(spaces)
    .values({
      space_id: spaceHex(e.spaceId),
      ...values,
      first_live: 1,
      last_offer: 0,
      since: 1,
      manager: null,
      previous_key: null,
      rotated_at: null,
    })
    .onConflictDoUpdate(values);
});

const changeSpace = (db: Db, space: bigint, values: any) =>
  db.update(spaces, { space_id: spaceHex(space) }).set(values);

ponder.on("Market:SpaceTakenOver", async ({ event, context }) => {
  const { spaceId, to, since } = event.args;
  await changeSpace(context.db, spaceId, { owner: lower(to), since, first_live: since });
});

ponder.on("Market:SpaceDelisted", async ({ event, context }) => {
  const day = Number(event.block.timestamp / 86_400n);
  await changeSpace(context.db, event.args.spaceId, (row: any) => ({
    first_live: row.last_offer + 1,
    valid_day: 0,
    delisted_day: day,
  }));
});

ponder.on("Market:LockRotated", async ({ event, context }) => {
  const { spaceId, previous, current, maker, validDay } = event.args;
  await changeSpace(context.db, spaceId, {
    lock_key: lower(current),
    maker,
    valid_day: validDay,
    previous_key: lower(previous),
    rotated_at: event.block.timestamp,
  });
});

ponder.on("Market:ManagerSet", async ({ event, context }) => {
  const { spaceId, manager } = event.args;
  await changeSpace(context.db, spaceId, {
    manager: manager === zeroAddress ? null : lower(manager),
  });
});

ponder.on("Market:OffersWithdrawn", async ({ event, context }) => {
  await changeSpace(context.db, event.args.spaceId, { first_live: event.args.firstLive });
});

ponder.on("Market:OfferPublished", async ({ event, context }) => {
  const { spaceId, owner, cell, number, wordA, wordB } = event.args;
  await changeSpace(context.db, spaceId, { last_offer: number });
  const offset = small(wordB, 168, 8);
  await context.db.insert(offers).values({
    space_id: spaceHex(spaceId),
    number,
    owner: lower(owner),
    cell: BigInt(cell),
    word_a: hex(wordA, 64),
    word_b: hex(wordB, 64),
    price_per_slot: bits(wordA, 0, 80),
    price_per_kwh: bits(wordA, 80, 80),
    fee_bps: small(wordA, 160, 16),
    overstay_pct: small(wordA, 176, 16),
    reserve_minutes: small(wordA, 192, 16),
    minimum_pct: small(wordA, 208, 16),
    free_cancel_hours: small(wordA, 224, 16),
    no_show_pct: small(wordA, 240, 8),
    cancel_pct: small(wordA, 248, 8),
    hours_of_week: hex(bits(wordB, 0, 168), 42),
    utc_offset: offset > 127 ? offset - 256 : offset,
    first_day: small(wordB, 176, 16),
    last_day: small(wordB, 192, 16),
    min_slots: small(wordB, 208, 16),
    max_slots: small(wordB, 224, 16),
    flags: small(wordB, 240, 16),
    published_at: event.block.timestamp,
    block_number: event.block.number,
    tx_hash: event.transaction.hash,
  });
});

ponder.on("Market:VehicleRegistered", async ({ event, context }) => {
  const e = event.args;
  const values = {
    driver: lower(e.driver),
    until_slot: BigInt(e.untilSlot),
    verifier: e.verifier,
    size: e.size,
    block_number: event.block.number,
    tx_hash: event.transaction.hash,
  };
  await context.db
    .insert(vehicles)
    .values({ plate_commitment: e.plateCommitment, ...values })
    .onConflictDoUpdate(values);
});

// ---- money

const changeCredit = async (db: Db, account: string, amount: bigint) => {
  if (amount === 0n) return;
  await db
    .insert(accounts)
    .values({ account: lower(account), credit: amount, auto_payout: 0 })
    .onConflictDoUpdate((row: any) => ({ credit: row.credit + amount }));
};

const changeMarket = (db: Db, change: (row: any) => any) => {
  const empty = {
    id: 1,
    fees: 0n,
    ledger_count: 0n,
    head: zeroHash,
    fee_bps: 0,
    paused_until: 0n,
    deposited: 0n,
    withdrawn: 0n,
    fees_withdrawn: 0n,
  };
  return db
    .insert(market_state)
    .values({ ...empty, ...change(empty) })
    .onConflictDoUpdate(change);
};

ponder.on("Market:Deposited", async ({ event, context }) => {
  const { account, amount, from } = event.args;
  await changeCredit(context.db, account, amount);
  await changeMarket(context.db, (row) => ({ deposited: row.deposited + amount }));
  await context.db.insert(movements).values(movement("in", account, amount, from, event));
});

ponder.on("Market:Withdrawn", async ({ event, context }) => {
  const { account, amount, to } = event.args;
  await changeCredit(context.db, account, -amount);
  await changeMarket(context.db, (row) => ({ withdrawn: row.withdrawn + amount }));
  await context.db.insert(movements).values(movement("out", account, amount, to, event));
});

const movement = (kind: string, account: string, amount: bigint, other: string, event: any) => ({
  block_number: event.block.number,
  log_index: event.log.logIndex,
  account: lower(account),
  kind,
  amount,
  other: lower(other),
  at: event.block.timestamp,
  tx_hash: event.transaction.hash,
});

ponder.on("Market:AutoPayoutSet", async ({ event, context }) => {
  const values = { auto_payout: event.args.enabled ? 1 : 0 };
  await context.db
    .insert(accounts)
    .values({ account: lower(event.args.account), credit: 0n, ...values })
    .onConflictDoUpdate(values);
});

ponder.on("Market:FeesWithdrawn", async ({ event, context }) => {
  const { amount } = event.args;
  await changeMarket(context.db, (row) => ({
    fees: row.fees - amount,
    fees_withdrawn: row.fees_withdrawn + amount,
  }));
});

// ---- leases

ponder.on("Market:Leased", async ({ event, context }) => {
  const e = event.args;
  const block = event.block.number;
  const space = spaceHex(e.leaseId >> 48n);
  const start = bits(e.leaseId, 16, 32);
  const offer = await context.db.find(offers, { space_id: space, number: e.offer });
  if (!offer) throw new Error(`a lease of offer ${e.offer} of ${space}, which is unknown`);
  await changeCredit(context.db, e.driver, e.pulled - e.deposit);
  await context.db.insert(leases).values({
    lease_id: leaseHex(e.leaseId),
    space_id: space,
    start_slot: start,
    slots: e.slots,
    end_slot: start + BigInt(e.slots),
    epoch: small(e.leaseId, 0, 16),
    driver: lower(e.driver),
    owner: offer.owner,
    cell: BigInt(e.cell),
    offer: e.offer,
    kwh_cap: e.kwhCap,
    deposit: e.deposit,
    pulled: e.pulled,
    plate_commitment: e.plateCommitment,
    plate_block: block,
    state: BOOKED,
    disputed: 0,
    disputed_by: null,
    disputed_at: null,
    no_show: 0,
    compensation: null,
    arrived: 0,
    arrived_at: null,
    until_minute: 0,
    energy_used: 0,
    overstay: null,
    booked_block: block,
    booked_tx: event.transaction.hash,
    booked_at: event.block.timestamp,
    arrived_tx: null,
    claimed_tx: null,
    closed_tx: null,
    closed_at: null,
    changed_block: block,
    updated_block: block,
  });
});

const changeLease = (db: Db, lease: bigint, values: any) =>
  db.update(leases, { lease_id: leaseHex(lease) }).set(values);

ponder.on("Market:Arrived", async ({ event, context }) => {
  const e = event.args;
  await changeLease(context.db, e.leaseId, {
    state: PARKED,
    arrived: e.arrived,
    arrived_at: BigInt(e.from),
    arrived_tx: event.transaction.hash,
    updated_block: event.block.number,
  });
});

ponder.on("Market:OverstayClaimed", async ({ event, context }) => {
  const e = event.args;
  await changeLease(context.db, e.leaseId, {
    state: CLAIMED,
    arrived: e.arrived,
    until_minute: e.until,
    energy_used: e.energyUsed,
    overstay: e.overstay,
    claimed_tx: event.transaction.hash,
    updated_block: event.block.number,
  });
});

ponder.on("Market:Extended", async ({ event, context }) => {
  const e = event.args;
  const row = await context.db.find(leases, { lease_id: leaseHex(e.leaseId) });
  if (!row) throw new Error(`an extension of ${leaseHex(e.leaseId)}, which is unknown`);
  await changeCredit(context.db, e.driver, e.pulled - (e.deposit - row.deposit));
  await changeLease(context.db, e.leaseId, {
    slots: e.slots,
    end_slot: row.start_slot + BigInt(e.slots),
    kwh_cap: e.kwhCap,
    deposit: e.deposit,
    pulled: row.pulled + e.pulled,
    plate_commitment: e.plateCommitment,
    plate_block: event.block.number,
    changed_block: event.block.number,
    updated_block: event.block.number,
  });
});

ponder.on("Market:VehicleChanged", async ({ event, context }) => {
  await changeLease(context.db, event.args.leaseId, {
    plate_commitment: event.args.plateCommitment,
    plate_block: event.block.number,
    changed_block: event.block.number,
    updated_block: event.block.number,
  });
});

ponder.on("Market:Disputed", async ({ event, context }) => {
  await changeLease(context.db, event.args.leaseId, {
    disputed: 1,
    disputed_by: lower(event.args.by),
    disputed_at: event.block.timestamp,
    updated_block: event.block.number,
  });
});

ponder.on("Market:NoShowRecorded", async ({ event, context }) => {
  const values = { no_show: 1, updated_block: event.block.number };
  await changeLease(context.db, event.args.leaseId, values);
});

// ---- settlements

const word = (value: bigint | number): string => value.toString(16).padStart(64, "0");

ponder.on("Market:Settled", async ({ event, context }) => {
  const e = event.args;
  const [owner, driver] = [lower(e.owner), lower(e.driver)];
  const cost = e.rent + e.overstay + e.energy;
  const lease = await context.db.find(leases, { lease_id: leaseHex(e.leaseId) });
  if (!lease || lease.deposit !== cost + e.refund) {
    throw new Error(`settlement ${e.number} shares out another sum than the deposit`);
  }
  // abi.encode of fourteen static words, joined by hand: the generic encoder takes ten times as long
  const record = keccak256(
    `0x${word(e.leaseId)}${word(e.outcome)}${owner.slice(2).padStart(64, "0")}${driver
      .slice(2)
      .padStart(64, "0")}${[
      e.offer,
      e.rent,
      e.overstay,
      e.energy,
      e.fee,
      e.refund,
      e.arrived,
      e.until,
      e.energyWh,
      e.closedAt,
    ]
      .map(word)
      .join("")}`,
  );
  const market = await context.db.find(market_state, { id: 1 });
  if (!market || e.number !== market.ledger_count + 1n) {
    throw new Error(`settlement ${e.number} follows ${market?.ledger_count}`);
  }
  const head = keccak256(`0x${market.head.slice(2)}${record.slice(2)}`);
  await context.db
    .update(market_state, { id: 1 })
    .set({ ledger_count: e.number, head, fees: market.fees + e.fee });
  await changeLease(context.db, e.leaseId, {
    state: terminal(e.outcome),
    arrived: e.arrived,
    until_minute: e.until,
    energy_used: Math.floor(e.energyWh / 100),
    closed_tx: event.transaction.hash,
    closed_at: BigInt(e.closedAt),
    updated_block: event.block.number,
  });
  await context.db.insert(settlements).values({
    number: e.number,
    lease_id: leaseHex(e.leaseId),
    outcome: e.outcome,
    owner,
    driver,
    offer: e.offer,
    rent: e.rent,
    overstay: e.overstay,
    energy: e.energy,
    fee: e.fee,
    refund: e.refund,
    arrived: e.arrived,
    until_minute: e.until,
    energy_wh: e.energyWh,
    closed_at: BigInt(e.closedAt),
    record_hash: record,
    head,
    block_number: event.block.number,
    tx_hash: event.transaction.hash,
  });
  await changeCredit(context.db, owner, cost - e.fee);
  await changeCredit(context.db, driver, e.refund);
});

ponder.on("Market:Compensated", async ({ event, context }) => {
  const { leaseId, from, to, amount } = event.args;
  await changeLease(context.db, leaseId, { compensation: amount });
  await changeCredit(context.db, from, -amount);
  await changeCredit(context.db, to, amount);
});

// ---- owners' time

ponder.on("Market:Blocked", async ({ event, context }) => {
  const { leaseId, by, slots } = event.args;
  const start = bits(leaseId, 16, 32);
  await context.db.insert(blockings).values({
    lease_id: leaseHex(leaseId),
    space_id: spaceHex(leaseId >> 48n),
    start_slot: start,
    slots,
    end_slot: start + BigInt(slots),
    by: lower(by),
    blocked_at: event.block.timestamp,
    ended_at: null,
    block_number: event.block.number,
    tx_hash: event.transaction.hash,
  });
});

ponder.on("Market:Unblocked", async ({ event, context }) => {
  await context.db
    .update(blockings, { lease_id: leaseHex(event.args.leaseId) })
    .set({ ended_at: event.block.timestamp });
});

// ---- the market itself

ponder.on("Market:FeeSet", async ({ event, context }) => {
  await changeMarket(context.db, () => ({ fee_bps: event.args.feeBps }));
});

ponder.on("Market:Paused", async ({ event, context }) => {
  await changeMarket(context.db, () => ({ paused_until: BigInt(event.args.until) }));
});

ponder.on("Market:Unpaused", async ({ event, context }) => {
  await changeMarket(context.db, () => ({ paused_until: event.block.timestamp }));
});

ponder.on("Market:AttesterSet", async ({ event, context }) => {
  const values = { account: lower(event.args.account), roles: event.args.roles, revoked: 0 };
  await context.db
    .insert(attesters)
    .values({ id: event.args.id, ...values })
    .onConflictDoUpdate(values);
});

ponder.on("Market:AttesterRevoked", async ({ event, context }) => {
  await context.db.update(attesters, { id: event.args.id }).set({ revoked: 1 });
});

ponder.on("Market:AttestationRevoked", async ({ event, context }) => {
  await context.db
    .insert(attestation_revocations)
    .values({ id: event.args.id, nonce: hex(event.args.nonce, 64) })
    .onConflictDoNothing();
});
