import { useState } from "preact/hooks";
import { now } from "../api/clock";
import { encode } from "../chain/market";
import { Button } from "../parts/Button";
import { Confirm } from "../parts/Confirm";
import { running, useWork, WorkState } from "../parts/useWork";
import { words } from "../words";
import { cents, money } from "../words/format";
import { sentences } from "../words/join";
import type { Detail } from "./stage";

/** Ending a lease that nobody has used, with what it costs said before. */
export function Cancel({ lease, reload }: { lease: Detail; reload: () => void }) {
  const w = words.value.lease.cancel;
  const [asked, setAsked] = useState(false);
  const { work, run } = useWork();
  // other work on the page tells of itself what the wallet asks
  const told = (onRetry?: () => unknown) =>
    work.kind !== "idle" && <WorkState work={work} done={w.done} onRetry={onRetry} />;
  const verb = lease.verbs.includes("cancel")
    ? "cancel"
    : lease.verbs.includes("ownerCancel")
      ? "ownerCancel"
      : null;
  if (!verb || lease.cancelCharge === null) {
    // what was begun in time may have failed since: that is told all the same
    return (
      <>
        {told()}
        <TooLate lease={lease} />
      </>
    );
  }
  const chosen = verb;
  async function cancel(): Promise<void> {
    setAsked(false);
    await run(encode(chosen, [BigInt(lease.id)]));
    reload();
  }
  const cost = money(lease.cancelCharge, lease.currency);
  return (
    <div class="stack">
      {told(cancel)}
      <div>
        <Button
          kind="bad"
          disabled={running(work) || work.kind === "done"}
          onPress={() => setAsked(true)}
        >
          {running(work) ? w.working : w.button}
        </Button>
      </div>
      {asked && (
        <Confirm title={w.ask} yes={w.yes} no={w.no} onYes={cancel} onNo={() => setAsked(false)}>
          <p>{lease.cancelCharge === "0" ? w.free : w.costs(cost)}</p>
        </Confirm>
      )}
    </div>
  );
}

/** A stay that has begun cannot be cancelled: what not coming costs instead. */
function TooLate({ lease }: { lease: Detail }) {
  const w = words.value.lease.cancel;
  const begun = now() >= Date.parse(lease.window.start) && now() < Date.parse(lease.window.end);
  if (lease.role !== "driver" || lease.state !== "booked" || lease.disputed || !begun) return null;
  const charge = lease.noShowCharge;
  return (
    <p class="soft">
      {sentences(
        w.begun,
        charge === "0" ? w.absentFree : w.absentCosts(cents(charge, lease.currency)),
      )}
    </p>
  );
}
