/** The ledger as a file: every field that the hashes cover, in the ledger's order; and its depth. */
import { ask, client, type Schemas } from "../api/client";
import { asked, type Filter } from "./filter";

type Settlement = Schemas["SettlementOut"];
export type Format = "csv" | "json";

const COLUMNS = [
  "number",
  "leaseId",
  "spaceId",
  "windowStart",
  "outcome",
  "owner",
  "driver",
  "offer",
  "rent",
  "overstay",
  "energy",
  "fee",
  "refund",
  "arrived",
  "until",
  "energyWh",
  "closedAt",
  "recordHash",
  "head",
  "block",
  "transaction",
  "final",
] as const satisfies readonly (keyof Settlement)[];

/** All settlements of a filter, oldest first; tells how many are there. */
export async function collect(
  filter: Filter,
  progress: (done: number, of: number) => void,
): Promise<Settlement[]> {
  const found: Settlement[] = [];
  let cursor: string | null = null;
  let of = 0;
  do {
    const page: Schemas["SettlementsOut"] = await ask(
      client.GET("/v1/audit/settlements", {
        params: {
          query: {
            ...asked(filter),
            limit: 100,
            totals: cursor === null,
            ...(cursor ? { cursor } : {}),
          },
        },
      }),
    );
    of = page.totals?.count ?? of;
    found.push(...page.items);
    progress(found.length, Math.max(of, found.length));
    cursor = page.next;
  } while (cursor);
  return found;
}

/** The file's text. No value can end a field, or begin a formula: they are hashes, numbers, words. */
export function textOf(items: Settlement[], format: Format): string {
  const rows = items.map((one) => COLUMNS.map((name) => one[name]));
  if (format === "json") {
    const objects = rows.map((row) =>
      Object.fromEntries(COLUMNS.map((name, at) => [name, row[at]])),
    );
    return JSON.stringify(objects, null, 1) + "\n";
  }
  return [COLUMNS.join(","), ...rows.map((row) => row.join(","))].join("\r\n") + "\r\n";
}

/** SHA-256, hexadecimal; null where the page has no access to it (plain http on another machine). */
export async function digestOf(text: string): Promise<string | null> {
  if (!globalThis.crypto?.subtle) return null;
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
