import { useState } from "preact/hooks";
import type { Schemas } from "../api/client";
import { Failure } from "../parts/Failure";
import { Notice } from "../parts/Notice";
import { words } from "../words";
import { headed, listed, rowed } from "../words/join";
import { verify } from "./node";
import { NodeForm } from "./NodeForm";
import type { Check } from "./verify/one";

const MARKS = { right: "✓", wrong: "✗", absent: "–", unread: "?" } as const;

const TONES = { right: "good", partly: "warn", wrong: "bad" } as const;

/** The check of one settlement through the auditor's node: what was looked at, and what came of it. */
export function Checks({ detail }: { detail: Schemas["SettlementDetailOut"] }) {
  const { checks: w, fields, what } = words.value.audit;
  const [checks, setChecks] = useState<Check[] | null>(null);
  const [error, setError] = useState<unknown>(null);
  async function check(): Promise<void> {
    setChecks(null);
    setError(null);
    const verified = await verify();
    if (!verified) return; // the form says why
    try {
      const { verifySettlement } = await import("./verify/one");
      const found = await verifySettlement(verified.reader, verified.report, detail);
      // a block that the chain has replaced since it was read accuses nobody
      const anew = verdictOf(found) === "wrong" && !(await verified.stands()) && (await verify());
      setChecks(anew ? await verifySettlement(anew.reader, anew.report, detail) : found);
    } catch (failed) {
      setError(failed);
    }
  }
  const verdict = checks && verdictOf(checks);
  return (
    <>
      <NodeForm onVerify={check} />
      <Failure error={error} onRetry={check} />
      {checks && verdict && (
        <section class="card stack" data-where="settlement" data-state={`checks-${verdict}`}>
          <h2>{w.title}</h2>
          <Notice tone={TONES[verdict]} title={w.verdict[verdict]} />
          <ul class="audit-checks">
            {checks.map((one, place) => (
              <li key={place} class={one.result} data-cell={`check-${one.name}`}>
                <span class="mark" aria-hidden="true">
                  {MARKS[one.result]}
                </span>
                <span>
                  {headed(one.name === "title" ? w.title_ : w[one.name], "")}
                  <strong>{w[one.result]}</strong>
                  <br />
                  <code class="soft">{one.detail}</code>
                  {one.fields && one.fields.length > 0 && (
                    <p>{w.not(listed(one.fields.map((field) => fields[field])))}</p>
                  )}
                  {one.faults && one.faults.length > 0 && (
                    <p>{w.fault(rowed(one.faults.map((fault) => what[fault])))}</p>
                  )}
                </span>
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

function verdictOf(checks: readonly Check[]): keyof typeof TONES {
  if (checks.some((one) => one.result === "wrong")) return "wrong";
  return checks.some((one) => one.result === "unread") ? "partly" : "right";
}
