import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { LocationProvider, Route, Router } from "preact-iso";
import { afterEach, expect, test, vi } from "vitest";
import { serve } from "../wallet/testing/service";
import { Settlement } from "./Settlement";

// what is checked, and how it came about, have tests of their own
vi.mock("./Checks", () => ({
  Checks: ({ number, reload }: { number: number; reload: () => void }) => (
    <button onClick={reload}>check {number}</button>
  ),
}));
vi.mock("./Story", () => ({ Story: () => null }));

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

function opens(final: boolean, numbers: number[] = [7]): void {
  history.replaceState(null, "", "/audit/7");
  const settlement = {
    outcome: "departed",
    currency: { symbol: "tEUR", decimals: 6 },
    ...{ deposit: "9", rent: "4", overstay: "0", energy: "0", ownerShare: "4", fee: "0" },
    ...{ refund: "5", owner: "0x2", spaceId: "0x3" },
    charge: { rule: "By the minute." },
    closedAt: "2026-11-20T12:00:00Z",
    final,
  };
  const answers = numbers.map((number) => ({ ...settlement, number, driver: `0xd${number}` }));
  let turn = 0;
  serve({
    "GET /v1/audit/settlements/7": () => ({ body: answers[Math.min(turn++, answers.length - 1)] }),
  });
  render(
    <LocationProvider>
      <Router>
        <Route path="/audit/:number" component={Settlement} />
        <Route default component={() => null} />
      </Router>
    </LocationProvider>,
  );
}

test("a settlement of a block that may be replaced does not look final", async () => {
  opens(false);
  await screen.findByText("By the minute.");
  screen.getByText("Very new: not final yet");
});

test("a final settlement says nothing of it", async () => {
  opens(true);
  await screen.findByText("By the minute.");
  expect(screen.queryByText("Very new: not final yet")).toBeNull();
});

test("the check is of the address's number, and has the page show what is answered now", async () => {
  opens(true, [8, 7]);
  await screen.findByText("0xd8");
  fireEvent.click(screen.getByText("check 7"));
  await screen.findByText("0xd7");
});
