import {
  encodeAbiParameters,
  encodeEventTopics,
  encodeFunctionData,
  encodeFunctionResult,
  pad,
  toHex,
  type Hex,
} from "viem";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { marketReads } from "../../chain/abi/reads";
import { titlesAbi } from "../../chain/abi/titles";
import { Reader } from "./reader";

const URL = "http://node.example";
const MARKET = "0x1111111111111111111111111111111111111111";
const TITLES = "0x2222222222222222222222222222222222222222";
const GENESIS = pad("0x01");
const LAST = 49_999n;
/** No more blocks at a time than so many. */
const MOST = 3000n;
const CITY = 36;
const ROOTS = { 100: pad("0xa1"), 30_000: pad("0xa2"), 49_999: pad("0xa3") } as const;

interface Call {
  id: number;
  method: string;
  params?: unknown[];
}

interface Range {
  address: string;
  fromBlock: Hex;
  toBlock: Hex;
  topics?: Hex[];
}

const ranges: Range[] = [];
let most = MOST;
beforeEach(() => {
  ranges.length = 0;
  most = MOST;
  vi.stubGlobal("fetch", async (_: unknown, { body }: { body: string }) => {
    const { id, method, params = [] } = JSON.parse(body) as Call;
    const said = answer(method, params[0]);
    return new Response(JSON.stringify({ jsonrpc: "2.0", id, ...said }), {
      headers: { "Content-Type": "application/json" },
    });
  });
});
afterEach(() => vi.unstubAllGlobals());

/** A node that tells the events of few blocks at a time. */
function answer(method: string, first: unknown): object {
  if (method === "eth_chainId") return { result: "0x539" };
  if (method === "eth_getCode") return { result: "0xfe" };
  if (method === "eth_getBlockByNumber") return { result: { hash: GENESIS, number: "0x0" } };
  if (method === "eth_call") {
    const { to, data } = first as { to: string; data: Hex };
    expect(to).toBe(MARKET);
    expect(data).toBe(encodeFunctionData({ abi: marketReads, functionName: "titles" }));
    const abi = marketReads;
    return { result: encodeFunctionResult({ abi, functionName: "titles", result: TITLES }) };
  }
  expect(method).toBe("eth_getLogs");
  const range = first as Range;
  ranges.push(range);
  const [from, to] = [BigInt(range.fromBlock), BigInt(range.toBlock)];
  if (to - from >= most) return { error: { code: -32602, message: "too many blocks" } };
  const found = Object.entries(ROOTS).filter(([at]) => BigInt(at) >= from && BigInt(at) <= to);
  return { result: range.address === TITLES ? found.map(([at, root]) => edition(at, root)) : [] };
}

function edition(block: string, root: Hex): object {
  const topics = encodeEventTopics({
    abi: titlesAbi,
    eventName: "EditionPublished",
    args: { city: CITY, edition: 1 },
  });
  const types = [{ type: "bytes32" }, { type: "bytes32" }, { type: "uint32" }] as const;
  return {
    ...{ address: TITLES, topics, data: encodeAbiParameters(types, [root, root, 1]) },
    ...{ blockNumber: toHex(BigInt(block)), blockHash: GENESIS, transactionHash: GENESIS },
    ...{ logIndex: "0x0", transactionIndex: "0x0", removed: false },
  };
}

async function opened(): Promise<Reader> {
  return Reader.open({ url: URL, market: MARKET, chainId: 1337, genesisHash: GENESIS });
}

/** What was answered covers every block up to one, each once. */
function covers(address: string, last: bigint): void {
  let next = 0n;
  for (const one of ranges) {
    expect(one.address).toBe(address);
    expect(BigInt(one.fromBlock)).toBe(next);
    const to = BigInt(one.toBlock);
    if (to - next < MOST) next = to + 1n;
  }
  expect(next).toBe(last + 1n);
}

describe("a node that tells of few blocks at a time", () => {
  it("is asked for the market's events in shorter ranges", async () => {
    const told: number[] = [];
    expect(await (await opened()).events(LAST, (share) => told.push(share))).toEqual([]);
    covers(MARKET, LAST);
    expect(told.at(-1)).toBe(1);
  });

  it("is asked for the editions of titles in the same way, in the register of the market", async () => {
    const reader = await opened();
    expect(await reader.editions(BigInt(CITY), LAST)).toEqual(Object.values(ROOTS));
    covers(TITLES, LAST);
    const topics = ranges.map((one) => one.topics?.[1]);
    expect(new Set(topics)).toEqual(new Set([pad(toHex(CITY))]));
  });

  it("is asked for no edition of later than a registration", async () => {
    const reader = await opened();
    expect(await reader.editions(BigInt(CITY), 40_000n)).toEqual([ROOTS[100], ROOTS[30_000]]);
    covers(TITLES, 40_000n);
  });
});

it("tells what a node says that refuses the events of a single block", async () => {
  most = 0n;
  const reader = await opened();
  await expect(reader.events(9n)).rejects.toThrow("too many blocks");
  await expect(reader.editions(BigInt(CITY), 9n)).rejects.toThrow("too many blocks");
});
