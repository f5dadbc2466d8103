import { describe, expect, it } from "vitest";
import { dateOf, dayOf, localDay, nextChange, offsetText, quartersAt, quartersOf } from "./zone";

const NOW = Date.parse("2026-11-21T15:00:00Z");

describe("offsets", () => {
  it("are quarter hours, in both directions and with half hours", () => {
    for (let quarters = -48; quarters <= 56; quarters++) {
      expect(quartersOf(offsetText(quarters))).toBe(quarters);
    }
    expect(offsetText(44)).toBe("+11:00");
    expect(offsetText(-14)).toBe("-03:30");
    expect(quartersOf("+05:45")).toBe(23);
    expect(quartersOf("-00:00")).toBe(0);
    for (const text of ["", null, undefined, "11:00", "+11:07", "+1:00"]) {
      expect(quartersOf(text)).toBeNull();
    }
  });

  it("are a zone's at a moment, summer and winter", () => {
    expect(quartersAt("Europe/Berlin", NOW)).toBe(4);
    expect(quartersAt("Europe/Berlin", Date.parse("2026-07-01T00:00:00Z"))).toBe(8);
    expect(quartersAt("Australia/Melbourne", NOW)).toBe(44);
    expect(quartersAt("Asia/Kathmandu", NOW)).toBe(23);
    expect(quartersAt("+11:00", NOW)).toBe(44);
    expect(quartersAt("+15:00", NOW)).toBeNull();
  });

  it("say when the clock is changed next, to the hour", () => {
    expect(nextChange("Europe/Berlin", NOW, 365)).toEqual({
      at: Date.parse("2027-03-28T01:00:00Z"),
      quarters: 8,
    });
    expect(nextChange("Australia/Melbourne", NOW, 365)).toEqual({
      at: Date.parse("2027-04-03T16:00:00Z"),
      quarters: 40,
    });
    expect(nextChange("Europe/Berlin", NOW, 30)).toBeNull();
    expect(nextChange("Asia/Shanghai", NOW, 365)).toBeNull();
    expect(nextChange("+11:00", NOW, 365)).toBeNull();
  });
});

describe("days", () => {
  it("are counted from 1970-01-01 and go back to the same date", () => {
    expect(dayOf("1970-01-01")).toBe(0);
    expect(dayOf("2026-11-21")).toBe(20778);
    for (const date of ["1970-01-01", "2024-02-29", "2026-12-31"]) {
      expect(dateOf(dayOf(date) ?? -1)).toBe(date);
    }
    for (const date of ["", "21.11.2026", "2026-13-01", "soon"]) expect(dayOf(date)).toBeNull();
  });

  it("are local: at the same moment it is tomorrow in Melbourne", () => {
    expect(dateOf(localDay(NOW, 44))).toBe("2026-11-22");
    expect(dateOf(localDay(NOW, 0))).toBe("2026-11-21");
    expect(dateOf(localDay(Date.parse("2026-11-21T02:00:00Z"), -20))).toBe("2026-11-20");
  });
});
