import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { parseTransaction, recoverTransactionAddress, verifyMessage, type Hex } from "viem";
import { deleteGuest, guestAddress, guestChoice, guestKey, lookForGuest } from "./guest";
import { install } from "./testing/service";
import { textHex } from "./siwe";

const LOCAL = { local: true };

beforeEach(() => {
  localStorage.clear();
  install(LOCAL);
  lookForGuest();
});
afterEach(() => vi.unstubAllGlobals());

function provider() {
  const choice = guestChoice();
  if (!choice) throw new Error("no guest");
  return choice.provider;
}

test("there is no guest where the chain is not for trying out, and no key is read", () => {
  localStorage.setItem("berth.guest", JSON.stringify({ key: `0x${"11".repeat(32)}` }));
  install({ local: false });
  expect(guestChoice()).toBeNull();
  expect(guestKey()).toBeNull();
});

test("nothing is made until somebody asks for it", async () => {
  expect(await provider().request({ method: "eth_accounts" })).toEqual([]);
  expect(localStorage.length).toBe(0);
});

test("a key is made once, kept, and erased for good", async () => {
  const first = await provider().request({ method: "eth_requestAccounts" });
  expect(await provider().request({ method: "eth_requestAccounts" })).toEqual(first);
  expect(await provider().request({ method: "eth_accounts" })).toEqual(first);
  expect(guestAddress.value).toBe((first as string[])[0]);
  expect(guestKey()).toMatch(/^0x[0-9a-f]{64}$/);
  deleteGuest();
  expect(guestKey()).toBeNull();
  expect(await provider().request({ method: "eth_accounts" })).toEqual([]);
});

test("it signs messages as its own account, and for no other", async () => {
  const [address] = (await provider().request({ method: "eth_requestAccounts" })) as [Hex];
  const signature = (await provider().request({
    method: "personal_sign",
    params: [textHex("hello"), address],
  })) as Hex;
  expect(await verifyMessage({ address, message: "hello", signature })).toBe(true);
  await expect(
    provider().request({ method: "personal_sign", params: [textHex("x"), `0x${"99".repeat(20)}`] }),
  ).rejects.toMatchObject({ code: 4100 });
});

test("it sends transactions through the installation's node, without value", async () => {
  const [from] = (await provider().request({ method: "eth_requestAccounts" })) as [Hex];
  const sent: Hex[] = [];
  vi.stubGlobal("fetch", async (_url: string, init: { body: string }) => {
    const { method, params, id } = JSON.parse(init.body) as {
      method: string;
      params: Hex[];
      id: number;
    };
    const answers: Record<string, unknown> = {
      eth_chainId: "0x539",
      eth_getTransactionCount: "0x3",
      eth_estimateGas: "0x5208",
      eth_gasPrice: "0x3b9aca00",
      eth_maxPriorityFeePerGas: "0x1",
      eth_getBlockByNumber: {
        baseFeePerGas: "0x7",
        number: "0x1",
        timestamp: "0x1",
        transactions: [],
      },
      eth_fillTransaction: null,
      eth_sendRawTransaction: `0x${"cd".repeat(32)}`,
    };
    if (method === "eth_sendRawTransaction") sent.push(params[0] as Hex);
    const body =
      answers[method] === null || !(method in answers)
        ? { jsonrpc: "2.0", id, error: { code: -32601, message: "not there" } }
        : { jsonrpc: "2.0", id, result: answers[method] };
    return new Response(JSON.stringify(body), { headers: { "Content-Type": "application/json" } });
  });
  const to = "0x1111111111111111111111111111111111111111";
  const hash = await provider().request({
    method: "eth_sendTransaction",
    params: [{ from, to, data: "0x12345678", value: "0xde0b6b3a7640000" }],
  });
  expect(hash).toBe(`0x${"cd".repeat(32)}`);
  const raw = sent[0] as Hex;
  const read = parseTransaction(raw);
  expect(read).toMatchObject({ to, data: "0x12345678", chainId: 1337, nonce: 3 });
  expect(read.value ?? 0n).toBe(0n);
  expect(await recoverTransactionAddress({ serializedTransaction: raw as `0x02${string}` })).toBe(
    from,
  );
});

test("it knows one chain", async () => {
  const change = (chainId: string) =>
    provider().request({ method: "wallet_switchEthereumChain", params: [{ chainId }] });
  expect(await change("0x539")).toBeNull();
  await expect(change("0x1")).rejects.toMatchObject({ code: 4902 });
});
