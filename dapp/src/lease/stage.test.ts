import { expect, test } from "vitest";
import { barOf, left, showsBar, stageOf, type Detail, type Stage } from "./stage";

const START = Date.parse("2026-11-21T10:00:00Z");
const HOUR = 3_600_000;
const EARLY = 900;

function lease(odd: Partial<Record<keyof Detail, unknown>> = {}): Detail {
  return {
    role: "driver",
    state: "booked",
    leftMinute: null,
    window: { start: "2026-11-21T10:00:00Z", end: "2026-11-21T12:00:00Z" },
    depth: { confirmations: 3, required: 3, secondsLeft: 0, confirmed: true },
    lock: { online: true, occupied: true },
    ...odd,
  } as unknown as Detail;
}

test.each([
  ["not deep enough", { depth: { confirmed: false } }, 0, "paying"],
  ["an hour before", {}, -HOUR, "early"],
  ["just before the lock obeys", {}, -EARLY * 1000 - 1, "early"],
  ["as the lock begins to obey", {}, -EARLY * 1000, "arrive"],
  ["in the middle", {}, HOUR, "arrive"],
  ["at the end, and nobody came", {}, 2 * HOUR, "missed"],
  ["parked", { state: "parked" }, HOUR, "stay"],
  ["parked at the end", { state: "parked" }, 2 * HOUR, "overstay"],
  [
    "parked, and the lock sees nobody",
    { state: "parked", lock: { online: true, occupied: false } },
    HOUR,
    "leaving",
  ],
  [
    "parked, and the lock is not heard",
    { state: "parked", lock: { online: false, occupied: false } },
    HOUR,
    "stay",
  ],
  ["left late", { state: "claimed", leftMinute: 140 }, 3 * HOUR, "claimed"],
  ["settled", { state: "settled" }, HOUR, "over"],
  ["cancelled before it was deep", { state: "cancelled", depth: { confirmed: false } }, 0, "over"],
  ["the owner's view", { role: "owner" }, HOUR, "owner"],
])("%s", (_what, odd, after, stage) => {
  expect(stageOf(lease(odd as Partial<Record<keyof Detail, unknown>>), START + after, EARLY)).toBe(
    stage,
  );
});

/** The lease as it was told at a moment after its start, of a lock that nobody has heard of. */
function told(after: number, odd: Partial<Record<keyof Detail, unknown>> = {}): Detail {
  return lease({
    now: new Date(START + after).toISOString(),
    times: { evidenceUntil: "2026-11-22T12:00:00Z" },
    lock: { online: false, position: null, occupied: null, fault: null, seenAt: null },
    ...odd,
  });
}

test.each<[Stage, number, boolean]>([
  ["early", -HOUR, false],
  // the clock of the page is ahead of what it was told last
  ["arrive", -EARLY * 1000 - 1, false],
  ["arrive", -EARLY * 1000, true],
  ["missed", 2 * HOUR, false],
  ["stay", HOUR, true],
  ["overstay", 3 * HOUR, true],
  ["overstay", 26 * HOUR - 1, true],
  ["overstay", 26 * HOUR, false],
  ["leaving", HOUR, true],
  ["claimed", 3 * HOUR, false],
  ["paying", HOUR, false],
  ["over", HOUR, false],
])("a bar that nobody has heard of, at %s after %i ms, is shown: %s", (stage, after, shown) => {
  expect(showsBar(told(after), stage, EARLY)).toBe(shown);
});

test("the owner sees the bar at any time, but not one that is not told any more", () => {
  for (const after of [-90 * 24 * HOUR, HOUR, 240 * HOUR]) {
    const seen = { online: true, position: "LOCKED", fault: null, seenAt: "2026-11-21T10:00:00Z" };
    expect(showsBar(told(after, { role: "owner", lock: seen }), "owner", EARLY)).toBe(true);
    expect(showsBar(told(after, { role: "owner" }), "owner", EARLY)).toBe(false);
  }
});

test.each([
  [{ online: true, position: "LOCKED", fault: null }, "up"],
  [{ online: true, position: "UNLOCKED", fault: null }, "down"],
  [{ online: true, position: "UNLOCKING", fault: null }, "moving"],
  [{ online: true, position: "JAMMED", fault: "x" }, "jammed"],
  [{ online: true, position: "LOCKED", fault: "battery" }, "fault"],
  [{ online: false, position: "LOCKED", fault: null }, "offline"],
  [{ online: false, position: null, fault: null }, "unknown"],
  [{ online: true, position: null, fault: null }, "unknown"],
])("a lock %o is shown as %s", (lock, bar) => {
  expect(barOf(lock as never)).toBe(bar);
});

test("the time left is rounded up and never negative", () => {
  const end = "2026-11-21T12:00:00Z";
  expect(left(end, START)).toEqual({ hours: 2, minutes: 0 });
  expect(left(end, START + 1000)).toEqual({ hours: 2, minutes: 0 });
  expect(left(end, START + HOUR + 60_000)).toEqual({ hours: 0, minutes: 59 });
  expect(left(end, START + 3 * HOUR)).toEqual({ hours: 0, minutes: 0 });
});
