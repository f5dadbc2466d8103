import { describe, expect, it } from "vitest";
import {
  ALL,
  CELLS,
  cellOf,
  countOf,
  gridOf,
  has,
  inWords,
  maskOf,
  moved,
  paint,
  PRESETS,
  set,
} from "./hours";
import { shared } from "../../driver/slots";

const NAMES = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

describe("weekly hours", () => {
  it("begin with Monday 00:00 as bit 0 and end with Sunday 23:00 as bit 167", () => {
    expect(set(0n, cellOf(0, 0), true)).toBe(1n);
    expect(set(0n, cellOf(6, 23), true)).toBe(1n << 167n);
    expect(set(0n, cellOf(1, 0), true)).toBe(1n << 24n);
    expect(ALL).toBe((1n << 168n) - 1n);
    expect(countOf(ALL)).toBe(CELLS);
  });

  it("go to the grid and back unchanged, every single bit and all presets", () => {
    for (let cell = 0; cell < CELLS; cell++) {
      const grid = gridOf(1n << BigInt(cell));
      expect(grid[Math.floor(cell / 24)]?.[cell % 24]).toBe(true);
      expect(grid.flat().filter(Boolean)).toHaveLength(1);
      expect(maskOf(grid)).toBe(1n << BigInt(cell));
    }
    for (const mask of Object.values(PRESETS)) expect(maskOf(gridOf(mask))).toBe(mask);
  });

  it("are read by a driver's screen as they were painted", () => {
    // 2026-11-23 is a Monday
    const text = `0x${PRESETS.work.toString(16)}`;
    expect(shared(text, Date.parse("2026-11-23T08:00:00Z"), "+00:00")).toBe(true);
    expect(shared(text, Date.parse("2026-11-23T07:00:00Z"), "+00:00")).toBe(false);
    expect(shared(text, Date.parse("2026-11-23T07:00:00Z"), "+01:00")).toBe(true);
    expect(shared(text, Date.parse("2026-11-28T09:00:00Z"), "+00:00")).toBe(false);
  });

  it("are painted as rectangles in every direction, on and off", () => {
    const from = cellOf(1, 10);
    const to = cellOf(3, 8);
    const painted = paint(0n, from, to, true);
    expect(countOf(painted)).toBe(9);
    expect(paint(0n, to, from, true)).toBe(painted);
    expect(has(painted, cellOf(2, 9))).toBe(true);
    expect(has(painted, cellOf(2, 11))).toBe(false);
    expect(paint(painted, from, to, false)).toBe(0n);
    expect(countOf(paint(ALL, from, to, false))).toBe(CELLS - 9);
  });

  it("have presets that mean what they are called", () => {
    expect(inWords(PRESETS.work, NAMES)).toBe("Mon–Fri 08:00–18:00");
    expect(inWords(PRESETS.weekends, NAMES)).toBe("Sat–Sun 00:00–24:00");
    expect(inWords(PRESETS.nights, NAMES)).toBe("Mon–Sun 00:00–08:00, 18:00–24:00");
    expect(inWords(PRESETS.none, NAMES)).toBe("");
    expect(inWords(set(0n, cellOf(2, 5), true), NAMES)).toBe("Wed 05:00–06:00");
  });

  it("are walked with the arrows, and not over the edge", () => {
    expect(moved(cellOf(0, 8), "ArrowDown")).toBe(cellOf(0, 9));
    expect(moved(cellOf(0, 8), "ArrowRight")).toBe(cellOf(1, 8));
    expect(moved(cellOf(0, 23), "ArrowDown")).toBeNull();
    expect(moved(cellOf(0, 0), "ArrowUp")).toBeNull();
    expect(moved(cellOf(0, 0), "ArrowLeft")).toBeNull();
    expect(moved(cellOf(6, 0), "ArrowRight")).toBeNull();
    expect(moved(cellOf(4, 7), "Home")).toBe(cellOf(4, 0));
    expect(moved(cellOf(4, 7), "End")).toBe(cellOf(4, 23));
    expect(moved(cellOf(4, 7), "a")).toBeNull();
  });
});
