/** Takes away all that this app keeps in the browser. */
import { signOut } from "../wallet/session";

export async function eraseDevice(): Promise<void> {
  await signOut();
  eraseStorage(localStorage);
  eraseStorage(sessionStorage);
  await Promise.allSettled([eraseCaches(), eraseDatabases(), eraseWorkers()]);
  // from the start: nothing of what was kept is in memory any more
  location.assign("/");
}

/** Ours only: another app may be served from the same origin. */
export function eraseStorage(storage: Storage): void {
  const names = Array.from({ length: storage.length }, (_, i) => storage.key(i));
  for (const name of names) if (name?.startsWith("berth.")) storage.removeItem(name);
}

async function eraseCaches(): Promise<void> {
  const names = await caches.keys();
  await Promise.all(names.map((name) => caches.delete(name)));
}

async function eraseDatabases(): Promise<void> {
  const all = await indexedDB.databases();
  for (const { name } of all) if (name?.startsWith("berth")) indexedDB.deleteDatabase(name);
}

async function eraseWorkers(): Promise<void> {
  const found = await navigator.serviceWorker.getRegistrations();
  await Promise.all(found.map((one) => one.unregister()));
}
