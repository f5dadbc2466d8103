/** What the service shows, held against the chain's events: word by word, row by row. */
import type { Schemas } from "../../api/client";
import type { Currency } from "../../words/format";
import { spaceOf, startOf, type Settlement } from "./history";
import { recordHash } from "./ledger";
import { OUTCOMES } from "./tariff";
import type { Report } from "./whole";

type Row = Schemas["SettlementOut"];
type Totals = Schemas["TotalsOut"];
/** Of what all settlements come to; `currency`: what all amounts are of. */
export type SumField = keyof Totals | "currency";

/** In what a shown settlement is not the chain's: not in the list, too much in it, or altered. */
export interface Difference {
  number: number;
  what: "missing" | "extra" | "altered";
  fields: RowField[];
}

/** By the service's names. */
export type RowField = keyof Omit<Row, "final">;
export type StepField =
  | "cost"
  | "ownerShare"
  | "deposit"
  | "compensation"
  | "window"
  | "slots"
  | "energyCap"
  | "booked"
  | "offered"
  | "registered"
  | "arrivedTransaction"
  | "claimedTransaction"
  | "terms"
  | "currency";
export type Field = RowField | StepField;

export interface Shown {
  items: readonly Row[];
  /** No page of the list is left. */
  whole: boolean;
  /** Over all that the filter finds. */
  totals: Totals | null;
  currency: Currency;
  /** Does a settlement of the chain belong here? */
  fits: (settlement: Settlement) => boolean;
  /** So many the service says to know. */
  known: number;
}

export interface Compared {
  rows: Difference[];
  /** The sums that are not those of the chain's settlements. */
  sums: SumField[];
  /** Of the chain's settlements the service has not read so many. */
  behind: number;
  /** Of the rows so many have come since the chain was read: nothing is said of them. */
  newer: number;
}

/** Times as Unix seconds, text without regard to capitals: an account may be written in two ways. */
function same(shown: unknown, told: unknown): boolean {
  return String(shown).toLowerCase() === String(told).toLowerCase();
}

function unit({ symbol, decimals }: Currency): string {
  return `${symbol} ${decimals}`;
}

function seconds(time: string): number {
  return Date.parse(time) / 1000;
}

/** The fields of a row that are not what the chain has; `head`: of the ledger up to there. */
export function altered(
  row: Row,
  { record, block, transaction }: Settlement,
  head: string,
): RowField[] {
  return differing<RowField>({
    number: [row.number, record.number],
    leaseId: [row.leaseId, hex(record.leaseId, 28)],
    spaceId: [row.spaceId, hex(spaceOf(record.leaseId), 16)],
    windowStart: [seconds(row.windowStart), startOf(record.leaseId)],
    outcome: [row.outcome, OUTCOMES[record.outcome]],
    owner: [row.owner, record.owner],
    driver: [row.driver, record.driver],
    offer: [row.offer, record.offer],
    rent: [row.rent, record.rent],
    overstay: [row.overstay, record.overstay],
    energy: [row.energy, record.energy],
    fee: [row.fee, record.fee],
    refund: [row.refund, record.refund],
    arrived: [row.arrived, record.arrived],
    until: [row.until, record.until],
    energyWh: [row.energyWh, record.energyWh],
    closedAt: [seconds(row.closedAt), record.closedAt],
    recordHash: [row.recordHash, recordHash(record)],
    head: [row.head, head],
    block: [row.block, block],
    transaction: [row.transaction, transaction],
  });
}

/** What led to a settlement, as the service shows it: booking, terms, sums, transactions. */
export function alteredSteps(
  shown: Schemas["SettlementDetailOut"],
  { record }: Settlement,
  { history, currency }: Pick<Report, "history" | "currency">,
): StepField[] {
  const { booking, terms } = shown;
  const cost = record.rent + record.overstay + record.energy;
  const space = spaceOf(record.leaseId);
  const held = history.bookings.get(record.leaseId);
  const offer = history.offer(record.leaseId, record.offer);
  const paid = history.compensations.get(record.leaseId);
  const start = startOf(record.leaseId);
  const { start: from, end } = booking.window;
  return differing<StepField>({
    cost: [shown.cost, cost],
    ownerShare: [shown.ownerShare, cost - record.fee],
    deposit: [shown.deposit, held?.deposit],
    compensation: [shown.compensation ?? 0, paid ?? 0],
    window: [
      `${seconds(from)} ${seconds(end)}`,
      `${start} ${start + BigInt(held?.slots ?? 0) * 900n}`,
    ],
    slots: [booking.slots, held?.slots],
    energyCap: [booking.energyCapKwh, held?.kwhCap],
    booked: [booking.transaction, held?.transaction],
    offered: [shown.offerTransaction, offer?.transaction],
    registered: [shown.registrationTransaction, history.registrations.get(space)?.transaction],
    arrivedTransaction: [
      shown.arrivedTransaction ?? "",
      history.arrivals.get(record.leaseId)?.transaction ?? "",
    ],
    claimedTransaction: [
      shown.claimedTransaction ?? "",
      history.claims.get(record.leaseId)?.transaction ?? "",
    ],
    currency: [unit(shown.currency), unit(currency)],
    terms: [
      [
        terms.number,
        terms.pricePerSlot,
        terms.pricePerKwh,
        terms.overstayPercent,
        terms.reserveMinutes,
        terms.minimumPercent,
        terms.freeCancelHours,
        terms.noShowPercent,
        terms.cancelPercent,
      ],
      offer && [
        record.offer,
        offer.terms.pricePerSlot,
        offer.terms.pricePerKwh,
        offer.terms.overstayPct,
        offer.terms.reserveMinutes,
        offer.terms.minimumPct,
        offer.terms.freeCancelHours,
        offer.terms.noShowPct,
        offer.terms.cancelPct,
      ],
    ],
  });
}

/**
 * A list of the service, newest first, against the chain's settlements up to the report's block.
 * Only a report whose own hashes are the chain's can accuse anybody; null for another.
 */
export function compare(report: Report, shown: Shown): Compared | null {
  if (report.head !== report.chainHead || report.checked !== report.count) return null;
  const { settlements } = report.history;
  const checked = settlements.length;
  // what a list has, its service knows
  const known = Math.min(checked, Math.max(shown.known, ...shown.items.map((one) => one.number)));
  // what has come since the report was made cannot be judged by it; by the chain's count, for a
  // row's own word of its block could take it out of any check
  const newer = shown.items.filter((one) => one.number > checked && one.block > report.block);
  const old = shown.items.filter((one) => !newer.includes(one));
  const rows: Difference[] = [];
  const there = new Set<number>();
  for (const row of shown.items) {
    const settlement = settlements[row.number - 1];
    const twice = there.has(row.number);
    there.add(row.number);
    if (twice || (!settlement && old.includes(row)))
      rows.push({ number: row.number, what: "extra", fields: [] });
    else if (settlement) {
      const fields = altered(row, settlement, report.heads[row.number - 1] ?? "");
      if (fields.length > 0) rows.push({ number: row.number, what: "altered", fields });
      else if (!shown.fits(settlement))
        rows.push({ number: row.number, what: "extra", fields: [] });
    }
  }
  const due = settlements.filter(shown.fits);
  // a page with nothing on it has no other behind it
  const last = shown.whole || there.size === 0 ? 0 : Math.min(...there);
  for (const { record } of due) {
    const number = Number(record.number);
    if (number <= known && number >= last && !there.has(number))
      rows.push({ number, what: "missing", fields: [] });
  }
  rows.sort((one, other) => one.number - other.number);
  // where none is older, more of the newer ones may be behind the page
  const all = newer.length === 0 || old.length > 0 || shown.whole;
  const judged = known === checked && all;
  const sums: SumField[] = judged && shown.totals ? wrongSums(shown.totals, due, newer) : [];
  if (!same(unit(shown.currency), unit(report.currency))) sums.push("currency");
  return { rows, sums, behind: checked - known, newer: newer.length };
}

function wrongSums(totals: Totals, due: Settlement[], newer: Row[]): (keyof Totals)[] {
  const records = [
    ...due.map((one) => one.record),
    ...newer.map((one) => ({
      rent: BigInt(one.rent),
      overstay: BigInt(one.overstay),
      energy: BigInt(one.energy),
      fee: BigInt(one.fee),
      refund: BigInt(one.refund),
    })),
  ];
  const sum = (name: "rent" | "overstay" | "energy" | "fee" | "refund") =>
    records.reduce((so, one) => so + one[name], 0n);
  const [rent, overstay, energy, fee] = [sum("rent"), sum("overstay"), sum("energy"), sum("fee")];
  return differing<keyof Totals>({
    count: [totals.count, records.length],
    rent: [totals.rent, rent],
    overstay: [totals.overstay, overstay],
    energy: [totals.energy, energy],
    fee: [totals.fee, fee],
    ownerShare: [totals.ownerShare, rent + overstay + energy - fee],
    refund: [totals.refund, sum("refund")],
  });
}

function hex(id: bigint, digits: number): string {
  return `0x${id.toString(16).padStart(digits, "0")}`;
}

function differing<Name extends string>(pairs: Record<Name, [unknown, unknown]>): Name[] {
  return (Object.keys(pairs) as Name[]).filter((name) => {
    const [shown, told] = pairs[name];
    return !same(shown, told);
  });
}
