/** One settlement with all that led to it, checked against the chain through the auditor's node. */
import {
  concat,
  encodeAbiParameters,
  isAddressEqual,
  keccak256,
  recoverTypedDataAddress,
  type Address,
  type Hex,
} from "viem";
import type { Schemas } from "../../api/client";
import { marketReads } from "../../chain/abi/reads";
import { callsIn, recordsIn, registrationIn, type Brought, type Registration } from "./calls";
import { spaceOf, type LockKey, type Settlement } from "./history";
import { recordHash } from "./ledger";
import type { Reader } from "./reader";
import { altered, alteredSteps, type Field } from "./shown";
import { OUTCOMES, type Outcome } from "./tariff";
import { wrongIn, type Finding, type Report } from "./whole";

/**
 * `absent`: there is nothing of the kind to be checked, e.g. no lock's record in a cancellation.
 * `unread`: it must be there, but not where it is looked for; a wallet that is a contract, or a node
 * that shows another transaction, may have it so; or it is newer than what the node has.
 */
export type Result = "right" | "wrong" | "absent" | "unread";
export type CheckName =
  | "ledger"
  | "record"
  | "steps"
  | "bill"
  | "offer"
  | "booking"
  | "title"
  | "holder"
  | "maker"
  | "possession"
  | "evidence"
  | "shown";

export interface Check {
  name: CheckName;
  result: Result;
  /** Figures, hashes, accounts: the same in every language. */
  detail: string;
  /** What is not as the chain has it. */
  fields?: readonly Field[];
  /** What does not follow from the terms. */
  faults?: readonly Finding["what"][];
  /** By the service's word it has come since the node's newest block. */
  newer?: boolean;
}

const PAPERS = ["title", "holder", "maker", "possession"] as const;
/** Ends that a lock's record brought about in their own transaction. */
const BY_RECORD: readonly (Outcome | undefined)[] = ["departed", "obstructed"];

/** What the service says of the settlement; each word of it is held against the chain. */
type Claimed = Schemas["SettlementDetailOut"];

/** As the lock signs it. */
const KINDS = { arrived: 1, left: 2, blocked: 3, no_show: 4 } as const;

const OCCUPANCY = {
  Occupancy: [
    { name: "leaseId", type: "uint256" },
    { name: "kind", type: "uint8" },
    { name: "from", type: "uint40" },
    { name: "until", type: "uint40" },
    { name: "energyWh", type: "uint32" },
  ],
} as const;
const HOLDER = {
  HolderAttestation: [
    { name: "wallet", type: "address" },
    { name: "saltedHolder", type: "bytes32" },
    { name: "validDay", type: "uint16" },
    { name: "nonce", type: "uint256" },
  ],
} as const;
const LOCK = {
  LockAttestation: [
    { name: "lock", type: "address" },
    { name: "validDay", type: "uint16" },
  ],
} as const;
const POSSESSION = {
  LockPossession: [
    { name: "lock", type: "address" },
    { name: "spaceId", type: "uint64" },
    { name: "owner", type: "address" },
  ],
} as const;

interface Domain {
  name: string;
  version: string;
  chainId: number;
  verifyingContract: Address;
}

/** Every check of the settlement of a number, in the order in which the lease came about. Throws what
 * the node says. */
export async function verifySettlement(
  reader: Reader,
  report: Report,
  number: number,
  claimed: Claimed,
): Promise<Check[]> {
  const settlement = report.history.settlements[number - 1];
  if (!settlement || settlement.record.number !== BigInt(number)) {
    const [name, place] = ["ledger" as const, `#${number} / ${report.count}`];
    // what has come since the report was made cannot be judged by it
    if (number > report.count && claimed.block > report.block) {
      const detail = `${place}, ${claimed.block} > ${report.block}`;
      return [{ name, result: "unread", detail, newer: true }];
    }
    return [{ name, result: "wrong", detail: place }];
  }
  const { record } = settlement;
  const space = spaceOf(record.leaseId);
  const domain = await domainOf(reader);
  const registered = await registrationOf(reader, report, space);
  return [
    ledgerCheck(report, number, claimed),
    recordCheck(report, settlement, claimed),
    stepsCheck(report, settlement, claimed),
    billCheck(report, settlement),
    offerCheck(report, settlement),
    bookingCheck(report, settlement),
    ...(await paperChecks(reader, report, domain, space, registered)),
    ...(await evidenceChecks(reader, report, settlement, domain)),
    await shownCheck(report, settlement, domain, claimed),
  ];
}

function ledgerCheck(report: Report, number: number, claimed: Claimed): Check {
  const head = report.heads[number - 1] ?? "";
  const whole = report.head === report.chainHead && report.checked === report.count;
  return {
    name: "ledger",
    result: whole && same(head, claimed.head) ? "right" : "wrong",
    detail: `#${number} / ${report.count}, ${head}`,
  };
}

export function recordCheck(report: Report, settlement: Settlement, claimed: Claimed): Check {
  const head = report.heads[Number(settlement.record.number) - 1] ?? "";
  const { recordHash: hash, head: anew } = claimed.recomputed;
  const fields = altered(claimed, settlement, head);
  // shown besides, as what the service made of its own fields
  const made = altered({ ...claimed, recordHash: hash, head: anew }, settlement, head);
  fields.push(...made.filter((one) => !fields.includes(one)));
  return {
    name: "record",
    result: fields.length ? "wrong" : "right",
    detail: recordHash(settlement.record),
    fields,
  };
}

function stepsCheck(report: Report, settlement: Settlement, claimed: Claimed): Check {
  const fields = alteredSteps(claimed, settlement, report);
  const booking = report.history.bookings.get(settlement.record.leaseId);
  return {
    name: "steps",
    result: fields.length ? "wrong" : "right",
    detail: booking?.transaction ?? "",
    fields,
  };
}

function billCheck(report: Report, settlement: Settlement): Check {
  const faults = wrongIn(report.history, settlement);
  const { rent, overstay, energy, fee, refund } = settlement.record;
  return {
    name: "bill",
    result: faults.length ? "wrong" : "right",
    detail: `${rent} + ${overstay} + ${energy}; ${fee}; ${refund}`,
    faults,
  };
}

function offerCheck(report: Report, { record }: Settlement): Check {
  const offer = report.history.offer(record.leaseId, record.offer);
  const right = offer && isAddressEqual(offer.owner, record.owner);
  return {
    name: "offer",
    result: right ? "right" : "wrong",
    detail: offer ? `${record.offer}, ${offer.transaction}` : String(record.offer),
  };
}

function bookingCheck(report: Report, { record }: Settlement): Check {
  const booking = report.history.bookings.get(record.leaseId);
  const right = booking && isAddressEqual(booking.driver, record.driver);
  return {
    name: "booking",
    result: right ? "right" : "wrong",
    detail: booking ? `${booking.deposit}, ${booking.transaction}` : "",
  };
}

interface Registered {
  papers: Registration;
  owner: Address;
  block: bigint;
}

async function registrationOf(
  reader: Reader,
  report: Report,
  space: bigint,
): Promise<Registered | null> {
  const seen = report.history.registrations.get(space);
  if (!seen) return null;
  const transaction = await reader.client.getTransaction({ hash: seen.transaction });
  for (const { from, data } of callsIn(transaction, reader.where.market)) {
    const papers = registrationIn(data);
    if (papers && ((papers.title.city << 32n) | papers.title.index) === space)
      return { papers, owner: from, block: seen.block };
  }
  return null;
}

/** Title in the city's tree, holder verified, lock attested by its maker and in its own word. */
async function paperChecks(
  reader: Reader,
  report: Report,
  domain: Domain,
  space: bigint,
  found: Registered | null,
): Promise<Check[]> {
  if (!found) {
    const seen = report.history.registrations.get(space);
    const result = seen ? "unread" : "wrong";
    return PAPERS.map((name) => ({ name, result, detail: seen?.transaction ?? "" }));
  }
  const { title, proof, holder, lock } = found.papers;
  const root = rootOf(leafOf(title), proof);
  const anchored = (await reader.editions(title.city, found.block)).at(-1) ?? "0x";
  const day = Number(lock.validDay);
  const [verifier, maker, holderBy, lockBy, possessionBy] = await Promise.all([
    attester(reader, holder.verifier),
    attester(reader, lock.maker),
    signer(domain, HOLDER, "HolderAttestation", holder.signature, {
      wallet: found.owner,
      saltedHolder: title.saltedHolder,
      validDay: Number(holder.validDay),
      nonce: holder.nonce,
    }),
    signer(domain, LOCK, "LockAttestation", lock.makerSignature, { lock: lock.key, validDay: day }),
    signer(domain, POSSESSION, "LockPossession", lock.possession, {
      lock: lock.key,
      spaceId: space,
      owner: found.owner,
    }),
  ]);
  return [
    { name: "title", result: same(root, anchored) ? "right" : "wrong", detail: root },
    signed("holder", holderBy, verifier),
    signed("maker", lockBy, maker),
    signed("possession", possessionBy, lock.key),
  ];
}

async function evidenceChecks(
  reader: Reader,
  report: Report,
  { record, transaction, block }: Settlement,
  domain: Domain,
): Promise<Check[]> {
  const keys = report.history.locks.get(spaceOf(record.leaseId)) ?? [];
  const due = broughtIn(report, record.leaseId);
  if (BY_RECORD.includes(OUTCOMES[record.outcome])) due.push(transaction);
  const checks: Check[] = [];
  for (const hash of new Set([...due, transaction])) {
    const asked = await reader.client.getTransaction({ hash });
    const brought = callsIn(asked, reader.where.market)
      .flatMap(({ data }) => recordsIn(data))
      .filter(({ occupancy }) => occupancy.leaseId === record.leaseId);
    for (const one of brought) {
      const at = asked.blockNumber ?? block;
      checks.push(await evidenceCheck(domain, one, keysOver(keys, at, at)));
    }
    if (!brought.length && due.includes(hash)) {
      checks.push({ name: "evidence", result: "unread", detail: hash });
    }
  }
  return checks.length ? checks : [{ name: "evidence", result: "absent", detail: "" }];
}

async function evidenceCheck(
  domain: Domain,
  { occupancy, signature }: Brought,
  keys: LockKey[],
): Promise<Check> {
  const by = await signer(domain, OCCUPANCY, "Occupancy", signature, {
    leaseId: occupancy.leaseId,
    kind: Number(occupancy.kind),
    from: Number(occupancy.from),
    until: Number(occupancy.until),
    energyWh: Number(occupancy.energyWh),
  });
  return {
    name: "evidence",
    result: by && keys.some((one) => isAddressEqual(one.key, by)) ? "right" : "wrong",
    detail: by ?? signature,
  };
}

/** Arrival, overstay and a no-show in a dispute are there by a lock's record only: those of a lease. */
function broughtIn({ history }: Report, leaseId: bigint): Hex[] {
  const { arrivals, claims, noShows } = history;
  return [arrivals, claims, noShows].flatMap((places) => places.get(leaseId)?.transaction ?? []);
}

/** The space's locks from one block to another, and the one before the first of them. */
function keysOver(keys: LockKey[], from: bigint, until: bigint): LockKey[] {
  const before = keys.filter((one) => one.block <= from).length;
  return keys.filter((one) => one.block <= until).slice(Math.max(0, before - 2));
}

/** The signatures that the service shows, whether they came to the chain or not. */
export async function shownCheck(
  report: Report,
  { record, block, transaction }: Settlement,
  domain: Domain,
  claimed: Claimed,
): Promise<Check> {
  const { bookings, locks } = report.history;
  // when the lock signed is not known, but that it was during the lease
  const since = bookings.get(record.leaseId)?.block ?? block;
  const keys = keysOver(locks.get(spaceOf(record.leaseId)) ?? [], since, block);
  // of another transaction it may be that it failed
  const brings = [...broughtIn(report, record.leaseId), transaction];
  const elsewhere = claimed.evidence.find(
    (one) => one.transaction && !brings.some((hash) => same(hash, one.transaction ?? "")),
  );
  const checks = await Promise.all(
    claimed.evidence.map(async (one) => {
      const { from, until, energyWh } = one;
      const occupancy = { leaseId: record.leaseId, kind: BigInt(KINDS[one.kind]) };
      const times = { from: BigInt(from), until: BigInt(until), energyWh: BigInt(energyWh) };
      const brought = { occupancy: { ...occupancy, ...times }, signature: one.signature as Hex };
      const check = await evidenceCheck(domain, brought, keys);
      const named = check.detail.toLowerCase() === one.lock.toLowerCase();
      return { ...check, result: named ? check.result : ("wrong" as const) };
    }),
  );
  const wrong = checks.find((one) => one.result === "wrong");
  if (!wrong && elsewhere)
    return { name: "shown", result: "unread", detail: elsewhere.transaction ?? "" };
  const found = wrong ?? checks[0];
  return found ? { ...found, name: "shown" } : { name: "shown", result: "absent", detail: "" };
}

function signed(name: CheckName, by: Address | null, wanted: Address): Check {
  return {
    name,
    result: by && isAddressEqual(by, wanted) ? "right" : "wrong",
    detail: by ?? wanted,
  };
}

/** Who signed; null for a signature that is none. */
async function signer(
  domain: Domain,
  types: object,
  primaryType: string,
  signature: Hex,
  message: object,
): Promise<Address | null> {
  try {
    return await recoverTypedDataAddress({
      domain,
      types,
      primaryType,
      message,
      signature,
    } as never);
  } catch {
    return null;
  }
}

async function domainOf(reader: Reader): Promise<Domain> {
  const [, name, version] = await reader.client.readContract({
    address: reader.where.market,
    abi: marketReads,
    functionName: "eip712Domain",
  });
  // chain and contract are the auditor's, not what somebody answers
  const { chainId, market } = reader.where;
  return { name, version, chainId, verifyingContract: market };
}

async function attester(reader: Reader, id: bigint): Promise<Address> {
  const [account] = await reader.client.readContract({
    address: reader.where.market,
    abi: marketReads,
    functionName: "attesterOf",
    args: [id],
  });
  return account;
}

export function leafOf(title: Registration["title"]): Hex {
  const types = ["uint256", "uint256", "bytes32", "bytes32", "uint256", "uint256", "uint256"];
  const { city, index, saltedHolder, addressHash, cell, attributes, validDay } = title;
  const words = encodeAbiParameters(
    types.map((type) => ({ type })),
    [city, index, saltedHolder, addressHash, cell, attributes, validDay],
  );
  return keccak256(keccak256(words));
}

export function rootOf(leaf: Hex, proof: readonly Hex[]): Hex {
  return proof.reduce<Hex>(
    (node, next) =>
      keccak256(BigInt(node) < BigInt(next) ? concat([node, next]) : concat([next, node])),
    leaf,
  );
}

function same(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
