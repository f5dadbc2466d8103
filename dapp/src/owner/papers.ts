/** A registration, and where it comes from. */
import type { Schemas } from "../api/client";

function bitOf(name: string, connectors: readonly string[]): number {
  const bit = connectors.indexOf(name);
  if (bit < 0) throw new Error(`this market knows no connector ${name}`);
  return bit;
}

/** A registration as `registerSpace` takes it. `spaceId` says the city's number. */
export function registration(
  body: Schemas["RegistrationBody"],
  spaceId: string,
  connectors: readonly string[],
) {
  type Hex = `0x${string}`;
  const named = body.connectors ?? [];
  const mask = named.reduce((bits, name) => bits | (1n << BigInt(bitOf(name, connectors))), 0n);
  return {
    title: {
      city: BigInt(spaceId) >> 32n,
      index: BigInt(body.title.index),
      saltedHolder: body.title.saltedHolder as Hex,
      addressHash: body.title.addressHash as Hex,
      cell: BigInt(body.title.cell),
      attributes: BigInt(body.title.attributes),
      validDay: BigInt(body.title.validDay),
    },
    proof: body.proof as Hex[],
    holder: {
      verifier: BigInt(body.holder.verifier),
      validDay: BigInt(body.holder.validDay),
      nonce: BigInt(body.holder.nonce),
      signature: body.holder.signature as Hex,
    },
    lock: {
      key: body.lock.key as Hex,
      maker: BigInt(body.lock.maker),
      validDay: BigInt(body.lock.validDay),
      makerSignature: body.lock.makerSignature as Hex,
      possession: body.lock.possession as Hex,
    },
    connectors: mask,
    power: BigInt(Math.floor((body.powerW ?? 0) / 100)),
  };
}

/** The registration in a file: itself, or a member of that name. What is in it is checked there. */
export function registrationIn(said: unknown): Schemas["RegistrationBody"] | null {
  if (typeof said !== "object" || said === null) return null;
  const found = "registration" in said ? said.registration : said;
  if (typeof found !== "object" || found === null) return null;
  const whole = ["title", "proof", "holder", "lock"].every((name) => name in found);
  return whole ? (found as Schemas["RegistrationBody"]) : null;
}

/** What a verifier's and a lock's files say, put together. */
export interface Words {
  holder: Schemas["HolderBody"] | null;
  lock: Schemas["LockBody"] | null;
  /** "AUMEL/123", where the verifier's file names the title. */
  title: string | null;
}

type Members = Readonly<Record<string, unknown>>;

function members(said: unknown): Members | null {
  return typeof said === "object" && said !== null ? (said as Members) : null;
}

const has = (found: Members, ...names: string[]): boolean => names.every((name) => name in found);

/**
 * The verifier's word (`berth attest owner`), the maker's (`berth attest device`) and the lock's own
 * (`berth lock enrol`), each a file by itself or some of them in one. What is in them is checked
 * there.
 */
export function wordsIn(files: readonly unknown[]): Words {
  let holder: unknown = null;
  let title: string | null = null;
  const lock: Record<string, unknown> = {};
  for (const file of files) {
    const whole = members(file);
    if (!whole) continue;
    if (typeof whole.title === "string") title = whole.title;
    for (const part of [whole, whole.proof, whole.holder, whole.lock, whole.registration]) {
      const found = members(part);
      if (!found) continue;
      if (has(found, "verifier", "validDay", "nonce", "signature")) {
        const { verifier, validDay, nonce, signature } = found;
        holder = { verifier, validDay, nonce, signature };
      }
      for (const name of ["key", "maker", "validDay", "makerSignature"]) {
        if (has(found, "makerSignature", name)) lock[name] = found[name];
      }
      if (has(found, "possession")) lock.possession = found.possession;
    }
  }
  const complete = has(lock, "key", "maker", "validDay", "makerSignature", "possession");
  return {
    holder: holder as Words["holder"],
    lock: complete ? (lock as unknown as Schemas["LockBody"]) : null,
    title,
  };
}

/** A city's code and a title's number, as typed; null for what is none. */
export function titleOf(city: string, number: string): { city: string; index: number } | null {
  const code = city.trim().toUpperCase();
  const index = /^\s*\d{1,10}\s*$/.test(number) ? Number(number) : Number.NaN;
  const known = /^[A-Z]{2}[A-Z2-9]{3}$/.test(code) && index < 2 ** 32;
  return known ? { city: code, index } : null;
}
