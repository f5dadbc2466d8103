/** What a lease must cost by its offer: the contract's formulas, in whole minor units. */

export interface Terms {
  pricePerSlot: bigint;
  pricePerKwh: bigint;
  feeBps: bigint;
  overstayPct: bigint;
  reserveMinutes: bigint;
  minimumPct: bigint;
  freeCancelHours: bigint;
  noShowPct: bigint;
  cancelPct: bigint;
}

export interface Stay {
  slots: bigint;
  kwhCap: bigint;
  /** Unix seconds. */
  start: bigint;
}

/** The figures of a record that the bill depends on. */
export interface Recorded {
  outcome: number;
  rent: bigint;
  arrived: number;
  until: number;
  energyWh: number;
  closedAt: number;
}

export interface Parts {
  rent: bigint;
  overstay: bigint;
  energy: bigint;
}

export const OUTCOMES = [
  "none",
  "departed",
  "accepted",
  "matured",
  "presumed",
  "unused",
  "cancelled",
  "cancelled_by_owner",
  "obstructed",
  "no_show",
  "resolved",
  "agreed",
  "lapsed",
] as const;
export type Outcome = (typeof OUTCOMES)[number];

const GRACE = 5n;
const NOTHING: Parts = { rent: 0n, overstay: 0n, energy: 0n };

/** An offer's word A, low to high bits. */
export function termsOf(wordA: bigint): Terms {
  let rest = wordA;
  const take = (bits: bigint): bigint => {
    const value = rest & ((1n << bits) - 1n);
    rest >>= bits;
    return value;
  };
  return {
    pricePerSlot: take(80n),
    pricePerKwh: take(80n),
    feeBps: take(16n),
    overstayPct: take(16n),
    reserveMinutes: take(16n),
    minimumPct: take(16n),
    freeCancelHours: take(16n),
    noShowPct: take(8n),
    cancelPct: take(8n),
  };
}

/** The most that the lease can cost: what went into escrow. */
export function depositOf(t: Terms, stay: Stay): bigint {
  return (
    t.pricePerSlot * stay.slots + overstayFor(t, t.reserveMinutes) + t.pricePerKwh * stay.kwhCap
  );
}

export function feeOf(t: Terms, cost: bigint): bigint {
  return (cost * t.feeBps) / 10_000n;
}

/** Rent, overstay and energy by the rule of the record's outcome; null for an outcome without one. */
export function partsOf(t: Terms, stay: Stay, r: Recorded): Parts | null {
  switch (OUTCOMES[r.outcome]) {
    case "departed":
    case "accepted":
    case "matured":
      return byTheMinute(t, stay, r);
    case "lapsed": {
      const full = byTheMinute(t, stay, r);
      return { ...full, overstay: full.overstay / 2n };
    }
    case "presumed":
      return { ...NOTHING, rent: t.pricePerSlot * stay.slots };
    case "unused":
    case "cancelled_by_owner":
    case "obstructed":
      return NOTHING;
    case "cancelled":
      return { ...NOTHING, rent: cancelCharge(t, stay, BigInt(r.closedAt)) };
    case "no_show":
      return { ...NOTHING, rent: share(t, stay, t.noShowPct) };
    case "resolved":
    case "agreed":
      return { ...NOTHING, rent: r.rent };
    default:
      return null;
  }
}

/** What the owner who cancels pays the driver, beside the record. */
export function compensationOf(t: Terms, stay: Stay, r: Recorded): bigint {
  if (OUTCOMES[r.outcome] !== "cancelled_by_owner") return 0n;
  return BigInt(r.closedAt) >= stay.start
    ? share(t, stay, t.noShowPct)
    : cancelCharge(t, stay, BigInt(r.closedAt));
}

function byTheMinute(t: Terms, stay: Stay, r: Recorded): Parts {
  const booked = 15n * stay.slots;
  const arrived = BigInt(r.arrived - 1);
  const until = BigInt(r.until);
  const stayed = max(0n, min(until, booked) - arrived);
  const minimum = (booked * t.minimumPct + 99n) / 100n;
  const billed = min(booked, max(stayed, max(minimum, 15n)));
  const over = min(t.reserveMinutes, max(0n, until - booked - GRACE));
  return {
    rent: (t.pricePerSlot * billed) / 15n,
    overstay: overstayFor(t, over),
    energy: (t.pricePerKwh * BigInt(Math.floor(r.energyWh / 100))) / 10n,
  };
}

function cancelCharge(t: Terms, stay: Stay, at: bigint): bigint {
  return at + 3600n * t.freeCancelHours <= stay.start ? 0n : share(t, stay, t.cancelPct);
}

function share(t: Terms, stay: Stay, percent: bigint): bigint {
  return (t.pricePerSlot * stay.slots * percent) / 100n;
}

function overstayFor(t: Terms, minutes: bigint): bigint {
  return (t.pricePerSlot * t.overstayPct * minutes) / 1500n;
}

function min(x: bigint, y: bigint): bigint {
  return x < y ? x : y;
}

function max(x: bigint, y: bigint): bigint {
  return x > y ? x : y;
}
