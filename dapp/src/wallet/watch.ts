/** What a wallet tells by itself (EIP-1193 events). */
import { readAccounts, interrupt } from "./running";
import { chainSettings } from "./settings";
import { asking, same } from "./state";
import type { Account } from "./types";

export interface Heard {
  /** Another account is chosen now. */
  changed: () => void;
  /** The same account is shown (again). */
  back?: () => void;
  /** It shows no account: locked, or disconnected from this page. */
  locked: () => void;
  /** It has lost all its chains. */
  lost: () => void;
}

export function watch(found: Account, heard: Heard): () => void {
  const { provider } = found.choice;
  const accounts = (value: unknown): void => {
    const list = readAccounts(value);
    if (!list.length) heard.locked();
    else if (same(list[0] ?? "", found.address)) heard.back?.();
    else heard.changed();
  };
  const chain = (value: unknown): void => {
    // a change that was asked for here is no interruption
    if (asking.value === "chain") return;
    if (Number(value) !== chainSettings().id) interrupt("chain");
  };
  const listeners: [string, (value: never) => void][] = [
    ["accountsChanged", accounts],
    ["chainChanged", chain],
    ["disconnect", heard.lost],
  ];
  for (const [event, listener] of listeners) provider.on?.(event, listener);
  return () => {
    for (const [event, listener] of listeners) provider.removeListener?.(event, listener);
  };
}
