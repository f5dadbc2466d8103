import { describe, expect, it } from "vitest";
import { entriesOf } from "./entries";

const ID = "0x0011c2f50000002a";
const at = (hour: number) => new Date(Date.UTC(2026, 10, 22, hour)).toISOString();
const span = (start: number, end: number) => ({ start: at(start), end: at(end) });
const block = (id: string, start: number, end: number) => ({
  id,
  spaceId: ID,
  window: span(start, end),
  givenBack: false,
});

describe("an owner's calendar", () => {
  it("tells leased times from those that are kept", () => {
    const found = entriesOf([span(1, 3), span(5, 7)], [block("0xb", 5, 7)], ID);
    expect(found).toEqual([
      { ...span(1, 3), blocked: null },
      { ...span(5, 7), blocked: "0xb" },
    ]);
  });

  it("splits a taken time where a block begins and ends within it", () => {
    const found = entriesOf([span(1, 9)], [block("0xc", 6, 7), block("0xb", 3, 4)], ID);
    expect(found.map((one) => [one.start, one.blocked])).toEqual([
      [at(1), null],
      [at(3), "0xb"],
      [at(4), null],
      [at(6), "0xc"],
      [at(7), null],
    ]);
  });

  it("offers nothing to give back where it was", () => {
    const back = { ...block("0xb", 5, 7), givenBack: true };
    expect(entriesOf([span(5, 7)], [back], ID)).toEqual([{ ...span(5, 7), blocked: "" }]);
  });

  it("leaves out other spaces, and blocks that are not in the window", () => {
    const other = { ...block("0xd", 1, 3), spaceId: "0x00" };
    expect(entriesOf([span(1, 3)], [other, block("0xf", 8, 9)], ID)).toEqual([
      { ...span(1, 3), blocked: null },
    ]);
    expect(entriesOf([], [block("0xf", 8, 9)], ID)).toEqual([]);
  });
});
