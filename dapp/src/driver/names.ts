/** What a space is called, everywhere the same: two of one street are told apart by their number. */
import type { Schemas } from "../api/client";
import { words } from "../words";
import { cityName } from "./searching";

/** "Collins Street, Melbourne · space 4711" */
export function spaceName(space: Schemas["SpaceOut"]): string {
  return words.value.driver.space.numbered(areaName(space), space.index);
}

/** As its owner describes it to everybody; where that is nothing, by its kind, and its city's name. */
export function areaName(space: Schemas["SpaceOut"]): string {
  const { kinds, space: w } = words.value.driver;
  const kind = (kinds as Readonly<Record<string, string>>)[space.kind] ?? w.anyKind;
  const city = cityName(space.city);
  return space.area ?? (city ? w.nameless(kind, city) : kind);
}

/** The number in its city's register: the lower half of a space's id. */
export function numberOf(spaceId: string): number {
  return Number.parseInt(spaceId.slice(-8), 16);
}
