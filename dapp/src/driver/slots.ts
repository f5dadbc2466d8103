/** Times as people say them, by the clock of a place, and the quarter hours that are leased. */
import { fixedOffset } from "../words/format";

/** An offset ("+11:00"), an IANA name, or undefined: the reader's own clock. */
export type Zone = string | undefined;

export interface Wall {
  /** "2026-11-21" */
  date: string;
  /** "15:30" */
  time: string;
}

export interface Span {
  start: number;
  end: number;
}

export const MINUTE = 60_000;
export const SLOT = 15 * MINUTE;
const DAY = 24 * 60 * MINUTE;

/** With less left of a quarter hour, the next one is leased: signing takes its time. */
const TOO_LITTLE = 3 * MINUTE;

/** How far the clock of a zone is ahead of UTC at a moment, milliseconds. */
export function offsetAt(moment: number, zone: Zone): number {
  const fixed = zone ? fixedOffset(zone) : null;
  if (fixed !== null) return fixed * MINUTE;
  const parts = new Intl.DateTimeFormat("en-GB", {
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
    ...(zone ? { timeZone: zone } : {}),
  }).formatToParts(moment);
  const of = (type: string) => Number(parts.find((part) => part.type === type)?.value);
  const shown = Date.UTC(of("year"), of("month") - 1, of("day"), of("hour"), of("minute"));
  return shown - Math.floor(moment / MINUTE) * MINUTE;
}

export function wallOf(moment: number, zone: Zone): Wall {
  const text = new Date(moment + offsetAt(moment, zone)).toISOString();
  return { date: text.slice(0, 10), time: text.slice(11, 16) };
}

/**
 * The moment at which a zone's clock shows this. Shown twice, as when summer time ends: the first
 * time. Never shown, as when it begins: as long after the change as was meant after it. Null: no time.
 */
export function momentOf(wall: Wall, zone: Zone): number | null {
  const shown = Date.parse(`${wall.date}T${wall.time}:00Z`);
  if (Number.isNaN(shown)) return null;
  const before = shown - offsetAt(shown - DAY, zone);
  const after = shown - offsetAt(shown + DAY, zone);
  const right = [before, after].filter((at) => at + offsetAt(at, zone) === shown);
  return right.length ? Math.min(...right) : before;
}

export function slotOf(moment: number): number {
  return Math.floor(moment / SLOT) * SLOT;
}

/** Where a stay that is wanted at once begins. */
export function soonest(now: number): number {
  const slot = slotOf(now);
  return slot + SLOT - now < TOO_LITTLE ? slot + SLOT : slot;
}

/** A stay of so many minutes from a start, or from now on: what is leased covers all of them. */
export function spanOf(start: number | null, minutes: number, now: number): Span {
  const from = start === null ? soonest(now) : slotOf(start);
  const until = Math.max(start ?? now, from) + minutes * MINUTE;
  return { start: from, end: Math.ceil(until / SLOT) * SLOT };
}

/** A stay whose start has passed meanwhile begins now, and ends as it was to end if it still can. */
export function moved(span: Span, now: number, least = 15): Span {
  const start = soonest(now);
  if (span.start >= slotOf(now)) return span;
  const enough = span.end - start >= least * MINUTE;
  return { start, end: enough ? span.end : start + (span.end - span.start) };
}

/** How long a window of the service's is. */
export function minutesOf(window: { start: string; end: string }): number {
  return Math.round((Date.parse(window.end) - Date.parse(window.start)) / MINUTE);
}

export function slotsIn(span: Span): number {
  return Math.round((span.end - span.start) / SLOT);
}

export function rfc(moment: number): string {
  return new Date(moment).toISOString().replace(".000Z", "Z");
}

/** The clock times that can be chosen on a day: all quarter hours, today those that are to come. */
export function timesOn(date: string, zone: Zone, now: number): string[] {
  const all = Array.from({ length: 96 }, (_, i) => {
    const [hour, minute] = [Math.floor(i / 4), (i % 4) * 15];
    return `${String(hour).padStart(2, "0")}:${String(minute).padStart(2, "0")}`;
  });
  return all.filter((time) => {
    const at = momentOf({ date, time }, zone);
    // what summer time skips is shown as another time, which is in the list by itself
    return at !== null && at >= slotOf(now) && wallOf(at, zone).time === time;
  });
}

/** Is the hour of the week shared? `hours`: 168 bits, bit 0 is Monday from 0 to 1, local time. */
export function shared(hours: string, moment: number, zone: Zone): boolean {
  const local = new Date(moment + offsetAt(moment, zone));
  const hour = ((local.getUTCDay() + 6) % 7) * 24 + local.getUTCHours();
  return ((BigInt(hours.startsWith("0x") ? hours : `0x${hours}`) >> BigInt(hour)) & 1n) === 1n;
}
