import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { expect, it } from "vitest";
import { History, type Settlement } from "./history";
import { recordHash, type Settled } from "./ledger";
import { recordCheck, shownCheck } from "./one";
import type { Event } from "./reader";
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
