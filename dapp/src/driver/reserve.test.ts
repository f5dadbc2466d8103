import { describe, expect, it } from "vitest";
import { ApiError } from "../api/problem";
import { Dismissed, Refused, WalletError } from "../wallet/errors";
import { decide, reserve, waiting, type Car, type Ports, type Quoted, type Step } from "./reserve";

const CAR: Car = { plateCommitment: "0xaa", plate: "ABC 123", size: "medium", proof: null };
const NEW: Car = {
  ...CAR,
  proof: { plateCommitment: "0xaa", size: 2, untilSlot: 9, verifier: 1, signature: "0x01" },
};
const QUOTE: Quoted = {
  maximum: 1000n,
  pulled: 0n,
  allowance: 0n,
  held: 5000n,
  objections: [],
  canPermit: false,
};
const objection = (code: string) => ({ code, sentence: `about ${code}` });

describe("what comes after a quote", () => {
  it("is the lease, with the car's papers where they are new", () => {
    expect(decide(QUOTE, CAR, 1000n)).toEqual({ to: "sign", verb: "lease" });
    expect(decide(QUOTE, NEW, 1000n)).toEqual({ to: "sign", verb: "leaseWithVehicle" });
  });

  it("is a permit where tokens are needed, else an approval", () => {
    const tokens = { ...QUOTE, pulled: 600n, allowance: 599n };
    expect(decide({ ...tokens, canPermit: true }, CAR, 1000n)).toEqual({
      to: "sign",
      verb: "leaseWithPermit",
    });
    expect(decide(tokens, NEW, 1000n)).toEqual({ to: "approve", amount: 600n });
    expect(decide({ ...tokens, allowance: 600n }, CAR, 1000n)).toEqual({
      to: "sign",
      verb: "lease",
    });
  });

  it("never signs for more than was agreed to", () => {
    expect(decide({ ...QUOTE, maximum: 1001n }, CAR, 1000n)).toEqual({
      to: "dearer",
      maximum: 1001n,
    });
  });

  it("names what is missing", () => {
    const poor = { ...QUOTE, held: 250n, objections: [objection("money.short")] };
    expect(decide(poor, CAR, 1000n)).toEqual({ to: "short", missing: 750n });
    expect(decide({ ...QUOTE, held: 999n }, CAR, 1000n)).toEqual({ to: "short", missing: 1n });
  });

  it("says what cannot be mended before what can", () => {
    const all = ["money.short", "vehicle.unknown", "offer.hours", "space.taken"].map(objection);
    expect(decide({ ...QUOTE, objections: all }, CAR, 1000n)).toEqual({ to: "taken" });
    expect(decide({ ...QUOTE, objections: all.slice(0, 3) }, CAR, 1000n)).toEqual({
      to: "refused",
      objections: [objection("offer.hours")],
    });
    expect(decide({ ...QUOTE, objections: all.slice(0, 2) }, CAR, 1000n)).toEqual({
      to: "unverified",
    });
  });
});

/** A person, a wallet and a service that count what they are asked. */
class World implements Ports<Quoted> {
  taps = 0;
  signatures = 0;
  log: string[] = [];
  steps: string[] = [];
  garage: Car[] = [CAR];
  quotes: Quoted[] = [QUOTE];
  fails: unknown = null;

  async signIn() {
    this.log.push("signIn");
  }
  async cars() {
    return this.garage;
  }
  async quote(car: Car) {
    this.log.push(`quote ${car.plate}`);
    const next = this.quotes.length > 1 ? this.quotes.shift() : this.quotes[0];
    if (!next) throw new Error("no quote");
    return next;
  }
  async approve(amount: bigint) {
    this.signatures += 1;
    this.log.push(`approve ${amount}`);
  }
  async handOver() {
    this.log.push("handOver");
  }
  async sign(_quote: Quoted, _car: Car, verb: string) {
    if (this.fails) throw this.fails;
    this.signatures += verb === "leaseWithPermit" ? 2 : 1;
    this.log.push(verb);
    return { intent: "i1", leaseId: "0x1" };
  }
  own: string | null = null;
  async mine() {
    this.log.push("mine");
    return this.own;
  }
  dismissed(error: unknown) {
    return error instanceof Dismissed;
  }
  /** The person presses the button. */
  press(car: Car | null = null, agreed = 1000n): Promise<Step> {
    this.taps += 1;
    return reserve(this, { car, agreed }, (step) => this.steps.push(step.at));
  }
}

describe("reserving", () => {
  it("takes two taps from the result and one signature with credit", async () => {
    const world = new World();
    world.taps += 1; // the result
    const end = await world.press();
    expect(end).toEqual({ at: "done", intent: "i1", leaseId: "0x1" });
    expect(world.taps).toBeLessThanOrEqual(3);
    expect(world.signatures).toBe(1);
    expect(world.steps).toEqual(["signingIn", "quoting", "signing", "done"]);
  });

  it("takes three taps and still one signature with a car that is new", async () => {
    const world = new World();
    world.garage = [];
    world.taps += 1; // the result
    expect(await world.press()).toEqual({ at: "vehicle", why: "none" });
    expect(world.log).toEqual(["signIn"]);
    // "Use this car" goes on by itself
    await world.press(NEW);
    expect(world.taps).toBeLessThanOrEqual(3);
    expect(world.signatures).toBe(1);
    expect(world.log).toEqual([
      "signIn",
      "signIn",
      "quote ABC 123",
      "handOver",
      "leaseWithVehicle",
    ]);
  });

  it("hands the plate over before anything is signed", async () => {
    const world = new World();
    world.fails = new WalletError("rejected");
    expect(await world.press(NEW)).toMatchObject({ at: "failed" });
    expect(world.log.at(-1)).toBe("handOver");
    expect(world.signatures).toBe(0);
  });

  it("approves once, asks for the quote again, then leases", async () => {
    const world = new World();
    const tokens = { ...QUOTE, pulled: 600n };
    world.quotes = [tokens, { ...tokens, allowance: 600n }];
    expect(await world.press()).toMatchObject({ at: "done" });
    expect(world.log).toEqual(["signIn", "quote ABC 123", "approve 600", "quote ABC 123", "lease"]);
  });

  it("does not approve for ever", async () => {
    const world = new World();
    world.quotes = [{ ...QUOTE, pulled: 600n }];
    expect(await world.press()).toMatchObject({ at: "failed" });
    expect(world.log.filter((line) => line.startsWith("approve"))).toHaveLength(1);
  });

  it("stops at a higher price until that one is agreed to", async () => {
    const world = new World();
    world.quotes = [{ ...QUOTE, maximum: 1500n }];
    expect(await world.press()).toEqual({ at: "dearer", maximum: 1500n });
    expect(world.signatures).toBe(0);
    expect(await world.press(null, 1500n)).toMatchObject({ at: "done" });
  });

  it("says nothing when the person only closed a sheet", async () => {
    const world = new World();
    world.signIn = async () => {
      throw new Dismissed();
    };
    expect(await world.press()).toEqual({ at: "idle" });
  });

  it.each([
    [new Refused("Berth_CalendarTaken", "x"), { at: "taken" }],
    [
      new ApiError({ status: 409, code: "chain.Berth_CalendarTaken", detail: "", errors: [] }),
      { at: "taken" },
    ],
    [new Refused("Berth_StartInPast", "x"), { at: "past" }],
    [new Refused("Berth_VehicleNotDrivers", "x"), { at: "vehicle", why: "unverified" }],
  ])("turns %o into what mends it", async (error, step) => {
    const world = new World();
    world.fails = error;
    expect(await world.press()).toEqual(step);
  });

  it.each<[string, (world: World) => void]>([
    ["quote", (world) => (world.quotes = [{ ...QUOTE, objections: [objection("space.taken")] }])],
    ["chain", (world) => (world.fails = new Refused("Berth_CalendarTaken", "x"))],
  ])("leads to the person's own lease where that is what the %s objects to", async (_, meet) => {
    const world = new World();
    meet(world);
    world.own = "0x7";
    expect(await world.press()).toEqual({ at: "done", intent: null, leaseId: "0x7" });
  });

  it("does not say who was faster when it cannot ask", async () => {
    const world = new World();
    const error = new Error("no network");
    world.mine = () => Promise.reject(error);
    world.quotes = [{ ...QUOTE, objections: [objection("space.taken")] }];
    expect(await world.press()).toEqual({ at: "failed", error });
    world.quotes = [QUOTE];
    world.fails = new Refused("Berth_CalendarTaken", "x");
    expect(await world.press()).toEqual({ at: "failed", error });
  });

  it("keeps every other error for saying", async () => {
    const world = new World();
    const error = new WalletError("rejected");
    world.fails = error;
    const end = await world.press();
    expect(end).toEqual({ at: "failed", error });
    expect(waiting(end)).toBe(true);
    expect(waiting({ at: "signing" })).toBe(false);
  });
});
