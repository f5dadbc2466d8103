import { act, cleanup, render, screen } from "@testing-library/preact";
import { LocationProvider, Route, Router } from "preact-iso";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Schemas } from "../api/client";
import { config, type Config } from "../config";
import { account } from "../wallet";
import { install } from "../wallet/testing/service";
import type { Account } from "../wallet/types";
import { keepLease } from "./kept";
import { Lease } from "./Lease";
import type { Detail } from "./stage";

// what is shown of a lease that was found has tests of its own
vi.mock("./Active", () => ({
  Active: ({ lease, reload }: { lease: Detail; reload: () => void }) => (
    <button onClick={reload}>{lease.stateSentence}</button>
  ),
}));
const news = new Map<string, (event: object) => void>();
vi.mock("../api/live", async (original) => ({
  ...(await original<typeof import("../api/live")>()),
  useLive: (topic: string, listener: (event: object) => void) => news.set(topic, listener),
}));

const ID = `0x${"0a".repeat(15)}`;
const DRIVER = "0x4444444444444444444444444444444444444444";
const lease = {
  now: "2026-11-22T10:00:00Z",
  id: ID,
  role: "driver",
  driver: DRIVER,
  spaceId: "0x0365924fffffffff",
  state: "booked",
  window: { start: "2026-11-22T12:00:00Z", end: "2026-11-22T13:00:00Z" },
  utcOffset: "+01:00",
  depth: { confirmed: true },
  grant: null,
} as unknown as Detail;
const navigation = {
  address: "Elm Street 1",
  ...{ level: "", instructions: "", access: [], links: [] },
} as unknown as Schemas["NavigationOut"];

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse(lease.now) });
  localStorage.clear();
  install();
  config.value = { ...config.value, policy: { earlySeconds: 900 } } as Config;
  account.value = { address: DRIVER } as unknown as Account;
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
  vi.unstubAllGlobals();
  account.value = null;
});

interface Network {
  asked: number;
  answer: (sentence: string) => void;
}

/** A network that says nothing, but for what the test answers. */
function opens(): Network {
  const network: Network = { asked: 0, answer: () => undefined };
  vi.stubGlobal("fetch", ({ signal }: Request) => {
    network.asked++;
    return new Promise<Response>((resolve, reject) => {
      network.answer = (stateSentence) => resolve(Response.json({ ...lease, stateSentence }));
      signal.addEventListener("abort", () => reject(signal.reason as Error));
    });
  });
  history.replaceState(null, "", `/lease/${ID}`);
  render(
    <LocationProvider>
      <Router>
        <Route path="/lease/:leaseId" component={Lease} />
        <Route default component={() => null} />
      </Router>
    </LocationProvider>,
  );
  return network;
}

/** In steps: what a timer leads to is drawn before the next one is due. */
async function after(milliseconds: number): Promise<void> {
  for (let passed = 0; passed < milliseconds; passed += 100) {
    await act(() => vi.advanceTimersByTimeAsync(100).then(() => undefined));
  }
}

test("where the network says nothing, what is kept of the lease is soon shown", async () => {
  keepLease(lease, navigation, "+01:00", Date.parse(lease.now));
  const network = opens();
  await after(3800);
  expect(screen.queryByText("Elm Street 1")).toBeNull();
  await after(400);
  screen.getByText("Elm Street 1");
  screen.getByText("No connection");
  // beyond the limit of a question, and while the next ones are asked
  await after(40_000);
  screen.getByText("Elm Street 1");
  network.answer("It is booked.");
  await after(200);
  screen.getByText("It is booked.");
  expect(screen.queryByText("Elm Street 1")).toBeNull();
});

test("where nothing is kept, that there is no connection is said, and stays until there is", async () => {
  const network = opens();
  await after(19_800);
  screen.getByText("Loading…");
  await after(400);
  screen.getByText("No connection");
  await after(15_000);
  screen.getByText("No connection");
  expect(network.asked).toBe(2);
  network.answer("It is booked.");
  await after(200);
  screen.getByText("It is booked.");
  expect(screen.queryByText("No connection")).toBeNull();
});

test("nobody else is shown what is kept", async () => {
  const another = { ...lease, driver: "0x5555555555555555555555555555555555555555" };
  keepLease(another, navigation, "+01:00", Date.parse(lease.now));
  opens();
  await after(21_000);
  expect(screen.queryByText("Elm Street 1")).toBeNull();
  screen.getByText("No connection");
});

test("news that come faster than answers do not keep these away", async () => {
  const network = opens();
  for (let i = 0; i < 5; i++) {
    await after(500);
    act(() => news.get("lock.")?.({ leaseId: ID }));
  }
  expect(network.asked).toBe(1);
  network.answer("It is booked.");
  await after(200);
  screen.getByText("It is booked.");
  // once more for all the news of meanwhile
  expect(network.asked).toBe(2);
  network.answer("It is parked.");
  await after(200);
  screen.getByText("It is parked.");
});

test("what was asked for before a press is not taken after it", async () => {
  const network = opens();
  await after(100);
  network.answer("It is booked.");
  await after(5200);
  expect(network.asked).toBe(2);
  const before = network.answer;
  act(() => screen.getByRole("button").click());
  await after(100);
  expect(network.asked).toBe(3);
  before("It was booked.");
  await after(200);
  screen.getByText("It is booked.");
  network.answer("It is parked.");
  await after(200);
  screen.getByText("It is parked.");
});
