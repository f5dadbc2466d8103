/** The wallets of this browser: announced by EIP-6963, or an older one that only is there. */
import { signal } from "@preact/signals";
import type { Choice, Provider } from "./types";

/** What was announced until now. Grows: wallets announce when they are ready. */
export const announced = signal<readonly Choice[]>([]);

interface Detail {
  info: { uuid: string; name: string; icon: string; rdns: string };
  provider: Provider;
}

/** Wallets have this long to announce themselves before an older one is taken, milliseconds. */
const PATIENCE = 250;

/** Listens and asks; stops listening when the function that it gives is called. */
export function discover(target: Window = window): () => void {
  function heard(event: Event): void {
    const choice = readDetail((event as CustomEvent<unknown>).detail);
    if (!choice) return;
    const others = announced.value.filter((one) => one.id !== choice.id && one.id !== LEGACY);
    announced.value = [...others, choice];
  }
  target.addEventListener("eip6963:announceProvider", heard);
  target.dispatchEvent(new Event("eip6963:requestProvider"));
  const timer = setTimeout(() => takeLegacy(target), PATIENCE);
  return () => {
    clearTimeout(timer);
    target.removeEventListener("eip6963:announceProvider", heard);
  };
}

const LEGACY = "legacy";

/** A wallet that sets `window.ethereum` and announces nothing: phones' wallet browsers. */
function takeLegacy(target: Window): void {
  if (announced.value.length) return;
  const provider = (target as { ethereum?: unknown }).ethereum;
  if (!isProvider(provider)) return;
  const name = (provider as { isMetaMask?: boolean }).isMetaMask ? "MetaMask" : "";
  announced.value = [{ id: LEGACY, name, icon: null, kind: "extension", provider }];
}

function readDetail(detail: unknown): Choice | null {
  if (typeof detail !== "object" || detail === null) return null;
  const { info, provider } = detail as Partial<Detail>;
  if (!info || !isProvider(provider)) return null;
  const { name, rdns, uuid, icon } = info;
  const id = String(rdns || uuid || "").slice(0, 100);
  if (!id || id === LEGACY || id === "guest") return null;
  return {
    id,
    name: String(name ?? "").slice(0, 40),
    icon: typeof icon === "string" && /^data:image\//.test(icon) ? icon : null,
    kind: "extension",
    provider,
  };
}

function isProvider(found: unknown): found is Provider {
  return (
    typeof found === "object" &&
    found !== null &&
    typeof (found as { request?: unknown }).request === "function"
  );
}

/** The wallet with this id, once it is announced; null when it is not in time. */
export function awaitChoice(id: string, milliseconds = 1500): Promise<Choice | null> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => done(null), milliseconds);
    const stop = announced.subscribe((list) => {
      const found = list.find((one) => one.id === id);
      // the first call comes before `stop` is there
      if (found) queueMicrotask(() => done(found));
    });
    function done(found: Choice | null): void {
      clearTimeout(timer);
      stop();
      resolve(found);
    }
  });
}
