import { describe, expect, it } from "vitest";
import { plausible } from "./LocalCar";
import { BadPapers, readPapers, usable, type Papers } from "./garage";
import { heaps, around } from "./map/marks";

const ACCOUNT = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
const C = (digit: string) => `0x${digit.repeat(64)}`;
const FILE = {
  driver: ACCOUNT,
  proof: {
    plateCommitment: C("a"),
    size: 2,
    untilSlot: 2_000_000,
    verifier: 1,
    signature: "0x0102",
  },
  private: { plate: "ABC123", salt: C("b") },
};
const bad = (change: object) => () => readPapers(JSON.stringify({ ...FILE, ...change }), ACCOUNT);

describe("a verifier's file", () => {
  it("is read, for the account that it names in whatever case", () => {
    const read = readPapers(JSON.stringify(FILE), ACCOUNT.toLowerCase());
    expect(read).toEqual({ proof: FILE.proof, plate: "ABC123", salt: C("b") });
  });

  it("of somebody else, or no such file, is refused", () => {
    expect(bad({ driver: C("1").slice(0, 42) })).toThrow(new BadPapers("other"));
    for (const change of [
      { proof: { ...FILE.proof, plateCommitment: "0x12" } },
      { proof: { ...FILE.proof, size: "2" } },
      { proof: { ...FILE.proof, signature: "none" } },
      { private: { plate: "ABC123" } },
      { proof: null },
    ]) {
      expect(bad(change)).toThrow(new BadPapers("unreadable"));
    }
    for (const text of ["", "null", "[]", "hello"]) {
      expect(() => readPapers(text, ACCOUNT)).toThrow(BadPapers);
    }
  });
});

describe("the cars that may come", () => {
  const attested = (digit: string, coveredUntil: string) => ({
    plateCommitment: C(digit),
    plate: `P${digit}`,
    size: "medium",
    coveredUntil,
    verifier: 1,
  });
  const end = Date.parse("2026-11-21T10:00:00Z");
  const signed: Papers = { ...readPapers(JSON.stringify(FILE), ACCOUNT) };

  it("are covered to the end of the stay, the one used last first", () => {
    const cars = usable(
      [attested("1", "2026-11-21T09:59:59Z"), attested("2", "2026-11-21T10:00:00Z")],
      [signed],
      end,
      C("a"),
    );
    expect(cars.map((car) => car.plate)).toEqual(["ABC123", "P2"]);
    expect(cars[0]).toMatchObject({ size: "medium", proof: FILE.proof });
    expect(cars[1]?.proof).toBeNull();
  });

  it("leave out papers that end too early", () => {
    const old = { ...signed, proof: { ...signed.proof, untilSlot: 1_000_000 } };
    expect(usable([], [old], end, null)).toEqual([]);
  });

  it("have plates of letters and digits in any script", () => {
    expect(["ab 12", "京A·12345", "M-XY 99"].every(plausible)).toBe(true);
    expect(["", "x", "---", "ABCDEFG1234567"].some(plausible)).toBe(false);
  });
});

describe("markers", () => {
  it("of spaces at one public point are one", () => {
    const one = (id: string, lng: number, price: bigint) => ({
      id,
      point: [lng, 1] as [number, number],
      price,
      name: id,
    });
    const found = heaps([one("a", 2, 30n), one("b", 3, 20n), one("c", 2.000001, 10n)]);
    expect(found.map((heap) => [heap.id, heap.all.length, heap.least])).toEqual([
      ["a", 2, 10n],
      ["b", 1, 20n],
    ]);
  });

  it("show the whole circle", () => {
    const [[west, south], [east, north]] = around([144, -60], 1000);
    expect(north - south).toBeCloseTo(0.01799, 4);
    expect(east - west).toBeCloseTo(0.03597, 4);
  });
});
