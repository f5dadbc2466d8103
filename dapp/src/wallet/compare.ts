/**
 * What a server prepared for signing, held against what was asked for here. What is signed is built
 * anew from our own types and the values that passed; a server's object never reaches the wallet.
 */
import type { ForwardRequest } from "../api/intents";
import { WalletError } from "./errors";
import type { Address, Call, TypedData } from "./types";

type Fields = readonly { name: string; type: string }[];

const DOMAIN: Fields = [
  { name: "name", type: "string" },
  { name: "version", type: "string" },
  { name: "chainId", type: "uint256" },
  { name: "verifyingContract", type: "address" },
];
const FORWARD: Fields = [
  { name: "from", type: "address" },
  { name: "to", type: "address" },
  { name: "value", type: "uint256" },
  { name: "gas", type: "uint256" },
  { name: "nonce", type: "uint256" },
  { name: "deadline", type: "uint48" },
  { name: "data", type: "bytes" },
];
const PERMIT: Fields = [
  { name: "owner", type: "address" },
  { name: "spender", type: "address" },
  { name: "value", type: "uint256" },
  { name: "nonce", type: "uint256" },
  { name: "deadline", type: "uint256" },
];
/** What people sign for the market itself, letter by letter as its contract and backend have it. */
const MARKET: Readonly<Record<string, Fields>> = {
  UnlockConfirmation: [
    { name: "leaseId", type: "uint256" },
    { name: "cycle", type: "uint32" },
    { name: "at", type: "uint40" },
  ],
  Agreement: [
    { name: "leaseId", type: "uint256" },
    { name: "deposit", type: "uint256" },
    { name: "cost", type: "uint256" },
    { name: "validUntil", type: "uint256" },
  ],
};

/** No call of the market needs more; a block of many chains holds 30 million. */
const MOST_GAS = 5_000_000n;
/** A signature that waits longer than that is of use to nobody but a thief, seconds. */
const LONGEST = 3600n;

export interface Place {
  chainId: number;
  market: string;
  forwarder: string;
  asset: string;
  /** Unix seconds. */
  now: number;
}

export interface Forward {
  typedData: TypedData;
  /** For POST /v1/intents/submit. */
  request: ForwardRequest;
}

/** The request to the forwarder that carries exactly `call`, of `from`, soon or never. */
export function checkForward(given: unknown, call: Call, from: Address, place: Place): Forward {
  const { domain, message } = open(given, "ForwardRequest", FORWARD);
  checkPlace(domain, place.chainId, place.forwarder);
  equal("from", message["from"], from);
  equal("to", message["to"], call.to);
  equal("data", message["data"], call.data);
  if (number("value", message["value"]) !== 0n) differs("value");
  const gas = number("gas", message["gas"]);
  if (gas <= 0n || gas > MOST_GAS) differs("gas");
  const nonce = number("nonce", message["nonce"]);
  const deadline = soon(message["deadline"], place.now);
  return {
    typedData: {
      domain: clean(domain, place.chainId, place.forwarder),
      types: { EIP712Domain: DOMAIN, ForwardRequest: FORWARD },
      primaryType: "ForwardRequest",
      message: {
        from,
        to: call.to,
        value: 0n,
        gas,
        nonce,
        deadline: Number(deadline),
        data: call.data,
      },
    },
    request: {
      from,
      to: call.to,
      value: "0",
      gas: gas.toString(),
      nonce: nonce.toString(),
      deadline: Number(deadline),
      data: call.data,
    },
  };
}

/** The permit that lets the market take exactly `amount` of `owner`'s tokens, soon or never. */
export function checkPermit(
  given: unknown,
  amount: bigint,
  owner: Address,
  place: Place,
): { typedData: TypedData; deadline: bigint } {
  const { domain, message } = open(given, "Permit", PERMIT);
  checkPlace(domain, place.chainId, place.asset);
  equal("owner", message["owner"], owner);
  equal("spender", message["spender"], place.market);
  if (number("value", message["value"]) !== amount) differs("value");
  const nonce = number("nonce", message["nonce"]);
  const deadline = soon(message["deadline"], place.now);
  return {
    deadline,
    typedData: {
      domain: clean(domain, place.chainId, place.asset),
      types: { EIP712Domain: DOMAIN, Permit: PERMIT },
      primaryType: "Permit",
      message: { owner, spender: place.market as Address, value: amount, nonce, deadline },
    },
  };
}

export interface Expected {
  primaryType: string;
  /** The fields that the screen knows; each must be so. */
  message: Readonly<Record<string, string | number | bigint>>;
}

/** A message for the market itself, of a kind that people sign, with the fields that are known. */
export function checkTyped(given: unknown, expected: Expected, place: Place): TypedData {
  const fields = MARKET[expected.primaryType];
  if (!fields) throw new WalletError("tampered", `primaryType ${expected.primaryType}`);
  const { domain, message } = open(given, expected.primaryType, fields);
  checkPlace(domain, place.chainId, place.market);
  const known = Object.entries(expected.message);
  if (!known.length) throw new WalletError("tampered", "message");
  for (const [name, value] of known) {
    if (!fields.some((field) => field.name === name)) differs(name);
    equal(name, message[name], value);
  }
  return {
    domain: clean(domain, place.chainId, place.market),
    types: { EIP712Domain: DOMAIN, [expected.primaryType]: fields },
    primaryType: expected.primaryType,
    message: Object.fromEntries(
      fields.map(({ name, type }) => [
        name,
        type.startsWith("uint") ? number(name, message[name]) : message[name],
      ]),
    ),
  };
}

interface Opened {
  domain: Record<string, unknown>;
  message: Record<string, unknown>;
}

function open(given: unknown, primaryType: string, fields: Fields): Opened {
  const { domain, types, message, primaryType: found } = record(given, "typedData");
  if (found !== primaryType) differs("primaryType");
  const list = record(types, "types")[primaryType];
  const same =
    Array.isArray(list) &&
    list.length === fields.length &&
    fields.every(({ name, type }, i) => {
      const other = list[i] as { name?: unknown; type?: unknown };
      return other.name === name && other.type === type;
    });
  if (!same) differs("types");
  return { domain: record(domain, "domain"), message: record(message, "message") };
}

function checkPlace(domain: Record<string, unknown>, chainId: number, contract: string): void {
  if (number("chainId", domain["chainId"]) !== BigInt(chainId)) differs("chainId");
  equal("verifyingContract", domain["verifyingContract"], contract);
  const odd = Object.keys(domain).find((key) => !DOMAIN.some(({ name }) => name === key));
  if (odd) differs(odd);
}

function clean(domain: Record<string, unknown>, chainId: number, contract: string) {
  return {
    name: String(domain["name"]),
    version: String(domain["version"]),
    chainId,
    verifyingContract: contract as Address,
  };
}

function soon(value: unknown, now: number): bigint {
  const deadline = number("deadline", value);
  const moment = BigInt(Math.floor(now));
  if (deadline <= moment || deadline > moment + LONGEST) differs("deadline");
  return deadline;
}

function number(name: string, value: unknown): bigint {
  const fine =
    typeof value === "bigint" ||
    (typeof value === "number" && Number.isSafeInteger(value)) ||
    (typeof value === "string" && /^(?:\d+|0x[0-9a-f]+)$/i.test(value));
  if (!fine) differs(name);
  return BigInt(value as string | number | bigint);
}

function equal(name: string, given: unknown, wanted: string | number | bigint): void {
  const text = (value: unknown): string =>
    typeof value === "string" && !/^\d+$/.test(value) ? value.toLowerCase() : String(value);
  if (text(given) === text(wanted)) return;
  // 0x hex of an id and its decimal text are the same number
  const hex = /^0x[0-9a-f]{1,28}$/i;
  const asNumber = [given, wanted].some((one) => typeof one !== "string" || !hex.test(one));
  if (asNumber && number(name, given) === number(name, wanted)) return;
  differs(name);
}

function record(value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null) differs(name);
  return value as Record<string, unknown>;
}

function differs(what: string): never {
  throw new WalletError("tampered", what);
}
