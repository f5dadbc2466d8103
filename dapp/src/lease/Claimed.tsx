import { useState } from "preact/hooks";
import { encode } from "../chain/market";
import { Asking } from "../parts/Asking";
import { Button } from "../parts/Button";
import { Confirm } from "../parts/Confirm";
import { Failure } from "../parts/Failure";
import { Notice } from "../parts/Notice";
import { follow, perform } from "../wallet";
import { words } from "../words";
import { cents, dateTime } from "../words/format";
import type { Detail } from "./stage";

/** The car left late: what the lock claims for it, and the driver's word to it. */
export function Claimed({
  lease,
  zone,
  reload,
}: {
  lease: Detail;
  zone: string | undefined;
  reload: () => void;
}) {
  const w = words.value.lease.claimed;
  const [asked, setAsked] = useState(false);
  const [working, setWorking] = useState(false);
  const [error, setError] = useState<unknown>(null);

  async function accept(): Promise<void> {
    setAsked(false);
    setWorking(true);
    setError(null);
    try {
      await follow(await perform(encode("close", [BigInt(lease.id)])), () => undefined);
    } catch (failed) {
      setError(failed);
    } finally {
      setWorking(false);
      reload();
    }
  }

  const amount = cents(lease.overstayClaimed ?? "0", lease.currency);
  const may = lease.role === "driver" && lease.verbs.includes("close");
  return (
    <div class="stack">
      <Notice tone="warn" title={w.title}>
        <p>{w.text(amount)}</p>
        {may && <p>{w.wait(dateTime(lease.times.claimUntil, zone))}</p>}
      </Notice>
      <Failure error={error} onRetry={accept} />
      {working && <Asking />}
      {may && (
        <Button kind="main wide" disabled={working} onPress={() => setAsked(true)}>
          {working ? w.working : w.accept}
        </Button>
      )}
      {asked && (
        <Confirm
          title={w.ask(amount)}
          yes={w.accept}
          no={w.no}
          onYes={accept}
          onNo={() => setAsked(false)}
        >
          <p>{w.askText}</p>
        </Confirm>
      )}
    </div>
  );
}
