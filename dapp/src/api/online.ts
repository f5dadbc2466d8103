/** Does the device have a network? What the browser says; a service that is away is told apart. */
import { signal } from "@preact/signals";

export const online = signal(globalThis.navigator?.onLine ?? true);

if (globalThis.window) {
  window.addEventListener("online", () => (online.value = true));
  window.addEventListener("offline", () => (online.value = false));
}
