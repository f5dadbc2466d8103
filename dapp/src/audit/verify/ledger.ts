/** The ledger's hashes, as the contract makes them. */
import { concat, encodeAbiParameters, keccak256, type Address, type Hex } from "viem";

/** A `Settled` event: one record of the ledger. Amounts in minor units. */
export interface Settled {
  leaseId: bigint;
  driver: Address;
  owner: Address;
  number: bigint;
  outcome: number;
  offer: number;
  rent: bigint;
  overstay: bigint;
  energy: bigint;
  fee: bigint;
  refund: bigint;
  /** Minute from the start plus 1; 0 = none. */
  arrived: number;
  /** Minute from the start. */
  until: number;
  energyWh: number;
  /** Unix seconds. */
  closedAt: number;
}

export const EMPTY_HEAD: Hex = `0x${"0".repeat(64)}`;
const WORDS = Array.from({ length: 14 }, () => ({ type: "uint256" }) as const);

/** keccak256 of the record's fourteen words. */
export function recordHash(s: Settled): Hex {
  const values = [
    s.leaseId,
    s.outcome,
    s.owner,
    s.driver,
    s.offer,
    s.rent,
    s.overstay,
    s.energy,
    s.fee,
    s.refund,
    s.arrived,
    s.until,
    s.energyWh,
    s.closedAt,
  ].map((value) => BigInt(value));
  return keccak256(encodeAbiParameters(WORDS, values as never));
}

/** The head after one more record. */
export function nextHead(head: Hex, record: Hex): Hex {
  return keccak256(concat([head, record]));
}
