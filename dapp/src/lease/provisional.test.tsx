import { cleanup, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, expect, test, vi } from "vitest";
import type { Schemas } from "../api/client";
import { serve } from "../wallet/testing/service";
import { speak } from "../words";
import { Over } from "./Over";
import type { Detail } from "./stage";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  vi.useRealTimers();
  speak("en");
});

const ID = `0x${"0a".repeat(15)}`;
const lease = { id: ID, role: "driver", stateSentence: "It is over." } as Detail;
const receipt = {
  leaseId: ID,
  number: 7,
  outcome: "departed",
  outcomeSentence: "The car left.",
  currency: { symbol: "tEUR", decimals: 6 },
  ...{ deposit: "900000", rent: "400000", overstay: "0", energy: "0", cost: "400000" },
  ...{ fee: "0", ownerShare: "400000", refund: "500000", compensation: null },
  ...{ billedMinutes: 30, overstayMinutes: 0, arrivedMinute: 0, leftMinute: 30, energyWh: 0 },
  closedAt: "2026-11-20T12:00:00Z",
} as unknown as Schemas["ReceiptOut"];

function answers(final: () => boolean): void {
  serve({
    [`GET /v1/leases/${ID}/receipt`]: () => ({ body: { ...receipt, final: final() } }),
  });
}

test("a receipt whose block may be replaced is provisional, until it is final", async () => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  let final = false;
  answers(() => final);
  render(<Over lease={lease} zone="UTC" />);
  await screen.findByText("Provisional");
  screen.getByRole("heading", { name: "Receipt" });
  final = true;
  vi.advanceTimersByTime(10_000);
  await waitFor(() => expect(screen.queryByText("Provisional")).toBeNull());
  screen.getByRole("heading", { name: "Receipt" });
});

test("a final receipt is not called provisional", async () => {
  answers(() => true);
  render(<Over lease={lease} zone="UTC" />);
  await screen.findByRole("heading", { name: "Receipt" });
  expect(screen.queryByText("Provisional")).toBeNull();
});

test("it is said in Chinese too", async () => {
  speak("zh");
  answers(() => false);
  render(<Over lease={lease} zone="UTC" />);
  await screen.findByText("暂定");
});
