/** What a transaction asked the market to do, directly or through the forwarder. */
import { decodeFunctionData, type Address, type Hex } from "viem";
import { forwarderAbi } from "../../chain/abi/forwarder";
import { marketVerbs } from "../../chain/abi/verbs";

export interface Title {
  city: bigint;
  index: bigint;
  saltedHolder: Hex;
  addressHash: Hex;
  cell: bigint;
  attributes: bigint;
  validDay: bigint;
}

export interface Registration {
  title: Title;
  proof: readonly Hex[];
  holder: { verifier: bigint; validDay: bigint; nonce: bigint; signature: Hex };
  lock: { key: Address; maker: bigint; validDay: bigint; makerSignature: Hex; possession: Hex };
}

export interface Occupancy {
  leaseId: bigint;
  kind: bigint;
  from: bigint;
  until: bigint;
  energyWh: bigint;
}

/** A lock's word with its signature. */
export interface Brought {
  occupancy: Occupancy;
  signature: Hex;
}

interface Inner {
  from: Address;
  data: Hex;
}

/** The calls of the market in a transaction, each with who speaks. */
export function callsIn(
  transaction: { to: Address | null; from: Address; input: Hex },
  market: Address,
): Inner[] {
  const { to, from, input } = transaction;
  if (to?.toLowerCase() === market.toLowerCase()) return [{ from, data: input }];
  const { functionName, args } = decoded(forwarderAbi, input) ?? {};
  if (functionName === "execute") return [inner(args?.[0])];
  if (functionName === "executeBatch") return (args?.[0] as unknown[]).map(inner);
  return [];
}

/** The papers that a registration or a take-over brought. */
export function registrationIn(data: Hex): Registration | null {
  const call = decoded(marketVerbs, data);
  return call?.functionName === "registerSpace" || call?.functionName === "takeOver"
    ? (call.args?.[0] as Registration)
    : null;
}

/** The records of locks in a call. */
export function recordsIn(data: Hex): Brought[] {
  const call = decoded(marketVerbs, data);
  if (call?.functionName === "record") {
    const [occupancy, signature] = call.args as [Occupancy, Hex];
    return [{ occupancy, signature }];
  }
  if (call?.functionName === "recordBatch") {
    const [occupancies, signatures] = call.args as [Occupancy[], Hex[]];
    return occupancies.map((occupancy, place) => ({
      occupancy,
      signature: signatures[place] ?? "0x",
    }));
  }
  return [];
}

function inner(request: unknown): Inner {
  const { from, data } = request as Inner;
  return { from, data };
}

function decoded(
  abi: typeof marketVerbs | typeof forwarderAbi,
  data: Hex,
): { functionName: string; args?: readonly unknown[] } | null {
  try {
    return decodeFunctionData({ abi, data }) as never;
  } catch {
    return null; // another contract's call
  }
}
