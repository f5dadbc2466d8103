import { describe, expect, it } from "vitest";
import { fit, MEASURES } from "./cars";
import { allows, clashes, dayOf, runs } from "./day";
import { cancelling, cheapest, priceOf } from "./price";
import { SLOT } from "./slots";
import { offerFor, stayIn } from "./stay";
import type { Schemas } from "../api/client";

const ALL_HOURS = `0x${((1n << 168n) - 1n).toString(16)}`;
const OFFER: Schemas["OfferOut"] = {
  number: 1,
  pricePerSlot: "650000",
  pricePerKwh: "390000",
  overstayPercent: 200,
  reserveMinutes: 60,
  minimumPercent: 50,
  freeCancelHours: 2,
  noShowPercent: 80,
  cancelPercent: 30,
  hoursOfWeek: ALL_HOURS,
  utcOffset: "+11:00",
  firstDay: "2026-11-01",
  lastDay: "2026-12-31",
  minimumMinutes: 30,
  maximumMinutes: 1440,
  requires: ["plate"],
  feeBasisPoints: 250,
};
const at = (text: string) => Date.parse(text);

describe("the price", () => {
  it("is the contract's", () => {
    // the same figures as berth.core.tariff.price_preview for these terms, 9 slots, 20 kWh
    expect(priceOf(OFFER, 9, 20)).toEqual({
      maximum: 18_850_000n,
      expected: 13_650_000n,
      rent: 5_850_000n,
      energy: 7_800_000n,
      minimum: 2_946_666n,
      overstayReserve: 5_200_000n,
      overstayPerHour: 5_200_000n,
      cancelCharge: 1_755_000n,
      noShowCharge: 4_680_000n,
    });
  });

  it("is at least a quarter hour and at most what was booked", () => {
    expect(priceOf({ ...OFFER, minimumPercent: 0 }, 4, 0).minimum).toBe(650_000n);
    expect(priceOf({ ...OFFER, minimumPercent: 100 }, 4, 0).minimum).toBe(2_600_000n);
  });

  it("tells until when cancelling is free", () => {
    const start = at("2026-11-21T12:00:00Z");
    expect(cancelling(OFFER, start, at("2026-11-21T08:00:00Z"))).toEqual({
      kind: "free",
      until: at("2026-11-21T10:00:00Z"),
    });
    expect(cancelling(OFFER, start, at("2026-11-21T11:00:00Z"))).toEqual({ kind: "charged" });
    expect(cancelling(OFFER, start, start)).toEqual({ kind: "never" });
    expect(cancelling({ ...OFFER, cancelPercent: 0 }, start, start - 1)).toEqual({
      kind: "free",
      until: start,
    });
  });

  it("of several offers the cheapest counts that allows the stay", () => {
    const dear = { ...OFFER, number: 3, pricePerSlot: "900000" };
    const barred = { ...OFFER, number: 4, pricePerSlot: "1", maximumMinutes: 60 };
    const span = { start: at("2026-11-21T08:00:00Z"), end: at("2026-11-21T10:00:00Z") };
    const all = [barred, dear, OFFER];
    expect(cheapest(all, 8, 0, (one) => allows(one, span))?.number).toBe(1);
    expect(offerFor(all, { span, kwh: 0, offer: 3 })?.number).toBe(3);
    expect(offerFor(all, { span, kwh: 0, offer: 4 })?.number).toBe(1);
    expect(offerFor([barred], { span, kwh: 0, offer: null })).toBeNull();
  });
});

describe("what an offer allows", () => {
  const span = { start: at("2026-11-21T08:00:00Z"), end: at("2026-11-21T10:00:00Z") };
  it("is bounded by length, hours and days, by the clock there", () => {
    expect(allows(OFFER, span)).toBe(true);
    expect(allows({ ...OFFER, minimumMinutes: 180 }, span)).toBe(false);
    expect(allows({ ...OFFER, maximumMinutes: 60 }, span)).toBe(false);
    expect(allows({ ...OFFER, lastDay: "2026-11-20" }, span)).toBe(false);
    // Saturday from 19 to 20 there, and no longer
    expect(allows({ ...OFFER, hoursOfWeek: `0x${(1n << 139n).toString(16)}` }, span)).toBe(false);
    const two = `0x${(3n << 139n).toString(16)}`;
    expect(allows({ ...OFFER, hoursOfWeek: two }, span)).toBe(true);
  });
});

describe("the day", () => {
  it("goes from midnight to midnight there", () => {
    expect(dayOf(at("2026-11-21T14:00:00Z"), "+11:00")).toEqual({
      start: at("2026-11-21T13:00:00Z"),
      end: at("2026-11-22T13:00:00Z"),
    });
    const short = dayOf(at("2026-03-29T10:00:00Z"), "Europe/Berlin");
    expect((short.end - short.start) / SLOT).toBe(92);
  });

  it("tells what is taken, shared, wanted, and where that clashes", () => {
    const day = { start: 0, end: 8 * SLOT };
    const terms = { ...OFFER, utcOffset: "+00:00", firstDay: "1970-01-01" };
    const open = { ...terms, hoursOfWeek: `0x${(1n << 72n).toString(16)}` };
    const found = runs(day, [{ start: SLOT, end: 3 * SLOT }], [open], {
      start: 2 * SLOT,
      end: 4 * SLOT,
    });
    expect(found.map((run) => [run.kind, run.start / SLOT, run.end / SLOT])).toEqual([
      ["free", 0, 1],
      ["taken", 1, 2],
      ["clash", 2, 3],
      ["yours", 3, 4],
      ["closed", 4, 8],
    ]);
    expect(clashes([{ start: 0, end: SLOT }], { start: SLOT, end: 2 * SLOT })).toBe(false);
    expect(clashes([{ start: 0, end: SLOT + 1 }], { start: SLOT, end: 2 * SLOT })).toBe(true);
  });
});

describe("a stay in the address of a space", () => {
  const now = at("2026-11-21T08:01:00Z");
  it("is read, rounded to quarter hours", () => {
    const query = {
      start: "2026-11-21T09:05:00Z",
      end: "2026-11-21T10:00:00Z",
      offer: "3",
      kwh: "20",
      max: "1200",
    };
    expect(stayIn(query, now)).toEqual({
      span: { start: at("2026-11-21T09:00:00Z"), end: at("2026-11-21T10:00:00Z") },
      begun: false,
      kwh: 20,
      offer: 3,
      told: 1200n,
    });
  });

  it("begins now where none is given, or it makes no sense", () => {
    const query = { start: "2026-11-21T09:00:00Z", end: "2026-11-21T08:00:00Z", kwh: "999" };
    for (const one of [{}, query]) {
      expect(stayIn(one, now)).toMatchObject({
        span: { start: at("2026-11-21T08:00:00Z"), end: at("2026-11-21T10:15:00Z") },
        begun: false,
        kwh: 0,
        offer: null,
        told: null,
      });
    }
  });

  it("that has begun is said to", () => {
    const query = { start: "2026-11-21T07:00:00Z", end: "2026-11-21T10:00:00Z" };
    expect(stayIn(query, now)).toMatchObject({
      span: { start: at("2026-11-21T08:00:00Z"), end: at("2026-11-21T10:00:00Z") },
      begun: true,
    });
  });
});

describe("a car in a space", () => {
  it("fits by its tightest direction; open air has no height", () => {
    const space = { heightCm: 200, widthCm: 250, lengthCm: 500 };
    expect(fit(space, MEASURES.medium)).toEqual({ where: "length", spareCm: 30 });
    expect(fit(space, MEASURES.van).spareCm).toBe(-100);
    expect(fit({ ...space, heightCm: 0 }, { ...MEASURES.van, lengthCm: 400 })).toEqual({
      where: "width",
      spareCm: 40,
    });
  });
});
