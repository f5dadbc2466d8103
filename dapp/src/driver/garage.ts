/** The cars of an account: on the chain, and those whose verifier's word goes there with a lease. */
import { signal } from "@preact/signals";
import { ask, client, type Schemas } from "../api/client";
import type { Car, Proof } from "./reserve";
import { SIZES, type Size } from "./cars";
import { SLOT } from "./slots";

/** A verifier's word, with what opens its commitment: for the driver and the lock alone. */
export interface Papers {
  proof: Proof;
  plate: string;
  salt: string;
}

const KEY = "berth.cars";
const LAST = "berth.car";

type Kept = Record<string, Papers[]>;

/** Papers that are not on the chain yet, by account. */
const papers = signal<Kept>(read());

function read(): Kept {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return typeof found === "object" && found !== null ? (found as Kept) : {};
  } catch {
    return {};
  }
}

export function keepPapers(account: string, one: Papers): void {
  const mine = papersOf(account).filter((old) => !sameCar(old.proof, one.proof));
  papers.value = { ...papers.value, [account.toLowerCase()]: [one, ...mine] };
  write();
}

export function papersOf(account: string): Papers[] {
  return papers.value[account.toLowerCase()] ?? [];
}

function write(): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(papers.value));
  } catch {
    // kept for this visit only
  }
}

/** What is on the chain needs to be kept no longer. */
function forget(account: string, known: readonly string[]): void {
  const mine = papersOf(account);
  const left = mine.filter((one) => !known.includes(one.proof.plateCommitment.toLowerCase()));
  if (left.length === mine.length) return;
  papers.value = { ...papers.value, [account.toLowerCase()]: left };
  write();
}

function sameCar(one: { plateCommitment: string }, other: { plateCommitment: string }): boolean {
  return one.plateCommitment.toLowerCase() === other.plateCommitment.toLowerCase();
}

/** The account's cars that count until `end` (milliseconds), the one used last first. */
export async function carsUntil(account: string, end: number): Promise<Car[]> {
  const { items } = await ask(client.GET("/v1/me/vehicles"));
  forget(
    account,
    items.map((one) => one.plateCommitment.toLowerCase()),
  );
  return usable(items, papersOf(account), end, localStorage.getItem(LAST));
}

/** Pure: which of them may be leased with, the one used last first. */
export function usable(
  attested: readonly Schemas["VehicleOut"][],
  signed: readonly Papers[],
  end: number,
  last: string | null,
): Car[] {
  const cars: Car[] = [
    ...attested
      .filter((one) => Date.parse(one.coveredUntil) >= end)
      .map(({ plateCommitment, plate, size }) => ({ plateCommitment, plate, size, proof: null })),
    ...signed.filter((one) => one.proof.untilSlot * SLOT >= end).map(carOf),
  ];
  const rank = (car: Car) => Number(car.plateCommitment.toLowerCase() !== last);
  return cars.sort((one, other) => rank(one) - rank(other));
}

export function carOf({ proof, plate }: Papers): Car {
  const { plateCommitment } = proof;
  return { plateCommitment, plate, size: SIZES[proof.size - 1] ?? "", proof };
}

export function usedCar(car: Car): void {
  try {
    localStorage.setItem(LAST, car.plateCommitment.toLowerCase());
  } catch {
    // the next time it is chosen again
  }
}

/** Hands over the plate of a car that is only signed for, so that its lock can be told. */
export async function handOver(account: string, car: Car): Promise<void> {
  const found = papersOf(account).find((one) => sameCar(one.proof, car));
  if (!found) return;
  const { proof, plate, salt } = found;
  const body = { plateCommitment: proof.plateCommitment, plate, salt, proof };
  await ask(client.POST("/v1/me/vehicles", { body }));
}

/** The local verifier's word, for trying out. */
export async function localPapers(plate: string, size: Size): Promise<Papers> {
  const given = await ask(client.POST("/v1/local/vehicle", { body: { plate, size } }));
  return { proof: given.proof, plate: given.plate, salt: given.salt };
}

export class BadPapers extends Error {
  constructor(readonly why: "unreadable" | "other") {
    super(why);
  }
}

const HEX32 = /^0x[0-9a-f]{64}$/i;

/** A verifier's file, as `berth attest vehicle` writes it. */
export function readPapers(text: string, account: string): Papers {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    throw new BadPapers("unreadable");
  }
  const { driver, proof, private: secret } = (found ?? {}) as Record<string, unknown>;
  const p = (proof ?? {}) as Record<string, unknown>;
  const s = (secret ?? {}) as Record<string, unknown>;
  const { plateCommitment, size, untilSlot, verifier, signature } = p;
  const { plate, salt } = s;
  if (
    typeof plateCommitment !== "string" ||
    !HEX32.test(plateCommitment) ||
    typeof signature !== "string" ||
    !/^0x(?:[0-9a-f]{2})+$/i.test(signature) ||
    typeof plate !== "string" ||
    typeof salt !== "string" ||
    !HEX32.test(salt)
  ) {
    throw new BadPapers("unreadable");
  }
  if (![size, untilSlot, verifier].every(Number.isSafeInteger)) throw new BadPapers("unreadable");
  if (typeof driver === "string" && driver.toLowerCase() !== account.toLowerCase()) {
    throw new BadPapers("other");
  }
  return {
    proof: {
      plateCommitment,
      size: size as number,
      untilSlot: untilSlot as number,
      verifier: verifier as number,
      signature,
    },
    plate,
    salt,
  };
}
