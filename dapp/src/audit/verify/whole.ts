/** The whole ledger, made anew from the chain: nothing missing, nothing altered, nothing misbilled. */
import { BlockNotFoundError, type Hex } from "viem";
import { marketReads } from "../../chain/abi/reads";
import { tokenAbi } from "../../chain/abi/token";
import type { Currency } from "../../words/format";
import { History, type Settlement } from "./history";
import { EMPTY_HEAD, nextHead, recordHash } from "./ledger";
import type { OnProgress, Reader } from "./reader";
import { compensationOf, depositOf, feeOf, partsOf } from "./tariff";

export type Verdict = "complete" | "gap" | "mismatch" | "misbilled";

/** What is wrong with one settlement. */
export interface Finding {
  number: bigint;
  what:
    | "missing"
    | "booking"
    | "offer"
    | "deposit"
    | "parts"
    | "fee"
    | "split"
    | "driver"
    | "owner"
    | "compensation";
}

export interface Report {
  verdict: Verdict;
  block: bigint;
  blockHash: Hex;
  /** Settlements found, and how many the chain counts. */
  checked: bigint;
  count: bigint;
  head: Hex;
  chainHead: Hex;
  findings: Finding[];
  /** What the market's money is, by its token's own word. */
  currency: Currency;
  sums: {
    rent: bigint;
    overstay: bigint;
    energy: bigint;
    fee: bigint;
    owners: bigint;
    refund: bigint;
  };
  /** The head after each settlement, by number minus 1. */
  heads: Hex[];
  history: History;
}

/** So often what does not fit is read anew because the chain replaced its newest blocks meanwhile. */
const READINGS = 5;

/** Reads all events up to the newest block and folds them; anew when what does not fit was read
 * while the chain replaced that block. Throws what the node says. */
export async function verifyLedger(reader: Reader, progress?: OnProgress): Promise<Report> {
  let report = await readLedger(reader, progress);
  for (let more = READINGS - 1; more > 0 && report.verdict !== "complete"; more--) {
    if (await stands(reader, report)) break;
    report = await readLedger(reader, progress);
  }
  return report;
}

/** Whether the block that was read up to is still of the chain. */
export async function stands({ client }: Reader, { block, blockHash }: Report): Promise<boolean> {
  try {
    return (await client.getBlock({ blockNumber: block })).hash === blockHash;
  } catch (error) {
    if (error instanceof BlockNotFoundError) return false;
    throw error;
  }
}

async function readLedger(reader: Reader, progress?: OnProgress): Promise<Report> {
  const block = await reader.client.getBlock({ blockTag: "latest" });
  const events = await reader.events(block.number, progress);
  const [chainHead, count] = await reader.client.readContract({
    address: reader.where.market,
    abi: marketReads,
    functionName: "ledger",
    blockNumber: block.number,
  });
  return judge(new History(events), {
    block: block.number,
    blockHash: block.hash,
    chainHead,
    count,
    currency: await currencyAt(reader, block.number),
  });
}

async function currencyAt({ client, where }: Reader, blockNumber: bigint): Promise<Currency> {
  const address = await client.readContract({
    address: where.market,
    abi: marketReads,
    functionName: "asset",
    blockNumber,
  });
  const token = { address, abi: tokenAbi, blockNumber } as const;
  const [symbol, decimals] = await Promise.all([
    client.readContract({ ...token, functionName: "symbol" }),
    client.readContract({ ...token, functionName: "decimals" }),
  ]);
  return { symbol, decimals };
}

/** The verdict over a history. */
export function judge(
  history: History,
  chain: Pick<Report, "block" | "blockHash" | "chainHead" | "count" | "currency">,
): Report {
  const sums = { rent: 0n, overstay: 0n, energy: 0n, fee: 0n, owners: 0n, refund: 0n };
  const findings: Finding[] = [];
  const heads: Hex[] = [];
  let head = EMPTY_HEAD;
  let gap = false;
  history.settlements.forEach((settlement, place) => {
    const { record } = settlement;
    if (!gap && record.number !== BigInt(place + 1)) {
      gap = true;
      findings.push({ number: BigInt(place + 1), what: "missing" });
    }
    head = nextHead(head, recordHash(record));
    heads.push(head);
    const cost = record.rent + record.overstay + record.energy;
    sums.rent += record.rent;
    sums.overstay += record.overstay;
    sums.energy += record.energy;
    sums.fee += record.fee;
    sums.owners += cost - record.fee;
    sums.refund += record.refund;
    for (const what of wrongIn(history, settlement)) findings.push({ number: record.number, what });
  });
  const checked = BigInt(history.settlements.length);
  const verdict: Verdict =
    gap || checked !== chain.count
      ? "gap"
      : head !== chain.chainHead
        ? "mismatch"
        : findings.length > 0
          ? "misbilled"
          : "complete";
  return { verdict, ...chain, checked, head, findings, sums, heads, history };
}

/** What does not follow from the lease's booking and its offer. */
export function wrongIn(history: History, { record }: Settlement): Finding["what"][] {
  const booking = history.bookings.get(record.leaseId);
  const stay = history.stay(record.leaseId);
  if (!booking || !stay) return ["booking"];
  const offer = history.offer(record.leaseId, record.offer);
  if (!offer || booking.offer !== record.offer) return ["offer"];
  const wrong: Finding["what"][] = [];
  const { terms } = offer;
  const cost = record.rent + record.overstay + record.energy;
  if (booking.driver.toLowerCase() !== record.driver.toLowerCase()) wrong.push("driver");
  if (offer.owner.toLowerCase() !== record.owner.toLowerCase()) wrong.push("owner");
  if (depositOf(terms, stay) !== booking.deposit) wrong.push("deposit");
  const parts = partsOf(terms, stay, record);
  if (
    !parts ||
    parts.rent !== record.rent ||
    parts.overstay !== record.overstay ||
    parts.energy !== record.energy
  )
    wrong.push("parts");
  if (feeOf(terms, cost) !== record.fee) wrong.push("fee");
  if (cost + record.refund !== booking.deposit) wrong.push("split");
  const compensation = history.compensations.get(record.leaseId) ?? 0n;
  if (compensation !== compensationOf(terms, stay, record)) wrong.push("compensation");
  return wrong;
}
