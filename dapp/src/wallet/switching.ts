/** Getting a wallet onto the chain that the market is on. */
import { readWalletError, WalletError } from "./errors";
import type { ChainSettings } from "./settings";
import type { Provider } from "./types";

export async function chainOf(provider: Provider): Promise<number> {
  const found = await provider.request({ method: "eth_chainId" });
  const id = typeof found === "number" ? found : Number(found);
  if (!Number.isSafeInteger(id)) throw new WalletError("chain", `eth_chainId: ${String(found)}`);
  return id;
}

/**
 * Asks the wallet to change to the chain; to learn it first where it does not know it. Throws
 * WalletError: "rejected", or "chain" when it stays where it is.
 */
export async function ensureChain(provider: Provider, wanted: ChainSettings): Promise<void> {
  try {
    if ((await chainOf(provider)) === wanted.id) return;
    await change(provider, wanted);
    if ((await chainOf(provider)) === wanted.id) return;
  } catch (error) {
    const read = readWalletError(error);
    // a wallet that cannot change by itself leaves it to the person
    if (read instanceof WalletError && read.problem === "unsupported") {
      throw new WalletError("chain", read.detail);
    }
    throw read;
  }
  throw new WalletError("chain");
}

async function change(provider: Provider, wanted: ChainSettings): Promise<void> {
  const chainId = `0x${wanted.id.toString(16)}`;
  try {
    await provider.request({ method: "wallet_switchEthereumChain", params: [{ chainId }] });
  } catch (error) {
    if (!isUnknownChain(error) || !wanted.rpcUrls.length) throw error;
    await provider.request({
      method: "wallet_addEthereumChain",
      params: [
        {
          chainId,
          chainName: wanted.name,
          nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
          rpcUrls: wanted.rpcUrls,
        },
      ],
    });
    if ((await chainOf(provider)) === wanted.id) return;
    await provider.request({ method: "wallet_switchEthereumChain", params: [{ chainId }] });
  }
}

/** 4902; some phones' wallets wrap it into an internal error. */
function isUnknownChain(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  const { code, data, message } = error as {
    code?: unknown;
    data?: { originalError?: { code?: unknown } };
    message?: unknown;
  };
  return (
    code === 4902 ||
    data?.originalError?.code === 4902 ||
    /unrecognized chain|unknown chain|not been added/i.test(String(message ?? ""))
  );
}
