import { BlockNotFoundError } from "viem";
import { describe, expect, it } from "vitest";
import { History } from "./history";
import { EMPTY_HEAD, nextHead, recordHash, type Settled } from "./ledger";
import type { Event, Reader } from "./reader";
import { judge, verifyLedger } from "./whole";

const TEUR = { symbol: "tEUR", decimals: 6 };
const SPACE = 42n;
const LEASE = (SPACE << 48n) | (1_900_000n << 16n) | 1n;
const DRIVER = "0x00000000000000000000000000000000000000d1";
const OWNER = "0x00000000000000000000000000000000000000e1";
// 1000 a slot, fee 250, overstay 100 %, no reserve
const WORD_A = 1000n | (250n << 160n) | (100n << 176n);

function event(name: string, args: Record<string, unknown>): Event {
  return { name, args, block: 1n, transaction: "0x01", index: 0 };
}

function record(change: Partial<Settled> = {}): Settled {
  return {
    leaseId: LEASE,
    driver: DRIVER,
    owner: OWNER,
    number: 1n,
    outcome: 4,
    offer: 1,
    rent: 4000n,
    overstay: 0n,
    energy: 0n,
    fee: 100n,
    refund: 0n,
    arrived: 1,
    until: 0,
    energyWh: 0,
    closedAt: 1_710_003_600,
    ...change,
  };
}

function report(
  settled: Settled[],
  { count = BigInt(settled.length), deposit = 4000n, head = "" } = {},
) {
  const history = new History([
    event("OfferPublished", { spaceId: SPACE, owner: OWNER, number: 1, wordA: WORD_A }),
    event("Leased", { leaseId: LEASE, driver: DRIVER, offer: 1, slots: 4, kwhCap: 0, deposit }),
    ...settled.map((one) => event("Settled", { ...one })),
  ]);
  const honest = settled.reduce((now, one) => nextHead(now, recordHash(one)), EMPTY_HEAD);
  const chainHead = (head || honest) as `0x${string}`;
  return judge(history, { block: 9n, blockHash: "0x02", chainHead, count, currency: TEUR });
}

describe("the whole ledger", () => {
  it("is complete when every record is there and follows from its terms", () => {
    const found = report([record()]);
    expect(found.verdict).toBe("complete");
    expect(found.findings).toEqual([]);
    expect(found.sums).toMatchObject({ rent: 4000n, fee: 100n, owners: 3900n, refund: 0n });
  });

  it("is complete when it is empty, as the chain says", () => {
    expect(report([]).verdict).toBe("complete");
  });

  it("has a gap when the chain counts more", () => {
    expect(report([record()], { count: 2n }).verdict).toBe("gap");
  });

  it("has a gap when a number is missing", () => {
    const found = report([record({ number: 2n })]);
    expect(found.verdict).toBe("gap");
    expect(found.findings[0]).toEqual({ number: 1n, what: "missing" });
  });

  it("is a mismatch when the chain's head is another", () => {
    expect(report([record()], { head: `0x${"11".repeat(32)}` }).verdict).toBe("mismatch");
  });

  it.each([
    ["parts", record({ rent: 3999n, refund: 1n })],
    ["fee", record({ fee: 101n })],
    ["split", record({ refund: 1n })],
    ["driver", record({ driver: OWNER })],
    ["owner", record({ owner: DRIVER })],
    ["offer", record({ offer: 2 })],
    ["booking", record({ leaseId: LEASE + 1n })],
  ] as const)("is misbilled where the %s is wrong, though the hashes fit", (what, wrong) => {
    const found = report([wrong]);
    expect(found.verdict).toBe("misbilled");
    expect(found.findings.map((one) => one.what)).toContain(what);
  });

  it("is misbilled where the deposit is not what the offer gives", () => {
    const found = report([record({ refund: 1n })], { deposit: 4001n });
    expect(found.findings.map((one) => one.what)).toEqual(["deposit"]);
  });

  it("counts what an extension added", () => {
    const history = new History([
      event("OfferPublished", { spaceId: SPACE, owner: OWNER, number: 1, wordA: WORD_A }),
      event("Leased", {
        leaseId: LEASE,
        driver: DRIVER,
        offer: 1,
        slots: 4,
        kwhCap: 0,
        deposit: 4000n,
      }),
      event("Extended", { leaseId: LEASE, driver: DRIVER, slots: 6, kwhCap: 0, deposit: 6000n }),
      event("Settled", { ...record({ rent: 6000n, fee: 150n }) }),
    ]);
    const chainHead = nextHead(EMPTY_HEAD, recordHash(record({ rent: 6000n, fee: 150n })));
    const found = judge(history, {
      block: 9n,
      blockHash: "0x02",
      chainHead,
      count: 1n,
      currency: TEUR,
    });
    expect(found.findings).toEqual([]);
    expect(found.verdict).toBe("complete");
  });
});

describe("a chain that replaces blocks while it is read", () => {
  const LATER = `0x${"22".repeat(32)}`;

  /** A node that counts `counts[n]` settlements at its n-th reading, and none that it tells of;
   * `hashes[n]`: of the block that was read, asked for afterwards. */
  function node(counts: bigint[], hashes: (string | null)[]) {
    const seen = { readings: 0, asked: 0 };
    const client = {
      getBlock: async (which: { blockTag?: string; blockNumber?: bigint }) => {
        if (which.blockTag) return { number: 9n, hash: "0x02" };
        const hash = hashes[seen.asked++];
        if (!hash) throw new BlockNotFoundError({ blockNumber: which.blockNumber });
        return { number: 9n, hash };
      },
      readContract: async ({ functionName }: { functionName: string }) => {
        if (functionName === "ledger") return [EMPTY_HEAD, counts[seen.readings++]];
        return { asset: "0xa5", symbol: "tEUR", decimals: 6 }[functionName];
      },
    };
    const reader = { client, where: { market: "0x0a" }, events: async () => [] };
    return { reader: reader as unknown as Reader, seen };
  }

  it.each([
    ["is another", LATER],
    ["is gone", null],
  ])("is read anew when what does not fit was read up to a block that %s", async (_, hash) => {
    const { reader, seen } = node([1n, 0n], [hash]);
    expect((await verifyLedger(reader)).verdict).toBe("complete");
    expect(seen).toEqual({ readings: 2, asked: 1 });
  });

  it("is told at once when the block stands", async () => {
    const { reader, seen } = node([1n], ["0x02"]);
    expect((await verifyLedger(reader)).verdict).toBe("gap");
    expect(seen).toEqual({ readings: 1, asked: 1 });
  });

  it("is not asked again about what fits", async () => {
    const { reader, seen } = node([0n], []);
    expect((await verifyLedger(reader)).verdict).toBe("complete");
    expect(seen).toEqual({ readings: 1, asked: 0 });
  });

  it("is read five times at most, and told then", async () => {
    const { reader, seen } = node([1n, 1n, 1n, 1n, 1n], [LATER, LATER, LATER, LATER]);
    expect((await verifyLedger(reader)).verdict).toBe("gap");
    expect(seen).toEqual({ readings: 5, asked: 4 });
  });
});
