/** Test money, on local chains only. */
import { signal } from "@preact/signals";
import { ask, client } from "../api/client";
import { config } from "../config";

/** The guest came away without test money: the account's screen offers to ask again. */
export const penniless = signal(false);

export function fundsOffered(): boolean {
  return config.value?.local?.funds === true;
}

/** Test ether, credit and tokens for the signed-in account; no harm when it is rich already. */
export async function getFunds(): Promise<void> {
  await ask(client.POST("/v1/local/funds"));
  penniless.value = false;
}
