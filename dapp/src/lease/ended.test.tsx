import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ApiError, OFFLINE } from "../api/problem";
import { perform } from "../wallet";
import { install, problem, serve } from "../wallet/testing/service";
import { speak } from "../words";
import { errors } from "../words/errors.en";
import { Cancel } from "./Cancel";
import { Claimed } from "./Claimed";
import type { Detail } from "./stage";

vi.mock("../wallet", async (original) => ({
  ...(await original<typeof import("../wallet")>()),
  perform: vi.fn(),
}));

beforeEach(() => {
  install();
  vi.mocked(perform).mockReset().mockResolvedValue("0xab");
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  speak("en");
});

const lease = {
  id: `0x${"0a".repeat(15)}`,
  role: "driver",
  state: "booked",
  currency: { symbol: "tEUR", decimals: 6 },
  verbs: ["cancel", "close"],
  ...{ cancelCharge: "0", noShowCharge: "300000", overstayClaimed: "500000" },
  window: { start: "2000-01-01T00:00:00Z", end: "2100-01-01T00:00:00Z" },
  times: { claimUntil: "2026-11-20T12:00:00Z" },
} as unknown as Detail;
const nothing = (): void => undefined;

/** What the chain has made of it. */
function ends(state: string, refusal: unknown = null): void {
  const body = { id: "0xab", state, refusal, confirmations: 1, required: 3 };
  serve({ "GET /v1/intents/0xab": { body } });
}
const cancels = {
  shown: (reload = nothing, more = {}) => (
    <Cancel lease={{ ...lease, ...more } as Detail} reload={reload} />
  ),
  button: "Cancel this booking",
  yes: "Cancel the booking",
  done: "The booking is cancelled.",
};
const accepts = {
  shown: (reload = nothing, more = {}) => (
    <Claimed lease={{ ...lease, ...more } as Detail} zone="UTC" reload={reload} />
  ),
  button: "Accept the overstay",
  yes: "Accept the overstay",
  done: "The overstay is accepted.",
};

function press({ button, yes }: typeof cancels): void {
  fireEvent.click(screen.getByRole("button", { name: button }));
  const dialog = document.querySelector("dialog");
  for (const one of dialog?.querySelectorAll("button") ?? []) {
    if (one.textContent === yes) fireEvent.click(one);
  }
}
const idle = (name: string): boolean =>
  screen.getByRole("button", { name }).getAttribute("aria-disabled") !== "true";

test.each([
  ["a cancellation", "failed", cancels, "It did not go through."],
  ["a cancellation", "gone", cancels, /^It is not in the chain/],
  ["an accepted overstay", "failed", accepts, "It did not go through."],
  ["an accepted overstay", "gone", accepts, /^It is not in the chain/],
] as const)(
  "%s that has ended as %s is told, at once, to everybody",
  async (_, state, what, said) => {
    ends(state);
    const reload = vi.fn();
    render(what.shown(reload));
    press(what);
    const told = await screen.findByRole("alert");
    expect(told.querySelector("strong")?.textContent).toMatch(said);
    expect(told.closest("[data-where=work]")?.getAttribute("data-state")).toBe(`ended-${state}`);
    await waitFor(() => expect(reload).toHaveBeenCalled());
    expect(idle(what.button)).toBe(true);
  },
);

test.each([
  ["a cancellation", cancels],
  ["an accepted overstay", accepts],
])("why the contract refused %s is said in its words", async (_, what) => {
  ends("failed", { code: "Berth_WrongState", sentence: "By the service.", detail: "" });
  render(what.shown());
  press(what);
  const told = await screen.findByRole("alert");
  expect(told.textContent).toContain(errors["Berth_WrongState"]);
});

test("that a cancellation has failed stays said when there is nothing left to cancel", async () => {
  ends("failed");
  const { rerender } = render(cancels.shown());
  press(cancels);
  await screen.findByText("It did not go through.");
  rerender(cancels.shown(nothing, { verbs: [], cancelCharge: null }));
  screen.getByText("It did not go through.");
  screen.getByText(/^This stay has begun: it cannot be cancelled any more/);
});

test.each([
  ["a cancellation", cancels],
  ["an accepted overstay", accepts],
])("%s that is confirmed is said to be done, and cannot be begun again", async (_, what) => {
  ends("confirmed");
  render(what.shown());
  press(what);
  await screen.findByText(what.done);
  expect(screen.queryByRole("alert")).toBeNull();
  expect(idle(what.button)).toBe(false);
});

test.each([
  ["a cancellation", cancels],
  ["an accepted overstay", accepts],
])("what went wrong on the way of %s is told, and can be tried again", async (_, what) => {
  ends("confirmed");
  const offline = new ApiError({ status: 0, code: OFFLINE, detail: "", errors: [] });
  vi.mocked(perform).mockRejectedValueOnce(offline);
  render(what.shown());
  press(what);
  await screen.findByText("No connection");
  fireEvent.click(screen.getByRole("button", { name: "Try again" }));
  await screen.findByText(what.done);
});

test("what the service refuses to tell is told as that", async () => {
  serve({ "GET /v1/intents/0xab": problem(403, "intent.other", "It is not yours.") });
  render(cancels.shown());
  press(cancels);
  await screen.findByText("It is not yours.");
});

test("it is said in Chinese too", async () => {
  speak("zh");
  ends("gone");
  render(cancels.shown());
  press({ ...cancels, button: "取消此预订", yes: "取消预订" });
  expect((await screen.findByRole("alert")).textContent).toMatch(/[\u4e00-\u9fff]/);
});
