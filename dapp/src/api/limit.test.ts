import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ask, client } from "./client";
import { OFFLINE } from "./problem";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** A network that answers nothing until it is told to; what was asked for is kept in the list. */
function silent(): { asked: Request[]; answer: (body: unknown) => void } {
  const asked: Request[] = [];
  let answer: (body: unknown) => void = () => undefined;
  vi.stubGlobal("fetch", (request: Request) => {
    asked.push(request);
    return new Promise<Response>((resolve, reject) => {
      answer = (body) => resolve(Response.json(body));
      const { signal } = request;
      if (signal.aborted) reject(signal.reason as Error);
      signal.addEventListener("abort", () => reject(signal.reason as Error));
    });
  });
  return { asked, answer: (body) => answer(body) };
}

/** What has become of a request: its answer, the code of its failure, or that it is under way. */
function watched(request: Promise<unknown>): { now: unknown } {
  const found: { now: unknown } = { now: "under way" };
  request.then(
    (data) => (found.now = data),
    (error: { code?: string }) => (found.now = error.code),
  );
  return found;
}

test("a network that says nothing is told as none, what is only read sooner than what is done", async () => {
  const { asked } = silent();
  const read = watched(ask(client.GET("/v1/me")));
  const done = watched(ask(client.POST("/v1/session/nonce")));
  await vi.advanceTimersByTimeAsync(19_999);
  expect([read.now, done.now]).toEqual(["under way", "under way"]);
  await vi.advanceTimersByTimeAsync(1);
  expect([read.now, done.now]).toEqual([OFFLINE, "under way"]);
  // a connection that waits for nothing would keep others waiting
  expect(asked.map((one) => one.signal.aborted)).toEqual([true, false]);
  await vi.advanceTimersByTimeAsync(25_000);
  expect(done.now).toBe(OFFLINE);
});

test("what comes before the limit is taken, and the limit does nothing to it any more", async () => {
  const { answer } = silent();
  const found = watched(ask(client.GET("/v1/me")));
  await vi.advanceTimersByTimeAsync(19_000);
  answer({ address: "0x01" });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(found.now).toEqual({ address: "0x01" });
});

test("an answer that stops half way counts as none too", async () => {
  vi.stubGlobal("fetch", async ({ signal }: Request) => {
    const body = new ReadableStream({
      start(part) {
        part.enqueue(new TextEncoder().encode('{"address":'));
        signal.addEventListener("abort", () => part.error(signal.reason));
      },
    });
    return new Response(body, { headers: { "Content-Type": "application/json" } });
  });
  const found = watched(ask(client.GET("/v1/me")));
  await vi.advanceTimersByTimeAsync(19_999);
  expect(found.now).toBe("under way");
  await vi.advanceTimersByTimeAsync(1);
  expect(found.now).toBe(OFFLINE);
});

test("a request keeps what it says and holds, and ends when its page wants it no more", async () => {
  const { asked } = silent();
  const leaving = new AbortController();
  const body = { to: "0x01", data: "0x02" };
  const sent = watched(ask(client.POST("/v1/intents/prepare", { body, signal: leaving.signal })));
  await vi.advanceTimersByTimeAsync(0);
  const [request] = asked;
  expect(request?.method).toBe("POST");
  expect(new URL(request?.url ?? "").pathname).toBe("/v1/intents/prepare");
  expect(request?.credentials).toBe("same-origin");
  expect(request?.headers.get("Accept-Language")).toBe("en");
  expect(request?.headers.get("Content-Type")).toBe("application/json");
  expect(await request?.json()).toEqual(body);
  leaving.abort();
  await vi.advanceTimersByTimeAsync(0);
  expect([sent.now, request?.signal.aborted]).toEqual([OFFLINE, true]);
});

test("what its page wants no more before it is sent is not waited for", async () => {
  silent();
  const params = { path: { intentId: "0xab" } };
  const asked = ask(client.GET("/v1/intents/{intentId}", { params, signal: AbortSignal.abort() }));
  const found = watched(asked);
  await vi.advanceTimersByTimeAsync(0);
  expect(found.now).not.toBe("under way");
});
