import { useState } from "preact/hooks";
import { encode } from "../chain/market";
import { Button } from "../parts/Button";
import { Confirm } from "../parts/Confirm";
import { Notice } from "../parts/Notice";
import { running, useWork, WorkState } from "../parts/useWork";
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
  const { work, run } = useWork();

  async function accept(): Promise<void> {
    setAsked(false);
    await run(encode("close", [BigInt(lease.id)]));
    reload();
  }

  const amount = cents(lease.overstayClaimed ?? "0", lease.currency);
  const may = lease.role === "driver" && lease.verbs.includes("close");
  return (
    <div class="stack">
      <Notice tone="warn" title={w.title}>
        <p>{w.text(amount)}</p>
        {may && <p>{w.wait(dateTime(lease.times.claimUntil, zone))}</p>}
      </Notice>
      {work.kind !== "idle" && (
        <WorkState work={work} done={w.done} onRetry={may ? accept : undefined} />
      )}
      {may && (
        <Button
          kind="main wide"
          disabled={running(work) || work.kind === "done"}
          onPress={() => setAsked(true)}
        >
          {running(work) ? w.working : w.accept}
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
