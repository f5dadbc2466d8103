import { encodeFunctionData, decodeFunctionData } from "viem";
import { expect, test } from "vitest";
import { marketVerbs } from "../chain/abi/verbs";
import { registration, registrationIn, titleOf, wordsIn } from "./papers";

const word = (digit: string) => `0x${digit.repeat(64)}`;
const BODY = {
  title: {
    city: "XXGEN",
    index: 115,
    saltedHolder: word("1"),
    addressHash: word("2"),
    cell: 805306368,
    attributes: 1209462790551811,
    validDay: 24106,
  },
  proof: [word("3"), word("4")],
  holder: {
    verifier: 1,
    validDay: 21000,
    nonce: "340282366920938463463374607431768211455",
    signature: `0x${"5".repeat(130)}`,
  },
  lock: {
    key: "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    maker: 2,
    validDay: 21000,
    makerSignature: `0x${"6".repeat(130)}`,
    possession: `0x${"7".repeat(130)}`,
  },
  connectors: ["ccs2" as const, "type2" as const],
  powerW: 22_000,
};

test("a registration goes into the call as the papers say it", () => {
  const args = registration(BODY, "0x0365924f00000073", ["type2", "ccs2", "chademo"]);
  const data = encodeFunctionData({
    abi: marketVerbs,
    functionName: "registerSpace",
    args: [args],
  });
  const { functionName, args: read } = decodeFunctionData({ abi: marketVerbs, data });
  expect(functionName).toBe("registerSpace");
  expect(read?.[0]).toMatchObject({
    title: { city: 0x0365924fn, index: 115n, attributes: 1209462790551811n },
    holder: { nonce: 2n ** 128n - 1n },
    connectors: 0b11n,
    power: 220n,
  });
});

test("a space without a charger has neither connectors nor power", () => {
  const bare = { ...BODY, connectors: [], powerW: 0 };
  const args = registration(bare, "0x0365924f00000073", ["type2"]);
  expect([args.connectors, args.power]).toEqual([0n, 0n]);
});

test("a connector that this market does not know is no other one", () => {
  expect(() => registration(BODY, "0x0365924f00000073", ["type2"])).toThrow(/ccs2/);
});

test("a file holds the registration itself, or as a member", () => {
  expect(registrationIn(BODY)).toBe(BODY);
  expect(registrationIn({ registration: BODY, proof: {} })).toBe(BODY);
  for (const other of [null, 5, "text", [], {}, { title: {} }, { registration: null }]) {
    expect(registrationIn(other)).toBeNull();
  }
});

test("the words of verifier, maker and lock are found in their own files", () => {
  const { possession, ...made } = BODY.lock;
  const verifier = {
    wallet: "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    title: "AUMEL/123",
    saltedHolder: word("1"),
    proof: BODY.holder,
  };
  const enrolled = { lock: BODY.lock.key, spaceId: "0x0011c2f50000007b", possession };
  const all = { holder: BODY.holder, lock: BODY.lock, title: "AUMEL/123" };
  expect(wordsIn([verifier, made, enrolled])).toEqual(all);
  expect(wordsIn([enrolled, made, verifier])).toEqual(all);
  expect(wordsIn([{ holder: BODY.holder, lock: BODY.lock }])).toEqual({ ...all, title: null });
  // the lock's day is its maker's, not the verifier's
  expect(wordsIn([verifier, { ...made, validDay: 5 }, enrolled]).lock?.validDay).toBe(5);
  expect(wordsIn([verifier, made])).toEqual({ ...all, lock: null });
  expect(wordsIn([null, 5, "text", [], {}])).toEqual({ holder: null, lock: null, title: null });
});

test("a title is a city's code and a number", () => {
  expect(titleOf(" aumel ", " 123 ")).toEqual({ city: "AUMEL", index: 123 });
  expect(titleOf("XXGEN", "0")).toEqual({ city: "XXGEN", index: 0 });
  for (const [city, number] of [
    ["AUMEL", ""],
    ["AUMEL", "1.5"],
    ["AUMEL", "-1"],
    ["AUMEL", "4294967296"],
    ["Melbourne", "1"],
    ["AU1EL", "1"],
    ["", "1"],
  ] as const) {
    expect(titleOf(city, number), `${city}/${number}`).toBeNull();
  }
});
