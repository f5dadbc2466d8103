import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { ask, client, type Schemas } from "../api/client";
import { Asking } from "../parts/Asking";
import { Button } from "../parts/Button";
import { Failure } from "../parts/Failure";
import { Notice } from "../parts/Notice";
import { signTyped } from "../wallet";
import { words } from "../words";
import { Simulated } from "./Simulated";
import { barOf, type Detail } from "./stage";

type Verdict = Schemas["DecisionOut"];

/** "I'm here": tells the service, signs, and shows what still stands against lowering the bar. */
export function Arrive({ lease, reload }: { lease: Detail; reload: () => void }) {
  const w = words.value.lease.arrive;
  const [said, setSaid] = useState<{ decision: Verdict; before: Detail } | null>(null);
  const [moved, setMoved] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const latest = useRef(lease);
  latest.current = lease;
  const bar = barOf(lease.lock);

  async function here(): Promise<void> {
    setError(null);
    try {
      const decision = await unlock(lease.id);
      setSaid({ decision, before: latest.current });
    } catch (failed) {
      setError(failed);
    } finally {
      reload();
    }
  }

  const { local } = words.value.lease;
  // a bar that is down for the driver before, or for nobody, is no invitation
  if (bar === "down" && lease.lowered) {
    return (
      <Notice tone="good" title={w.down}>
        <p>{w.downText}</p>
        <Simulated
          lease={lease}
          event="arrives"
          seen={local.drivesIn}
          moved={moved}
          onMoved={setMoved}
          reload={reload}
        />
      </Notice>
    );
  }
  // the answer to the press is newer than a lease that was asked for before it
  const decision = said && (said.before === lease ? said.decision : lease.unlock);
  // what the press has come to, until it is there; of somebody else's way in there is more to say
  const mine = decision?.reasons.every((one) => one.code === "lock.moving");
  if (mine && bar === "moving" && lease.lock.position === "UNLOCKING") {
    return <Notice tone="good" title={w.allowed} />;
  }
  const waits = decision && !decision.allowed;
  const car = (
    <Simulated
      lease={lease}
      event="arrives"
      seen={said ? local.arrivedSaid : local.arrived}
      known={said !== null}
      moved={moved}
      onMoved={setMoved}
      reload={reload}
    />
  );
  return (
    <section class="card stack">
      <h2>{w.title}</h2>
      {!said && <p class="soft">{w.text}</p>}
      <Failure error={error} onRetry={here} />
      <Asking />
      <Button kind="main wide" onPress={here} busy={w.busy}>
        {said ? w.again : w.here}
      </Button>
      <div aria-live="polite">
        {decision && (
          <Decision decision={decision} down={lease.lowered && lease.lock.position === "UNLOCKED"}>
            {waits && car}
          </Decision>
        )}
      </div>
      {!waits && car}
    </section>
  );
}

/** Both in one press: the word that one is here, and the signature that the bar may go down. */
async function unlock(leaseId: string): Promise<Verdict> {
  const params = { path: { leaseId } };
  const told = await ask(
    client.POST("/v1/leases/{leaseId}/presence", { params, body: { event: "here" } }),
  );
  // the confirmation names the moment: asked for just before it is signed
  const { confirmation } = await ask(client.GET("/v1/leases/{leaseId}", { params }));
  if (!confirmation) return told.decision;
  const { cycle, at, typedData } = confirmation;
  const signature = await signTyped(typedData, {
    primaryType: "UnlockConfirmation",
    message: { leaseId, cycle, at },
  });
  const body = { cycle, at, signature };
  return (await ask(client.POST("/v1/leases/{leaseId}/unlock", { params, body }))).decision;
}

/** Why the bar stays up and what to do; between them what the reader can do here. */
function Decision({
  decision,
  down,
  children,
}: {
  decision: Verdict;
  /** The lock's last word was that it is down for this lease. */
  down: boolean;
  children: ComponentChildren;
}) {
  const w = words.value.lease.arrive;
  if (decision.allowed) return <Notice tone="good" title={w.allowed} />;
  return (
    <Notice tone="warn" title={down ? w.perhapsDown : w.notYet}>
      <ul>
        {decision.reasons.map((one) => (
          <li key={one.code} data-where="unlock" data-state={one.code}>
            {one.sentence}
          </li>
        ))}
      </ul>
      {children}
      {decision.needs.length > 0 && (
        <>
          <strong>{w.needs}</strong>
          <ul>
            {decision.needs.map((one) => (
              <li key={one.code}>{one.sentence}</li>
            ))}
          </ul>
        </>
      )}
    </Notice>
  );
}
