import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { config } from "../config";
import { Credit } from "../parts/Credit";
import { Failure } from "../parts/Failure";
import { Notice } from "../parts/Notice";
import { Sheet } from "../parts/Sheet";
import { words } from "../words";
import { LocalCar } from "./LocalCar";
import { VerifiersFile } from "./VerifiersFile";
import type { Papers } from "./garage";

/** A car for the account: by the local test verifier, or by the file of a real one. */
export function AddCar({
  account,
  unverified,
  reserves = null,
  told,
  onDone,
  onClose,
}: {
  account: string;
  unverified: boolean;
  /** The car is added for a stay that is reserved with it at once: the most that it costs. */
  reserves?: string | null;
  /** What there is to be told of it before the press. */
  told?: ComponentChildren;
  onDone: (papers: Papers) => unknown;
  onClose: () => void;
}) {
  const [error, setError] = useState<unknown>(null);
  const w = words.value.driver;
  const use = reserves ? w.addCar.useAndReserve(reserves) : w.addCar.use;
  const local = config.value?.local?.vehicles === true;
  async function done(papers: Promise<Papers>): Promise<void> {
    setError(null);
    try {
      await onDone(await papers);
    } catch (failed) {
      setError(failed);
    }
  }
  return (
    <Sheet title={w.addCar.title} onClose={onClose}>
      <div class="stack">
        {unverified && <Notice tone="warn" title={w.reserve.unverified} />}
        <p>{w.addCar.why}</p>
        <Failure error={error} />
        {reserves && <Credit />}
        {reserves && told}
        {local ? (
          <LocalCar use={use} onDone={done} />
        ) : (
          <VerifiersFile account={account} use={use} onDone={done} />
        )}
      </div>
    </Sheet>
  );
}
