import { describe, expect, it } from "vitest";
import {
  momentOf,
  moved,
  offsetAt,
  shared,
  SLOT,
  slotsIn,
  soonest,
  spanOf,
  timesOn,
  wallOf,
} from "./slots";

const at = (text: string) => Date.parse(text);

describe("the clock of a place", () => {
  it("reads a fixed offset, a named zone and its summer time", () => {
    expect(offsetAt(at("2026-11-21T08:00:00Z"), "+11:00")).toBe(11 * 3_600_000);
    expect(offsetAt(at("2026-11-21T08:00:00Z"), "-03:30")).toBe(-3.5 * 3_600_000);
    expect(offsetAt(at("2026-07-01T00:00:00Z"), "Europe/Berlin")).toBe(2 * 3_600_000);
    expect(offsetAt(at("2026-12-01T00:00:59.5Z"), "Europe/Berlin")).toBe(3_600_000);
  });

  it("shows a moment there, across midnight", () => {
    expect(wallOf(at("2026-11-21T14:30:00Z"), "+11:00")).toEqual({
      date: "2026-11-22",
      time: "01:30",
    });
  });

  it("finds the moment again", () => {
    for (const zone of ["+11:00", "-03:30", "Europe/Berlin", "America/New_York"]) {
      const moment = at("2026-03-28T21:45:00Z");
      expect(momentOf(wallOf(moment, zone), zone)).toBe(moment);
    }
    expect(momentOf({ date: "", time: "10:00" }, "+11:00")).toBeNull();
  });

  it("takes the first of an hour that comes twice", () => {
    expect(momentOf({ date: "2026-10-25", time: "02:30" }, "Europe/Berlin")).toBe(
      at("2026-10-25T00:30:00Z"),
    );
  });

  it("moves a time that summer time skips behind the change", () => {
    const moment = momentOf({ date: "2026-03-29", time: "02:30" }, "Europe/Berlin");
    expect(moment).toBe(at("2026-03-29T01:30:00Z"));
    expect(wallOf(moment ?? 0, "Europe/Berlin").time).toBe("03:30");
  });

  it("offers 92 quarter hours on the day that is 23 hours long, and the future only", () => {
    const before = at("2026-03-01T00:00:00Z");
    expect(timesOn("2026-03-29", "Europe/Berlin", before)).toHaveLength(92);
    expect(timesOn("2026-03-28", "Europe/Berlin", before)).toHaveLength(96);
    const today = timesOn("2026-11-21", "+11:00", at("2026-11-21T10:20:00Z"));
    expect(today[0]).toBe("21:15");
    expect(today.at(-1)).toBe("23:45");
    expect(timesOn("2026-11-20", "+11:00", at("2026-11-21T10:20:00Z"))).toEqual([]);
  });
});

describe("a stay", () => {
  it("covers all minutes that were asked for", () => {
    const span = spanOf(null, 120, at("2026-11-21T08:07:00Z"));
    expect(span).toEqual({ start: at("2026-11-21T08:00:00Z"), end: at("2026-11-21T10:15:00Z") });
    expect(slotsIn(span)).toBe(9);
  });

  it("is exactly as long when it begins on a quarter hour", () => {
    expect(slotsIn(spanOf(at("2026-11-22T08:00:00Z"), 120, at("2026-11-21T08:07:00Z")))).toBe(8);
    expect(slotsIn(spanOf(null, 120, at("2026-11-21T08:00:00Z")))).toBe(8);
  });

  it("begins with the next quarter hour when this one is nearly over", () => {
    expect(soonest(at("2026-11-21T08:11:59Z"))).toBe(at("2026-11-21T08:00:00Z"));
    expect(soonest(at("2026-11-21T08:12:01Z"))).toBe(at("2026-11-21T08:15:00Z"));
    expect(spanOf(null, 30, at("2026-11-21T08:14:00Z"))).toEqual({
      start: at("2026-11-21T08:15:00Z"),
      end: at("2026-11-21T08:45:00Z"),
    });
  });

  it("that has begun meanwhile keeps its end, or its length where the end has passed too", () => {
    const span = { start: at("2026-11-21T08:00:00Z"), end: at("2026-11-21T10:00:00Z") };
    expect(moved(span, at("2026-11-21T08:10:00Z"))).toBe(span);
    expect(moved(span, at("2026-11-21T09:01:00Z"))).toEqual({
      start: at("2026-11-21T09:00:00Z"),
      end: span.end,
    });
    expect(moved(span, at("2026-11-22T09:00:00Z"))).toEqual({
      start: at("2026-11-22T09:00:00Z"),
      end: at("2026-11-22T11:00:00Z"),
    });
  });

  it("knows the shared hours of the week by the clock there", () => {
    // Monday from 9 to 10 only
    const hours = `0x${(1n << 9n).toString(16)}`;
    const monday = at("2026-11-22T22:00:00Z");
    expect(shared(hours, monday, "+11:00")).toBe(true);
    expect(shared(hours, monday + 4 * SLOT, "+11:00")).toBe(false);
    expect(shared(hours, monday, "+00:00")).toBe(false);
  });
});
