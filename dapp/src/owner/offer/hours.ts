/** Weekly hours as the contract has them: 168 bits, bit 0 = Monday 00:00 to 01:00, local time. */

import { listed, rowed } from "../../words/join";

export type Mask = bigint;

export const DAYS = 7;
export const HOURS = 24;
export const CELLS = DAYS * HOURS;
export const ALL: Mask = (1n << BigInt(CELLS)) - 1n;

/** The cell of a day (0 = Monday) and hour. */
export function cellOf(day: number, hour: number): number {
  return day * HOURS + hour;
}

export function has(mask: Mask, cell: number): boolean {
  return ((mask >> BigInt(cell)) & 1n) === 1n;
}

export function set(mask: Mask, cell: number, on: boolean): Mask {
  const bit = 1n << BigInt(cell);
  return on ? mask | bit : mask & ~bit;
}

/** All cells of the rectangle between two corners, days by hours. */
export function paint(mask: Mask, from: number, to: number, on: boolean): Mask {
  const days = [Math.floor(from / HOURS), Math.floor(to / HOURS)].sort((a, b) => a - b);
  const hours = [from % HOURS, to % HOURS].sort((a, b) => a - b);
  let painted = mask;
  for (let day = days[0] ?? 0; day <= (days[1] ?? 0); day++) {
    for (let hour = hours[0] ?? 0; hour <= (hours[1] ?? 0); hour++) {
      painted = set(painted, cellOf(day, hour), on);
    }
  }
  return painted;
}

/** 7 days of 24 hours. */
export function gridOf(mask: Mask): boolean[][] {
  return Array.from({ length: DAYS }, (_, day) =>
    Array.from({ length: HOURS }, (_, hour) => has(mask, cellOf(day, hour))),
  );
}

export function maskOf(grid: readonly (readonly boolean[])[]): Mask {
  let mask = 0n;
  grid.forEach((day, number) =>
    day.forEach((on, hour) => {
      mask = set(mask, cellOf(number, hour), on);
    }),
  );
  return mask;
}

function where(shared: (day: number, hour: number) => boolean): Mask {
  return maskOf(
    Array.from({ length: DAYS }, (_, day) =>
      Array.from({ length: HOURS }, (_, hour) => shared(day, hour)),
    ),
  );
}

export const PRESETS = {
  always: ALL,
  work: where((day, hour) => day < 5 && hour >= 8 && hour < 18),
  nights: where((_, hour) => hour >= 18 || hour < 8),
  weekends: where((day) => day >= 5),
  none: 0n,
} as const;
export type Preset = keyof typeof PRESETS;

export function countOf(mask: Mask): number {
  return gridOf(mask).flat().filter(Boolean).length;
}

/** The shared hours in words: "Mon–Fri 08:00–18:00"; days that are alike stand together. */
export function inWords(mask: Mask, names: readonly string[]): string {
  const texts = gridOf(mask).map(dayInWords);
  const told: string[] = [];
  let day = 0;
  while (day < DAYS) {
    let end = day;
    while (end + 1 < DAYS && texts[end + 1] === texts[day]) end++;
    if (texts[day]) {
      const days = end > day ? `${names[day]}–${names[end]}` : names[day];
      told.push(`${days} ${texts[day]}`);
    }
    day = end + 1;
  }
  return rowed(told);
}

function dayInWords(hours: readonly boolean[]): string {
  const runs: [number, number][] = [];
  hours.forEach((on, hour) => {
    const last = runs[runs.length - 1];
    if (!on) return;
    if (last && last[1] === hour) last[1] = hour + 1;
    else runs.push([hour, hour + 1]);
  });
  return listed(runs.map(([from, until]) => `${clock(from)}–${clock(until)}`));
}

export function clock(hour: number): string {
  return `${String(hour).padStart(2, "0")}:00`;
}

/** The cell that a key leads to; null for another key, or over the edge. */
export function moved(cell: number, key: string): number | null {
  const day = Math.floor(cell / HOURS);
  const hour = cell % HOURS;
  switch (key) {
    case "ArrowDown":
      return hour < HOURS - 1 ? cell + 1 : null;
    case "ArrowUp":
      return hour > 0 ? cell - 1 : null;
    case "ArrowRight":
      return day < DAYS - 1 ? cell + HOURS : null;
    case "ArrowLeft":
      return day > 0 ? cell - HOURS : null;
    case "Home":
      return cellOf(day, 0);
    case "End":
      return cellOf(day, HOURS - 1);
    default:
      return null;
  }
}
