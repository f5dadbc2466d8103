/** What the installation says of itself; asked at the start, kept for a start without a network. */
import { signal } from "@preact/signals";
import { ask, client, type Schemas } from "./api/client";
import { setClock } from "./api/clock";
import { soonOr } from "./api/limit";

export type Config = Schemas["ConfigOut"];
export const config = signal<Config | null>(null);

const KEY = "berth.config";

/**
 * Asks until it answers. Resolves with the configuration: without a network, or where it says
 * nothing, with the one that was kept, while it goes on asking; tells `away` of each failure.
 */
export async function loadConfig(away: (error: unknown) => void): Promise<Config> {
  const last = kept();
  const first = refresh().catch((error: unknown) => {
    away(error);
    return null;
  });
  const found = await (last ? soonOr(first, null) : first);
  if (found) return found;
  // a network that has said nothing may answer yet
  const again = first.then((late) => late ?? insist(away));
  if (last) config.value ??= last;
  return last ?? again;
}

/** Asks now; throws where nothing answers. */
export async function refresh(): Promise<Config> {
  const asked = Date.now();
  const found = await ask(client.GET("/v1/config"));
  setClock(found, asked);
  config.value = found;
  try {
    localStorage.setItem(KEY, JSON.stringify(found));
  } catch {
    // a full or forbidden storage only costs the start without a network
  }
  return found;
}

async function insist(away: (error: unknown) => void): Promise<Config> {
  for (let pause = 500; ; pause = Math.min(pause * 2, 8000)) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    try {
      return await refresh();
    } catch (error) {
      away(error);
    }
  }
}

function kept(): Config | null {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? "null") as Config | null;
    return found?.chain && found.contracts && found.currency ? found : null;
  } catch {
    return null;
  }
}
