// GET /digests: rows and SHA-256 of every table, so that two indexes can be held against each other.
import { createHash } from "node:crypto";
import { getTableColumns } from "drizzle-orm";
import { Hono } from "hono";
import { db } from "ponder:api";
import * as schema from "ponder:schema";

const PAGE = 20_000;
const app = new Hono();

/** Rows in the order of their keys, each a line of its values by name: see bench/equality.py. */
const digest = async (table: any, keys: string[]) => {
  const columns = getTableColumns(table) as Record<string, any>;
  const names = Object.keys(columns).sort();
  const hash = createHash("sha256").update(`${names.join("|")}\n`);
  let rows = 0;
  for (;;) {
    const page = await (db as any)
      .select()
      .from(table)
      .orderBy(...keys.map((key) => columns[key]))
      .limit(PAGE)
      .offset(rows);
    for (const row of page) {
      hash.update(`${names.map((name) => (row[name] === null ? "" : String(row[name]))).join("|")}\n`);
    }
    rows += page.length;
    if (page.length < PAGE) return { rows, sha256: hash.digest("hex") };
  }
};

app.get("/digests", async (context) => {
  const keys: Record<string, string[]> = JSON.parse(process.env.BENCH_KEYS ?? "{}");
  const digests: Record<string, unknown> = {};
  for (const [name, columns] of Object.entries(keys)) {
    digests[name] = await digest((schema as any)[name], columns);
  }
  return context.json(digests);
});

export default app;
