import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { parseSiweMessage } from "viem/siwe";
import { hexToString, verifyMessage, type Hex } from "viem";
import { sessionEnded } from "../api/problem";
import { announced } from "./discovery";
import { begin, resume, signIn, signOut } from "./session";
import { account, ended, keep, kept, resuming } from "./state";
import { FakeWallet, OTHER } from "./testing/fake";
import { install, MARKET, problem, serve, session } from "./testing/service";

beforeEach(() => {
  localStorage.clear();
  install();
  account.value = null;
  ended.value = null;
  announced.value = [];
});
afterEach(async () => {
  serve({ "DELETE /v1/session": { status: 204 } });
  await signOut();
  vi.unstubAllGlobals();
});

test("the message is for this page's origin and the configured chain, whatever the service says", async () => {
  const wallet = new FakeWallet();
  const asked = serve(session(wallet.address));
  const found = await signIn(wallet.choice());
  const sent = asked.find((one) => one.path === "/v1/session")?.body as {
    message: string;
    signature: Hex;
    transport: string;
  };
  expect(parseSiweMessage(sent.message)).toMatchObject({
    domain: location.host,
    uri: location.origin,
    chainId: 1337,
    nonce: "abcdefgh12345678",
    address: wallet.address,
  });
  expect(hexToString(wallet.last("personal_sign")[0] as Hex)).toBe(sent.message);
  expect(await verifyMessage({ ...sent, address: wallet.address })).toBe(true);
  expect(sent.transport).toBe("cookie");
  expect(found.address).toBe(wallet.address);
  expect(account.value).toBe(found);
  expect(kept()).toEqual({ choice: "test.wallet", address: wallet.address });
});

test("a wallet on another chain changes first, and learns the chain where it must", async () => {
  const wallet = new FakeWallet({ chain: 1, knows: [1] });
  serve(session(wallet.address));
  await signIn(wallet.choice());
  expect(wallet.chain).toBe(1337);
  expect(wallet.last("wallet_addEthereumChain")).toEqual([
    {
      chainId: "0x539",
      chainName: "Local",
      nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
      rpcUrls: ["http://127.0.0.1:8545"],
    },
  ]);
});

test.each([
  ["eth_requestAccounts", 4001, "rejected"],
  ["eth_requestAccounts", -32002, "pending"],
  ["personal_sign", 4001, "rejected"],
  ["personal_sign", 4900, "disconnected"],
])("%s that ends with %i is told as %s, and nobody is signed in", async (method, code, problem) => {
  const wallet = new FakeWallet();
  wallet.failures.set(method, { code });
  const asked = serve(session(wallet.address));
  await expect(signIn(wallet.choice())).rejects.toMatchObject({ name: "WalletError", problem });
  expect(account.value).toBeNull();
  expect(asked.some((one) => one.path === "/v1/session")).toBe(false);
});

test("a wallet that stays on its chain is not signed in with", async () => {
  const wallet = new FakeWallet({ chain: 1 });
  wallet.failures.set("wallet_switchEthereumChain", { code: 4001 });
  serve(session(wallet.address));
  await expect(signIn(wallet.choice())).rejects.toMatchObject({ problem: "rejected" });
  wallet.failures.set("wallet_switchEthereumChain", { code: 4200 });
  await expect(signIn(wallet.choice())).rejects.toMatchObject({ problem: "chain" });
  expect(wallet.count("personal_sign")).toBe(0);
});

test("a session for somebody else than asked is refused", async () => {
  const wallet = new FakeWallet();
  serve(session(new FakeWallet({ key: OTHER }).address));
  await expect(signIn(wallet.choice())).rejects.toMatchObject({ problem: "tampered" });
  expect(account.value).toBeNull();
});

describe("after a reload", () => {
  function reloaded(wallet: FakeWallet): void {
    keep({ address: wallet.address, choice: wallet.choice() });
    announced.value = [wallet.choice()];
  }

  test("the session goes on without a word to the wallet's owner", async () => {
    const wallet = new FakeWallet();
    reloaded(wallet);
    serve(session(wallet.address));
    await resume();
    expect(account.value?.address).toBe(wallet.address);
    expect(wallet.asked.map((one) => one.method)).toEqual(["eth_accounts"]);
  });

  test("an account that the wallet holds no more is signed out, here and there", async () => {
    const wallet = new FakeWallet();
    reloaded(wallet);
    wallet.accounts = [new FakeWallet({ key: OTHER }).address];
    const asked = serve(session(wallet.address));
    await resume();
    expect(account.value).toBeNull();
    expect(kept()).toBeNull();
    expect(asked.at(-1)).toMatchObject({ method: "DELETE", path: "/v1/session" });
  });

  test("a locked wallet is told; once open again, nothing is signed anew", async () => {
    const wallet = new FakeWallet();
    reloaded(wallet);
    const accounts = wallet.accounts;
    wallet.accounts = [];
    serve(session(wallet.address));
    await resume();
    expect(account.value).toBeNull();
    expect(ended.value).toBe("locked");
    wallet.accounts = accounts;
    await signIn(wallet.choice());
    expect(account.value?.address).toBe(wallet.address);
    expect(wallet.count("personal_sign")).toBe(0);
  });

  test("a session that is over asks nothing of the wallet", async () => {
    const wallet = new FakeWallet();
    reloaded(wallet);
    serve({ ...session(wallet.address), "GET /v1/me": problem(401, "session.required") });
    await resume();
    expect(account.value).toBeNull();
    expect(wallet.asked).toEqual([]);
  });

  test("without a network the account is shown as it was", async () => {
    const wallet = new FakeWallet();
    reloaded(wallet);
    serve({ "GET /v1/me": "offline" });
    await resume();
    expect(account.value?.address).toBe(wallet.address);
  });

  describe("where the network says nothing", () => {
    afterEach(() => void vi.useRealTimers());

    /** The session is asked for, and answered when the test says so. */
    function silent(): (answer: { status: number; body: unknown }) => Promise<void> {
      vi.useFakeTimers();
      let tell: (found: Response) => void = () => undefined;
      vi.stubGlobal("fetch", ({ signal }: Request) => {
        return new Promise<Response>((resolve, reject) => {
          tell = resolve;
          signal.addEventListener("abort", () => reject(signal.reason as Error));
        });
      });
      return async ({ status, body }) => {
        tell(Response.json(body, { status }));
        await vi.advanceTimersByTimeAsync(0);
      };
    }

    test("the account is soon shown as it was", async () => {
      const wallet = new FakeWallet();
      reloaded(wallet);
      silent();
      void resume();
      await vi.advanceTimersByTimeAsync(3999);
      expect([account.value, resuming.value]).toEqual([null, true]);
      await vi.advanceTimersByTimeAsync(1);
      expect(account.value?.address).toBe(wallet.address);
      expect(resuming.value).toBe(false);
    });

    test.each([
      ["that there is none", { status: 401, body: { code: "session.required" } }],
      ["that it is somebody else's", { status: 200, body: { address: MARKET } }],
    ])("what is said of the session after all counts: %s", async (_what, answer) => {
      const wallet = new FakeWallet();
      reloaded(wallet);
      const tell = silent();
      void resume();
      await vi.advanceTimersByTimeAsync(4000);
      await tell(answer);
      expect(account.value).toBeNull();
      expect(ended.value).toBe("over");
      expect(kept()).toBeNull();
    });

    test("that it goes on, or that the network is none, changes nothing", async () => {
      const wallet = new FakeWallet();
      for (const answer of [{ status: 200, body: { address: wallet.address } }, null]) {
        reloaded(wallet);
        const tell = silent();
        void resume();
        await vi.advanceTimersByTimeAsync(4000);
        await (answer ? tell(answer) : vi.advanceTimersByTimeAsync(60_000));
        expect(account.value?.address).toBe(wallet.address);
        expect(ended.value).toBeNull();
      }
    });

    test("it does not count for whoever has signed in since", async () => {
      const wallet = new FakeWallet();
      reloaded(wallet);
      const tell = silent();
      void resume();
      await vi.advanceTimersByTimeAsync(4000);
      serve(session(wallet.address));
      await signIn(wallet.choice());
      await tell({ status: 401, body: { code: "session.required" } });
      expect(account.value?.address).toBe(wallet.address);
      expect(ended.value).toBeNull();
    });
  });

  test("a wallet that is not there any more leaves nobody signed in", async () => {
    const wallet = new FakeWallet();
    reloaded(wallet);
    announced.value = [];
    vi.useFakeTimers();
    const resumed = resume();
    await vi.advanceTimersByTimeAsync(2000);
    await resumed;
    vi.useRealTimers();
    expect(account.value).toBeNull();
  });
});

describe("while signed in", () => {
  async function signedIn(): Promise<{ wallet: FakeWallet; asked: { method: string }[] }> {
    const wallet = new FakeWallet();
    const asked = serve(session(wallet.address));
    await signIn(wallet.choice());
    return { wallet, asked };
  }

  test("another account in the wallet ends the session of the former one", async () => {
    const { wallet, asked } = await signedIn();
    wallet.emit("accountsChanged", [new FakeWallet({ key: OTHER }).address]);
    expect(account.value).toBeNull();
    expect(ended.value).toBe("changed");
    await vi.waitFor(() => expect(asked.some((one) => one.method === "DELETE")).toBe(true));
    expect(kept()).toBeNull();
    expect(wallet.heard("accountsChanged")).toBe(0);
  });

  test("the same account told again changes nothing", async () => {
    const { wallet } = await signedIn();
    wallet.emit("accountsChanged", [wallet.address]);
    expect(account.value?.address).toBe(wallet.address);
  });

  test("a wallet that locks and opens brings the account back by itself", async () => {
    const { wallet } = await signedIn();
    wallet.emit("accountsChanged", []);
    expect(ended.value).toBe("locked");
    expect(account.value).toBeNull();
    wallet.emit("accountsChanged", [wallet.address]);
    expect(account.value?.address).toBe(wallet.address);
    expect(ended.value).toBeNull();
    expect(wallet.count("personal_sign")).toBe(1);
  });

  test("when the service says that the session is over, so it is here", async () => {
    serve({});
    await begin();
    await signedIn();
    sessionEnded();
    expect(account.value).toBeNull();
    expect(ended.value).toBe("over");
  });
});
