/** Who is signed in, with which wallet, and what a wallet is being asked right now. */
import { signal } from "@preact/signals";
import type { Account, Deed } from "./types";

/** Signed in, with a wallet at hand; null: not (yet). */
export const account = signal<Account | null>(null);

/** A kept session is being looked up after a reload: show that it loads, do not ask to sign in. */
export const resuming = signal(false);

/** Why somebody who was signed in is not any more; null once they know. */
export const ended = signal<"changed" | "over" | "locked" | null>(null);

/** What the wallet is asked for at the moment. */
export type Question = "connect" | "chain" | "login" | "sign" | "permit" | "send";
export const asking = signal<Question | null>(null);

/** What it is asked to sign, for people; null: nothing, or nothing more is known of it. */
export const deed = signal<Deed | null>(null);

const KEY = "berth.wallet";

export interface Kept {
  choice: string;
  address: `0x${string}`;
}

/** Which wallet was used last: no secret, only so that a reload finds it again. */
export function kept(): Kept | null {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? "null") as Partial<Kept> | null;
    return found &&
      typeof found.choice === "string" &&
      /^0x[0-9a-fA-F]{40}$/.test(found.address ?? "")
      ? (found as Kept)
      : null;
  } catch {
    return null;
  }
}

export function keep(found: Account | null): void {
  if (found) {
    localStorage.setItem(
      KEY,
      JSON.stringify({ choice: found.choice.id, address: found.address } satisfies Kept),
    );
  } else {
    localStorage.removeItem(KEY);
  }
}

export const KEPT_KEY = KEY;

export function same(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
