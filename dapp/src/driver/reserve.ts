/**
 * From "Reserve" to the lease, as a machine: what is known decides what comes next; the ports do it.
 * No browser and no chain in here.
 */
import { Refused } from "../wallet/errors";

export interface Proof {
  plateCommitment: string;
  size: number;
  untilSlot: number;
  verifier: number;
  signature: string;
}

/** A car to come with: on the chain already, or with its verifier's word that goes there with the lease. */
export interface Car {
  plateCommitment: string;
  plate: string | null;
  size: string;
  proof: Proof | null;
}

export interface Objection {
  code: string;
  sentence: string;
}

/** What of a quote decides. Amounts in minor units. */
export interface Quoted {
  maximum: bigint;
  pulled: bigint;
  allowance: bigint;
  /** Credit and tokens together. */
  held: bigint;
  objections: readonly Objection[];
  canPermit: boolean;
}

export type Verb = "lease" | "leaseWithVehicle" | "leaseWithPermit";

export type Decision =
  | { to: "short"; missing: bigint }
  | { to: "taken" }
  | { to: "unverified" }
  | { to: "refused"; objections: readonly Objection[] }
  | { to: "dearer"; maximum: bigint }
  | { to: "approve"; amount: bigint }
  | { to: "sign"; verb: Verb };

const TAKEN = "space.taken";
const SHORT = "money.short";
const UNVERIFIED = ["vehicle.unknown", "vehicle.lapses", "vehicle.verifier_revoked"];

/** What comes after a quote. `agreed` is the most that the person has said yes to. */
export function decide(quote: Quoted, car: Car, agreed: bigint): Decision {
  const codes = quote.objections.map((one) => one.code);
  if (codes.includes(TAKEN)) return { to: "taken" };
  const others = quote.objections.filter(
    ({ code }) => code !== SHORT && !UNVERIFIED.includes(code),
  );
  if (others.length) return { to: "refused", objections: others };
  if (codes.some((code) => UNVERIFIED.includes(code))) return { to: "unverified" };
  if (quote.maximum > agreed) return { to: "dearer", maximum: quote.maximum };
  if (codes.includes(SHORT) || quote.held < quote.maximum) {
    return { to: "short", missing: quote.maximum - quote.held };
  }
  if (quote.pulled > quote.allowance) {
    if (quote.canPermit) return { to: "sign", verb: "leaseWithPermit" };
    return { to: "approve", amount: quote.pulled };
  }
  return { to: "sign", verb: car.proof ? "leaseWithVehicle" : "lease" };
}

export type Step =
  | { at: "idle" }
  | { at: "signingIn" | "quoting" | "approving" | "signing" }
  /** A car is wanted: none is there, or the chosen one does not count (any more). */
  | { at: "vehicle"; why: "none" | "unverified" }
  | { at: "short"; missing: bigint }
  | { at: "taken" | "past" }
  | { at: "refused"; objections: readonly Objection[] }
  | { at: "dearer"; maximum: bigint }
  /** Without an intent: a lease that was there already. */
  | { at: "done"; intent: string | null; leaseId: string | null }
  | { at: "failed"; error: unknown };

/** The person has to do something before it goes on. */
export function waiting(step: Step): boolean {
  return !["signingIn", "quoting", "approving", "signing", "done"].includes(step.at);
}

export interface Ports<Q extends Quoted> {
  signIn(): Promise<void>;
  /** The cars that count for the whole stay, the one used last first. */
  cars(): Promise<Car[]>;
  quote(car: Car): Promise<Q>;
  approve(amount: bigint): Promise<void>;
  /** Hands the plate over, so that the lock can be told whom to let in. */
  handOver(car: Car): Promise<void>;
  sign(quote: Q, car: Car, verb: Verb): Promise<{ intent: string; leaseId: string | null }>;
  /** The person's own lease of the space in this time; null: somebody else's, or none. */
  mine(): Promise<string | null>;
  /** Was it only closed, by the person? */
  dismissed(error: unknown): boolean;
}

/** Runs until the lease is signed or the person is needed; `show` is told of each step. */
export async function reserve<Q extends Quoted>(
  ports: Ports<Q>,
  given: { car: Car | null; agreed: bigint },
  show: (step: Step) => void,
): Promise<Step> {
  const told = (step: Step): Step => {
    show(step);
    return step;
  };
  try {
    told({ at: "signingIn" });
    await ports.signIn();
    const car = given.car ?? (await ports.cars())[0] ?? null;
    if (!car) return told({ at: "vehicle", why: "none" });
    // an approval makes the quote old: it is asked for once more after it
    for (let approved = false; ;) {
      told({ at: "quoting" });
      const quote = await ports.quote(car);
      const next = decide(quote, car, given.agreed);
      if (next.to === "approve" && !approved) {
        told({ at: "approving" });
        await ports.approve(next.amount);
        approved = true;
        continue;
      }
      if (next.to === "taken") return told(await taken(ports));
      if (next.to !== "sign") return told(stopped(next));
      if (car.proof) await ports.handOver(car);
      told({ at: "signing" });
      return told({ at: "done", ...(await ports.sign(quote, car, next.verb)) });
    }
  } catch (error) {
    if (ports.dismissed(error)) return told({ at: "idle" });
    const step = afterwards(error);
    if (step.at !== "taken") return told(step);
    return told(await taken(ports).catch((unasked: unknown) => ({ at: "failed", error: unasked })));
  }
}

/** Who was faster may be the person: what was signed arrived, and only the answer to it was lost. */
async function taken(ports: Pick<Ports<Quoted>, "mine">): Promise<Step> {
  const leaseId = await ports.mine();
  return leaseId ? { at: "done", intent: null, leaseId } : { at: "taken" };
}

function stopped(next: Exclude<Decision, { to: "sign" | "taken" }>): Step {
  switch (next.to) {
    case "short":
      return { at: "short", missing: next.missing };
    case "unverified":
      return { at: "vehicle", why: "unverified" };
    case "refused":
      return { at: "refused", objections: next.objections };
    case "dearer":
      return { at: "dearer", maximum: next.maximum };
    case "approve":
      // the approval that was just made does not show: say so rather than ask for it again
      return { at: "failed", error: new Error("the approval has no effect") };
  }
}

/** What the contract refuses between the quote and the signature, as the step that mends it. */
function afterwards(error: unknown): Step {
  const code = codeOf(error);
  if (code.endsWith("Berth_CalendarTaken")) return { at: "taken" };
  if (code.endsWith("Berth_StartInPast") || code === "stay.past") return { at: "past" };
  if (code.endsWith("Berth_VehicleNotDrivers") || code.endsWith("Berth_VehicleLapses")) {
    return { at: "vehicle", why: "unverified" };
  }
  return { at: "failed", error };
}

function codeOf(error: unknown): string {
  if (error instanceof Refused) return error.code;
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "";
}
