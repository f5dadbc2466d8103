/** Wallets, for the rest of the app. What only signing needs is loaded when it is needed. */
import { explain, refusalOf } from "./explain";
import { requireAccount } from "./connect";
import type { Expected } from "./compare";
import type { Options } from "./performing";
import type { Call, Hex, Permit } from "./types";

/**
 * Has the signed-in account carry out a call; the id is for `follow`. Sponsored where the operator
 * pays: one signature. A call with a permit is given as a function of the signed permit.
 */
export async function perform(
  call: Call | ((permit: Permit) => Call),
  options: Options = {},
): Promise<string> {
  const mine = await requireAccount();
  return (await import("./performing")).perform(mine, call, options);
}

/**
 * Has a message for the market signed, built anew from the fields that passed: `expected` names its
 * type and the fields that are known. What differs is refused.
 */
export async function signTyped(typedData: unknown, expected: Expected): Promise<Hex> {
  const mine = await requireAccount();
  return (await import("./performing")).signTyped(mine, typedData, expected);
}

export { explain, refusalOf, requireAccount };
export { live, useLive, type LiveEvent } from "../api/live";
export { account, asking, ended, resuming } from "./state";
export { Dismissed, Refused, WalletError } from "./errors";
export { follow, type IntentState } from "./follow";
export { signOut } from "./session";
export type { Account, Address, Call, Choice, Hex, Permit, TypedData } from "./types";
