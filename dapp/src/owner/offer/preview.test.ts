import { describe, expect, it } from "vitest";
import { priceOf } from "../../driver/price";
import type { OfferTerms } from "./draft";
import { previewOf } from "./preview";

const OFFER: OfferTerms = {
  pricePerSlot: 625_000n,
  pricePerKwh: 0n,
  overstayPct: 200n,
  reserveMinutes: 60n,
  minimumPct: 0n,
  freeCancelHours: 1n,
  noShowPct: 100n,
  cancelPct: 50n,
  hoursOfWeek: 1n,
  utcOffset: 0n,
  firstDay: 0n,
  lastDay: 1n,
  minSlots: 2n,
  maxSlots: 48n,
  flags: 7n,
};

describe("what a driver would pay", () => {
  const found = previewOf(OFFER, 250n);

  it("of one hour, three hours and a day: rent, what is held, what the owner gets", () => {
    expect(found.stays.map((one) => one.pays)).toEqual([2_500_000n, 7_500_000n, 60_000_000n]);
    // an hour of overstay at twice the price lies beside the rent
    expect(found.stays.map((one) => one.held)).toEqual([7_500_000n, 12_500_000n, 65_000_000n]);
    expect(found.stays[0]?.earns).toBe(2_437_500n);
    expect(found.stays.map((one) => one.possible)).toEqual([true, true, false]);
  });

  it("is what a driver's own screen says", () => {
    const said = {
      pricePerSlot: "625000",
      pricePerKwh: "0",
      overstayPercent: 200,
      reserveMinutes: 60,
      minimumPercent: 0,
      freeCancelHours: 1,
      noShowPercent: 100,
      cancelPercent: 50,
    };
    for (const one of found.stays) {
      const price = priceOf(said, one.minutes / 15, 0);
      expect([one.pays, one.held]).toEqual([price.expected, price.maximum]);
    }
    expect(found.overstayPerHour).toBe(priceOf(said, 12, 0).overstayPerHour);
    expect(found.noShow).toBe(priceOf(said, 12, 0).noShowCharge);
    expect(found.lateCancel).toBe(priceOf(said, 12, 0).cancelCharge);
  });

  it("of an overstay counts from the sixth minute, and only as far as the deposit reaches", () => {
    expect(found.overstay.billed).toBe(25);
    // 2.5 an hour, twice, 25 minutes
    expect(found.overstay.extra).toBe((2_500_000n * 2n * 25n) / 60n);
    expect(found.overstay.pays).toBe(7_500_000n + found.overstay.extra);
    const short = previewOf({ ...OFFER, reserveMinutes: 10n }, 250n);
    expect(short.overstay.billed).toBe(10);
    expect(short.overstay.extra).toBe((2_500_000n * 2n * 10n) / 60n);
    expect(previewOf({ ...OFFER, reserveMinutes: 0n }, 250n).overstay.extra).toBe(0n);
  });

  it("of leaving early is by the minute, or the part that the offer names", () => {
    expect(found.early.pays).toBe(2_500_000n);
    expect(previewOf({ ...OFFER, minimumPct: 50n }, 250n).early.pays).toBe(3_750_000n);
  });

  it("of a late cancellation is nothing where it is free to the end", () => {
    expect(found.lateCancel).toBe(3_750_000n);
    expect(previewOf({ ...OFFER, freeCancelHours: 0n }, 250n).lateCancel).toBe(0n);
    expect(found.noShow).toBe(7_500_000n);
  });
});
