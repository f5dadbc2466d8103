/** What signs for the guest: loaded only when there is something to sign. */
import {
  createPublicClient,
  createWalletClient,
  defineChain,
  http,
  type Address,
  type Hex,
  type TypedDataDefinition,
} from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { same } from "./state";
import type { ChainSettings } from "./settings";

export const SIGNS = new Set(["personal_sign", "eth_signTypedData_v4", "eth_sendTransaction"]);

export function newGuest(): { key: Hex; address: Address } {
  const key = generatePrivateKey();
  return { key, address: privateKeyToAccount(key).address };
}

export async function sign(
  key: Hex,
  settings: ChainSettings,
  method: string,
  params: unknown[],
): Promise<Hex> {
  const account = privateKeyToAccount(key);
  if (method === "personal_sign") {
    own(account.address, params[1]);
    return account.signMessage({ message: { raw: params[0] as Hex } });
  }
  if (method === "eth_signTypedData_v4") {
    own(account.address, params[0]);
    return account.signTypedData(JSON.parse(String(params[1])) as TypedDataDefinition);
  }
  const { from, to, data } = params[0] as { from?: string; to: Address; data?: Hex };
  own(account.address, from);
  const chain = chainOf(settings);
  const wallet = createWalletClient({ account, chain, transport: transportOf(settings) });
  return wallet.sendTransaction({ to, ...(data ? { data } : {}), value: 0n });
}

/** Reads and whatever else the chain's node answers. */
export async function askNode(
  settings: ChainSettings,
  method: string,
  params: unknown[],
): Promise<unknown> {
  const node = createPublicClient({ chain: chainOf(settings), transport: transportOf(settings) });
  return node.request({ method, params } as never);
}

function own(mine: Address, asked: unknown): void {
  if (!same(mine, String(asked)))
    throw Object.assign(new Error("not this account"), { code: 4100 });
}

function transportOf(settings: ChainSettings) {
  return http(settings.rpcUrls[0], { retryCount: 2, timeout: 15_000 });
}

function chainOf(settings: ChainSettings) {
  return defineChain({
    id: settings.id,
    name: settings.name,
    nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
    rpcUrls: { default: { http: settings.rpcUrls } },
  });
}
