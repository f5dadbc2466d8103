/** A wallet as the rest of the app sees it. */
import type { Address, Hex } from "viem";

/** EIP-1193. */
export interface Provider {
  request(call: { method: string; params?: unknown }): Promise<unknown>;
  on?(event: string, listener: (value: never) => void): void;
  removeListener?(event: string, listener: (value: never) => void): void;
}

/** A wallet that can be chosen: announced by EIP-6963, or the labelled guest of a local chain. */
export interface Choice {
  /** The same after a reload: the wallet's reverse domain name, "legacy" or "guest". */
  id: string;
  name: string;
  /** A data: URI, for an <img> only. */
  icon: string | null;
  kind: "extension" | "guest";
  provider: Provider;
}

/** A chosen wallet that is signed in. */
export interface Account {
  address: Address;
  choice: Choice;
}

/** A call of a contract, as it will be signed. */
export interface Call {
  /** The contract's verb, e.g. "lease". */
  verb: string;
  to: Address;
  data: Hex;
  /** What of its arguments a person looks for. */
  about: About;
}

/** The space that a call is about, and the amount in minor units: the most that may be due, or all. */
export interface About {
  space?: bigint;
  most?: bigint;
  amount?: bigint;
}

/** What a wallet is asked to sign, while it shows only codes: the deed, and the name it has there. */
export interface Deed extends About {
  /** The verb of a call, "permit", or the type of a message for the market. */
  verb: string;
  shownAs: "ForwardRequest" | "Permit" | "UnlockConfirmation" | null;
}

/** A permit (EIP-2612) as the contract takes it. */
export interface Permit {
  amount: bigint;
  deadline: bigint;
  v: bigint;
  r: Hex;
  s: Hex;
}

/** EIP-712, as a wallet takes it. */
export interface TypedData {
  domain: Readonly<Record<string, unknown>>;
  types: Readonly<Record<string, readonly { name: string; type: string }[]>>;
  primaryType: string;
  message: Readonly<Record<string, unknown>>;
}

export type { Address, Hex };

/** A lease's id begins with its space's. */
export function spaceOfLease(leaseId: bigint): bigint {
  return leaseId >> 48n;
}

/** A space's id: its city's number, and its title's in that city's register. */
export function spaceOfTitle(city: bigint, index: bigint): bigint {
  return (city << 32n) | index;
}
