import { describe, expect, it } from "vitest";
import type { Schemas } from "../../api/client";
import { EMPTY, fits } from "../filter";
import { History, type Settlement } from "./history";
import { EMPTY_HEAD, nextHead, recordHash, type Settled } from "./ledger";
import type { Event } from "./reader";
import { altered, alteredSteps, compare, type Shown } from "./shown";
import { judge } from "./whole";

const TEUR = { symbol: "tEUR", decimals: 6 };
const SPACE = 42n;
const DRIVER = "0x00000000000000000000000000000000000000d1";
const OWNER = "0x00000000000000000000000000000000000000e1";
const WORD_A = 1000n | (250n << 160n) | (100n << 176n);
const BLOCK = 9;

function leaseOf(number: number): bigint {
  return (SPACE << 48n) | (BigInt(1_900_000 + number) << 16n) | 1n;
}

function record(number: number, outcome = 4): Settled {
  return {
    ...{ leaseId: leaseOf(number), driver: DRIVER, owner: OWNER, number: BigInt(number) },
    ...{ outcome, offer: 1, rent: 4000n, overstay: 0n, energy: 0n, fee: 100n, refund: 0n },
    ...{ arrived: 1, until: 0, energyWh: 0, closedAt: 1_710_003_600 },
  };
}

const RECORDS = [record(1), record(2, 5), record(3)];
const HISTORY = new History([
  event("OfferPublished", { spaceId: SPACE, owner: OWNER, number: 1, wordA: WORD_A }),
  ...RECORDS.flatMap((one) => [
    event("Leased", { ...one, offer: 1, slots: 4, kwhCap: 0, deposit: 4000n }),
    event("Settled", { ...one }),
  ]),
]);
const [FIRST, SECOND] = HISTORY.settlements as [Settlement, Settlement];
const HEAD = RECORDS.reduce((now, one) => nextHead(now, recordHash(one)), EMPTY_HEAD);
const REPORT = judge(HISTORY, {
  block: BigInt(BLOCK),
  blockHash: "0x02",
  chainHead: HEAD,
  count: 3n,
  currency: TEUR,
});

function event(name: string, args: Record<string, unknown>): Event {
  return { name, args, block: BigInt(BLOCK), transaction: "0x01", index: 0 };
}

/** As an honest service shows it. */
function row(number: number): Schemas["SettlementOut"] {
  const one = RECORDS[number - 1] ?? record(number);
  return {
    ...{ number, leaseId: `0x${one.leaseId.toString(16).padStart(28, "0")}` },
    ...{ spaceId: "0x000000000000002a", offer: 1, driver: DRIVER, owner: OWNER.toUpperCase() },
    windowStart: new Date(Number(1_900_000n + BigInt(number)) * 900_000).toISOString(),
    ...{ outcome: number === 2 ? "unused" : "presumed", rent: "4000", overstay: "0" },
    ...{ energy: "0", fee: "100", refund: "0", arrived: 1, until: 0, energyWh: 0 },
    closedAt: "2024-03-09T17:00:00Z",
    ...{ recordHash: recordHash(one), head: REPORT.heads[number - 1] ?? "0x" },
    ...{ block: BLOCK, transaction: "0x01", final: true },
  } as Schemas["SettlementOut"];
}

const TOTALS = {
  ...{ count: 3, rent: "12000", overstay: "0", energy: "0", fee: "300" },
  ...{ ownerShare: "11700", refund: "0" },
};

function shown(change: Partial<Shown> = {}): Shown {
  return {
    items: [row(3), row(2), row(1)],
    whole: true,
    totals: TOTALS,
    currency: TEUR,
    fits: fits(EMPTY),
    known: 3,
    ...change,
  };
}

describe("a list of the service beside the chain's", () => {
  it("agrees when every row, and the sums, are the chain's", () => {
    expect(compare(REPORT, shown())).toEqual({ rows: [], sums: [], behind: 0, newer: 0 });
  });

  it("differs where its amounts are of another money, or of larger units, than the market's", () => {
    for (const currency of [
      { ...TEUR, decimals: 4 },
      { ...TEUR, symbol: "EUR" },
    ])
      expect(compare(REPORT, shown({ currency }))?.sums).toEqual(["currency"]);
  });

  it("names the fields of a row that are others", () => {
    const items = [row(3), { ...row(2), rent: "1", outcome: "departed" as const }, row(1)];
    expect(compare(REPORT, shown({ items }))?.rows).toEqual([
      { number: 2, what: "altered", fields: ["outcome", "rent"] },
    ]);
    expect(altered(row(2), SECOND, row(2).head)).toEqual([]);
  });

  it("misses what is left out, as far as the list goes", () => {
    expect(compare(REPORT, shown({ items: [row(3), row(1)] }))?.rows).toEqual([
      { number: 2, what: "missing", fields: [] },
    ]);
    const part = { items: [row(3), row(2)], whole: false };
    expect(compare(REPORT, shown(part))?.rows).toEqual([]);
    expect(compare(REPORT, shown({ ...part, whole: true }))?.rows).toEqual([
      { number: 1, what: "missing", fields: [] },
    ]);
  });

  it("finds what the chain does not have, and what the filter does not ask for", () => {
    const made = { ...row(3), number: 4, leaseId: "0x01" };
    expect(compare(REPORT, shown({ items: [made, row(3), row(2), row(1)] }))?.rows).toEqual([
      { number: 4, what: "extra", fields: [] },
    ]);
    const unused = fits({ ...EMPTY, outcome: "unused" });
    const found = compare(REPORT, shown({ fits: unused, items: [row(2), row(1)], totals: null }));
    expect(found?.rows).toEqual([{ number: 1, what: "extra", fields: [] }]);
  });

  it("does not judge what came after the chain was read, but counts it in the sums", () => {
    const newer = { ...row(3), number: 4, block: BLOCK + 1 };
    const totals = { ...TOTALS, count: 4, rent: "16000", fee: "400", ownerShare: "15600" };
    const items = [newer, row(3), row(2), row(1)];
    expect(compare(REPORT, shown({ items, totals, known: 4 }))).toEqual({
      ...{ rows: [], sums: [], behind: 0, newer: 1 },
    });
  });

  it("judges what the chain has counted, whatever block a row names", () => {
    const forged = { ...row(2), rent: "1", block: BLOCK + 1000 };
    const totals = { ...TOTALS, count: 4, rent: "12001", fee: "400", ownerShare: "11601" };
    const items = [row(3), forged, row(1)];
    expect(compare(REPORT, shown({ items, totals }))).toMatchObject({
      rows: [{ number: 2, what: "altered", fields: ["rent", "block"] }],
      sums: ["count", "rent", "fee", "ownerShare"],
    });
    const none = { ...row(2), rent: "1", block: "soon" as unknown as number };
    expect(compare(REPORT, shown({ items: [row(3), none, row(1)] }))?.rows).toHaveLength(1);
  });

  it("finds what is shown twice", () => {
    const items = [row(3), row(2), row(2), row(1)];
    expect(compare(REPORT, shown({ items }))?.rows).toEqual([
      { number: 2, what: "extra", fields: [] },
    ]);
  });

  it("is not put off by a page with nothing on it, or by too small a word of what is known", () => {
    const missing = [1, 2, 3].map((number) => ({ number, what: "missing", fields: [] }));
    expect(compare(REPORT, shown({ items: [], whole: false }))?.rows).toEqual(missing);
    expect(compare(REPORT, shown({ items: [row(3), row(1)], known: 1 }))).toMatchObject({
      rows: [{ number: 2, what: "missing" }],
      behind: 0,
    });
  });

  it("names sums that are others", () => {
    const totals = { ...TOTALS, ownerShare: "1", count: 2 };
    expect(compare(REPORT, shown({ totals }))?.sums).toEqual(["count", "ownerShare"]);
  });

  it("says of a service that has not read everything only that", () => {
    const behind = shown({ items: [row(2), row(1)], known: 2 });
    expect(compare(REPORT, behind)).toEqual({ rows: [], sums: [], behind: 1, newer: 0 });
  });

  it("accuses nobody when the node's own events do not give its head", () => {
    const doubtful = { ...REPORT, chainHead: EMPTY_HEAD };
    expect(compare(doubtful, shown({ items: [] }))).toBeNull();
  });
});

describe("the filter, asked of the chain", () => {
  const found = (change: Partial<typeof EMPTY>) =>
    HISTORY.settlements.filter(fits({ ...EMPTY, ...change })).map((one) => one.record.number);

  it("is the service's", () => {
    expect(found({ outcome: "unused" })).toEqual([2n]);
    expect(found({ party: OWNER.toUpperCase(), role: "owner" })).toEqual([1n, 2n, 3n]);
    expect(found({ party: OWNER, role: "driver" })).toEqual([]);
    expect(found({ space: "0x000000000000002A" })).toEqual([1n, 2n, 3n]);
    expect(found({ space: "0x000000000000002b" })).toEqual([]);
    expect(found({ from: "2024-03-09", until: "2024-03-10" })).toHaveLength(3);
    expect(found({ until: "2024-03-09" })).toEqual([]);
    expect(found({ from: "2024-03-10" })).toEqual([]);
  });
});

describe("the steps of a settlement", () => {
  const detail = {
    ...row(1),
    ...{ cost: "4000", ownerShare: "3900", deposit: "4000", compensation: null, evidence: [] },
    booking: {
      window: { start: row(1).windowStart, end: row(5).windowStart },
      ...{ slots: 4, energyCapKwh: 0, deposit: "4000", transaction: "0x01" },
    },
    terms: {
      ...{ number: 1, pricePerSlot: "1000", pricePerKwh: "0", overstayPercent: 100 },
      ...{ reserveMinutes: 0, minimumPercent: 0, freeCancelHours: 0, noShowPercent: 0 },
      cancelPercent: 0,
    },
    currency: TEUR,
    ...{ offerTransaction: "0x01", arrivedTransaction: null, claimedTransaction: null },
  };
  const steps = (change: object = {}) =>
    alteredSteps(
      { registrationTransaction: undefined, ...detail, ...change } as never,
      FIRST,
      REPORT,
    );

  it("are the chain's", () => {
    expect(steps()).toEqual([]);
  });

  it("are named where they are others", () => {
    expect(steps({ booking: { ...detail.booking, transaction: "0x02" } })).toEqual(["booked"]);
    expect(steps({ terms: { ...detail.terms, overstayPercent: 0 } })).toEqual(["terms"]);
    expect(steps({ arrivedTransaction: "0x09" })).toEqual(["arrivedTransaction"]);
    expect(steps({ deposit: "1", ownerShare: "1" })).toEqual(["ownerShare", "deposit"]);
    expect(steps({ compensation: "7" })).toEqual(["compensation"]);
  });
});
