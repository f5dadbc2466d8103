import { describe, expect, it } from "vitest";
import { FIRST, perSlot, termsOf, type Draft } from "./draft";
import { first, typed } from "./first";
import { dayOf } from "./zone";
import { parseMoney } from "../../words/format";

const NOW = Date.parse("2026-11-21T15:00:00Z");
const DRAFT: Draft = {
  ...FIRST,
  perHour: "2.50",
  perKwh: "0.45",
  zone: "+11:00",
  firstDay: "2026-11-22",
  lastDay: "2027-11-21",
};

function wrongOf(part: Partial<Draft>) {
  return termsOf({ ...DRAFT, ...part }, 6, true, NOW).wrong;
}

describe("the price", () => {
  it("of an hour is four quarters without loss, or is refused", () => {
    expect(perSlot(2_500_000n)).toBe(625_000n);
    expect(perSlot(2_500_001n)).toBeNull();
    for (let cents = 1; cents < 2000; cents += 7) {
      const text = `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, "0")}`;
      const hourly = parseMoney(text, 6);
      const slot = perSlot(hourly ?? 1n);
      expect(slot === null ? null : slot * 4n).toBe(hourly);
    }
    expect(wrongOf({ perHour: "0.000001" })).toEqual({ perHour: "exact" });
    expect(wrongOf({ perHour: "0.000004" })).toBeNull();
  });

  it("is shown as it was typed", () => {
    for (const text of ["2.5", "0.4", "12", "0.000004", "1000000.25"]) {
      expect(typed(parseMoney(text, 6) ?? -1n, 6)).toBe(text);
    }
    expect(typed(7n, 0)).toBe("7");
  });

  it("is an amount above nothing that the contract can hold", () => {
    for (const perHour of ["", "0", "free", "-1", "1.2345678", "1e3"]) {
      expect(wrongOf({ perHour })).toEqual({ perHour: "price" });
    }
    expect(wrongOf({ perHour: "9".repeat(20) })).toEqual({ perHour: "price" });
    expect(wrongOf({ perKwh: "x" })).toEqual({ perKwh: "price" });
    // without a charger the field is not there
    expect(termsOf({ ...DRAFT, perKwh: "x" }, 6, false, NOW).terms?.pricePerKwh).toBe(0n);
  });
});

describe("the terms", () => {
  it("are what the contract takes", () => {
    expect(termsOf(DRAFT, 6, true, NOW).terms).toEqual({
      pricePerSlot: 625_000n,
      pricePerKwh: 450_000n,
      overstayPct: 200n,
      reserveMinutes: 60n,
      minimumPct: 0n,
      freeCancelHours: 1n,
      noShowPct: 100n,
      cancelPct: 50n,
      hoursOfWeek: (1n << 168n) - 1n,
      utcOffset: 44n,
      firstDay: BigInt(dayOf("2026-11-22") ?? 0),
      lastDay: BigInt(dayOf("2027-11-21") ?? 0),
      minSlots: 2n,
      maxSlots: 96n,
      flags: 7n,
    });
    expect(dayOf("2026-11-22")).toBe(20779);
  });

  it("are refused at each field that is wrong, all at once", () => {
    expect(wrongOf({ hours: 0n, zone: "+15:00", lastDay: "2026-11-01" })).toEqual({
      hours: "none",
      zone: "zone",
      lastDay: "reversed",
    });
    expect(wrongOf({ firstDay: "", lastDay: "soon" })).toEqual({ firstDay: "day", lastDay: "day" });
    expect(wrongOf({ minimumMinutes: 240, maximumMinutes: 120 })).toEqual({
      maximumMinutes: "length",
    });
    expect(wrongOf({ cancelPercent: "60", noShowPercent: "50" })).toEqual({
      cancelPercent: "above",
    });
    for (const [name, text] of [
      ["overstayPercent", "99"],
      ["overstayPercent", "1001"],
      ["reserveMinutes", "1441"],
      ["minimumPercent", "101"],
      ["noShowPercent", "101"],
      ["freeCancelHours", "1.5"],
      ["minimumPercent", ""],
    ] as const) {
      expect(wrongOf({ [name]: text })).toHaveProperty(name, "range");
    }
  });
});

describe("a new offer", () => {
  const space = {
    city: "AUMEL",
    validUntil: "2027-03-01",
    currency: { symbol: "tEUR", decimals: 6 },
    offers: [],
  };

  it("begins with the city's clock and ends with the space's papers", () => {
    const draft = first(space, [{ city: "AUMEL", utcOffset: "+11:00" }], NOW);
    expect(draft.perHour).toBe("");
    expect(termsOf({ ...draft, perHour: "1" }, 6, true, NOW).terms?.utcOffset).toBe(44n);
    // 15:00 in UTC is the next day there
    expect(draft.firstDay).toBe("2026-11-22");
    expect(draft.lastDay).toBe("2027-03-01");
  });

  it("lasts a year where the papers do", () => {
    const draft = first({ ...space, validUntil: "2030-01-01" }, [], NOW);
    const days = (dayOf(draft.lastDay) ?? 0) - (dayOf(draft.firstDay) ?? 0);
    expect(days).toBe(364);
  });
});
