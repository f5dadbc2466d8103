import type { Schemas } from "../api/client";
import { words } from "../words";
import { barOf, type Bar } from "./stage";

const TONES: Record<Bar, string> = {
  unknown: "warn",
  offline: "warn",
  jammed: "bad",
  fault: "bad",
  moving: "",
  down: "good",
  up: "",
};
const SIGNS: Record<Bar, string> = {
  unknown: "?",
  offline: "!",
  jammed: "✗",
  fault: "✗",
  moving: "↕",
  down: "↓",
  up: "↑",
};

/** Where the bar is and whether something stands there, live. */
export function Lock({ lock }: { lock: Schemas["LockOut"] }) {
  const w = words.value.lease.lock;
  const bar = barOf(lock);
  return (
    <p class="row" role="status" data-where="lock" data-state={`bar-${bar}`}>
      <strong>{w.title}</strong>
      <span class={`chip ${TONES[bar]}`}>
        <span aria-hidden="true">{SIGNS[bar]}</span> {w.bar[bar]}
      </span>
      {lock.occupied !== null && <span class="chip">{lock.occupied ? w.occupied : w.empty}</span>}
    </p>
  );
}
