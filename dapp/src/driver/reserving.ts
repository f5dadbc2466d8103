/** Reserving, with the service, the wallet and the chain: the ports of the machine in `reserve`. */
import { ask, client, type Schemas } from "../api/client";
import { encode, approve as approval, sameCall } from "../chain/market";
import { account, Dismissed, follow, perform, requireAccount } from "../wallet";
import { WalletError } from "../wallet/errors";
import type { Call, Hex, Permit } from "../wallet/types";
import { carsUntil, handOver, usedCar } from "./garage";
import { stayOf, type Order } from "./order";
import type { Car, Ports, Proof, Quoted, Verb } from "./reserve";
import { slotsIn, SLOT } from "./slots";

interface Asked extends Quoted {
  answer: Schemas["QuoteOut"];
}

export function portsFor(order: Order): Ports<Asked> {
  return {
    signIn: async () => void (await requireAccount()),
    cars: () => carsUntil(mine(), order.span.end),
    quote: (car) => quote(order, car),
    handOver: (car) => handOver(mine(), car),
    approve,
    sign: (asked, car, verb) => sign(order, asked, car, verb),
    mine: () => ownLease(order),
    dismissed: (error) => error instanceof Dismissed,
  };
}

function mine(): string {
  const found = account.value;
  if (!found) throw new WalletError("over");
  return found.address;
}

async function quote(order: Order, car: Car): Promise<Asked> {
  const body = {
    ...stayOf(order),
    ...(car.proof ? { vehicle: car.proof } : {}),
    plateCommitment: car.plateCommitment,
  };
  const answer = await ask(client.POST("/v1/quotes", { body }));
  const { funds } = answer;
  return {
    answer,
    maximum: BigInt(answer.maximumCost),
    pulled: BigInt(funds.pulled),
    allowance: BigInt(funds.allowance),
    held: BigInt(funds.credit) + BigInt(funds.tokenBalance),
    objections: answer.objections,
    canPermit: Boolean(answer.permit),
  };
}

/** Asked twice: the chain may know of a lease some seconds before the service does. */
async function ownLease(order: Order): Promise<string | null> {
  const known = await ownLeaseNow(order);
  if (known) return known;
  await new Promise((resolve) => setTimeout(resolve, 1500));
  return ownLeaseNow(order);
}

async function ownLeaseNow({ spaceId, span }: Order): Promise<string | null> {
  const query = { role: "driver", open: true, limit: 100 } as const;
  const { items } = await ask(client.GET("/v1/me/leases", { params: { query } }));
  const own = items.find(
    (one) =>
      one.spaceId === spaceId &&
      Date.parse(one.window.start) < span.end &&
      Date.parse(one.window.end) > span.start,
  );
  return own?.id ?? null;
}

/** The market may take so much; waits until the chain has it. */
async function approve(amount: bigint): Promise<void> {
  const end = await follow(await perform(approval(amount)), () => undefined);
  if (end.state === "confirmed") return;
  throw end.refusal
    ? new WalletError("unknown", end.refusal.sentence)
    : new WalletError("unknown", end.state);
}

const NO_PROOF: Proof = {
  plateCommitment: `0x${"0".repeat(64)}`,
  size: 0,
  untilSlot: 0,
  verifier: 0,
  signature: "0x",
};

async function sign(
  order: Order,
  asked: Asked,
  car: Car,
  verb: Verb,
): Promise<{ intent: string; leaseId: string | null }> {
  const request = {
    spaceId: BigInt(order.spaceId),
    startSlot: BigInt(order.span.start / SLOT),
    slots: BigInt(slotsIn(order.span)),
    offer: BigInt(order.offer),
    kwhCap: BigInt(order.kwh),
    plateCommitment: car.plateCommitment as Hex,
    maxCost: asked.maximum,
  };
  const vehicle = proofArgs(car.proof ?? NO_PROOF);
  const { answer } = asked;
  usedCar(car);
  if (verb === "leaseWithPermit") {
    const call = (permit: Permit) => encode("leaseWithPermit", [request, vehicle, permit]);
    const permit = { typedData: answer.permit, amount: asked.pulled };
    return { intent: await perform(call, { permit }), leaseId: answer.leaseId };
  }
  const call =
    verb === "lease" ? encode("lease", [request]) : encode("leaseWithVehicle", [request, vehicle]);
  checkPrepared(call, answer.transactions);
  return { intent: await perform(call), leaseId: answer.leaseId };
}

function proofArgs(proof: Proof) {
  return {
    plateCommitment: proof.plateCommitment as Hex,
    size: BigInt(proof.size),
    untilSlot: BigInt(proof.untilSlot),
    verifier: BigInt(proof.verifier),
    signature: proof.signature as Hex,
  };
}

/** The service prepared the same lease: else one of us has misunderstood the other. */
function checkPrepared(call: Call, prepared: readonly Schemas["TransactionOut"][]): void {
  const same = prepared.find((one) => one.purpose === call.verb);
  if (same) sameCall(call, same);
}

/** The lease that an order became, as soon as that is known; null when it became none. */
export async function leaseOf(intent: string): Promise<string | null> {
  const stop = new AbortController();
  let known: string | null = null;
  try {
    const end = await follow(
      intent,
      (state) => {
        known = state.leaseId;
        if (known) stop.abort();
      },
      stop.signal,
    );
    return end.leaseId;
  } catch (error) {
    if (known) return known;
    throw error;
  }
}
