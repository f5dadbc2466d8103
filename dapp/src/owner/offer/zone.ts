/** A zone's offset from UTC, which an offer keeps for its whole life, and when the zone leaves it. */
import { MINUTE, offsetAt } from "../../driver/slots";

const QUARTER = 15;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const WEEK = 7 * DAY;
const LEAST = -48;
const MOST = 56;

/** Quarter hours from UTC at a moment; null where the contract knows no such offset. */
export function quartersAt(zone: string, moment: number): number | null {
  const quarters = offsetAt(moment, zone) / (QUARTER * MINUTE);
  return Number.isInteger(quarters) && quarters >= LEAST && quarters <= MOST ? quarters : null;
}

/** Quarter hours as "+11:00". */
export function offsetText(quarters: number): string {
  const minutes = Math.abs(quarters) * QUARTER;
  const two = (n: number) => String(n).padStart(2, "0");
  return `${quarters < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

/** "+11:00" as quarter hours; null when it is no offset. */
export function quartersOf(text: string | null | undefined): number | null {
  const found = /^([+-])(\d{2}):(\d{2})$/.exec(text ?? "");
  if (!found) return null;
  const quarters = Number(found[2]) * 4 + Number(found[3]) / QUARTER;
  if (!Number.isInteger(quarters)) return null;
  return found[1] === "-" && quarters ? -quarters : quarters;
}

export interface Change {
  /** The first whole hour with the other offset, milliseconds. */
  at: number;
  quarters: number;
}

/** When the zone's clock next leaves its offset, within the days; null: it does not. */
export function nextChange(zone: string, from: number, days: number): Change | null {
  const first = quartersAt(zone, from);
  const end = from + days * DAY;
  // no clock leaves its offset and comes back within a week
  for (let before = from; before < end; before += WEEK) {
    const after = Math.min(before + WEEK, end);
    if (quartersAt(zone, after) === first) continue;
    const at = firstOther(zone, before, after, first);
    const quarters = quartersAt(zone, at);
    return quarters === null ? null : { at, quarters };
  }
  return null;
}

/** Halves the time between until an hour is left. */
function firstOther(zone: string, before: number, after: number, first: number | null): number {
  let same = Math.floor(before / HOUR);
  let other = Math.ceil(after / HOUR);
  while (other - same > 1) {
    const middle = Math.floor((same + other) / 2);
    if (quartersAt(zone, middle * HOUR) === first) same = middle;
    else other = middle;
  }
  return other * HOUR;
}

/** Days since 1970-01-01 of a date like "2026-11-21"; null when it is none. */
export function dayOf(date: string): number | null {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(date)) return null;
  const moment = Date.parse(`${date}T00:00:00Z`);
  return Number.isNaN(moment) ? null : moment / DAY;
}

export function dateOf(day: number): string {
  return new Date(day * DAY).toISOString().slice(0, 10);
}

/** The local day at a moment. */
export function localDay(moment: number, quarters: number): number {
  return Math.floor((moment + quarters * QUARTER * MINUTE) / DAY);
}

export function ownZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** All zones that the browser knows, its own among them. */
export function zones(): string[] {
  const known = new Set([ownZone(), "UTC", ...Intl.supportedValuesOf("timeZone")]);
  return [...known].sort();
}
