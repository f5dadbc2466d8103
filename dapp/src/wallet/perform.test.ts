import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { encodeErrorResult, verifyTypedData, type Hex } from "viem";
import { refusals } from "../chain/abi/errors";
import { encode } from "../chain/market";
import { perform, signTyped } from "./index";
import { signIn, signOut } from "./session";
import { account, asking } from "./state";
import { FakeWallet, OTHER } from "./testing/fake";
import {
  ASSET,
  FORWARDER,
  install,
  MARKET,
  problem,
  serve,
  session,
  type Answer,
} from "./testing/service";
import type { Call } from "./types";

const LEASE = 0x0011c2f50000002a0001bf3c0001n;
let wallet: FakeWallet;
let call: Call;

type Message = Record<string, unknown>;
const DOMAIN = {
  name: "Berth Forwarder",
  version: "1",
  chainId: 1337,
  verifyingContract: FORWARDER,
};
const soon = (): number => Math.floor(Date.now() / 1000) + 600;

/** What an honest service prepares; `odd` changes it. */
function forward(odd: { domain?: Message; message?: Message; types?: Message } = {}): Message {
  const fields = ["from:address", "to:address", "value:uint256", "gas:uint256", "nonce:uint256"];
  return {
    domain: { ...DOMAIN, ...odd.domain },
    primaryType: "ForwardRequest",
    types: {
      ForwardRequest: [...fields, "deadline:uint48", "data:bytes"].map((field) => {
        const [name, type] = field.split(":");
        return { name, type };
      }),
      ...odd.types,
    },
    message: {
      from: wallet.address,
      to: MARKET,
      value: "0",
      gas: "300000",
      nonce: 7,
      deadline: soon(),
      data: call.data,
      ...odd.message,
    },
  };
}

function prepared(typedData: unknown, more: Message = {}): Record<string, never> {
  return {
    "POST /v1/intents/prepare": {
      body: { refusal: null, sponsored: typedData !== null, typedData, gas: 200_000, ...more },
    },
    "POST /v1/intents/submit": { status: 202, body: { id: "intent-1", state: "queued" } },
  } as never;
}

beforeEach(async () => {
  localStorage.clear();
  install();
  wallet = new FakeWallet();
  call = encode("cancel", [LEASE]);
  serve(session(wallet.address));
  await signIn(wallet.choice());
});
afterEach(async () => {
  serve({ "DELETE /v1/session": { status: 204 } });
  await signOut();
  vi.unstubAllGlobals();
});

describe("sponsored", () => {
  test("one signature over exactly the call, handed in", async () => {
    const asked = serve(prepared(forward()));
    expect(await perform(call)).toBe("intent-1");
    expect(asked[0]?.body).toEqual({ to: MARKET, data: call.data });
    const { request, signature } = asked[1]?.body as { request: Message; signature: Hex };
    expect(request).toMatchObject({
      from: wallet.address,
      to: MARKET,
      value: "0",
      data: call.data,
    });
    const signed = JSON.parse(wallet.last("eth_signTypedData_v4")[1] as string) as never;
    expect(
      await verifyTypedData({ ...(signed as object), address: wallet.address, signature } as never),
    ).toBe(true);
    expect(wallet.count("eth_sendTransaction")).toBe(0);
    expect(asking.value).toBeNull();
  });

  test.each<[string, { domain?: Message; message?: Message; types?: Message }]>([
    ["other data", { message: { data: "0x12345678" } }],
    ["another contract", { message: { to: ASSET } }],
    ["somebody else's", { message: { from: MARKET } }],
    ["ether", { message: { value: "1" } }],
    ["no gas", { message: { gas: "0" } }],
    ["too much gas", { message: { gas: "30000000" } }],
    ["a nonce that is none", { message: { nonce: "seven" } }],
    ["a deadline long ago", { message: { deadline: 1 } }],
    ["a deadline far away", { message: { deadline: 4_000_000_000 } }],
    ["another chain", { domain: { chainId: 1 } }],
    ["another forwarder", { domain: { verifyingContract: ASSET } }],
    ["a salt", { domain: { salt: `0x${"00".repeat(32)}` } }],
    ["another type", { types: { ForwardRequest: [{ name: "from", type: "address" }] } }],
  ])("with %s nothing is signed and nothing handed in", async (_what, odd) => {
    const asked = serve(prepared(forward(odd)));
    await expect(perform(call)).rejects.toMatchObject({ problem: "tampered" });
    expect(wallet.count("eth_signTypedData_v4")).toBe(0);
    expect(asked.some((one) => one.path === "/v1/intents/submit")).toBe(false);
  });

  test("what else the service puts into the message never reaches the wallet", async () => {
    serve(prepared(forward({ types: { Extra: [] }, message: { note: "<b>free money</b>" } })));
    await perform(call);
    const signed = wallet.last("eth_signTypedData_v4")[1] as string;
    expect(signed).not.toContain("free money");
    expect(signed).not.toContain("Extra");
  });

  test.each<[string, Answer]>([
    ["nobody answered", "offline"],
    ["a proxy answered in the service's place", problem(502, "http.502")],
  ])("what is signed is handed in again where %s", async (_what, lost) => {
    const answers = [lost, { status: 202, body: { id: "intent-1", state: "queued" } }];
    const asked = serve({
      ...prepared(forward()),
      "POST /v1/intents/submit": () => answers.shift() ?? "offline",
    });
    expect(await perform(call)).toBe("intent-1");
    const [first, second] = asked.filter((one) => one.path === "/v1/intents/submit");
    expect(second?.body).toEqual(first?.body);
    expect(wallet.count("eth_signTypedData_v4")).toBe(1);
  });

  test("what nobody answers in the end is told, and handed in by nobody afterwards", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout"] });
    const asked = serve({ ...prepared(forward()), "POST /v1/intents/submit": "offline" });
    const end = perform(call).catch((error: unknown) => error);
    for (let seconds = 0; seconds < 30; seconds++) await vi.advanceTimersByTimeAsync(1000);
    vi.useRealTimers();
    expect(await end).toMatchObject({ code: "net.offline" });
    expect(asked.filter((one) => one.path === "/v1/intents/submit")).toHaveLength(4);
  });

  test("a refusal is told at once", async () => {
    const refused = problem(409, "intent.busy");
    const asked = serve({ ...prepared(forward()), "POST /v1/intents/submit": refused });
    await expect(perform(call)).rejects.toMatchObject({ code: "intent.busy" });
    expect(asked.filter((one) => one.path === "/v1/intents/submit")).toHaveLength(1);
  });

  test("another account between two attempts ends it", async () => {
    const submits: unknown[] = [];
    serve({
      ...prepared(forward()),
      "DELETE /v1/session": { status: 204 },
      "POST /v1/intents/submit": (one) => {
        submits.push(one.body);
        wallet.emit("accountsChanged", [new FakeWallet({ key: OTHER }).address]);
        return "offline";
      },
    });
    await expect(perform(call)).rejects.toMatchObject({ problem: "changed" });
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(submits).toHaveLength(1);
  });

  test("a rejected signature is told and nothing handed in", async () => {
    wallet.failures.set("eth_signTypedData_v4", { code: 4001 });
    const asked = serve(prepared(forward()));
    await expect(perform(call)).rejects.toMatchObject({ problem: "rejected" });
    expect(asked.some((one) => one.path === "/v1/intents/submit")).toBe(false);
  });

  test("another account in mid-flow ends it, and what was signed is not handed in", async () => {
    const asked = serve({ ...prepared(forward()), "DELETE /v1/session": { status: 204 } });
    wallet.before = (method) => {
      if (method !== "eth_signTypedData_v4") return;
      wallet.emit("accountsChanged", [new FakeWallet({ key: OTHER }).address]);
    };
    await expect(perform(call)).rejects.toMatchObject({ problem: "changed" });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(asked.some((one) => one.path === "/v1/intents/submit")).toBe(false);
  });

  test("another chain in mid-flow ends it", async () => {
    const asked = serve(prepared(forward()));
    wallet.before = (method) => {
      if (method === "eth_signTypedData_v4") wallet.emit("chainChanged", "0x1");
    };
    await expect(perform(call)).rejects.toMatchObject({ problem: "chain" });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(asked.some((one) => one.path === "/v1/intents/submit")).toBe(false);
  });

  test("a lost connection in mid-flow ends it", async () => {
    serve(prepared(forward()));
    wallet.before = (method) => {
      if (method === "eth_signTypedData_v4") wallet.emit("disconnect", { code: 4900 });
    };
    await expect(perform(call)).rejects.toMatchObject({ problem: "disconnected" });
  });
});

describe("sent by the wallet", () => {
  test("the wallet is given exactly the call, of this account, on this chain", async () => {
    serve(prepared(null));
    expect(await perform(call)).toBe(`0x${"ab".repeat(32)}`);
    expect(wallet.last("eth_sendTransaction")).toEqual([
      { from: wallet.address, to: MARKET, data: call.data, value: "0x0", chainId: "0x539" },
    ]);
  });

  test("what the contract would refuse has our sentence where we know its name, in both languages", async () => {
    const refusal = { code: "Berth_CalendarTaken", sentence: "Taken.", detail: "" };
    serve(prepared(null, { refusal }));
    await expect(perform(call)).rejects.toMatchObject({
      sentence: {
        en: expect.stringMatching(/leased or blocked/),
        zh: expect.stringMatching(/锁定/),
      },
    });
  });

  test("what the contract would refuse is told in the service's words before the wallet is asked", async () => {
    serve(
      prepared(null, {
        refusal: { code: "Berth_Newer", sentence: "Too late.", detail: "Berth_Newer(1)" },
      }),
    );
    await expect(perform(call)).rejects.toMatchObject({ name: "Refused", sentence: "Too late." });
    expect(wallet.count("eth_sendTransaction")).toBe(0);
  });

  test("a fee that cannot be paid is told before the wallet is asked", async () => {
    wallet.balance = 5n;
    serve(prepared(null));
    await expect(perform(call)).rejects.toMatchObject({ problem: "funds" });
    expect(wallet.count("eth_sendTransaction")).toBe(0);
  });

  test.each([
    [{ code: 4001 }, "rejected"],
    [{ code: -32000, message: "insufficient funds for gas * price + value" }, "funds"],
    [{ code: -32002, message: "Request already pending" }, "pending"],
    [{ code: 4100 }, "locked"],
    [{ code: -32603, message: "Failed to fetch" }, "node"],
    [{ code: -1, message: "flux capacitor" }, "unknown"],
    [{ code: -32603, data: { originalError: { code: 4001 } } }, "rejected"],
  ])("%o is told as %s", async (error, told) => {
    wallet.failures.set("eth_sendTransaction", error);
    serve(prepared(null));
    await expect(perform(call)).rejects.toMatchObject({ problem: told });
  });

  test("a revert that only the wallet saw has our sentence, in both languages", async () => {
    const data = encodeErrorResult({
      abi: refusals,
      errorName: "Berth_CalendarTaken",
      args: [42n, 7n, 4n],
    });
    wallet.failures.set("eth_sendTransaction", {
      code: -32603,
      data: { originalError: { code: 3, data } },
    });
    serve(prepared(null));
    await expect(perform(call)).rejects.toMatchObject({
      code: "Berth_CalendarTaken",
      sentence: {
        en: expect.stringContaining("leased") as string,
        zh: expect.stringContaining("租用") as string,
      },
      detail: "Berth_CalendarTaken(42, 7, 4)",
    });
  });

  test("a wallet that went to another chain meanwhile is brought back first", async () => {
    wallet.chain = 5;
    wallet.knows.add(5);
    serve(prepared(null));
    await perform(call);
    expect(wallet.chain).toBe(1337);
  });

  test("a wallet whose account is another without having said so is not asked", async () => {
    wallet.accounts = [new FakeWallet({ key: OTHER }).address];
    const asked = serve(prepared(null));
    await expect(perform(call)).rejects.toMatchObject({ problem: "changed" });
    expect(asked).toEqual([]);
  });

  test("a session that the service has ended is told, and nobody is signed in", async () => {
    serve({ "POST /v1/intents/prepare": problem(401, "session.required") });
    await expect(perform(call)).rejects.toBeDefined();
    expect(wallet.count("eth_sendTransaction")).toBe(0);
  });
});

describe("a permit", () => {
  const types = {
    Permit: [
      "owner:address",
      "spender:address",
      "value:uint256",
      "nonce:uint256",
      "deadline:uint256",
    ].map((field) => ({ name: field.split(":")[0], type: field.split(":")[1] })),
  };
  function permit(odd: Message = {}, domain: Message = {}): Message {
    return {
      domain: {
        name: "Test Euro",
        version: "1",
        chainId: 1337,
        verifyingContract: ASSET,
        ...domain,
      },
      types,
      primaryType: "Permit",
      message: {
        owner: wallet.address,
        spender: MARKET,
        value: "1000000",
        nonce: 0,
        deadline: soon(),
        ...odd,
      },
    };
  }
  const make = (signed: { amount: bigint; deadline: bigint; v: bigint; r: Hex; s: Hex }): Call =>
    encode("depositWithPermit", [signed.amount, signed]);

  test("is signed for exactly the amount that was shown, and goes into the call", async () => {
    const asked = serve(prepared(null));
    await perform(make, { permit: { typedData: permit(), amount: 1_000_000n } });
    const signed = JSON.parse(wallet.last("eth_signTypedData_v4")[1] as string) as {
      message: Message;
    };
    expect(signed.message).toMatchObject({ spender: MARKET, value: "1000000" });
    const sent = asked[0]?.body as { data: string };
    expect(
      sent.data.startsWith(
        make({
          amount: 1_000_000n,
          deadline: 1n,
          v: 27n,
          r: `0x${"00".repeat(32)}`,
          s: `0x${"00".repeat(32)}`,
        }).data.slice(0, 74),
      ),
    ).toBe(true);
  });

  test.each<[string, Message, Message]>([
    ["more", { value: "1000001" }, {}],
    ["somebody else as spender", { spender: FORWARDER }, {}],
    ["another owner", { owner: MARKET }, {}],
    ["no end", { deadline: (2n ** 256n - 1n).toString() }, {}],
    ["another token", {}, { verifyingContract: MARKET }],
    ["another chain", {}, { chainId: 1 }],
  ])("with %s is not signed", async (_what, message, domain) => {
    serve(prepared(null));
    const wanted = { typedData: permit(message, domain), amount: 1_000_000n };
    await expect(perform(make, { permit: wanted })).rejects.toMatchObject({ problem: "tampered" });
    expect(wallet.count("eth_signTypedData_v4")).toBe(0);
  });
});

describe("a message for the market", () => {
  const types = {
    UnlockConfirmation: [
      { name: "leaseId", type: "uint256" },
      { name: "cycle", type: "uint32" },
      { name: "at", type: "uint40" },
    ],
  };
  const typed = (odd: Message = {}): Message => ({
    domain: {
      name: "Berth Parking Market",
      version: "1",
      chainId: 1337,
      verifyingContract: MARKET,
    },
    types,
    primaryType: "UnlockConfirmation",
    message: { leaseId: LEASE.toString(), cycle: 3, at: 1_790_000_000, ...odd },
  });
  const expected = {
    primaryType: "UnlockConfirmation",
    message: { leaseId: `0x${LEASE.toString(16).padStart(28, "0")}` },
  };

  test("is signed when the known fields are so", async () => {
    const signature = await signTyped(typed(), expected);
    const signed = JSON.parse(wallet.last("eth_signTypedData_v4")[1] as string) as never;
    expect(
      await verifyTypedData({ ...(signed as object), address: wallet.address, signature } as never),
    ).toBe(true);
  });

  test("of another lease is refused", async () => {
    await expect(signTyped(typed({ leaseId: "5" }), expected)).rejects.toMatchObject({
      problem: "tampered",
    });
    expect(wallet.count("eth_signTypedData_v4")).toBe(0);
  });

  test.each(["Permit", "ForwardRequest"])(
    "%s is none of those, whoever asks",
    async (primaryType) => {
      const given = { ...typed(), primaryType };
      await expect(
        signTyped(given, { primaryType, message: { leaseId: LEASE } }),
      ).rejects.toMatchObject({
        problem: "tampered",
      });
    },
  );

  test("for another contract is refused", async () => {
    const given = {
      ...typed(),
      domain: { name: "x", version: "1", chainId: 1337, verifyingContract: ASSET },
    };
    await expect(signTyped(given, expected)).rejects.toMatchObject({ problem: "tampered" });
  });
});

test("nothing is left running and the account is still there", () => {
  expect(account.value?.address).toBe(wallet.address);
});
