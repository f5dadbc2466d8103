/** What a person is looking for; lives in the address, so that "back" and a shared link work. */
import { MEASURES, sizeOf, type Size } from "./cars";
import { rfc, slotOf, spanOf, type Span } from "./slots";

/** Longitude, latitude. */
export type LngLat = [number, number];

export interface Wish {
  /** Words for an area or a city. */
  words: string;
  point: LngLat | null;
  /** Where the point comes from: the device, the map, or where most spaces are. */
  by: "me" | "map" | "middle";
  /** Metres around the point. */
  radius: number;
  /** Milliseconds; null: from now on. */
  start: number | null;
  minutes: number;
  car: Size | null;
  plug: string | null;
  kwh: number;
}

export const LENGTHS = [30, 60, 120, 240, 480, 1440] as const;
export const RADII = [400, 800, 1500, 3000, 5000] as const;
export const ENERGIES = [10, 20, 30, 40, 60, 80] as const;
const LONGEST = 7 * 1440;

export const BLANK: Wish = {
  words: "",
  point: null,
  by: "middle",
  radius: 800,
  start: null,
  minutes: 120,
  car: null,
  plug: null,
  kwh: 20,
};

/** A wish as the parts of an address. */
export function queryOf(wish: Wish): Record<string, string | number | null> {
  return {
    q: wish.words.trim(),
    // four decimals are eleven metres: enough to walk by
    at: wish.point && `${wish.point[1].toFixed(4)},${wish.point[0].toFixed(4)}`,
    by: wish.point && wish.by !== "map" ? wish.by : null,
    r: wish.point ? wish.radius : null,
    start: wish.start === null ? null : rfc(wish.start),
    for: wish.minutes,
    car: wish.car,
    plug: wish.plug,
    kwh: wish.plug ? wish.kwh : null,
  };
}

type Query = Readonly<Record<string, string | undefined>>;

/** The wish in an address; null where none is. What makes no sense is as if it were not there. */
export function wishIn(query: Query): Wish | null {
  if (query["for"] === undefined) return null;
  const start = query["start"] ? Date.parse(query["start"]) : NaN;
  const by = query["by"];
  return {
    words: (query["q"] ?? "").slice(0, 80),
    point: pointIn(query["at"]),
    by: by === "me" || by === "middle" ? by : "map",
    radius: whole(query["r"], 10, 5000, BLANK.radius),
    start: Number.isNaN(start) ? null : slotOf(start),
    minutes: whole(query["for"], 15, LONGEST, BLANK.minutes),
    car: sizeOf(query["car"]),
    plug: query["plug"] ? query["plug"].slice(0, 20) : null,
    kwh: whole(query["kwh"], 1, 255, BLANK.kwh),
  };
}

function pointIn(text: string | undefined): LngLat | null {
  const found = /^(-?\d{1,2}(?:\.\d+)?),(-?\d{1,3}(?:\.\d+)?)$/.exec(text ?? "");
  if (!found) return null;
  const [lat, lng] = [Number(found[1]), Number(found[2])];
  return Math.abs(lat) <= 90 && Math.abs(lng) <= 180 ? [lng, lat] : null;
}

function whole(text: string | undefined, least: number, most: number, otherwise: number): number {
  const found = /^\d+$/.test(text ?? "") ? Number(text) : NaN;
  return found >= least && found <= most ? found : otherwise;
}

export function somewhere(wish: Wish): boolean {
  return wish.point !== null || /[\p{L}\p{N}]/u.test(wish.words);
}

export interface SearchBody {
  place: { point?: { type: "Point"; coordinates: LngLat }; radiusM: number; text?: string };
  window: { start: string; end: string };
  vehicle?: { heightCm: number; widthCm: number; lengthCm: number };
  charger?: { connector: string; minPowerW: number; energyKwh: number };
}

/** A wish as the service takes it. */
export function bodyOf(wish: Wish, now: number): SearchBody {
  const span = spanOf(wish.start, wish.minutes, now);
  return {
    place: {
      radiusM: wish.radius,
      ...(wish.point ? { point: { type: "Point" as const, coordinates: wish.point } } : {}),
      ...(wish.words.trim() ? { text: wish.words.trim() } : {}),
    },
    window: windowOf(span),
    ...(wish.car ? { vehicle: MEASURES[wish.car] } : {}),
    ...(wish.plug ? { charger: { connector: wish.plug, minPowerW: 0, energyKwh: wish.kwh } } : {}),
  };
}

export function windowOf(span: Span): { start: string; end: string } {
  return { start: rfc(span.start), end: rfc(span.end) };
}

export type Change = "walk" | "later" | "shorter" | "noCharger" | "anyCar";

/** What could be changed where nothing is free, the least first. */
export function alternatives(wish: Wish, now: number): { change: Change; wish: Wish }[] {
  const found: { change: Change; wish: Wish }[] = [];
  if (wish.point) {
    const next = RADII.find((radius) => radius >= wish.radius * 1.5) ?? 5000;
    if (next > wish.radius) found.push({ change: "walk", wish: { ...wish, radius: next } });
  }
  if (wish.plug) found.push({ change: "noCharger", wish: { ...wish, plug: null } });
  const shorter = [...LENGTHS].reverse().find((minutes) => minutes < wish.minutes);
  if (shorter) found.push({ change: "shorter", wish: { ...wish, minutes: shorter } });
  const span = spanOf(wish.start, wish.minutes, now);
  found.push({ change: "later", wish: { ...wish, start: span.start + 3_600_000 } });
  if (wish.car) found.push({ change: "anyCar", wish: { ...wish, car: null } });
  return found;
}

const KEY = "berth.find";

/** Where and with which car a person searched last; the time is always asked anew. */
export function keepWish(wish: Wish): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(queryOf({ ...wish, start: null })));
  } catch {
    // without storage the next visit only begins from the start
  }
}

export function keptWish(): Wish | null {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(KEY) ?? "null");
    if (typeof found !== "object" || found === null) return null;
    const texts = Object.entries(found).filter(([, value]) => value !== null && value !== "");
    return wishIn(Object.fromEntries(texts.map(([name, value]) => [name, String(value)])));
  } catch {
    return null;
  }
}
