/** Asking for spaces; what was found last stays, so that going back shows it at once. */
import { signal } from "@preact/signals";
import { ask, client, type Schemas } from "../api/client";
import { now } from "../api/clock";
import { config } from "../config";
import type { Zone } from "./slots";
import { bodyOf, queryOf, type LngLat, type Wish } from "./wish";

export type Candidate = Schemas["CandidateOut"];

export interface Found {
  key: string;
  wish: Wish;
  window: Schemas["Window"];
  currency: Schemas["CurrencyOut"];
  total: number;
  items: Candidate[];
  next: string | null;
}

/** What was found last. */
export const found = signal<Found | null>(null);

export function keyOf(wish: Wish): string {
  return JSON.stringify(queryOf(wish));
}

/** The best spaces for a wish. */
export async function search(wish: Wish, limit = 20): Promise<Found> {
  const given = await ask(client.POST("/v1/search", { body: asked(wish, limit, null) }));
  return { key: keyOf(wish), wish, ...given, items: given.items };
}

/** The page after those: the window stays the one that was asked for. */
export async function more(before: Found): Promise<Found> {
  const body = { ...asked(before.wish, 20, before.next), window: before.window };
  const given = await ask(client.POST("/v1/search", { body }));
  const known = new Set(before.items.map((one) => one.space.id));
  const items = given.items.filter((one) => !known.has(one.space.id));
  return { ...before, next: given.next, items: [...before.items, ...items] };
}

/** The best other space, when one was just taken. */
export async function nextBest(wish: Wish, taken: string): Promise<Found | null> {
  const others = await search(wish, 5);
  const items = others.items.filter((one) => one.space.id !== taken).slice(0, 1);
  return items.length ? { ...others, items } : null;
}

function asked(wish: Wish, limit: number, cursor: string | null): Schemas["SearchBody"] {
  const body = bodyOf(wish, now());
  return { ...body, limit, cursor } as Schemas["SearchBody"];
}

type Place = Schemas["ConfigOut"]["places"][number];

/** Cities with shared spaces, the most first. */
export function places(): Place[] {
  // a configuration that an older version kept for a start without a network has none
  return (config.value as Partial<Schemas["ConfigOut"]> | null)?.places ?? [];
}

/** A city by its UN/LOCODE, if its name is known. */
export function cityName(code: string): string | null {
  return named(places().find((one) => one.city === code));
}

/** The city around a point, if it is one with shared spaces. */
export function cityAt(point: LngLat): string | null {
  return named(nearest(places(), point));
}

/** A register without a name is called by its code, which says nothing to people. */
function named(place: Place | null | undefined): string | null {
  return place && place.name !== place.city ? place.name : null;
}

/** The clock of a wanted place: its city's; undefined where none with spaces is near. */
export function zoneOf(wish: Wish): Zone {
  const named = wish.words.trim().toLowerCase();
  const city =
    (named && places().find((one) => named.includes(one.name.toLowerCase()))) ||
    (wish.point && nearest(places(), wish.point));
  return (city && city.utcOffset) || undefined;
}

/** Farther away the clock may be another. */
const SAME_CLOCK_DEGREES = 1.5;

function nearest(all: Place[], [lng, lat]: LngLat): Place | null {
  const away = ({ point: { coordinates } }: Place) =>
    Math.hypot(coordinates[0] - lng, coordinates[1] - lat);
  return all.find((one) => away(one) < SAME_CLOCK_DEGREES) ?? null;
}
