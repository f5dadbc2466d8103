import { expect, test } from "vitest";
import { troubleOf, useOf } from "./state";

const LOCK = {
  online: true,
  position: "LOCKED" as const,
  occupied: false,
  fault: null,
  seenAt: "2026-11-21T10:00:00Z",
};
const SPACE = { id: "0x01", listed: true, lockState: LOCK };
const lease = (state: "booked" | "parked" | "blocked", spaceId = SPACE.id) => ({ spaceId, state });

test("who has the space is told by its open leases, and by what its lock sees", () => {
  expect(useOf(SPACE, [])).toBe("free");
  expect(useOf(SPACE, [lease("booked")])).toBe("booked");
  expect(useOf(SPACE, [lease("booked"), lease("parked")])).toBe("parked");
  expect(useOf(SPACE, [lease("parked", "0x02")])).toBe("free");
  const occupied = { ...SPACE, lockState: { ...LOCK, occupied: true } };
  expect(useOf(occupied, [])).toBe("occupied");
  expect(useOf(occupied, [lease("parked")])).toBe("parked");
  expect(useOf({ ...SPACE, listed: false }, [lease("parked")])).toBe("delisted");
});

test("a time that the owner keeps is nobody's booking", () => {
  expect(useOf(SPACE, [lease("blocked")])).toBe("free");
});

test("a lock that keeps drivers out says in which way", () => {
  const trouble = (change: object) => troubleOf({ ...SPACE, lockState: { ...LOCK, ...change } });
  expect(trouble({})).toBeNull();
  expect(trouble({ seenAt: null, online: false })).toBe("unheard");
  expect(trouble({ online: false, position: "JAMMED" })).toBe("offline");
  expect(trouble({ position: "JAMMED", fault: "motor" })).toBe("jammed");
  expect(trouble({ fault: "motor" })).toBe("fault");
});
