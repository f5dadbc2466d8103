/** What a driver sees of a lease now. Pure: what the service told, and the time. */
import type { Schemas } from "../api/client";

export type Detail = Schemas["LeaseDetailOut"];
export type Stage =
  /** Booked, not deep enough in the chain yet. */
  | "paying"
  /** Confirmed; the lock does not obey yet. */
  | "early"
  | "arrive"
  /** Booked, but its time went by without a car. */
  | "missed"
  | "stay"
  | "overstay"
  /** The lock sees no car any more; it waits a moment until it takes that as leaving. */
  | "leaving"
  /** The car has left late: what the lock claims waits for the driver's word, or for time. */
  | "claimed"
  | "over"
  /** For the space's owner. */
  | "owner";

export function stageOf(lease: Detail, now: number, earlySeconds: number): Stage {
  if (lease.state !== "booked" && lease.state !== "parked" && lease.state !== "claimed") {
    return "over";
  }
  if (!lease.depth.confirmed) return "paying";
  if (lease.role === "owner") return "owner";
  const start = Date.parse(lease.window.start);
  const end = Date.parse(lease.window.end);
  if (lease.state === "claimed") return "claimed";
  if (lease.state === "parked") {
    if (lease.lock.online && lease.lock.occupied === false) return "leaving";
    return now < end ? "stay" : "overstay";
  }
  if (now < start - earlySeconds * 1000) return "early";
  return now < end ? "arrive" : "missed";
}

/** While the driver has something to do before the bar. */
const AT_THE_BAR: readonly Stage[] = ["arrive", "stay", "overstay", "leaving"];

/**
 * Is the bar shown? What a lock senses is told to drivers while they have something to do there:
 * what was not told is no lock that nobody has heard of.
 */
export function showsBar(lease: Detail, stage: Stage, earlySeconds: number): boolean {
  // to the space's owner it is told always, to who has sold the space meanwhile as to a driver
  if (stage === "owner") return lease.lock.seenAt !== null;
  // as it was when the lease was asked for
  const asked = Date.parse(lease.now);
  return (
    AT_THE_BAR.includes(stage) &&
    asked >= Date.parse(lease.window.start) - earlySeconds * 1000 &&
    asked < Date.parse(lease.times.evidenceUntil)
  );
}

/** Where the bar is, as a driver would say it. */
export type Bar = "unknown" | "offline" | "jammed" | "fault" | "moving" | "down" | "up";

export function barOf(lock: Schemas["LockOut"]): Bar {
  if (!lock.online) return lock.position === null ? "unknown" : "offline";
  if (lock.position === "JAMMED") return "jammed";
  if (lock.fault) return "fault";
  if (lock.position === "LOCKING" || lock.position === "UNLOCKING") return "moving";
  if (lock.position === "UNLOCKED") return "down";
  return lock.position === "LOCKED" ? "up" : "unknown";
}

/** "1:05" hours and minutes until `end`; never negative. */
export function left(end: string, now: number): { hours: number; minutes: number } {
  const minutes = Math.max(0, Math.ceil((Date.parse(end) - now) / 60_000));
  return { hours: Math.floor(minutes / 60), minutes: minutes % 60 };
}
