import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { describe, expect, it } from "vitest";
import { History, type Settlement } from "./history";
import { recordHash, type Settled } from "./ledger";
import { recordCheck, shownCheck, verifySettlement } from "./one";
import type { Event, Reader } from "./reader";
import { judge } from "./whole";

const TEUR = { symbol: "tEUR", decimals: 6 };
const SPACE = 42n;
const LEASE = (SPACE << 48n) | (1_900_001n << 16n) | 1n;
const PARTY = "0x00000000000000000000000000000000000000d1" as const;
const DOMAIN = { name: "Berth", version: "1", chainId: 1337, verifyingContract: PARTY };
const LOCKS = [1, 2, 3].map(() => privateKeyToAccount(generatePrivateKey()));
const RECORD = {
  ...{ leaseId: LEASE, driver: PARTY, owner: PARTY, number: 1n, outcome: 4, offer: 1 },
  ...{ rent: 4000n, overstay: 0n, energy: 0n, fee: 100n, refund: 0n },
  ...{ arrived: 1, until: 0, energyWh: 0, closedAt: 1_710_003_600 },
} as Settled;

function event(block: number, name: string, args: object): Event {
  return { name, args: { ...args }, block: BigInt(block), transaction: `0x0${block}`, index: 0 };
}

const HISTORY = new History([
  event(1, "SpaceRegistered", { spaceId: SPACE, lockKey: LOCKS[0]?.address, maker: 1 }),
  event(2, "Leased", { ...RECORD, slots: 4, kwhCap: 0, deposit: 4000n }),
  event(3, "Arrived", { leaseId: LEASE }),
  ...[4, 5].map((block) =>
    event(block, "LockRotated", { spaceId: SPACE, current: LOCKS[block - 3]?.address, maker: 1 }),
  ),
  event(6, "Settled", RECORD),
]);
const REPORT = judge(HISTORY, {
  block: 6n,
  blockHash: "0x06",
  chainHead: "0x",
  count: 1n,
  currency: TEUR,
});
const SETTLEMENT = HISTORY.settlements[0] as Settlement;
const HEAD = REPORT.heads[0] ?? "0x";

/** As the service shows it: the arrival, signed by a lock. */
async function claimed(lock: number, transaction: string | null): Promise<never> {
  const times = { from: 1_710_000_900, until: 1_710_000_900, energyWh: 0 };
  const signer = LOCKS[lock] ?? privateKeyToAccount(generatePrivateKey());
  const signature = await signer.signTypedData({
    domain: DOMAIN,
    types: {
      Occupancy: [
        { name: "leaseId", type: "uint256" },
        { name: "kind", type: "uint8" },
        { name: "from", type: "uint40" },
        { name: "until", type: "uint40" },
        { name: "energyWh", type: "uint32" },
      ],
    },
    primaryType: "Occupancy",
    message: { leaseId: LEASE, kind: 1, ...times },
  });
  const one = { kind: "arrived", ...times, lock: signer.address, signature, transaction };
  return { evidence: [one] } as never;
}

async function shown(lock: number, transaction: string | null = "0x03") {
  return (await shownCheck(REPORT, SETTLEMENT, DOMAIN, await claimed(lock, transaction))).result;
}

it("takes the word of any lock that the space had during the lease, and of no other", async () => {
  expect(await Promise.all([shown(0), shown(1), shown(2)])).toEqual(["right", "right", "right"]);
  expect(await shown(9)).toBe("wrong");
});

it("does not vouch for a transaction in which no record of the lease came", async () => {
  expect(await shown(0, null)).toBe("right");
  expect(await shown(0, "0x99")).toBe("unread");
});

it("holds the hashes that the service made anew against the chain, too", () => {
  const right = { recordHash: recordHash(RECORD), head: HEAD };
  const whole = (recomputed: object) =>
    recordCheck(REPORT, SETTLEMENT, { ...right, number: 1, recomputed } as never).fields;
  expect(whole(right)).not.toContain("head");
  expect(whole({ ...right, head: "0x12" })).toContain("head");
  expect(whole({ ...right, recordHash: "0x12" })).toContain("recordHash");
});

describe("a settlement that the node does not have", () => {
  /** What comes of it without a question to the node. */
  async function told(number: number, claims: { number: number; block: number }) {
    return verifySettlement({} as Reader, REPORT, number, claims as never);
  }

  it("is not checked where it is newer than the node: nobody is accused", async () => {
    expect(await told(2, { number: 2, block: 7 })).toEqual([
      { name: "ledger", result: "unread", detail: "#2 / 1, 7 > 6", newer: true },
    ]);
  });

  it("is wrong where the node has its block", async () => {
    expect(await told(2, { number: 2, block: 6 })).toEqual([
      { name: "ledger", result: "wrong", detail: "#2 / 1" },
    ]);
  });

  it("is wrong where the chain counts one of its number, wherever its block is said to be", async () => {
    const short = { ...REPORT, count: 2n };
    const claims = { number: 2, block: 7 } as never;
    const [check] = await verifySettlement({} as Reader, short, 2, claims);
    expect(check?.result).toBe("wrong");
  });

  it("is looked for by the number that was asked for, not by the one that was answered", async () => {
    expect((await told(2, { number: 1, block: 6 }))[0]?.result).toBe("wrong");
  });
});

it("does not take another settlement for the one that was asked for", () => {
  const other = { number: 2, recomputed: { recordHash: recordHash(RECORD), head: HEAD } } as never;
  expect(recordCheck(REPORT, SETTLEMENT, other).fields).toContain("number");
});
