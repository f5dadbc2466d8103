import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { config, loadConfig, type Config } from "./config";

const KEY = "berth.config";
const given = (name: string): Config =>
  ({ now: new Date().toISOString(), chain: { name }, contracts: {}, currency: {} }) as Config;

beforeEach(() => {
  vi.useFakeTimers();
  localStorage.clear();
  config.value = null;
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** A service of which each question is answered, or fails, when the test says so. */
function service(): { answer: (found: Config) => void; fail: () => void }[] {
  const asked: { answer: (found: Config) => void; fail: () => void }[] = [];
  vi.stubGlobal("fetch", ({ signal }: Request) => {
    return new Promise<Response>((resolve, reject) => {
      asked.push({
        answer: (found) => resolve(Response.json(found)),
        fail: () => reject(new TypeError("Failed to fetch")),
      });
      signal.addEventListener("abort", () => reject(signal.reason as Error));
    });
  });
  return asked;
}

function started(): { now: Config | null; away: number } {
  const found: { now: Config | null; away: number } = { now: null, away: 0 };
  void loadConfig(() => found.away++).then((one) => (found.now = one));
  return found;
}

test("where the network says nothing, the kept configuration is used soon, and the answer when it comes", async () => {
  localStorage.setItem(KEY, JSON.stringify(given("kept")));
  const asked = service();
  const start = started();
  await vi.advanceTimersByTimeAsync(3999);
  expect(start.now).toBeNull();
  await vi.advanceTimersByTimeAsync(1);
  expect(start.now?.chain.name).toBe("kept");
  expect(config.value?.chain.name).toBe("kept");
  await vi.advanceTimersByTimeAsync(6000);
  expect(asked).toHaveLength(1);
  asked[0]?.answer(given("new"));
  await vi.advanceTimersByTimeAsync(0);
  expect(config.value?.chain.name).toBe("new");
});

test("it goes on asking after the limit, until it is answered", async () => {
  localStorage.setItem(KEY, JSON.stringify(given("kept")));
  const asked = service();
  started();
  await vi.advanceTimersByTimeAsync(20_000);
  expect(asked).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(500);
  expect(asked).toHaveLength(2);
  asked[1]?.answer(given("new"));
  await vi.advanceTimersByTimeAsync(0);
  expect(config.value?.chain.name).toBe("new");
});

test("without a network the kept configuration is used at once", async () => {
  localStorage.setItem(KEY, JSON.stringify(given("kept")));
  const asked = service();
  const start = started();
  await vi.advanceTimersByTimeAsync(0);
  asked[0]?.fail();
  await vi.advanceTimersByTimeAsync(0);
  expect([start.now?.chain.name, start.away]).toEqual(["kept", 1]);
});

test("where none is kept it is waited for, and each failure is told", async () => {
  const asked = service();
  const start = started();
  await vi.advanceTimersByTimeAsync(19_999);
  expect([start.now, start.away]).toEqual([null, 0]);
  await vi.advanceTimersByTimeAsync(501);
  expect(start.away).toBe(1);
  asked[1]?.answer(given("new"));
  await vi.advanceTimersByTimeAsync(0);
  expect(start.now?.chain.name).toBe("new");
  expect(config.value?.chain.name).toBe("new");
});
