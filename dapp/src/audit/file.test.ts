import { describe, expect, it } from "vitest";
import { digestOf, textOf } from "./file";
import { asked, EMPTY, filterFrom, queryOf } from "./filter";

const one = {
  number: 1,
  leaseId: "0x01",
  spaceId: "0x02",
  windowStart: "2026-11-21T08:00:00Z",
  outcome: "departed",
  owner: "0xe1",
  driver: "0xd1",
  offer: 1,
  rent: "12",
  overstay: "0",
  energy: "0",
  fee: "1",
  refund: "3",
  arrived: 1,
  until: 47,
  energyWh: 0,
  closedAt: "2026-11-21T09:00:00Z",
  recordHash: "0x03",
  head: "0x04",
  block: 9,
  transaction: "0x05",
  final: false,
} as Parameters<typeof textOf>[0][number];

describe("the file", () => {
  it("has a header and a line for each settlement", () => {
    const lines = textOf([one], "csv").split("\r\n");
    expect(lines[0]).toMatch(/^number,leaseId,spaceId,windowStart,outcome/);
    expect(lines[1]).toBe(
      "1,0x01,0x02,2026-11-21T08:00:00Z,departed,0xe1,0xd1,1,12,0,0,1,3,1,47,0,2026-11-21T09:00:00Z,0x03,0x04,9,0x05,false",
    );
    expect(lines).toHaveLength(3);
  });

  it("is the same in JSON", () => {
    expect(JSON.parse(textOf([one], "json"))).toEqual([one]);
  });

  it("has a digest that anybody can compute", async () => {
    expect(await digestOf("abc")).toBe(
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
  });
});

describe("the filter", () => {
  it("goes into the address and comes back", () => {
    const filter = { ...EMPTY, outcome: "no_show", party: "0xaa", role: "owner" } as const;
    expect(filterFrom(queryOf(filter))).toEqual(filter);
    expect(queryOf(EMPTY)).toEqual({});
  });

  it("asks for whole days in UTC, and for the party by its part", () => {
    const filter = { ...EMPTY, party: " 0xaa ", role: "owner", from: "2026-11-01" } as const;
    expect(asked(filter)).toEqual({ owner: "0xaa", from: "2026-11-01T00:00:00Z" });
  });

  it("passes over what is no outcome", () => {
    expect(filterFrom({ outcome: "none" }).outcome).toBe("");
    expect(filterFrom({ outcome: "<script>" }).outcome).toBe("");
  });
});
