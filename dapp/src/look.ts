/** Light, dark, or as the device has it. */
import { effect, signal } from "@preact/signals";

export type Look = "auto" | "light" | "dark";
const KEY = "berth.look";

function kept(): Look {
  const found = globalThis.localStorage?.getItem(KEY);
  return found === "light" || found === "dark" ? found : "auto";
}

export const look = signal<Look>(kept());

export function dress(chosen: Look): void {
  look.value = chosen;
  localStorage.setItem(KEY, chosen);
}

effect(() => {
  if (!globalThis.document) return;
  if (look.value === "auto") delete document.documentElement.dataset.look;
  else document.documentElement.dataset.look = look.value;
});
