/**
 * Actions that a wallet is asked for. When its account, its chain or its connection goes away
 * meanwhile, the action ends with a clear error, and what the wallet still answers is not used.
 */
import { readWalletError, revertData, WalletError, type WalletProblem } from "./errors";
import { account, asking, deed, same, type Question } from "./state";
import type { Account, Deed, Provider } from "./types";

const running = new Set<(error: WalletError) => void>();

/** Ends all that is going on. */
export function interrupt(problem: WalletProblem): void {
  const error = new WalletError(problem);
  for (const end of [...running]) end(error);
}

/**
 * Runs `work` for the signed-in account. `still` throws once the account is another; call it after
 * each wait, before anything is sent.
 */
export async function guarded<T>(
  mine: Account,
  work: (still: () => void) => Promise<T>,
): Promise<T> {
  let broken: WalletError | null = null;
  function still(): void {
    if (broken) throw broken;
    if (account.value?.address !== mine.address) {
      throw new WalletError(account.value ? "changed" : "over");
    }
  }
  return new Promise<T>((resolve, reject) => {
    function end(error: WalletError): void {
      broken ??= error;
      running.delete(end);
      reject(broken);
    }
    still();
    running.add(end);
    work(still)
      .then((value) => {
        still();
        resolve(value);
      })
      .catch(reject)
      .finally(() => running.delete(end));
  });
}

/** Asks a wallet and says meanwhile that it is asked, and `what` for; errors come in our terms. */
export async function put<T>(
  provider: Provider,
  question: Question,
  call: { method: string; params?: unknown },
  what: Deed | null = null,
): Promise<T> {
  deed.value = what;
  asking.value = question;
  try {
    return (await provider.request(call)) as T;
  } catch (error) {
    throw await told(error);
  } finally {
    asking.value = null;
    deed.value = null;
  }
}

/** A wallet's error in our terms; a contract's refusal inside it in words. */
export async function told(error: unknown): Promise<Error> {
  const data = revertData(error);
  if (data) {
    const { refusedBy } = await import("../chain/reverts");
    const refused = refusedBy(data);
    if (refused) return refused;
  }
  return readWalletError(error);
}

/** The wallet must still hold the account; a locked one is asked to open. */
export async function holds(provider: Provider, address: string): Promise<void> {
  let list = await accountsOf(provider);
  if (!list.length) {
    list = readAccounts(await put(provider, "connect", { method: "eth_requestAccounts" }));
  }
  if (!list.length) throw new WalletError("locked");
  if (!list.some((one) => same(one, address))) throw new WalletError("changed");
}

export async function accountsOf(provider: Provider): Promise<string[]> {
  try {
    return readAccounts(await provider.request({ method: "eth_accounts" }));
  } catch (error) {
    throw readWalletError(error);
  }
}

export function readAccounts(found: unknown): string[] {
  return Array.isArray(found)
    ? found.filter((one): one is string => /^0x[0-9a-fA-F]{40}$/.test(String(one)))
    : [];
}
