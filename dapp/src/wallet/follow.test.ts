import { afterEach, expect, test, vi } from "vitest";
import { follow, type IntentState } from "./follow";
import { problem, serve } from "./testing/service";

afterEach(() => vi.unstubAllGlobals());

const QUICK = { pause: 1, longest: 4, patience: 50 };
const PATH = "GET /v1/intents/0xab";

function states(...list: unknown[]): void {
  let i = 0;
  serve({ [PATH]: () => list[Math.min(i++, list.length - 1)] as never });
}
const state = (name: string, confirmations = 0): { body: unknown } => ({
  body: { id: "0xab", state: name, confirmations, required: 3 },
});

async function told(...list: unknown[]): Promise<{ seen: string[]; last: IntentState }> {
  states(...list);
  const seen: string[] = [];
  const last = await follow(
    "0xab",
    (one) => seen.push(`${one.state} ${one.confirmations}`),
    undefined,
    QUICK,
  );
  return { seen, last };
}

test("each new state is told once, to the end", async () => {
  const { seen, last } = await told(
    state("queued"),
    state("queued"),
    state("pending"),
    state("mined", 1),
    state("mined", 1),
    state("mined", 2),
    state("confirmed", 3),
  );
  expect(seen).toEqual(["queued 0", "pending 0", "mined 1", "mined 2", "confirmed 3"]);
  expect(last.state).toBe("confirmed");
});

test.each(["failed", "gone"])("%s is an end", async (name) => {
  expect((await told(state("pending"), state(name))).last.state).toBe(name);
});

test("a reorg is told as it is seen", async () => {
  const { seen } = await told(
    state("mined", 2),
    state("pending"),
    state("mined", 1),
    state("confirmed", 3),
  );
  expect(seen).toEqual(["mined 2", "pending 0", "mined 1", "confirmed 3"]);
});

test("a network that is away and a service that restarts are bridged", async () => {
  const { last } = await told(
    "offline",
    problem(503, "store.unavailable"),
    problem(429, "x"),
    state("confirmed"),
  );
  expect(last.state).toBe("confirmed");
});

test("a transaction that nobody has heard of yet is waited for, not for ever", async () => {
  expect((await told(problem(404, "intent.unknown"), state("confirmed"))).last.state).toBe(
    "confirmed",
  );
  await expect(told(problem(404, "intent.unknown"))).rejects.toMatchObject({ status: 404 });
});

test("what the service refuses is thrown", async () => {
  await expect(told(problem(403, "intent.other"))).rejects.toMatchObject({ code: "intent.other" });
});

test("it stops when it is told to", async () => {
  states(state("pending"));
  const stop = new AbortController();
  const running = follow("0xab", () => stop.abort(new Error("left")), stop.signal, QUICK);
  await expect(running).rejects.toThrow("left");
});
