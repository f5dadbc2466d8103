import type { Hex } from "viem";
import { describe, expect, it } from "vitest";
import { EMPTY_HEAD, nextHead, recordHash, type Settled } from "./ledger";
import { leafOf, rootOf } from "./one";
import { compensationOf, depositOf, feeOf, partsOf, termsOf } from "./tariff";
import vectors from "./vectors.json";

describe("the ledger", () => {
  it("hashes records and heads as the contract does", () => {
    let head: Hex = EMPTY_HEAD;
    for (const one of vectors.ledger) {
      const record = {
        leaseId: BigInt(one.lease_id),
        outcome: Number(one.outcome),
        owner: one.owner,
        driver: one.driver,
        number: BigInt(one.number),
        offer: Number(one.offer),
        rent: BigInt(one.rent),
        overstay: BigInt(one.overstay),
        energy: BigInt(one.energy),
        fee: BigInt(one.fee),
        refund: BigInt(one.refund),
        arrived: Number(one.arrived),
        until: Number(one.until),
        energyWh: Number(one.energy_wh),
        closedAt: Number(one.closed_at),
      } as Settled;
      expect(recordHash(record)).toBe(one.recordHash);
      head = nextHead(head, recordHash(record));
      expect(head).toBe(one.head);
    }
  });
});

describe("the tariff", () => {
  it.each(vectors.bills.map((one, place) => [place, one] as const))(
    "bills case %i as the model does",
    (_, one) => {
      const terms = termsOf(BigInt(one.wordA));
      const stay = {
        slots: BigInt(one.slots),
        kwhCap: BigInt(one.kwhCap),
        start: BigInt(one.start),
      };
      const record = { ...one, rent: BigInt(one.rent) };
      expect(depositOf(terms, stay)).toBe(BigInt(one.deposit));
      const parts = partsOf(terms, stay, record);
      expect(parts).toEqual({
        rent: BigInt(one.rent),
        overstay: BigInt(one.overstay),
        energy: BigInt(one.energy),
      });
      const cost = BigInt(one.rent) + BigInt(one.overstay) + BigInt(one.energy);
      expect(feeOf(terms, cost)).toBe(BigInt(one.fee));
      expect(compensationOf(terms, stay, record)).toBe(BigInt(one.compensation));
    },
  );

  it("has no rule for an outcome that is none", () => {
    const terms = termsOf(1n);
    const stay = { slots: 1n, kwhCap: 0n, start: 0n };
    const record = { outcome: 13, rent: 0n, arrived: 0, until: 0, energyWh: 0, closedAt: 0 };
    expect(partsOf(terms, stay, record)).toBeNull();
    expect(partsOf(terms, stay, { ...record, outcome: 0 })).toBeNull();
  });
});

describe("a title's proof", () => {
  const { title, proof, root, leaf } = vectors.tree;
  const found = {
    city: BigInt(title.city),
    index: BigInt(title.index),
    saltedHolder: title.saltedHolder as Hex,
    addressHash: title.addressHash as Hex,
    cell: BigInt(title.cell),
    attributes: BigInt(title.attributes),
    validDay: BigInt(title.validDay),
  };

  it("leads to the city's root", () => {
    expect(leafOf(found)).toBe(leaf);
    expect(rootOf(leafOf(found), proof as Hex[])).toBe(root);
  });

  it("leads elsewhere when the title was altered", () => {
    expect(rootOf(leafOf({ ...found, index: found.index + 1n }), proof as Hex[])).not.toBe(root);
  });
});
