/** The auditor's node and what was read through it; kept while the page is open. */
import { signal } from "@preact/signals";
import { config } from "../config";
import type { Reader, Where } from "./verify/reader";
import type { Compared, Shown } from "./verify/shown";
import type { Report } from "./verify/whole";

const KEY = "berth.audit.node";

export interface Verified {
  reader: Reader;
  report: Report;
  /** Holds a list of the service against the report. */
  compare: (shown: Shown) => Compared | null;
  /** Whether the chain still has the block that was read; throws what the node says. */
  stands: () => Promise<boolean>;
}

export type Verifying =
  | { state: "idle" }
  | { state: "reading"; share: number }
  | { state: "done"; verified: Verified }
  | { state: "failed"; why: Why };

/** Nobody answers at the address; or what the node said; or in what it is another's node. */
export type Why =
  | { what: "silent" }
  | { what: "refused"; said: string }
  | { what: "chain" | "genesis" | "contract"; found: string; wanted: string };

export const verifying = signal<Verifying>({ state: "idle" });
/** As typed; null: as the installation says. */
export const nodeUrl = signal<string | null>(globalThis.localStorage?.getItem(KEY) ?? null);
export const marketAddress = signal<string | null>(null);

/** The address that is asked: the auditor's, else the first that the installation names. */
export function chosenUrl(): string {
  return nodeUrl.value ?? config.value?.chain.rpcUrls[0] ?? "";
}

export function chosenMarket(): string {
  return marketAddress.value ?? config.value?.contracts.market ?? "";
}

export function isNodeUrl(text: string): boolean {
  try {
    return ["http:", "https:"].includes(new URL(text).protocol);
  } catch {
    return false;
  }
}

export function isAddress(text: string): boolean {
  return /^0x[0-9a-fA-F]{40}$/.test(text);
}

/** Reads the chain and judges the ledger; what comes of it is in `verifying`. */
export async function verify(): Promise<Verified | null> {
  const found = config.value;
  if (!found) return null;
  const url = chosenUrl();
  if (nodeUrl.value) localStorage.setItem(KEY, nodeUrl.value);
  else localStorage.removeItem(KEY);
  verifying.value = { state: "reading", share: 0 };
  const [{ Reader, WrongNodeError }, { verifyLedger, stands }, { compare }] = await Promise.all([
    import("./verify/reader"),
    import("./verify/whole"),
    import("./verify/shown"),
  ]);
  try {
    const reader = await Reader.open({
      url,
      // without capitals there is no checksum: a wrong one is found out by its missing contract
      market: chosenMarket().toLowerCase() as Where["market"],
      chainId: found.chain.id,
      genesisHash: found.chain.genesisHash,
    });
    const report = await verifyLedger(reader, (share) => {
      verifying.value = { state: "reading", share };
    });
    const verified = {
      reader,
      report,
      compare: compare.bind(null, report),
      stands: stands.bind(null, reader, report),
    };
    verifying.value = { state: "done", verified };
    return verified;
  } catch (error) {
    if (error instanceof WrongNodeError) verifying.value = { state: "failed", why: error };
    else nodeFailed(error);
    return null;
  }
}

/** What was read through the node is worth nothing: the form says why. */
export function nodeFailed(error: unknown): void {
  verifying.value = { state: "failed", why: whyOf(error) };
}

/** What viem's errors have. `details`: the node's own words. */
interface Inner {
  name?: string;
  cause?: unknown;
  status?: number;
  details?: string;
  message?: string;
}

/** What the reading of a node failed for. viem wraps: the innermost error counts. */
export function whyOf(error: unknown): Why {
  let inner = error as Inner;
  while (inner?.cause instanceof Error) {
    if (inner.name === "HttpRequestError" || inner.name === "TimeoutError") break;
    inner = inner.cause;
  }
  const silent = inner?.name === "TimeoutError" || inner?.name === "HttpRequestError";
  if (silent && inner.status === undefined) return { what: "silent" };
  const told = inner?.details || inner?.message || String(error);
  const said = inner?.status ? `HTTP ${inner.status}` : told;
  return { what: "refused", said: said.split("\n")[0] ?? "" };
}
