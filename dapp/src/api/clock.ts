/** The service's time: a local chain's clock may run ahead of this device's. */
import { signal } from "@preact/signals";

/** How far the service's clock is ahead of this device's, milliseconds. */
const ahead = signal(0);

/** Below that it is this device's clock and the way here, not the service's. */
const NOTABLE = 30_000;

/** Takes the time from an answer that was asked for at `asked` (this device's time). */
export function setClock(said: { now: string }, asked: number): void {
  const difference = Date.parse(said.now) - (asked + Date.now()) / 2;
  ahead.value = Math.abs(difference) > NOTABLE ? Math.round(difference) : 0;
}

/** Now, as leases and locks count it, milliseconds. */
export function now(): number {
  return Date.now() + ahead.value;
}
