/** The one place that asks somebody to sign in, from wherever it is needed. */
import { computed, signal } from "@preact/signals";
import { announced } from "./discovery";
import { Dismissed } from "./errors";
import { guestChoice } from "./guest";
import { account, resuming } from "./state";
import type { Account, Choice } from "./types";

interface Wish {
  resolve: (found: Account) => void;
  reject: (error: Dismissed) => void;
}

/** Those who wait for an account; the sheet is open while there are any. */
const wishes = signal<readonly Wish[]>([]);
export const sheetOpen = computed(() => wishes.value.length > 0);

/** The wallets to choose from; the guest of a local chain last. */
export const choices = computed<readonly Choice[]>(() => {
  const guest = guestChoice();
  return guest ? [...announced.value, guest] : announced.value;
});

/** The signed-in account, at once or once somebody has signed in. Throws Dismissed. */
export async function requireAccount(): Promise<Account> {
  await resumed();
  if (account.value) return account.value;
  return new Promise((resolve, reject) => {
    wishes.value = [...wishes.value, { resolve, reject }];
  });
}

/** Somebody is signed in: whoever waited goes on. */
export function fulfil(found: Account): void {
  const waiting = wishes.value;
  wishes.value = [];
  for (const wish of waiting) wish.resolve(found);
}

/** The sheet was closed. */
export function dismiss(): void {
  const waiting = wishes.value;
  wishes.value = [];
  for (const wish of waiting) wish.reject(new Dismissed());
}

function resumed(): Promise<void> {
  if (!resuming.value) return Promise.resolve();
  return new Promise((resolve) => {
    const stop = resuming.subscribe((still) => {
      if (still) return;
      queueMicrotask(() => stop());
      resolve();
    });
  });
}
