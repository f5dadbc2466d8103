/// <reference lib="webworker" />
/**
 * The service worker: the app's own files from the cache, so that it opens without a network.
 * Answers of the API are never taken from here; screens keep what must stay readable themselves.
 */
import { cleanupOutdatedCaches, matchPrecache, precacheAndRoute } from "workbox-precaching";
import { NavigationRoute, registerRoute } from "workbox-routing";
import { APP_ADDRESSES } from "./addresses";

declare const self: ServiceWorkerGlobalScope & {
  __BERTH_FILES: { url: string; revision: string | null }[];
};

/** After so long a network that says nothing counts as none, milliseconds. */
const PATIENCE = 4000;

cleanupOutdatedCaches();
// "/" goes by the route below: the network's page is the newer one
precacheAndRoute(self.__BERTH_FILES, { directoryIndex: "" });

async function page(request: Request): Promise<Response> {
  const kept = await matchPrecache("/index.html");
  try {
    const signal = kept ? AbortSignal.timeout(PATIENCE) : null;
    // a page is wanted: else an address that is nobody's answers as it answers programs
    const headers = { Accept: request.headers.get("Accept") ?? "text/html" };
    const found = await fetch(request.url, { credentials: "same-origin", headers, signal });
    if (found.ok || !kept) return found;
    return found.status >= 500 ? kept : found;
  } catch (error) {
    if (kept) return kept;
    throw error;
  }
}

registerRoute(new NavigationRoute(({ request }) => page(request), { allowlist: [APP_ADDRESSES] }));
