import { useRef, useState } from "preact/hooks";
import { ApiError } from "../api/problem";
import { Failure } from "../parts/Failure";
import { Notice } from "../parts/Notice";
import { words } from "../words";
import { headed, listed, rowed } from "../words/join";
import { alike, detailOf, type Detail } from "./detail";
import { nodeFailed, verify, type Verified } from "./node";
import { NodeForm } from "./NodeForm";
import type { Check } from "./verify/one";

const MARKS = { right: "✓", wrong: "✗", absent: "–", unread: "?" } as const;

const TONES = { right: "good", partly: "warn", wrong: "bad" } as const;

/** What was judged: an answer of the service, against the chain as it was read before. */
interface Judged {
  detail: Detail;
  checks: readonly Check[];
  verified: Verified;
}

/** The check of one settlement through the auditor's node: what was looked at, and what came of it. */
export function Checks({
  number,
  detail,
  reload,
}: {
  /** Which one the page is about, whatever the service answers. */
  number: number;
  /** What the page shows of it. */
  detail: Detail;
  /** Has the page show what the service says now. */
  reload: () => void;
}) {
  const { checks: w, fields, what } = words.value.audit;
  const [judged, setJudged] = useState<Judged | null>(null);
  /** What the page showed when the check was over. */
  const [before, setBefore] = useState<Detail | null>(null);
  const [error, setError] = useState<unknown>(null);
  const latest = useRef(detail);
  latest.current = detail;
  async function judge(): Promise<Judged | null> {
    const verified = await verify();
    if (!verified) return null; // the form says why
    // asked for anew: what the page shows may be older than the chain that was read
    const answer = await detailOf(number);
    const { verifySettlement } = await import("./verify/one");
    const checks = await verifySettlement(verified.reader, verified.report, number, answer);
    return { detail: answer, checks, verified };
  }
  async function check(): Promise<void> {
    setJudged(null);
    setError(null);
    try {
      let found = await judge();
      // a block that the chain has replaced since it was read accuses nobody
      if (found && verdictOf(found.checks) === "wrong" && !(await found.verified.stands()))
        found = await judge();
      if (!found) return;
      setJudged(found);
      setBefore(latest.current);
      if (!alike(found.detail, latest.current)) reload();
    } catch (failed) {
      if (failed instanceof ApiError) setError(failed);
      else nodeFailed(failed);
    }
  }
  // no word of what was judged stands above anything else
  const checks = judged && alike(judged.detail, detail) ? judged.checks : null;
  const verdict = checks && verdictOf(checks);
  return (
    <>
      <NodeForm onVerify={check} />
      <Failure error={error} onRetry={check} />
      {judged && !checks && detail !== before && <Notice tone="warn" title={w.changed} />}
      {checks && verdict && (
        <section class="card stack" data-where="settlement" data-state={`checks-${verdict}`}>
          <h2>{w.title}</h2>
          <Notice
            tone={TONES[verdict]}
            title={checks.some((one) => one.newer) ? w.verdict.newer : w.verdict[verdict]}
          />
          <ul class="audit-checks">
            {checks.map((one, place) => (
              <li key={place} class={one.result} data-cell={`check-${one.name}`}>
                <span class="mark" aria-hidden="true">
                  {MARKS[one.result]}
                </span>
                <span>
                  {headed(one.name === "title" ? w.title_ : w[one.name], "")}
                  <strong>{one.newer ? w.newer : w[one.result]}</strong>
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
