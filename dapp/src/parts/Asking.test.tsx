import { cleanup, render, screen } from "@testing-library/preact";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { encode } from "../chain/market";
import { perform, signTyped } from "../wallet";
import { signIn, signOut } from "../wallet/session";
import { asking, deed } from "../wallet/state";
import { FakeWallet } from "../wallet/testing/fake";
import { ASSET, FORWARDER, install, MARKET, serve, session } from "../wallet/testing/service";
import { speak } from "../words";
import { Asking } from "./Asking";

const SPACE = 0x0011c2f50000002an;
const LEASE = (SPACE << 48n) | 0x0001bf3c0001n;
const CAR = { plateCommitment: `0x${"ab".repeat(32)}` as const };
let wallet: FakeWallet;
/** What stood on the page while the wallet asked, in the order of its questions. */
let told: string[];

const soon = (): number => Math.floor(Date.now() / 1000) + 600;
const fields = (list: string) =>
  list.split(" ").map((field) => {
    const [name, type] = field.split(":");
    return { name, type };
  });

function typed(name: string, contract: string, list: string, message: object) {
  const domain = { name: "Berth", version: "1", chainId: 1337, verifyingContract: contract };
  return { domain, primaryType: name, types: { [name]: fields(list) }, message };
}

function forward(data: string) {
  const list =
    "from:address to:address value:uint256 gas:uint256 nonce:uint256 deadline:uint48 data:bytes";
  const message = { from: wallet.address, to: MARKET, value: "0", gas: "300000", nonce: 7, data };
  return typed("ForwardRequest", FORWARDER, list, { ...message, deadline: soon() });
}

function prepares(sponsored: boolean): void {
  serve({
    "POST /v1/intents/prepare": ({ body }) => ({
      body: {
        ...{ refusal: null, sponsored, gas: 200_000 },
        typedData: sponsored ? forward(String(body["data"])) : null,
      },
    }),
    "POST /v1/intents/submit": { status: 202, body: { id: "intent-1", state: "queued" } },
  });
}

beforeEach(async () => {
  localStorage.clear();
  install();
  wallet = new FakeWallet();
  serve(session(wallet.address));
  await signIn(wallet.choice());
  told = [];
  wallet.before = async (method) => {
    if (!/signTypedData|sendTransaction/.test(method)) return;
    await vi.waitFor(() => expect(screen.getByRole("status").textContent).not.toBe(""));
    told.push(screen.getByRole("status").textContent ?? "");
  };
  render(<Asking />);
});
afterEach(async () => {
  cleanup();
  speak("en");
  serve({ "DELETE /v1/session": { status: 204 } });
  await signOut();
  vi.unstubAllGlobals();
});

const request = {
  ...{ spaceId: SPACE, startSlot: 1n, slots: 4n, offer: 1n, kwhCap: 0n, ...CAR },
  maxCost: 9_600_000n,
};

test("a sponsored lease: deed, space and most beside a request that the wallet shows coded", async () => {
  prepares(true);
  await perform(encode("lease", [request]));
  expect(told).toHaveLength(1);
  expect(told[0]).toContain("What you signReserve the space");
  expect(told[0]).toContain("Space number42");
  expect(told[0]).toContain("Costs at most9.60\u00a0tEUR");
  expect(told[0]).toContain("“ForwardRequest” and shows a long code under “data”");
  expect(deed.value).toBeNull();
  expect(screen.getByRole("status").textContent).toBe("");
});

test("a sponsored verb without a price names its deed and its space", async () => {
  prepares(true);
  await perform(encode("cancel", [LEASE]));
  expect(told[0]).toContain("Cancel your bookingSpace number42");
  expect(told[0]).not.toContain("at most");
});

test("a registration names the space by its title's number", async () => {
  prepares(true);
  const hash = `0x${"00".repeat(32)}` as const;
  const [city, none] = [0x0011c2f5n, { validDay: 0n }];
  const hashes = { saltedHolder: hash, addressHash: hash };
  const title = { ...hashes, ...none, city, index: 42n, cell: 0n, attributes: 0n };
  const holder = { ...none, verifier: 1n, nonce: 0n, signature: "0x" as const };
  const words = { makerSignature: "0x", possession: "0x" } as const;
  const key = MARKET as `0x${string}`;
  const lock = { ...none, ...words, key, maker: 1n };
  const whole = { title, proof: [], holder, lock, connectors: 0n, power: 0n };
  await perform(encode("registerSpace", [whole]));
  expect(told[0]).toContain("Register your spaceSpace number42");
});

test("a transaction is no ForwardRequest", async () => {
  prepares(false);
  await perform(encode("lease", [request]));
  expect(told[0]).toContain("Costs at most9.60\u00a0tEUR");
  expect(told[0]).not.toContain("ForwardRequest");
});

test("a permit, and then the lease that it pays for", async () => {
  prepares(true);
  const list = "owner:address spender:address value:uint256 nonce:uint256 deadline:uint256";
  const permit = typed("Permit", ASSET, list, {
    ...{ owner: wallet.address, spender: MARKET, value: "7500000", nonce: 0, deadline: soon() },
  });
  const none = { ...CAR, size: 0n, untilSlot: 0n, verifier: 0n, signature: "0x" as const };
  await perform((signed) => encode("leaseWithPermit", [request, none, signed]), {
    permit: { typedData: permit, amount: 7_500_000n },
  });
  expect(told).toHaveLength(2);
  expect(told[0]).toContain("Let the market take this amount, onceAmount7.50\u00a0tEUR");
  expect(told[0]).toContain("“Permit”. Under “value”");
  expect(told[1]).toContain("Reserve the space and pay for it");
  expect(told[1]).toContain("ForwardRequest");
});

test("the word that lowers the bar", async () => {
  const message = { leaseId: LEASE.toString(), cycle: 3, at: 1_800_000_000 };
  const list = "leaseId:uint256 cycle:uint32 at:uint40";
  await signTyped(typed("UnlockConfirmation", MARKET, list, message), {
    primaryType: "UnlockConfirmation",
    message,
  });
  expect(told[0]).toContain("Have the bar lowered for your carSpace number42");
  expect(told[0]).toContain("“UnlockConfirmation” and shows your booking's number");
});

test("in Chinese", async () => {
  speak("zh");
  prepares(true);
  await perform(encode("lease", [request]));
  expect(told[0]).toContain("签名内容预订车位车位编号42最高费用9.60\u00a0tEUR");
  expect(told[0]).toContain("钱包中显示为“ForwardRequest”");
});

test("a guest's own key asks nobody, so nothing is explained", async () => {
  cleanup();
  deed.value = { verb: "lease", space: SPACE, shownAs: "ForwardRequest" };
  asking.value = "sign";
  const { rerender } = render(<Asking />);
  screen.getByText("What you sign");
  rerender(<Asking guest />);
  screen.getByText("Signing with the test wallet…");
  expect(screen.queryByText("What you sign")).toBeNull();
  asking.value = deed.value = null;
});
