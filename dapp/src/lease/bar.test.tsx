import { cleanup, render } from "@testing-library/preact";
import { afterEach, expect, test } from "vitest";
import { Active } from "./Active";
import type { Detail, Stage } from "./stage";

afterEach(cleanup);

const unheard = { online: false, position: null, occupied: null, fault: null, seenAt: null };

function bar(stage: Stage, odd: Partial<Record<keyof Detail, unknown>>): string | null {
  const lease = {
    role: "driver",
    state: "parked",
    now: "2026-11-21T11:00:00Z",
    window: { start: "2026-11-21T10:00:00Z", end: "2026-11-21T12:00:00Z" },
    times: { evidenceUntil: "2026-11-22T12:00:00Z" },
    stateSentence: "Booked.",
    noShowCharge: "0",
    verbs: [],
    lock: unheard,
    ...odd,
  } as unknown as Detail;
  const shown = render(
    <Active lease={lease} stage={stage} zone="UTC" reload={() => undefined} />,
  ).container.querySelector("[data-where=lock]");
  cleanup();
  return shown?.getAttribute("data-state") ?? null;
}

test("a lock that nobody has heard of is said while the driver is to stand before it", () => {
  expect(bar("leaving", {})).toBe("bar-unknown");
});

test("what the driver is not told, or no longer, is not called unheard of", () => {
  expect(bar("missed", { state: "booked" })).toBeNull();
  expect(bar("owner", { role: "owner" })).toBeNull();
});

test("the owner sees the bar", () => {
  const lock = { ...unheard, online: true, position: "LOCKED", seenAt: "2026-11-21T10:00:00Z" };
  expect(bar("owner", { role: "owner", lock })).toBe("bar-up");
});
