import { useState } from "preact/hooks";
import { Button } from "../parts/Button";
import { Failure } from "../parts/Failure";
import { Notice } from "../parts/Notice";
import { fundsOffered, getFunds, penniless } from "../wallet/funds";
import { words } from "../words";

/** Test money, where the installation gives it away. */
export function Funds({ onDone }: { onDone: () => void }) {
  const w = words.value.wallet.account;
  const [done, setDone] = useState<boolean>(false);
  const [error, setError] = useState<unknown>(null);
  if (!fundsOffered()) return null;
  async function take(): Promise<void> {
    setDone(false);
    setError(null);
    try {
      await getFunds();
      setDone(true);
      onDone();
    } catch (failed) {
      setError(failed);
    }
  }
  return (
    <div class="stack funds">
      {penniless.value && !done && <Notice tone="warn" title={w.fundsFailed} />}
      <Failure error={error} onRetry={take} />
      {done && <Notice tone="good" title={w.fundsDone} />}
      <div class="row">
        <Button onPress={take} busy={w.fundsComing}>
          {w.funds}
        </Button>
        <span class="soft grow">{w.fundsText}</span>
      </div>
    </div>
  );
}
