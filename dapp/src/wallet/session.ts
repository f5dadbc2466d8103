/** Signing in (EIP-4361), finding a session again after a reload, and its end. */
import { ask, client } from "../api/client";
import { soonOr } from "../api/limit";
import { restartLive } from "../api/live";
import { whenSessionEnds } from "../api/problem";
import { awaitChoice } from "./discovery";
import { WalletError } from "./errors";
import { fundsOffered, getFunds, penniless } from "./funds";
import { GUEST, guestChoice, lookForGuest } from "./guest";
import { accountsOf, interrupt, put, readAccounts } from "./running";
import { chainSettings } from "./settings";
import { signInMessage, textHex } from "./siwe";
import { account, asking, ended, keep, kept, KEPT_KEY, resuming, same } from "./state";
import { ensureChain } from "./switching";
import type { Account, Address, Choice, Hex } from "./types";
import { watch } from "./watch";

let unwatch: (() => void) | null = null;

/** Whose session the cookie holds, as far as is known: the wallet may be locked meanwhile. */
let session: Address | null = null;

/** Connects the wallet, changes to the market's chain, has the sign-in message signed. */
export async function signIn(choice: Choice): Promise<Account> {
  const { provider } = choice;
  const found = readAccounts(await put(provider, "connect", { method: "eth_requestAccounts" }));
  const first = found[0];
  if (!first) throw new WalletError("locked");
  asking.value = "chain";
  try {
    await ensureChain(provider, chainSettings());
  } finally {
    asking.value = null;
  }
  const { getAddress } = await import("viem");
  const address = getAddress(first);
  if (!(await stillOpen(address))) await openSession(choice, address);
  if (choice.kind === "guest" && fundsOffered()) {
    await getFunds().catch(() => {
      penniless.value = true;
    });
  }
  return enter({ address, choice });
}

/** The cookie's session may still be this account's: its wallet was only locked. */
async function stillOpen(address: Address): Promise<boolean> {
  if (!session || !same(session, address)) return false;
  const open = await sessionAddress();
  return open !== null && same(open, address);
}

async function openSession(choice: Choice, address: Address): Promise<void> {
  const given = await ask(client.POST("/v1/session/nonce"));
  const message = signInMessage({
    address,
    origin: location.origin,
    chainId: chainSettings().id,
    nonce: given.nonce,
    issuedAt: new Date(given.issuedAt),
    expiresAt: new Date(given.expiresAt),
  });
  const signature = await put<Hex>(choice.provider, "login", {
    method: "personal_sign",
    params: [textHex(message), address],
  });
  const opened = await ask(
    client.POST("/v1/session", { body: { message, signature, transport: "cookie" } }),
  );
  if (!same(opened.address, address)) throw new WalletError("tampered", "address");
}

function enter(found: Account): Account {
  session = found.address;
  account.value = found;
  ended.value = null;
  keep(found);
  unwatch?.();
  unwatch = watch(found, { changed, locked, lost });
  restartLive();
  return found;
}

function leave(why: typeof ended.value): void {
  unwatch?.();
  unwatch = null;
  account.value = null;
  ended.value = why;
}

/** Ends the session, here and at the server. */
export async function signOut(): Promise<void> {
  interrupt("over");
  leave(null);
  await closeSession();
}

async function closeSession(): Promise<void> {
  session = null;
  keep(null);
  // without a network the cookie stays; it is asked to go again with the next sign-in
  await ask(client.DELETE("/v1/session")).catch(() => undefined);
  restartLive();
}

/** Another account was chosen in the wallet: what was open was the former one's. */
function changed(): void {
  interrupt("changed");
  leave("changed");
  void closeSession();
}

/** The wallet shows no account any more; when it does again, nothing needs to be signed anew. */
function locked(): void {
  const former = account.value;
  interrupt("locked");
  leave("locked");
  if (!former) return;
  unwatch = watch(former, {
    changed,
    back: () => void enter(former),
    locked: () => undefined,
    lost,
  });
}

function lost(): void {
  interrupt("disconnected");
}

/** The server says that the session is over. */
function over(): void {
  session = null;
  if (!account.value) return;
  interrupt("over");
  leave("over");
  keep(null);
}

async function sessionAddress(): Promise<Address | null> {
  const { data, response } = await client.GET("/v1/me");
  if (response.ok && data) return data.address as Address;
  if (response.status === 401) return null;
  throw new Error(`me: ${response.status}`);
}

/** After a reload: the session that the cookie still holds, if the wallet still holds its account. */
export async function resume(): Promise<void> {
  const last = kept();
  if (!last) return;
  resuming.value = true;
  try {
    const choice = last.choice === GUEST ? guestChoice() : await awaitChoice(last.choice);
    if (!choice) return;
    // without a network, or where it says nothing, the account is shown as it was: what was loaded
    // before stays readable
    const answer = sessionAddress();
    const open = await soonOr(answer, last.address).catch(() => last.address);
    if (!open || !same(open, last.address)) {
      keep(null);
      return;
    }
    session = open;
    const held = await accountsOf(choice.provider).catch(() => []);
    const found = { address: last.address, choice };
    if (held.some((one) => same(one, open))) enter(found);
    else if (!held.length) {
      account.value = found;
      locked();
    } else await closeSession();
    answer.then(
      (told) => account.value === found && !(told && same(told, found.address)) && over(),
      () => undefined,
    );
  } finally {
    resuming.value = false;
  }
}

/** Begins: a kept session is looked for, other tabs and the server are listened to. */
export function begin(): Promise<void> {
  whenSessionEnds(over);
  lookForGuest();
  window.addEventListener("storage", (event) => {
    if (event.key !== KEPT_KEY && event.key !== null) return;
    const last = kept();
    const mine = account.value;
    if (last && mine && same(last.address, mine.address)) return;
    // another tab signed out, or in as somebody else: the cookie is one for all
    if (mine) {
      interrupt(last ? "changed" : "over");
      leave(last ? "changed" : "over");
      session = null;
    }
    if (last) void resume();
  });
  return resume();
}
