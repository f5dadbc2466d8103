import { parseSiweMessage, validateSiweMessage } from "viem/siwe";
import { hexToString } from "viem";
import { expect, test } from "vitest";
import { signInMessage, STATEMENT, textHex, type SignIn } from "./siwe";

const wanted: SignIn = {
  address: "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
  origin: "https://berth.example:8443",
  chainId: 1337,
  nonce: "abcdefgh12345678",
  issuedAt: new Date("2026-11-21T08:00:00Z"),
  expiresAt: new Date("2026-11-21T08:10:00Z"),
};

test("another implementation reads every field as it was meant", () => {
  const read = parseSiweMessage(signInMessage(wanted));
  expect(read).toEqual({
    address: wanted.address,
    chainId: 1337,
    domain: "berth.example:8443",
    expirationTime: wanted.expiresAt,
    issuedAt: wanted.issuedAt,
    nonce: wanted.nonce,
    statement: STATEMENT,
    uri: "https://berth.example:8443",
    version: "1",
  });
  expect(validateSiweMessage({ message: read, time: new Date("2026-11-21T08:05:00Z") })).toBe(true);
});

test("the statement holds only what the standard's grammar takes", () => {
  expect(STATEMENT).toMatch(/^[A-Za-z0-9 ._~:/?#[\]@!$&'()*+,;=-]+$/);
});

test.each([
  { nonce: "short" },
  { nonce: "abcdefgh\nURI: https://thief.example" },
  { chainId: 0 },
  { address: "0x12" as const },
])("a message is not made from %o", (odd) => {
  expect(() => signInMessage({ ...wanted, ...odd })).toThrow(/siwe/);
});

test("text goes to the wallet as UTF-8 in hex", () => {
  expect(hexToString(textHex("héllo 停"))).toBe("héllo 停");
});
