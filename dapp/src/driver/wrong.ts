/** Which field of the search a refusal is about. */
import { ApiError } from "../api/problem";

export type WishField = "place" | "start" | "length" | "car" | "charger";

const FIELDS: readonly (readonly [prefix: string, field: WishField])[] = [
  ["/place", "place"],
  ["/window/start", "start"],
  ["/window/end", "length"],
  ["/window", "start"],
  ["/vehicle", "car"],
  ["/charger", "charger"],
];

/** What is wrong, by field; what belongs to no field is under `rest`. */
export function wrongFields(
  error: unknown,
  inWords: (code: string) => string | undefined,
): Partial<Record<WishField, string>> {
  if (!(error instanceof ApiError) || error.status !== 422) return {};
  const found: Partial<Record<WishField, string>> = {};
  for (const { pointer, detail } of error.errors) {
    const field = FIELDS.find(([prefix]) => pointer.startsWith(prefix))?.[1];
    if (field) found[field] ??= inWords(error.code) ?? detail;
  }
  return found;
}
