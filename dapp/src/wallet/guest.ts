/**
 * The guest of a local chain: a throw-away wallet whose key this browser makes and keeps. It exists
 * only where the installation says that its chain is for trying out; its money is test money.
 */
import { signal } from "@preact/signals";
import { config } from "../config";
import { WalletError } from "./errors";
import { chainSettings } from "./settings";
import type { Address, Choice, Hex, Provider } from "./types";

export const GUEST = "guest";
const KEY = "berth.guest";

interface Guest {
  key: Hex;
  address: Address;
}

/** The name is given by the words; "guest" never reaches a screen. */
export function guestChoice(): Choice | null {
  if (!guestsAllowed()) return null;
  return { id: GUEST, name: GUEST, icon: null, kind: "guest", provider };
}

export function guestsAllowed(): boolean {
  const found = config.value;
  return found !== null && found.chain.local && found.local?.guest === true;
}

function read(): Guest | null {
  if (!guestsAllowed()) return null;
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? "null") as Guest | null;
    return found && /^0x[0-9a-f]{64}$/.test(found.key) ? found : null;
  } catch {
    return null;
  }
}

/** The guest's address; null where there is none yet. */
export const guestAddress = signal<Address | null>(null);

export function lookForGuest(): void {
  guestAddress.value = read()?.address ?? null;
}

/** The key, for its owner to take along. */
export function guestKey(): Hex | null {
  return read()?.key ?? null;
}

/** Gone for good, with all that it holds. */
export function deleteGuest(): void {
  localStorage.removeItem(KEY);
  guestAddress.value = null;
}

async function make(): Promise<Guest> {
  const { newGuest } = await import("./guestSigner");
  const guest = newGuest();
  localStorage.setItem(KEY, JSON.stringify(guest));
  guestAddress.value = guest.address;
  return guest;
}

/** EIP-1193 over the kept key. What is not the wallet's own is asked of the chain's node. */
const provider: Provider = {
  async request({ method, params }) {
    const chain = chainSettings();
    if (!guestsAllowed()) throw new WalletError("unsupported", "guest");
    const list = (Array.isArray(params) ? params : []) as unknown[];
    switch (method) {
      case "eth_requestAccounts":
        return [(read() ?? (await make())).address];
      case "eth_accounts": {
        const guest = read();
        return guest ? [guest.address] : [];
      }
      case "eth_chainId":
        return `0x${chain.id.toString(16)}`;
      case "wallet_switchEthereumChain":
        if (Number((list[0] as { chainId?: string }).chainId) === chain.id) return null;
        throw Object.assign(new Error("unknown chain"), { code: 4902 });
    }
    const guest = read();
    const signer = await import("./guestSigner");
    if (!signer.SIGNS.has(method)) return signer.askNode(chain, method, list);
    if (!guest) throw Object.assign(new Error("no guest"), { code: 4100 });
    return signer.sign(guest.key, chain, method, list);
  },
};
